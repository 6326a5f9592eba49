"""What is true when: names, their data, and how both change with time.

The hierarchy and the clients are two processes that never talk. Both work out from the same clock
(CLOCK_MONOTONIC is one for the whole machine) what a name's data is at this moment, so a reply can
be judged by when its query was sent and when it came.

    steady   never changes, long TTL                short   TTL 2 s; lame and dead servers, loss
    moving   new data every 20 s, slow server       mortal  all its servers die for 30 s at a time
    nomad    its only server moves every 30 s       wild    any name exists
    lame     nobody is an authority for it          loop    aliases in a circle

Does not know: messages, sockets.
"""

from collections import deque
from dataclasses import dataclass
from math import inf
from threading import Lock

STEADY, SHORT, MOVING, MORTAL, NOMADS, WILD, LAME = 4, 6, 6, 3, 3, 2, 2
HOSTS = 50
FEW = 5

LONG_TTL_S = 300
SHORT_TTL_S = 2
MOVING_TTL_S = 3
MORTAL_TTL_S = 3
ALIAS_TTL_S = 5
WILD_TTL_S = 60
STALE_TTL_S = 30

MOVING_PERIOD_S = 20.0
# A zone of mortals: alive, dead for a while in each cycle, alive again.
CYCLE_S, DIES_AT_S, BACK_AT_S = 150.0, 6.0, 36.0
# Servers that were dead are asked again within so long, and stale answers end.
RECOVERY_S = 75.0
NOMAD_PERIOD_S = 30.0
NOMAD_TTL_S = 5
NOMAD_OVERLAP_S = 15.0  # the server that is left answers so much longer
NOMAD_SERVERS = 3
# How much later than a TTL allows old data may be seen: a busy machine stops each of us at times.
SLACK_S = 5.0

BIG_RECORDS = 40
BIG_OCTETS = 100


def steady(zone: int, host: int) -> bytes:
    """The address of h{host}.steady{zone}.com., and of all names that never change."""
    return bytes((10, 1, zone, host))


def moving(zone: int, host: int, version: int) -> bytes:
    """The address of h{host}.moving{zone}.com. in one of its versions."""
    return bytes((10, 2, zone * 8 + host, version % 251))


def mortal(zone: int, host: int, deaths: int) -> bytes:
    """The address of h{host}.mortal{zone}.net. after so many deaths of its servers."""
    return bytes((10, 3, zone * 8 + host, deaths % 251))


def moving_version(zone: int, elapsed_s: float) -> int:
    """Which version holds so long after the beginning."""
    return max(0, int((elapsed_s + 3 * zone) // MOVING_PERIOD_S))


def mortal_deaths(zone: int, elapsed_s: float) -> int:
    """How often its servers have died by then."""
    return max(0, int((elapsed_s - zone - DIES_AT_S) // CYCLE_S) + 1)


def mortal_phase(zone: int, elapsed_s: float) -> float:
    """Seconds since the cycle began."""
    return (elapsed_s - zone) % CYCLE_S


def mortal_is_dead(zone: int, elapsed_s: float) -> bool:
    """Whether its servers are silent."""
    return elapsed_s >= zone and DIES_AT_S <= mortal_phase(zone, elapsed_s) < BACK_AT_S


def mortal_has_recovered(zone: int, since: float, until: float) -> bool:
    """Whether its servers had been back for long, all that time."""
    return all(
        not DIES_AT_S <= mortal_phase(zone, moment) <= BACK_AT_S + RECOVERY_S
        for moment in (since, until)
    )


def nomad_home(zone: int, elapsed_s: float) -> int:
    """Which of its servers the delegation names."""
    return max(0, int((elapsed_s + 7 * zone) // NOMAD_PERIOD_S)) % NOMAD_SERVERS


def nomad_answers(zone: int, server: int, elapsed_s: float) -> bool:
    """Whether that server answers: it is named, or was a moment ago."""
    return server in (
        nomad_home(zone, elapsed_s),
        nomad_home(zone, elapsed_s - NOMAD_OVERLAP_S),
    )


@dataclass(slots=True)
class _Held:
    """A value, when it was asked for, and since when it was sure to be there."""

    value: bytes
    since: float
    sure: float


class Changing:
    """Data that the clients themselves change, and which of it a query may see. Used by several
    threads."""

    def __init__(self) -> None:
        self._held: dict[bytes, deque[_Held]] = {}
        self._lock = Lock()

    def begin(self, name: bytes, value: bytes, at: float, *, sure: float = inf) -> None:
        """From `at` on the value may be there; from `sure` on nothing older is."""
        with self._lock:
            self._held.setdefault(name, deque(maxlen=50)).append(_Held(value, at, sure))

    def settle(self, name: bytes, at: float) -> None:
        """The last change was confirmed."""
        with self._lock:
            self._held[name][-1].sure = at

    def allowed(self, name: bytes, sent: float, received: float) -> set[bytes]:
        """The values that a reply may hold."""
        with self._lock:
            held = list(self._held[name])
        found = set()
        for i, this in enumerate(held):
            gone = min((later.sure for later in held[i + 1 :]), default=inf)
            if this.since <= received and gone >= sent:
                found.add(this.value)
        return found
