"""Answers from own zones: which zone, what it says, and where aliases lead within them.

zone/lookup.py knows one zone; this joins them: a chain of aliases is followed as long as it stays
in our zones, a name in a child zone that is ours, too, is answered from the child, and DS at a cut
from the parent. Additional data follows here because it may be in any of our zones.

Knows: RFC 1034 section 4.3.2, RFC 2308 section 2, RFC 4035 section 3.1.4.1, RFC 6604 (the rcode is
that of the last name), RFC 6672 section 3.2, RFC 9471. Does not know: clients, caches, packets.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from resolver import names
from resolver.codes import Ede, Rcode, RRClass, RRType
from resolver.model import Answer, ExtendedError, Question, RRset
from resolver.zone.content import Zone
from resolver.zone.lookup import (
    Alias,
    Found,
    NoData,
    NoName,
    Redirection,
    Referral,
    TooLong,
    addresses,
    glue,
    lookup,
)
from resolver.zone.store import ZoneStore

MAX_ALIASES: Final = 11
# Names of an answer for which addresses are added: as many as anybody will try.
MAX_ADDITIONAL_NAMES: Final = 32

_ANSWERED_BY_CNAME: Final = frozenset((int(RRType.CNAME), int(RRType.ANY)))
_ANY: Final = int(RRType.ANY)
_NS: Final = int(RRType.NS)
_DS: Final = int(RRType.DS)
# Where the host's name stands in types whose readers go on to ask for its address.
_HOST_AT: Final = {
    _NS: 0,
    int(RRType.MX): 2,
    int(RRType.AFSDB): 2,
    int(RRType.RT): 2,
    int(RRType.KX): 2,
    int(RRType.SRV): 6,
    int(RRType.SVCB): 2,
    int(RRType.HTTPS): 2,
    int(RRType.NAPTR): 4,
}
_NAPTR: Final = int(RRType.NAPTR)
_SERVICE_BINDINGS: Final = frozenset((int(RRType.SVCB), int(RRType.HTTPS)))


def answer(
    store: ZoneStore, question: Question, *, minimal: bool, whole_any: bool = False
) -> Answer | None:
    """What our zones say, or None when the name is in none of them.

    `minimal` leaves out the name servers of the zone and their addresses; addresses for hosts in
    MX, SRV, NS, SVCB and HTTPS answers stay in both modes. `whole_any` answers ANY in full.
    """
    if question.qclass not in (RRClass.IN, RRClass.ANY):
        return None
    zone = zone_for(store, question.qname, question.qtype)
    if zone is None:
        return None
    return _follow(_Inquiry(store, question.qtype, minimal, whole_any), zone, question.qname)


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """What stays the same along a chain of aliases."""

    store: ZoneStore
    qtype: int
    minimal: bool
    whole_any: bool


def _follow(inquiry: _Inquiry, zone: Zone, sname: bytes) -> Answer:
    """From alias to alias until a name has an answer of its own, or leaves our zones."""
    chain: list[RRset] = []
    seen = {sname.lower()}
    while True:
        question = Question(sname, inquiry.qtype)
        match lookup(zone, question, whole_any=inquiry.whole_any):
            case Alias(cname, target):
                chain.append(cname)
            case Redirection(dname, cname, target):
                chain += (dname, cname)
                if inquiry.qtype in _ANSWERED_BY_CNAME:
                    return _found(inquiry, zone, chain)
            case result:
                return _last(inquiry, zone, chain, result)
        sname = target
        key = target.lower()
        if key in seen or len(seen) > MAX_ALIASES:
            return _endless(chain)
        seen.add(key)
        following = zone_for(inquiry.store, target, inquiry.qtype)
        if following is None:
            return Answer(answer=chain, authoritative=True, ages=False, chase=key)
        zone = following


def zone_for(store: ZoneStore, name: bytes, qtype: int) -> Zone | None:
    """The own zone that answers for a name: the nearest, but for DS the one above the cut, when
    that is ours (RFC 4035 section 3.1.4.1)."""
    key = name.lower()
    zone = store.find(key)
    if qtype == _DS and zone is not None and zone.origin == key and key != names.ROOT:
        return store.find(names.parent(key)) or zone
    return zone


def _endless(chain: list[RRset]) -> Answer:
    """Loops are signalled as an error (RFC 1034 section 3.6.2), and so is a chain without end."""
    error = ExtendedError(Ede.OTHER, f"alias loop, or more than {MAX_ALIASES} aliases")
    return Answer(Rcode.SERVFAIL, chain, authoritative=True, extended_errors=(error,), ages=False)


def _last(
    inquiry: _Inquiry,
    zone: Zone,
    chain: list[RRset],
    result: Found | TooLong | Referral | NoData | NoName,
) -> Answer:
    """The answer from the last name of a chain, which is mostly the only one."""
    match result:
        case Found(rrsets):
            return _found(inquiry, zone, [*chain, *rrsets])
        case TooLong(dname):
            return Answer(Rcode.YXDOMAIN, answer=[*chain, dname], authoritative=True, ages=False)
        case Referral():
            return _referral(inquiry, zone, chain, result)
        case NoData():
            rcode = Rcode.NOERROR
        case NoName():
            rcode = Rcode.NXDOMAIN
        case _ as never:
            assert_never(never)
    denial = [zone.denial_soa]
    return Answer(rcode, answer=chain, authority=denial, authoritative=True, ages=False)


def _found(inquiry: _Inquiry, zone: Zone, rrsets: list[RRset]) -> Answer:
    authority: list[RRset] = []
    # DS answers belong to a cut, where these name servers would read like the child's.
    if not inquiry.minimal and inquiry.qtype != _DS and zone.ns not in rrsets:
        authority.append(zone.ns)
    additional: list[RRset] = []
    leading = [] if inquiry.qtype == _ANY else [*rrsets, *authority]  # ANY is kept small (RFC 8482)
    for host in _hosts(leading):
        home = inquiry.store.find(host)
        if home is not None:
            additional += [found for found in addresses(home, host) if found not in rrsets]
    return Answer(
        answer=rrsets, authority=authority, additional=additional, authoritative=True, ages=False
    )


def _hosts(rrsets: list[RRset]) -> list[bytes]:
    """Lower-case host names to which these records lead, each once."""
    hosts: dict[bytes, None] = {}
    for rrset in rrsets:
        at = _HOST_AT.get(rrset.rrtype)
        if at is None:
            continue
        for rdata in rrset.rdatas:
            if rrset.rrtype == _NAPTR:
                at = _replacement_at(rdata)
            host = rdata[at : _name_end(rdata, at)].lower()
            if host == names.ROOT and rrset.rrtype in _SERVICE_BINDINGS and rdata[:2] != b"\0\0":
                host = rrset.owner.lower()  # "." is the owner itself (RFC 9460 section 2.5.2)
            hosts[host] = None
            if len(hosts) >= MAX_ADDITIONAL_NAMES:
                return list(hosts)
    return list(hosts)


def _replacement_at(naptr: bytes) -> int:
    """Where the replacement stands in a NAPTR's rdata, behind two numbers and three strings
    (RFC 3403 section 4.1)."""
    at = 4
    for _ in range(3):
        at += naptr[at] + 1
    return at


def _name_end(rdata: bytes, at: int) -> int:
    while rdata[at]:
        at += rdata[at] + 1
    return at + 1


def _referral(inquiry: _Inquiry, zone: Zone, chain: list[RRset], referral: Referral) -> Answer:
    """The child's name servers, and the addresses that only we can give first: without glue below
    the cut the referral is of no use (RFC 9471 section 3.1)."""
    cut, ns = referral.cut, referral.ns
    required: list[RRset] = []
    optional: list[RRset] = []
    for host in dict.fromkeys(rdata.lower() for rdata in ns.rdatas):
        if names.is_within(host, cut):
            required += glue(zone, host)
        elif names.is_within(host, zone.origin):
            optional += glue(zone, host) or addresses(zone, host)
        elif len(optional) < MAX_ADDITIONAL_NAMES:
            home = inquiry.store.find(host)
            optional += addresses(home, host) if home is not None else []
    return Answer(
        answer=chain,
        authority=[ns],
        additional=required + optional,
        authoritative=bool(chain),
        required_glue=len(required),
        chase=chain[-1].rdatas[0].lower() if chain else None,
        ages=False,
    )
