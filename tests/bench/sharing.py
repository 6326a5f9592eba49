"""What one client notices of another that asks for random names all the time (S04).

    python -m tests.bench.sharing [--rate 1000] [--seconds 10] [--rounds 3] [--delay-ms 20]

The server is a process of its own on core 0. On core 1 another process plays all other servers: it
answers every question after a while. Beside it the clients, each a process: a light one, which asks
for names that are cached and for names that are not, and a heavy one from another address, which
asks for `--rate` random names a second. Printed are medians and 99th percentiles of the light
client's waiting times without and with the heavy one, in milliseconds, and their ratio; and what
the server needs for one of the heavy one's questions. On a machine that does other things as well,
a server that is busy waits for its turn on the processor, too, and the ratios show that.
"""

import argparse
import asyncio
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import cast

LIGHT, HEAVY = "127.0.0.1", "127.0.7.7"
LIGHT_EVERY_S = 0.01
CACHED = 20
START_S = 20.0
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
    print(f"    heavy: {sent / seconds:.0f} asked, {replies / seconds:.0f} answered a second")


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


def config(port: int, upstream: int, folder: Path) -> str:
    stubs = "".join(
        f'[[stub]]\nname = "{name}"\nto = ["127.0.0.1:{upstream}"]\n' for name in ("heavy", "light")
    )
    return (
        f'[server]\nlisten = ["127.0.0.1:{port}"]\nstate_dir = "{folder}"\n[cache]\nsnapshot = '
        f'false\n[recursion]\npriming = false\n[control]\nsocket = ""\n{stubs}'
    )


@contextmanager
def _flood(port: int, rate: int, seconds: float) -> Iterator[None]:
    words = ["--flood", str(port), "--rate", str(rate), "--seconds", str(seconds)]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.sharing", *words])
    try:
        yield
        process.wait()
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(argv: list[str], core: int) -> Iterator[int]:
    process = subprocess.Popen(["taskset", "-c", str(core), *argv], stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def serve_upstream(port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Responder(delay_s), local_addr=("127.0.0.1", port))
    await asyncio.Event().wait()


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_up(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with suppress(OSError):
                sock.send(HEAD + b"\2up\5light\0\0\1\0\1")
                sock.recv(512)
                return
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3


def compare(rate: int, seconds: float, rounds: int, delay_s: float) -> None:
    figures: dict[tuple[str, str, bool], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, port, upstream = Path(name), free_port(), free_port()
        (folder / "config.toml").write_text(config(port, upstream, folder))
        server = [sys.executable, "-m", "resolver", "run", "--config", str(folder / "config.toml")]
        others = [sys.executable, "-m", "tests.bench.sharing", "--upstream", str(upstream)]
        others += ["--delay-ms", str(delay_s * 1e3)]
        os.sched_setaffinity(0, {1})
        with running(others, 1), running(server, 0) as server_pid:
            wait_until_up(port)
            for _ in range(rounds):
                for heavy in (False, True):
                    beside = _flood(port, rate, seconds + 2.0) if heavy else nullcontext()
                    before_s = cpu_s(server_pid)
                    with beside:
                        waited = asyncio.run(play(port, seconds))
                    if heavy:
                        print(f"    server: {cpu_s(server_pid) - before_s:.2f} s of CPU")
                    for kind in ("cached", "uncached"):
                        for what, share in (("p50", 0.5), ("p99", 0.99)):
                            figures.setdefault((kind, what, heavy), []).append(
                                percentile(waited[kind], share)
                            )
    print(f"{'ms':14} {'alone':>8} {'beside':>8}  ratio")
    for kind in ("cached", "uncached"):
        for what in ("p50", "p99"):
            alone, beside = (statistics.median(figures[kind, what, h]) for h in (False, True))
            print(f"{kind:9} {what:4} {alone:8.2f} {beside:8.2f}  {beside / alone:.2f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--rate", type=int, default=1000)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--delay-ms", type=float, default=20.0)
    arguments.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--flood", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.flood:
        flood(chosen.flood, chosen.rate, chosen.seconds)
        return
    if chosen.upstream:
        asyncio.run(serve_upstream(chosen.upstream, chosen.delay_ms / 1e3))
        return
    compare(chosen.rate, chosen.seconds, chosen.rounds, chosen.delay_ms / 1e3)


if __name__ == "__main__":
    main()
