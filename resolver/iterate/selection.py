"""Which server of a delegation to ask next.

The address with the least expected waiting time goes first; one never asked is given the benefit of
the doubt by dice, and now and then another live one is explored. An address that timed out waits
behind the others as long as its next time-out is. Knows: addresses, what the server table says of
them, what was tried in this contest. Does not know: messages.
"""

from dataclasses import dataclass, field

from resolver import names
from resolver.cache.servers import UNKNOWN_RTT_S, Servers
from resolver.codes import Ede
from resolver.model import Address, ExtendedError
from resolver.rng import Rng

# A server that never answered gets one try and three retries. One that has answered before is taken
# to be there: what it misses is lost packets, and only the bound of the contest ends its tries.
# With three packets of ten lost, four tries would fail one question in a hundred.
MAX_TRIES_PER_SERVER = 4
MAX_TIMEOUTS_PER_CONTEST = 8
MAX_ADDRESSES = 26  # 13 servers with an address of each family
EXPLORE_SHARE = 0.05
_REASONS_TOLD = 4


@dataclass(slots=True)
class Contest:
    """The addresses of one zone's servers, for one question."""

    zone: bytes
    servers: Servers
    rng: Rng
    tries: dict[Address, int] = field(default_factory=dict)
    reasons: dict[Address, str] = field(default_factory=dict)
    timeouts: int = 0

    def enter(self, addresses: list[Address], now: float) -> None:
        """Add addresses; doubles and servers known to be lame for the zone do not compete."""
        for address in addresses:
            if address in self.tries or address in self.reasons or len(self.tries) >= MAX_ADDRESSES:
                continue
            if self.servers.is_lame(self.zone, address, now):
                self.reasons[address] = "lame"
            else:
                self.tries[address] = 0

    def pick(self, now: float) -> Address | None:
        """The address to ask next, or None when none is left."""
        if self.timeouts >= MAX_TIMEOUTS_PER_CONTEST or not self.tries:
            return None
        if len(self.tries) == 1:
            return next(iter(self.tries))
        waits = {a: self._expected_wait_s(a, now) for a in self.tries}
        best = min(waits, key=waits.__getitem__)
        if self.rng.random() < EXPLORE_SHARE:
            live = [a for a in self.tries if not self.servers.at(a, now).timeouts]
            if live:
                return live[self.rng.randrange(len(live))]
        return best

    def _expected_wait_s(self, address: Address, now: float) -> float:
        server = self.servers.at(address, now)
        if server.timeouts:
            return server.timeout_s()
        if server.srtt_s is None:
            return self.rng.random() * UNKNOWN_RTT_S
        return server.srtt_s

    def missed(self, address: Address, now: float) -> None:
        """No reply came in time; an address that never answered is out after
        MAX_TRIES_PER_SERVER of these."""
        self.timeouts += 1
        self.tries[address] += 1
        known = self.servers.at(address, now).srtt_s is not None
        if self.tries[address] >= MAX_TRIES_PER_SERVER and not known:
            self.rule_out(address, "timeout")

    def rule_out(self, address: Address, reason: str) -> None:
        """This address has no usable answer to this question."""
        del self.tries[address]
        self.reasons[address] = reason

    def failure(self) -> ExtendedError:
        """Why nobody answered, in a sentence that names zone, servers and reasons."""
        told = dict.fromkeys(self.tries, "timeout") | self.reasons
        listed = [f"{address} {reason}" for address, reason in list(told.items())[:_REASONS_TOLD]]
        if len(told) > _REASONS_TOLD:
            listed.append(f"and {len(told) - _REASONS_TOLD} more")
        text = f"no server of {names.show(self.zone)} answered"
        text += f": {', '.join(listed)}" if listed else ": none has an address"
        return ExtendedError(Ede.NO_REACHABLE_AUTHORITY, text)
