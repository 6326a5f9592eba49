"""Deadlines: one heap for all of them and one call_at for the earliest.

A deadline is nearly always cancelled, since replies nearly always come in time. So cancelling only
marks the entry, marked entries are swept out once they dominate the heap, and asyncio is told of a
deadline only when it is earlier than the one it already waits for.

Knows: the event loop's clock. Does not know: what is timed.
"""

import asyncio
import logging
from heapq import heapify, heappop, heappush
from math import inf
from time import monotonic
from typing import Final, Protocol

# Deadlines this close together are served by one wake-up.
TICK_S: Final = 0.002
# A heap smaller than this is not worth sweeping.
SWEEP_FLOOR_ENTRIES: Final = 256

_log = logging.getLogger(__name__)


class Timed(Protocol):
    """Something with a deadline. `due` is the instant, 0.0 when none is set."""

    due: float

    def expire(self) -> None:
        """Called once, when the deadline has passed; none is set any more by then."""
        ...


class Timers:
    """The deadlines of one event loop. Everything is called from that loop."""

    __slots__ = ("_armed_for", "_handle", "_heap", "_live", "_loop", "_sequence")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Timed]] = []
        self._live = 0
        self._sequence = 0
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = inf  # when it is not

    def __len__(self) -> int:
        """Deadlines that are set."""
        return self._live

    @property
    def entries(self) -> int:
        """Entries held, cancelled ones included: at most twice the live ones and a floor."""
        return len(self._heap)

    def set(self, timed: Timed, when: float) -> None:
        """Have `timed.expire()` called at `when`, in loop time. It must have no deadline yet."""
        timed.due = when
        self._live += 1
        self._sequence += 1
        heappush(self._heap, (when, self._sequence, timed))
        if when < self._armed_for:
            self._arm(when)

    def cancel(self, timed: Timed) -> None:
        """Take the deadline back; nothing happens when none is set."""
        if not timed.due:
            return
        timed.due = 0.0
        self._live -= 1
        held = len(self._heap)
        if held > SWEEP_FLOOR_ENTRIES and self._live * 2 < held:
            self._heap = [entry for entry in self._heap if entry[2].due == entry[0]]
            heapify(self._heap)

    def close(self) -> None:
        """Forget every deadline; none expires any more."""
        for _, _, timed in self._heap:
            timed.due = 0.0
        self._heap.clear()
        self._live = 0
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = inf

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = when
        self._handle = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._armed_for = inf
        heap = self._heap
        horizon = monotonic() + TICK_S
        while heap and heap[0][0] <= horizon:
            when, _, timed = heappop(heap)
            # An entry whose instant is not the one set now was cancelled, perhaps set anew.
            if timed.due != when:
                continue
            timed.due = 0.0
            self._live -= 1
            try:
                timed.expire()
            except Exception:
                _log.exception("a deadline's handler raised")
            heap = self._heap
        # A handler may have set a deadline, and so armed for one later than others still waiting.
        if heap and heap[0][0] < self._armed_for:
            self._arm(heap[0][0])
