"""RRsets learned from others, by owner and type.

Weaker data never replaces stronger data that is still alive (RFC 2181 section 5.4.1). TTLs are
clamped when stored, counted down when read, and data with TTL 0 is not kept (RFC 2181 section 8,
RFC 1035 section 3.2.1). Delegations and glue are not here but in delegations.py, so nothing a
referral says can ever answer a client. Only class IN is cached.
"""

from dataclasses import dataclass

from resolver.cache.store import BoundedMap
from resolver.model import Rank, RRset, Security

# An RRset with more records is passed on but not kept (the bound of BIND's max-records-per-type).
MAX_RECORDS_KEPT = 100
_RDATA_OVERHEAD_OCTETS = 48  # bytes header and tuple slot
_RRSET_OVERHEAD_OCTETS = 330


@dataclass(slots=True)
class CachedRRset:
    """An RRset as received (TTL clamped), what it is worth, and until when (monotonic seconds)."""

    rrset: RRset
    rank: Rank
    security: Security
    expires_at: int


def key_of(owner: bytes, rrtype: int) -> bytes:
    """The cache key of a lower-case owner and a type: unambiguous, since names end in a zero."""
    return owner + rrtype.to_bytes(2, "big")


class RRsets:
    """The RRset cache. `min_ttl` and `max_ttl` in seconds."""

    __slots__ = ("_map", "max_ttl", "min_ttl")

    def __init__(self, max_octets: int, *, min_ttl: int, max_ttl: int) -> None:
        self._map: BoundedMap[CachedRRset] = BoundedMap(max_octets)
        self.min_ttl = min_ttl
        self.max_ttl = max_ttl

    def __len__(self) -> int:
        return len(self._map)

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._map.octets

    def lookup(self, owner: bytes, rrtype: int, now: float) -> RRset | None:
        """The RRset at a lower-case owner with its TTL counted down, or None."""
        entry = self._map.get(key_of(owner, rrtype), now)
        if entry is None:
            return None
        rrset = entry.value.rrset
        left = entry.expires_at - int(now)
        return RRset(rrset.owner, rrset.rrtype, rrset.rrclass, left, rrset.rdatas)

    def inspect(self, owner: bytes, rrtype: int, now: float) -> CachedRRset | None:
        """The entry itself, with rank and security."""
        entry = self._map.get(key_of(owner, rrtype), now)
        return entry.value if entry is not None else None

    def learn(
        self, rrset: RRset, rank: Rank, *, now: float, security: Security = Security.INDETERMINATE
    ) -> bool:
        """Keep an RRset unless something better ranked is there; whether it was kept."""
        if len(rrset.rdatas) > MAX_RECORDS_KEPT:
            return False
        ttl = min(max(rrset.ttl, self.min_ttl), self.max_ttl)
        if ttl <= 0:
            return False
        key = key_of(rrset.owner.lower(), rrset.rrtype)
        held = self._map.get(key, now)
        if held is not None and held.value.rank > rank:
            return False
        kept = RRset(rrset.owner, rrset.rrtype, rrset.rrclass, ttl, rrset.rdatas)
        octets = _RRSET_OVERHEAD_OCTETS + len(rrset.owner)
        for rdata in rrset.rdatas:
            octets += len(rdata) + _RDATA_OVERHEAD_OCTETS
        expires_at = int(now) + ttl
        value = CachedRRset(kept, rank, security, expires_at)
        self._map.put(key, value, octets, now=now, expires_at=expires_at)
        return True

    def forget(self, owner: bytes, rrtype: int) -> bool:
        """Drop one RRset; whether it was there."""
        return self._map.remove(key_of(owner, rrtype))

    def clear(self) -> int:
        """Drop everything; how many RRsets there were."""
        return self._map.clear()
