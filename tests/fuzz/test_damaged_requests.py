"""Damaged requests of every kind (S07): nothing raises, nothing amplifies, the server goes on."""

import asyncio
import contextlib
import logging
import random
import socket
from pathlib import Path

import pytest
from damaged import Requests
from target import FRIEND, STRANGER, configuration, hierarchy, target

from resolver import Server, names
from resolver.codes import Rcode, RRType
from resolver.model import Question
from resolver.testing import Loopback
from resolver.wire.build import build_query
from resolver.wire.framing import frame
from resolver.wire.parse import parse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IN_PROCESS, DATAGRAMS, FRAMES = 100_000, 20_000, 4_000
SEED = 8906
WITHIN_S = 60.0


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]


def is_answered(reply: bytes | None) -> bool:
    if not isinstance(reply, bytes):
        return False
    message = parse(reply)
    return message.rcode == Rcode.NOERROR and bool(message.answer)


def plain_query() -> bytes:
    question = Question(names.read("www.own.test."), RRType.A)
    return build_query(0xABCD, question, edns=None, recursion_desired=False)


async def test_no_request_raises_or_amplifies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with target(tmp_path) as it:
        requests = Requests(SEED, it.server.clock.wall())
        dice = random.Random(SEED)
        for _ in range(IN_PROCESS):
            peer = STRANGER if dice.random() < 0.5 else FRIEND
            await it.feed(requests.take(), peer, stream=dice.random() < 0.3)
        await it.settle()
        reply = it.server.service.respond(plain_query(), STRANGER, stream=False)
        assert isinstance(reply, bytes)
        assert is_answered(reply)
        assert it.server.metrics.exceptions_total == 0
    assert not problems(caplog)
    for packet, reply in it.amplified[:1]:
        pytest.fail(f"{len(packet)} octets had {len(reply)}: {packet.hex()} {reply.hex()}")
    # Every way must have been taken often, or nothing was shown.
    seen = [f"rcode {int(r)}" for r in (0, 1, 2, 3, 4, 5, 9)]
    assert all(it.kinds[kind] > 100 for kind in [*seen, "silence"]), it.kinds
    assert it.kinds["transfer"] > 10


@pytest.mark.loopback
async def test_sockets_take_what_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Loopback(hierarchy()) as up:
        async with Server(configuration(tmp_path, up.hints, up.port)) as server:
            at = tuple(server.addresses[0])
            requests = Requests(SEED + 1, server.clock.wall())
            await flood(at, [requests.take() for _ in range(DATAGRAMS)])
            await bad_frames(at, requests)
            assert is_answered(await over_udp(at, plain_query()))
            assert is_answered(await over_tcp(at, plain_query()))
            assert server.metrics.exceptions_total == 0
            assert server.metrics.queries_udp_total > DATAGRAMS // 4
            assert server.metrics.tcp_accepted_total > FRAMES // 20
    assert not problems(caplog)


async def flood(at: tuple[str, int], packets: list[bytes]) -> None:
    """Send them all, reading what comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(at)
        for number, packet in enumerate(packets):
            with contextlib.suppress(BlockingIOError):
                sock.send(packet)
            if number % 50 == 0:
                await asyncio.sleep(0.001)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        reply = sock.recv(65535)
                        assert len(reply) <= 1232


async def bad_frames(at: tuple[str, int], requests: Requests) -> None:
    """Frames that lie about their length, come in pieces, or end in the middle."""
    rng = requests.rng
    for _ in range(FRAMES // 20):
        reader, writer = await asyncio.open_connection(*at)
        with contextlib.suppress(OSError):
            for _ in range(20):
                data = frame(requests.take())
                dice = rng.random()
                if dice < 0.1:
                    data = rng.randrange(65536).to_bytes(2, "big") + data[2:]
                elif dice < 0.2:
                    data = data[: rng.randrange(len(data) + 1)]
                writer.write(data)
                if dice > 0.7:
                    await writer.drain()
            if rng.random() < 0.5:
                writer.write_eof()
                async with asyncio.timeout(WITHIN_S):
                    await reader.read(4096)
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def over_udp(at: tuple[str, int], packet: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(at)
        for _ in range(5):
            sock.send(packet)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(loop.sock_recv(sock, 65535), WITHIN_S / 5)
    return None


async def over_tcp(at: tuple[str, int], packet: bytes) -> bytes:
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_connection(*at)
        try:
            writer.write(frame(packet))
            length = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(length)
        finally:
            writer.close()
            await writer.wait_closed()
