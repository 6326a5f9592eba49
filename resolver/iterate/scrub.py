"""What a server has no business saying is dropped here.

From a reply of a server of zone Z to question (N, T) only three things are ever kept: the chain
that starts at N and goes on while its names are within Z; for a denial, the SOA of a zone within
Z that holds the name; for a referral, one NS set strictly below Z that holds N, and the addresses
of exactly its servers. Everything else in the message is as if it had not been sent (RFC 2181
section 5.4.1, RFC 5452 section 6).
"""

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.iterate.budget import MAX_ADDRESSES_PER_SERVER, MAX_ALIASES, MAX_SERVERS_USED
from resolver.model import RRset
from resolver.names import MAX_NAME_OCTETS

_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_NS: Final = int(RRType.NS)
_SOA: Final = int(RRType.SOA)
_ANY: Final = int(RRType.ANY)
_IN: Final = int(RRClass.IN)
_PROOF: Final = frozenset((RRType.RRSIG, RRType.NSEC, RRType.NSEC3))
MAX_PROOF_RRSETS: Final = 16  # of an authority section are looked at; a denial needs eight at most
_MIN_SOA_OCTETS: Final = 22  # two root names and five 32-bit numbers (RFC 1035 section 3.3.13)

Sections = dict[tuple[bytes, int], RRset]


def index(section: Sequence[RRset]) -> Sections:
    """The RRsets of class IN by owner and type.

    Owners are put in lower case in place: servers echo the random case of our question (0x20),
    which is nobody's business further on.
    """
    sections: Sections = {}
    for rrset in section:
        if rrset.rrclass == _IN:
            rrset.owner = rrset.owner.lower()
            sections[rrset.owner, rrset.rrtype] = rrset
    return sections


def only_data(section: Sequence[RRset], qname: bytes, qtype: int) -> RRset | None:
    """The RRset of an answer section that is just what was asked for and nothing else, as most are;
    its owner is put in lower case."""
    if len(section) == 1:
        rrset = section[0]
        if rrset.rrtype == qtype and rrset.rrclass == _IN:
            owner = rrset.owner
            if owner == qname or owner.translate(names.LOWER) == qname:
                rrset.owner = qname
                return rrset
    return None


def follow_chain(
    answer: Sections, qname: bytes, qtype: int, zone: bytes
) -> tuple[list[RRset], bytes]:
    """The aliases of the answer section that lead on from `qname`, and the name they lead to.

    Stops at the first name outside `zone`, with data of `qtype`, without alias, or seen before.
    A DNAME goes before a CNAME and brings the one that follows from it, ours and not the server's
    (RFC 6672 section 3.4); a chain that ends in a DNAME has a target that is too long.
    """
    chain: list[RRset] = []
    name = qname
    for _ in range(MAX_ALIASES + 1):
        if not names.is_within(name, zone) or (name, qtype) in answer or qtype == _ANY:
            break
        dname = _covering_dname(answer, name, zone)
        if dname is not None:
            chain.append(dname)
            alias = synthesize_cname(dname, name)
        else:
            alias = answer.get((name, _CNAME))
        if alias is None or len(alias.rdatas) != 1:
            break
        chain.append(alias)
        name = alias.rdatas[0].lower()
    return chain, name


def has_two_aliases(answer: Sections, name: bytes, qtype: int) -> bool:
    """Whether there is more than one CNAME at a name whose alias was to be followed, which RFC 2181
    section 10.1 forbids: nobody can tell where it leads."""
    if qtype in (_CNAME, _ANY):
        return False
    alias = answer.get((name, _CNAME))
    return alias is not None and len(alias.rdatas) > 1


def _covering_dname(answer: Sections, name: bytes, zone: bytes) -> RRset | None:
    for ancestor in names.ancestors(names.parent(name)):
        if not names.is_within(ancestor, zone):
            return None
        dname = answer.get((ancestor, _DNAME))
        if dname is not None and len(dname.rdatas) == 1:
            return dname
    return None


def synthesize_cname(dname: RRset, name: bytes) -> RRset | None:
    """The CNAME at `name` that a DNAME above it implies, or None if its target would be too long
    (RFC 6672 sections 2.2 and 3.1)."""
    target = name[: len(name) - len(dname.owner)] + dname.rdatas[0]
    if len(target) > MAX_NAME_OCTETS:
        return None
    return RRset(name, _CNAME, _IN, dname.ttl, (target,))


def denial_soa(authority: Sequence[RRset], name: bytes, zone: bytes) -> RRset | None:
    """The SOA that may deny `name`: of a zone within `zone` that holds the name."""
    for rrset in authority:
        if rrset.rrtype != _SOA or rrset.rrclass != _IN:
            continue
        owner = rrset.owner.lower()
        well_formed = len(rrset.rdatas) == 1 and len(rrset.rdatas[0]) >= _MIN_SOA_OCTETS
        if well_formed and names.is_within(owner, zone) and names.is_within(name, owner):
            return rrset
    return None


def denial_proof(authority: Sequence[RRset], zone: bytes) -> tuple[RRset, ...]:
    """The NSEC, NSEC3 and RRSIG RRsets of the authority section that are within `zone`."""
    return tuple(
        rrset
        for rrset in authority[:MAX_PROOF_RRSETS]
        if rrset.rrtype in _PROOF and names.is_within(rrset.owner.lower(), zone)
    )


def referral_ns(authority: Sequence[RRset], name: bytes) -> RRset | None:
    """The deepest NS set of the authority section that holds `name`, wherever it points."""
    best: RRset | None = None
    for rrset in authority:
        if rrset.rrtype == _NS and rrset.rrclass == _IN:
            owner = rrset.owner.lower()
            deeper = best is None or len(owner) > len(best.owner)
            if deeper and names.is_within(name, owner):
                best = rrset
    return best


def glue(
    additional: Sequence[RRset], servers: Sequence[bytes], zone: bytes, *, harden: bool
) -> dict[bytes, tuple[str, ...]]:
    """Addresses of exactly these servers; with `harden` only of those within `zone`, the one whose
    server gave them. At most MAX_SERVERS_USED servers with MAX_ADDRESSES_PER_SERVER each."""
    wanted = {s for s in servers if not harden or names.is_within(s, zone)}
    found: dict[bytes, tuple[str, ...]] = {}
    for rrset in additional:
        if rrset.rrtype not in (RRType.A, RRType.AAAA) or rrset.rrclass != _IN:
            continue
        owner = rrset.owner.lower()
        if owner not in wanted or (owner not in found and len(found) >= MAX_SERVERS_USED):
            continue
        room = MAX_ADDRESSES_PER_SERVER - len(found.get(owner, ()))
        texts = [show_address(rdata) for rdata in rrset.rdatas[:room]]
        found[owner] = found.get(owner, ()) + tuple(t for t in texts if t)
    return found


def show_address(rdata: bytes) -> str:
    """The text of an A or AAAA rdata; empty for any other length."""
    if len(rdata) == 4:
        return f"{rdata[0]}.{rdata[1]}.{rdata[2]}.{rdata[3]}"
    return str(IPv6Address(rdata)) if len(rdata) == 16 else ""
