"""Faults put into the server on purpose, to see that the soak finds each of them.

    python -m tests.bench.soak --minutes 1 --break lost

The verdict must be bad, and name the fault. `leak` needs nine minutes, for growth is measured over
five of them; `line`, `torn` and `unreloaded` need --churn.
Knows: where the server can be broken in a few lines. Does not know: how that is found.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from resolver.app import server
from resolver.app.line_writer import LineWriter
from resolver.app.reload import Reloaded
from resolver.cache.rrsets import RRsets
from resolver.effects import Await
from resolver.net.listen_udp import UdpListener
from resolver.net.run import Driver
from resolver.serve.service import Service

_RARE = 500
_LATE_S = 11.0
_STALL_S = 3.0
_kept: list[Any] = []


def _every(number: int) -> Callable[[], bool]:
    counter = count(1)
    return lambda: next(counter) % number == 0


def wrong() -> None:
    """What is learned is kept ten times as long as it may be."""
    learn = RRsets.learn

    def longer(self: RRsets, rrset: Any, *args: Any, **named: Any) -> bool:
        return learn(self, replace(rrset, ttl=rrset.ttl * 10), *args, **named)

    RRsets.learn = longer  # type: ignore[method-assign]


def lost() -> None:
    """Some replies are never sent."""
    reply_late, is_due = UdpListener._reply_late, _every(_RARE)

    def lose(self: UdpListener, *args: Any) -> None:
        reply_late(self, *(args if not is_due() else (*args[:-1], None)))

    UdpListener._reply_late = lose  # type: ignore[method-assign]


def late() -> None:
    """Some replies are sent after the bound."""
    reply_late, is_due = UdpListener._reply_late, _every(_RARE)

    def hold(self: UdpListener, *args: Any) -> None:
        if is_due() and self._loop is not None:
            self._loop.call_later(_LATE_S, reply_late, self, *args)
        else:
            reply_late(self, *args)

    UdpListener._reply_late = hold  # type: ignore[method-assign]


def stuck() -> None:
    """Some jobs wait for what never happens."""
    start, is_due = Driver.start, _every(_RARE)

    def wait() -> Any:
        yield Await(lambda done: None)

    def also(self: Driver, steps: Any, done: Any) -> None:
        start(self, steps, done)
        if is_due():
            start(self, wait(), lambda result: None)

    Driver.start = also  # type: ignore[method-assign]


def raises() -> None:
    """Some queries run into an exception."""
    respond, is_due = Service.respond, _every(_RARE)

    def fail(self: Service, *args: Any, **named: Any) -> Any:
        if is_due():
            raise ValueError("broken on purpose")
        return respond(self, *args, **named)

    Service.respond = fail  # type: ignore[assignment, method-assign]


def leak() -> None:
    """Every reply that is made is kept for ever."""
    finish = Service._finish

    def keep(self: Service, *args: Any, **named: Any) -> Any:
        _kept.append(reply := finish(self, *args, **named))
        return reply

    Service._finish = keep  # type: ignore[method-assign]


def descriptors() -> None:
    """Sockets are made, and never closed."""
    start, is_due = Driver.start, _every(_RARE)

    def open_more(self: Driver, steps: Any, done: Any) -> None:
        if is_due():
            _kept.append(socket.socket())
        start(self, steps, done)

    Driver.start = open_more  # type: ignore[method-assign]


def stall() -> None:
    """The event loop stands still at times."""
    start, is_due = Driver.start, _every(4 * _RARE)

    def sleep(self: Driver, steps: Any, done: Any) -> None:
        if is_due():
            time.sleep(_STALL_S)
        start(self, steps, done)

    Driver.start = sleep  # type: ignore[method-assign]


def line() -> None:
    """What is in the buffer when a log is moved away is not written."""
    reopen = LineWriter.reopen

    def forget(self: LineWriter) -> None:
        with self._lock:
            self._lines.clear()
        reopen(self)

    LineWriter.reopen = forget  # type: ignore[method-assign]


def torn() -> None:
    """Rotation tears a line in two."""
    reopen = LineWriter.reopen

    def tear(self: LineWriter) -> None:
        os.write(self._descriptor, b'{"time":')
        reopen(self)

    LineWriter.reopen = tear  # type: ignore[method-assign]


def unreloaded() -> None:
    """A reload does nothing, and says that it is done."""

    async def nothing(*_: Any) -> Reloaded:
        return Reloaded(ok=True)

    server.reload = nothing


BREAKS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        wrong,
        lost,
        late,
        stuck,
        raises,
        leak,
        descriptors,
        stall,
        line,
        torn,
        unreloaded,
    )
}
