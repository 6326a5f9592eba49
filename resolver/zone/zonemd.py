"""The digest of a whole zone, made and checked.

One digest over every record, glue and occluded ones too, tells whether the zone is what its author
published: a checksum by itself, a proof where the zone is signed.

Knows: RFC 8976 sections 2 to 4 (scheme SIMPLE, SHA-384 and SHA-512), RFC 4034 section 6. Does not
know: signatures, what follows from a digest that does not fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import new as new_hash
from struct import Struct
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.slices import Slices
from resolver.zone.content import PACKED_ENT, Zone
from resolver.zone.groups import Group, in_order, unpack_groups
from resolver.zone.relations import relations_of
from resolver.zone.revision import Revision
from resolver.zone.ring import sorted_chunks

SIMPLE: Final = 1  # the one scheme there is (RFC 8976 section 5.2)
MIN_DIGEST_OCTETS: Final = 12  # RFC 8976 section 2.2.4

_HEAD: Final = Struct(">IBB")  # serial, scheme, hash algorithm
_FIXED: Final = Struct(">HHI")  # type, class, TTL
_LENGTH: Final = Struct(">H")
_ZONEMD: Final = int(RRType.ZONEMD)
_RRSIG: Final = int(RRType.RRSIG)
_COVERS_ZONEMD: Final = _LENGTH.pack(_ZONEMD)


class Algorithm(IntEnum):
    """Hash algorithms (RFC 8976 section 5.3)."""

    SHA384 = 1
    SHA512 = 2


_KNOWN: Final = frozenset(Algorithm)


@dataclass(frozen=True, slots=True)
class Right:
    """The zone is what this digest was made of."""

    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Absent:
    """The zone has no digest."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """No digest is of a kind that we can check."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """The zone is not what it says it is."""

    reason: str


Verdict: TypeAlias = Right | Absent | Unusable | Wrong


def digest(zone: Zone, algorithm: Algorithm) -> Slices[bytes]:
    """The digest of a version, whatever digests are in it (RFC 8976 section 3)."""
    hashed = new_hash(algorithm.name.lower())
    chunks = yield from sorted_chunks(zone.nodes, names.canonical_key)
    chunks.reverse()
    while chunks:
        for name in chunks.pop():
            for group in in_order(unpack_groups(zone.nodes.get(name) or PACKED_ENT).values()):
                if name != zone.origin or not _is_digest(group):
                    hashed.update(_canonical(name, group))
        yield
    return hashed.digest()


def _is_digest(group: Group) -> bool:
    """Whether an RRset of the apex stays out: the digests, and signatures over them (section
    3.3.1)."""
    if group.rrtype == _RRSIG:
        return next(iter(group.rdatas))[:2] == _COVERS_ZONEMD
    return group.rrtype == _ZONEMD


def _canonical(name: bytes, group: Group) -> bytes:
    """The records of an RRset in canonical form and order (RFC 4034 sections 6.2 and 6.3)."""
    head = name + _FIXED.pack(group.rrtype, RRClass.IN, group.ttl)
    return b"".join([head + _LENGTH.pack(len(rdata)) + rdata for rdata in sorted(group.rdatas)])


def verify(zone: Zone) -> Slices[Verdict]:
    """Whether the zone is what its ZONEMD records say (RFC 8976 section 4). One that fits is
    enough; several of one kind count for nothing."""
    rrset = zone.apex.rrsets.get(_ZONEMD)
    if rrset is None:
        return Absent()
    kinds = [(rdata[4], rdata[5]) for rdata in rrset.rdatas if len(rdata) > _HEAD.size]
    verdict: Verdict = Unusable("ZONEMD without a scheme and algorithm that is known")
    for rdata in rrset.rdatas:
        if len(rdata) < _HEAD.size + MIN_DIGEST_OCTETS:
            continue
        serial, scheme, number = _HEAD.unpack_from(rdata)
        if scheme != SIMPLE or number not in _KNOWN:
            continue
        algorithm = Algorithm(number)
        if kinds.count((scheme, number)) > 1:
            verdict = Wrong(f"several ZONEMD records with {algorithm.name}")
        elif serial != zone.serial:
            verdict = Wrong(f"ZONEMD is for serial {serial}, this is {zone.serial}")
        elif rdata[_HEAD.size :] == (yield from digest(zone, algorithm)):
            return Right(algorithm)
        else:
            verdict = Wrong(f"the digest of the zone ({algorithm.name}) is not that of its ZONEMD")
    return verdict


def with_digest(zone: Zone, algorithms: Iterable[Algorithm]) -> Slices[Zone]:
    """The same version with these digests of itself instead of those that are in it.

    In a signed zone the NSEC or NSEC3 record of the apex must know of the type already, and the
    signature over it has to be made afterwards.
    """
    revision = Revision(zone, (yield from relations_of(zone)))
    held = zone.apex.rrsets.get(_ZONEMD)
    if held is not None:
        revision.remove(held)
    rdatas = []
    for algorithm in algorithms:
        value = yield from digest(zone, algorithm)
        rdatas.append(_HEAD.pack(zone.serial, SIMPLE, algorithm) + value)
    owner = zone.apex.owner
    revision.add(RRset(owner, _ZONEMD, RRClass.IN, zone.soa.ttl, tuple(rdatas)))
    return (yield from revision.finish())


def renewed(zone: Zone) -> Slices[Zone]:
    """A version that was changed, with digests that fit it again, of the kinds it has; itself when
    it has none."""
    rrset = zone.apex.rrsets.get(_ZONEMD)
    if rrset is None:
        return zone
    kinds = [rdata[5] for rdata in rrset.rdatas if len(rdata) > _HEAD.size and rdata[5] in _KNOWN]
    return (yield from with_digest(zone, map(Algorithm, dict.fromkeys(kinds))))
