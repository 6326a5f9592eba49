"""Names for which the operator has named the servers: stub zones and forward zones.

Of all that hold a name the longest wins. A stub zone is where the walk begins, with RD=0; a forward
zone is asked of other resolvers, with RD=1, and its mode says what else there is:

    only      nothing
    first     the walk, when the forwarders fail
    fallback  the forwarders, when the walk fails

Knows: suffixes. Does not know: messages, who answers what.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.codes import RRType
from resolver.iterate.response import Aliased, Answered
from resolver.model import Address

Mode: TypeAlias = Literal["stub", "only", "first", "fallback"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where questions at and below the lower-case name `zone` go."""

    zone: bytes
    to: tuple[Address, ...]
    mode: Mode
    delegation: Delegation = field(init=False)

    def __post_init__(self) -> None:
        delegation = Delegation(self.zone, addresses=self.to, configured=True)
        object.__setattr__(self, "delegation", delegation)

    @property
    def is_stub(self) -> bool:
        return self.mode == "stub"

    @property
    def forwards_first(self) -> bool:
        """Whether forwarders are asked before anybody else."""
        return self.mode in ("only", "first")


class Routes:
    """All routes of a configuration; at most one for each name."""

    __slots__ = ("_by_zone", "_longest")

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._by_zone = {route.zone: route for route in routes}
        self._longest = max(map(len, self._by_zone), default=0)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._by_zone.values())

    @property
    def addresses(self) -> frozenset[Address]:
        """Every server that they lead to."""
        return frozenset(address for route in self for address in route.to)

    def find(self, name: bytes) -> Route | None:
        """The longest route that holds a lower-case name."""
        by_zone = self._by_zone
        if not by_zone:
            return None
        skip, excess = 0, len(name) - self._longest
        while skip < excess:
            skip += name[skip] + 1  # longer than any of them
        if skip:
            name = name[skip:]
        while (route := by_zone.get(name)) is None and name[0]:
            name = name[name[0] + 1 :]
        return route

    def above(self, route: Route) -> Route | None:
        """The next shorter one."""
        return None if route.zone == names.ROOT else self.find(names.parent(route.zone))


def cut_chain(
    found: Answered | Aliased, answered_elsewhere: Callable[[bytes], bool]
) -> Answered | Aliased:
    """The reply up to its first alias whose target is for somebody else to answer.

    Servers put what lies behind an alias into the same reply; that is of no use where a stub zone,
    a forward zone or local data has the say.
    """
    for i, rrset in enumerate(found.chain):
        if rrset.rrtype == RRType.CNAME:
            target = rrset.rdatas[0].lower()
            if answered_elsewhere(target):
                return Aliased(found.chain[: i + 1], target, found.authoritative)
    return found
