"""The rules a zone must keep, and what looks like a mistake in one that keeps them.

An error means that the zone is refused, a warning that it is served as it stands. Where RFCs leave
it open we refuse what BIND refuses.

Knows: RFC 1034 section 3.6.2, RFC 1035 section 5.2, RFC 2181 sections 5.2, 6.1 and 10.3, RFC 4035
section 2.5, RFC 4592 section 4.2, RFC 5155 section 7.2.8, RFC 6672 sections 2.3 and 2.4, RFC 9461
section 4.1, RFC 9471.
Does not know: signatures (zone/signing.py), files, how nodes are packed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from resolver import names
from resolver.codes import RRType, show_type
from resolver.zone import content

if TYPE_CHECKING:
    from resolver.zone.groups import Group

# What is left for the name and the records of an RRset in the longest message, beside header, OPT
# and the rest of the question (RFC 1035 section 4.2.2).
MAX_RRSET_OCTETS: Final = 65_535 - 12 - 11 - 4
_RECORD_OCTETS: Final = 12  # owner as a pointer, type, class, TTL, length

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_NS: Final = int(RRType.NS)
_CNAME: Final = int(RRType.CNAME)
_SOA: Final = int(RRType.SOA)
_DNAME: Final = int(RRType.DNAME)
_DS: Final = int(RRType.DS)
_ALIAS: Final = int(RRType.ALIAS)
_RRSIG: Final = int(RRType.RRSIG)
_NSEC3: Final = int(RRType.NSEC3)
_SPF: Final = int(RRType.SPF)
_SVCB: Final = int(RRType.SVCB)

# Types whose owners are names of hosts or of mail domains (RFC 1123 section 2.1).
_HOST_TYPES: Final = frozenset((_A, _AAAA, int(RRType.MX)))
_ACTIVE_DIRECTORY: Final = b"\2gc\6_msdcs"  # has addresses, and cannot help its name
_DNS_SERVICE: Final = b"\4_dns"
_ALPN: Final = 1  # the number of a service parameter
_ADDRESS_TEXT: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}\.")

# Where the name stands in the rdata of types that lead somewhere.
_TARGET_AT: Final = {
    _NS: 0,
    _CNAME: 0,
    _DNAME: 0,
    _ALIAS: 0,
    int(RRType.PTR): 0,
    int(RRType.MX): 2,
    int(RRType.SRV): 6,
}
_NO_ALIAS_TARGET: Final = frozenset((_NS, int(RRType.MX), int(RRType.SRV)))
# What may stand beside a CNAME (RFC 2181 section 10.1, RFC 4035 section 2.5).
BESIDE_CNAME: Final = frozenset(
    (_CNAME, RRType.SIG, RRType.KEY, RRType.NXT, RRType.RRSIG, RRType.NSEC)
)
_ONE_ONLY: Final = frozenset((_CNAME, _DNAME, _ALIAS))
_AT_CUT: Final = frozenset((_NS, _DS, _A, _AAAA, RRType.RRSIG, RRType.NSEC, RRType.NSEC3))
_ALWAYS_CONCERN: Final = frozenset((*_TARGET_AT, _SOA, _DS, int(RRType.RRSIG)))


class Contents(Protocol):
    """The names of a zone as the rules see them, all in lower case."""

    @property
    def origin(self) -> bytes: ...

    @property
    def bars_aliases(self) -> bool:
        """Whether what an ALIAS lends needs a signature (`signs`) that nobody here can make."""

    def groups(self, key: bytes) -> "list[Group]":
        """The RRsets of a name."""

    def has(self, key: bytes) -> bool:
        """Whether a name has records."""

    def is_alias(self, key: bytes) -> bool:
        """Whether a name has a CNAME."""

    def has_address(self, key: bytes) -> bool:
        """Whether a name has an A or AAAA record."""

    def borrows(self, key: bytes) -> bool:
        """Whether a name has an ALIAS record."""

    def covering(self, key: bytes) -> bytes | None:
        """The cut or DNAME nearest above a name that occludes it."""


class Sink(Protocol):
    """Where faults go, each with the place of the record."""

    def error(self, where: int, reason: str) -> None: ...

    def warning(self, where: int, reason: str) -> None: ...


# Types with a rule about what else is at their name.
_ALONE: Final = frozenset((_NS, _CNAME, _DNAME, _ALIAS))
_SIGNS: Final = frozenset((int(RRType.DNSKEY), _RRSIG))
_BARRED: Final = (
    "in a signed zone: the addresses it leads to would have no signature. Name the private zone "
    "signing key in `alias_keys` of the [[zone]], so that this server can sign them"
)


def concerns(rrtype: int) -> bool:
    """Whether a lone record of this type at a plain name has any rule to keep."""
    return rrtype in _ALWAYS_CONCERN


def signs(groups: "Iterable[Group]") -> bool:
    """Whether these RRsets of an apex are those of a zone that is, or is to be, signed."""
    return any(group.rrtype in _SIGNS for group in groups)


def apex(zone: Contents, findings: Sink) -> None:
    """SOA and NS must be there, once and at least once (RFC 1035 section 5.2)."""
    groups = {group.rrtype: group for group in zone.groups(zone.origin)}
    shown = names.show(zone.origin)
    soa = groups.get(_SOA)
    if soa is None:
        findings.error(0, f"no SOA at {shown}: every zone has one at its top")
    elif len(soa.rdatas) > 1:
        findings.error(soa.where, f"{len(soa.rdatas)} different SOA records at {shown}")
    if _NS not in groups:
        findings.error(0, f"no NS at {shown}: every zone names its servers")


def node(
    zone: Contents, key: bytes, flags: int, groups: "Sequence[Group]", *, findings: Sink
) -> None:
    """All rules that one name must keep. `key` is its lower-case name."""
    if len(groups) > 1 or groups[0].rrtype in _ALONE:
        coexistence(key, flags, groups, findings)
    _doubled_origin(zone, key, groups[0].where, findings)
    if flags & content.OCCLUDED:
        _occluded(zone, key, flags, groups, findings=findings)
        return
    if flags & content.HASHED:
        _hashed(key, groups, findings)
    for group in groups:
        _rrset(key, flags, group, findings)
        _owner(key, group, findings)
        if group.rrtype == _ALIAS and zone.bars_aliases:
            findings.error(group.where, f"{_rrset_name(key, group)} {_BARRED}")
        if group.rrtype in _TARGET_AT:
            _targets(zone, key, group, findings)
        if flags & content.CUT and group.rrtype not in _AT_CUT:
            findings.warning(group.where, f"{_rrset_name(key, group)} is hidden by its delegation")


def _rrset_name(key: bytes, group: "Group") -> str:
    return f"{show_type(group.rrtype)} at {names.show(key)}"


def _occluded(
    zone: Contents, key: bytes, flags: int, groups: "Sequence[Group]", *, findings: Sink
) -> None:
    types = {group.rrtype for group in groups}
    where = groups[0].where
    if not (flags & content.GLUE and types <= {_A, _AAAA}):
        owner, above = names.show(key), names.show(zone.covering(key) or key)
        findings.warning(where, f"{owner} is hidden by the cut or DNAME at {above}")
    if _SOA in types:
        findings.error(where, f"SOA at {names.show(key)}, which is not the top of the zone")


def _hashed(key: bytes, groups: "Sequence[Group]", findings: Sink) -> None:
    """The owner of NSEC3 is no name of the zone (RFC 5155 section 7.2.8), so nothing but NSEC3 and
    its signatures is of any use there."""
    for group in groups:
        if group.rrtype not in (_NSEC3, _RRSIG):
            findings.warning(group.where, f"{_rrset_name(key, group)} is hidden: NSEC3 is there")


def coexistence(key: bytes, flags: int, groups: "Sequence[Group]", findings: Sink) -> None:
    """Types that may not stand together, or not here."""
    where = {group.rrtype: group.where for group in groups}
    if _CNAME in where:
        others = [t for t in where if t not in BESIDE_CNAME]
        if others:
            listed = ", ".join(show_type(t) for t in others)
            findings.error(
                max(where[_CNAME], where[others[0]]),
                f"{names.show(key)} has a CNAME and other data: {listed} (RFC 2181 section 10.1)",
            )
    for group in groups:
        if group.rrtype in _ONE_ONLY and len(group.rdatas) > 1:
            count, kind = len(group.rdatas), show_type(group.rrtype)
            reason = f"{names.show(key)} has {count} different {kind} records"
            findings.error(group.where, reason)
        if group.rrtype == _ALIAS:
            _alias(key, group, where, findings)
    if _DNAME in where and flags & content.CUT:
        reason = "has NS and DNAME but is not the apex (RFC 6672 section 2.3)"
        findings.error(where[_DNAME], f"{names.show(key)} {reason}")
    if _NS in where and key[:2] == b"\x01*":
        reason = f"NS at the wildcard {names.show(key)} (RFC 4592 section 4.2)"
        findings.error(where[_NS], reason)


def _alias(key: bytes, group: "Group", where: dict[int, int], findings: Sink) -> None:
    """Addresses are its own or those of the target, not both; and who sends us a zone may have
    other ideas of this type, which is for private use."""
    shown = names.show(key)
    own = [rrtype for rrtype in (_A, _AAAA) if rrtype in where]
    if own:
        listed = " and ".join(show_type(rrtype) for rrtype in own)
        place = max(group.where, where[own[0]])
        findings.error(place, f"{shown} has an ALIAS and addresses of its own: {listed}")
    for rdata in group.rdatas.values():
        if not names.is_whole(rdata):
            findings.error(group.where, f"ALIAS at {shown} with data that is no name")
        elif rdata.lower() == key:
            findings.error(group.where, f"ALIAS at {shown} leads to itself")


def _rrset(key: bytes, flags: int, group: "Group", findings: Sink) -> None:
    """Rules of one RRset that need nothing but itself."""
    if group.differs:
        owner, kind = names.show(key), show_type(group.rrtype)
        findings.warning(
            group.differs,
            f"TTLs of {owner} {kind} differ: the lowest counts, {group.ttl} (RFC 2181 section 5.2)",
        )
    rdatas = group.rdatas
    octets = len(key) + _RECORD_OCTETS * len(rdatas)
    for rdata in rdatas:
        octets += len(rdata)
    if octets > MAX_RRSET_OCTETS:
        owner, kind = names.show(key), show_type(group.rrtype)
        findings.error(group.where, f"{owner} {kind} with {octets} octets fits in no message")
    if group.rrtype == _SOA and not flags & content.APEX:
        reason = f"SOA at {names.show(key)}, which is not the top of the zone"
        findings.error(group.where, reason)
    if group.rrtype == _DS and not flags & content.CUT:
        findings.warning(group.where, f"DS at {names.show(key)}, where there is no delegation")


def _owner(key: bytes, group: "Group", findings: Sink) -> None:
    """Rules about records at names of some form, or of types that are no longer used."""
    rrtype = group.rrtype
    if rrtype in _HOST_TYPES and b"_" in key and not key.startswith(_ACTIVE_DIRECTORY):
        reason = "there is an underscore in the name of a host (RFC 1123 section 2.1)"
        findings.warning(group.where, f"{_rrset_name(key, group)}: {reason}")
    elif rrtype == _SPF:
        reason = "is looked at by nobody, only TXT is (RFC 7208 section 3.1)"
        findings.warning(group.where, f"{_rrset_name(key, group)} {reason}")
    elif rrtype == _SVCB and _DNS_SERVICE in key:
        for rdata in group.rdatas.values():
            if rdata[:2] != b"\0\0" and _ALPN not in _service_keys(rdata):
                reason = "has no alpn, so clients must ignore it (RFC 9461 section 4.1)"
                findings.warning(group.where, f"{_rrset_name(key, group)} {reason}")


def _service_keys(rdata: bytes) -> set[int]:
    """The parameters of a service binding (RFC 9460 section 2.2)."""
    at = 2
    while rdata[at]:
        at += rdata[at] + 1
    at += 1
    keys = set()
    while at + 4 <= len(rdata):
        keys.add(rdata[at] << 8 | rdata[at + 1])
        at += 4 + (rdata[at + 2] << 8 | rdata[at + 3])
    return keys


def _targets(zone: Contents, key: bytes, group: "Group", findings: Sink) -> None:
    """Rules about where the records of an RRset lead."""
    at = _TARGET_AT[group.rrtype]
    for rdata in group.rdatas.values():
        target = rdata[at:].lower()
        is_doubled = _doubled_origin(zone, target, group.where, findings)
        if group.rrtype in _NO_ALIAS_TARGET and zone.is_alias(target):
            owner, kind = names.show(key), show_type(group.rrtype)
            findings.warning(
                group.where,
                f"{kind} of {owner} leads to {names.show(target)}, which is a CNAME "
                "(RFC 2181 section 10.3)",
            )
        elif group.rrtype == _NS:
            _name_server(zone, key, target, group, findings=findings)
        elif group.rrtype in _NO_ALIAS_TARGET and not is_doubled:
            _host(zone, key, target, group, findings=findings)


def _host(zone: Contents, key: bytes, target: bytes, group: "Group", *, findings: Sink) -> None:
    """What MX and SRV lead to must have an address, and only we can know whether it has; the root
    stands for no service at all (RFC 7505, RFC 2782)."""
    if target == names.ROOT or not names.is_within(target, zone.origin):
        return
    if _has_address(zone, target) or zone.borrows(target) or zone.covering(target) is not None:
        return
    shown = names.show(target)
    reason = f"leads to {shown}, which has no A or AAAA"
    if _ADDRESS_TEXT.match(shown):
        reason = f"leads to {shown}: an address where a name must be"
    findings.warning(group.where, f"{_rrset_name(key, group)} {reason}")


def _name_server(
    zone: Contents, key: bytes, target: bytes, group: "Group", *, findings: Sink
) -> None:
    """Every name server whose address only we can know must have one here (RFC 9471)."""
    if not names.is_within(target, zone.origin) or _has_address(zone, target):
        return
    owner, server = names.show(key), names.show(target)
    above = zone.covering(target)
    if key == zone.origin:
        if above is None:
            findings.error(group.where, f"name server {server} of the zone has no A or AAAA")
    elif names.is_within(target, key):
        findings.warning(group.where, f"{owner} is delegated to {server} without glue (A or AAAA)")
    elif above is None:
        findings.warning(group.where, f"{owner} is delegated to {server}, which has no A or AAAA")


def _has_address(zone: Contents, target: bytes) -> bool:
    for name in _sources(zone, target):
        if zone.has(name):
            return zone.has_address(name)
    return False


def _sources(zone: Contents, target: bytes) -> Iterator[bytes]:
    """The name itself, then the wildcards that might answer for it."""
    yield target
    while len(target) > len(zone.origin):
        target = names.parent(target)
        yield names.wildcard(target)


def doubled(origin: bytes) -> bytes:
    """The end of names that lack their final dot: `www.example.org` in a file for example.org. ends
    in example.org.example.org. For the root nothing does."""
    return origin[:-1] + origin if len(origin) > 1 else b"\xff"


def _doubled_origin(zone: Contents, name: bytes, where: int, findings: Sink) -> bool:
    if not name.endswith(doubled(zone.origin)):
        return False
    shown = names.show(name)
    findings.warning(where, f"{shown} ends in the zone's name twice: is a final dot missing?")
    return True
