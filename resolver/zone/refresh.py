"""When a secondary asks its primaries again, and when its copy of the zone is too old to be served.

The timers of the SOA as one machine on a clock that is given: `refresh` after a success, `retry`
after a failure, `expire` after the last success. Waits are shortened at random by up to a quarter,
so that the secondaries of a thousand zones do not all ask at once, and clamped, because SOAs in the
wild hold 0 and 2^32-1. A NOTIFY brings the next check forward, one check for any number of them.

Knows: RFC 1034 section 4.3.5, RFC 1035 section 3.3.13, RFC 1996 section 3.11, RFC 7314 section 4.
Does not know: who is asked and how (zone/primaries.py), sockets, the zone's other records.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from resolver.rng import Rng
from resolver.zone.serial import serial_gt

# Share of a wait by which it may be shorter.
JITTER: Final = 0.25
# Without a copy of the zone there is no SOA to tell how long to wait.
FIRST_RETRY_S: Final = 2.0
MAX_FIRST_RETRY_S: Final = 300.0
# However many NOTIFYs come, two checks begin so far apart.
NOTIFIED_GAP_S: Final = 0.5
MAX_EXPIRE_S: Final = 14_515_200.0  # 24 weeks

_TIMERS: Final = Struct("!4I")  # serial, refresh, retry, expire; MINIMUM follows


@dataclass(frozen=True, slots=True)
class Clamps:
    """What a zone's own timers may be, in seconds."""

    min_refresh: float = 300.0
    max_refresh: float = 2_419_200.0
    min_retry: float = 500.0
    max_retry: float = 1_209_600.0


@dataclass(frozen=True, slots=True)
class Timers:
    """The timers of one SOA after clamping, in seconds, and its serial.

    `expire` is at least refresh and retry together, or the zone would expire between two checks.
    """

    serial: int
    refresh: float
    retry: float
    expire: float


def read_timers(soa: bytes, clamps: Clamps) -> Timers:
    """The timers in an SOA's rdata."""
    serial, refresh, retry, expire = _TIMERS.unpack_from(soa, len(soa) - 20)
    refresh_s = min(max(float(refresh), clamps.min_refresh), clamps.max_refresh)
    retry_s = min(max(float(retry), clamps.min_retry), clamps.max_retry)
    expire_s = max(min(float(expire), MAX_EXPIRE_S), refresh_s + retry_s)
    return Timers(serial, refresh_s, retry_s, expire_s)


class Refresh:
    """The timers of one secondary zone. Instants and `now` are monotonic seconds.

    `check_at` is when the primaries are to be asked next, `expires_at` when the copy becomes too
    old, None without a copy. `checking` is true between `begin` and `confirmed`, `failed` or
    `unheld`.
    """

    __slots__ = (
        "_began_at",
        "_failures",
        "_hinted",
        "_rng",
        "check_at",
        "checking",
        "clamps",
        "confirmed_at",
        "expires_at",
        "timers",
    )

    def __init__(self, rng: Rng, clamps: Clamps, *, now: float) -> None:
        """Without a copy of the zone; the first check is due at once."""
        self._rng = rng
        self.clamps = clamps
        self._failures = 0
        self._began_at = now - NOTIFIED_GAP_S
        self._hinted = False
        self.checking = False
        self.check_at = now
        self.confirmed_at: float | None = None
        self.expires_at: float | None = None
        self.timers: Timers | None = None

    @property
    def serial(self) -> int | None:
        """The serial of our copy, None without one."""
        return None if self.timers is None else self.timers.serial

    def is_expired(self, now: float) -> bool:
        """Whether there is a copy that is too old to be served."""
        return self.expires_at is not None and now >= self.expires_at

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask the primaries."""
        return not self.checking and now >= self.check_at

    def restored(self, now: float, soa: bytes, *, age_s: float, expires_in_s: float) -> None:
        """A copy was found on disk that a primary confirmed `age_s` ago. It keeps the life it had
        left, and the primaries are asked at once."""
        self.timers = read_timers(soa, self.clamps)
        self.confirmed_at = now - max(age_s, 0.0)
        self.expires_at = now + min(expires_in_s, self.timers.expire)
        self.check_at = now

    def begin(self, now: float) -> None:
        """A check begins."""
        self.checking = True
        self._hinted = False
        self._began_at = now

    def confirmed(self, now: float, soa: bytes, expire_option_s: float | None = None) -> None:
        """A primary has the version that we hold: ours before, or one just transferred.

        The EXPIRE option of a primary that is a secondary itself says how long its own copy lives
        on: a new version lives no longer than that; a version that we hold already gets the longer
        of both lives (RFC 7314 section 4).
        """
        timers = read_timers(soa, self.clamps)
        life_s = timers.expire if expire_option_s is None else min(expire_option_s, timers.expire)
        expires_at = now + life_s
        if self.timers is not None and self.timers.serial == timers.serial:
            expires_at = max(expires_at, self.expires_at or expires_at)
        self.timers = timers
        self.expires_at = expires_at
        self.confirmed_at = now
        self._failures = 0
        self._end(now, self._shortened(timers.refresh))

    def failed(self, now: float) -> None:
        """No primary had anything of use."""
        self._failures += 1
        if self.timers is not None:
            wait_s = self.timers.retry
        else:
            # Never more than a few doublings, so the shift cannot grow without bound.
            doublings = min(self._failures - 1, 16)
            wait_s = min(FIRST_RETRY_S * (1 << doublings), MAX_FIRST_RETRY_S)
        self._end(now, self._shortened(wait_s))

    def notified(self, serial: int | None) -> bool:
        """A primary says that there is something new, perhaps with its serial as a hint (RFC 1996
        section 3.7). Whether a check will follow: not when the hint is a version we have."""
        if serial is not None and self.serial is not None and not serial_gt(serial, self.serial):
            return False
        if self.checking:
            self._hinted = True  # what is under way may have looked too early
        else:
            self._hasten()
        return True

    def hurry(self, now: float) -> None:
        """An operator wants a check now."""
        if self.checking:
            self._hinted = True
        else:
            self.check_at = now

    def _hasten(self) -> None:
        self.check_at = min(self.check_at, self._began_at + NOTIFIED_GAP_S)

    def _end(self, now: float, wait_s: float) -> None:
        self.checking = False
        self.check_at = now + wait_s
        if self._hinted:
            self._hinted = False
            self._hasten()

    def _shortened(self, wait_s: float) -> float:
        return wait_s * (1.0 - JITTER * self._rng.random())
