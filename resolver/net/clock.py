"""The system's clocks, for everything that is given a Clock.

Knows: the two clocks of the operating system. Does not know: who asks, or why. The same monotonic
clock drives the event loop (asyncio's loop.time), so instants of both may be compared.
"""

import time


class SystemClock:
    """Monotonic seconds and seconds since the Unix epoch, read from the system."""

    __slots__ = ()

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()
