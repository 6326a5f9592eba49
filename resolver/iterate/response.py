"""A reply is classified once, into one of five kinds.

Follows RFC 1034 section 5.3.3 step 4, RFC 2308 sections 2.1 and 2.2 for denials, RFC 6604 for the
rcode of chains. Knows the zone whose server was asked; what the server may say about it is decided
in scrub.py. Does not know which server it was or what to do next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import Flag, Rcode, RRType, show_rcode
from resolver.iterate import scrub
from resolver.model import Informant, Message, RRset
from resolver.native import mypyc_attr

_CNAME: Final = int(RRType.CNAME)
_RRSIG: Final = int(RRType.RRSIG)
_ANY: Final = int(RRType.ANY)
_AA: Final = int(Flag.AA)
_RA: Final = int(Flag.RA)
_CONCLUSIVE: Final = frozenset((0, 3, 6))  # NOERROR, NXDOMAIN, YXDOMAIN


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Answered:
    """The end of the chain is reached: data, or (without data) NXDOMAIN or NODATA with its SOA, or
    YXDOMAIN behind a DNAME whose target is too long (RFC 6672 section 2.2).

    `additional` is the reply's, unscrubbed; only priming looks at it. `signatures` are the RRSIG
    RRsets at the owners of chain and data, `proof` the NSEC, NSEC3 and RRSIG RRsets of a denial.
    `renew_at` is set for what is in the cache (cache/rrsets.py), `informant` for what is not.
    """

    chain: list[RRset]
    name: bytes
    data: list[RRset]
    rcode: int
    soa: RRset | None
    authoritative: bool
    additional: Sequence[RRset]
    signatures: Sequence[RRset]
    proof: tuple[RRset, ...]
    renew_at: float
    informant: Informant | None

    def __init__(
        self,
        chain: list[RRset],
        name: bytes,
        data: list[RRset],
        rcode: int = 0,
        soa: RRset | None = None,
        authoritative: bool = True,
        additional: Sequence[RRset] = (),
        signatures: Sequence[RRset] = (),
        proof: tuple[RRset, ...] = (),
        renew_at: float = inf,
        informant: Informant | None = None,
    ) -> None:
        self.chain = chain
        self.name = name
        self.data = data
        self.rcode = rcode
        self.soa = soa
        self.authoritative = authoritative
        self.additional = additional
        self.signatures = signatures
        self.proof = proof
        self.renew_at = renew_at
        self.informant = informant


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Aliased:
    """The chain leads on to `target`, which this zone cannot answer."""

    chain: list[RRset]
    target: bytes
    authoritative: bool
    signatures: Sequence[RRset]
    renew_at: float
    informant: Informant | None

    def __init__(
        self,
        chain: list[RRset],
        target: bytes,
        authoritative: bool = True,
        signatures: Sequence[RRset] = (),
        renew_at: float = inf,
        informant: Informant | None = None,
    ) -> None:
        self.chain = chain
        self.target = target
        self.authoritative = authoritative
        self.signatures = signatures
        self.renew_at = renew_at
        self.informant = informant


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Referred:
    """Ask the servers of `zone`, strictly below the zone asked."""

    zone: bytes
    ns: RRset
    servers: tuple[bytes, ...]
    glue: dict[bytes, tuple[str, ...]]
    informant: Informant | None

    def __init__(
        self,
        zone: bytes,
        ns: RRset,
        servers: tuple[bytes, ...],
        glue: dict[bytes, tuple[str, ...]] | None = None,
        informant: Informant | None = None,
    ) -> None:
        self.zone = zone
        self.ns = ns
        self.servers = servers
        self.glue = {} if glue is None else glue
        self.informant = informant


@dataclass(slots=True)
class Lame:
    """The server does not serve the zone, though a delegation says so: nothing that it says is of
    use."""

    reason: str
    second_hand: None = None


@dataclass(slots=True)
class Broken:
    """The server has no usable answer. `second_hand` is what it said all the same, out of some
    cache: better than nothing, when nobody has more."""

    reason: str
    rcode: int = Rcode.NOERROR
    second_hand: Answered | Aliased | None = None


Response: TypeAlias = Answered | Aliased | Referred | Lame | Broken


def classify(
    message: Message,
    qname: bytes,
    qtype: int,
    zone: bytes,
    *,
    harden: bool,
    signed: bool = False,
) -> Response:
    """What `message`, sent by a server of `zone`, says about lower-case `qname` and `qtype`.

    `signed`: signatures were asked for, and are kept.
    """
    if message.rcode and message.rcode not in _CONCLUSIVE:
        reason = f"rcode {show_rcode(message.rcode)}"
        # REFUSED for AAAA may be about the type: such servers must not be lost to the whole zone.
        lame = message.rcode == Rcode.REFUSED and qtype != RRType.AAAA
        return Lame(reason) if lame else Broken(reason, message.rcode)
    data = scrub.only_data(message.answer, qname, qtype)
    if data is not None:
        authoritative = message.flags & _AA != 0
        response: Response = Answered(
            [], qname, [data], authoritative=authoritative, additional=message.additional
        )
    else:
        answer = scrub.index(message.answer)
        if message.answer and not answer:
            return Broken("an answer in another class")
        response = _along_chain(message, answer, (qname, qtype), zone, harden=harden)
        if signed:
            add_proof(response, message, answer, zone)
    is_second_hand = message.flags & (_AA | _RA) == _RA and message.answer
    if is_second_hand and isinstance(response, (Answered, Aliased)):
        # Unbound calls this recursion lame: TTLs and trust are not those of the zone.
        return Broken("a recursive server that is no authority", second_hand=response)
    return response


def _along_chain(
    message: Message,
    answer: scrub.Sections,
    asked: tuple[bytes, int],
    zone: bytes,
    *,
    harden: bool,
) -> Response:
    """What there is where the aliases of the answer lead to."""
    qname, qtype = asked
    chain, name = scrub.follow_chain(answer, qname, qtype, zone)
    response = _with_data(message, answer, chain, name, qtype, zone)
    if response is None and scrub.has_two_aliases(answer, name, qtype):
        return Broken(f"two CNAMEs at {names.show(name)}")
    return response or _without_data(message, chain, name, zone, harden=harden)


def _with_data(
    message: Message,
    answer: scrub.Sections,
    chain: list[RRset],
    name: bytes,
    qtype: int,
    zone: bytes,
) -> Answered | Aliased | None:
    authoritative = bool(message.flags & _AA)
    if chain and chain[-1].rrtype == RRType.DNAME:
        return Answered(chain, name, [], Rcode.YXDOMAIN, authoritative=authoritative)
    if names.is_within(name, zone):
        if data := _data(answer, name, qtype):
            return Answered(
                chain, name, data, authoritative=authoritative, additional=message.additional
            )
    elif chain:
        return Aliased(chain, name, authoritative)
    return None


def add_proof(response: Response, message: Message, answer: scrub.Sections, zone: bytes) -> None:
    """Keep what was signed together with its signatures; nothing is judged here."""
    if not isinstance(response, (Answered, Aliased)):
        return
    kept = [*response.chain, *(response.data if isinstance(response, Answered) else ())]
    found = (answer.get((rrset.owner, _RRSIG)) for rrset in kept)
    response.signatures = [rrset for rrset in found if rrset is not None]
    if isinstance(response, Answered) and not response.data:
        response.proof = scrub.denial_proof(message.authority, zone)


def _data(answer: scrub.Sections, name: bytes, qtype: int) -> list[RRset]:
    if qtype == _ANY:
        return [rrset for (owner, _), rrset in answer.items() if owner == name]
    data = answer.get((name, qtype))
    return [data] if data is not None else []


def _without_data(
    message: Message, chain: list[RRset], name: bytes, zone: bytes, *, harden: bool
) -> Response:
    authoritative = bool(message.flags & _AA)
    if message.rcode == Rcode.YXDOMAIN:
        return Broken("YXDOMAIN without a DNAME", message.rcode)
    soa = scrub.denial_soa(message.authority, name, zone)
    if message.rcode == Rcode.NXDOMAIN:
        return Answered(chain, name, [], Rcode.NXDOMAIN, soa, authoritative)
    if soa is not None:
        return Answered(chain, name, [], Rcode.NOERROR, soa, authoritative)
    ns = scrub.referral_ns(message.authority, name)
    if ns is not None and names.is_below(ns.owner.lower(), zone):
        if chain:
            return Aliased(chain, name, authoritative)  # the target is below a cut: walk there
        servers = tuple(dict.fromkeys(rdata.lower() for rdata in ns.rdatas))
        glue = scrub.glue(message.additional, servers, zone, harden=harden)
        return Referred(ns.owner.lower(), ns, servers, glue)
    if chain:
        return Aliased(chain, name, authoritative)
    if authoritative:
        return Answered([], name, [])  # NODATA without SOA (RFC 2308 section 2.2, type 3)
    if ns is not None:
        return Lame(f"referral to {names.show(ns.owner)}, not below {names.show(zone)}")
    return Lame("no authority, no answer and no referral")


def is_conclusive(found: object) -> bool:
    """Whether a name turned out to exist."""
    if isinstance(found, Answered):
        return found.rcode != Rcode.NXDOMAIN or bool(found.chain)
    return isinstance(found, (Aliased, Referred))
