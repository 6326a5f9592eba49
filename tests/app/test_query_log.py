"""The query log's way out: nothing lost when files are moved, nobody held up, all that is dropped
is counted (O09)."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resolver import names
from resolver.app.line_writer import LineWriter
from resolver.app.query_log import QueryLog
from resolver.codes import Rcode
from resolver.config.schema import LogSettings
from resolver.errors import ConfigError
from resolver.metrics import Metrics
from resolver.model import Answer, Message, Question, Source
from resolver.serve.observe import Observers
from resolver.serve.request import Request
from resolver.serve.tally import Tally
from resolver.testing import ManualClock

WAIT_S = 30.0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.01)


@contextmanager
def writing(path: Path | None, max_octets: int = 1_000_000) -> Iterator[LineWriter]:
    writer = LineWriter(path, max_octets)
    try:
        yield writer
    finally:
        writer.close()


def numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_lines_come_out_in_order_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with writing(path) as writer:
        for i in range(5000):
            assert writer.write(str(i))
    assert numbers(path) == list(range(5000))
    assert path.stat().st_mode & 0o777 == 0o640


def test_moving_the_file_away_again_and_again_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    moved = [tmp_path / f"log.{i}" for i in range(5)]
    written = 0
    with writing(path) as writer:
        for old in moved:
            for _ in range(200):
                writer.write(str(written))
                written += 1
            path.rename(old)
            writer.write(str(written))
            written += 1
            writer.reopen()
            until(path.exists)
    found = [number for each in (*moved, path) for number in numbers(each)]
    assert found == list(range(written))
    assert writer.dropped == 0


def test_a_file_that_cannot_be_opened_again_is_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with writing(folder / "log") as writer:
        folder.rename(tmp_path / "elsewhere")
        writer.reopen()
        writer.write("1")
    assert numbers(tmp_path / "elsewhere" / "log") == [1]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe that nobody reads, and the descriptor to read it by."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, descriptor
    os.close(descriptor)


def test_a_reader_that_does_not_read_holds_nobody_up(pipe: tuple[Path, int]) -> None:
    path, descriptor = pipe
    with writing(path, max_octets=100_000) as writer:
        line = "x" * 99
        # Far more than pipe and buffer hold: that this ends is the test.
        for _ in range(20_000):
            writer.write(line)
        until(lambda: writer.dropped > 0)
        dropped = writer.dropped
        assert dropped < 20_000
        got = b""
        while got.count(b"\n") < 20_000 - dropped:
            try:
                got += os.read(descriptor, 65_536)
            except BlockingIOError:
                time.sleep(0.01)
    assert set(got.splitlines()) == {line.encode()}
    assert got.count(b"\n") + writer.dropped == 20_000


def test_closing_does_not_wait_for_a_reader_for_ever(pipe: tuple[Path, int]) -> None:
    writer = LineWriter(pipe[0])
    for _ in range(10_000):
        writer.write("x" * 99)
    writer.close(0.2)
    assert writer.dropped > 0


class Bench:
    """A query log and what it observes."""

    def __init__(self, path: Path, **settings: object) -> None:
        self.path = path
        self.metrics = Metrics()
        self.tally = Tally()
        self.observers = Observers(tally=self.tally)
        self.log = QueryLog(ManualClock(), self.metrics, self.observers, self.tally)
        self.settings = LogSettings.model_validate(
            {"queries": True, "query_file": str(path), "format": "json", **settings}
        )
        self.log.open(self.settings, 1.0)

    def ends(self, count: int, rcode: int = Rcode.NOERROR, seconds: float = 0.0) -> None:
        """So many queries end so."""
        for i in range(count):
            question = Question(names.read(f"n{i}.example."), 1)
            request = Request(Message(1, 0, [question]), bytes((192, 0, 2, 1)), 0, False)
            self.observers.saw(request, Answer(rcode, source=Source.RECURSION), seconds)

    def lines(self) -> list[dict[str, object]]:
        """All lines, at the end."""
        self.log.close()
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def test_off_is_off(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log", queries=False)
    assert bench.tally.witness is None
    bench.ends(3)
    bench.log.close()
    assert not bench.path.exists()


def test_every_query_is_a_line_and_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log")
    bench.ends(30)
    assert [line["qname"] for line in bench.lines()] == [f"n{i}.example." for i in range(30)]
    assert bench.metrics.query_log_lines_total == 30
    assert bench.metrics.query_log_dropped_total == 0


def test_of_a_sample_failures_and_slow_answers_are_written_all_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log", query_sample=10)
    bench.ends(30)
    bench.ends(7, Rcode.SERVFAIL)
    bench.ends(3, seconds=1.5)
    found = bench.lines()
    assert len(found) == 3 + 7 + 3
    assert sum(line["rcode"] == "SERVFAIL" for line in found) == 7


def test_only_the_sample_when_that_is_wanted(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log", query_sample=10, query_failures=False)
    bench.ends(40, Rcode.SERVFAIL, seconds=2.0)
    assert len(bench.lines()) == 4


def test_settings_change_while_it_writes(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "log")
    bench.ends(2)
    other = bench.settings.model_copy(update={"format": "text"})
    bench.log.turn_to(other, 1.0)
    bench.ends(1)
    bench.log.turn_to(other.model_copy(update={"query_file": tmp_path / "second"}), 1.0)
    bench.ends(1)
    bench.log.turn_to(other.model_copy(update={"queries": False}), 1.0)
    bench.ends(1)
    bench.log.turn_to(other.model_copy(update={"query_file": tmp_path / "no" / "such"}), 1.0)
    bench.ends(1)
    until(lambda: bench.path.read_text().count("\n") == 3)
    until(lambda: (tmp_path / "second").read_text().count("\n") == 1)
    assert "udp n0.example. A NOERROR recursion" in bench.path.read_text().splitlines()[2]
    bench.log.close()


def test_a_file_that_cannot_be_written_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="query_file"):
        Bench(tmp_path / "no" / "such" / "log")
