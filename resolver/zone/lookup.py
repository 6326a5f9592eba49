"""One name in one zone: the steps of RFC 1034 section 4.3.2 that stay inside a zone.

    exact match            the name is there         -> Found, Alias, Borrowed or NoData
    cut                    the name is at or below   -> Referral
    DNAME                  the name is below one     -> Redirection or TooLong
    wildcard               at the closest encloser   -> the same, made for the name
    none of these                                    -> NoName

The result is one of a closed set and says what a proof of it would need (source of synthesis,
closest encloser). Following an alias is for the caller: its target may be in another zone.

Knows: RFC 1034 section 4.3.2, RFC 2308, RFC 4592 sections 2 and 3, RFC 6672 section 3, RFC 8020,
RFC 8482 section 4.1, RFC 4035 section 3.1.4.1 (DS belongs to the parent's side of a cut). Does not
know: other zones, messages.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import Question, RRset
from resolver.zone.content import CUT, DNAME, HASHED, OCCLUDED, Node, Zone

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_NS: Final = int(RRType.NS)
_DS: Final = int(RRType.DS)
_ANY: Final = int(RRType.ANY)
_ALIAS: Final = int(RRType.ALIAS)
_RECORD_OCTETS: Final = 12  # owner as a pointer, type, class, TTL, length
_ADDRESS_TYPES: Final = frozenset((_A, _AAAA))
# In the zone, but no names that anybody could ask for (RFC 5155 section 7.2.8).
_OUT_OF_SIGHT: Final = OCCLUDED | HASHED
_FORMALITIES: Final = frozenset((int(RRType.NSEC), int(RRType.RRSIG)))


@dataclass(frozen=True, slots=True)
class Found:
    """Data of the type asked. `source` is the wildcard it was made from, if any."""

    rrsets: list[RRset]
    source: bytes | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """A CNAME where other data was asked for; `target` keeps its case."""

    cname: RRset
    target: bytes
    source: bytes | None = None


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Addresses are asked for where an ALIAS record says whose to give: those of the target."""

    alias: RRset
    source: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirection:
    """A DNAME above the name, and the CNAME made from it (RFC 6672 section 3.1)."""

    dname: RRset
    cname: RRset
    target: bytes


@dataclass(frozen=True, slots=True)
class TooLong:
    """A DNAME above the name that would make it longer than a name may be (RFC 6672 section
    2.2)."""

    dname: RRset


@dataclass(frozen=True, slots=True)
class Referral:
    """The name is at or below a cut: the child's name servers know."""

    cut: bytes
    ns: RRset


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists (or a wildcard stands for it) without this type: also at empty non-terminals
    (RFC 8020 section 2)."""

    source: bytes | None = None


@dataclass(frozen=True, slots=True)
class NoName:
    """Neither the name nor a wildcard for it exists."""

    closest_encloser: bytes


Result: TypeAlias = Found | Alias | Borrowed | Redirection | TooLong | Referral | NoData | NoName


def lookup(zone: Zone, question: Question, *, whole_any: bool = False) -> Result:
    """What the zone says of a name within it.

    Made-up owners take the case of `question.qname`. ANY gives one RRset, the smallest, unless
    `whole_any` (RFC 8482 section 4.1), and RRSIG the signatures of one, for the same reason.
    """
    sname = question.qname.lower()
    flags = zone.flags(sname)
    if flags is None or flags & _OUT_OF_SIGHT:
        return _below(zone, question, sname, whole_any=whole_any)
    node = zone.node(sname)
    assert node is not None
    if flags & CUT and question.qtype != _DS:
        return Referral(sname, node.rrsets[_NS])
    return _at_node(node, question.qtype, whole_any=whole_any)


def addresses(zone: Zone, name: bytes) -> list[RRset]:
    """The A and AAAA RRsets of a lower-case name that the zone is the authority for, wildcards
    included: additional data."""
    flags = zone.flags(name)
    if flags is not None:
        return [] if flags & (_OUT_OF_SIGHT | CUT) else glue(zone, name)
    source = zone.node(source_of(zone, name))
    return [] if source is None else [_owned(rrset, name) for rrset in _addresses_of(source)]


def source_of(zone: Zone, name: bytes) -> bytes:
    """Where a lower-case name that does not exist may have its data from: the wildcard below its
    closest encloser, be it there or not (RFC 4592 section 3.3.1). Below a cut or DNAME that is the
    occluded name itself, which is not there either."""
    encloser, flags = _closest_encloser(zone, name)
    return name if flags & (CUT | DNAME) else names.wildcard(encloser)


def glue(zone: Zone, name: bytes) -> list[RRset]:
    """The A and AAAA RRsets at a lower-case name, also where they are occluded."""
    node = zone.node(name)
    return [] if node is None else _addresses_of(node)


def _addresses_of(node: Node) -> list[RRset]:
    return [node.rrsets[rrtype] for rrtype in (_A, _AAAA) if rrtype in node.rrsets]


def _at_node(node: Node, qtype: int, *, whole_any: bool) -> Result:
    """Step 3a: the whole of QNAME is matched."""
    rrsets = node.all() if qtype == _ANY else node.of_type(qtype)
    if rrsets:
        return Found(rrsets if whole_any or len(rrsets) == 1 else [_small(rrsets)])
    cname = node.rrsets.get(_CNAME)
    if cname is not None:
        return Alias(cname, cname.rdatas[0])
    if qtype in _ADDRESS_TYPES and (alias := node.rrsets.get(_ALIAS)) is not None:
        return Borrowed(alias)
    return NoData()


def _small(rrsets: list[RRset]) -> RRset:
    """The smallest, but rather data than what only proves data."""
    data = [rrset for rrset in rrsets if rrset.rrtype not in _FORMALITIES]
    return min(data or rrsets, key=_octets)


def _octets(rrset: RRset) -> int:
    return sum(map(len, rrset.rdatas)) + _RECORD_OCTETS * len(rrset.rdatas)


def _below(zone: Zone, question: Question, sname: bytes, *, whole_any: bool) -> Result:
    """Steps 3b and 3c: the match ends above QNAME, at a cut, a DNAME or the closest encloser."""
    encloser, flags = _closest_encloser(zone, sname)
    if flags & CUT:
        node = zone.node(encloser)
        assert node is not None
        return Referral(encloser, node.rrsets[_NS])
    if flags & DNAME:
        return _redirected(zone, encloser, question)
    source = names.wildcard(encloser)
    node = zone.node(source)
    if node is None:
        return NoName(encloser)
    match _at_node(node, question.qtype, whole_any=whole_any):
        case Found(rrsets):
            return Found([_owned(rrset, question.qname) for rrset in rrsets], source)
        case Alias(cname, target):
            return Alias(_owned(cname, question.qname), target, source)
        case Borrowed(alias):
            return Borrowed(_owned(alias, question.qname), source)
        case _:
            return NoData(source)


def _closest_encloser(zone: Zone, name: bytes) -> tuple[bytes, int]:
    """The longest ancestor that exists in sight, and its flags (RFC 4592 section 3.3.1)."""
    while True:
        name = name[name[0] + 1 :]
        flags = zone.flags(name)
        if flags is not None and not flags & _OUT_OF_SIGHT:
            return name, flags


def _redirected(zone: Zone, owner: bytes, question: Question) -> Result:
    """The name with the DNAME's owner replaced by its target (RFC 6672 section 2.2)."""
    node = zone.node(owner)
    assert node is not None
    dname = node.rrsets[_DNAME]
    qname = question.qname
    target = qname[: len(qname) - len(owner)] + dname.rdatas[0]
    if len(target) > names.MAX_NAME_OCTETS:
        return TooLong(dname)
    cname = RRset(qname, _CNAME, RRClass.IN, dname.ttl, (target,))
    return Redirection(dname, cname, target)


def _owned(rrset: RRset, owner: bytes) -> RRset:
    """The same records at a name that a wildcard stands for (RFC 4592 section 3.3.3)."""
    return RRset(owner, rrset.rrtype, rrset.rrclass, rrset.ttl, rrset.rdatas)
