"""What one client notices of another that asks for random names all the time (S04).

    python -m tests.bench.sharing [--server NAME ...] [--rate 1000 ...] [--seconds 5] [--rounds 3]

The servers (peers.py) run one after the other on core 0. On core 1 another process plays all other
servers: it answers every question after `--delay-ms`. Beside it the clients, each a process: a
light one, which asks for names that are cached and for names that are not, and a heavy one from
another address, which asks for `--rate` random names a second. Printed are medians and 99th
percentiles of the light client's waiting times without and with the heavy one, in milliseconds;
how many of the heavy one's questions were answered, and the processor time for each. On a machine
that does other things as well, everybody waits for a turn on the processor, too, and that is most
of what is seen: `chrt -r 1` before the command helps, up to nineteen twentieths of a processor.
"""

import argparse
import asyncio
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import cast

from tests.bench.peers import RECURSIVE, Place, ours
from tests.bench.processes import Process, answers, free_port, running

LIGHT, HEAVY = "127.0.0.1", "127.0.7.7"
LIGHT_EVERY_S = 0.01
CACHED = 20
TIMEOUT_S = 2.0
HEAD = b"\0\1\1\0\0\1\0\0\0\0\0\0"


class Responder(asyncio.DatagramProtocol):
    """Answers every question with one address, after a while."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._loop = asyncio.get_running_loop()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(0, 12) + 5
        head = data[:2] + b"\x84\0\0\1\0\1\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\xc0\0\2\1"
        reply = head + data[12:end] + record
        self._loop.call_later(self._delay_s, self._transport.sendto, reply, addr)


class Client(asyncio.DatagramProtocol):
    """Asks, and notes how long each question took; one without a reply took TIMEOUT_S."""

    def __init__(self) -> None:
        self.waited_s: dict[str, list[float]] = {}
        self._sent: dict[int, tuple[str, float]] = {}
        self._id = 0
        self.replies = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.replies += 1
        kind, since = self._sent.pop(int.from_bytes(data[:2], "big"), ("", 0.0))
        if kind:
            self.waited_s.setdefault(kind, []).append(time.perf_counter() - since)

    def ask(self, kind: str, name: str) -> None:
        self._id = self._id + 1 & 0xFFFF
        wire = b"".join(bytes((len(x),)) + x.encode() for x in name.split(".")) + b"\0"
        packet = struct.pack("!HHHHHH", self._id, 0x0100, 1, 0, 0, 0) + wire + b"\0\1\0\1"
        self._sent[self._id] = (kind, time.perf_counter())
        self._transport.sendto(packet)

    def give_up(self) -> None:
        for kind, _ in self._sent.values():
            self.waited_s.setdefault(kind, []).append(TIMEOUT_S)
        self._sent.clear()


async def connect(port: int, source: str) -> Client:
    loop = asyncio.get_running_loop()
    _, client = await loop.create_datagram_endpoint(
        Client, local_addr=(source, 0), remote_addr=("127.0.0.1", port)
    )
    return client


def flood(port: int, rate: int, seconds: float) -> None:
    """Random names, `rate` a second, in small bursts as they come from a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HEAVY, 0))
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        began, sent, replies = time.perf_counter(), 0, 0
        while (passed_s := time.perf_counter() - began) < seconds:
            for _ in range(min(int(passed_s * rate) - sent, rate // 20)):
                label = os.urandom(6).hex().encode()
                sock.send(HEAD + b"\x0c" + label + b"\5heavy\0\0\1\0\1")
                sent += 1
            with suppress(BlockingIOError):
                while sock.recv(512):
                    replies += 1
            time.sleep(0.002)
    print(sent, replies)


async def live(client: Client, until: float) -> None:
    number = 0
    while time.perf_counter() < until:
        number += 1
        if number % 2:
            client.ask("cached", f"c{number % CACHED}.light")
        else:
            client.ask("uncached", f"{os.urandom(6).hex()}.light")
        await asyncio.sleep(LIGHT_EVERY_S)


async def play(port: int, seconds: float) -> dict[str, list[float]]:
    """Waiting times of the light client by kind."""
    light = await connect(port, LIGHT)
    for i in range(CACHED):
        light.ask("warm", f"c{i}.light")
    await asyncio.sleep(1.0)
    await live(light, time.perf_counter() + seconds)
    await asyncio.sleep(1.0)
    light.give_up()
    return light.waited_s


@contextmanager
def _child(words: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """This module in another process, with other work."""
    argv = [sys.executable, "-m", "tests.bench.sharing", *words]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


async def serve_upstream(port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Responder(delay_s), local_addr=("127.0.0.1", port))
    await asyncio.Event().wait()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3


@dataclass(slots=True)
class Figures:
    """Of one server, at one rate: percentiles of the light client by kind of question, percentile
    and whether the heavy one was there."""

    waited_ms: dict[tuple[str, float, bool], list[float]] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def note(self, waited_s: dict[str, list[float]], *, beside: bool) -> None:
        for kind, share in product(("cached", "uncached"), (0.5, 0.99)):
            ms = percentile(waited_s[kind], share)
            self.waited_ms.setdefault((kind, share, beside), []).append(ms)

    def row(self, name: str, rate: int) -> str:
        cells = [
            " → ".join(f"{median(self.waited_ms[kind, share, b]):.1f}" for b in (False, True))
            for kind, share in product(("cached", "uncached"), (0.5, 0.99))
        ]
        answered, cpu_us = median(self.answered), median(self.cpu_us)
        return f"| {name} | {rate} | {' | '.join(cells)} | {answered:.0%} | {cpu_us:.0f} |"


def measure(server: Process, rate: int, seconds: float, figures: Figures) -> None:
    """One round: the light client alone, then beside the heavy one."""
    figures.note(asyncio.run(play(server.port, seconds)), beside=False)
    words = ["--flood", str(server.port), "--rate", str(rate), "--seconds", str(seconds + 2.0)]
    before = server.cpu()
    with _child(words) as heavy:
        figures.note(asyncio.run(play(server.port, seconds)), beside=True)
        told, _ = heavy.communicate()
    asked, replies = map(int, told.split())
    figures.answered.append(replies / asked)
    figures.cpu_us.append((server.cpu() - before).both / max(replies, 1) * 1e6)


def compare(chosen: argparse.Namespace) -> None:
    os.sched_setaffinity(0, {1})
    print(
        "| Server | Questions/s | cached p50 | p99 | uncached p50 | p99 | answered | CPU µs each |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for peer, rate in product((ours(compiled=False)[0], *RECURSIVE), chosen.rate):
        if peer.name not in chosen.server or not peer.is_installed:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder, upstream = Path(name), free_port()
            (folder / "zones").mkdir()
            for zone in ("heavy", "light"):
                (folder / "zones" / zone).touch()
            place = Place(folder, free_port(), folder / "zones", upstream, ipv6=False)
            figures = Figures()
            ready = answers(HEAD + b"\2up\5light\0\0\1\0\1", lambda reply: reply[3] & 15 == 0)
            argv = ["taskset", "-c", "0", *peer.command(place)]
            words = ["--upstream", str(upstream), "--delay-ms", str(chosen.delay_ms)]
            with (
                _child(words),
                running(
                    peer.name, argv, place.port, folder, ready=ready, environment=peer.environment
                ) as server,
            ):
                for _ in range(chosen.rounds):
                    measure(server, rate, chosen.seconds, figures)
        print(figures.row(peer.name, rate), flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--server", nargs="+", default=["rootward", "unbound", "bind"])
    arguments.add_argument("--rate", type=int, nargs="+", default=[1000])
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--delay-ms", type=float, default=20.0)
    arguments.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--flood", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.flood:
        flood(chosen.flood, chosen.rate[0], chosen.seconds)
    elif chosen.upstream:
        asyncio.run(serve_upstream(chosen.upstream, chosen.delay_ms / 1e3))
    else:
        compare(chosen)


if __name__ == "__main__":
    main()
