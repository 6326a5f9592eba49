"""The table of rate limits: rates, windows, networks, slip, and a size that never changes."""

import ipaddress
from collections import Counter

import pytest

from resolver.config.access import AccessItem, AccessWord
from resolver.config.protection import RateLimitSettings
from resolver.policy.acl import Rule
from resolver.policy.rate_limit import Fate, Kind, RateLimiter

NAME = b"\3www\7example\0\0\1\0\1"


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def limiter(*exempt: AccessItem, **settings: object) -> RateLimiter:
    settings.setdefault("responses_per_second", 5)
    return RateLimiter(RateLimitSettings.model_validate(settings), Rule(exempt, ()))


def fates(
    table: RateLimiter,
    times: int,
    now: float,
    *,
    peer: str = "192.0.2.7",
    kind: Kind = Kind.ANSWER,
    name: bytes = NAME,
) -> Counter[str]:
    network = table.network(packed(peer))
    assert network is not None
    return Counter(table.judge(network, kind, name, now)[0].name for _ in range(times))


def test_what_is_over_the_rate_is_dropped_and_every_second_one_truncated() -> None:
    assert fates(limiter(), 25, 100.0) == {"SEND": 5, "DROP": 10, "TRUNCATE": 10}


@pytest.mark.parametrize(
    ("slip", "dropped", "truncated"), [(0, 20, 0), (1, 0, 20), (2, 10, 10), (5, 16, 4)]
)
def test_slip(slip: int, dropped: int, truncated: int) -> None:
    found = fates(limiter(slip=slip), 25, 100.0)
    assert (found["DROP"], found["TRUNCATE"]) == (dropped, truncated)


def test_a_flood_gets_the_rate_and_no_more_second_after_second() -> None:
    table = limiter()
    sent = [fates(table, 1, 100.0 + i / 1000)["SEND"] for i in range(10_000)]
    assert sum(sent[:1000]) in range(9, 11)  # the window's worth, and a second's
    assert sum(sent[5000:]) in range(24, 27)


def test_a_window_lets_more_through_at_once_but_no_more_in_all() -> None:
    table = limiter(window="10s")
    assert fates(table, 100, 100.0)["SEND"] == 50
    assert fates(table, 100, 102.0)["SEND"] == 10


def test_who_asks_less_than_the_rate_is_never_limited() -> None:
    table = limiter()
    assert all(fates(table, 1, 100.0 + i / 5)["SEND"] for i in range(1000))


def test_accounts_are_by_network_kind_and_name() -> None:
    table = limiter()
    assert fates(table, 6, 100.0)["SEND"] == 5
    assert not fates(table, 1, 100.0, peer="192.0.2.250")["SEND"]
    assert fates(table, 6, 100.0, peer="192.0.3.7")["SEND"] == 5
    assert fates(table, 6, 100.0, kind=Kind.NXDOMAIN)["SEND"] == 5
    assert fates(table, 6, 100.0, name=b"\0\0\1\0\1")["SEND"] == 5


def test_prefixes() -> None:
    table = limiter()
    for one, other, same in (
        ("2001:db8:0:1200::1", "2001:db8:0:12ff::1", True),
        ("2001:db8:0:1200::1", "2001:db8:0:1300::1", False),
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
    ):
        assert (table.network(packed(one)) == table.network(packed(other))) == same
    narrow = limiter(ipv4_prefix=32, ipv6_prefix=128)
    assert narrow.network(packed("192.0.2.1")) != narrow.network(packed("192.0.2.2"))
    assert narrow.network(packed("::1")) != narrow.network(packed("0.0.0.1"))


def test_each_kind_has_its_rate() -> None:
    table = limiter(
        nxdomains_per_second=1, nodata_per_second=2, referrals_per_second=3, errors_per_second=4
    )
    sent = [fates(table, 10, 100.0, kind=kind)["SEND"] for kind in Kind]
    assert sent == [5, 1, 2, 3, 4]
    assert table.least_per_second == 1


def test_exempt_clients() -> None:
    table = limiter(AccessWord.LOCALHOST)
    assert table.network(packed("127.0.0.1")) is None
    assert table.network(packed("::1")) is None
    assert table.network(packed("192.0.2.1")) is not None


def test_the_first_one_too_many_of_a_spell_is_told() -> None:
    table = limiter()
    network = table.network(packed("192.0.2.7"))
    assert network is not None

    def firsts(now: float) -> list[bool]:
        return [table.judge(network, Kind.ANSWER, NAME, now)[1] for _ in range(8)]

    assert firsts(100.0) == [False] * 5 + [True, False, False]
    assert firsts(100.2) == [False] * 8
    assert firsts(110.0) == [False] * 5 + [True, False, False]


def test_what_may_be_sent_is_counted_and_what_may_not_leaves_no_trace() -> None:
    table = limiter(slip=2)
    network = table.network(packed("192.0.2.7"))
    assert network is not None
    assert [table.may_send(network, Kind.ANSWER, NAME, 100.0) for _ in range(9)] == (
        [True] * 5 + [False] * 4
    )
    assert [table.judge(network, Kind.ANSWER, NAME, 100.0)[0] for _ in range(2)] == [
        Fate.DROP,
        Fate.TRUNCATE,
    ]


def test_a_flood_of_networks_takes_no_memory() -> None:
    table = limiter(table_size=1024)
    for i in range(5000):
        fates(table, 1, 100.0, peer=str(ipaddress.ip_address(0x0B000000 + (i << 8))))
    assert [len(a) for a in (table._tags, table._paid_at, table._limited)] == [1024] * 3


def test_a_few_networks_do_not_free_a_limited_one() -> None:
    """As long as the table is not full, the lesser of two debts is given up."""
    table = limiter(table_size=65_536)
    assert fates(table, 100, 100.0)["SEND"] == 5
    for i in range(500):
        fates(table, 1, 100.0, peer=str(ipaddress.ip_address(0x0B000000 + (i << 8))))
    assert fates(table, 100, 100.0)["SEND"] == 0
