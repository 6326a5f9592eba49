"""Forgetting on purpose: a name, one type of it, everything below it, or all.

What is flushed is what an answer to the name would be made of, so that the next question for it is
a miss: its RRsets and denials, the NXDOMAIN of a name above that denies it (RFC 8020), its
delegation, its failures, and what is held against servers of the zone. Names beside it stay.

A large cache is gone through in slices. Knows: the caches. Does not know: finished packets, who
asks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resolver import names
from resolver.cache.caches import Caches
from resolver.cache.rrsets import key_of
from resolver.cache.store import BoundedMap
from resolver.codes import RRType
from resolver.slices import Slices

_SLICE_KEYS = 200
_NXDOMAIN_TYPE = 0
_TYPE_OCTETS = 2


@dataclass(slots=True)
class Flushed:
    """How many of each were dropped."""

    rrsets: int = 0
    denials: int = 0
    delegations: int = 0
    failures: int = 0

    @property
    def total(self) -> int:
        return self.rrsets + self.denials + self.delegations + self.failures


def flush(
    caches: Caches, name: bytes, *, rrtype: int | None = None, tree: bool = False
) -> Slices[Flushed]:
    """Forget a lower-case name: of one type or all, and with `tree` everything below as well.

    One type takes the CNAME of the name with it, which would answer for the type.
    """
    flushed = Flushed()

    def concerns(owner: bytes) -> bool:
        return names.is_within(owner, name) if tree else owner == name

    def matches(key: bytes) -> bool:
        held = int.from_bytes(key[-_TYPE_OCTETS:], "big")
        fits = rrtype is None or held in (rrtype, RRType.CNAME, _NXDOMAIN_TYPE)
        return fits and concerns(key[:-_TYPE_OCTETS])

    flushed.rrsets = yield from _drop(caches.rrsets.map, matches)
    flushed.denials = yield from _drop(caches.negatives.map, matches)
    for ancestor in names.ancestors(name):
        flushed.denials += caches.negatives.map.remove(key_of(ancestor, _NXDOMAIN_TYPE))
    if rrtype in (None, RRType.NS):
        flushed.delegations = yield from _drop(caches.delegations.map, concerns)
        caches.servers.forgive_zones(concerns)
    for key in caches.failures.keys():  # noqa: SIM118 - no dictionary
        if matches(key):
            flushed.failures += caches.failures.remove(key)
    return flushed


def flush_all(caches: Caches) -> Slices[Flushed]:
    """Forget everything, also what is known of servers."""
    flushed = Flushed(
        len(caches.rrsets), len(caches.negatives), len(caches.delegations), len(caches.failures)
    )
    maps: tuple[BoundedMap[Any], ...] = (
        caches.rrsets.map,
        caches.negatives.map,
        caches.delegations.map,
    )
    detached = [held.detach() for held in maps]
    caches.rrsets.has_aliases = caches.rrsets.has_dnames = False
    caches.failures.clear()
    caches.servers.clear()
    for shards, *places in detached:
        for shard in shards:
            while shard:
                for _ in range(min(_SLICE_KEYS, len(shard))):
                    shard.popitem()
                yield
        for queue in places:
            while queue:
                for _ in range(min(_SLICE_KEYS, len(queue))):
                    queue.pop()
                yield
    return flushed


def _drop(held: BoundedMap[Any], concerns: Callable[[bytes], bool]) -> Slices[int]:
    count = 0
    for keys in held.keys():  # noqa: SIM118 - no dictionary
        while keys:
            for key in keys[-_SLICE_KEYS:]:
                if concerns(key):
                    count += held.remove(key)
            del keys[-_SLICE_KEYS:]  # the last to refer to those that were removed
            yield
    return count
