"""NSEC and NSEC3 records of names with an ALIAS, which must not deny the addresses that it lends.

Whoever signed the zone knew of no address there, so the record says that there is none; and a cache
that has seen it may tell others so (RFC 8198). Here every such record gets A and AAAA, and another
signature. Only the answer that a target has no such address gets one without that type.

What is served of the zone as a whole (transfers, its digest) is what its signer made of it.

Knows: RFC 4034 section 4.1.2, RFC 5155 section 3.2, where the list of types begins. Does not know:
which records prove what (zone/proofs.py), keys.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from resolver.codes import RRType
from resolver.model import RRset
from resolver.slices import finish
from resolver.wire.bitmap import read_types, write_types
from resolver.zone import nsec
from resolver.zone.content import Zone
from resolver.zone.denial import denial_of
from resolver.zone.signer import CannotSignError, Signer

_ALIAS: Final = int(RRType.ALIAS)
_NSEC: Final = int(RRType.NSEC)
_DENIALS: Final = frozenset((_NSEC, int(RRType.NSEC3)))
_RRSIG: Final = int(RRType.RRSIG)
_ADDRESSES: Final = frozenset((int(RRType.A), int(RRType.AAAA)))


def put_right(
    zone: Zone,
    rrsets: Sequence[RRset],
    signer: Signer,
    *,
    signed: bool,
    denied: tuple[bytes, int] | None = None,
) -> Sequence[RRset]:
    """RRsets out of a zone, with those that deny what an ALIAS lends put right. `signed` adds
    signatures to these.

    `denied` is a lower-case name with an ALIAS and the one type that its record shall deny. Raises
    CannotSignError.
    """
    wrong = {_key(rrset) for rrset in rrsets if rrset.rrtype in _DENIALS and _is_of_alias(rrset)}
    if not wrong or not signer.fits(zone):
        return rrsets  # in a zone with other keys nobody gets those addresses from here
    owner = b"" if denied is None else _denier(zone, denied[0])
    told: list[RRset] = []
    for rrset in rrsets:
        if _key(rrset) in wrong:
            lacking = denied[1] if denied is not None and rrset.owner.lower() == owner else 0
            mended = _mended(rrset, lacking)
            told.append(mended)
            if signed:
                told.append(signer.sign(zone, mended, signer.denials))
        elif rrset.rrtype != _RRSIG or (rrset.owner.lower(), covered(rrset)) not in wrong:
            told.append(rrset)
    return told


def covered(signatures: RRset) -> int:
    """The type that the signatures of an RRset sign."""
    return int.from_bytes(signatures.rdatas[0][:2], "big")


def _key(rrset: RRset) -> tuple[bytes, int]:
    return rrset.owner.lower(), rrset.rrtype


def _denier(zone: Zone, name: bytes) -> bytes:
    """The owner of the record that speaks of a name with an ALIAS."""
    denial = finish(denial_of(zone))
    owners = [] if denial is None else denial.of_type(name)
    for owner in owners:
        node = zone.node(owner)
        if denial is not None and node is not None and _is_of_alias(node.rrsets[denial.rrtype]):
            return owner
    raise CannotSignError("the zone has no NSEC or NSEC3 record that tells of the ALIAS")


def _is_of_alias(rrset: RRset) -> bool:
    return any(_lending(rrset.rrtype, rdata, 0) is not None for rdata in rrset.rdatas)


def _mended(rrset: RRset, lacking: int) -> RRset:
    rdatas = (_lending(rrset.rrtype, rdata, lacking) or rdata for rdata in rrset.rdatas)
    return replace(rrset, rdatas=tuple(rdatas))


@lru_cache(maxsize=4096)
def _lending(rrtype: int, rdata: bytes, lacking: int) -> bytes | None:
    """The data of an NSEC or NSEC3 record with both types of addresses, but for one that is
    `lacking`; None when there is no ALIAS."""
    at = _types_at(rrtype, rdata)
    types = read_types(rdata[at:])
    if _ALIAS not in types:
        return None
    return rdata[:at] + write_types((types | _ADDRESSES) - {lacking})


def _types_at(rrtype: int, rdata: bytes) -> int:
    """Where the list of types begins, behind the next name or the next hash."""
    if rrtype == _NSEC:
        return len(nsec.next_name(rdata))
    at = 5 + rdata[4]
    return at + 1 + rdata[at]
