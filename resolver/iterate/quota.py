"""How much of all work may be for one zone: questions under way, and questions a second.

Random names below one zone (water torture) must not take every place there is, nor may its servers
get all that clients can ask. Knows: counts, instants. Does not know: servers, messages.
"""

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.cache.servers import CONFIGURED_RATE_FACTOR
from resolver.native import mypyc_attr


@mypyc_attr(acyclic=True)
class Load:
    """The questions of one zone: those `under_way`, and those begun in the second."""

    __slots__ = ("begun", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.begun = 0

    def end(self) -> None:
        """One of them is over, however it ended."""
        self.under_way -= 1


class ZoneQuota:
    """Counts the questions put to the servers of each zone. The rate is counted in whole seconds,
    so twice of it may come around the turn of one."""

    __slots__ = ("_loads", "_second", "max_rate", "max_under_way")

    def __init__(self, max_under_way: int, max_rate: int) -> None:
        self.max_under_way = max_under_way
        self.max_rate = max_rate
        self._loads: dict[bytes, Load] = {}
        self._second = 0

    @property
    def under_way(self) -> dict[bytes, int]:
        """How many questions each zone has at the moment, of those that have any."""
        return {zone: load.under_way for zone, load in self._loads.items() if load.under_way}

    def excess(self, delegation: Delegation, now: float) -> str | None:
        """Why one more question would be too much; None if it would not be."""
        load = self._loads.get(delegation.zone)
        if load is None:
            return None
        if load.under_way >= self.max_under_way:
            zone = names.show(delegation.zone)
            return f"more than {self.max_under_way} questions for {zone} under way"
        if load.begun >= self.max_rate and int(now) == self._second:
            most = self.max_rate * (CONFIGURED_RATE_FACTOR if delegation.configured else 1)
            if load.begun >= most:
                return f"more than {most} questions a second for {names.show(delegation.zone)}"
        return None

    def begin(self, zone: bytes, now: float) -> Load:
        """A question is put to the servers of a zone; what is to be told that it is over."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._forget()
        load = self._loads.get(zone)
        if load is None:
            load = self._loads[zone] = Load()
        load.begun += 1
        load.under_way += 1
        return load

    def _forget(self) -> None:
        """A second is over: only what is under way counts."""
        self._loads = {zone: load for zone, load in self._loads.items() if load.under_way}
        for load in self._loads.values():
            load.begun = 0
