"""A map from lower-case names that many versions share: a change copies what it touches.

One dict of a million names cannot be copied, grown or compared without everybody waiting for it. So
a large map is cut into many small dicts, and a new version of it shares all those it did not
change. A name's dict is chosen by a checksum, not by Python's hash, so that the order of a zone is
the same in every process. A small map is one dict in the order of insertion.

The parts that only one version has are freed bit by bit when that version is no more.

Knows: nothing of DNS but that keys are names. Does not know: what is kept under them.
"""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar
from zlib import crc32

from resolver.leftovers import LEFTOVERS

V = TypeVar("V")

# Copying one dict of this many names takes less than a millisecond.
MAX_SINGLE: Final = 8_192
SHARDS: Final = 1_024
_MASK: Final = SHARDS - 1
# Dicts that are freed at once when nobody wants them any more: a thousand names of a million.
_FREED_AT_ONCE: Final = 1


class Table(Generic[V]):
    """One version. Never changes; `edit` begins the next one. `shards` are for reading only."""

    __slots__ = ("_mask", "shards")

    def __init__(self, shards: "tuple[dict[bytes, V], ...]" = ()) -> None:
        self.shards: tuple[dict[bytes, V], ...] = shards or ({},)
        self._mask = len(self.shards) - 1

    def __del__(self) -> None:
        if self._mask:
            LEFTOVERS.leave_unshared(self.shards, _FREED_AT_ONCE)

    def get(self, name: bytes) -> V | None:
        """What is kept under a lower-case name."""
        mask = self._mask
        return self.shards[crc32(name) & mask if mask else 0].get(name)

    def number(self, name: bytes) -> int:
        """Which of the dicts a lower-case name belongs in."""
        mask = self._mask
        return crc32(name) & mask if mask else 0

    def __contains__(self, name: bytes) -> bool:
        mask = self._mask
        return name in self.shards[crc32(name) & mask if mask else 0]

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    def __iter__(self) -> Iterator[bytes]:
        for shard in self.shards:
            yield from shard

    def items(self) -> Iterator[tuple[bytes, V]]:
        """Every name and what is kept under it."""
        for shard in self.shards:
            yield from shard.items()

    def edit(self) -> "Edit[V]":
        """The next version, to be changed; this one stays as it is."""
        return Edit(self)

    def pairs(self, other: "Table[V]") -> Iterator[tuple[dict[bytes, V], dict[bytes, V]]]:
        """Parts of both, side by side, that hold the same names if both are cut alike. If they are
        not, each part of one stands beside an empty one."""
        if len(self.shards) == len(other.shards):
            return iter(zip(self.shards, other.shards, strict=True))
        alone: list[tuple[dict[bytes, V], dict[bytes, V]]] = [(shard, {}) for shard in self.shards]
        return iter(alone + [({}, shard) for shard in other.shards])


class Edit(Generic[V]):
    """A version in the making. Of use until `seal` is called."""

    __slots__ = ("_mask", "_own", "_shards")

    def __init__(self, base: Table[V] | None = None) -> None:
        self._shards: list[dict[bytes, V]] = [{}] if base is None else list(base.shards)
        self._mask = len(self._shards) - 1
        # Which dicts are ours to write into, by number.
        self._own = bytearray(len(self._shards))
        if base is None:
            self._own[0] = 1

    def __del__(self) -> None:
        if self._mask:
            LEFTOVERS.leave_unshared(self._shards, _FREED_AT_ONCE)

    def get(self, name: bytes) -> V | None:
        """What is kept under a lower-case name now."""
        mask = self._mask
        return self._shards[crc32(name) & mask if mask else 0].get(name)

    def __contains__(self, name: bytes) -> bool:
        mask = self._mask
        return name in self._shards[crc32(name) & mask if mask else 0]

    def __bool__(self) -> bool:
        return any(self._shards)

    def shard(self, name: bytes) -> dict[bytes, V]:
        """The dict that a lower-case name belongs in, to be read or written at once."""
        mask = self._mask
        if mask:
            number = crc32(name) & mask
        elif len(self._shards[0]) < MAX_SINGLE:
            number = 0
        else:
            self._split()
            number = crc32(name) & _MASK
        if not self._own[number]:
            self._shards[number] = self._shards[number].copy()
            self._own[number] = 1
        return self._shards[number]

    def ready(self) -> list[dict[bytes, V]]:
        """The dicts of a table that was begun anew, to be written: a few hundred names at most. A
        name belongs in that which its checksum, masked with their number less one, leads to."""
        if not self._mask and len(self._shards[0]) >= MAX_SINGLE:
            self._split()
        return self._shards

    def drop(self, name: bytes) -> None:
        """Forget a name; one that is not there is no mistake."""
        if name in self:
            del self.shard(name)[name]

    @property
    def shards(self) -> list[dict[bytes, V]]:
        """The dicts as they stand, for reading."""
        return self._shards

    def number(self, name: bytes) -> int:
        """Which of the dicts a lower-case name belongs in."""
        mask = self._mask
        return crc32(name) & mask if mask else 0

    def replace(self, number: int, shard: dict[bytes, V]) -> None:
        """Put a dict with the same names in the place of another."""
        self._shards[number] = shard
        self._own[number] = 1

    def _split(self) -> None:
        shards: list[dict[bytes, V]] = [{} for _ in range(SHARDS)]
        for name, value in self._shards[0].items():
            shards[crc32(name) & _MASK][name] = value
        self._shards = shards
        self._mask = _MASK
        self._own = bytearray(b"\1" * SHARDS)

    def seal(self) -> Table[V]:
        """The finished version; this editor must not be used any more."""
        return Table(tuple(self._shards))
