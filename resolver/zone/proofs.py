"""What a signed zone adds to an answer for who understands DNSSEC: signatures and denials.

zone/lookup.py says what was found or not; this says how that is proven. Everything comes from the
zone as it was signed: nothing is signed here.

    found by a wildcard     nothing nearer exists           RFC 4035 3.1.3.3, RFC 5155 7.2.6
    NoData                  the name has not the type       RFC 4035 3.1.3.1, RFC 5155 7.2.3, 7.2.4
    NoData by a wildcard    that, and nothing nearer        RFC 4035 3.1.3.4, RFC 5155 7.2.5
    NoName                  neither name nor wildcard       RFC 4035 3.1.3.2, RFC 5155 7.2.2
    Referral                DS, or that there is none       RFC 4035 3.1.4, RFC 5155 7.2.7

A DNAME is signed, the CNAME made from it is not (RFC 6672 section 5.3.1). Does not know: messages,
other zones, whether anybody wants a proof.
"""

from collections.abc import Iterable
from typing import Final

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import Question, RRset
from resolver.slices import finish
from resolver.zone.content import CUT, OCCLUDED, Node, Zone
from resolver.zone.denial import Denial, denial_of
from resolver.zone.lookup import Alias, Found, NoData, NoName, Referral, Result, source_of

_DS: Final = int(RRType.DS)
_NSEC: Final = int(RRType.NSEC)
_RRSIG: Final = int(RRType.RRSIG)
# What the parent's side of a cut signs (RFC 4035 section 2.2).
_SIGNED_AT_CUT: Final = frozenset((_DS, _NSEC))


def with_signatures(zone: Zone, rrsets: Iterable[RRset]) -> list[RRset]:
    """The RRsets, each with its signatures right behind it, as far as there are any.

    What was made from a wildcard gets the signatures of the wildcard. They have owner and TTL of
    what they sign, which may have been lowered for a denial (RFC 4034 section 3).
    """
    signed: list[RRset] = []
    name = b""
    node: Node | None = None
    for rrset in rrsets:
        signed.append(rrset)
        owner = rrset.owner.lower()
        if owner != name:
            name, node = owner, zone.node(owner) or zone.node(source_of(zone, owner))
        signature = None if node is None else _signature(node, rrset.rrtype)
        if signature is not None:
            ttl = min(rrset.ttl, signature.ttl)
            signed.append(RRset(rrset.owner, _RRSIG, RRClass.IN, ttl, signature.rdatas))
    return signed


def _signature(node: Node, rrtype: int) -> RRset | None:
    if node.flags & OCCLUDED or (node.flags & CUT and rrtype not in _SIGNED_AT_CUT):
        return None
    return node.signatures.get(rrtype)


def proof(zone: Zone, question: Question, result: Result) -> list[RRset]:
    """What goes into the authority section to prove a result of lookup, signatures included.

    Empty where nothing needs a proof, or where the zone has none. Raises HashCollisionError.
    """
    if isinstance(result, Referral):
        return _delegation(zone, result.cut)
    denial = finish(denial_of(zone))
    if denial is None:
        return []
    owners = _denied(denial, question.qname.lower(), result)
    return _records(zone, denial, owners)


def _denied(denial: Denial, name: bytes, result: Result) -> list[bytes]:
    """Owners of the records that prove a result."""
    match result:
        case Found(_, source) | Alias(_, _, source):
            if source is None:
                return []
            return denial.of_closer_name(name, names.parent(source))
        case NoData(source):
            if source is None:
                return denial.of_type(name)
            return denial.of_wildcard_type(name, names.parent(source))
        case NoName(closest_encloser):
            return denial.of_name(name, closest_encloser)
        case _:
            return []


def _delegation(zone: Zone, cut: bytes) -> list[RRset]:
    node = zone.node(cut)
    assert node is not None
    ds = node.rrsets.get(_DS)
    if ds is not None:
        return with_signatures(zone, [ds])
    denial = finish(denial_of(zone))
    return [] if denial is None else _records(zone, denial, denial.of_ds(cut))


def _records(zone: Zone, denial: Denial, owners: Iterable[bytes]) -> list[RRset]:
    rrsets: list[RRset] = []
    for owner in dict.fromkeys(owners):
        node = zone.node(owner)
        assert node is not None
        rrsets.append(node.rrsets[denial.rrtype])
    return with_signatures(zone, rrsets)
