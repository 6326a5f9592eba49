"""The places of TCP clients: how many there are, who has one, and who has to give his up.

A client's time begins with its connection and anew with every whole message, so an octet now and
then gains nothing (slowloris). While places are plenty an idle connection keeps its whole time;
with fewer free it keeps less, so that those who use theirs find one. A client that does not take
its replies has a time of its own.

Knows: limits, addresses, time. Does not know: sockets, messages.

Sources: RFC 7766 sections 6.2.2, 6.2.3 and 10; the steps of the squeeze are after Unbound's.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from resolver.clock import Clock
from resolver.config.schema import ServerSettings
from resolver.net.descriptors import shares

# A client address may have this part of all places, but always a few.
CLIENT_SHARE = 4
CLIENT_LEAST = 10
# Idle time is never cut below this.
LEAST_IDLE_S = 0.2
# With less than this part of the places free, idle connections keep this part of their time.
_SQUEEZE = ((0.2, 0.0), (0.35, 0.02), (0.5, 0.1))
_SWEEP_LEAST_S = 0.05
_SWEEP_MOST_S = 1.0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of a listener. `per_client` is for one address other than a loopback address, whose
    owner could stop us by simpler means. `stall_s` is how long replies may wait for a client that
    does not read; `in_flight` counts queries under way on one connection."""

    connections: int = 1000
    per_client: int = 250
    idle_s: float = 10.0
    stall_s: float = 5.0
    in_flight: int = 100

    @classmethod
    def of(cls, settings: ServerSettings) -> "StreamLimits":
        """The configured bounds, as far as the descriptors of this process reach."""
        connections = min(settings.tcp_connections, shares().client_connections)
        return cls(
            connections=connections,
            per_client=max(CLIENT_LEAST, connections // CLIENT_SHARE),
            idle_s=settings.tcp_idle_timeout,
        )


class Guest(Protocol):
    """Who has a place. `under_way` counts queries being worked on, `stuck` says that replies wait
    for the client to take them, `since` is when its time began."""

    peer: bytes
    under_way: int
    since: float

    @property
    def stuck(self) -> bool: ...

    def shut(self) -> None:
        """Close; what has been written still goes out."""
        ...

    def abort(self) -> None:
        """Close and forget what has not been sent."""
        ...


class Places:
    """Who is there, in the order in which their time will be over."""

    __slots__ = ("_clock", "_guests", "_idle", "_per_address", "_stuck", "limits")

    def __init__(self, limits: StreamLimits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock
        self._guests: set[Guest] = set()
        self._per_address: Counter[bytes] = Counter()
        # Who has queries under way and takes its replies is in neither.
        self._idle: OrderedDict[Guest, None] = OrderedDict()
        self._stuck: OrderedDict[Guest, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._guests)

    def guests(self) -> list[Guest]:
        """Everybody who has a place."""
        return list(self._guests)

    def offer(self, peer: bytes) -> bool:
        """Whether a client of this packed address may come in."""
        limits = self.limits
        if len(self._guests) >= limits.connections:
            return False
        return self._per_address[peer] < limits.per_client or ip_address(peer).is_loopback

    def enter(self, guest: Guest) -> None:
        """Take a place."""
        self._guests.add(guest)
        self._per_address[guest.peer] += 1
        self.moved(guest)

    def moved(self, guest: Guest) -> None:
        """Begin a guest's time anew, in the order that fits its state now."""
        if guest not in self._guests:
            return
        if guest.stuck:
            self._idle.pop(guest, None)
            if guest not in self._stuck:
                guest.since = self._clock.now()
                self._stuck[guest] = None
            return
        self._stuck.pop(guest, None)
        if guest.under_way:
            self._idle.pop(guest, None)
            return
        guest.since = self._clock.now()
        self._idle[guest] = None
        self._idle.move_to_end(guest)

    def leave(self, guest: Guest) -> None:
        """Give the place back; nothing happens when that has been done."""
        if guest not in self._guests:
            return
        self._guests.remove(guest)
        self._idle.pop(guest, None)
        self._stuck.pop(guest, None)
        self._per_address[guest.peer] -= 1
        if not self._per_address[guest.peer]:
            del self._per_address[guest.peer]

    @property
    def idle_s(self) -> float:
        """How long a connection may be idle, with so many places taken."""
        limits = self.limits
        free = 1 - len(self._guests) / limits.connections
        for bound, part in _SQUEEZE:
            if free < bound:
                return min(limits.idle_s, max(LEAST_IDLE_S, limits.idle_s * part))
        return limits.idle_s

    @property
    def sweep_s(self) -> float:
        """When to look for the overdue again."""
        wait_s = min(self.idle_s, self.limits.stall_s) / 4
        return min(_SWEEP_MOST_S, max(_SWEEP_LEAST_S, wait_s))

    def end_overdue(self, *, idle_s: float | None = None) -> int:
        """Close the connections whose time is over; how many. `idle_s` cuts the idle time further.

        Their places become free when they have left, which takes a turn of the event loop.
        """
        ended = 0
        if idle_s is None:
            idle_s = self.idle_s
        now = self._clock.now()
        while self._stuck:
            guest = next(iter(self._stuck))
            if now - guest.since < self.limits.stall_s:
                break
            del self._stuck[guest]
            guest.abort()
            ended += 1
        while self._idle:
            guest = next(iter(self._idle))
            if now - guest.since < idle_s:
                break
            del self._idle[guest]
            guest.shut()
            ended += 1
        return ended
