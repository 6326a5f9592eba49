"""The system's clocks, for everything that is given a Clock.

Knows: the two clocks of the operating system. Does not know: who asks, or why. The same monotonic
clock drives the event loop (asyncio's loop.time), so instants of both may be compared.
"""

import time
from collections.abc import Callable


class SystemClock:
    """Monotonic seconds and seconds since the Unix epoch, read from the system: `now` and `wall`
    are its own functions, for a clock is read very often."""

    __slots__ = ("now", "wall")

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.monotonic
        self.wall: Callable[[], float] = time.time
