"""Where keys stand in a TOML file, compared with what tomllib reads from it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.config.lines import KeyPath, find_lines

TRICKY = """\
# comment with [table] and key = 1
[server]
listen = [ # a comment, with "quotes"
  "a", # "b"
  'c' ,
]
a.b . "c\\u0041\\"" = {x=1, y = [1,2], z={q=""}}
s = \"\"\"
[zone]
x = 1 \\\"\"\" ""\"\"\"
t = '''
k = 1'''
d = 1979-05-27T07:32:00Z # date
[[zone]]
name = "x"
[zone.sub]
'k#' = 1
[[zone]]
name = "y" # last
p = [{a = 1},
 {a = 2}]
[[zone.sub]]
[[zone.sub]]
last = 5
"""


def paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """The path of every key and array item in parsed TOML."""
    found = {path} - {()}
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    return found.union(*(paths(inner, (*path, key)) for key, inner in items))


def test_tricky_file() -> None:
    lines = find_lines(TRICKY)
    assert set(lines) == paths(tomllib.loads(TRICKY))
    assert lines["server", "listen", 1] == 5
    assert lines["server", "a", "b", 'cA"', "z", "q"] == 7
    assert lines["server", "t"] == 11
    assert lines["zone", 0, "sub", "k#"] == 17
    assert lines["zone", 1, "name"] == 19
    assert lines["zone", 1, "p", 1, "a"] == 21
    assert lines["zone", 1, "sub", 1] == 23
    assert lines["zone", 1, "sub", 1, "last"] == 24


def test_windows_line_ends() -> None:
    assert find_lines("a = 1\r\n[b]\r\nc = '''\r\n'''\r\nd = 2\r\n")["b", "d"] == 5


@pytest.mark.parametrize("name", ["tests/config/data/vocabulary.toml", "config.toml"])
def test_every_key_of_a_real_file_has_its_line(name: str) -> None:
    text = (Path(__file__).parents[2] / name).read_text()
    lines = find_lines(text)
    rows = text.splitlines()
    assert set(lines) == paths(tomllib.loads(text))
    for path, line in lines.items():
        keys = [part for part in path if isinstance(part, str)]
        if isinstance(path[-1], str):
            assert keys[-1] in rows[line - 1]


keys = st.text("ab-_1", min_size=1, max_size=3) | st.text("a.\"\\'é\n#=[]", max_size=3)
scalars = st.integers() | st.booleans() | st.text("ab\"\\'\n#,[]{}=é", max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def write(value: Any) -> str:
    """A value in TOML, arrays with line breaks and comments in them."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if "'" not in value and value:
            return f"'''\n{value}'''" if "\n" in value else f"'{value}'"
        case str():
            return quote(value)
        case list():
            return "[ # ]\n" + "".join(f"{write(v)},\n" for v in value) + "]"
        case dict():
            return "{" + ", ".join(f"{quote(k)} = {write(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


@given(st.dictionaries(keys, values, max_size=4), st.lists(st.dictionaries(keys, scalars)))
@example({"": {"": []}}, [{}])
def test_scanner_finds_exactly_the_keys_that_tomllib_reads(
    top: dict[str, Any], tables: list[dict[str, Any]]
) -> None:
    top.pop("t", None)
    text = "".join(f"{quote(key)} = {write(value)}\n" for key, value in top.items())
    for table in tables:
        text += "[[t]]\n" + "".join(f"{quote(k)} = {write(v)} # x\n" for k, v in table.items())
    assert set(find_lines(text)) == paths(tomllib.loads(text))


@given(st.text("ab.=[]{}\"'#,\n\\ 1", max_size=60))
def test_scanner_ends_on_any_text(text: str) -> None:
    find_lines(text)
