"""Gives back the memory of what nobody wants any more, in between queries.

Knows: the event loop. Does not know: what it was (resolver/leftovers.py).
"""

import asyncio
from contextlib import suppress

from resolver.leftovers import LEFTOVERS
from resolver.net.turns import in_turns


class Clearing:
    """From `start`, inside a loop, to `stop`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Free what is left from now on."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run())
        LEFTOVERS.attend(self._tell)

    async def stop(self) -> None:
        """Free nothing more."""
        task, self._task = self._task, None
        if task is not None:
            LEFTOVERS.leave_off(self._tell)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _tell(self) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await in_turns(LEFTOVERS.slices())
