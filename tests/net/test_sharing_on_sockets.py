"""Two clients of one server on real sockets: the slow questions of one leave room for the other
(S04). What is asserted is who gets replies, never when."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import dnslib
import pytest
from upstreams import UdpServer, driver, framed, question, read_framed, reply_to, until

from resolver.cache.answers import Answers
from resolver.effects import Ask, Reply, Steps
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.job import Limits
from resolver.net.listen_stream import StreamLimits, StreamListener, open_stream_socket
from resolver.net.listen_udp import UdpListener, open_udp_socket
from resolver.net.run import Driver
from resolver.policy.waiting import Waiting
from resolver.serve.fast import FastPath
from resolver.serve.responder import Responder
from resolver.wire.peek import Peek

pytestmark = pytest.mark.loopback

PLACES = 20
FLOOD = 60


def query(name: str, id: int) -> bytes:
    record = dnslib.DNSRecord.question(name)
    record.header.id = id
    return bytes(record.pack())


class Relay(Responder):
    """A service that asks one server for everything."""

    def __init__(self, server: Address) -> None:
        self.server = server

    def respond(
        self,
        packet: bytes,
        peer: bytes,
        look: Peek | None = None,
        since: float = 0.0,
        *,
        stream: bool,
    ) -> Steps[bytes | None]:
        return self._ask(packet)

    def _ask(self, packet: bytes) -> Steps[bytes | None]:
        name = str(dnslib.DNSRecord.parse(packet).q.qname)
        outcome = yield Ask(self.server, question(name), 10.0)
        return reply_to(packet) if isinstance(outcome, Reply) else None


class Site:
    """A server over UDP and TCP before one that answers everything but slow names."""

    def __init__(self, upstream: UdpServer, made: Driver, metrics: Metrics, ip: str) -> None:
        self.upstream = upstream
        self.driver = made
        self.metrics = metrics
        service, clock = Relay(upstream.address), SystemClock()
        self._udp = UdpListener(
            open_udp_socket(Address(ip, 0)),
            service,
            made,
            FastPath(Answers(1 << 16), lambda _: 7),
            clock=clock,
            metrics=metrics,
            waiting=Waiting(),
        )
        self._stream = StreamListener(
            [open_stream_socket(Address(ip, 0))],
            service,
            made,
            None,
            bits=lambda peer: 7,
            limits=StreamLimits(),
            clock=clock,
            metrics=metrics,
        )
        self._udp.start()
        self._stream.start()
        self.at = self._udp.address
        self.stream_at = self._stream.addresses[0]
        self._sockets: list[socket.socket] = []

    def client(self, source: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        sock.bind((source, 0))
        sock.connect(tuple(self.at))
        return sock

    async def ask(self, source: str, name: str) -> bytes:
        sock = self.client(source)
        sock.send(query(name, 7))
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 4096), 10.0)

    async def ask_over_tcp(self, source: str, name: str) -> bytes:
        reader, writer = await asyncio.open_connection(*self.stream_at, local_addr=(source, 0))
        try:
            writer.write(framed(query(name, 7)))
            return await asyncio.wait_for(read_framed(reader), 10.0)
        finally:
            writer.close()
            await writer.wait_closed()

    async def flood(self, source: str) -> None:
        """More slow questions of one client than there are places, until all have come in."""
        sock = self.client(source)
        before = self.metrics.queries_udp_total
        for number in range(FLOOD):
            sock.send(query(f"slow{number}.example.", number))
        await until(lambda: self.metrics.queries_udp_total == before + FLOOD)
        await until(lambda: len(self.upstream.queries) == PLACES // 2)

    async def close(self) -> None:
        self._udp.close()
        self._stream.close()
        for sock in self._sockets:
            sock.close()
        await until(lambda: self._stream.connections == 0)


def _answer(packet: bytes) -> list[bytes]:
    return [] if packet[13:17].lower() == b"slow" else [reply_to(packet)]


@pytest.fixture
def upstream() -> Iterator[UdpServer]:
    return UdpServer(_answer)


@pytest.fixture
async def site(upstream: UdpServer) -> AsyncIterator[Site]:
    metrics = Metrics()
    with upstream, driver(metrics, limits=Limits(client_jobs=PLACES)) as made:
        made_site = Site(upstream, made, metrics, "127.0.0.1")
        try:
            yield made_site
        finally:
            await made_site.close()


async def test_the_flood_of_one_client_leaves_another_its_replies(site: Site) -> None:
    await site.flood("127.0.0.1")
    for number in range(2 * PLACES):
        reply = await site.ask("127.0.0.2", f"quick{number}.example.")
        assert reply[:2] == b"\0\x07"
    assert site.driver._fairness.running == PLACES // 2


async def test_a_client_over_tcp_gets_its_replies_beside_a_flood_over_udp(site: Site) -> None:
    await site.flood("127.0.0.1")
    for number in range(5):
        reply = await site.ask_over_tcp("127.0.0.2", f"quick{number}.example.")
        assert reply[:2] == b"\0\x07"


async def test_over_tcp_a_client_is_the_same_as_over_udp(site: Site) -> None:
    """The flood has all that is due to its address; another transport brings nothing more."""
    await site.flood("127.0.0.1")
    _, writer = await asyncio.open_connection(*site.stream_at, local_addr=("127.0.0.1", 0))
    waited = site.metrics.recursions_waited_total
    writer.write(framed(query("quick.example.", 9)))
    await until(lambda: site.metrics.recursions_waited_total == waited + 1)
    assert len(site.upstream.queries) == PLACES // 2
    writer.close()
    await writer.wait_closed()
