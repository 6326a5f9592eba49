"""The most frequent of endlessly many, in little space.

Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in
Data Streams, 2005): there is a fixed number of counters; who has none takes over the smallest. A
count is never too low, and too high by `excess` at most; whoever makes up more than the part
1/capacity of all is among the counters. Does not know what is counted.
"""

from collections.abc import Hashable
from heapq import nlargest
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)

CAPACITY = 512
# Looking for the smallest counter takes a look at each, so several are given up at once.
_GIVEN_UP = 64


class Frequent(NamedTuple, Generic[K]):
    """`key` came along at least `times` - `excess` and at most `times` times."""

    key: K
    times: int
    excess: int


class Sketch(Generic[K]):
    """Counts keys. `capacity` counters at most."""

    __slots__ = ("_capacity", "_counts", "_errors", "_floor", "total")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._counts: dict[K, int] = {}
        self._errors: dict[K, int] = {}
        self._floor = 0  # the most that a key without a counter may have been counted
        self.total = 0

    def add(self, key: K, times: int = 1) -> None:
        """`key` came along `times` times."""
        self.total += times
        count = self._counts.get(key)
        if count is not None:
            self._counts[key] = count + times
            return
        if len(self._counts) >= self._capacity:
            self._make_room()
        self._counts[key] = self._floor + times
        self._errors[key] = self._floor

    def _make_room(self) -> None:
        smallest = sorted(self._counts.items(), key=lambda item: item[1])
        given_up = smallest[: max(1, min(_GIVEN_UP, self._capacity // 4))]
        for key, _ in given_up:
            del self._counts[key], self._errors[key]
        self._floor = max(self._floor, given_up[-1][1])

    def top(self, number: int) -> list[Frequent[K]]:
        """The `number` most frequent, most frequent first."""
        first = nlargest(number, self._counts.items(), key=lambda item: item[1])
        return [Frequent(key, count, self._errors[key]) for key, count in first]
