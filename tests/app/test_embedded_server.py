"""A server inside another program's event loop (L02), on real sockets."""

import asyncio
import socket
import sys

import pytest

from resolver import Config, Server, names
from resolver.codes import Flag, Rcode, RRType
from resolver.errors import ConfigError, ZoneError
from resolver.leftovers import LEFTOVERS
from resolver.model import Address, Message, Question
from resolver.wire.build import build_query
from resolver.wire.framing import Framer, frame
from resolver.wire.parse import parse

pytestmark = pytest.mark.loopback

ZONE = """$ORIGIN example.test.
$TTL 300
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
big TXT "{}" "{}" "{}" "{}" "{}" "{}" "{}"
""".format(*("x" * 250 for _ in range(7)))


def question(name: str, rrtype: int = RRType.A) -> bytes:
    asked = Question(names.read(name), rrtype)
    return build_query(4711, asked, edns=None, recursion_desired=True)


async def ask_udp(server: Address, packet: bytes) -> Message:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, tuple(server))
        await loop.sock_sendall(sock, packet)
        return parse(await asyncio.wait_for(loop.sock_recv(sock, 65_535), 5))


async def ask_tcp(server: Address, packet: bytes) -> Message:
    reader, writer = await asyncio.open_connection(*server)
    writer.write(frame(packet))
    framer = Framer()
    while not (messages := framer.feed(await asyncio.wait_for(reader.read(65_535), 5))):
        pass
    writer.close()
    await writer.wait_closed()
    return parse(messages[0])


async def test_a_zone_is_served_on_a_free_port_over_udp_and_tcp() -> None:
    async with Server(zone=ZONE) as server:
        address = server.addresses[0]
        over_udp = await ask_udp(address, question("www.example.test."))
        over_tcp = await ask_tcp(address, question("www.example.test."))
        assert over_udp.answer == over_tcp.answer
        assert over_udp.answer[0].rdatas == (bytes((192, 0, 2, 80)),)
        assert over_udp.flags & Flag.AA


async def test_what_does_not_fit_is_truncated_and_whole_over_tcp() -> None:
    async with Server(zone=ZONE) as server:
        address = server.addresses[0]
        query = question("big.example.test.", RRType.TXT)
        truncated = await ask_udp(address, query)
        assert truncated.flags & Flag.TC
        assert not truncated.answer
        whole = await ask_tcp(address, query)
        assert not whole.flags & Flag.TC
        assert len(whole.answer[0].rdatas[0]) == 7 * 251


async def test_an_embedded_server_does_not_recurse() -> None:
    async with Server(zone=ZONE) as server:
        reply = await ask_udp(server.addresses[0], question("www.example.org."))
        assert reply.rcode == Rcode.REFUSED
        assert not reply.flags & Flag.RA


async def test_repeated_questions_are_answered_from_finished_packets() -> None:
    async with Server(zone=ZONE) as server:
        for _ in range(5):
            await ask_udp(server.addresses[0], question("www.example.test."))
        assert server.metrics.queries_udp_total == 5
        assert server.metrics.packet_hits_total == 4


async def test_after_the_block_the_port_is_free_again() -> None:
    async with Server(zone=ZONE) as server:
        address = server.addresses[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(tuple(address))


async def test_an_address_in_use_is_a_configuration_error_and_leaks_nothing() -> None:
    async with Server(zone=ZONE) as server:
        taken = server.addresses[0]
        listen = ["127.0.0.1:0", f"127.0.0.1:{taken.port}"]
        second = Server(Config.model_validate({"server": {"listen": listen}}))
        with pytest.raises(ConfigError, match=f"127.0.0.1#{taken.port}"):
            await second.start()


def test_a_zone_without_origin_is_refused() -> None:
    with pytest.raises(ZoneError, match="ORIGIN"):
        Server(zone="www A 192.0.2.1")


def test_what_was_large_is_freed_while_the_server_runs() -> None:
    async def body() -> None:
        async with Server(zone=ZONE):
            held: list[object] = [object() for _ in range(100)]
            first = held[0]
            before = sys.getrefcount(first)
            LEFTOVERS.leave(held, 10)
            del held
            async with asyncio.timeout(60):
                while sys.getrefcount(first) == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        assert not LEFTOVERS.attended

    asyncio.run(body())


def test_nothing_is_left_for_a_server_that_did_not_start() -> None:
    async def body() -> None:
        async with Server(zone=ZONE) as server:
            taken = server.addresses[0]
            config = Config.model_validate({"server": {"listen": [f"{taken.ip}:{taken.port}"]}})
            with pytest.raises(ConfigError):
                await Server(config).start()
        assert not LEFTOVERS.attended

    asyncio.run(body())
