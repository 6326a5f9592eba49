"""What one client question may cost.

One Budget object is made for each client question and handed to every sub-question; nothing resets
it, so no nesting of aliases, referrals or name servers multiplies the work (NXNSAttack, CAMP,
TsuNAME). Spending beyond a bound raises OutOfBudget, which resolve.py turns into SERVFAIL with an
extended error that names the bound.
"""

from dataclasses import dataclass
from typing import Final

from resolver.codes import Ede
from resolver.errors import ResolverError
from resolver.model import ExtendedError
from resolver.native import mypyc_attr

# CNAME and DNAME steps of one question (BIND's and Unbound's max-query-restarts).
MAX_ALIASES: Final = 11
MAX_DEPTH: Final = 7  # of looking up name servers' addresses for name servers' addresses (BIND)
# Upstream queries for one name of the chain (BIND: max-recursion-queries).
MAX_ASKS_PER_FETCH: Final = 50
MAX_UNRESOLVED_SERVERS: Final = 5  # name server names without an address (Unbound's MAX_TARGET_NX)
# Look-ups of name servers' addresses, also those that cost no packet: zones served from each other
# have very many ways through their circles (Unbound's MAX_TARGET_COUNT).
MAX_LOOK_UPS: Final = 64
MAX_OCTETS: Final = 100_000  # received (PowerDNS Recursor's max_bytesperq)
MAX_SERVERS_USED: Final = 13  # name servers of one delegation (BIND's max-delegation-servers)
MAX_ADDRESSES_PER_SERVER: Final = 6
MAX_LOOK_UPS_PER_ZONE: Final = 13  # name servers of one zone that one question looks up


class OutOfBudget(ResolverError):  # noqa: N818 - an end, not always an error
    """A bound of this client question is reached. `error` is what the client is told."""

    def __init__(self, error: ExtendedError) -> None:
        super().__init__(error.text)
        self.error = error


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Budget:
    """Counters of one client question. `deadline` is a monotonic instant."""

    deadline: float
    max_asks: int
    asks: int
    octets: int
    unresolved_servers: int
    look_ups: int

    def __init__(
        self,
        deadline: float,
        max_asks: int,
        asks: int = 0,
        octets: int = 0,
        unresolved_servers: int = 0,
        look_ups: int = 0,
    ) -> None:
        self.deadline = deadline
        self.max_asks = max_asks
        self.asks = asks
        self.octets = octets
        self.unresolved_servers = unresolved_servers
        self.look_ups = look_ups

    def spend_ask(self, now: float) -> None:
        """Charge one upstream query. Raises OutOfBudget."""
        if now >= self.deadline:
            raise OutOfBudget(ExtendedError(Ede.NO_REACHABLE_AUTHORITY, "time limit reached"))
        if self.asks >= self.max_asks:
            raise OutOfBudget(
                ExtendedError(Ede.OTHER, f"limit of {self.max_asks} upstream queries reached")
            )
        self.asks += 1

    def spend_octets(self, octets: int) -> None:
        """Charge received octets. Raises OutOfBudget."""
        self.octets += octets
        if self.octets > MAX_OCTETS:
            raise OutOfBudget(ExtendedError(Ede.OTHER, f"limit of {MAX_OCTETS} octets reached"))

    def spend_look_up(self) -> bool:
        """Charge the look-up of a name server's address; whether it may be made."""
        self.look_ups += 1
        return self.look_ups <= MAX_LOOK_UPS

    def spend_unresolved_server(self) -> bool:
        """Charge a name server that has no address; whether another may still be looked up."""
        self.unresolved_servers += 1
        return self.unresolved_servers < MAX_UNRESOLVED_SERVERS
