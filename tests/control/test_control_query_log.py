"""The query log of a running server: full path and finished packets, UDP and TCP, rotated while
queries come in (O09)."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from controlled import CONFIG, Controlled, make_folder, tree, until

from resolver import names
from resolver.codes import RRType
from resolver.model import Question
from resolver.serve.query_line import FIELDS
from resolver.testing import Loopback
from resolver.wire.build import build_query
from resolver.wire.framing import frame

pytestmark = pytest.mark.loopback

LOG = """\
[log]
format = "json"
queries = true
query_file = "queries.log"
"""


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Controlled]:
    folder = make_folder(tmp_path)
    with Loopback(tree()) as up:
        up.write_hints(folder / "root.hints")
        controlled = Controlled(folder, CONFIG.format(port=up.port) + LOG)
        yield controlled
        controlled.end()


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; each has every field."""
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    assert {tuple(line) for line in found} <= {FIELDS}
    return found


def test_a_line_for_every_query_wherever_its_answer_is_from(control: Controlled) -> None:
    path = control.folder / "queries.log"
    for name in ("www.example.com", "www.example.com", "www.own.test", "www.own.test"):
        control.ask(name)
    question = Question(names.read("www.own.test"), RRType.A)
    query = build_query(9, question, edns=None, recursion_desired=True)
    with socket.create_connection(("127.0.0.1", control.port), timeout=30) as sock:
        sock.sendall(frame(query) + frame(query))
        reader = sock.makefile("rb")
        for _ in range(2):
            reader.read(int.from_bytes(reader.read(2), "big"))
        reader.close()
    until(lambda: len(read(path)) == 6)
    lines = read(path)
    assert [(line["qname"], line["source"], line["transport"]) for line in lines] == [
        ("www.example.com.", "recursion", "udp"),
        ("www.example.com.", "cache", "udp"),
        ("www.own.test.", "own", "udp"),
        ("www.own.test.", "own", "udp"),
        ("www.own.test.", "own", "tcp"),
        ("www.own.test.", "own", "tcp"),
    ]
    assert {line["client"] for line in lines} == {"127.0.0.1"}
    assert lines[0]["upstream"] > 0
    assert [line["upstream"] for line in lines[1:]] == [0] * 5


def test_rotation_while_queries_come_in_loses_none(control: Controlled) -> None:
    path = control.folder / "queries.log"
    moved = [control.folder / f"queries.log.{i}" for i in range(3)]
    assert control.process is not None
    count = 0
    for old in moved:
        for _ in range(20):
            control.ask("www.own.test")
            count += 1
        until(path.exists)
        path.rename(old)
        control.ask("www.own.test")
        control.process.send_signal(signal.SIGUSR2)
        for _ in range(5):
            control.ask("www.own.test")
        count += 6
    until(lambda: sum(len(read(each)) for each in (*moved, path)) >= count)
    assert sum(len(read(each)) for each in (*moved, path)) == count
    assert all(read(each) for each in moved)
    until(path.exists)


def test_it_is_switched_on_and_off_by_a_reload_and_every_line_of_the_log_is_json(
    control: Controlled,
) -> None:
    path = control.folder / "queries.log"
    config = control.config.read_text()
    assert control.process is not None
    control.config.write_text(config.replace("queries = true", "queries = false"))
    control.process.send_signal(signal.SIGHUP)
    until(lambda: "log.queries changed" in control.log.read_text())
    control.ask("www.own.test")
    control.config.write_text(config)
    control.process.send_signal(signal.SIGHUP)
    until(lambda: control.log.read_text().count("log.queries changed") == 2)
    control.ask("mail.example.com")
    until(lambda: len(read(path)) == 1)
    assert [line["qname"] for line in read(path)] == ["mail.example.com."]
    for line in control.log.read_text().splitlines():
        if line.startswith("{"):
            assert {"time", "level", "logger", "message"} <= set(json.loads(line))
