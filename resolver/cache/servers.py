"""What we learned of each server address: how fast it is and what it cannot do.

Round-trip times are smoothed and time-outs backed off as RFC 6298 section 2 does. A server that
stays silent is left in peace for a while, longer each time, and then probed (RFC 9520 sections 3.1
and 3.2: back off, and not longer than five minutes). Whatever is held against a server ends by
itself, so that one that was mended gets a fresh start.

Knows: instants, counts. Does not know: messages, who asks.
"""

from collections.abc import Callable
from typing import Final

from resolver.model import Address, Informant
from resolver.native import mypyc_attr
from resolver.tls import TlsAddress

MAX_SERVERS = 10_000
MAX_TROUBLES: Final = 5_000
_MAKE_ROOM_SHARE: Final = 0.1  # of a full table is given up at once, so that it seldom happens

SERVER_MEMORY_S: Final = 900.0  # Unbound's infra-host-ttl
UNKNOWN_RTT_S: Final = 0.376  # Unbound's guess for a server never asked
MIN_TIMEOUT_S: Final = 0.2
MAX_TIMEOUT_S: Final = 3.0
# How often the time-out doubles: little for a server that has answered before, since packets get
# lost, more for one that never did and may not be there at all.
MAX_BACKOFF_KNOWN: Final = 2
MAX_BACKOFF_UNKNOWN: Final = 3
# A server never asked is waited for so many times as long as servers usually take, when that is
# known: with thirteen addresses of which one is alive, time is short.
_TYPICAL_FACTOR: Final = 4

# Time-outs in a row after which a server counts as dead: one that has answered before is taken to
# be there, and what it misses to be lost packets.
DEAD_AFTER_KNOWN: Final = 8
DEAD_AFTER_UNKNOWN: Final = 4
FIRST_REST_S: Final = 5.0  # of a dead server; doubles with each probe that fails
MAX_REST_S: Final = 30.0  # so a server that is back is found within this time
FIRST_PROBE_S: Final = 2.0  # of a server that was silent but is not dead; doubles likewise

# A family is in doubt when so many servers in a row that were never heard stay silent.
FAMILY_DOUBT_AFTER: Final = 3

FORGIVING_S: Final = 900.0  # how long a server gets no EDNS, cookie or mixed case it stumbled over
LAME_MEMORY_S: Final = 600.0  # BIND's default lame-ttl
# When all others have failed, after so long even a lame one is asked again.
LAME_RETRY_S: Final = 30.0
# A server named in the configuration has to do with as much as all that others share, and whoever
# named it knows what it can take: so many times the rate of others. With the default
# rate that is more than one processor asks for.
CONFIGURED_RATE_FACTOR: Final = 40
# How long others are preferred to a server that said SERVFAIL or nonsense.
BROKEN_MEMORY_S: Final = 60.0


@mypyc_attr(acyclic=True)
class Family:
    """IPv4 or IPv6 as a whole. `misses` counts silent servers that were never heard, in a row;
    `works` is whether any server was ever heard."""

    __slots__ = ("misses", "probe_at", "works")

    def __init__(self) -> None:
        self.misses = 0
        self.works = False
        self.probe_at = 0.0


@mypyc_attr(acyclic=True)
class Server:
    """One address. `srtt_s` and `rttvar_s` in seconds; `timeouts` counts those since a reply,
    `replies` and `silences` all of them.

    `rest_until` is when to try a silent server again, `in_flight` the asks under way.
    """

    __slots__ = (
        "address",
        "asks_in_window",
        "busy_until",
        "family",
        "in_flight",
        "missed_at",
        "no_case_until",
        "no_cookie_until",
        "no_edns_until",
        "over_stream",
        "over_tls",
        "over_udp",
        "replies",
        "rest_until",
        "rttvar_s",
        "silences",
        "srtt_s",
        "timeouts",
        "touched_at",
        "window_at",
    )

    def __init__(self, address: Address, family: Family, now: float) -> None:
        self.address = address
        self.family = family
        self.srtt_s: float | None = None
        self.rttvar_s = 0.0
        self.timeouts = 0
        self.replies = 0
        self.silences = 0
        self.missed_at = 0.0
        self.rest_until = 0.0
        self.no_edns_until = 0.0
        self.no_case_until = 0.0
        self.no_cookie_until = 0.0
        self.in_flight = 0
        self.window_at = 0.0
        self.asks_in_window = 0
        self.busy_until = 0.0
        self.touched_at = now
        self.over_tls = isinstance(address, TlsAddress)
        self.over_udp = Informant(address)
        self.over_stream = Informant(address, True)

    def informant(self, over_stream: bool) -> Informant:
        """This server as the one who has said something."""
        return self.over_stream if over_stream else self.over_udp

    def timeout_s(self, unknown_rtt_s: float = UNKNOWN_RTT_S) -> float:
        """How long to wait for this server (RFC 6298 sections 2.2, 2.3 and 5.5)."""
        if self.srtt_s is None:
            base, backoff = unknown_rtt_s, MAX_BACKOFF_UNKNOWN
        else:
            base = max(MIN_TIMEOUT_S, self.srtt_s + 4 * self.rttvar_s)
            backoff = MAX_BACKOFF_KNOWN
        if self.timeouts:
            base *= 1 << min(self.timeouts, backoff)
        return min(MAX_TIMEOUT_S, base)

    @property
    def is_dead(self) -> bool:
        """Whether it has been silent for so long that nobody should wait for it."""
        limit = DEAD_AFTER_UNKNOWN if self.srtt_s is None else DEAD_AFTER_KNOWN
        return self.timeouts >= limit

    def heard(self, rtt_s: float, now: float) -> None:
        """A reply came after `rtt_s` seconds."""
        self.touched_at = now
        self.replies += 1
        self.timeouts = 0
        self.family.misses = 0
        self.family.works = True
        srtt_s = self.srtt_s
        if srtt_s is None:
            self.srtt_s = rtt_s
            self.rttvar_s = rtt_s / 2
        else:
            self.rttvar_s += (abs(srtt_s - rtt_s) - self.rttvar_s) / 4
            self.srtt_s = srtt_s + (rtt_s - srtt_s) / 8

    def timed_out(self, now: float, sent_at: float) -> None:
        """No reply came in time.

        Of many asks that were under way together only the first counts: one short silence is not a
        hundred.
        """
        self.touched_at = now
        self.silences += 1
        if sent_at < self.missed_at:
            return
        self.missed_at = now
        if self.srtt_s is None and not self.timeouts:
            self.family.misses += 1
        self.timeouts += 1
        if self.is_dead:
            limit = DEAD_AFTER_UNKNOWN if self.srtt_s is None else DEAD_AFTER_KNOWN
            rest_s = FIRST_REST_S * 2 ** min(self.timeouts - limit, 8)
        else:
            rest_s = FIRST_PROBE_S * 2 ** (self.timeouts - 1)
        self.rest_until = now + min(rest_s, MAX_REST_S)


@mypyc_attr(acyclic=True)
class Trouble:
    """Something held against a server, for one zone. `lame` ones do not serve the zone; others
    have failed at it lately."""

    __slots__ = ("lame", "reason", "since")

    def __init__(self, reason: str, since: float, *, lame: bool) -> None:
        self.reason = reason
        self.since = since
        self.lame = lame


class Servers:
    """The server table. `max_in_flight` asks of one server may be under way, and `max_rate` begin
    within a second, of one that is `configured` CONFIGURED_RATE_FACTOR times as many."""

    __slots__ = (
        "_literal",
        "_servers",
        "_troubles",
        "configured",
        "families",
        "max_in_flight",
        "max_rate",
        "typical_rtt_s",
    )

    def __init__(
        self,
        *,
        max_in_flight: int = 400,
        max_rate: int = 5000,
        configured: frozenset[Address] = frozenset(),
    ) -> None:
        self.configured = configured
        self.max_in_flight = max_in_flight
        self.max_rate = max_rate
        self._servers: dict[Address, Server] = {}
        self._literal: dict[bytes, float] = {}
        self._troubles: dict[tuple[bytes, Address], Trouble] = {}
        self.families = {4: Family(), 6: Family()}
        self.typical_rtt_s: float | None = None

    def __len__(self) -> int:
        return len(self._servers)

    def known(self) -> list[Server]:
        """Every server we have a record of."""
        return list(self._servers.values())

    def is_busy(self, server: Server, now: float) -> bool:
        """Whether a server has as much to do for us as it may have."""
        return server.in_flight >= self.max_in_flight or server.busy_until > now

    def at(self, address: Address, now: float) -> Server:
        """The record of an address; a new one for an address not heard of lately."""
        server = self._servers.get(address)
        if server is None or now - server.touched_at > SERVER_MEMORY_S:
            _make_room(self._servers, MAX_SERVERS)
            server = Server(address, self.families[6 if ":" in address.ip else 4], now)
            self._servers[address] = server
        return server

    def count_ask(self, server: Server, now: float) -> None:
        """One more ask; after so many within a second it is busy until that is over."""
        if now - server.window_at >= 1.0:
            server.window_at = now
            server.asks_in_window = 0
        server.asks_in_window += 1
        if server.asks_in_window < self.max_rate:
            return
        factor = CONFIGURED_RATE_FACTOR if server.address in self.configured else 1
        if server.asks_in_window >= factor * self.max_rate:
            server.busy_until = server.window_at + 1.0

    def heard(self, server: Server, rtt_s: float, now: float) -> None:
        """A reply came after `rtt_s` seconds."""
        typical = self.typical_rtt_s
        self.typical_rtt_s = rtt_s if typical is None else typical + (rtt_s - typical) / 16
        server.heard(rtt_s, now)

    def unknown_rtt_s(self) -> float:
        """What a server never asked is expected to take at most, for a first try."""
        if self.typical_rtt_s is None:
            return UNKNOWN_RTT_S
        return min(UNKNOWN_RTT_S, max(MIN_TIMEOUT_S, _TYPICAL_FACTOR * self.typical_rtt_s))

    def is_in_doubt(self, family: Family) -> bool:
        """Whether servers of this family are better left to the end: nobody answers there, and
        somebody does in the other."""
        if family.misses < FAMILY_DOUBT_AFTER:
            return False
        return any(f.works and f.misses < FAMILY_DOUBT_AFTER for f in self.families.values())

    def hold_against(
        self, zone: bytes, address: Address, reason: str, now: float, *, lame: bool
    ) -> None:
        """Remember that this server does not serve this zone, or has just failed at it."""
        held = self._troubles.get((zone, address))
        if held is not None and held.lame and not lame:
            return
        _make_room(self._troubles, MAX_TROUBLES)
        self._troubles[zone, address] = Trouble(reason, now, lame=lame)

    def trouble(self, zone: bytes, address: Address, now: float) -> Trouble | None:
        """What is held against this server for this zone at the moment."""
        if not self._troubles:
            return None
        held = self._troubles.get((zone, address))
        if held is None or now - held.since > (LAME_MEMORY_S if held.lame else BROKEN_MEMORY_S):
            return None
        return held

    def forgive(self, zone: bytes, address: Address) -> None:
        """The server has answered for this zone."""
        if self._troubles:
            self._troubles.pop((zone, address), None)

    def forgive_zones(self, concerned: Callable[[bytes], bool]) -> None:
        """Hold nothing against any server for these zones."""
        for key in [key for key in self._troubles if concerned(key[0])]:
            del self._troubles[key]
        for zone in [zone for zone in self._literal if concerned(zone)]:
            del self._literal[zone]

    def take_literally(self, zone: bytes, now: float) -> None:
        """The servers of this zone get shortened questions wrong (RFC 9156 section 2.3)."""
        _make_room(self._literal, MAX_TROUBLES)
        self._literal[zone] = now + FORGIVING_S

    def is_literal(self, zone: bytes, now: float) -> bool:
        """Whether the servers of this zone are to be shown whole names."""
        return bool(self._literal) and self._literal.get(zone, 0.0) > now

    def clear(self) -> None:
        """Forget everything."""
        self._literal.clear()
        self._servers.clear()
        self._troubles.clear()
        self.families = {4: Family(), 6: Family()}
        self.typical_rtt_s = None


def _make_room(table: dict, limit: int) -> None:  # type: ignore[type-arg]
    """Give up the oldest entries of a table that is full."""
    if len(table) >= limit:
        for key in list(table)[: int(limit * _MAKE_ROOM_SHARE)]:
            del table[key]
