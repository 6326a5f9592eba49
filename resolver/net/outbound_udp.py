"""Asks over UDP: every one from a socket and a random port of its own.

The socket is bound to a port drawn by CSPRNG over 1024 to 65535 and connected, so the kernel drops
what comes from elsewhere and reports ICMP errors for this ask alone (RFC 5452 sections 9.1 and
9.2). It is bound at the moment of use, not ahead: a bound socket that is not yet connected would
collect packets from anybody, to be read later as if the server had sent them. IP_PMTUDISC_OMIT
keeps forged path-MTU messages from making fragments of our queries.

All sockets are registered in one epoll of our own whose descriptor the event loop watches, and are
left to close() to deregister; asyncio never hears of a single one.

What is done for many flights is done step by step for all of them, not for one after the other: the
processor then has the code of a step at hand.

Knows: UDP sockets on Linux. Does not know: engines, timers, what an answer means.
"""

import asyncio
import errno
import logging
import mmap
import os
import select
import socket
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from resolver.effects import Outcome, Unreachable
from resolver.metrics import Metrics
from resolver.net.cookies import Cookies
from resolver.net.entropy import Entropy
from resolver.net.flight import Flight
from resolver.net.match import Miss, QueryMaker, read_response
from resolver.net.sources import ANY_IPV4, ANY_IPV6, Sources
from resolver.net.tls_context import tls_reason

if TYPE_CHECKING:
    from resolver.net.outbound import Outbound

# One datagram of any size; what is advertised in EDNS does not bind the other end.
RECEIVE_OCTETS: Final = 65535
# Sockets that are read in one wake-up, so that clients get their turn: a millisecond or two.
BATCH_SOCKETS: Final = 64
# With half of all ports taken, this many draws in a row are all taken once in 2^32 times.
PORT_DRAWS: Final = 32
# How soon to look for a free descriptor again when none of ours is about to be closed.
RETRY_S: Final = 0.05
# How long, and for how many servers, the address that they are asked from is remembered.
OWN_ADDRESS_S: Final = 1.0
MOST_OWN_ADDRESSES: Final = 10_000
OUT_OF_SOCKETS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

# Linux's numbers; the socket module does not name them.
_IP_MTU_DISCOVER: Final = 10
_IPV6_MTU_DISCOVER: Final = 23
_PMTUDISC_OMIT: Final = 5

_Socket: Final = socket.SocketType
# Called by their own names, they are not looked up in every socket.
_fileno: Final = _Socket.fileno
_setsockopt: Final = _Socket.setsockopt
_bind: Final = _Socket.bind
_connect: Final = _Socket.connect
_close: Final = _Socket.close
# Less stands between these and the system than between it and a socket's own send and recv.
_send: Final = os.write
_recv: Final = os.readv
_register: Final = select.epoll.register
# Objects, lest compiled code make one of a number for each call.
_EPOLLIN: Final[Any] = select.EPOLLIN
_IPV4: Final[Any] = int(socket.AF_INET)
_IPV6: Final[Any] = int(socket.AF_INET6)
_IPV4_LEVEL: Final[Any] = int(socket.IPPROTO_IP)
_IPV6_LEVEL: Final[Any] = int(socket.IPPROTO_IPV6)
_DATAGRAM: Final[Any] = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

_log = logging.getLogger(__name__)


class _OutOfSocketsError(Exception):
    """No descriptor is free at the moment."""


class UdpAsker:
    """Carries flights over UDP. At most `most_sockets` at a time; more wait in order of arrival,
    with their time running."""

    def __init__(
        self,
        outbound: "Outbound",
        *,
        loop: asyncio.AbstractEventLoop,
        sources: Sources,
        entropy: Entropy,
        metrics: Metrics,
        cookies: Cookies | None,
        most_sockets: int,
    ) -> None:
        self._outbound = outbound
        self._loop = loop
        self._sources = sources
        self._entropy = entropy
        self._queries = QueryMaker(entropy, cookies)
        self._metrics = metrics
        self._most_sockets = most_sockets
        self._flights: list[Flight | None] = []  # by descriptor
        self.in_flight = 0  # sockets that wait for a response
        self._queue: OrderedDict[Flight, None] = OrderedDict()
        self._draining = False
        self._retry: asyncio.TimerHandle | None = None
        self._own: dict[str, str] = {}
        self._own_since = 0.0
        self._last_ip = self._last_own = ""
        # What comes is read into here, and then has an object of its own size.
        self._buffer = mmap.mmap(-1, RECEIVE_OCTETS)
        self._into = [self._buffer]
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._on_readable)

    @property
    def queued(self) -> int:
        """Flights that wait for a socket."""
        return len(self._queue)

    def take(self, flights: Sequence[Flight]) -> None:
        """Send the queries of flights, or queue them. Some may end before this returns."""
        opened = []
        for flight in flights:
            flight.carrier = self
            if self._queue or self.in_flight >= self._most_sockets:
                self._queue[flight] = None
            elif not self._open(flight):
                self._queue[flight] = None
                self._retry_later()
            elif flight.sock is not None:
                opened.append(flight)
        self._depart(opened)

    def release(self, flight: Flight) -> None:
        """Close the flight's socket, or take it out of the queue."""
        sock = flight.sock
        if sock is None:
            self._queue.pop(flight, None)
            return
        self._shut(flight, sock)
        if self._queue:
            self._drain()

    def close(self) -> None:
        """Stop watching. Every flight must have been released."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._buffer.close()

    def _depart(self, flights: list[Flight]) -> None:
        """Send the queries of flights that have a socket. Errors end a flight."""
        connected = [flight for flight in flights if self._connect(flight)]
        watched = [flight for flight in connected if self._watch(flight)]
        names = self._queries.spell([flight.ask for flight in watched])
        written = [flight for at, flight in enumerate(watched) if self._write(flight, names[at])]
        for flight in written:
            self._send(flight)

    def _open(self, flight: Flight) -> bool:
        """Give a flight a socket of its own; False when there is no descriptor for it now. Errors
        end the flight, which has none then."""
        try:
            six = ":" in flight.ask.server.ip
            source = self._sources.pick(six=six)
            sock = _open_socket(six=six)
        except _OutOfSocketsError:
            return False
        except OSError as error:
            self._outbound.end(flight, Unreachable(reason_of(error)))
            return True
        fd = _fileno(sock)
        flight.sock, flight.fd, flight.source = sock, fd, source
        flights = self._flights
        if fd >= len(flights):
            flights.extend([None] * (fd + 1 - len(flights)))
        flights[fd] = flight
        self.in_flight += 1
        return True

    def _connect(self, flight: Flight) -> bool:
        """Have the socket take what comes from the server alone. The port is bound only now, so
        nobody else has had time to send to it. Errors end the flight: then False."""
        sock = flight.sock
        if sock is None:
            return False
        try:
            self._bind(sock, flight.source)
            _connect(sock, flight.ask.server)
        except OSError as error:
            self._outbound.end(flight, Unreachable(reason_of(error)))
            return False
        return True

    def _watch(self, flight: Flight) -> bool:
        """Hear of what comes. Errors end the flight: then False."""
        try:
            _register(self._epoll, flight.fd, _EPOLLIN)
        except OSError as error:
            self._outbound.end(flight, Unreachable(reason_of(error)))
            return False
        return True

    def _bind(self, sock: socket.SocketType, source: str) -> None:
        """Bind a socket to an address of ours and a random port. Raises OSError."""
        for draws_left in range(PORT_DRAWS, 0, -1):
            try:
                _bind(sock, (source, self._entropy.port()))
            except OSError as error:
                # Somebody has this port, or (EACCES) it is not for everybody: draw another one.
                if draws_left == 1 or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return

    def _write(self, flight: Flight, name: bytes) -> bool:
        """Write the query, with the name in this spelling. Errors end the flight: then False."""
        ask, sock, own = flight.ask, flight.sock, flight.source
        if sock is None:
            return False
        try:
            if own in (ANY_IPV4, ANY_IPV6):
                own = self._own_address(sock, ask.server.ip, flight.sent_at)
            flight.sent = self._queries.make_spelled(ask, own, name)
        except OSError as error:
            self._outbound.end(flight, Unreachable(reason_of(error)))
            return False
        except Exception:  # costs nothing but this ask
            self._metrics.exceptions_total += 1
            _log.exception("writing a query failed")
            self._outbound.end(flight, Unreachable("could not be asked"))
            return False
        return True

    def _send(self, flight: Flight) -> None:
        """Send the query. Errors end the flight."""
        sent = flight.sent
        if flight.sock is None or sent is None:
            return
        try:
            _send(flight.fd, sent.packet)
        except OSError as error:
            self._outbound.end(flight, Unreachable(reason_of(error)))
            return
        self._metrics.upstream_queries_total += 1

    def _shut(self, flight: Flight, sock: socket.SocketType) -> None:
        flight.sock = None
        self._flights[flight.fd] = None
        self.in_flight -= 1
        _close(sock)

    def _own_address(self, sock: socket.SocketType, ip: str, now: float) -> str:
        """The address that the system has chosen for a connected socket. Routes may change, so it
        is asked for again every second."""
        if now - self._own_since >= OWN_ADDRESS_S or len(self._own) >= MOST_OWN_ADDRESSES:
            self._own.clear()
            self._own_since = now
        elif ip is self._last_ip:
            return self._last_own
        own = self._own.get(ip)
        if own is None:
            name: str = sock.getsockname()[0]
            own = self._own[ip] = name
        self._last_ip, self._last_own = ip, own
        return own

    def _on_readable(self) -> None:
        """Read what has come, and end the flights that it ends. No socket is closed before all are
        read and judged, so a descriptor means one flight all the time."""
        events = self._epoll.poll(0, BATCH_SOCKETS)
        now = monotonic()  # they were all here by then
        flights, packets = self._read(events)
        verdicts = [self._judge(flight, packets[at], now) for at, flight in enumerate(flights)]
        for at, flight in enumerate(flights):
            if not isinstance(verdicts[at], Miss) and flight.sock is not None:
                flight.carrier = None
                self._shut(flight, flight.sock)
        for at, flight in enumerate(flights):
            verdict = verdicts[at]
            if not isinstance(verdict, Miss):
                self._outbound.end(flight, verdict)
            elif verdict.is_near:
                self._outbound.distrust(flight)
        if self._queue:
            self._drain()

    def _read(
        self, events: list[tuple[int, int]]
    ) -> tuple[list[Flight], list[bytes | Unreachable]]:
        """The flights that something has come for, and what."""
        flights: list[Flight] = []
        packets: list[bytes | Unreachable] = []
        for fd, _ in events:
            flight = self._flights[fd]
            if flight is None or flight.sock is None:
                continue
            try:
                octets = _recv(fd, self._into)
                packets.append(self._buffer[:octets])
            except BlockingIOError:
                continue
            except OSError as error:
                packets.append(Unreachable(reason_of(error)))
            flights.append(flight)
        return flights, packets

    def _judge(self, flight: Flight, packet: bytes | Unreachable, now: float) -> Outcome | Miss:
        sent = flight.sent
        if not isinstance(packet, bytes):
            return packet
        if sent is None:
            return Miss.OTHER  # nothing has been asked
        # What was asked in this very turn may have been answered since.
        rtt_s = max(now - flight.sent_at, 0.0)
        return read_response(sent, packet, rtt_s, self._metrics, stream=False)

    def _drain(self) -> None:
        """Give sockets to those who wait for one."""
        if self._draining:
            return  # whoever does it will see that there is room again
        self._draining = True
        try:
            while self._queue and self.in_flight < self._most_sockets:
                flight, _ = self._queue.popitem(last=False)
                flight.sent_at = monotonic()
                if not self._open(flight):
                    self._queue[flight] = None
                    self._queue.move_to_end(flight, last=False)
                    self._retry_later()
                    return
                self._depart([flight])
        finally:
            self._draining = False

    def _retry_later(self) -> None:
        if self._retry is None:
            self._retry = self._loop.call_later(RETRY_S, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._drain()


def _open_socket(*, six: bool) -> socket.SocketType:
    """A socket that is bound to nothing yet. Raises OSError, or _OutOfSocketsError."""
    try:
        sock = _Socket(_IPV6 if six else _IPV4, _DATAGRAM)
    except OSError as error:
        if error.errno in OUT_OF_SOCKETS:
            raise _OutOfSocketsError from None
        raise
    try:
        if six:
            _setsockopt(sock, _IPV6_LEVEL, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
        else:
            _setsockopt(sock, _IPV4_LEVEL, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
    except OSError:
        sock.close()
        raise
    return sock


def reason_of(error: OSError) -> str:
    """The system's words for an error, as an outcome carries them."""
    if isinstance(error, ssl.SSLError):
        return tls_reason(error)
    return os.strerror(error.errno) if error.errno else str(error) or "connection closed"
