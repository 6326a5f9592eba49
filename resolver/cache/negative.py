"""What does not exist: names (NXDOMAIN) and types at a name (NODATA).

Kept with the SOA that says so, for min(TTL of the SOA record, its MINIMUM field, the cap)
(RFC 2308 sections 3 and 5), and with the NSEC or NSEC3 records that prove it, if they came along. A
name that does not exist has nothing below it (RFC 8020 section 2), unless the zone's servers are
known to deny names that only have others below them. Denials without a SOA are not kept (RFC 2308
section 5).
"""

from dataclasses import dataclass
from typing import Final

from resolver import names
from resolver.cache.rrsets import key_of
from resolver.cache.shards import SHARD_SHIFT
from resolver.cache.store import BoundedMap, Entry
from resolver.codes import Rcode
from resolver.model import RRset
from resolver.native import i64, mypyc_attr

_NXDOMAIN_TYPE: Final = 0  # no record has type 0 (RFC 6895 section 3.1)
NXDOMAIN_KEY: Final = key_of(b"", _NXDOMAIN_TYPE)
_SHORTEST_DENIED: Final = len(b"\1a\0")  # the root exists
_DENIAL_OVERHEAD_OCTETS: Final = 64
_SOA_OVERHEAD_OCTETS: Final = 220
_PROOF_OVERHEAD_OCTETS: Final = 200
_SOA_MINIMUM_OCTETS: Final = 4
_MAX_SHARED_SOAS: Final = 1000


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Denial:
    """NXDOMAIN, or NODATA when rcode is NOERROR, and the SOA with its TTL counted down. `proof` are
    the NSEC, NSEC3 and RRSIG RRsets that came with it."""

    rcode: Rcode
    soa: RRset
    proof: tuple[RRset, ...]

    def __init__(
        self,
        rcode: Rcode,
        soa: RRset,
        proof: tuple[RRset, ...] = (),
    ) -> None:
        self.rcode = rcode
        self.soa = soa
        self.proof = proof


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Kept:
    """A denial as received, its TTL clamped. `below`: whether it holds for all names below."""

    soa: RRset
    below: bool
    proof: tuple[RRset, ...]

    def __init__(
        self,
        soa: RRset,
        below: bool,
        proof: tuple[RRset, ...],
    ) -> None:
        self.soa = soa
        self.below = below
        self.proof = proof


def negative_ttl(soa: RRset) -> int:
    """Seconds a denial with this SOA may be kept (RFC 2308 section 5)."""
    minimum = int.from_bytes(soa.rdatas[0][-_SOA_MINIMUM_OCTETS:], "big")
    return min(soa.ttl, minimum)


class Negatives:
    """The negative cache. `max_ttl` in seconds is the cap."""

    __slots__ = ("_map", "_soas", "max_ttl")

    def __init__(self, max_octets: int, *, max_ttl: int) -> None:
        self._soas: dict[tuple[bytes, int, tuple[bytes, ...]], RRset] = {}
        self._map: BoundedMap[Kept] = BoundedMap(max_octets)
        self.max_ttl = max_ttl

    def __len__(self) -> int:
        return len(self._map)

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._map.octets

    @property
    def map(self) -> BoundedMap[Kept]:
        """What is kept, for flushing and snapshots."""
        return self._map

    def lookup(self, name: bytes, rrtype: int, now: float) -> Denial | None:
        """NODATA for this type at this lower-case name, or NXDOMAIN of the very name."""
        if entry := self._map.get(key_of(name, rrtype), now):
            return _denial(entry, Rcode.NOERROR, now)
        if entry := self._map.get(key_of(name, _NXDOMAIN_TYPE), now):
            return _denial(entry, Rcode.NXDOMAIN, now)
        return None

    def lookup_cut(self, name: bytes, top: bytes, now: float) -> Denial | None:
        """NXDOMAIN because an ancestor of `name`, at or below `top`, does not exist (RFC 8020
        section 2)."""
        if not len(self._map):
            return None
        shards = self._map.shards
        least = max(len(top), _SHORTEST_DENIED)
        while len(name := name[name[0] + 1 :]) >= least:
            key = name + NXDOMAIN_KEY
            place: i64 = hash(key)
            entry = shards[place >> SHARD_SHIFT].get(key)
            if entry is None or entry.expires_at <= now:
                continue
            kept: Kept = entry.value
            if kept.below:
                entry.used = True
                return _denial(entry, Rcode.NXDOMAIN, now)
        return None

    def recall(self, name: bytes, rrtype: int) -> tuple[Denial, int, int] | None:
        """The last denial even if it has expired (RFC 8767), and from when to when it held."""
        latest: tuple[Denial, int, int] | None = None
        for key_type, rcode in ((rrtype, Rcode.NOERROR), (_NXDOMAIN_TYPE, Rcode.NXDOMAIN)):
            entry = self._map.recall(key_of(name, key_type))
            if entry is not None and (latest is None or entry.expires_at > latest[2]):
                kept: Kept = entry.value
                denial = Denial(rcode, kept.soa, kept.proof)
                latest = (denial, entry.expires_at - kept.soa.ttl, entry.expires_at)
        return latest

    def learn(
        self,
        name: bytes,
        rrtype: int,
        rcode: int,
        soa: RRset,
        *,
        now: float,
        below: bool = True,
        proof: tuple[RRset, ...] = (),
    ) -> bool:
        """Keep a denial; whether it was kept. `below` False: names below may exist all the same."""
        ttl = min(negative_ttl(soa), self.max_ttl)
        if ttl <= 0 or name == names.ROOT:
            return False
        key = key_of(name, _NXDOMAIN_TYPE if rcode == Rcode.NXDOMAIN else rrtype)
        kept = RRset(soa.owner, soa.rrtype, soa.rrclass, ttl, soa.rdatas)
        self.restore(key, Kept(kept, below, proof), now=now, expires_at=int(now) + ttl)
        return True

    def _share_soa(self, value: Kept) -> int:
        """Let denials of one zone hold one SOA together; what this one's takes, if it is its own.

        A flood of names that do not exist is mostly of one zone.
        """
        soa = value.soa
        key = (soa.owner, soa.ttl, soa.rdatas)
        shared = self._soas.get(key)
        if shared is not None:
            value.soa = shared
            return 0
        if len(self._soas) >= _MAX_SHARED_SOAS:
            self._soas.clear()
        self._soas[key] = soa
        return _SOA_OVERHEAD_OCTETS + len(soa.owner) + len(soa.rdatas[0])

    def restore(self, key: bytes, value: Kept, *, now: float, expires_at: int) -> None:
        """Keep an entry as it is, for instance from a snapshot; `key` as in the map."""
        octets = _DENIAL_OVERHEAD_OCTETS + self._share_soa(value)
        for rrset in value.proof:
            octets += _PROOF_OVERHEAD_OCTETS + sum(map(len, rrset.rdatas))
        self._map.put(key, value, octets, now=now, expires_at=expires_at)

    def forget(self, name: bytes, rrtype: int) -> bool:
        """Drop the denials of a type at a name, and of the name; whether there was one."""
        nodata = self._map.remove(key_of(name, rrtype))
        return self._map.remove(key_of(name, _NXDOMAIN_TYPE)) or nodata

    def clear(self) -> int:
        """Drop everything; how many denials there were."""
        return self._map.clear()


def _denial(entry: Entry, rcode: Rcode, now: float) -> Denial:
    kept: Kept = entry.value
    soa = kept.soa
    left = entry.expires_at - int(now)
    counted = RRset(soa.owner, soa.rrtype, soa.rrclass, left, soa.rdatas)
    return Denial(rcode, counted, kept.proof)
