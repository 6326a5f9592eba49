"""What we learned of each server address: how fast it is and what it cannot do.

Round-trip times are smoothed and time-outs backed off as RFC 6298 section 2 does. An entry is
forgotten a while after it was last touched, so that a server which was mended gets a fresh start.
"""

from cachetools import LRUCache

from resolver.model import Address

MAX_SERVERS = 10_000
MAX_LAME = 5_000
SERVER_MEMORY_S = 900.0  # Unbound's infra-host-ttl
LAME_MEMORY_S = 600.0  # BIND's default lame-ttl
UNKNOWN_RTT_S = 0.376  # Unbound's guess for a server never asked
MIN_TIMEOUT_S = 0.2
MAX_TIMEOUT_S = 3.0
# How often the time-out doubles: little for a server that has answered before, since packets get
# lost, more for one that never did and may not be there at all.
MAX_BACKOFF_KNOWN = 2
MAX_BACKOFF_UNKNOWN = 3


class Server:
    """One address. `srtt_s` and `rttvar_s` in seconds; `timeouts` counts those since a reply."""

    __slots__ = ("edns", "keeps_case", "rttvar_s", "srtt_s", "timeouts", "touched_at")

    def __init__(self, now: float) -> None:
        self.srtt_s: float | None = None
        self.rttvar_s = 0.0
        self.timeouts = 0
        self.edns = True
        self.keeps_case = True
        self.touched_at = now

    def timeout_s(self) -> float:
        """How long to wait for this server (RFC 6298 sections 2.2, 2.3 and 5.5)."""
        if self.srtt_s is None:
            base, backoff = UNKNOWN_RTT_S, MAX_BACKOFF_UNKNOWN
        else:
            base = max(MIN_TIMEOUT_S, self.srtt_s + 4 * self.rttvar_s)
            backoff = MAX_BACKOFF_KNOWN
        return float(min(MAX_TIMEOUT_S, base * 2 ** min(self.timeouts, backoff)))

    def heard(self, rtt_s: float, now: float) -> None:
        """A reply came after `rtt_s` seconds."""
        self.touched_at = now
        self.timeouts = 0
        if self.srtt_s is None:
            self.srtt_s = rtt_s
            self.rttvar_s = rtt_s / 2
        else:
            self.rttvar_s += (abs(self.srtt_s - rtt_s) - self.rttvar_s) / 4
            self.srtt_s += (rtt_s - self.srtt_s) / 8

    def timed_out(self, now: float) -> None:
        """No reply came in time."""
        self.touched_at = now
        self.timeouts += 1


class Servers:
    """The server table: small, so cachetools serves it."""

    __slots__ = ("_lame", "_servers")

    def __init__(self) -> None:
        self._servers: LRUCache[Address, Server] = LRUCache(MAX_SERVERS)
        self._lame: LRUCache[tuple[bytes, Address], float] = LRUCache(MAX_LAME)

    def __len__(self) -> int:
        return len(self._servers)

    def at(self, address: Address, now: float) -> Server:
        """The record of an address; a new one for an address not heard of lately."""
        server = self._servers.get(address)
        if server is None or now - server.touched_at > SERVER_MEMORY_S:
            server = Server(now)
            self._servers[address] = server
        return server

    def mark_lame(self, zone: bytes, address: Address, now: float) -> None:
        """This server does not serve this zone, though the delegation says so."""
        self._lame[zone, address] = now + LAME_MEMORY_S

    def is_lame(self, zone: bytes, address: Address, now: float) -> bool:
        """Whether the server was lame for the zone lately."""
        until = self._lame.get((zone, address))
        return until is not None and until > now

    def clear(self) -> None:
        """Forget everything."""
        self._servers.clear()
        self._lame.clear()
