"""Long work in between queries: runs slices a few milliseconds at a time.

Every turn of the event loop gets one stretch of work; what has come in meanwhile is answered before
the next one. Works that are under way at the same time share the stretch.

Knows: the event loop. Does not know: what the work is.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from resolver.slices import Slices

T = TypeVar("T")

# A query waits for one stretch at most, and for the slices that end it.
STRETCH_S = 0.003

# To be called after each stretch.
after_stretch: list[Callable[[], None]] = []

_under_way = 0


async def in_turns(slices: Slices[T]) -> T:
    """The result of the work; raises what it raises. Cancelling it ends the work."""
    global _under_way
    _under_way += 1
    try:
        while True:
            until = time.monotonic() + STRETCH_S / _under_way
            while time.monotonic() < until:
                next(slices)
            await _let_others()
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        _under_way -= 1
        slices.close()


async def _let_others() -> None:
    for each in after_stretch:
        each()
    await asyncio.sleep(0)


class Pace:
    """For many small pieces of work one after the other, few of which wait for anything: to be
    asked to `rest` after each; does so when it is time."""

    def __init__(self) -> None:
        self._until = time.monotonic() + STRETCH_S

    async def rest(self) -> None:
        """Let queries be answered, if the work has gone on for some milliseconds."""
        if time.monotonic() >= self._until:
            await _let_others()
            self._until = time.monotonic() + STRETCH_S
