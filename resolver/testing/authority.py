"""How servers of the fake Internet answer: RFC 1034 section 4.3.2 on dnslib records.

Covers referrals with glue, CNAME and DNAME (RFC 6672), wildcards (RFC 4592), NXDOMAIN and NODATA
with SOA (RFC 2308). Short and slow on purpose, and independent of resolver.zone.lookup: a server
must not grade itself.

Does not know: messages' envelopes, sockets, faults.
"""

from dataclasses import dataclass, field
from typing import Any

import dnslib

from resolver.codes import Rcode, RRType
from resolver.testing.zones import Key, Zone, is_within, key_of, target_of_dname, wire_of

_MAX_CHAIN = 16
_MAX_NAME_OCTETS = 255
# Types whose target gets its addresses added, and where dnslib keeps the target.
_TARGETS: dict[int, str] = {RRType.NS: "label", RRType.MX: "label", RRType.SRV: "target"}


@dataclass(slots=True)
class Content:
    """The content of a response, before any fault."""

    rcode: int = Rcode.NOERROR
    authoritative: bool = True
    answer: list[Any] = field(default_factory=list)
    authority: list[Any] = field(default_factory=list)
    additional: list[Any] = field(default_factory=list)


def closest_zone(zones: list[Zone], key: Key, rrtype: int) -> Zone | None:
    """The zone to answer from: the deepest that holds the name; for DS at an apex, its parent."""
    holding = [z for z in zones if is_within(key, z.origin)]
    holding.sort(key=lambda z: len(z.origin), reverse=True)
    if len(holding) > 1 and rrtype == RRType.DS and holding[0].origin == key:
        return holding[1]
    return holding[0] if holding else None


def answer(zone: Zone, qname: Any, qtype: int) -> Content:
    """What the zone says. Aliases are followed within the zone only."""
    content = Content()
    name = qname
    seen: set[Key] = set()
    while len(seen) < _MAX_CHAIN and key_of(name) not in seen:
        key = key_of(name)
        seen.add(key)
        if not is_within(key, zone.origin):
            break
        target = _answer_one(zone, name, qtype, content)
        if target is None:
            break
        name = target
    return content


def _answer_one(zone: Zone, name: Any, qtype: int, content: Content) -> Any:
    """Add what there is at one name; the target when it is an alias."""
    key = key_of(name)
    for size in range(len(zone.origin), len(key) + 1):
        above = key[len(key) - size :]
        if above != zone.origin and zone.rrset(above, RRType.NS):
            if above == key and qtype == RRType.DS:
                break
            _refer(zone, above, content)
            return None
        if above != key and (dnames := zone.rrset(above, RRType.DNAME)):
            return _redirect(name, dnames[0], content)
    if zone.has_name(key):
        return _answer_node(zone, zone.nodes.get(key, {}), name, qtype, content)
    encloser = next(key[i:] for i in range(1, len(key) + 1) if zone.has_name(key[i:]))
    source = zone.nodes.get((b"*", *encloser))
    if source is None:
        content.rcode = Rcode.NXDOMAIN
        content.authority += zone.rrset(zone.origin, RRType.SOA)
        return None
    return _answer_node(zone, source, name, qtype, content)


def _answer_node(
    zone: Zone, node: dict[int, list[Any]], name: Any, qtype: int, content: Content
) -> Any:
    cname = node.get(RRType.CNAME)
    if cname and qtype not in (RRType.CNAME, RRType.ANY):
        content.answer += _at(name, cname)
        return cname[0].rdata.label
    types = list(node) if qtype == RRType.ANY else [qtype]
    found = [rr for rrtype in types for rr in node.get(rrtype, [])]
    if found:
        content.answer += _at(name, found)
        content.additional += _addresses_behind(zone, found)
    else:
        content.authority += zone.rrset(zone.origin, RRType.SOA)
    return None


def _at(name: Any, rrs: list[Any]) -> list[Any]:
    """The records with `name` as their owner: that of a wildcard becomes the name asked."""
    return [dnslib.RR(name, rr.rtype, rr.rclass, rr.ttl, rr.rdata) for rr in rrs]


def _addresses_behind(zone: Zone, rrs: list[Any]) -> list[Any]:
    """Addresses, as far as this zone knows them, of the names that the records point at."""
    found: list[Any] = []
    for rr in rrs:
        target = getattr(rr.rdata, _TARGETS.get(rr.rtype, ""), None)
        if target is not None:
            found += [a for a in zone.addresses(key_of(target)) if a not in found]
    return found


def _refer(zone: Zone, cut: Key, content: Content) -> None:
    ns = zone.rrset(cut, RRType.NS)
    if not content.answer:
        content.authoritative = False
    content.authority += ns + zone.rrset(cut, RRType.DS)
    content.additional += _addresses_behind(zone, ns)


def _redirect(name: Any, dname: Any, content: Content) -> Any:
    """DNAME and the CNAME that follows from it; the target, None when that is too long."""
    content.answer.append(dname)
    kept = name.label[: len(name.label) - len(dname.rname.label)]
    target = dnslib.DNSLabel(kept + target_of_dname(dname).label)
    if len(wire_of(target)) > _MAX_NAME_OCTETS:
        content.rcode = Rcode.YXDOMAIN
        return None
    cname = dnslib.RR(name, RRType.CNAME, ttl=dname.ttl, rdata=dnslib.CNAME(target))
    content.answer.append(cname)
    return target
