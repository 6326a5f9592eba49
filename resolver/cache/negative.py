"""What does not exist: names (NXDOMAIN) and types at a name (NODATA).

Kept with the SOA that says so, for min(TTL of the SOA record, its MINIMUM field, the cap)
(RFC 2308 sections 3 and 5). A name that does not exist has nothing below it (RFC 8020 section 2).
Denials without a SOA are not kept (RFC 2308 section 5).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resolver import names
from resolver.cache.rrsets import key_of
from resolver.cache.store import BoundedMap
from resolver.codes import Rcode
from resolver.model import RRset

_NXDOMAIN_TYPE = 0  # no record has type 0 (RFC 6895 section 3.1)
_DENIAL_OVERHEAD_OCTETS = 450
_SOA_MINIMUM_OCTETS = 4


@dataclass(slots=True)
class Denial:
    """NXDOMAIN, or NODATA when rcode is NOERROR, and the SOA with its TTL counted down."""

    rcode: Rcode
    soa: RRset


def negative_ttl(soa: RRset) -> int:
    """Seconds a denial with this SOA may be kept (RFC 2308 section 5)."""
    minimum = int.from_bytes(soa.rdatas[0][-_SOA_MINIMUM_OCTETS:], "big")
    return min(soa.ttl, minimum)


class Negatives:
    """The negative cache. `max_ttl` in seconds is the cap."""

    __slots__ = ("_map", "max_ttl")

    def __init__(self, max_octets: int, *, max_ttl: int) -> None:
        self._map: BoundedMap[RRset] = BoundedMap(max_octets)
        self.max_ttl = max_ttl

    def __len__(self) -> int:
        return len(self._map)

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._map.octets

    def lookup(self, name: bytes, rrtype: int, now: float) -> Denial | None:
        """NODATA for this type at this lower-case name, or NXDOMAIN of the very name."""
        if soa := self._soa(name, rrtype, now):
            return Denial(Rcode.NOERROR, soa)
        if soa := self._soa(name, _NXDOMAIN_TYPE, now):
            return Denial(Rcode.NXDOMAIN, soa)
        return None

    def lookup_cut(self, ancestors: Iterable[bytes], now: float) -> Denial | None:
        """NXDOMAIN because one of these ancestors does not exist (RFC 8020 section 2)."""
        for name in ancestors:
            if soa := self._soa(name, _NXDOMAIN_TYPE, now):
                return Denial(Rcode.NXDOMAIN, soa)
        return None

    def learn(self, name: bytes, rrtype: int, rcode: int, soa: RRset, *, now: float) -> bool:
        """Keep a denial; whether it was kept."""
        ttl = min(negative_ttl(soa), self.max_ttl)
        if ttl <= 0 or name == names.ROOT:
            return False
        key = key_of(name, _NXDOMAIN_TYPE if rcode == Rcode.NXDOMAIN else rrtype)
        octets = _DENIAL_OVERHEAD_OCTETS + len(soa.owner) + len(soa.rdatas[0])
        kept = RRset(soa.owner, soa.rrtype, soa.rrclass, ttl, soa.rdatas)
        self._map.put(key, kept, octets, now=now, expires_at=int(now) + ttl)
        return True

    def forget(self, name: bytes, rrtype: int) -> bool:
        """Drop the denials of a type at a name, and of the name; whether there was one."""
        nodata = self._map.remove(key_of(name, rrtype))
        return self._map.remove(key_of(name, _NXDOMAIN_TYPE)) or nodata

    def clear(self) -> int:
        """Drop everything; how many denials there were."""
        return self._map.clear()

    def _soa(self, name: bytes, rrtype: int, now: float) -> RRset | None:
        entry = self._map.get(key_of(name, rrtype), now)
        if entry is None:
            return None
        soa = entry.value
        left = entry.expires_at - int(now)
        return RRset(soa.owner, soa.rrtype, soa.rrclass, left, soa.rdatas)
