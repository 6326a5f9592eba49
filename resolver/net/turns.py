"""Long work in between queries: runs slices a few milliseconds at a time.

Every turn of the event loop gets one stretch of work; what has come in meanwhile is answered before
the next one.

Knows: the event loop. Does not know: what the work is.
"""

import asyncio
import time
from typing import TypeVar

from resolver.slices import Slices

T = TypeVar("T")

# A query waits for one stretch at most, and for the slice that ends it.
STRETCH_S = 0.003


async def in_turns(slices: Slices[T]) -> T:
    """The result of the work; raises what it raises. Cancelling it ends the work."""
    try:
        while True:
            until = time.monotonic() + STRETCH_S
            while time.monotonic() < until:
                next(slices)
            await asyncio.sleep(0)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        slices.close()
