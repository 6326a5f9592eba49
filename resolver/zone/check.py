"""The rules a zone must keep, and what looks like a mistake in one that keeps them.

An error means that the zone is refused, a warning that it is served as it stands. Where RFCs leave
it open we refuse what BIND refuses.

Knows: RFC 1034 section 3.6.2, RFC 1035 section 5.2, RFC 2181 sections 5.2, 6.1 and 10.3, RFC 4035
section 2.5, RFC 4592 section 4.2, RFC 6672 sections 2.3 and 2.4, RFC 9471. Does not know: files,
how nodes are packed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from resolver import names
from resolver.codes import RRType, show_type
from resolver.zone import content

if TYPE_CHECKING:
    from resolver.zone.draft import Draft, Findings, Group

# What an RRset and the header of its message may take (RFC 1035 section 4.2.2).
MAX_RRSET_OCTETS: Final = 65_000
_RECORD_OCTETS: Final = 12  # owner as a pointer, type, class, TTL, length

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_NS: Final = int(RRType.NS)
_CNAME: Final = int(RRType.CNAME)
_SOA: Final = int(RRType.SOA)
_DNAME: Final = int(RRType.DNAME)
_DS: Final = int(RRType.DS)

# Where the name stands in the rdata of types that lead somewhere.
_TARGET_AT: Final = {
    _NS: 0,
    _CNAME: 0,
    _DNAME: 0,
    int(RRType.PTR): 0,
    int(RRType.MX): 2,
    int(RRType.SRV): 6,
}
_NO_ALIAS_TARGET: Final = frozenset((_NS, int(RRType.MX), int(RRType.SRV)))
_BESIDE_CNAME: Final = frozenset(
    (_CNAME, RRType.SIG, RRType.KEY, RRType.NXT, RRType.RRSIG, RRType.NSEC)
)
_AT_CUT: Final = frozenset((_NS, _DS, _A, _AAAA, RRType.RRSIG, RRType.NSEC, RRType.NSEC3))
_ALWAYS_CONCERN: Final = frozenset((*_TARGET_AT, _SOA, _DS, int(RRType.RRSIG)))


def concerns(rrtype: int) -> bool:
    """Whether a lone record of this type at a plain name has any rule to keep."""
    return rrtype in _ALWAYS_CONCERN


def apex(draft: "Draft", findings: "Findings") -> None:
    """SOA and NS must be there, once and at least once (RFC 1035 section 5.2)."""
    groups = {group.rrtype: group for group in draft.groups(draft.origin)}
    zone = names.show(draft.origin)
    soa = groups.get(_SOA)
    if soa is None:
        findings.error(0, f"no SOA at {zone}: every zone has one at its top")
    elif len(soa.rdatas) > 1:
        findings.error(soa.where, f"{len(soa.rdatas)} different SOA records at {zone}")
    if _NS not in groups:
        findings.error(0, f"no NS at {zone}: every zone names its servers")


def node(
    draft: "Draft", key: bytes, flags: int, groups: "list[Group]", *, findings: "Findings"
) -> None:
    """All rules that one name must keep. `key` is its lower-case name."""
    owner = names.show(key)
    types = {group.rrtype for group in groups}
    _coexistence(owner, flags, groups, findings)
    _doubled_origin(draft, key, groups[0].where, findings)
    if flags & content.OCCLUDED:
        if not _is_needed_below_cut(flags, types):
            above = names.show(draft.covering(key) or key)
            findings.warning(groups[0].where, f"{owner} is hidden by the cut or DNAME at {above}")
        if _SOA in types:
            findings.error(groups[0].where, f"SOA at {owner}, which is not the top of the zone")
        return
    for group in groups:
        _rrset(draft, key, flags, group, findings=findings)
    if flags & content.CUT:
        for group in groups:
            if group.rrtype not in _AT_CUT:
                kind = show_type(group.rrtype)
                findings.warning(group.where, f"{kind} at {owner} is hidden by its delegation")


def _is_needed_below_cut(flags: int, types: set[int]) -> bool:
    return bool(flags & content.GLUE) and types <= {_A, _AAAA}


def _coexistence(owner: str, flags: int, groups: "list[Group]", findings: "Findings") -> None:
    """Types that may not stand together, or not here."""
    where = {group.rrtype: group.where for group in groups}
    if _CNAME in where:
        others = [t for t in where if t not in _BESIDE_CNAME]
        if others:
            listed = ", ".join(show_type(t) for t in others)
            findings.error(
                max(where[_CNAME], where[others[0]]),
                f"{owner} has a CNAME and other data: {listed} (RFC 2181 section 10.1)",
            )
    for group in groups:
        if group.rrtype in (_CNAME, _DNAME) and len(group.rdatas) > 1:
            kind = show_type(group.rrtype)
            findings.error(group.where, f"{owner} has {len(group.rdatas)} different {kind} records")
    if _DNAME in where and flags & content.CUT:
        findings.error(
            where[_DNAME], f"{owner} has NS and DNAME but is not the apex (RFC 6672 section 2.3)"
        )
    if _NS in where and flags & content.WILDCARD:
        findings.error(where[_NS], f"NS at the wildcard {owner} (RFC 4592 section 4.2)")


def _rrset(draft: "Draft", key: bytes, flags: int, group: "Group", *, findings: "Findings") -> None:
    kind = show_type(group.rrtype)
    owner = names.show(key)
    if group.differs:
        findings.warning(
            group.differs,
            f"TTLs of {owner} {kind} differ: the lowest counts, {group.ttl} (RFC 2181 section 5.2)",
        )
    octets = sum(map(len, group.rdatas.values())) + _RECORD_OCTETS * len(group.rdatas)
    if octets > MAX_RRSET_OCTETS:
        findings.error(group.where, f"{owner} {kind} with {octets} octets fits in no message")
    if group.rrtype == _SOA and not flags & content.APEX:
        findings.error(group.where, f"SOA at {owner}, which is not the top of the zone")
    if group.rrtype == _DS and not flags & content.CUT:
        findings.warning(group.where, f"DS at {owner}, where there is no delegation")
    at = _TARGET_AT.get(group.rrtype)
    if at is None:
        return
    for rdata in group.rdatas.values():
        target = rdata[at:].lower()
        _doubled_origin(draft, target, group.where, findings)
        if group.rrtype in _NO_ALIAS_TARGET and target in draft.aliases:
            findings.warning(
                group.where,
                f"{kind} of {owner} leads to {names.show(target)}, which is a CNAME "
                "(RFC 2181 section 10.3)",
            )
        elif group.rrtype == _NS:
            _name_server(draft, key, target, group, findings=findings)


def _name_server(
    draft: "Draft", key: bytes, target: bytes, group: "Group", *, findings: "Findings"
) -> None:
    """Every name server whose address only we can know must have one here (RFC 9471)."""
    if not names.is_within(target, draft.origin) or _has_address(draft, target):
        return
    owner, server = names.show(key), names.show(target)
    above = draft.covering(target)
    if key == draft.origin:
        if above is None:
            findings.error(group.where, f"name server {server} of the zone has no A or AAAA")
    elif names.is_within(target, key):
        findings.warning(group.where, f"{owner} is delegated to {server} without glue (A or AAAA)")
    elif above is None:
        findings.warning(group.where, f"{owner} is delegated to {server}, which has no A or AAAA")


def _has_address(draft: "Draft", target: bytes) -> bool:
    for name in _sources(draft, target):
        if draft.has(name):
            return any(group.rrtype in (_A, _AAAA) for group in draft.groups(name))
    return False


def _sources(draft: "Draft", target: bytes) -> Iterator[bytes]:
    """The name itself, then the wildcards that might answer for it."""
    yield target
    while len(target) > len(draft.origin):
        target = names.parent(target)
        yield names.wildcard(target)


def doubled(origin: bytes) -> bytes:
    """The end of names that lack their final dot: `www.example.org` in a file for example.org. ends
    in example.org.example.org. For the root nothing does."""
    return origin[:-1] + origin if len(origin) > 1 else b"\xff"


def _doubled_origin(draft: "Draft", name: bytes, where: int, findings: "Findings") -> None:
    if name.endswith(doubled(draft.origin)):
        shown = names.show(name)
        findings.warning(where, f"{shown} ends in the zone's name twice: is a final dot missing?")
