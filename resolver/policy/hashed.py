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
from collections.abc import Iterable
from typing import Final

from resolver.slices import Slices

# A shard has the hashes of one highest octet. That is signed: shards of negative ones come last and
# are found by counting from the end as Python does.
_SHARDS: Final = 256
_SHIFT: Final = 64 - 8


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
        shard = self._hashes[number >> _SHIFT]
        at = bisect_left(shard, number)
        return at < len(shard) and shard[at] == number

    def find(self, key: bytes) -> list[int]:
        """All numbers of a key."""
        number = hash(key)
        which = number >> _SHIFT
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

    __slots__ = ("_hashes", "_put_hash", "_put_value", "_values")

    def __init__(self) -> None:
        self._hashes = [array("q") for _ in range(_SHARDS)]
        self._values = [array("I") for _ in range(_SHARDS)]
        self._put_hash = [shard.append for shard in self._hashes]
        self._put_value = [shard.append for shard in self._values]

    def add(self, key: bytes, value: int | None = None) -> None:
        """Add a key, with a number below 2**32 or, for all keys alike, without."""
        if value is None:
            self.add_all((key,))
        else:
            self.add_pairs((key,), (value,))

    def add_all(self, keys: Iterable[bytes]) -> None:
        """Add keys without a number. Some thousands at a time are the cheapest."""
        for number in map(hash, keys):
            self._put_hash[number >> _SHIFT](number)

    def add_pairs(self, keys: Iterable[bytes], values: Iterable[int]) -> None:
        """Add keys, each with its number."""
        put_hash, put_value = self._put_hash, self._put_value
        for number, value in zip(map(hash, keys), values, strict=True):
            put_hash[number >> _SHIFT](number)
            put_value[number >> _SHIFT](value)

    def seal(self) -> Slices[HashIndex]:
        """The index; the draft is of no use afterwards."""
        self._put_hash.clear()  # they hold on to the arrays
        self._put_value.clear()
        with_values = any(self._values)
        for i, shard in enumerate(self._hashes):
            if with_values:
                numbers = shard.tolist()
                order = sorted(range(len(numbers)), key=numbers.__getitem__)
                self._values[i] = array("I", map(self._values[i].__getitem__, order))
                self._hashes[i] = array("q", map(numbers.__getitem__, order))
            else:
                self._hashes[i] = array("q", sorted(set(shard)))
            yield
        return HashIndex(tuple(self._hashes), tuple(self._values) if with_values else ())


def empty() -> HashIndex:
    """An index without a key."""
    return HashIndex(tuple(array("q") for _ in range(_SHARDS)))
