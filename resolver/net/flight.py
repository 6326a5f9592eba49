"""One ask on its way: what was sent, who waits, what carries it, when it ends.

An ask is one Flight from start to end, also when it changes from UDP to a stream on the way. It
ends once: with an outcome for its waiter, or cancelled.

Knows: effects. Does not know: sockets' details, engines.
"""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from resolver.effects import Ask, Outcome, Timeout
from resolver.net.timers import Timed

if TYPE_CHECKING:
    from resolver.net.job import Job
    from resolver.net.match import Sent
    from resolver.net.outbound import Outbound
    from resolver.net.upstream import Upstream


class Carrier(Protocol):
    """What has a flight under way."""

    def release(self, flight: "Flight") -> None:
        """Give up what the flight holds: a socket, a place on a connection or in a queue."""
        ...


End = Callable[["Flight", Outcome], None]


class Flight(Timed):
    """An ask under way, whose `waiter` takes its outcome once, unless it is cancelled. `sock` is
    set on UDP, and `fd`, its descriptor, and `source`, the address it is bound to; `upstream` and
    `number`, its id there, on a stream; `retried` after a broken connection cost it a second try.
    `sent_at` is in the event loop's time, and until it is sent when it was begun."""

    __slots__ = (
        "ask",
        "carrier",
        "ended",
        "fd",
        "number",
        "outbound",
        "retried",
        "sent",
        "sent_at",
        "sock",
        "source",
        "upstream",
        "waiter",
    )

    def __init__(self, ask: Ask, waiter: "Job", outbound: "Outbound", now: float) -> None:
        super().__init__()
        self.ask = ask
        self.waiter = waiter
        self.outbound = outbound
        self.carrier: Carrier | None = None
        self.sent: Sent | None = None
        self.sent_at = now
        self.number = 0
        self.sock: socket.SocketType | None = None
        self.fd = -1
        self.source = ""
        self.upstream: Upstream | None = None
        self.retried = False
        self.ended = False

    def expire(self) -> None:
        """The ask's own time is over."""
        self.outbound.end(self, Timeout())
