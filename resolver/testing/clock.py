"""A clock that only moves when told to. Knows nothing of who reads it."""

# Neither starts at zero: an engine that mistakes "no time" for "time zero" must not get away.
START_S = 1_000.0
START_WALL_S = 1_750_000_000.0


class ManualClock:
    """A `resolver.clock.Clock` for tests. Monotonic and wall time advance together."""

    __slots__ = ("_passed_s",)

    def __init__(self) -> None:
        self._passed_s = 0.0

    def now(self) -> float:
        """Monotonic seconds; 1000.0 when the clock is new."""
        return START_S + self._passed_s

    def wall(self) -> float:
        """Seconds since the Unix epoch; some instant in June 2025 when the clock is new."""
        return START_WALL_S + self._passed_s

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for less than no time."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._passed_s += seconds
