"""Server cookies: the examples of RFC 9018 appendix A, what is accepted and for how long, and how
secrets are changed."""

import socket
from itertools import pairwise

import pytest

from resolver.policy import cookies
from resolver.policy.cookies import MAX_AGE_S, MAX_AHEAD_S, RENEW_AFTER_S, ServerCookies

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OLD = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NEW = bytes.fromhex("445536bcd2513298075a5d379663c962")
CLIENT, OTHER = socket.inet_aton("198.51.100.100"), socket.inet_aton("203.0.113.203")
CLIENT6 = socket.inet_pton(socket.AF_INET6, "2001:db8:220:1:59de:d0f4:8769:82b8")
ALONE = bytes.fromhex("2464c4abcf10c957")
MADE = bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
MADE_AT_S = 1559731985


class ClockAt:
    """A clock that shows one instant."""

    def __init__(self, wall_s: float) -> None:
        self.wall_s = wall_s

    def now(self) -> float:
        return self.wall_s

    def wall(self) -> float:
        return self.wall_s


def judge(data: bytes, peer: bytes, wall_s: float, *secrets: bytes) -> tuple[bool, bytes]:
    """Validity, and the cookie given out without the head of its option."""
    verdict = ServerCookies(secrets or (SECRET,), ClockAt(wall_s)).judge(data, peer)
    assert verdict.option[:4] == b"\0\x0a\0\x18"
    return verdict.valid, verdict.option[4:]


def test_a_client_learns_a_cookie() -> None:
    """Appendix A.1."""
    assert judge(ALONE, CLIENT, MADE_AT_S) == (False, MADE)


def test_it_gets_another_one_forty_minutes_later() -> None:
    """Appendix A.2."""
    renewed = bytes.fromhex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77")
    assert judge(MADE, CLIENT, 1559734385) == (True, renewed)


def test_reserved_octets_are_hashed_as_they_come_and_sent_as_zero() -> None:
    """Appendix A.3; the cookie there is too old to be good, so it is judged earlier as well."""
    sent = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    renewed = bytes.fromhex("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e")
    assert judge(sent, OTHER, 1559734700) == (False, renewed)
    valid, renewed = judge(sent, OTHER, 1559727985 + 60)
    assert valid
    assert renewed[8:12] == b"\1\0\0\0"


def test_a_cookie_made_with_the_secret_before_is_good_and_replaced() -> None:
    """Appendix A.4, over IPv6."""
    sent = bytes.fromhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")
    renewed = bytes.fromhex("22681ab97d52c298010000005cf7c609a6bb79d16625507a")
    assert judge(sent, CLIENT6, 1559741961, NEW, OLD) == (True, renewed)
    assert judge(sent, CLIENT6, 1559741961, NEW) == (False, renewed)


@pytest.mark.parametrize(
    ("age_s", "valid", "same"),
    [
        (0, True, True),
        (RENEW_AFTER_S, True, True),
        (RENEW_AFTER_S + 1, True, False),
        (MAX_AGE_S, True, False),
        (MAX_AGE_S + 1, False, False),
        (-1, True, False),
        (-MAX_AHEAD_S, True, False),
        (-MAX_AHEAD_S - 1, False, False),
    ],
)
def test_age(age_s: int, valid: bool, same: bool) -> None:
    found, given = judge(MADE, CLIENT, MADE_AT_S + age_s)
    assert (found, given == MADE) == (valid, same)


@pytest.mark.parametrize("octet", range(24))
def test_whatever_is_changed_in_it_it_is_good_no_more(octet: int) -> None:
    forged = bytearray(MADE)
    forged[octet] ^= 1
    assert not judge(bytes(forged), CLIENT, MADE_AT_S)[0]


@pytest.mark.parametrize("data", [MADE[:16], MADE[:23], MADE + b"\0", MADE + bytes(16)])
def test_cookies_of_another_length_are_none_of_ours(data: bytes) -> None:
    assert judge(data, CLIENT, MADE_AT_S) == (False, MADE)


def test_it_is_good_for_one_address() -> None:
    assert not judge(MADE, OTHER, MADE_AT_S)[0]
    assert not judge(MADE, CLIENT6, MADE_AT_S)[0]


def test_time_stamps_wrap() -> None:
    """RFC 9018 section 4.3: the time stamp is compared by serial number arithmetic."""
    _, made = judge(ALONE, CLIENT, 2.0**32 - 10)
    assert made[12:16] == b"\xff\xff\xff\xf6"
    assert judge(made, CLIENT, 2.0**32 + 10) == (True, made)


def test_secrets_change_without_a_good_cookie_refused() -> None:
    """Section 5: two servers that share an address are one step apart at most. Before the last
    step, which takes the old secret out, an hour goes by."""
    steps = [(OLD,), (OLD, NEW), (NEW, OLD)]
    for one, other in pairwise(steps):
        for maker, taker in ((one, other), (other, one)):
            _, made = judge(ALONE, CLIENT, MADE_AT_S, *maker)
            assert judge(made, CLIENT, MADE_AT_S, *taker)[0]


def test_verdicts_are_remembered_for_a_while_within_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cookies, "MAX_REMEMBERED", 4)
    clock = ClockAt(MADE_AT_S)
    made = ServerCookies((SECRET,), clock)
    first = made.judge(MADE, CLIENT)
    assert first.valid
    assert made.judge(MADE, CLIENT) is first
    for i in range(100):
        made.judge(i.to_bytes(8, "big"), CLIENT)
        assert len(made._remembered) <= 4
    assert made.judge(MADE, CLIENT).valid
    clock.wall_s += MAX_AGE_S + 1
    assert not made.judge(MADE, CLIENT).valid
