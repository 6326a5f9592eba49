"""What the parent zone says of a zone of ours: the only way for others to find it.

Knows: RFC 1034 section 4.2.2 (parent and child agree), RFC 4035 section 5.2 (DS). Does not know:
whether the servers it names are any good (doctor/zones.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from resolver import names
from resolver.codes import Flag, Rcode, RRType
from resolver.doctor.probe import Heard, probe, records
from resolver.effects import Steps
from resolver.model import Address, Answer, Message, Question, RRset, Source

# So many of the parent's servers are asked before it is given up.
MAX_PARENT_SERVERS = 4

Resolve = Callable[[Question], Steps[Answer]]


@dataclass(frozen=True, slots=True)
class Delegated:
    """The delegation of a zone: names of servers and their glue in text, and DS records."""

    parent: bytes
    servers: frozenset[bytes]
    glue: dict[bytes, frozenset[str]] = field(default_factory=dict)
    ds: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class NotDelegated:
    """The parent is there, and knows nothing of the zone."""

    parent: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """The parent could not be asked."""

    reason: str


def delegation(
    origin: bytes, resolve: Resolve, port: int
) -> Steps[Delegated | NotDelegated | Unknown]:
    """Ask the parent's servers about a zone (origin in lower case, not the root)."""
    found = yield from _find_parent(origin, resolve)
    if isinstance(found, Unknown):
        return found
    parent, hosts = found
    asked = 0
    for host in hosts:
        for ip in (yield from addresses(host, resolve)):
            if asked == MAX_PARENT_SERVERS:
                break
            asked += 1
            heard = yield from probe(Address(ip, port), Question(origin, RRType.NS))
            if isinstance(heard, Heard) and (said := _read(origin, parent, heard.message)):
                if isinstance(said, Delegated):
                    ds = yield from probe(Address(ip, port), Question(origin, RRType.DS))
                    if isinstance(ds, Heard):
                        held = records(ds.message.answer, origin, RRType.DS)
                        return Delegated(parent, said.servers, said.glue, held)
                return said
    return Unknown(f"no server of {names.show(parent)} says anything about it")


def addresses(host: bytes, resolve: Resolve) -> Steps[list[str]]:
    """IPv4 and IPv6 addresses of a host, as text; none for an alias."""
    found = []
    for qtype in (RRType.A, RRType.AAAA):
        answer = yield from resolve(Question(host, qtype))
        found += [show_ip(r) for r in records(list(answer.answer), host.lower(), qtype)]
    return found


def show_ip(rdata: bytes) -> str:
    """The address in the data of an A or AAAA record."""
    return str(IPv4Address(rdata) if len(rdata) == 4 else IPv6Address(rdata))


def _find_parent(
    origin: bytes, resolve: Resolve
) -> Steps[tuple[bytes, tuple[bytes, ...]] | Unknown]:
    """The zone above, and the names of its servers."""
    for above in names.ancestors(names.parent(origin)):
        answer = yield from resolve(Question(above, RRType.NS))
        if answer.source == Source.SPECIAL:
            continue  # what this resolver makes up (RFC 6303) has no servers
        if answer.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            why = answer.extended_errors[0].text if answer.extended_errors else "no answer"
            return Unknown(f"{names.show(above)} NS cannot be resolved: {why}")
        if servers := records(list(answer.answer), above, RRType.NS):
            return above, servers
    return Unknown("the root has no name servers")


def _read(origin: bytes, parent: bytes, message: Message) -> Delegated | NotDelegated | None:
    """What a server of the parent says; None when it is not about the delegation.

    A server of both zones answers for the child: then the two cannot differ there.
    """
    servers = records(message.authority, origin, RRType.NS)
    servers = servers or records(message.answer, origin, RRType.NS)
    if message.rcode == Rcode.NOERROR and servers:
        glue: dict[bytes, frozenset[str]] = {}
        for rrset in message.additional:
            if rrset.rrtype in (RRType.A, RRType.AAAA):
                owner = rrset.owner.lower()
                glue[owner] = glue.get(owner, frozenset()) | _shown(rrset)
        return Delegated(parent, frozenset(s.lower() for s in servers), glue)
    if message.flags & Flag.AA and not message.answer and _is_denial(message, origin):
        return NotDelegated(parent)
    return None


def _is_denial(message: Message, origin: bytes) -> bool:
    """NXDOMAIN or NODATA by a zone above; one by the zone itself says nothing of its parent."""
    soas = [rrset.owner.lower() for rrset in message.authority if rrset.rrtype == RRType.SOA]
    return message.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) and any(soa != origin for soa in soas)


def _shown(rrset: RRset) -> frozenset[str]:
    return frozenset(map(show_ip, rrset.rdatas))
