"""The root: hints, and what priming makes of them (RFC 9609).

Hints only say where the root can be asked who its servers are. The answer to that, `. NS`, replaces
them as the delegation of the root until it expires.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.codes import RRClass, RRType
from resolver.iterate import scrub
from resolver.iterate.budget import MAX_SERVERS_USED
from resolver.iterate.response import Answered
from resolver.model import RRset

_HINT_TTL_S = 3_600_000
_ROOT_SERVERS_TEXT = """
a 198.41.0.4 2001:503:ba3e::2:30
b 170.247.170.2 2801:1b8:10::b
c 192.33.4.12 2001:500:2::c
d 199.7.91.13 2001:500:2d::d
e 192.203.230.10 2001:500:a8::e
f 192.5.5.241 2001:500:2f::f
g 192.112.36.4 2001:500:12::d0d
h 198.97.190.53 2001:500:1::53
i 192.36.148.17 2001:7fe::53
j 192.58.128.30 2001:503:c27::2:30
k 193.0.14.129 2001:7fd::1
l 199.7.83.42 2001:500:9f::42
m 202.12.27.33 2001:dc3::35
"""


def builtin_hints() -> list[RRset]:
    """The root servers that IANA lists (root hints file, RFC 9609 section 2.1)."""
    servers: list[bytes] = []
    addresses: list[RRset] = []
    for line in _ROOT_SERVERS_TEXT.split("\n"):
        letter, *texts = line.split() or [""]
        if not letter:
            continue
        name = names.read(f"{letter}.root-servers.net.")
        servers.append(name)
        for text in texts:
            rdata = ip_address(text).packed
            rrtype = RRType.A if len(rdata) == 4 else RRType.AAAA
            addresses.append(RRset(name, rrtype, RRClass.IN, _HINT_TTL_S, (rdata,)))
    return [RRset(names.ROOT, RRType.NS, RRClass.IN, _HINT_TTL_S, tuple(servers)), *addresses]


def hinted_delegation(hints: Iterable[RRset]) -> Delegation:
    """The root as the hints have it. Raises ValueError without NS or without any address."""
    sections = scrub.index(list(hints))
    ns = sections.get((names.ROOT, RRType.NS))
    if ns is None:
        raise ValueError("root hints without NS records of the root")
    servers = tuple(rdata.lower() for rdata in ns.rdatas)[:MAX_SERVERS_USED]
    glue = scrub.glue(list(sections.values()), servers, names.ROOT, harden=True)
    if not glue:
        raise ValueError("root hints without an address of any root server")
    return Delegation(names.ROOT, servers, glue, configured=True)


def primed_delegation(answered: Answered) -> tuple[Delegation, int] | None:
    """The root as its own answer to `. NS` has it, and for how many seconds."""
    if not answered.data:
        return None
    ns = answered.data[0]
    servers = tuple(rdata.lower() for rdata in ns.rdatas)[:MAX_SERVERS_USED]
    glue = scrub.glue(answered.additional, servers, names.ROOT, harden=True)
    return Delegation(names.ROOT, servers, glue), ns.ttl
