"""How often something took how long: counts in buckets that are laid out once.

One bucket is never wider than a third of where it begins, so percentiles are told to within that;
whoever exposes a histogram to others shows fewer, wider buckets of the same counts. Knows seconds
and counts. Does not know what took so long.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from resolver.native import i64

_STEPS: Final[tuple[float, ...]] = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_SHOWN_STEPS: Final[tuple[float, ...]] = (1.0, 2.5, 5.0)
_DECADES: Final = range(-5, 1)  # 10 µs to 10 s
_DIGITS: Final = 9


def _bounds(steps: tuple[float, ...]) -> tuple[float, ...]:
    bounds = [round(step * 10.0**decade, _DIGITS) for decade in _DECADES for step in steps]
    return (*bounds, 10.0)


# Upper bounds in seconds, each included in its bucket; what took longer is in one more bucket.
BOUNDS_S: Final[tuple[float, ...]] = _bounds(_STEPS)
_BOUNDS: Final = len(BOUNDS_S)
# The same in whole numbers, which are compared sooner: of 10 ns, so that none has over 30 bits.
_TICKS_PER_S: Final = 1e8
_BOUNDS_TICKS: Final[list[int]] = [round(bound * _TICKS_PER_S) for bound in BOUNDS_S]
SHOWN_BOUNDS_S: Final = _bounds(_SHOWN_STEPS)


class Histogram:
    """`counts` has one item for each of BOUNDS_S and one for what is beyond; `sum_s` is all seconds
    together."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        """It took so long, `times` times."""
        # bisect_left compares objects: compiled, that takes three times as long as this.
        bounds, ticks = _BOUNDS_TICKS, int(seconds * _TICKS_PER_S)
        bucket: i64 = 0
        end: i64 = _BOUNDS
        while bucket < end:
            middle = bucket + end >> 1
            if bounds[middle] < ticks:
                bucket = middle + 1
            else:
                end = middle
        self.counts[bucket] += times
        self.sum_s += seconds * times

    @property
    def count(self) -> int:
        """How often something was observed."""
        return sum(self.counts)

    def shown(self) -> Iterator[tuple[float, int]]:
        """Of each of SHOWN_BOUNDS_S, how much took no longer."""
        totals = accumulate(self.counts)
        below = dict(zip(BOUNDS_S, totals, strict=False))
        return ((bound, below[bound]) for bound in SHOWN_BOUNDS_S)

    def percentile(self, percent: float) -> float | None:
        """How many seconds `percent` of all took at most; None when there was nothing.

        Within a bucket times are taken to be spread evenly. What took longer than the last bound
        counts as that bound.
        """
        return percentile(self.counts, percent)


def percentile(counts: list[int], percent: float) -> float | None:
    """The same for counts alone, for instance of the last minute."""
    rest = sum(counts) * percent / 100
    if not rest:
        return None
    low = 0.0
    for bound, count in zip(BOUNDS_S, counts, strict=False):
        if count >= rest:
            return low + (bound - low) * rest / count
        rest -= count
        low = bound
    return low
