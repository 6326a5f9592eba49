"""When nobody could do anything: the machine did not let the server run, or the clients.

A reply is late, and a job too old, only by what is left when these stalls are taken off. A server
that holds itself up is running, or waits for something: that is none of them.

Knows: /proc/PID/schedstat, whose second number is the nanoseconds that the main thread was ready to
run and did not (sched-stats.rst of the kernel). Does not know: what is judged by it.
"""

import time
from bisect import bisect_left, bisect_right
from pathlib import Path
from threading import Lock

# A pause of the clients that is shorter counts as none.
MIN_PAUSE_S = 0.1


class Stalls:
    """Of a server's event loop and of the clients'; seconds of the monotonic clock. Used by
    several threads."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/schedstat")
        self._at: list[float] = []
        self._waited_s: list[float] = []
        self._pauses: list[tuple[float, float]] = []
        self._ticked = time.monotonic()
        self._lock = Lock()

    def look(self) -> None:
        """See how long the server has waited so far."""
        with self._lock:
            try:
                waited_s = int(self._file.read_text().split()[1]) / 1e9
            except (OSError, IndexError):
                return  # it has ended, or the kernel does not tell
            self._at.append(time.monotonic())
            self._waited_s.append(waited_s)

    def begin(self) -> None:
        """The clients run from now on."""
        self._ticked = time.monotonic()

    def tick(self) -> None:
        """The clients run."""
        before, self._ticked = self._ticked, time.monotonic()
        if self._ticked - before >= MIN_PAUSE_S:
            self.pause(before, self._ticked)

    def pause(self, began: float, ended: float) -> None:
        """The clients did not run in between."""
        with self._lock:
            self._pauses.append((began, ended))

    def within(self, since: float, until: float) -> float:
        """How much of that time was lost, at most all of it."""
        with self._lock:
            waited_s = 0.0
            if self._at:
                first = max(bisect_right(self._at, since) - 1, 0)
                last = min(bisect_left(self._at, until), len(self._at) - 1)
                waited_s = self._waited_s[last] - self._waited_s[first]
            paused_s = sum(
                max(0.0, min(until, ended) - max(since, began)) for began, ended in self._pauses
            )
        return min(max(waited_s, 0.0) + paused_s, until - since)

    @property
    def longest_pause_s(self) -> float:
        """Of the clients."""
        return max((ended - began for began, ended in self._pauses), default=0.0)

    @property
    def waited_s(self) -> float:
        """By the server in all."""
        return self._waited_s[-1] - self._waited_s[0] if self._waited_s else 0.0
