"""How much of all work may be for one zone: questions under way, and questions a second.

Random names below one zone (water torture) must not take every place there is, nor may its servers
get all that clients can ask. Knows: counts, instants. Does not know: servers, messages.
"""

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.cache.servers import CONFIGURED_RATE_FACTOR


class ZoneQuota:
    """Counts the questions put to the servers of each zone. `under_way` has those of the moment;
    the rate is counted in whole seconds, so twice of it may come around the turn of one."""

    __slots__ = ("_begun", "_second", "max_rate", "max_under_way", "under_way")

    def __init__(self, max_under_way: int, max_rate: int) -> None:
        self.max_under_way = max_under_way
        self.max_rate = max_rate
        self.under_way: dict[bytes, int] = {}
        self._begun: dict[bytes, int] = {}
        self._second = 0

    def excess(self, delegation: Delegation, now: float) -> str | None:
        """Why one more question would be too much; None if it would not be."""
        zone = delegation.zone
        if self.under_way.get(zone, 0) >= self.max_under_way:
            return f"more than {self.max_under_way} questions for {names.show(zone)} under way"
        if int(now) == self._second and self._begun.get(zone, 0) >= self.max_rate:
            most = self.max_rate * (CONFIGURED_RATE_FACTOR if delegation.configured else 1)
            if self._begun[zone] >= most:
                return f"more than {most} questions a second for {names.show(zone)}"
        return None

    def begin(self, zone: bytes, now: float) -> None:
        """A question is put to the servers of a zone."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._begun.clear()
        self._begun[zone] = self._begun.get(zone, 0) + 1
        self.under_way[zone] = self.under_way.get(zone, 0) + 1

    def end(self, zone: bytes) -> None:
        """That question is over, however it ended."""
        left = self.under_way[zone] - 1
        if left:
            self.under_way[zone] = left
        else:
            del self.under_way[zone]
