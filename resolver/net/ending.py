"""Ends the coroutines of zones that are no more, a few in each turn of the loop.

Thousands of zones may go at once with a catalog or a new configuration, and every coroutine that is
cancelled wakes up to end.

Knows: the event loop. Does not know: what the coroutines do; they must do nothing any more but end.
"""

import asyncio
from collections import deque

from resolver.net.turns import Pace

_AT_ONCE = 20


class Ending:
    """Coroutines to be ended. Of use inside a running loop."""

    def __init__(self) -> None:
        self._tasks: deque[asyncio.Task[None]] = deque()
        self._work: asyncio.Task[None] | None = None

    def end(self, task: "asyncio.Task[None]") -> None:
        """End this one soon."""
        self._tasks.append(task)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())

    async def finish(self) -> None:
        """Wait until all have ended."""
        if self._work is not None:
            await self._work

    async def _run(self) -> None:
        pace = Pace()
        while self._tasks:
            some = [self._tasks.popleft() for _ in range(min(_AT_ONCE, len(self._tasks)))]
            for task in some:
                task.cancel()
            await asyncio.gather(*some, return_exceptions=True)
            await pace.rest()
