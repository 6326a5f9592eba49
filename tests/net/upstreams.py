"""Small servers on loopback for the tests of this folder. Their packets are dnslib's, not ours."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import dnslib
from stream_server import Talk, listening

from resolver import names
from resolver.effects import Ask, Outcome
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.descriptors import Shares
from resolver.net.job import Limits
from resolver.net.run import Driver

SHARES = Shares(datagram_sockets=64, upstream_connections=8, client_connections=64)


@dataclass(frozen=True)
class Outgoing:
    """As config.schema.OutgoingSettings, as far as the driver looks."""

    source: tuple[str, ...] = ()
    ipv4: bool = True
    ipv6: bool = True
    cookies: bool = True


@contextlib.contextmanager
def driver(
    metrics: Metrics | None = None,
    *,
    limits: Limits | None = None,
    sockets: Shares = SHARES,
    outgoing: Outgoing | None = None,
    reserved_ports: frozenset[int] = frozenset(),
    upstream_idle_s: float = 10.0,
    cost_clock: Callable[[], float] = lambda: 0.0,
) -> Iterator[Driver]:
    """A driver that is closed at the end. Engines take no time unless a clock says so: on a slow
    machine, too, all of a turn's work is done in it."""
    made = Driver(
        outgoing or Outgoing(),
        metrics or Metrics(),
        limits=limits,
        sockets=sockets,
        reserved_ports=reserved_ports,
        upstream_idle_s=upstream_idle_s,
        cost_clock=cost_clock,
    )
    try:
        yield made
    finally:
        made.close()


def question(text: str = "www.example.org.") -> Question:
    """An A question."""
    return Question(names.read(text), 1)


def once(ask: Ask):
    """An engine of one ask; its result is the outcome."""
    return (yield ask)


async def ask(server: Address, made: Driver, **changes) -> Outcome:
    """The outcome of one ask for www.example.org A, at most two seconds."""
    asked = {"server": server, "question": question(), "timeout_s": 2.0} | changes
    return await made.complete(once(Ask(**asked)))


def reply_to(packet: bytes, ip: str = "192.0.2.1") -> bytes:
    """A response with one A record."""
    record = dnslib.DNSRecord.parse(packet)
    reply = record.reply()
    reply.add_answer(dnslib.RR(record.q.qname, dnslib.QTYPE.A, ttl=60, rdata=dnslib.A(ip)))
    return bytes(reply.pack())


class UdpServer:
    """Hands each query to `answer`, which returns the packets to send back. Keeps what came, and
    the port of TCP for a `tcp_server` beside it: nobody else is there."""

    def __init__(self, answer: Callable[[bytes], list[bytes]], ip: str = "127.0.0.1") -> None:
        self._answer = answer
        self._ip = ip
        self.queries: list[bytes] = []
        self.peers: list[tuple[str, int]] = []

    def __enter__(self) -> "UdpServer":
        while not self._bind():
            pass
        self.address = Address(self._ip, self.sock.getsockname()[1])
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._on_readable)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()
        self._place.close()

    def _bind(self) -> bool:
        """Whether a port was found that is free for both."""
        family = socket.AF_INET6 if ":" in self._ip else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((self._ip, 0))
        self._place = socket.socket(family, socket.SOCK_STREAM)
        # Whoever says the same may listen there, as long as we do not.
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._place.bind((self._ip, self.sock.getsockname()[1]))
        except OSError:
            self.sock.close()
            self._place.close()
            return False
        return True

    def _on_readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, peer = self.sock.recvfrom(4096)
                self.queries.append(packet)
                self.peers.append(peer[:2])
                for reply in self._answer(packet):
                    self.sock.sendto(reply, peer)


def has_ipv6() -> bool:
    """Whether ::1 can be bound."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def descriptors_left(count: int) -> Iterator[list[int]]:
    """Leave this process so many free descriptors. Yields those that fill the gaps below them, and
    some more: whoever closes one and takes it out of the list makes room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    fillers = [os.open(os.devnull, os.O_RDONLY)]
    while fillers[-1] <= highest or len(fillers) < 8:
        fillers.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 1 + count, hard))
    try:
        yield fillers
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fillers:
            os.close(fd)


class TcpServer:
    """Talks on each connection as it is told to. `connections` counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.address = Address("127.0.0.1", 0)


@contextlib.asynccontextmanager
async def tcp_server(talk: Talk, port: int = 0) -> AsyncIterator[TcpServer]:
    """A server on loopback that runs `talk` for every connection, and closes it afterwards."""
    served = TcpServer()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    async with listening(on_connection, [], port=port) as found:
        served.address = Address("127.0.0.1", found)
        yield served


async def read_framed(reader: asyncio.StreamReader) -> bytes:
    """One message with its length in front."""
    length = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(length)


def framed(packet: bytes) -> bytes:
    """A message with its length in front, written here and not with our own codec."""
    return len(packet).to_bytes(2, "big") + packet


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every query, in order."""
    while True:
        writer.write(framed(reply_to(await read_framed(reader))))


async def turn() -> None:
    """Let the event loop take a turn: what was started has then gone as far as it goes at once."""
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true; the test's own time-out ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)
