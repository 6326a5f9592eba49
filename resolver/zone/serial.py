"""Serial numbers of zones: which of two is newer, and which one comes next.

A serial is 32 bits on a circle. Of two serials that are half a circle apart neither is newer (RFC
1982 section 3.2 leaves it undefined), so a jump of exactly 2^31 is never taken for progress.

Knows: RFC 1982 section 3, RFC 1912 section 2.2 (dates as serials). Does not know: zones, clocks.
"""

from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

SERIALS: Final = 1 << 32
# The most that can be added in one step (RFC 1982 section 3.1).
MAX_STEP: Final = (1 << 31) - 1

Policy: TypeAlias = Literal["increment", "date", "unixtime"]


def serial_gt(a: int, b: int) -> bool:
    """Whether serial `a` is newer than `b` (RFC 1982 section 3.2)."""
    return 0 < (a - b) % SERIALS <= MAX_STEP


def serial_add(serial: int, step: int) -> int:
    """The serial that many steps ahead, 0 to MAX_STEP (RFC 1982 section 3.1)."""
    if not 0 <= step <= MAX_STEP:
        raise ValueError(f"a serial moves 0 to {MAX_STEP} steps at once, not {step}")
    return (serial + step) % SERIALS


def next_serial(serial: int, policy: Policy, now_s: float) -> int:
    """A newer serial. `now_s` is seconds since 1970, UTC.

    `increment` adds one. `date` gives YYYYMMDDnn and `unixtime` the seconds, each only if that is
    newer than what is there: a serial never goes back, so otherwise one is added as well. 0 is
    stepped over, because some software takes it for "no serial".
    """
    wished = serial
    if policy == "date":
        wished = int(datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%d00"))
    elif policy == "unixtime":
        wished = int(now_s)
    wished %= SERIALS
    if wished and serial_gt(wished, serial):
        return wished
    return serial_add(serial, 1) or 1
