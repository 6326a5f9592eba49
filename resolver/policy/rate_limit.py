"""Response rate limiting: how often one network is told the same thing over UDP.

Source addresses of UDP are easily forged, and whoever is sent replies that he did not ask for
should get few of them. Replies are counted by network, kind and name in a table of fixed size. Each
entry is the instant at which its debt is paid: a reply adds a share of a second to it, and is one
too many when the debt would be longer than the window. Of those a part is sent truncated, so that a
client who is at home there comes back over TCP; the others are not sent.

Two places of the table are open to each account, and the one with the lesser debt is given up, so
that a flood of other accounts hardly makes a limited one forgotten. Python draws a new secret for
its hashes in every process, so nobody can choose accounts that share a place.

Knows: networks, instants. Does not know: messages (serve/rate_limit.py), sockets.

Sources: "DNS Response Rate Limiting" (Vixie and Schryver, 2012), BIND, Knot DNS and NSD for kinds,
prefixes and slip.
"""

from array import array
from enum import Enum, IntEnum
from typing import Final

from resolver.config.protection import RateLimitSettings
from resolver.policy.acl import Rule

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_MAX_COUNT: Final = 0xFFFFFFFF
_ROUNDING_S: Final = 1e-9


class Kind(IntEnum):
    """What a reply is, as far as limits go. `name` of an account is: question, zone, cut."""

    ANSWER = 0  # data for one name and type
    NXDOMAIN = 1  # names that a zone does not have
    NODATA = 2  # types that names of a zone do not have
    REFERRAL = 3  # one cut
    ERROR = 4  # everything else, whatever it was for


class Fate(Enum):
    """What becomes of a reply."""

    SEND = 0
    TRUNCATE = 1
    DROP = 2


class RateLimiter:
    """The table. Nothing in it is about networks in the list of exempt ones."""

    __slots__ = (
        "_exempt",
        "_intervals_s",
        "_limited",
        "_paid_at",
        "_shifts",
        "_size",
        "_slip",
        "_tags",
        "_window_s",
        "dry_run",
        "least_per_second",
    )

    def __init__(self, settings: RateLimitSettings, exempt: Rule) -> None:
        usual = settings.responses_per_second
        rates = (
            usual,
            settings.nxdomains_per_second,
            settings.nodata_per_second,
            settings.referrals_per_second,
            settings.errors_per_second,
        )
        self.dry_run = settings.dry_run
        # Who is told less than this in a second, whatever it is, is told nothing too often.
        self.least_per_second = min(usual if rate is None else rate for rate in rates)
        self._intervals_s = tuple(1.0 / (usual if rate is None else rate) for rate in rates)
        self._window_s = settings.window
        self._slip = settings.slip
        self._shifts = {4: 32 - settings.ipv4_prefix, 16: 128 - settings.ipv6_prefix}
        self._exempt = exempt
        self._size = settings.table_size
        self._tags = array("Q", [0]) * self._size
        self._paid_at = array("d", [0.0]) * self._size
        self._limited = array("L", [0]) * self._size

    def network(self, peer: bytes) -> tuple[int, int] | None:
        """What stands for the network of a packed address; None if it is exempt."""
        if self._exempt.allows(peer, None):
            return None
        octets = len(peer)
        return octets, int.from_bytes(peer, "big") >> self._shifts[octets]

    def may_send(self, network: tuple[int, int], kind: Kind, name: bytes, now: float) -> bool:
        """Whether one more reply is within the rate, and if so, count it."""
        return self._charge(self._place(network, kind, name, now), kind, now)

    def judge(
        self, network: tuple[int, int], kind: Kind, name: bytes, now: float
    ) -> tuple[Fate, bool]:
        """What becomes of a reply, and whether it is the first one too many of its account."""
        place = self._place(network, kind, name, now)
        if self._charge(place, kind, now):
            return Fate.SEND, False
        count = self._limited[place] = min(self._limited[place] + 1, _MAX_COUNT)
        slips = self._slip and count % self._slip == 0
        return Fate.TRUNCATE if slips else Fate.DROP, count == 1

    def _charge(self, place: int, kind: Kind, now: float) -> bool:
        paid_at = max(self._paid_at[place], now) + self._intervals_s[kind]
        if paid_at - now > self._window_s + _ROUNDING_S:
            return False
        self._paid_at[place] = paid_at
        return True

    def _place(self, network: tuple[int, int], kind: Kind, name: bytes, now: float) -> int:
        """Where the account is, or is from now on."""
        tag = hash((network, kind, name)) & _MASK
        tags, paid_at = self._tags, self._paid_at
        one = tag % self._size
        other = (tag >> 32) % self._size
        if tags[one] == tag:
            place = one
        elif tags[other] == tag:
            place = other
        else:
            place = one if paid_at[one] <= paid_at[other] else other
            tags[place] = tag
            paid_at[place] = 0.0
            self._limited[place] = 0
        if paid_at[place] <= now:
            self._limited[place] = 0
        return place
