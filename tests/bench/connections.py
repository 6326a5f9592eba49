"""Ten thousand TCP connections: all open, a thousand of them asking, and what hits over UDP cost.

The clients come from several loopback addresses, as ports of one are too few. Hits over UDP are
played before the connections are there, while they are idle, and while a thousand of them ask once
a second, for some rounds. At the end every connection asks once more.

Knows: TCP clients. Does not know: what else is measured.
"""

import asyncio
import resource
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.parts import query
from tests.bench.peers import More, ours
from tests.bench.processes import IPV4, Process
from tests.bench.table import SERVER_CORE, Comparison
from tests.bench.workloads import HOSTS, TRANSPORTS, play

OPEN, ACTIVE = 10_000, 1_000
ROUNDS = 3
SECONDS = 2.0
ASK_EVERY_S = 1.0
PATIENCE_S = 60.0
PER_ADDRESS = 500
TOGETHER = 200
# As many places as there are idle connections would close them soon: a full house keeps only those
# who ask. A long time leaves even those that are squeezed long enough for the whole measurement.
SETTINGS = More(server=("tcp_connections = 25000", 'tcp_idle_timeout = "10h"'))
_DESCRIPTORS = 20_000


@dataclass
class Connection:
    """One of the clients."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: int

    async def ask(self) -> bool:
        """One query; whether its answer comes."""
        packet = query(self.host)
        self.writer.write(struct.pack("!H", len(packet)) + packet)
        try:
            async with asyncio.timeout(PATIENCE_S):
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
                reply = await self.reader.readexactly(size)
        except (OSError, EOFError, TimeoutError):
            return False
        return bool(reply[3] & 15 == 0 and reply[6:8] == b"\0\1")


async def _connect(port: int, number: int) -> Connection:
    ip = f"127.0.1.{1 + number // PER_ADDRESS}"
    reader, writer = await asyncio.open_connection(IPV4, port, local_addr=(ip, 0), limit=4096)
    return Connection(reader, writer, number % HOSTS)


async def _open_all(port: int) -> list[Connection]:
    made: list[Connection] = []
    for first in range(0, OPEN, TOGETHER):
        numbers = range(first, first + TOGETHER)
        made += await asyncio.gather(*(_connect(port, number) for number in numbers))
    return made


async def _ask_each(connections: Sequence[Connection]) -> int:
    """How many get their answer."""
    answered = 0
    for first in range(0, len(connections), TOGETHER):
        some = connections[first : first + TOGETHER]
        answered += sum(await asyncio.gather(*(one.ask() for one in some)))
    return answered


class Activity:
    """Connections that ask once a second until stopped."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections
        self._stopped = asyncio.Event()
        self.asked = self.answered = 0

    async def run(self) -> None:
        """Ask, each at a moment of its own."""
        many = len(self._connections)
        async with asyncio.TaskGroup() as group:
            for i, one in enumerate(self._connections):
                group.create_task(self._go_on(one, ASK_EVERY_S * i / many))

    def stop(self) -> None:
        """Let those be the last questions."""
        self._stopped.set()

    async def _go_on(self, one: Connection, wait_s: float) -> None:
        while not await self._stopped_within(wait_s):
            self.asked += 1
            is_answered = await one.ask()
            self.answered += is_answered
            wait_s = ASK_EVERY_S

    async def _stopped_within(self, wait_s: float) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                await self._stopped.wait()
        except TimeoutError:
            return False
        return True


async def _hits_us(process: Process, file: Path) -> float:
    load = [*TRANSPORTS["udp"], "-c", "8", "-q", "1000", "-l", str(SECONDS)]
    rounds = [await asyncio.to_thread(play, process, file, load) for _ in range(ROUNDS)]
    return median(played.us for played in rounds)


async def _run(process: Process, file: Path) -> dict[str, Any]:
    await _hits_us(process, file)  # all are cached now
    alone = await _hits_us(process, file)
    empty = process.resident_octets()
    connections = await _open_all(process.port)
    first = await _ask_each(connections)
    activity = Activity(connections[:: OPEN // ACTIVE])
    idle = await _hits_us(process, file)
    asking = asyncio.create_task(activity.run())
    while_asking = await _hits_us(process, file)
    full = process.resident_octets()
    activity.stop()
    await asking
    last = await _ask_each(connections)
    for one in connections:
        one.writer.close()
    return {
        "open": OPEN,
        "answered_at_first": first,
        "answered_at_last": last,
        "active": ACTIVE,
        "active_asked": activity.asked,
        "active_answered": activity.answered,
        "resident_mib_before": empty / (1 << 20),
        "resident_mib": full / (1 << 20),
        "hit_us_alone": alone,
        "hit_us_idle": idle,
        "hit_us_active": while_asking,
    }


def measure(*, compiled: bool) -> dict[str, Any]:
    """The figures; printed, too. Raises OSError where so many descriptors cannot be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, max(hard, _DESCRIPTORS)))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        comparison = Comparison(Path(name), wanted=(), compiled=compiled)
        peer = ours(compiled=compiled, more=SETTINGS)[1]
        with comparison.server(peer) as process:
            process.pin(SERVER_CORE)
            found = asyncio.run(_run(process, comparison.folder / "hit"))
    for what, value in found.items():
        print(f"  {what:22} {value:10,.1f}", flush=True)
    return found
