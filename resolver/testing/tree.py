"""From what a test wrote to what each server holds: the parts of a tree that nobody likes to type.

Adds SOA and apex NS records, addresses of name servers, delegations with glue from parent to child.
What is written by hand always wins: a delegation that stands in the parent's text is left exactly
as it is, be it right or wrong. Does not know: messages, faults, sockets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import dnslib

from resolver.codes import RRType
from resolver.testing.zones import DEFAULT_TTL_S, SOA_TTL_S, Key, Zone, is_within, key_of, show_key

_SOA_TIMES = (1, 7200, 900, 1209600, 300)


@dataclass(frozen=True, slots=True)
class Host:
    """The same zone content on one or several server addresses."""

    addresses: tuple[str, ...]
    zone: Zone


def link(hosts: list[Host], moved: Mapping[str, str]) -> dict[str, list[Zone]]:
    """The complete zones of each server address.

    `moved` gives servers another address: wherever the old one stands in an A or AAAA record, the
    zones say the new one (an IPv4 address). The keys of the result are the old ones.
    """
    hosts = [Host(h.addresses, h.zone.copy()) for h in hosts]
    groups = _by_origin(hosts)
    # Before anything is added, since "by hand" must be told from "made".
    parents = {origin: _parent_of(origin, groups) for origin in groups}
    by_hand = {
        origin
        for origin, parent in parents.items()
        if any(h.zone.rrset(origin, RRType.NS) for h in parent)
    }
    hosts += _unhosted(hosts, groups)
    groups = _by_origin(hosts)
    for origin, group in groups.items():
        _complete_apex(origin, group, parents.get(origin, []))
    for origin, parent in parents.items():
        if origin not in by_hand:
            for host in parent:
                _delegate(origin, groups[origin][0].zone, host.zone)
    held: dict[str, list[Zone]] = {}
    for host in hosts:
        _move_addresses(host.zone, moved)
        for address in host.addresses:
            held.setdefault(address, []).append(host.zone)
    return held


def _by_origin(hosts: list[Host]) -> dict[Key, list[Host]]:
    groups: dict[Key, list[Host]] = {}
    for host in hosts:
        groups.setdefault(host.zone.origin, []).append(host)
    return groups


def _parent_of(origin: Key, groups: Mapping[Key, list[Host]]) -> list[Host]:
    """The hosts of the deepest zone above."""
    for i in range(1, len(origin) + 1):
        if origin[i:] in groups:
            return groups[origin[i:]]
    return []


def _unhosted(hosts: list[Host], groups: Mapping[Key, list[Host]]) -> list[Host]:
    """Empty zones for delegations by hand that lead, by their glue, to servers of the tree.

    This makes `other NS ns.other` with `ns.other A <a server>` in the text of net. enough for a
    name server's name to resolve.
    """
    servers = {address for host in hosts for address in host.addresses}
    made: dict[Key, Host] = {}
    for host in hosts:
        for cut, node in host.zone.nodes.items():
            ns = node.get(RRType.NS, [])
            if not ns or cut in groups or cut in made:
                continue
            addresses = [a for rr in ns for a in host.zone.addresses(key_of(rr.rdata.label))]
            texts = tuple(dict.fromkeys(address_of(rr) for rr in addresses))
            if texts and servers.issuperset(texts):
                zone = Zone(show_key(cut))
                zone.add(*ns, *[rr for rr in addresses if is_within(key_of(rr.rname), cut)])
                made[cut] = Host(texts, zone)
    return list(made.values())


def _complete_apex(origin: Key, group: list[Host], parent: list[Host]) -> None:
    """SOA, NS and the addresses of the NS names that are in the zone."""
    addresses = list(dict.fromkeys(a for host in group for a in host.addresses))
    handed_down = [rr for host in parent for rr in host.zone.rrset(origin, RRType.NS)]
    for host in group:
        zone = host.zone
        ns = zone.rrset(origin, RRType.NS) or handed_down
        zone.add(*(ns or _made_ns(origin, len(addresses))))
        names = [key_of(rr.rdata.label) for rr in zone.rrset(origin, RRType.NS)]
        inside = [name for name in names if is_within(name, origin)]
        for i, name in enumerate(inside):
            if not zone.addresses(name):
                own = addresses[i :: len(inside)]
                zone.add(*[_address_record(name, address) for address in own])
        if not zone.rrset(origin, RRType.SOA):
            zone.add(_made_soa(origin, names[0]))


def _made_ns(origin: Key, count: int) -> list[Any]:
    """ns1, ns2 … of the zone; a.root, b.root … for the root."""
    apex = dnslib.DNSLabel(origin)
    made = []
    for i in range(count):
        first = (b"%c" % (ord("a") + i % 26), b"root") if not origin else (b"ns%d" % (i + 1),)
        rdata = dnslib.NS(dnslib.DNSLabel((*first, *origin)))
        made.append(dnslib.RR(apex, RRType.NS, ttl=DEFAULT_TTL_S, rdata=rdata))
    return made


def _made_soa(origin: Key, mname: Key) -> Any:
    rname = dnslib.DNSLabel((b"hostmaster", *origin))
    rdata = dnslib.SOA(dnslib.DNSLabel(mname), rname, _SOA_TIMES)
    return dnslib.RR(dnslib.DNSLabel(origin), RRType.SOA, ttl=SOA_TTL_S, rdata=rdata)


def _address_record(name: Key, address: str) -> Any:
    is_v6 = ip_address(address).version == 6
    rrtype, rdata = (RRType.AAAA, dnslib.AAAA(address)) if is_v6 else (RRType.A, dnslib.A(address))
    return dnslib.RR(dnslib.DNSLabel(name), rrtype, ttl=DEFAULT_TTL_S, rdata=rdata)


def _delegate(origin: Key, child: Zone, parent: Zone) -> None:
    """NS of the child, and glue for those of its servers that are inside it."""
    ns = child.rrset(origin, RRType.NS)
    parent.add(*ns)
    for rr in ns:
        name = key_of(rr.rdata.label)
        if is_within(name, origin) and not parent.addresses(name):
            parent.add(*child.addresses(name))


def _move_addresses(zone: Zone, moved: Mapping[str, str]) -> None:
    for node in zone.nodes.values():
        for rrtype in (RRType.A, RRType.AAAA):
            for rr in [rr for rr in node.get(rrtype, []) if address_of(rr) in moved]:
                node[rrtype].remove(rr)
                node.setdefault(RRType.A, []).append(move(rr, moved))


def move(rr: Any, moved: Mapping[str, str]) -> Any:
    """The record, with its new address if it is the address record of a server that was moved."""
    if rr.rtype not in (RRType.A, RRType.AAAA) or address_of(rr) not in moved:
        return rr
    return dnslib.RR(rr.rname, RRType.A, ttl=rr.ttl, rdata=dnslib.A(moved[address_of(rr)]))


def address_of(rr: Any) -> str:
    """The address in an A or AAAA record, in the one spelling that everybody here uses."""
    return str(ip_address(bytes(rr.rdata.data)))
