"""Serials on their circle (RFC 1982) and the policies that choose the next one."""

import pytest

from resolver.zone.serial import MAX_STEP, next_serial, serial_add, serial_gt

HALF = 1 << 31
LAST = (1 << 32) - 1
# 2026-03-04 05:06:07 UTC
NOW_S = 1772600767.0


@pytest.mark.parametrize(
    ("newer", "older"),
    [(1, 0), (44, 0), (100, 44), (HALF - 1, 0), (0, LAST), (100, LAST - 100), (HALF, 1)],
)
def test_newer_is_newer_one_way_only(newer: int, older: int) -> None:
    assert serial_gt(newer, older)
    assert not serial_gt(older, newer)


@pytest.mark.parametrize("serial", [0, 1, HALF, LAST])
def test_serial_is_not_newer_than_itself(serial: int) -> None:
    assert not serial_gt(serial, serial)


@pytest.mark.parametrize("serial", [0, 1, 77, HALF, LAST])
def test_half_a_circle_apart_neither_is_newer(serial: int) -> None:
    other = (serial + HALF) % (1 << 32)
    assert not serial_gt(serial, other)
    assert not serial_gt(other, serial)


def test_largest_step_is_newer_and_wraps() -> None:
    assert serial_add(LAST, 1) == 0
    assert serial_gt(serial_add(7, MAX_STEP), 7)
    with pytest.raises(ValueError, match="steps at once"):
        serial_add(7, MAX_STEP + 1)


@pytest.mark.parametrize(
    ("policy", "serial", "following"),
    [
        ("increment", 7, 8),
        ("increment", LAST, 1),  # not 0
        ("date", 2026030301, 2026030400),
        ("date", 2026030400, 2026030401),
        ("date", 2026030499, 2026030500),  # the hundredth change of a day
        ("date", 2027010100, 2027010101),  # ahead of its time: never back
        ("date", 1, 2026030400),
        ("unixtime", 1772600766, 1772600767),
        ("unixtime", 1772600767, 1772600768),
        ("unixtime", 2026030400, 2026030401),
    ],
)
def test_policy_chooses_a_newer_serial(policy: str, serial: int, following: int) -> None:
    chosen = next_serial(serial, policy, NOW_S)  # type: ignore[arg-type]
    assert chosen == following
    assert serial_gt(chosen, serial)


def test_date_that_is_too_far_ahead_to_be_newer_is_not_used() -> None:
    # 2026030400 is more than half a circle ahead of this one, so it would look older.
    serial = (2026030400 - HALF - 5) % (1 << 32)
    assert next_serial(serial, "date", NOW_S) == serial + 1
