"""docs/why.md: every command in it is run, and prints what the page shows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from controlled import CONFIG, ROOT, Controlled, command, make_folder

from resolver.codes import Rcode
from resolver.iterate import steps
from resolver.serve.query_line import FIELDS
from resolver.testing import Internet, Loopback, zone
from resolver.trace import Kind

pytestmark = pytest.mark.loopback

PAGE = Path(__file__).parents[2] / "docs" / "why.md"
COM, GOOD, BAD = "198.51.100.2", "198.51.100.3", "198.51.100.4"
ATTEMPTS = 5
MORE = """\
[cache]
snapshot = false
[log]
queries = true
query_file = "queries.log"
[[local]]
block = ["ads.txt"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a server can run that knows one name which fails, in a small tree."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", GOOD, zone("example.com.", "www A 192.0.2.7"))
    net.host("broken.com.", BAD, zone("broken.com.", "www A 192.0.2.8"))
    net.servfail(BAD)
    folder = make_folder(tmp_path_factory.mktemp("page"))
    (folder / "ads.txt").write_text("||ads.example.com^\n")
    with Loopback(net) as up:
        up.write_hints(folder / "root.hints")
        (folder / "sample.toml").write_text(CONFIG.format(port=up.port) + MORE)
        yield folder


@contextmanager
def started(folder: Path) -> Iterator[Controlled]:
    """A server that two clients have asked for that name."""
    controlled = Controlled(folder, (folder / "sample.toml").read_text())
    try:
        for _ in range(2):
            assert controlled.ask("www.broken.com").rcode == Rcode.SERVFAIL
        yield controlled
    finally:
        controlled.end()


def examples() -> Iterator[tuple[str, list[str]]]:
    """Commands of the page, in order, each with what it prints."""
    for block in re.findall(r"```\n(\$ .*?)```", PAGE.read_text(), re.DOTALL):
        first, *rest = block.splitlines()
        yield first.removeprefix("$ "), rest


def masked(lines: list[str]) -> list[str]:
    """Lines without what is different each time: numbers and spaces."""
    return [re.sub(r"\s+", " ", re.sub(r"[0-9][0-9.:#TZ-]*", "0", line)).strip() for line in lines]


def run(control: Controlled) -> list[tuple[list[str], list[str]]]:
    """What each command prints, beside what the page shows."""
    found = []
    for line, shown in examples():
        words = line.split()
        assert words[:2] == ["rootward", "ctl"], line
        done = command("ctl", "--socket", control.socket, *words[2:])
        assert done.err == "", line
        found.append(([line, *masked(done.out.splitlines())], [line, *masked(shown)]))
    return found


def test_every_command_prints_what_the_page_shows(folder: Path) -> None:
    for _ in range(ATTEMPTS):
        with started(folder) as control:
            found = run(control)
        # On a busy machine a server may have been too slow once.
        if not any("no reply within" in line for printed, _ in found for line in printed):
            break
    assert len(found) >= 5
    for printed, shown in found:
        assert printed == shown


def test_every_step_and_every_field_of_the_query_log_is_explained() -> None:
    text = PAGE.read_text()
    kinds = {kind.name for kind in vars(steps).values() if isinstance(kind, Kind)}
    assert kinds <= set(re.findall(r"^\| `([a-z-]+)`", text, re.MULTILINE))
    assert set(FIELDS) <= set(re.findall(r"`([a-z]+)`", text))
