"""The timers of a secondary on a virtual clock."""

import struct

import pytest

from resolver.zone.refresh import (
    FIRST_RETRY_S,
    MAX_EXPIRE_S,
    MAX_FIRST_RETRY_S,
    NOTIFIED_GAP_S,
    Clamps,
    Refresh,
    read_timers,
)

CLAMPS = Clamps()
HOUR_S = 3600.0
START = 1000.0


class Dice:
    """Always the same number."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def random(self) -> float:
        return self.value

    def randrange(self, stop: int, /) -> int:
        return int(self.value * stop)


def soa(serial: int, refresh: int = 7200, retry: int = 900, expire: int = 1209600) -> bytes:
    return b"\0\0" + struct.pack("!5I", serial, refresh, retry, expire, 300)


def machine(dice: float = 0.0) -> Refresh:
    return Refresh(Dice(dice), CLAMPS, now=START)


def held(dice: float = 0.0, **timers: int) -> Refresh:
    """A machine that has transferred serial 7 at START."""
    refresh = machine(dice)
    refresh.begin(START)
    refresh.confirmed(START, soa(7, **timers))
    return refresh


def test_first_check_is_due_at_once() -> None:
    assert machine().is_due(START)
    assert machine().serial is None


def test_success_waits_for_refresh_and_failure_for_retry() -> None:
    refresh = held()
    assert refresh.check_at == START + 7200
    assert not refresh.is_due(START + 7199)
    assert refresh.is_due(START + 7200)
    refresh.begin(START + 7200)
    refresh.failed(START + 7205)
    assert refresh.check_at == START + 7205 + 900


def test_success_sets_the_expiry_anew_and_failure_does_not() -> None:
    refresh = held()
    assert refresh.expires_at == START + 1209600
    refresh.begin(START + 7200)
    refresh.failed(START + 7200)
    assert refresh.expires_at == START + 1209600
    refresh.begin(START + 8100)
    refresh.confirmed(START + 8100, soa(7))
    assert refresh.expires_at == START + 8100 + 1209600


@pytest.mark.parametrize(("dice", "share"), [(0.0, 1.0), (0.5, 0.875), (0.999, 0.75025)])
def test_waits_are_shortened_at_random(dice: float, share: float) -> None:
    refresh = held(dice)
    assert refresh.check_at == pytest.approx(START + 7200 * share)
    refresh.begin(START)
    refresh.failed(START)
    assert refresh.check_at == pytest.approx(START + 900 * share)


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1])
def test_timers_that_make_no_sense_are_clamped(value: int) -> None:
    timers = read_timers(soa(1, value, value, value), CLAMPS)
    assert CLAMPS.min_refresh <= timers.refresh <= CLAMPS.max_refresh
    assert CLAMPS.min_retry <= timers.retry <= CLAMPS.max_retry
    assert timers.refresh + timers.retry <= timers.expire <= MAX_EXPIRE_S


def test_without_a_copy_the_primaries_are_tried_again_soon_then_less_often() -> None:
    refresh = machine()
    now = START
    waits = []
    for _ in range(30):
        refresh.begin(now)
        refresh.failed(now)
        waits.append(refresh.check_at - now)
        now = refresh.check_at
    assert waits[:3] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S]
    assert waits[-1] == MAX_FIRST_RETRY_S
    assert refresh.expires_at is None


def test_copy_expires_when_nobody_confirms_it() -> None:
    refresh = held()
    assert not refresh.is_expired(START + 1209599)
    assert refresh.is_expired(START + 1209600)
    refresh.begin(START + 1300000)
    refresh.confirmed(START + 1300000, soa(7))
    assert not refresh.is_expired(START + 1300000)


def test_no_second_check_while_one_is_under_way() -> None:
    refresh = held()
    refresh.begin(START + 7200)
    assert not refresh.is_due(START + 100000)


def test_notify_brings_the_check_forward() -> None:
    refresh = held()
    assert refresh.notified(8)
    assert refresh.is_due(START + 60)


def test_notify_without_a_serial_is_believed() -> None:
    refresh = held()
    assert refresh.notified(None)
    assert refresh.is_due(START + 60)


@pytest.mark.parametrize("serial", [7, 6, 7 + 2**31])
def test_notify_of_nothing_newer_changes_nothing(serial: int) -> None:
    refresh = held()
    assert not refresh.notified(serial)
    assert refresh.check_at == START + 7200


def test_many_notifies_are_one_check() -> None:
    refresh = held()
    checks = 0
    now = START + 10
    while now < START + 20:
        refresh.notified(None)
        if refresh.is_due(now):
            refresh.begin(now)
            checks += 1
            refresh.confirmed(now, soa(7))
        now += 0.01
    assert checks <= 10 / NOTIFIED_GAP_S + 1


def test_notify_during_a_check_is_followed_by_another_check() -> None:
    refresh = held()
    refresh.begin(START + 7200)
    assert refresh.notified(9)
    refresh.confirmed(START + 7201, soa(8))
    assert refresh.is_due(START + 7201)
    refresh.begin(START + 7201)
    refresh.confirmed(START + 7202, soa(9))
    assert refresh.check_at == START + 7202 + 7200


def test_operator_is_obeyed_at_once() -> None:
    refresh = held()
    refresh.hurry(START + 1)
    assert refresh.is_due(START + 1)


def test_copy_from_disk_keeps_the_life_it_had_left() -> None:
    refresh = machine()
    refresh.restored(START, soa(7), age_s=86400.0, expires_in_s=HOUR_S)
    assert refresh.serial == 7
    assert refresh.confirmed_at == START - 86400
    assert not refresh.is_expired(START + HOUR_S - 1)
    assert refresh.is_expired(START + HOUR_S)
    assert refresh.is_due(START)


def test_copy_from_disk_that_expired_meanwhile() -> None:
    refresh = machine()
    refresh.restored(START, soa(7), age_s=2_000_000.0, expires_in_s=-1.0)
    assert refresh.is_expired(START)


def test_clock_that_was_set_back_gives_no_longer_life_than_the_soa() -> None:
    refresh = machine()
    refresh.restored(START, soa(7), age_s=-5_000_000.0, expires_in_s=6_000_000.0)
    assert refresh.expires_at == START + 1209600
    assert refresh.confirmed_at == START


def test_new_version_lives_no_longer_than_the_copy_it_came_from() -> None:
    """RFC 7314 section 4."""
    refresh = machine()
    refresh.begin(START)
    refresh.confirmed(START, soa(7), expire_option_s=5000.0)
    assert refresh.expires_at == START + 5000


def test_confirmed_version_gets_the_longer_of_both_lives() -> None:
    refresh = held()
    refresh.begin(START + 100)
    refresh.confirmed(START + 100, soa(7), expire_option_s=5000.0)
    assert refresh.expires_at == START + 1209600
    refresh.begin(START + 1209000)
    refresh.confirmed(START + 1209000, soa(7), expire_option_s=5000.0)
    assert refresh.expires_at == START + 1209000 + 5000


def test_expire_option_gives_no_longer_life_than_the_soa() -> None:
    refresh = machine()
    refresh.begin(START)
    refresh.confirmed(START, soa(7), expire_option_s=4e9)
    assert refresh.expires_at == START + 1209600
