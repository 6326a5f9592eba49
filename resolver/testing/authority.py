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
    lookup = _Lookup(zone, qtype)
    name = qname
    seen: set[Key] = set()
    while name is not None and len(seen) < _MAX_CHAIN:
        key = key_of(name)
        if key in seen or not is_within(key, zone.origin):
            break
        seen.add(key)
        name = lookup.add(name, key)
    return lookup.content


@dataclass(slots=True)
class _Lookup:
    """One question to one zone, and what was found so far."""

    zone: Zone
    qtype: int
    content: Content = field(default_factory=Content)

    def add(self, name: Any, key: Key) -> Any:
        """Add what there is at one name; the target when it is an alias, else None."""
        zone = self.zone
        for size in range(len(zone.origin), len(key) + 1):
            above = key[len(key) - size :]
            if above != zone.origin and zone.rrset(above, RRType.NS):
                if above == key and self.qtype == RRType.DS:
                    break
                return self._refer(above)
            if above != key and (dnames := zone.rrset(above, RRType.DNAME)):
                return self._redirect(name, dnames[0])
        if zone.has_name(key):
            return self._add_node(name, zone.nodes.get(key, {}))
        encloser = next(key[i:] for i in range(1, len(key) + 1) if zone.has_name(key[i:]))
        source = zone.nodes.get((b"*", *encloser))
        if source is not None:
            return self._add_node(name, source)
        self.content.rcode = Rcode.NXDOMAIN
        self.content.authority += zone.rrset(zone.origin, RRType.SOA)
        return None

    def _add_node(self, name: Any, node: dict[int, list[Any]]) -> Any:
        cname = node.get(RRType.CNAME)
        if cname and self.qtype not in (RRType.CNAME, RRType.ANY):
            self.content.answer += _at(name, cname)
            return cname[0].rdata.label
        types = list(node) if self.qtype == RRType.ANY else [self.qtype]
        found = [rr for rrtype in types for rr in node.get(rrtype, [])]
        if found:
            self.content.answer += _at(name, found)
            self.content.additional += _addresses_behind(self.zone, found)
        else:
            self.content.authority += self.zone.rrset(self.zone.origin, RRType.SOA)
        return None

    def _refer(self, cut: Key) -> None:
        ns = self.zone.rrset(cut, RRType.NS)
        if not self.content.answer:
            self.content.authoritative = False
        self.content.authority += ns + self.zone.rrset(cut, RRType.DS)
        self.content.additional += _addresses_behind(self.zone, ns)

    def _redirect(self, name: Any, dname: Any) -> Any:
        """DNAME and the CNAME that follows from it; the target, None when that is too long."""
        self.content.answer.append(dname)
        kept = name.label[: len(name.label) - len(dname.rname.label)]
        target = dnslib.DNSLabel(kept + target_of_dname(dname).label)
        if len(wire_of(target)) > _MAX_NAME_OCTETS:
            self.content.rcode = Rcode.YXDOMAIN
            return None
        cname = dnslib.RR(name, RRType.CNAME, ttl=dname.ttl, rdata=dnslib.CNAME(target))
        self.content.answer.append(cname)
        return target


def _at(name: Any, rrs: list[Any]) -> list[Any]:
    """The records with `name` as their owner: that of a wildcard becomes the name asked."""
    return [dnslib.RR(name, rr.rtype, rr.rclass, rr.ttl, rr.rdata) for rr in rrs]


def _addresses_behind(zone: Zone, rrs: list[Any]) -> list[Any]:
    """Addresses, as far as this zone knows them, of the names that the records point at."""
    targets = [getattr(rr.rdata, _TARGETS.get(rr.rtype, ""), None) for rr in rrs]
    keys = dict.fromkeys(key_of(target) for target in targets if target is not None)
    return [address for key in keys for address in zone.addresses(key)]
