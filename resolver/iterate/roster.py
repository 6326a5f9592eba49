"""Who serves a zone, and where: the addresses at hand, and the names still to be looked up.

A Roster is worked out of a delegation once. A Search is one contest's list of name servers to look
up when the addresses at hand lead nowhere, in this order: servers without glue; their addresses of
the other family; what the child zone says of servers whose glue was wrong; and name servers that
only the child zone lists.

Knows: delegations, the RRset cache. Does not know: who answered what.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.cache.rrsets import RRsets
from resolver.codes import RRType
from resolver.iterate import scrub
from resolver.iterate.addresses import AddressRules
from resolver.iterate.budget import MAX_ADDRESSES_PER_SERVER, MAX_SERVERS_USED
from resolver.model import Address, RRset

_NS: Final = int(RRType.NS)


@dataclass(slots=True)
class Roster:
    """What a delegation says by itself: addresses that may be asked, addresses that must not be,
    and name servers without a usable one; by these rules."""

    rules: AddressRules
    addresses: list[Address]
    barred: list[Address]
    unglued: list[bytes]


def roster_of(delegation: Delegation, rules: AddressRules) -> Roster:
    """The delegation's roster, made when it is first wanted, and when the rules are others."""
    roster: Roster | None = delegation.roster
    if roster is None or roster.rules is not rules:
        roster = Roster(rules, list(delegation.addresses), [], [])
        for server in delegation.servers:
            texts = delegation.glue.get(server, ())
            allowed = rules.allowed(texts, configured=delegation.configured)
            roster.addresses += allowed
            if len(allowed) < len(texts):
                roster.barred += rules.barred(texts, configured=delegation.configured)
            if not allowed:
                roster.unglued.append(server)
        delegation.roster = roster
    return roster


def known_addresses(
    server: bytes, rrsets: RRsets, rules: AddressRules, now: float
) -> tuple[list[Address], list[int]]:
    """What the cache knows of a name server's addresses, and the types it does not know."""
    addresses: list[Address] = []
    unknown: list[int] = []
    for rrtype in rules.types:
        rrset = rrsets.lookup(server, rrtype, now)
        if rrset is None:
            unknown.append(rrtype)
        else:
            addresses += rules.allowed(texts_of([rrset]))
    return addresses, unknown


class Search:
    """Name servers to look up, each with the types to ask for in turn."""

    __slots__ = ("looked_up", "queue")

    def __init__(
        self, delegation: Delegation, roster: Roster, rrsets: RRsets, types: tuple[int, ...]
    ) -> None:
        self.looked_up = 0
        self.queue: deque[tuple[bytes, tuple[int, ...]]] = deque()
        if delegation.configured and not delegation.servers:
            return
        unglued = set(roster.unglued)
        zone = delegation.zone
        self.queue += [(server, types) for server in roster.unglued]
        # Their zone is this very one, or below: looking them up would need themselves.
        outside = [s for s in delegation.servers if s not in unglued]
        self.queue += [(s, types) for s in outside if not names.is_within(s, zone)]
        self.queue += [(s, ()) for s in outside if names.is_within(s, zone)]
        child_ns = rrsets.recall(zone, _NS)
        if child_ns is not None:
            listed = [r.lower() for r in child_ns.rrset.rdatas[:MAX_SERVERS_USED]]
            self.queue += [(s, types) for s in listed if s not in delegation.servers]

    def later(self, server: bytes, types: tuple[int, ...]) -> None:
        """Come back to this server when the others have been looked up."""
        if types:
            self.queue.append((server, types))


def texts_of(rrsets: list[RRset]) -> tuple[str, ...]:
    """The addresses in A and AAAA RRsets, MAX_ADDRESSES_PER_SERVER of each."""
    texts: list[str] = []
    for rrset in rrsets:
        rdatas = rrset.rdatas[:MAX_ADDRESSES_PER_SERVER]
        texts += [t for rdata in rdatas if (t := scrub.show_address(rdata))]
    return tuple(texts)


def search_for(delegation: Delegation, rules: AddressRules, rrsets: RRsets) -> Search:
    """The search for further servers of a zone."""
    return Search(delegation, roster_of(delegation, rules), rrsets, rules.types)


def is_above_reproach(delegation: Delegation) -> bool:
    """Whether the zone is the root or right below it: its servers do not deny names that exist, and
    it is not theirs to see more of a name than the next label."""
    zone = delegation.zone
    if not zone[0]:
        return True
    return zone[zone[0] + 1] == 0 and not delegation.configured
