"""Log lines: text, JSON, and what happens when one message repeats."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver import names
from resolver.app import logging as app_logging
from resolver.app.logging import BURST, WINDOW_S, RepeatFilter, complain, set_up
from resolver.app.notes import FAILURES_A_SECOND, FailureLines
from resolver.codes import Ede, Rcode, RRType
from resolver.config.schema import LogSettings
from resolver.model import Answer, ExtendedError, Question
from resolver.serve.recorder import Record
from resolver.testing import ManualClock
from resolver.trace import Trace


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def written():
    """Sets logging up and gives what is written."""

    def start(**settings: str) -> io.StringIO:
        stream = io.StringIO()
        set_up(LogSettings(**settings), stream)
        return stream

    return start


log = logging.getLogger("resolver.net.run")


def test_text_line_has_time_level_and_place(written) -> None:
    stream = written()
    log.warning("no reply from %s", "192.0.2.1")
    assert stream.getvalue().endswith("Z warning net.run: no reply from 192.0.2.1\n")
    assert stream.getvalue()[10] == "T"


def test_journal_is_told_the_priority_of_each_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`journalctl -p warning` finds them by it (sd-daemon(3))."""
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        monkeypatch.setattr(sys, "stderr", stream)
        set_up(LogSettings(level="debug"))
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(log, level)("a line\nand its second")
        complain("the end")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert [line[:3] for line in lines[::2]] == ["<7>", "<6>", "<4>", "<3>", "<2>", "<3>"]
    assert lines[1::2] == [f"<{n}>and its second" for n in (7, 6, 4, 3, 2)]


def test_other_streams_are_told_no_priority(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file that a service writes to, or the terminal, while somebody's journal is inherited."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    with (tmp_path / "file").open("w+") as stream:
        set_up(LogSettings(), stream)
        log.error("lost")
        stream.seek(0)
        assert "<" not in stream.read()
    complain("the end")
    assert capsys.readouterr().err == "the end\n"


def test_level_keeps_out_what_is_less_important(written) -> None:
    stream = written(level="warning")
    log.info("chatter")
    assert stream.getvalue() == ""
    stream = written(level="debug")
    log.debug("chatter")
    assert "debug net.run: chatter" in stream.getvalue()


def test_second_setup_replaces_the_first(written) -> None:
    first = written()
    second = written()
    log.error("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_json_line_is_one_object_with_extra_keys(written) -> None:
    stream = written(format="json")
    log.error('a "quoted"\nline', extra={"zone": "example.test"})
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "error",
        "logger": "net.run",
        "message": 'a "quoted"\nline',
        "zone": "example.test",
    }


@pytest.mark.parametrize("kind", ["text", "json"])
def test_traceback_is_kept(written, kind: str) -> None:
    stream = written(format=kind)
    try:
        raise KeyError("lost")
    except KeyError:
        log.exception("a handler raised")
    assert "KeyError: 'lost'" in stream.getvalue()


def record(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("resolver.x", logging.ERROR, "x.py", 1, text, args, None)


def test_repeated_message_is_held_and_counted() -> None:
    now = 0.0
    repeat = RepeatFilter(lambda: now)
    passed = [repeat.filter(record("lost %s", i)) for i in range(BURST + 7)]
    assert passed == [True] * BURST + [False] * 7
    assert repeat.filter(record("something else"))
    now = WINDOW_S
    late = record("lost %s", 99)
    assert repeat.filter(late)
    assert late.held == 7  # type: ignore[attr-defined]
    again = record("lost %s", 100)
    assert repeat.filter(again)
    assert again.held == 0  # type: ignore[attr-defined]


def test_every_fault_in_zone_files_is_told() -> None:
    repeat = RepeatFilter(lambda: 0.0)

    def fault(number: int) -> logging.LogRecord:
        return logging.LogRecord(
            "resolver.net.primary", logging.ERROR, "x.py", 1, "zone %s", (number,), None
        )

    assert all([repeat.filter(fault(number)) for number in range(BURST + 7)])
    assert [repeat.filter(fault(1)) for _ in range(BURST)] == [True] * (BURST - 1) + [False]


def test_held_count_is_written(written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_logging, "BURST", 1)
    stream = written()
    for _ in range(3):
        log.error("lost")
    monkeypatch.setattr(app_logging, "WINDOW_S", 0.0)
    log.error("lost")
    assert stream.getvalue().count("lost") == 2
    assert stream.getvalue().endswith("lost (and 2 times more since the last line)\n")


def test_number_of_messages_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_logging, "MAX_TRACKED", 5)
    repeat = RepeatFilter(lambda: 0.0)
    for i in range(100):
        assert repeat.filter(record(f"unique {i}"))
    assert len(repeat._seen) <= 5


def test_failures_are_logged_a_few_a_second_and_the_rest_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    lines = FailureLines(clock)
    caplog.set_level(logging.INFO, "resolver.serve")
    for i in range(100):
        lines(failure(i))
    assert len(caplog.messages) == FAILURES_A_SECOND
    clock.advance(1)
    lines(failure(100))
    assert caplog.messages[-1].endswith(f"(and {100 - FAILURES_A_SECOND} others before)")
    assert caplog.messages[-1].startswith("www.example. A: SERVFAIL: nobody answers (record ")


def failure(number: int) -> Record:
    error = ExtendedError(Ede.NO_REACHABLE_AUTHORITY, "nobody answers")
    return Record(
        trace=Trace(),
        question=Question(names.read("www.example."), RRType.A),
        peer=bytes(4),
        stream=False,
        answer=Answer(Rcode.SERVFAIL, extended_errors=(error,)),
        seconds=0.1,
        at=number,
        first_at=number,
        last_at=number,
        failed=True,
    )
