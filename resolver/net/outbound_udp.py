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
import os
import select
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from resolver.effects import Outcome, Unreachable
from resolver.metrics import Metrics
from resolver.net.cookies import Cookies
from resolver.net.entropy import Entropy
from resolver.net.flight import End, Flight
from resolver.net.match import Miss, QueryMaker, Sent, read_response
from resolver.net.sources import ANY_IPV4, ANY_IPV6, Sources
from resolver.net.tls_context import tls_reason

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
_EPOLLIN: Final = select.EPOLLIN
_IPV4: Final = int(socket.AF_INET)
_IPV6: Final = int(socket.AF_INET6)
_IPV4_LEVEL: Final = int(socket.IPPROTO_IP)
_IPV6_LEVEL: Final = int(socket.IPPROTO_IPV6)
_DATAGRAM: Final = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

_log = logging.getLogger(__name__)


class _OutOfSocketsError(Exception):
    """No descriptor is free at the moment."""


class UdpAsker:
    """Carries flights over UDP. At most `most_sockets` at a time; more wait in order of arrival,
    with their time running. `near_miss` takes a flight over when somebody seems to guess."""

    def __init__(
        self,
        end: End,
        near_miss: Callable[[Flight], None],
        *,
        loop: asyncio.AbstractEventLoop,
        sources: Sources,
        entropy: Entropy,
        metrics: Metrics,
        cookies: Cookies | None,
        most_sockets: int,
    ) -> None:
        self._end = end
        self._near_miss = near_miss
        self._loop = loop
        self._sources = sources
        self._entropy = entropy
        self._queries = QueryMaker(entropy, cookies)
        self._metrics = metrics
        self._most_sockets = most_sockets
        self._flights: dict[int, Flight] = {}
        self._queue: OrderedDict[Flight, None] = OrderedDict()
        self._retry: asyncio.TimerHandle | None = None
        self._own: dict[str, str] = {}
        self._own_since = 0.0
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._on_readable)

    @property
    def in_flight(self) -> int:
        """Sockets that wait for a response."""
        return len(self._flights)

    @property
    def queued(self) -> int:
        """Flights that wait for a socket."""
        return len(self._queue)

    def take(self, flights: Sequence[Flight]) -> None:
        """Send the queries of flights, or queue them. Some may end before this returns."""
        opened = []
        for flight in flights:
            flight.carrier = self
            if self._queue or len(self._flights) >= self._most_sockets:
                self._queue[flight] = None
            elif not self._open(flight):
                self._queue[flight] = None
                self._retry_later()
            elif flight.sock is not None:
                opened.append(flight)
        for flight in [flight for flight in opened if self._connect(flight)]:
            self._send(flight)

    def release(self, flight: Flight) -> None:
        """Close the flight's socket, or take it out of the queue."""
        sock = flight.sock
        if sock is None:
            self._queue.pop(flight, None)
            return
        flight.sock = None
        del self._flights[flight.fd]
        sock.close()
        if self._queue:
            self._drain()

    def close(self) -> None:
        """Stop watching. Every flight must have been released."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _open(self, flight: Flight) -> bool:
        """Give a flight a socket of its own; False when there is no descriptor for it now. Errors
        end the flight, which has none then."""
        try:
            six = ":" in flight.ask.server.ip
            source = self._sources.pick(six=six)
            sock = self._socket(source, six=six)
        except _OutOfSocketsError:
            return False
        except OSError as error:
            self._end(flight, Unreachable(reason_of(error)))
            return True
        flight.sock = sock
        flight.fd = sock.fileno()
        flight.source = source
        self._flights[flight.fd] = flight
        return True

    def _connect(self, flight: Flight) -> bool:
        """Have the socket take what comes from the server alone, and write the query. Errors end
        the flight: then False."""
        ask, sock = flight.ask, flight.sock
        if sock is None:
            return False
        try:
            sock.connect(ask.server)
            self._epoll.register(flight.fd, _EPOLLIN)
            own = flight.source
            if own in (ANY_IPV4, ANY_IPV6):
                own = self._own_address(sock, ask.server.ip, flight.sent_at)
            flight.sent = self._queries.make(ask, own, mix_case=ask.mix_case)
        except OSError as error:
            self._end(flight, Unreachable(reason_of(error)))
            return False
        except Exception:  # costs nothing but this ask
            self._metrics.exceptions_total += 1
            _log.exception("writing a query failed")
            self._end(flight, Unreachable("could not be asked"))
            return False
        return True

    def _send(self, flight: Flight) -> None:
        """Send the query. Errors end the flight."""
        sock, sent = flight.sock, flight.sent
        if sock is None or sent is None:
            return
        try:
            sock.send(sent.packet)
        except OSError as error:
            self._end(flight, Unreachable(reason_of(error)))
            return
        self._metrics.upstream_queries_total += 1

    def _own_address(self, sock: socket.SocketType, ip: str, now: float) -> str:
        """The address that the system has chosen for a connected socket. Routes may change, so it
        is asked for again every second."""
        if now - self._own_since >= OWN_ADDRESS_S or len(self._own) >= MOST_OWN_ADDRESSES:
            self._own.clear()
            self._own_since = now
        own = self._own.get(ip)
        if own is None:
            name: str = sock.getsockname()[0]
            own = self._own[ip] = name
        return own

    def _socket(self, source: str, *, six: bool) -> socket.SocketType:
        """A socket bound to an address of ours and a random port. Raises OSError, or
        _OutOfSocketsError."""
        try:
            sock = _Socket(_IPV6 if six else _IPV4, _DATAGRAM)
        except OSError as error:
            if error.errno in OUT_OF_SOCKETS:
                raise _OutOfSocketsError from None
            raise
        try:
            if six:
                sock.setsockopt(_IPV6_LEVEL, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
            else:
                sock.setsockopt(_IPV4_LEVEL, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
            self._bind(sock, source)
        except OSError:
            sock.close()
            raise
        return sock

    def _bind(self, sock: socket.SocketType, source: str) -> None:
        for draws_left in range(PORT_DRAWS, 0, -1):
            try:
                sock.bind((source, self._entropy.port()))
            except OSError as error:
                # Somebody has this port, or (EACCES) it is not for everybody: draw another one.
                if draws_left == 1 or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return

    def _on_readable(self) -> None:
        events = self._epoll.poll(0, BATCH_SOCKETS)
        now = monotonic()  # they were all here by then
        received: list[tuple[Flight, Sent, bytes]] = []
        for fd, _ in events:
            flight = self._flights.get(fd)
            # An error of an earlier one may have ended it, and a new one may have got its
            # descriptor; then there is nothing to read yet.
            if flight is None or flight.sock is None or flight.sent is None:
                continue
            try:
                packet = flight.sock.recv(RECEIVE_OCTETS)
            except BlockingIOError:
                continue
            except OSError as error:
                self._end(flight, Unreachable(reason_of(error)))
                continue
            received.append((flight, flight.sent, packet))
        metrics = self._metrics
        verdicts: list[tuple[Flight, Outcome | Miss]] = []
        for flight, sent, packet in received:
            # What was asked in this very turn may have been answered since.
            rtt_s = max(now - flight.sent_at, 0.0)
            verdict = read_response(sent, packet, rtt_s, metrics, stream=False)
            verdicts.append((flight, verdict))
        for flight, verdict in verdicts:
            if not isinstance(verdict, Miss):
                self._end(flight, verdict)
            elif verdict.is_near:
                self._near_miss(flight)

    def _drain(self) -> None:
        while self._queue and len(self._flights) < self._most_sockets:
            flight, _ = self._queue.popitem(last=False)
            flight.sent_at = monotonic()
            if not self._open(flight):
                self._queue[flight] = None
                self._queue.move_to_end(flight, last=False)
                self._retry_later()
                return
            if self._connect(flight):
                self._send(flight)

    def _retry_later(self) -> None:
        if self._retry is None:
            self._retry = self._loop.call_later(RETRY_S, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._drain()


def reason_of(error: OSError) -> str:
    """The system's words for an error, as an outcome carries them."""
    if isinstance(error, ssl.SSLError):
        return tls_reason(error)
    return os.strerror(error.errno) if error.errno else str(error) or "connection closed"
