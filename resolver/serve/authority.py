"""Answers from own zones: which zone, what it says, and where aliases lead within them.

zone/lookup.py knows one zone; this joins them: a chain of aliases is followed as long as it stays
in our zones, a name in a child zone that is ours, too, is answered from the child, and DS at a cut
from the parent. Additional data follows here because it may be in any of our zones. Signatures and
proofs (zone/proofs.py) are those of the zone that each part of the answer is from.

Knows: RFC 1034 section 4.3.2, RFC 2308 section 2, RFC 4035 section 3.1, RFC 5155 section 7.2.9,
RFC 6604 (the rcode is that of the last name), RFC 6672 section 3.2, RFC 9471. Does not know:
clients, caches, packets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from resolver import names
from resolver.codes import Ede, Rcode, RRClass, RRType
from resolver.model import Answer, ExtendedError, Question, RRset
from resolver.zone.alias_denials import put_right
from resolver.zone.content import Zone
from resolver.zone.lending import Lending
from resolver.zone.lookup import (
    Alias,
    Borrowed,
    Found,
    NoData,
    NoName,
    Redirection,
    Referral,
    Result,
    TooLong,
    addresses,
    glue,
    lookup,
)
from resolver.zone.nsec3 import HashCollisionError
from resolver.zone.proofs import proof, with_signatures
from resolver.zone.signer import CannotSignError
from resolver.zone.store import ZoneStore

MAX_ALIASES: Final = 11
# Names of an answer for which addresses are added: as many as anybody will try.
MAX_ADDITIONAL_NAMES: Final = 32

_ANSWERED_BY_CNAME: Final = frozenset((int(RRType.CNAME), int(RRType.ANY)))
_ANY: Final = int(RRType.ANY)
_NS: Final = int(RRType.NS)
_DS: Final = int(RRType.DS)
# DS belongs to a cut, where these name servers would read like the child's; sets of keys are large.
_WITHOUT_NS: Final = frozenset((_DS, int(RRType.DNSKEY)))
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


@dataclass(slots=True, init=False)
class Borrowing(Answer):
    """Addresses of `owner` that are yet to be looked up at `lender`, the target of its ALIAS record
    with this TTL (serve/borrow.py). As it stands it is a failure, for whoever cannot do that.

    `answer` has the aliases that led to `owner`, `authority` what proves them, `denial` is for the
    case that there are no addresses. `lending` signs, for who wants that of a signed zone.
    """

    owner: bytes
    lender: bytes
    ttl_s: int
    denial: RRset | None
    lending: Lending | None

    def __init__(
        self, owner: bytes, lender: bytes, ttl_s: int, denial: RRset | None, reason: str
    ) -> None:
        """`reason` is for whoever cannot look addresses up."""
        error = ExtendedError(Ede.NOT_SUPPORTED, reason)
        Answer.__init__(
            self, Rcode.SERVFAIL, authoritative=True, extended_errors=(error,), ages=False
        )
        self.owner = owner
        self.lender = lender
        self.ttl_s = ttl_s
        self.denial = denial
        self.lending = None


def answer(
    store: ZoneStore,
    question: Question,
    *,
    minimal: bool,
    whole_any: bool = False,
    dnssec_ok: bool = False,
) -> Answer | None:
    """What our zones say, or None when the name is in none of them.

    `minimal` leaves out the name servers of the zone and their addresses; addresses for hosts in
    MX, SRV, NS, SVCB and HTTPS answers stay in both modes. `whole_any` answers ANY and RRSIG in
    full. `dnssec_ok` adds signatures and proofs where zones are signed.
    """
    if question.qclass not in (RRClass.IN, RRClass.ANY):
        return None
    zone = zone_for(store, question.qname, question.qtype)
    if zone is None:
        return None
    inquiry = _Inquiry(
        store, question.qtype, minimal=minimal, whole_any=whole_any, dnssec_ok=dnssec_ok
    )
    try:
        found = _follow(inquiry, zone, question.qname)
        found.made_from = inquiry.made_from
        return found
    except HashCollisionError as collision:
        reason = f"there is an NSEC3 record for {collision}"
    except CannotSignError as fault:
        reason = str(fault)
    error = ExtendedError(Ede.OTHER, reason)
    return Answer(Rcode.SERVFAIL, extended_errors=(error,), ages=False)


class _Inquiry:
    """What is asked along a chain of aliases, and what was found of it so far: the answer section,
    and what proves it."""

    __slots__ = (
        "dnssec_ok",
        "found",
        "made_from",
        "minimal",
        "proven",
        "qtype",
        "store",
        "whole_any",
    )

    def __init__(
        self, store: ZoneStore, qtype: int, *, minimal: bool, whole_any: bool, dnssec_ok: bool
    ) -> None:
        self.store = store
        self.qtype = qtype
        self.minimal = minimal
        self.whole_any = whole_any
        self.dnssec_ok = dnssec_ok
        self.found: list[RRset] = []
        self.proven: list[RRset] = []
        self.made_from: bytes | None = None

    def signed(self, zone: Zone, rrsets: list[RRset]) -> list[RRset]:
        """RRsets of a zone as this client wants them: with signatures, or without."""
        if not zone.signed:
            return rrsets
        return [*self._put_right(zone, with_signatures(zone, rrsets) if self.dnssec_ok else rrsets)]

    def prove(self, zone: Zone, sname: bytes, result: Result) -> None:
        """Add what proves a result, unless it is there already."""
        if self.dnssec_ok and zone.signed:
            for rrset in self._put_right(zone, proof(zone, Question(sname, self.qtype), result)):
                if rrset not in self.proven:
                    self.proven.append(rrset)

    def _put_right(self, zone: Zone, rrsets: list[RRset]) -> Sequence[RRset]:
        signer = self.store.signers.get(zone.origin)
        if signer is None:
            return rrsets
        return put_right(zone, rrsets, signer, signed=self.dnssec_ok)


def _follow(inquiry: _Inquiry, zone: Zone, sname: bytes) -> Answer:
    """From alias to alias until a name has an answer of its own, or leaves our zones."""
    found = inquiry.found
    seen = {sname.lower()}
    chase: bytes | None = None
    while True:
        result = lookup(zone, Question(sname, inquiry.qtype), whole_any=inquiry.whole_any)
        inquiry.prove(zone, sname, result)
        inquiry.made_from = _made_from(result) or inquiry.made_from
        match result:
            case Alias(cname, target):
                found += inquiry.signed(zone, [cname])
            case Redirection(dname, cname, target):
                found += inquiry.signed(zone, [dname])
                found.append(cname)
                if inquiry.qtype in _ANSWERED_BY_CNAME:
                    return _complete(inquiry, zone)
            case Borrowed():
                return _borrowing(inquiry, zone, result, sname)
            case _:
                return _last(inquiry, zone, result, chase)
        sname = target
        chase = target.lower()
        if chase in seen or len(seen) > MAX_ALIASES:
            return _endless(inquiry)
        seen.add(chase)
        following = zone_for(inquiry.store, target, inquiry.qtype)
        if following is None:
            return Answer(
                answer=found,
                authority=inquiry.proven,
                authoritative=True,
                ages=False,
                chase=chase,
            )
        zone = following


def _made_from(result: Result) -> bytes | None:
    match result:
        case Found(_, source) | Alias(_, _, source) | Borrowed(_, source):
            return source
        case Redirection(dname):
            return dname.owner.lower()
        case _:
            return None


def zone_for(store: ZoneStore, name: bytes, qtype: int) -> Zone | None:
    """The own zone that answers for a name: the nearest, but for DS the one above the cut, when
    that is ours (RFC 4035 section 3.1.4.1)."""
    key = name.lower()
    zone = store.find(key)
    if qtype == _DS and zone is not None and zone.origin == key and key != names.ROOT:
        return store.find(names.parent(key)) or zone
    return zone


def _borrowing(inquiry: _Inquiry, zone: Zone, borrowed: Borrowed, sname: bytes) -> Answer:
    """The file of a signed zone cannot have an ALIAS without keys, but a transfer may have brought
    the two together."""
    alias = borrowed.alias
    lender = alias.rdatas[0]
    signer = inquiry.store.signers.get(zone.origin)
    lending = None
    reason = "nobody here can look up where the ALIAS leads"
    if not names.is_whole(lender):
        lender, reason = b"", "an ALIAS that is no name"
    elif zone.signed and (signer is None or not signer.fits(zone)):
        lender, reason = b"", "an ALIAS in a signed zone, and no key of the zone to sign with"
    elif zone.signed and inquiry.dnssec_ok and signer is not None:
        lending = Lending(zone, signer, sname, alias.ttl, borrowed.source)
    borrowing = Borrowing(sname, lender, alias.ttl, zone.denial_soa, reason)
    borrowing.answer = inquiry.found
    borrowing.authority = inquiry.proven
    borrowing.lending = lending
    return borrowing


def _endless(inquiry: _Inquiry) -> Answer:
    """Loops are signalled as an error (RFC 1034 section 3.6.2), and so is a chain without end."""
    error = ExtendedError(Ede.OTHER, f"alias loop, or more than {MAX_ALIASES} aliases")
    return Answer(
        Rcode.SERVFAIL,
        answer=inquiry.found,
        authority=inquiry.proven,
        authoritative=True,
        extended_errors=(error,),
        ages=False,
    )


def _last(
    inquiry: _Inquiry,
    zone: Zone,
    result: Found | TooLong | Referral | NoData | NoName,
    chase: bytes | None,
) -> Answer:
    """The answer from the last name of a chain, which is mostly the only one."""
    match result:
        case Found(rrsets):
            inquiry.found += inquiry.signed(zone, rrsets)
            return _complete(inquiry, zone)
        case TooLong(dname):
            found = [*inquiry.found, *inquiry.signed(zone, [dname])]
            return Answer(Rcode.YXDOMAIN, answer=found, authoritative=True, ages=False)
        case Referral():
            return _referral(inquiry, zone, result, chase)
        case NoData():
            rcode = Rcode.NOERROR
        case NoName():
            rcode = Rcode.NXDOMAIN
        case _ as never:
            assert_never(never)
    denial = [*inquiry.signed(zone, [zone.denial_soa]), *inquiry.proven]
    return Answer(rcode, answer=inquiry.found, authority=denial, authoritative=True, ages=False)


def _complete(inquiry: _Inquiry, zone: Zone) -> Answer:
    """An answer that ends with data, and what may be of use beside it."""
    found = inquiry.found
    authority: list[RRset] = []
    if not inquiry.minimal and inquiry.qtype not in _WITHOUT_NS and zone.ns not in found:
        authority += inquiry.signed(zone, [zone.ns])
    # ANY is kept small (RFC 8482).
    leading = [] if inquiry.qtype == _ANY else [*found, *authority]
    additional: list[RRset] = []
    for host in _hosts(leading):
        home = inquiry.store.find(host)
        if home is not None:
            wanted = [rrset for rrset in addresses(home, host) if rrset not in found]
            additional += inquiry.signed(home, wanted)
    return Answer(
        answer=found,
        authority=[*authority, *inquiry.proven],
        additional=additional,
        authoritative=True,
        ages=False,
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


def _referral(inquiry: _Inquiry, zone: Zone, referral: Referral, chase: bytes | None) -> Answer:
    """The child's name servers, and the addresses that only we can give first: without glue below
    the cut the referral is of no use (RFC 9471 section 3.1)."""
    cut, ns = referral.cut, referral.ns
    required: list[RRset] = []
    optional: list[RRset] = []
    for host in dict.fromkeys(rdata.lower() for rdata in ns.rdatas):
        if names.is_within(host, cut):
            required += glue(zone, host)
        elif names.is_within(host, zone.origin):
            optional += inquiry.signed(zone, glue(zone, host) or addresses(zone, host))
        elif len(optional) < MAX_ADDITIONAL_NAMES:
            home = inquiry.store.find(host)
            optional += inquiry.signed(home, addresses(home, host)) if home is not None else []
    return Answer(
        answer=inquiry.found,
        authority=[ns, *inquiry.proven],
        additional=required + optional,
        authoritative=bool(inquiry.found),
        required_glue=len(required),
        chase=chase,
        ages=False,
    )
