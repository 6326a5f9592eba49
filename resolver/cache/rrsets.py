"""RRsets learned from others, by owner and type.

Weaker data never replaces stronger data that is still alive (RFC 2181 section 5.4.1). TTLs are
clamped when stored, counted down when read, and data with TTL 0 is not kept (RFC 2181 section 8,
RFC 1035 section 3.2.1). Delegations and glue are not here but in delegations.py, so nothing a
referral says can ever answer a client. Only class IN is cached. Signatures stay with what they
cover.
"""

from typing import Final

from resolver.cache.store import BoundedMap
from resolver.codes import RRClass, RRType
from resolver.model import Informant, Rank, RRset, Security
from resolver.native import mypyc_attr

# An RRset with more records is passed on but not kept (the bound of BIND's max-records-per-type).
MAX_RECORDS_KEPT: Final = 100
MIN_RENEWABLE_TTL_S: Final = 9  # BIND's default for prefetch
_RDATA_OVERHEAD_OCTETS: Final = 48  # bytes header and tuple slot
_RRSET_OVERHEAD_OCTETS: Final = 150
_TYPE_OCTETS: Final = 2
_COMMON: Final = 258  # types of which the octets are at hand
_TYPES: Final = [rrtype.to_bytes(_TYPE_OCTETS, "big") for rrtype in range(_COMMON)]
_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_MAX_NUMBERS: Final = 4096
_MAX_STANDINGS: Final = 4096
_IN: Final = int(RRClass.IN)


@mypyc_attr(acyclic=True)
class Standing:
    """What an RRset is worth and who told us; nobody of what a snapshot brought."""

    __slots__ = ("informant", "rank", "security")

    def __init__(self, rank: Rank, security: Security, informant: Informant | None = None) -> None:
        self.rank = rank
        self.security = security
        self.informant = informant


@mypyc_attr(acyclic=True)
class CachedRRset:
    """An RRset as received (TTL clamped), what it is worth, and until when (monotonic seconds).

    `signatures` are the rdatas of the RRSIG records that cover it and came with it. There are very
    many of these, so the key stands for owner and type, `_owner` is there only if its case is not
    that of the key, and `standing` is one object for all that have the same.
    """

    __slots__ = ("_owner", "expires_at", "key", "rdatas", "signatures", "standing", "ttl")

    def __init__(
        self,
        rrset: RRset,
        standing: Standing,
        expires_at: int,
        signatures: tuple[bytes, ...] = (),
        key: bytes | None = None,
    ) -> None:
        """`key` is that of the RRset, when it is at hand; its owner is then in lower case."""
        self._owner: bytes | None = None
        if key is None:
            owner = rrset.owner
            lower = owner.lower()
            key = key_of(lower, rrset.rrtype)
            if lower != owner:
                self._owner = owner
        self.key = key
        self.ttl = rrset.ttl
        self.rdatas = rrset.rdatas
        self.standing = standing
        self.expires_at = expires_at
        self.signatures = signatures

    @property
    def rrtype(self) -> int:
        """Its type."""
        key = self.key
        return key[-2] << 8 | key[-1]

    @property
    def rank(self) -> Rank:
        """What it is worth."""
        return self.standing.rank

    @property
    def security(self) -> Security:
        """What is known of it under DNSSEC."""
        return self.standing.security

    @property
    def rrset(self) -> RRset:
        """The RRset as received."""
        return self.left(self.ttl)

    @property
    def learned_at(self) -> int:
        """When it was received."""
        return self.expires_at - self.ttl

    @property
    def renew_at(self) -> int:
        """From when on it is worth asking for anew before it expires; its end if never."""
        return self.expires_at - renewal_margin_s(self.ttl)

    def left(self, ttl: int) -> RRset:
        """The RRset with this TTL."""
        key = self.key
        return RRset(self._owner or key[:-_TYPE_OCTETS], self.rrtype, _IN, ttl, self.rdatas)


_standings: dict[tuple[int, Informant | None], Standing] = {}


def standing_of(rank: Rank, security: Security, informant: Informant | None = None) -> Standing:
    """The one object of this content."""
    key = (rank << 8 | security, informant)  # an IntEnum takes long to be hashed
    found = _standings.get(key)
    if found is None:
        if len(_standings) >= _MAX_STANDINGS:
            _standings.clear()
        found = _standings[key] = Standing(rank, security, informant)
    return found


def renewal_margin_s(ttl: int) -> int:
    """How long before its expiry an RRset of this TTL is renewed: the last tenth (Unbound), two
    seconds at least (BIND); nothing of short life is worth it."""
    return max(ttl // 10, 2) if ttl >= MIN_RENEWABLE_TTL_S else 0


def key_of(owner: bytes, rrtype: int) -> bytes:
    """The cache key of a lower-case owner and a type: unambiguous, since names end in a zero."""
    return owner + (_TYPES[rrtype] if rrtype < _COMMON else rrtype.to_bytes(_TYPE_OCTETS, "big"))


class RRsets:
    """The RRset cache. `min_ttl` and `max_ttl` in seconds."""

    __slots__ = (
        "_expires_at",
        "_map",
        "_numbers",
        "_standing",
        "_ttl",
        "has_aliases",
        "has_dnames",
        "max_ttl",
        "min_ttl",
    )

    def __init__(self, max_octets: int, *, min_ttl: int, max_ttl: int) -> None:
        self._map: BoundedMap[CachedRRset] = BoundedMap(max_octets)
        self._numbers: dict[int, int] = {}
        # Of what was learned last: the next is much like it.
        self._standing = standing_of(Rank.ADDITIONAL, Security.INDETERMINATE)
        self._ttl = 0
        self._expires_at = 0
        self.min_ttl = min_ttl
        self.max_ttl = max_ttl
        # Whether looking for an alias at a name, or for one above it, can lead anywhere.
        self.has_aliases = False
        self.has_dnames = False

    def __len__(self) -> int:
        return len(self._map)

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._map.octets

    @property
    def map(self) -> BoundedMap[CachedRRset]:
        """What is kept, for flushing and snapshots."""
        return self._map

    def clamp(self, ttl: int) -> int:
        """The TTL within the operator's bounds."""
        return min(max(ttl, self.min_ttl), self.max_ttl)

    def lookup(self, owner: bytes, rrtype: int, now: float) -> RRset | None:
        """The RRset at a lower-case owner with its TTL counted down, or None."""
        entry = self._map.get(key_of(owner, rrtype), now)
        if entry is None:
            return None
        held: CachedRRset = entry.value
        return held.left(entry.expires_at - int(now))

    def inspect(self, owner: bytes, rrtype: int, now: float) -> CachedRRset | None:
        """The entry itself, with rank and security."""
        entry = self._map.get(key_of(owner, rrtype), now)
        return entry.value if entry is not None else None

    def recall(self, owner: bytes, rrtype: int) -> CachedRRset | None:
        """The entry even if it has expired, for stale answers (RFC 8767)."""
        entry = self._map.recall(key_of(owner, rrtype))
        return entry.value if entry is not None else None

    def learn(
        self,
        rrset: RRset,
        rank: Rank,
        *,
        now: float,
        security: Security = Security.INDETERMINATE,
        signatures: tuple[bytes, ...] = (),
        informant: Informant | None = None,
        key: bytes | None = None,
    ) -> bool:
        """Keep an RRset unless something better ranked is there; whether it was kept. `key` is that
        of the RRset, whose owner is in lower case then."""
        if len(rrset.rdatas) > MAX_RECORDS_KEPT:
            return False
        ttl = self.clamp(rrset.ttl)
        if ttl <= 0:
            return False
        standing = self._standing  # like most, it has that of the one before
        if (
            standing.informant is not informant
            or standing.rank is not rank
            or standing.security is not security
        ):
            standing = self._standing = standing_of(rank, security, informant)
        expires_at = int(now) + ttl
        if ttl != self._ttl or expires_at != self._expires_at:
            self._ttl, self._expires_at = self._shared(ttl), self._shared(expires_at)
        value = CachedRRset(rrset, standing, self._expires_at, signatures, key)
        value.ttl = self._ttl
        octets = self._weigh(value)
        if not self._map.add(value.key, value, octets, now=now, expires_at=value.expires_at):
            held = self._map.get(value.key, now)
            if held is not None:
                known: CachedRRset = held.value
                if known.rank > rank:
                    return False
            self._map.put(value.key, value, octets, now=now, expires_at=value.expires_at)
        return True

    def restore(self, value: CachedRRset, *, now: float) -> None:
        """Take an entry back from a snapshot, be it expired."""
        value.expires_at = min(value.expires_at, int(now) + self.max_ttl)
        octets = self._weigh(value)
        self._map.put(value.key, value, octets, now=now, expires_at=value.expires_at)

    def _weigh(self, value: CachedRRset) -> int:
        """The octets of what is to be kept; takes note of aliases."""
        octets = _RRSET_OVERHEAD_OCTETS
        for rdata in value.rdatas:
            octets += len(rdata) + _RDATA_OVERHEAD_OCTETS
        for signature in value.signatures:
            octets += len(signature) + _RDATA_OVERHEAD_OCTETS
        rrtype = value.rrtype
        if rrtype == _CNAME:
            self.has_aliases = True
        elif rrtype == _DNAME:
            self.has_dnames = True
        return octets

    def _shared(self, number: int) -> int:
        """The number, as an object that all entries share: each of its own takes 32 octets."""
        if len(self._numbers) >= _MAX_NUMBERS:
            self._numbers.clear()
        return self._numbers.setdefault(number, number)

    def forget(self, owner: bytes, rrtype: int) -> bool:
        """Drop one RRset; whether it was there."""
        return self._map.remove(key_of(owner, rrtype))

    def clear(self) -> int:
        """Drop everything; how many RRsets there were."""
        return self._map.clear()
