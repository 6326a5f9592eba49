"""A map bounded in octets, with expiry and cheap eviction.

Every main cache stands on this. Entries are evicted in the order they came, except that one used
since the hand last passed gets another round (CLOCK, second chance); an expired one gets it only
when it was of use as it is.
Large entries go round in a ring of their own and may take a part of the whole only: a flood of them
evicts nothing but large ones, and memory for many small things, of which few are left, cannot be
used for few large ones.
Knows: sizes, instants, use. Does not know: names, records, what is stale or how long to keep it.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

from resolver.cache.shards import SHARD_SHIFT, empty_shards
from resolver.native import i64, mypyc_attr
from resolver.slices import Slices

V = TypeVar("V")

# What the interpreter needs per entry beside the octets of key and value: Entry, header of the key,
# its share of dictionary and queue. Measured as resident memory (tests/bench/memory.py), with the
# dictionary as empty as it gets.
ENTRY_OVERHEAD_OCTETS: Final = 192
# Sizes are counted in what the allocator hands out; so most of them are small numbers, which take
# no memory of their own.
UNIT_OCTETS: Final = 16
# What is large, and which share of the octets all such entries may take together.
LARGE_UNITS: Final = 4096 // UNIT_OCTETS
LARGE_SHARE: Final = 0.25
# A sweep that finds only entries in use must not hold up everybody.
MAX_SECOND_CHANCES: Final = 64
_EVICTED_AT_ONCE: Final = 500
_DEAD_PLACES_ALLOWED: Final = 1000  # in the queue, beside one for each live entry
_TIDIED_AT_ONCE: Final = 4
_USED: Final = 1
_RECALLED: Final = 2


def _units(key: bytes, octets: int) -> int:
    """The size of an entry whose value takes so many octets."""
    return (octets + len(key) + ENTRY_OVERHEAD_OCTETS + UNIT_OCTETS - 1) // UNIT_OCTETS


@mypyc_attr(acyclic=True)
class Entry:
    """One key's value, of the type that its map is of (the compiler knows of no generic class that
    is acyclic). `expires_at` is a monotonic instant in whole seconds, `units` its size;
    `used` since the hand last passed: 0 not at all, _USED, or _RECALLED."""

    __slots__ = ("expires_at", "key", "live", "units", "used", "value")

    def __init__(self, key: bytes, value: Any, units: int, expires_at: int) -> None:
        self.key = key
        self.value = value
        self.units = units
        self.expires_at = expires_at
        self.used = 0
        self.live = True


class BoundedMap(Generic[V]):
    """bytes → value, at most `max_octets` of estimated memory, to the unit.

    `shards` holds all there is by key (shards.py), for hot loops that look for many; what they find
    may have expired.
    """

    __slots__ = (
        "_count",
        "_large",
        "_large_units",
        "_max_large_units",
        "_max_units",
        "_push",
        "_queue",
        "_units",
        "evicted",
        "shards",
    )

    def __init__(self, max_octets: int) -> None:
        self._bound(max_octets // UNIT_OCTETS)
        self._units = 0
        self._large_units = 0
        self._large: deque[Entry] = deque()
        self.evicted = 0
        self.shards: list[dict[bytes, Entry]] = empty_shards()
        self._count = 0
        self._queue: deque[Entry] = deque()
        self._push = self._queue.append  # which is not to be looked up by name for each entry

    def __len__(self) -> int:
        return self._count

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._units * UNIT_OCTETS

    def get(self, key: bytes, now: float) -> Entry | None:
        """The entry, if it is there and has not expired."""
        place: i64 = hash(key)
        entry = self.shards[place >> SHARD_SHIFT].get(key)
        if entry is None or entry.expires_at <= now:
            return None
        entry.used = _USED
        return entry

    def recall(self, key: bytes) -> Entry | None:
        """The entry even if it has expired; it is of use all the same."""
        entry = self.shards[hash(key) >> SHARD_SHIFT].get(key)
        if entry is not None:
            entry.used = _RECALLED
        return entry

    def peek(self, key: bytes) -> Entry | None:
        """The entry even if it has expired; this does not count as use."""
        return self.shards[hash(key) >> SHARD_SHIFT].get(key)

    def add(self, key: bytes, value: V, octets: int, *, now: float, expires_at: int) -> bool:
        """Store what is new and not large, as most is; else False, and `put` must do it. `octets`
        estimates the value's memory; the key's is added here."""
        units = _units(key, octets)
        if units > LARGE_UNITS or units > self._max_units:
            return False
        place: i64 = hash(key)
        entry = Entry(key, value, units, expires_at)
        if self.shards[place >> SHARD_SHIFT].setdefault(key, entry) is not entry:
            return False
        self._count += 1
        self._units += units
        self._push(entry)
        while self._units > self._max_units:
            self._evict_one(self._queue or self._large, now)
        return True

    def put(self, key: bytes, value: V, octets: int, *, now: float, expires_at: int) -> None:
        """Store or replace. `octets` estimates the value's memory; the key's is added here."""
        if self.add(key, value, octets, now=now, expires_at=expires_at):
            return
        units = _units(key, octets)
        is_large = units > LARGE_UNITS
        if units > (self._max_large_units if is_large else self._max_units):
            self.remove(key)
            return
        entry = self.peek(key)
        if is_large:
            self.remove(key)
            self._add_large(Entry(key, value, units, expires_at), now)
        elif entry is None or entry.units > LARGE_UNITS:
            self.remove(key)
            self.add(key, value, octets, now=now, expires_at=expires_at)
        else:
            self._units += units - entry.units
            entry.value, entry.units, entry.expires_at = value, units, expires_at
        while self._units > self._max_units:
            self._evict_one(self._queue or self._large, now)

    def _add_large(self, entry: Entry, now: float) -> None:
        self.shards[hash(entry.key) >> SHARD_SHIFT][entry.key] = entry
        self._count += 1
        self._units += entry.units
        self._large_units += entry.units
        self._large.append(entry)
        while self._large_units > self._max_large_units:
            self._evict_one(self._large, now)

    def remove(self, key: bytes) -> bool:
        """Forget a key; whether it was there."""
        entry = self.shards[hash(key) >> SHARD_SHIFT].pop(key, None)
        if entry is None:
            return False
        self._count -= 1
        entry.live = False  # its place in the queue is given up when the hand gets there
        self._charge_back(entry)
        self._tidy(self._queue)
        self._tidy(self._large)
        return True

    def _tidy(self, queue: deque[Entry]) -> None:
        """Give up some dead places when they are too many; not all at once, or a flush of a large
        cache would be felt. What is alive goes to the end, as if it had been used."""
        if len(queue) > 2 * self._count + _DEAD_PLACES_ALLOWED:
            for _ in range(min(_TIDIED_AT_ONCE, len(queue))):
                entry = queue.popleft()
                if entry.live:
                    queue.append(entry)

    def _charge_back(self, entry: Entry) -> None:
        self._units -= entry.units
        if entry.units > LARGE_UNITS:
            self._large_units -= entry.units

    def resize(self, max_octets: int, now: float) -> Slices[None]:
        """Keep to another bound from now on; what is too much is evicted in slices."""
        wanted = max_octets // UNIT_OCTETS
        while self._units > wanted:
            for _ in range(_EVICTED_AT_ONCE):
                self._evict_one(self._queue or self._large, now)
            self._bound(max(wanted, min(self._units, self._max_units)))
            yield
        self._bound(wanted)
        while self._large_units > self._max_large_units:
            self._evict_one(self._large, now)

    def _bound(self, units: int) -> None:
        self._max_units = units
        self._max_large_units = int(units * LARGE_SHARE)

    def keys(self) -> Iterator[list[bytes]]:
        """Every key, expired entries included, in lists that are made one after the other, each as
        it stands then: one of a million keys would be searched for garbage again and again."""
        for shard in self.shards:
            yield list(shard)

    def detach(self) -> tuple[list[dict[bytes, Entry]], deque[Entry], deque[Entry]]:
        """Forget everything at once; whoever asked lets go of it piece by piece."""
        detached = self.shards, self._queue, self._large
        self.shards = empty_shards()
        self._count = 0
        self._queue = deque()
        self._push = self._queue.append
        self._large = deque()
        self._units = self._large_units = 0
        return detached

    def clear(self) -> int:
        """Forget everything; how many entries there were."""
        count = self._count
        self.detach()
        return count

    def _evict_one(self, queue: deque[Entry], now: float) -> None:
        """Evict the first of a queue that deserves it; nothing if all of them are gone."""
        chances = MAX_SECOND_CHANCES
        while queue:
            entry = queue.popleft()
            if not entry.live:
                continue
            if entry.used and chances and (entry.expires_at > now or entry.used == _RECALLED):
                chances -= 1
                entry.used = 0
                queue.append(entry)
                continue
            del self.shards[hash(entry.key) >> SHARD_SHIFT][entry.key]
            self._count -= 1
            entry.live = False
            self._charge_back(entry)
            self.evicted += 1
            return
