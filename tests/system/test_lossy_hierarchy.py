"""A real resolver process in a hierarchy that loses three packets of ten, where each zone has one
good server, one lame one and one that is dead. Every name that exists must be answered, correctly,
but for those of a zone whose good server was silent four times when it was first asked: one zone of
a hundred, and not tried again for five seconds (RFC 9520).
"""

import asyncio
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.errors import WireError
from resolver.model import Address, Edns, Question
from resolver.testing import Internet, Loopback, zone
from resolver.wire.build import build_query
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(180)]

RUN_S = 30.0
START_S = 60.0
LOSS = 0.3
ZONES = 12
HOSTS = 5
TTL_S = 3  # short, so that the run is made of walks and not of cache hits
CLIENTS = 8
# What a stub resolver does by default (resolv.conf(5): timeout 5 s, and dig's three tries).
CLIENT_TRIES = 3
CLIENT_WAIT_S = 5.0

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]

[recursion]
root_hints = "root.hints"
do_not_query = []
special_names = false

[outgoing]
port = {port}

[cache]
max_ttl = 10
"""


def hierarchy() -> Internet:
    """Root, two TLDs and ZONES zones, three servers each: good, lame, dead."""
    net = Internet(seed=7)
    numbers = iter(range(1, 250))

    def servers() -> tuple[str, str, str]:
        good, lame, dead = (f"198.51.100.{next(numbers)}" for _ in range(3))
        net.lose(good, share=LOSS)
        net.lame(lame)
        net.dead(dead)
        return good, lame, dead

    net.root(".", *servers())
    for tld in ("com.", "net."):
        net.host(tld, *servers())
    for k in range(ZONES):
        origin = zone_name(k)
        hosts = "\n".join(f"h{i} {TTL_S} A 192.0.2.{10 * k + i}" for i in range(HOSTS))
        net.host(origin, *servers(), zone(origin, hosts))
    return net


def zone_name(k: int) -> str:
    return f"z{k}.{'com' if k % 2 else 'net'}."


@contextmanager
def resolver_process(directory: Path, up: Loopback) -> Iterator[tuple[Address, Path]]:
    """A `rootward run` whose hints lead to the fake root, and its log."""
    up.write_hints(directory / "root.hints")
    config = directory / "config.toml"
    config.write_text(CONFIG.format(port=up.port))
    log = directory / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "resolver", "run", "--config", str(config)],
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        with log.open("wb") as kept:
            ready = wait_for_ready(process)
            yield Address("127.0.0.1", int(ready.rpartition("#")[2])), log
            process.send_signal(signal.SIGTERM)
            kept.write(process.communicate(timeout=5)[1])
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for_ready(process: "subprocess.Popen[bytes]") -> str:
    """The line that says where the server answers."""
    assert process.stderr is not None
    text = b""
    until = time.monotonic() + START_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while time.monotonic() < until and process.poll() is None:
            if selector.select(0.5):
                text += os.read(process.stderr.fileno(), 4096)
            for line in text.decode().splitlines():
                if line.startswith("ready: "):
                    return line
    raise AssertionError(f"not ready: {text.decode()}")


class Client(asyncio.DatagramProtocol):
    """A stub resolver: asks, waits, asks again."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[bytes]] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        waiter = self.waiting.pop(int.from_bytes(data[:2], "big"), None)
        if waiter is not None and not waiter.done():
            waiter.set_result(data)

    async def ask(self, name: str, number: int) -> str:
        """The address, or what came instead."""
        assert self.transport is not None
        result = "no reply"
        for attempt in range(CLIENT_TRIES):
            packet_id = (number * CLIENT_TRIES + attempt) & 0xFFFF
            question = Question(names.read(name), RRType.A)
            waiter = asyncio.get_running_loop().create_future()
            self.waiting[packet_id] = waiter
            self.transport.sendto(
                build_query(packet_id, question, edns=Edns(), recursion_desired=True)
            )
            try:
                message = parse(await asyncio.wait_for(waiter, CLIENT_WAIT_S))
            except (TimeoutError, WireError):
                continue
            if message.rcode == Rcode.NOERROR and message.answer:
                return ".".join(str(octet) for octet in message.answer[-1].rdatas[0])
            result = f"rcode {message.rcode} {extended_errors(message.edns)}"
        return result


async def ask_for_a_while(server: Address) -> tuple[int, list[str], list[str]]:
    """How many questions were asked, which failed, and what was wrong with which others."""
    loop = asyncio.get_running_loop()
    until = loop.time() + RUN_S
    failed: list[str] = []
    wrong: list[str] = []
    asked = 0

    async def keep_asking(client: Client, start: int) -> None:
        nonlocal asked
        at = start
        while loop.time() < until:
            k, i = at % ZONES, at // ZONES % HOSTS
            name, expected = f"h{i}.{zone_name(k)}", f"192.0.2.{10 * k + i}"
            asked += 1
            answer = await client.ask(name, asked)
            if answer != expected:
                is_told = answer.startswith(f"rcode {Rcode.SERVFAIL:d} ") and "timeout" in answer
                (failed if is_told else wrong).append(f"{name}: {answer}")
            at += CLIENTS
            await asyncio.sleep(0.05)

    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=tuple(server))
    await asyncio.gather(*(keep_asking(client, start) for start in range(CLIENTS)))
    transport.close()
    return asked, failed, wrong


def test_every_existing_name_is_answered_in_a_lossy_hierarchy(tmp_path: Path) -> None:
    net = hierarchy()
    with Loopback(net) as up, resolver_process(tmp_path, up) as (server, log):
        asked, failed, wrong = asyncio.run(ask_for_a_while(server))
    assert not wrong, f"{len(wrong)} of {asked}: {wrong}"
    assert len(failed) <= asked / 20, failed
    assert asked > 200
    assert net.count() > asked / 4, "the cache answered nearly everything: nothing was tested"
    assert "Traceback" not in log.read_text()
