"""What one ask costs without an engine: the driver, the socket, the wait.

    python -m tests.bench.asks [--rounds 20] [--at-once 100]

Engines that do nothing but ask run on a driver, some at once, against a server in a process of its
own that answers everything at once. Shown are CPU microseconds of the asking process per ask, user
and system, in the best of some rounds; beside it what the driver has to do for an engine with one
sub-question, both of which end at once, and what a query and its response are without sockets.
Compare two versions on one machine, in one sitting.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from itertools import count

from resolver.config.schema import OutgoingSettings
from resolver.effects import Ask, Reply, Steps, Sub
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.batch_udp import open_batch
from resolver.net.cookies import SECRET_OCTETS, Cookies
from resolver.net.descriptors import Shares
from resolver.net.entropy import Entropy
from resolver.net.match import QueryMaker, read_response
from resolver.net.run import Driver

SHARES = Shares(datagram_sockets=1000, upstream_connections=8, client_connections=64)
TIMEOUT_S = 0.4
ROUND_S = 0.2
RECORD = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x0a\0\0\1"
# Short runs, of which the best was disturbed by nobody.
TIMES = 100
RUNS = 300


def answer(query: bytes) -> bytes:
    """One address for whatever is asked."""
    end = query.index(0, 12) + 5
    return query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + query[12:end] + RECORD


def answer_everything() -> None:
    """Print the port of a new socket, and answer what comes there until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        batch = open_batch(sock, wildcard=False)
        while True:
            sock.recv(1, socket.MSG_PEEK)
            received = batch.receive()
            for slot in range(received):
                batch.put(slot, answer(batch.packet(slot)))
            if received:
                batch.send()


class Load:
    """Engines that ask one server, so many at once, until the time is over."""

    def __init__(self, driver: Driver, server: Address) -> None:
        self._driver = driver
        self._server = server
        self._names = count()
        self._until = 0.0
        self._finished: asyncio.Future[None] | None = None
        self._running = 0
        self.asked = self.lost = 0

    async def run(self, seconds: float, at_once: int) -> None:
        """Ask for a while."""
        loop = asyncio.get_running_loop()
        self._finished = loop.create_future()
        self._until = loop.time() + seconds
        self._running = at_once
        for _ in range(at_once):
            self._driver.start(self._ask(), self._end)
        await self._finished

    def _ask(self) -> Steps[None]:
        label = b"h%d" % next(self._names)
        name = bytes((len(label),)) + label + b"\7example\3com\0"
        outcome = yield Ask(self._server, Question(name, 1, 1), TIMEOUT_S)
        self.asked += 1
        self.lost += type(outcome) is not Reply

    def _end(self, _: object) -> None:
        """Who has ended starts the next one."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._until:
            # Not at once: that would be one long chain within one wake-up.
            loop.call_soon(self._driver.start, self._ask(), self._end)
            return
        self._running -= 1
        if not self._running and self._finished is not None:
            self._finished.set_result(None)


async def _whole(server: Address, rounds: int, at_once: int) -> float:
    """Microseconds per ask in the best of some rounds."""
    driver = Driver(OutgoingSettings(), Metrics(), sockets=SHARES)
    load = Load(driver, server)
    best = float("inf")
    try:
        for _ in range(rounds):
            asked, since = load.asked, time.process_time()
            await load.run(ROUND_S, at_once)
            best = min(best, (time.process_time() - since) / (load.asked - asked))
    finally:
        driver.close()
    if load.lost:
        print(f"{load.lost} of {load.asked} asks got no reply")
    return best * 1e6


async def _driver_alone() -> float:
    """Microseconds for an engine with one sub-question, without any ask."""
    driver = Driver(OutgoingSettings(), Metrics(), sockets=SHARES)

    def nothing() -> Steps[None]:
        yield from ()

    def engine() -> Steps[None]:
        yield Sub((b"\0", 1, 1), nothing)

    def end(_: None) -> None:
        pass

    try:
        return _best_us(lambda: driver.start(engine(), end))
    finally:
        driver.close()


def _messages(server: Address) -> tuple[float, float]:
    """Microseconds to make a query, and to read its response."""
    maker = QueryMaker(Entropy(), Cookies(os.urandom(SECRET_OCTETS)))
    ask = Ask(server, Question(b"\3www\7example\3com\0", 1), TIMEOUT_S)
    sent = maker.make(ask, "127.0.0.1")
    response, metrics = answer(sent.packet), Metrics()
    return (
        _best_us(lambda: maker.make(ask, "127.0.0.1")),
        _best_us(lambda: read_response(sent, response, 0.0, metrics, stream=False)),
    )


def _best_us(operation: Callable[[], object]) -> float:
    return min(timeit.repeat(operation, number=TIMES, repeat=RUNS)) / TIMES * 1e6


def measure(rounds: int, at_once: int) -> dict[str, float]:
    """All figures, in microseconds."""
    command = [sys.executable, "-m", "tests.bench.asks", "--answer"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(process.pid, {cores[-1]})
            os.sched_setaffinity(0, {cores[0]})
            server = Address("127.0.0.1", int(process.stdout.readline()))
            whole = asyncio.run(_whole(server, rounds, at_once))
        finally:
            process.kill()
    made, read = _messages(server)
    return {
        "one ask over UDP, all in all": whole,
        "its query made": made,
        "its response read": read,
        "a job with a sub-job": asyncio.run(_driver_alone()),
    }


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="What one ask costs without an engine.")
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--at-once", type=int, default=100)
    arguments.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.answer:
        answer_everything()
        return
    for what, us in measure(chosen.rounds, chosen.at_once).items():
        print(f"{what:30} {us:6.1f} us")


if __name__ == "__main__":
    main()
