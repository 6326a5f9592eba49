"""How long each turn of an event loop takes, in its own processor time, and what took so long.

A turn is what runs between two looks at the sockets: so long a query waits at most that has just
come in. Processor time of the loop's thread leaves out other programs. What other threads of ours
take from the loop (they hold the interpreter's lock) is seen by a timer that looks every
millisecond how late it is; lateness counts without the time in which other programs had the
processor, and as far as the process used one meanwhile.

Knows: selectors, threads, the collector. Does not know: what is measured.
"""

import asyncio
import gc
import os
import selectors
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

TICK_S = 0.001
# Turns that last longer are looked into.
LONG_S = 0.008
_LOOK_EVERY_S = 0.002
_FRAMES = 5
_SCHEDULE = "/proc/thread-self/schedstat"
_SCHEDULE_OCTETS = 100


class Gap(NamedTuple):
    """The longest of each since the last reset, in seconds. `culprit` is where the loop was seen in
    its longest turn."""

    turns: int = 0
    turn_s: float = 0.0
    late_s: float = 0.0
    search_s: float = 0.0
    culprit: str = ""

    def __str__(self) -> str:
        figures = (("turn", self.turn_s), ("late", self.late_s), ("search", self.search_s))
        told = ", ".join(f"{what} {seconds * 1e3:6.1f} ms" for what, seconds in figures)
        return f"{told}  {self.culprit}" if self.turn_s > LONG_S else told


class Turns:
    """Measures the loop that `loop()` makes."""

    def __init__(self) -> None:
        self._gap = Gap()
        self._began_at = self._began_wall = 0.0
        self._turn = 0
        self._seen: list[tuple[int, str]] = []
        self._search_began = 0.0
        self._thread = threading.get_ident()
        self._ended = threading.Event()

    def loop(self) -> asyncio.AbstractEventLoop:
        """A loop that tells us of its turns."""
        return asyncio.SelectorEventLoop(_Selector(self))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look from outside at what takes long."""
        watch = threading.Thread(target=self._watch, daemon=True)
        gc.callbacks.append(self._searched)
        watch.start()
        try:
            yield
        finally:
            self._ended.set()
            watch.join()
            gc.callbacks.remove(self._searched)

    async def tick(self) -> None:
        """Look how late the loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs, ExitStack() as stack:
            ours.setblocking(False)
            schedule = stack.enter_context(_open_schedule())
            while True:
                cpu, due = time.process_time(), loop.time() + TICK_S
                unlucky = _without_processor_s(schedule)
                await asyncio.sleep(TICK_S)
                with suppress(BlockingIOError):
                    ours.recv(1)  # lets other threads run, as every look at a socket does
                late = loop.time() - due - (_without_processor_s(schedule) - unlucky)
                late = min(late, time.process_time() - cpu)
                if late > self._gap.late_s:
                    self._gap = self._gap._replace(late_s=late)

    def reset(self) -> Gap:
        """What there was; begins anew."""
        gap, self._gap = self._gap, Gap()
        return gap

    def begin(self) -> None:
        """A turn begins."""
        self._began_at, self._began_wall = time.thread_time(), time.monotonic()

    def end(self) -> None:
        """A turn ends."""
        took = time.thread_time() - self._began_at
        self._began_wall = 0.0
        self._turn += 1
        gap = self._gap
        if took > gap.turn_s:
            seen = Counter(what for turn, what in self._seen if turn == self._turn - 1)
            culprit = seen.most_common(1)[0][0] if seen else ""
            gap = gap._replace(turn_s=took, culprit=culprit)
        self._seen.clear()
        self._gap = gap._replace(turns=gap.turns + 1)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            began = self._began_wall
            if not began or time.monotonic() - began < LONG_S:
                continue
            frames = sys._current_frames()
            self._seen.append((self._turn, _show(frames.get(self._thread))))

    def _searched(self, phase: str, search: dict[str, Any]) -> None:
        now = time.thread_time()
        if phase == "start":
            self._search_began = now
        else:
            took = now - self._search_began
            if took > self._gap.search_s:
                self._gap = self._gap._replace(search_s=took)


class _Selector(selectors.EpollSelector):
    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def select(self, timeout: float | None = None) -> Any:
        self._turns.end()
        found = super().select(timeout)
        self._turns.begin()
        return found


def _open_schedule() -> IO[bytes]:
    """What the kernel tells of the thread that asks."""
    return Path(_SCHEDULE).open("rb", buffering=0)


def _without_processor_s(schedule: IO[bytes]) -> float:
    """How long the thread was ready to run and other programs had its processor, so far."""
    return int(os.pread(schedule.fileno(), _SCHEDULE_OCTETS, 0).split()[1]) / 1e9


def _show(frame: Any) -> str:
    stack = traceback.extract_stack(frame)[-_FRAMES:]
    return " < ".join(
        f"{each.filename.rpartition('resolver/')[2]}:{each.lineno} {each.name}"
        for each in reversed(stack)
    )
