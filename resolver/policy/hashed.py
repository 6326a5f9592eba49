"""A million names in a few megabytes: sorted hashes instead of names.

A set of a million byte strings takes some 120 MB of CPython objects; their 64-bit hashes in arrays
take 8. What is asked for is hashed and looked for by bisection. Two names with the same hash would
be taken for each other: with a million names one question in 10**13 is, and since the interpreter
draws the key of the hash anew for every process nobody can aim for it.

Made in slices: the hashes are spread over shards that are each sorted in a millisecond or two.
Knows: bytes. Does not know: names, files.
"""

from array import array
from bisect import bisect_left
from typing import Final

from resolver.slices import Slices

_SHARDS: Final = 256


class HashIndex:
    """Numbers of 32 bits by key, several for a key in the order they were added; or keys alone."""

    __slots__ = ("_hashes", "_values", "count")

    def __init__(
        self, hashes: "tuple[array[int], ...]", values: "tuple[array[int], ...]" = ()
    ) -> None:
        """`values` is empty, or has an array beside each of `hashes`, which are sorted."""
        self._hashes = hashes
        self._values = values
        self.count = sum(map(len, hashes))

    def __contains__(self, key: bytes) -> bool:
        number = hash(key)
        shard = self._hashes[number % _SHARDS]
        at = bisect_left(shard, number)
        return at < len(shard) and shard[at] == number

    def find(self, key: bytes) -> list[int]:
        """All numbers of a key."""
        number = hash(key)
        which = number % _SHARDS
        shard = self._hashes[which]
        at = end = bisect_left(shard, number)
        while end < len(shard) and shard[end] == number:
            end += 1
        return self._values[which][at:end].tolist()

    @property
    def octets(self) -> int:
        """Memory of the arrays."""
        return sum(len(a) * a.itemsize for a in (*self._hashes, *self._values))


class HashDraft:
    """An index being made."""

    __slots__ = ("_hashes", "_values")

    def __init__(self) -> None:
        self._hashes = [array("q") for _ in range(_SHARDS)]
        self._values = [array("I") for _ in range(_SHARDS)]

    def add(self, key: bytes, value: int | None = None) -> None:
        """Add a key, with a number below 2**32 or, for all keys alike, without."""
        number = hash(key)
        self._hashes[number % _SHARDS].append(number)
        if value is not None:
            self._values[number % _SHARDS].append(value)

    def seal(self) -> Slices[HashIndex]:
        """The index; the draft is of no use afterwards."""
        with_values = any(self._values)
        for i, shard in enumerate(self._hashes):
            if with_values:
                order = sorted(range(len(shard)), key=shard.__getitem__)
                values = self._values[i]
                self._values[i] = array("I", [values[place] for place in order])
                self._hashes[i] = array("q", [shard[place] for place in order])
            else:
                self._hashes[i] = array("q", sorted(set(shard)))
            yield
        return HashIndex(tuple(self._hashes), tuple(self._values) if with_values else ())


def empty() -> HashIndex:
    """An index without a key."""
    return HashIndex(tuple(array("q") for _ in range(_SHARDS)))
