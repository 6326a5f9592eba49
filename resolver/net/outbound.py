"""Performs asks: on UDP or on a stream, within their time, ending each exactly once.

An ask over UDP whose port receives a packet with a wrong id, or without the cookie that the server
is known to send, goes on over TCP in the time that is left: the first wrong guess of a forger is
also the last one (RFC 5452 section 9.1 counts on few guesses; a stream leaves none).

Knows: both carriers, deadlines. Does not know: engines.
"""

import asyncio
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from resolver.effects import Ask, Outcome, Timeout
from resolver.metrics import Metrics
from resolver.net.cookies import SECRET_OCTETS, Cookies
from resolver.net.descriptors import Shares, shares
from resolver.net.entropy import Entropy
from resolver.net.flight import Flight
from resolver.net.outbound_stream import IDLE_S, StreamAsker
from resolver.net.outbound_udp import UdpAsker
from resolver.net.sources import Sources
from resolver.net.timers import Timers
from resolver.tls import TlsAddress

if TYPE_CHECKING:
    from resolver.net.job import Job

# To look the class up each time takes as long as to compare.
_TLS_ADDRESS: Final[type] = TlsAddress


class Outgoing(Protocol):
    """What is needed of config.schema.OutgoingSettings."""

    @property
    def source(self) -> Iterable[object]:
        """Source addresses of either family; a family without one leaves it to the system."""
        ...

    @property
    def ipv4(self) -> bool:
        """Whether to ask over IPv4."""
        ...

    @property
    def ipv6(self) -> bool:
        """Whether to ask over IPv6."""
        ...

    @property
    def cookies(self) -> bool:
        """Whether to send cookies (RFC 7873)."""
        ...


class Outbound:
    """All asks under way. Make it in the process that uses it: its randomness must not be shared
    by a fork."""

    def __init__(
        self,
        outgoing: Outgoing,
        metrics: Metrics,
        *,
        loop: asyncio.AbstractEventLoop,
        timers: Timers,
        sockets: Shares | None = None,
        reserved_ports: frozenset[int] = frozenset(),
        upstream_idle_s: float = IDLE_S,
    ) -> None:
        sockets = sockets or shares()
        entropy = Entropy(reserved_ports)
        sources = Sources(outgoing.source, entropy=entropy, ipv4=outgoing.ipv4, ipv6=outgoing.ipv6)
        cookies = Cookies(os.urandom(SECRET_OCTETS)) if outgoing.cookies else None
        self._timers = timers
        self._metrics = metrics
        self.in_flight = 0  # asks that have not ended, queued ones included
        self._departing: list[Flight] = []
        self.udp = UdpAsker(
            self,
            loop=loop,
            sources=sources,
            entropy=entropy,
            metrics=metrics,
            cookies=cookies,
            most_sockets=sockets.datagram_sockets,
        )
        self.stream = StreamAsker(
            self.end,
            loop=loop,
            sources=sources,
            entropy=entropy,
            metrics=metrics,
            cookies=cookies,
            most_connections=sockets.upstream_connections,
            idle_s=upstream_idle_s,
        )

    def ask(self, ask: Ask, waiter: "Job", now: float) -> Flight:
        """Start an ask; one over UDP leaves with `depart`. `waiter.resume` may be called before
        this returns. `now` is the event loop's time."""
        flight = Flight(ask, waiter, self, now)
        self.in_flight += 1
        self._timers.set(flight, now + ask.timeout_s)
        if ask.stream or type(ask.server) is _TLS_ADDRESS:
            self.stream.take(flight)
        else:
            self._departing.append(flight)
        return flight

    def depart(self) -> bool:
        """Send what was asked over UDP since the last time; False when there was nothing. Flights
        may end before this returns."""
        if not self._departing:
            return False
        departing, self._departing = self._departing, []
        # Whoever has no deadline any more has been cancelled.
        self.udp.take([flight for flight in departing if flight.due])
        return True

    def cancel(self, flight: Flight) -> None:
        """End a flight without an outcome; nothing happens when it has ended."""
        if not flight.ended:
            self._leave(flight)

    def close(self) -> None:
        """Close every socket. Every flight must have been cancelled."""
        self.udp.close()
        self.stream.close()

    def end(self, flight: Flight, outcome: Outcome) -> None:
        """End a flight; nothing happens when it has ended."""
        if flight.ended:
            return
        self._leave(flight)
        if type(outcome) is Timeout:
            self._metrics.upstream_timeouts_total += 1
        flight.waiter.resume(outcome)

    def _leave(self, flight: Flight) -> None:
        flight.ended = True
        self.in_flight -= 1
        self._timers.cancel(flight)
        self._release(flight)

    def distrust(self, flight: Flight) -> None:
        """Let a flight go on over TCP: somebody seems to guess."""
        self._release(flight)
        self.stream.take(flight)

    def _release(self, flight: Flight) -> None:
        carrier = flight.carrier
        flight.carrier = None
        if carrier is self.udp:
            self.udp.release(flight)  # by its type: that takes half as long
        elif carrier is not None:
            carrier.release(flight)
