"""Deadlines: filed by the tick they fall into, and one call_at for the earliest tick.

A deadline is nearly always taken back, since replies nearly always come in time. So setting and
taking back cost the same whatever else is set, what was taken back is let go of at once, and the
event loop hears of a tick only when that is earlier than the one it already waits for.

Knows: the event loop's clock. Does not know: what is timed.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from heapq import heappop, heappush
from time import monotonic
from typing import Final

from resolver.native import mypyc_attr

# Deadlines in one tick are served by one wake-up, at its beginning: so much too early at most.
TICK_S: Final = 0.002
_NEVER: Final = 1 << 60

_log = logging.getLogger(__name__)


@mypyc_attr(allow_interpreted_subclasses=True)
class Timed(ABC):
    """Something with a deadline. `due` is the instant, 0.0 when none is set; `before` and `after`
    are what it stands between then, in a row behind its tick. All are set by Timers."""

    __slots__ = ("after", "before", "due")

    def __init__(self) -> None:
        self.due = 0.0
        self.before: Timed | None = None
        self.after: Timed | None = None

    @abstractmethod
    def expire(self) -> None:
        """Called once, when the deadline has passed; none is set any more by then."""


class _Tick(Timed):
    """The row of one tick: what falls into it stands behind this."""

    __slots__ = ()

    def expire(self) -> None:
        """It has no deadline itself."""


class Timers:
    """The deadlines of one event loop. Everything is called from that loop."""

    __slots__ = ("_armed_for", "_handle", "_latest", "_latest_number", "_loop", "_order", "_ticks")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # By number of tick, in the order they were set in; a tick stays until it has come.
        self._ticks: dict[int, _Tick] = {}
        self._order: list[int] = []
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = _NEVER  # the number of a tick
        # Where the last one was filed: the next one often falls into the same tick.
        self._latest = _Tick()
        self._latest_number = _NEVER

    def __len__(self) -> int:
        """Deadlines that are set."""
        return sum(len(_row(tick)) for tick in self._ticks.values())

    @property
    def ticks(self) -> int:
        """Ticks that are waited for, also those whose deadlines were all taken back."""
        return len(self._ticks)

    def set(self, timed: Timed, when: float) -> None:
        """Have `timed.expire()` called at `when`, in loop time. It must have no deadline yet."""
        timed.due = when
        number = int(when / TICK_S)
        if number != self._latest_number:
            self._latest = self._tick(number)
            self._latest_number = number
        tick = self._latest
        after = tick.after
        if after is not None:
            after.before = timed
        timed.after = after
        timed.before = tick
        tick.after = timed

    def cancel(self, timed: Timed) -> None:
        """Take the deadline back; nothing happens when none is set."""
        if timed.due:
            timed.due = 0.0
            before, after = timed.before, timed.after
            timed.before = timed.after = None
            if before is not None:
                before.after = after
            if after is not None:
                after.before = before

    def close(self) -> None:
        """Forget every deadline; none expires any more."""
        for tick in self._ticks.values():
            for timed in _row(tick):
                self.cancel(timed)
        self._ticks.clear()
        self._latest_number = _NEVER
        self._order.clear()
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = _NEVER

    def _tick(self, number: int) -> _Tick:
        tick = self._ticks.get(number)
        if tick is None:
            tick = self._ticks[number] = _Tick()
            heappush(self._order, number)
            if number < self._armed_for:
                self._arm(number)
        return tick

    def _arm(self, number: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = number
        self._handle = self._loop.call_at(number * TICK_S, self._come)

    def _come(self) -> None:
        """A tick has come, and others perhaps that it was late for."""
        # The loop may call a little before the time: then the clock shows the tick before.
        last = max(int(monotonic() / TICK_S), self._armed_for)
        self._armed_for = _NEVER
        order, ticks = self._order, self._ticks
        while order and order[0] <= last:
            number = heappop(order)
            tick = ticks[number]
            # Handlers set and take back deadlines, also in this tick.
            while tick.after is not None:
                timed = tick.after
                self.cancel(timed)
                try:
                    timed.expire()
                except Exception:
                    _log.exception("a deadline's handler raised")
            ticks.pop(number, None)
            if number == self._latest_number:
                self._latest_number = _NEVER
        # A handler may have set a deadline, and so armed for one later than others still waiting.
        if order and order[0] < self._armed_for:
            self._arm(order[0])


def _row(tick: _Tick) -> list[Timed]:
    row = []
    timed = tick.after
    while timed is not None:
        row.append(timed)
        timed = timed.after
    return row
