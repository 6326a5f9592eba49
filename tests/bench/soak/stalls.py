"""When nobody could do anything: the machine did not let a process run, or the clients.

A reply is late, and a job too old, only by what is left when these stalls are taken off. A process
that holds itself up is running, or waits for something: that is none of them.

Knows: /proc/PID/schedstat, whose second number is the nanoseconds that a thread was ready to run
and did not (sched-stats.rst of the kernel). Does not know: what is judged by it.
"""

import time
from bisect import bisect_left, bisect_right
from pathlib import Path
from threading import Lock

# A pause of the clients that is shorter counts as none.
MIN_PAUSE_S = 0.1


class Stalls:
    """Of threads of a process and of the clients'; seconds of the monotonic clock. Used by
    several threads."""

    def __init__(self, pid: int, *, threads: bool = False) -> None:
        """Of the main thread, or of all that there are now together."""
        process = Path(f"/proc/{pid}")
        self._files = [process / "schedstat"]
        if threads:
            self._files = [task / "schedstat" for task in (process / "task").iterdir()]
        self._at: list[float] = []
        self._waited_s: list[float] = []
        self._pauses: list[tuple[float, float]] = []
        self._ticked = time.monotonic()
        self._lock = Lock()

    def look(self) -> None:
        """See how long the process has waited so far."""
        with self._lock:
            try:
                waited_s = sum(int(f.read_text().split()[1]) for f in self._files) / 1e9
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
        """By the process in all."""
        return self._waited_s[-1] - self._waited_s[0] if self._waited_s else 0.0
