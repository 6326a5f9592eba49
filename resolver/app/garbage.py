"""When the interpreter looks for garbage in a process that holds a large cache.

Nearly everything here is freed as soon as nobody refers to it; only objects that refer to each
other in a circle need a search, and the search looks at every object there is: some 300 ms with a
million RRsets, in which no query is answered. Caches and zones have no circles. So what has been
searched once is set aside (gc.freeze) and freed like everything else, but never searched again, and
a search looks at what is new only: a few milliseconds.

Circles that were set aside while in use are lost when they end. TCP transports would be such, two
kilobytes each, but are let go of one by one (net/circles.py). What a reload replaces is one, local
zones and all, some 300 kB. So everything is searched once when a twentieth of what there is may
have been lost to reloads, or when very many connections have come and gone; unless memory has not
grown as it would have by then, for that search is the one that makes queries wait.

The interpreter counts how many objects have come, less those that have gone, before it searches the
young. Where old ones go as fast as new ones come, as in a cache that is full, that count stays low
while there are more and more young ones; so they are searched from time to time all the same.
While there is next to nothing to do that is seldom, for a laptop's processor to sleep; the first
few objects more than usual are then a sign that this is over. And long work in between queries has
what it leaves searched as it goes on, for much of it makes and frees a hundred thousand objects in
the time between two searches.

Knows: the interpreter's collector, counters, the event loop. For a process of our own, never for
one that we are embedded in.
"""

import asyncio
import gc
import sys
import time
from typing import Any

from resolver.metrics import Metrics
from resolver.net.turns import after_stretch

# Allocations before a search of the youngest, and how many of those go by before one of the
# middle-aged, and of these before one of all that is not set aside: every third one, of 36,000
# objects at most. The count goes up and down with the queries under way, some thousands of objects
# in each batch of them, which are gone before long: were it exceeded by these alone, the search
# would take a twentieth of all time. What stays is looked at three times at most.
THRESHOLDS = (12_000, 0, 0)
OLDEST = 2
# With a hundred octets lost for each, at most 100 MB are lost before everything is searched.
MAX_CONNECTIONS = 1_000_000
CONNECTION_BLOCKS = 2  # blocks of memory that one would have lost then
# What a reload replaces, in objects; a twentieth of what there is may be of that kind, and no fewer
# than this many in any case.
RELOAD_OBJECTS = 3_000
MIN_LOST_OBJECTS = 10 * RELOAD_OBJECTS
LOST_SHARE = 0.05
# While there is next to nothing to do. A handful of questions under way is more.
RESTING_THRESHOLDS = (200, 1, 1)
# Between two searches of what is new: shorter when one takes long, longer when there is little.
MIN_PERIOD_S, MAX_PERIOD_S, IDLE_PERIOD_S = 0.02, 0.1, 1.0
LONG_SEARCH_S, SHORT_SEARCH_S, IDLE_SEARCH_S = 0.003, 0.001, 0.0002


class Garbage:
    """The policy, from `start` to `stop`. `metrics` tells how many connections there were."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._searched_at = 0
        self._reloads = 0  # since everything was searched
        self._blocks = 0  # of memory, at that time
        self._began_at = self._ended_at = 0.0
        self._before = gc.get_threshold()
        self._searches = 0  # of all that is not set aside
        self._period_s = MAX_PERIOD_S
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rests = False

    def tend(self) -> None:
        """Search from time to time; to be called inside the loop, after `start`."""
        self._loop = asyncio.get_running_loop()
        self._rests = self._period_s > MAX_PERIOD_S
        gc.set_threshold(*(RESTING_THRESHOLDS if self._rests else THRESHOLDS))
        self._timer = self._loop.call_later(self._period_s, self._look, self._searches)

    def _wake(self) -> None:
        """There is something to do again: do not wait for as long as was said."""
        if self._timer is not None:
            self._timer.cancel()
            self._period_s = min(self._period_s, MAX_PERIOD_S)
            self.tend()

    def _look(self, searches: int) -> None:
        self._rests = False
        if self._searches == searches:
            began_at = time.perf_counter()
            gc.collect()
            self._period_s = next_period_s(self._period_s, time.perf_counter() - began_at)
        self.tend()

    def _look_at_work(self) -> None:
        if time.perf_counter() - self._ended_at >= MIN_PERIOD_S:
            gc.collect()

    def start(self) -> None:
        """Set aside what is there, and from now on whatever a search leaves."""
        gc.collect()
        gc.freeze()
        # Of the oldest, the interpreter waits for a quarter of what the last search has left: now
        # that is nothing, or the first would be of some hundred thousand objects.
        gc.collect()
        self._blocks = sys.getallocatedblocks()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._searched)
        after_stretch.append(self._look_at_work)

    def note_reload(self) -> None:
        """Something large was replaced."""
        self._reloads += 1

    def stop(self) -> None:
        """Let the interpreter do as it did before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rests = False
        after_stretch.remove(self._look_at_work)
        gc.callbacks.remove(self._searched)
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def _searched(self, phase: str, search: dict[str, Any]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began_at = now
            if self._rests and self._loop is not None:
                self._rests = False
                self._loop.call_soon_threadsafe(self._wake)  # any thread may be the one to search
            return
        self._metrics.garbage_search_seconds.observe(now - self._began_at)
        if search["generation"] != OLDEST:
            return
        self._ended_at = now
        self._searches += 1
        connections = self._metrics.tcp_accepted_total + self._metrics.upstream_tcp_total
        if self._lost_much(connections):
            gc.unfreeze()  # the next search looks at everything
        else:
            gc.freeze()

    def _lost_much(self, connections: int) -> bool:
        """Whether so many connections so far, and the reloads, may have left so much that it is
        worth a search of everything."""
        new = connections - self._searched_at
        lost = self._reloads * RELOAD_OBJECTS
        if new <= MAX_CONNECTIONS and lost < MIN_LOST_OBJECTS:
            return False
        # Not gc.get_freeze_count(), which walks over all that is set aside.
        blocks = sys.getallocatedblocks()
        if new <= MAX_CONNECTIONS and lost < blocks * LOST_SHARE:
            return False
        grown = blocks - self._blocks
        self._searched_at, self._reloads, self._blocks = connections, 0, blocks
        return grown >= (lost + new * CONNECTION_BLOCKS) / 2


def next_period_s(period_s: float, took_s: float) -> float:
    """How long to wait after a search that came after `period_s` and took so long."""
    if took_s > LONG_SEARCH_S:
        return max(MIN_PERIOD_S, min(period_s, MAX_PERIOD_S) / 2)
    if took_s < IDLE_SEARCH_S:
        return min(IDLE_PERIOD_S, period_s * 2)
    return min(MAX_PERIOD_S, period_s * 2 if took_s < SHORT_SEARCH_S else period_s)
