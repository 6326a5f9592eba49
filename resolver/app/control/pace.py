"""Long work of a verb in between queries.

Knows: the event loop. Does not know: what the work is.
"""

import asyncio
import time

from resolver.net.turns import STRETCH_S


class Pace:
    """To be asked to `rest` after every small piece of work; does so when it is time."""

    def __init__(self) -> None:
        self._until = time.monotonic() + STRETCH_S

    async def rest(self) -> None:
        """Let queries be answered, if the work has gone on for some milliseconds."""
        if time.monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + STRETCH_S
