"""The reference page and the JSON Schema of the configuration, made from its classes.

`python -m resolver.config.reference` writes docs/config.md and docs/config.schema.json. Knows: how
to show the schema. Does not know: any key by name.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from resolver.config.entries import Section
from resolver.config.reasons import section_of
from resolver.config.schema import Config
from resolver.config.unbuilt import NOT_BUILT

PAGE = Path("docs/config.md")
SCHEMA = Path("docs/config.schema.json")

# How values of each kind are written.
UNITS = {
    "duration": '`30` or `"30"` (seconds), `"250ms"`, `"30s"`, `"1h30m"`, `"1d"`, `"2w"`',
    "size": '`1048576` (octets), `"64KiB"`, `"64MiB"`, `"10MB"`',
    "address": '`"192.0.2.1"` (port 53), `"192.0.2.1:1053"`, `"2001:db8::1"`, '
    '`"[2001:db8::1]:1053"`',
    "prefix": '`"192.0.2.0/24"`, `"2001:db8::/32"`, `"192.0.2.1"` (itself alone)',
    "name": '`"example.test"`, with or without the final dot',
    "path": "relative to the folder of the configuration file",
}

_OPENING = """\
# Configuration

Made from the classes in `resolver/config/` by `python -m resolver.config.reference`; do not edit.

One TOML file, found in this order: `--config FILE`, `./config.toml`, `/etc/rootward/config.toml`,
else the defaults below. `rootward check` reads it, and the zones it names, and reports every fault
with its line. A key that is not on this page is an error.

Editors complete and check the file when it begins with `#:schema` and the place of
`config.schema.json`.

{units}

Keys marked *not built yet* are read and checked, and do nothing; a server that starts with one of
them set says so.
"""


class ShownKey(NamedTuple):
    """One key in the words of an operator; `default` is empty where there is none."""

    key: str
    kind: str
    default: str
    meaning: str


def render_page() -> str:
    """docs/config.md."""
    units = ["| Unit | Written |", "|---|---|", *(f"| {k} | {v} |" for k, v in UNITS.items())]
    parts = [_OPENING.replace("{units}", "\n".join(units))]
    for name, field in Config.model_fields.items():
        section = section_of(field.annotation)
        assert section is not None
        head = f"## [[{name}]]" if field.default == () else f"## [{name}]"
        about = f"{_one_line(section.__doc__ or '')}{_mark(name)}"
        parts.append(f"{head}\n\n{about}\n\n{_table(name, section)}")
    return "\n".join(parts)


def render_schema() -> str:
    """docs/config.schema.json, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_plain(_described()),
        "title": "Rootward configuration",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@cache
def _described() -> dict[str, Any]:
    """pydantic's JSON Schema, with defaults as they are written in a file."""
    schema = Config.model_json_schema()
    sections: list[type[Section]] = [Config, *_sections(Config)]
    for section in sections:
        known = schema if section is Config else schema["$defs"][section.__name__]
        for key, field in section.model_fields.items():
            about = known["properties"][key]
            about.pop("default", None)
            if section is Config or field.is_required():
                continue
            unit: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
            default = unit.dump_python(field.default, mode="json")
            if default is not None:
                about["default"] = default
    return schema


def _sections(outer: type[Section]) -> Iterator[type[Section]]:
    """The classes of all sections inside a section, each once."""
    inner = [section_of(field.annotation) for field in outer.model_fields.values()]
    for section in dict.fromkeys(inner):
        if section:
            yield section
            yield from _sections(section)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def show_keys(name: str, section: type[Section]) -> Iterator[ShownKey]:
    """The keys of the section of this name, as an operator writes and reads them."""
    definitions = _described()["$defs"]
    shown = definitions[section.__name__]
    for key, field in section.model_fields.items():
        about = shown["properties"][key]
        default = "required" if field.is_required() else _show_default(about.get("default"))
        meaning = f"{field.description}{_mark(f'{name}.{key}')}"
        yield ShownKey(key, _kind(about, definitions), default, meaning)


def _table(name: str, section: type[Section]) -> str:
    rows = ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    for key in show_keys(name, section):
        cells = (f"`{key.key}`", _cell(key.kind), key.default, _cell(key.meaning))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _mark(path: str) -> str:
    entry = NOT_BUILT.get(path)
    return f" *Not built yet: {entry.instead}.*" if entry else ""


def _show_default(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _kind(about: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The type of a key in words, from its JSON Schema."""
    if "x-kind" in about:
        return str(about["x-kind"])
    if "enum" in about or "const" in about:
        values = about.get("enum") or [about["const"]]
        return ", ".join(f"`{json.dumps(value)}`" for value in values)
    if "anyOf" in about:
        kinds = [_kind(each, definitions) for each in about["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if about.get("type") == "array":
        return f"list of {_kind(about['items'], definitions)}"
    if "$ref" in about:
        keys = definitions[about["$ref"].rpartition("/")[2]]["properties"]
        return "table of " + ", ".join(f"`{key}`" for key in keys)
    low, high = about.get("minimum"), about.get("maximum")
    words = {"boolean": "true or false", "integer": "whole number", "string": "text"}
    kind = words.get(about["type"], str(about["type"]))
    return f"{kind}, {low} to {high}" if low is not None and high is not None else kind


def _plain(value: Any) -> Any:
    """JSON Schema without what is of no use in TOML: null, titles that only repeat the key, and our
    own marks."""
    if isinstance(value, list):
        return [_plain(each) for each in value if each != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    left = {k: _plain(v) for k, v in value.items() if k != "x-kind"}
    if isinstance(left.get("title"), str):
        del left["title"]
    if isinstance(left.get("description"), str):
        left["description"] = _one_line(left["description"])
    if len(left.get("anyOf", ())) == 1:
        left |= left.pop("anyOf")[0]
    return left


def main(root: Path = Path()) -> int:
    """Write both files below `root`; returns the exit code."""
    (root / PAGE).write_text(render_page())
    (root / SCHEMA).write_text(render_schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
