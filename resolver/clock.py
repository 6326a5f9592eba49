"""What time it is, as an argument.

Engines and caches never read a clock; they are given one. Monotonic time ages things (TTLs,
timers); wall time is only for dates that cross the wire or the disk.
"""

from typing import Protocol


class Clock(Protocol):
    """Two readings, both in seconds."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...
