"""Names that are of no concern to the root: zones that every resolver has built in.

Each is a zone of ours with nothing in it but what its RFC gives it, made of the SOA and NS that
RFC 6303 section 3 wants. Questions below get NXDOMAIN from here and no packet is sent.

    localhost, and names below               RFC 6761 section 6.3: the loopback addresses
    test, invalid                            RFC 6761 sections 6.2 and 6.4
    onion, local, alt                        RFC 7686, RFC 6762 section 22.1, RFC 9476
    home.arpa, resolver.arpa                 RFC 8375 section 4, RFC 9462 section 6.4
    ipv4only.arpa and its reverse names      RFC 8880 section 7
    reverse zones of private, link-local,    RFC 6303 section 4, RFC 7793
    shared and documentation addresses

`test.` is answered by Unbound, too, and not by BIND; RFC 6761 wants it answered by default.

A zone is left out that the configuration names in recursion.special_names, and one that a stub or
forward zone holds: then the operator has said who knows. That "." is forwarded says nothing about
most of these; but ipv4only.arpa is how clients find out what a DNS64 resolver makes of addresses
(RFC 7050), and that may be the forwarder, so then it is left out. Where a stub or forward zone lies
inside of one, the longer name goes first.

Knows: the names. Does not know: who asks, how a zone is looked up.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_network

from resolver import names
from resolver.codes import RRType
from resolver.config.units import Network
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.draft import Draft
from resolver.zone.findings import Unjudged
from resolver.zone.rdata import Scope, read_rdata

# RFC 6303 section 3.
_TTL_S = 10_800
_APEX = """\
@ SOA @ nobody.invalid. 1 3600 1200 604800 10800
@ NS @
"""
_NAMES = (
    "localhost",
    "test",
    "invalid",
    "onion",
    "local",
    "alt",
    "home.arpa",
    "resolver.arpa",
    "ipv4only.arpa",
)
# What whoever does the synthesis for our clients must answer (RFC 8880 section 7).
_OF_DNS64 = ("ipv4only.arpa", "170.0.0.192.in-addr.arpa", "171.0.0.192.in-addr.arpa")
_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "255.255.255.255/32",
    "100.64.0.0/10",
    "::/128",
    "::1/128",
    "fd00::/8",
    "fe80::/10",
    "2001:db8::/32",
)
_CONTENT = {
    "localhost": """
        @ A 127.0.0.1
        @ AAAA ::1
        * A 127.0.0.1
        * AAAA ::1
        """,
    "ipv4only.arpa": "@ A 192.0.0.170\n@ A 192.0.0.171",
    "127.in-addr.arpa": "1.0.0 PTR localhost.",
    "1." + "0." * 31 + "ip6.arpa": "@ PTR localhost.",
    "170.0.0.192.in-addr.arpa": "@ PTR ipv4only.arpa.",
    "171.0.0.192.in-addr.arpa": "@ PTR ipv4only.arpa.",
}


def special_zones(left_out: Iterable[bytes] = (), routed: Iterable[bytes] = ()) -> list[Zone]:
    """The built-in zones, without those at or below a name of `left_out`, and without those at or
    below one of `routed` (stub and forward zones); the root among those takes away the ones of
    DNS64 only. Lower-case names."""
    routed = tuple(routed)
    gone = [*left_out, *(name for name in routed if name != names.ROOT)]
    if names.ROOT in routed:
        gone += [names.read(text) for text in _OF_DNS64]
    made = []
    for text in _origins():
        origin = names.read(text).lower()
        if not any(names.is_within(origin, name) for name in gone):
            made.append(_make(origin, _CONTENT.get(text, "")))
    return made


def _origins() -> Iterator[str]:
    yield from _NAMES
    for text in _NETWORKS:
        yield from reverse_zones(ip_network(text))


def reverse_zones(network: Network) -> Iterator[str]:
    """The reverse zones that hold a network and nothing else: one for each combination of the bits
    that its last label does not share with others (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    bits = 8 if isinstance(network, IPv4Network) else 4
    whole = -(-network.prefixlen // bits) * bits
    for subnet in network.subnets(new_prefix=whole):
        labels = subnet.network_address.reverse_pointer.split(".")
        # Two labels are the tree's own: in-addr.arpa, ip6.arpa.
        yield ".".join(labels[len(labels) - 2 - whole // bits :])


def _make(origin: bytes, content: str) -> Zone:
    draft = Draft(origin)
    scope = Scope(origin)
    for line in (_APEX + content).splitlines():
        if words := line.split():
            owner, mnemonic, *rest = words
            rrtype = RRType[mnemonic]
            draft.add(scope.name(owner), rrtype, _TTL_S, read_rdata(rrtype, rest, scope))
    zone = finish(draft.finish(Unjudged()))
    assert zone is not None
    return zone
