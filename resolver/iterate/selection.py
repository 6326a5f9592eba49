"""Which server of a delegation to ask next.

Those that answer about as fast as the fastest share the questions, which also makes it harder to
guess where a forged reply must seem to come from; now and then another live one is explored. One
never asked is given the benefit of the doubt by dice. One that was silent stands behind the others,
and when it has been silent for long it rests; meanwhile it is probed beside questions, not by them
(`probe`). The servers of a family in which nobody has answered lately come last, so a black hole
costs one short time-out.

Knows: addresses, what the server table says of them, what was tried in this contest. Does not know:
messages.
"""

from typing import Final

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.cache.servers import LAME_RETRY_S, MAX_REST_S, UNKNOWN_RTT_S, Family, Server, Servers
from resolver.codes import Ede
from resolver.iterate.response import Aliased, Answered
from resolver.model import Address, ExtendedError, Question
from resolver.native import mypyc_attr
from resolver.rng import Rng

# A server that never answered gets one try and three retries. One that has answered before is taken
# to be there: what it misses is lost packets, and only the bound of the contest ends its tries.
# With three packets of ten lost each way and two servers, four time-outs at most leave seven names
# of a hundred without an answer, six leave three of two hundred, and eight one of 170.
MAX_TRIES_PER_SERVER: Final = 4
MAX_TIMEOUTS_PER_CONTEST: Final = 8  # or a few more than there are addresses
_MORE_TIMEOUTS_THAN_ADDRESSES: Final = 2
MAX_REJECTIONS_PER_CONTEST: Final = 13  # servers that answered, but not the question
MAX_ADDRESSES: Final = 26  # 13 servers with an address of each family

WIDE_FROM_ADDRESSES: Final = 5
STUCK_TRIES: Final = 2

EXPLORE_SHARE: Final = 0.05
# Servers count as equally fast when they differ by no more than this or that.
BAND_S: Final = 0.01
BAND_SHARE: Final = 0.25
_IN_DOUBT_S: Final = 1.0  # handicap of a server never heard in a family where nobody answers
# Handicap of a server that failed at this zone lately: after one time-out of another, before many.
_BROKEN_S: Final = 0.5
_REASONS_TOLD: Final = 4
_NO_REASONS: Final[dict[Address, str]] = {}  # of a contest in which nobody was ruled out


@mypyc_attr(acyclic=True)
class Seat:
    """One server in a contest. `tries` counts time-outs of this contest."""

    __slots__ = ("handicap_s", "server", "tries")

    def __init__(self, server: Server, handicap_s: float) -> None:
        self.server = server
        self.handicap_s = handicap_s
        self.tries = 0


@mypyc_attr(acyclic=True)
class Contest:
    """The addresses of one zone's servers, for one question.

    `delegation`, `question`, `at` and `depth` are those of the step that it is in a record
    (trace.py), if it is in one. `hesitant`: to be given up early, for there is another way to ask.
    `second_hand` is what a server said that had it from others: better than nothing.
    """

    __slots__ = (
        "_lame",
        "_missed_family",
        "at",
        "delegation",
        "depth",
        "hesitant",
        "max_rejections",
        "question",
        "reasons",
        "rejections",
        "rng",
        "seats",
        "second_hand",
        "servers",
        "timeouts",
        "zone",
    )

    def __init__(
        self,
        zone: bytes,
        servers: Servers,
        rng: Rng,
        *,
        max_rejections: int = MAX_REJECTIONS_PER_CONTEST,
    ) -> None:
        self.max_rejections = max_rejections
        self.zone = zone
        self.servers = servers
        self.rng = rng
        self.seats: list[Seat] = []
        self.reasons = _NO_REASONS
        self.timeouts = 0
        self.rejections = 0
        self.delegation: Delegation | None = None
        self.question: Question | None = None
        self.second_hand: Answered | Aliased | None = None
        self.at = 0.0
        self.depth = 0
        self.hesitant = False
        self._missed_family: Family | None = None
        self._lame: tuple[tuple[float, Server], ...] = ()

    def enter(self, addresses: list[Address], now: float) -> bool:
        """Add addresses; doubles and servers known to be lame for the zone do not compete. Whether
        one came in."""
        seats, servers = self.seats, self.servers
        before = len(seats)
        for address in addresses:
            if seats and any(seat.server.address == address for seat in seats):
                continue
            if self.reasons and address in self.reasons:
                continue
            if len(seats) >= MAX_ADDRESSES:
                break
            server = servers.at(address, now)
            held = servers.trouble(self.zone, address, now)
            if held is None:
                seats.append(Seat(server, 0.0))
            elif held.lame:
                self.leave_out(address, f"lame ({held.reason} lately)")
                self._lame += ((held.since, server),)
            else:
                seats.append(Seat(server, _BROKEN_S))
        return len(seats) > before

    @property
    def is_over(self) -> bool:
        """Whether enough was tried."""
        limit = max(
            MAX_TIMEOUTS_PER_CONTEST,
            len(self.seats) + len(self.reasons) + _MORE_TIMEOUTS_THAN_ADDRESSES,
        )
        return self.timeouts >= limit or self.rejections >= self.max_rejections

    @property
    def is_stuck(self) -> bool:
        """Whether every server left has been silent more than once: time to look for others."""
        return all(seat.tries >= STUCK_TRIES for seat in self.seats)

    def pick(self, now: float) -> Server | None:
        """The server to ask next, or None when none is left that may be asked now."""
        if len(self.seats) == 1 and not self.timeouts and not self.rejections:
            server = self.seats[0].server
            if not server.timeouts and not self.servers.is_busy(server, now):
                return server  # the only one, and nothing is wrong with it
        return None if self.is_over else self._choose(now)

    def _choose(self, now: float) -> Server | None:
        waits: list[tuple[float, Server]] = []
        best = float("inf")
        for seat in self.seats:
            server = seat.server
            if server.timeouts or self.servers.is_busy(server, now):
                if not self._may_ask_again(seat, now):
                    continue
                wait = server.timeout_s() + seat.handicap_s
            elif server.srtt_s is None:
                wait = self.rng.random() * UNKNOWN_RTT_S + seat.handicap_s
            else:
                wait = server.srtt_s + seat.handicap_s
            if server.srtt_s is None and self._is_doubtful(server.family):
                wait += _IN_DOUBT_S
            waits.append((wait, server))
            best = min(best, wait)
        if len(waits) < 2:
            return self._claim(waits[0][1], now) if waits else None
        dice = self.rng.random()
        if dice < EXPLORE_SHARE:
            near = [s for w, s in waits if w < _BROKEN_S and not s.timeouts]
            dice /= EXPLORE_SHARE
        else:
            limit = best + max(BAND_S, best * BAND_SHARE)
            near = [s for w, s in waits if w <= limit]
            dice = (dice - EXPLORE_SHARE) / (1 - EXPLORE_SHARE)
        if not near:
            near = [s for w, s in waits if w == best]
        return self._claim(near[int(dice * len(near))], now)

    def _is_doubtful(self, family: Family) -> bool:
        return family is self._missed_family or self.servers.is_in_doubt(family)

    @property
    def is_wide(self) -> bool:
        """Whether there are so many addresses that each can only be waited for a little."""
        return len(self.seats) >= WIDE_FROM_ADDRESSES

    def _may_ask_again(self, seat: Seat, now: float) -> bool:
        server = seat.server
        if self.servers.is_busy(server, now):
            return False
        # Who began with a live server goes on when it dies under him; nobody else begins.
        return not server.is_dead or seat.tries > 0 or now >= server.rest_until

    def _claim(self, server: Server, now: float) -> Server:
        """A dead server is probed by one question at a time; the others see it rest."""
        if server.is_dead and now >= server.rest_until:
            server.rest_until = now + server.timeout_s()
            self._seat_of(server).tries = MAX_TRIES_PER_SERVER - 1
        return server

    def last_resort(self, now: float) -> bool:
        """Let lame servers compete after all, if they were found so some time ago: a zone whose
        servers were all wrong for a moment must not stay dark for ten minutes."""
        if self.is_over:
            return False
        again = [s for since, s in self._lame if now - since >= LAME_RETRY_S]
        self._lame = ()
        for server in again:
            del self.reasons[server.address]
            self.seats.append(Seat(server, _BROKEN_S))
        return bool(again)

    def probe(self, asked: Server, now: float) -> Server | None:
        """A server that is worth an ask beside the one to a live server, to see whether it is
        back."""
        if asked.timeouts or asked.srtt_s is None:
            return None
        for seat in self.seats:
            server = seat.server
            if server is asked or seat.tries:
                continue
            if server.timeouts:
                if now >= server.rest_until:
                    server.rest_until = now + MAX_REST_S
                    return server
            elif (
                server.srtt_s is None
                and self.servers.is_in_doubt(server.family)
                and now >= server.family.probe_at
            ):
                server.family.probe_at = now + MAX_REST_S
                return server
        return None

    def missed(self, server: Server) -> None:
        """No reply came in time; an address that never answered is out after
        MAX_TRIES_PER_SERVER of these."""
        self.timeouts += 1
        seat = self._seat_of(server)
        seat.tries += 1
        if server.srtt_s is None and not self._is_heard(server.family):
            self._missed_family = server.family
        if seat.tries >= MAX_TRIES_PER_SERVER and (server.srtt_s is None or server.is_dead):
            self._drop(server, "timeout")

    def _is_heard(self, family: Family) -> bool:
        """Whether a server of this family, now silent perhaps, has ever answered: then it is not
        the family that is to blame, and another server of it is worth a try."""
        return any(s.server.family is family and s.server.srtt_s is not None for s in self.seats)

    def rule_out(self, server: Server, reason: str, now: float, *, lame: bool = False) -> None:
        """This server has no usable answer to this question."""
        self.rejections += 1
        self._drop(server, reason)
        self.servers.hold_against(self.zone, server.address, reason, now, lame=lame)

    def _drop(self, server: Server, reason: str) -> None:
        self.seats.remove(self._seat_of(server))
        self.leave_out(server.address, reason)

    def leave_out(self, address: Address, reason: str) -> None:
        """Do not let this address compete, or not any more."""
        if self.reasons is _NO_REASONS:
            self.reasons = {}
        self.reasons[address] = reason

    def _seat_of(self, server: Server) -> Seat:
        return next(seat for seat in self.seats if seat.server is server)

    def left_busy(self, now: float) -> bool:
        """Whether a server was left out only because it has enough to do."""
        return any(self.servers.is_busy(seat.server, now) for seat in self.seats)

    def blame(self, error: ExtendedError, now: float) -> ExtendedError:
        """The error that ended it, with the servers that used the time up, if they did."""
        if not self.timeouts:
            return error
        return ExtendedError(error.code, f"{error.text}: {self.failure(now).text}")

    def failure(self, now: float) -> ExtendedError:
        """Why nobody answered, in a sentence that names zone, servers and reasons."""
        told: dict[Address, str] = {}
        for seat in self.seats:
            told[seat.server.address] = _why_left(seat, self.servers, now)
        told |= self.reasons
        listed = [f"{address} {reason}" for address, reason in list(told.items())[:_REASONS_TOLD]]
        if len(told) > _REASONS_TOLD:
            listed.append(f"and {len(told) - _REASONS_TOLD} more")
        text = f"no server of {names.show(self.zone)} answered"
        text += f": {', '.join(listed)}" if listed else ": none has an address"
        return ExtendedError(Ede.NO_REACHABLE_AUTHORITY, text)


def _why_left(seat: Seat, servers: Servers, now: float) -> str:
    if servers.is_busy(seat.server, now):
        return "busy"
    if seat.tries or not seat.server.is_dead:
        return "timeout" if seat.server.timeouts else "not tried"
    return "timeout, not asked again yet"
