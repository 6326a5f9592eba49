"""How long a hit over UDP waits while the server has other work, and its longest stall.

One client asks for a cached name every millisecond. The end of each wait is when the kernel took
the reply in, not when the client got a processor to look at it. Four times: with nothing else to
do, with 2,000 misses a second, while a zone of a million records is loaded anew, while one comes in
by transfer. Of each wait is also known how much was the server's own: without the time in which it
was ready to run and other programs had its processor.

Knows: waits. Does not know: what the server does about them.
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resolver import names
from resolver.codes import RRType
from resolver.model import Question
from resolver.wire.build import build_query
from tests.bench.parts import query
from tests.bench.peers import More, Peer, ours
from tests.bench.processes import IPV4, Process, answers
from tests.bench.table import SERVER_CORE, Comparison
from tests.bench.versions import ORIGIN, registry, write_zone
from tests.bench.workloads import LOAD_CORE, TRANSPORTS

RECORDS = 1_000_000
MISSES_PER_S = 2_000
SECONDS = 20.0
ASK_EVERY_S = 0.001
GIVE_UP_S = 5.0
BIG_WAIT_S = 600.0
HOST = 1
_STAMP = 35  # SO_TIMESTAMPNS, <asm-generic/socket.h>
_PRIORITY = 10


class Waits(threading.Thread):
    """A client that asks one question at a time. `seconds` has how long each reply took, `own_s`
    how much of that was not the machine keeping the server from running."""

    def __init__(self, process: Process, packet: bytes) -> None:
        super().__init__(daemon=True)
        self._port = process.port
        self._schedule = Path(f"/proc/{process.child.pid}/schedstat")
        self._packet = packet
        self._ended = threading.Event()
        self.seconds: list[float] = []
        self.own_s: list[float] = []
        self.lost = 0

    def run(self) -> None:
        """Ask until stopped."""
        with contextlib.suppress(OSError):  # only root may
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
            sock.settimeout(GIVE_UP_S)
            sock.connect((IPV4, self._port))
            while not self._ended.wait(ASK_EVERY_S):
                self._ask(sock)

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self.join()

    def _ask(self, sock: socket.socket) -> None:
        before_s = self._without_processor_s()
        began = time.time_ns()
        sock.send(self._packet)
        try:
            _, notes, _, _ = sock.recvmsg(4096, 64)
        except TimeoutError:
            self.lost += 1
            return
        stamp = notes[0][2]
        seconds, nanoseconds = (int.from_bytes(stamp[i : i + 8], "little") for i in (0, 8))
        waited_s = (seconds * 10**9 + nanoseconds - began) / 1e9
        self.seconds.append(waited_s)
        self.own_s.append(max(0.0, waited_s - (self._without_processor_s() - before_s)))

    def _without_processor_s(self) -> float:
        """How long the server's loop was ready to run and was not let, so far."""
        return int(self._schedule.read_text().split()[1]) / 1e9


def _during(process: Process, work: Callable[[], None]) -> dict[str, float]:
    """Waits while some work goes on."""
    waits = Waits(process, query(HOST))
    waits.start()
    work()
    waits.stop()
    ordered = sorted(waits.seconds)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3

    return {
        "queries": len(ordered),
        "lost": waits.lost,
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "worst_ms": ordered[-1] * 1e3,
        "worst_own_ms": max(waits.own_s) * 1e3,
    }


@contextmanager
def _misses(process: Process, file: Path) -> Iterator[None]:
    command = ["taskset", "-c", str(LOAD_CORE), "dnsperf", *TRANSPORTS["udp"], "-d", str(file)]
    load = ["-p", str(process.port), "-T", "1", "-Q", str(MISSES_PER_S), "-q", "2000", "-l", "600"]
    with subprocess.Popen([*command, *load], stdout=subprocess.DEVNULL) as child:
        try:
            time.sleep(1)
            yield
        finally:
            child.terminate()


def _serial_packet() -> bytes:
    question = Question(names.read(ORIGIN), RRType.SOA)
    return build_query(1, question, edns=None, recursion_desired=False)


def _wait_for_serial(process: Process, serial: int) -> None:
    """Until the big zone is there in this version. Raises TimeoutError."""
    text = serial.to_bytes(4, "big")
    is_there = answers(_serial_packet(), lambda reply: text in reply)
    until = time.monotonic() + BIG_WAIT_S
    while not is_there(process):
        if time.monotonic() > until:
            raise TimeoutError(process.log.read_text()[-2000:])
        time.sleep(0.05)


def _while_resolving(comparison: Comparison, compiled: bool) -> Iterator[tuple[str, Any]]:
    with comparison.upstream(), comparison.server(ours(compiled=compiled)[0]) as process:
        process.pin(SERVER_CORE)
        yield "nothing else", _during(process, lambda: time.sleep(SECONDS))
        with _misses(process, comparison.folder / "miss"):
            yield f"{MISSES_PER_S:,} misses/s", _during(process, lambda: time.sleep(SECONDS))


def _while_zones_change(comparison: Comparison, compiled: bool) -> Iterator[tuple[str, Any]]:
    folder = comparison.folder
    big = folder / "big"
    write_zone(big, registry(RECORDS))
    text = big.read_text()
    with comparison.server(_with_zone(compiled, f'file = "{big}"')) as primary:
        primary.pin(SERVER_CORE)
        _wait_for_serial(primary, 1)
        big.write_text(text.replace(" host 1 ", " host 2 ", 1))

        def reload() -> None:
            primary.child.send_signal(signal.SIGHUP)
            _wait_for_serial(primary, 2)
            time.sleep(1)

        yield f"reload of {RECORDS:,} records", _during(primary, reload)
        primary.pin(LOAD_CORE)
        lines = ('role = "secondary"', f'primaries = ["{IPV4}:{primary.port}"]')
        with comparison.server(_with_zone(compiled, *lines)) as secondary:
            secondary.pin(SERVER_CORE)
            yield (
                f"transfer of {RECORDS:,} records",
                _during(secondary, lambda: _wait_for_serial(secondary, 2)),
            )


def _with_zone(compiled: bool, *lines: str) -> Peer:
    """Our server with the big zone."""
    table = ("[[zone]]", f'name = "{ORIGIN}"', 'transfer = ["localhost"]', *lines)
    return ours(compiled=compiled, more=More(tables=table))[1]


def measure(*, compiled: bool) -> dict[str, dict[str, float]]:
    """The figures by what else went on; printed, too."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        comparison = Comparison(Path(name), wanted=(), compiled=compiled)
        for scenes in (_while_resolving, _while_zones_change):
            for what, row in scenes(comparison, compiled):
                found[what] = row
                told = ", ".join(f"{key} {value:,.2f}" for key, value in row.items())
                print(f"  {what:30} {told}", flush=True)
    return found
