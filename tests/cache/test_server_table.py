"""What is remembered of servers: round-trip times, back-off, lameness, and for how long."""

import pytest

from resolver import names
from resolver.cache.servers import (
    BROKEN_MEMORY_S,
    DEAD_AFTER_KNOWN,
    DEAD_AFTER_UNKNOWN,
    FAMILY_DOUBT_AFTER,
    FIRST_REST_S,
    LAME_MEMORY_S,
    MAX_REST_S,
    MAX_TIMEOUT_S,
    SERVER_MEMORY_S,
    UNKNOWN_RTT_S,
    Servers,
)
from resolver.model import Address

ONE = Address("192.0.2.1")
ZONE = names.read("example.")


def test_a_server_never_asked_gets_the_default_time() -> None:
    assert Servers().at(ONE, 0).timeout_s() == UNKNOWN_RTT_S


def test_the_round_trip_time_is_smoothed() -> None:
    server = Servers().at(ONE, 0)
    server.heard(0.1, 0)
    server.heard(0.2, 0)
    assert server.srtt_s is not None
    assert 0.1 < server.srtt_s < 0.2


def test_each_timeout_doubles_the_wait_up_to_the_bound_and_a_reply_resets_it() -> None:
    server = Servers().at(ONE, 0)
    waits = []
    for i in range(8):
        waits.append(server.timeout_s())
        server.timed_out(i, i)
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == MAX_TIMEOUT_S
    server.heard(0.02, 1)
    assert server.timeout_s() < 1


def test_a_server_that_has_answered_before_is_waited_for_less_than_one_that_never_did() -> None:
    known, unknown = Servers().at(ONE, 0), Servers().at(ONE, 0)
    known.heard(0.01, 0)
    for i in range(8):
        known.timed_out(i, i)
        unknown.timed_out(i, i)
    assert known.timeout_s() < unknown.timeout_s() / 2


def test_a_server_not_touched_for_a_while_is_new_again() -> None:
    servers = Servers()
    servers.at(ONE, 0).heard(0.1, 0)
    assert servers.at(ONE, SERVER_MEMORY_S).srtt_s is not None
    assert servers.at(ONE, SERVER_MEMORY_S + 1).srtt_s is None


def test_trouble_is_of_a_zone_and_ends() -> None:
    for lame, memory_s in ((True, LAME_MEMORY_S), (False, BROKEN_MEMORY_S)):
        servers = Servers()
        servers.hold_against(ZONE, ONE, "REFUSED", 0, lame=lame)
        held = servers.trouble(ZONE, ONE, memory_s)
        assert held is not None
        assert (held.reason, held.lame) == ("REFUSED", lame)
        assert servers.trouble(names.ROOT, ONE, 0) is None
        assert servers.trouble(ZONE, ONE, memory_s + 1) is None
        servers.forgive(ZONE, ONE)
        assert servers.trouble(ZONE, ONE, 0) is None


def test_a_lame_server_does_not_become_less_so_by_another_failure() -> None:
    servers = Servers()
    servers.hold_against(ZONE, ONE, "REFUSED", 0, lame=True)
    servers.hold_against(ZONE, ONE, "SERVFAIL", 1, lame=False)
    held = servers.trouble(ZONE, ONE, 2)
    assert held is not None
    assert held.lame


def test_clear_forgets_everything() -> None:
    servers = Servers()
    servers.hold_against(ZONE, ONE, "REFUSED", 0, lame=True)
    servers.take_literally(ZONE, 0)
    servers.heard(servers.at(ONE, 0), 0.1, 0)
    servers.clear()
    assert servers.trouble(ZONE, ONE, 0) is None
    assert not servers.is_literal(ZONE, 0)
    assert len(servers) == 0
    assert servers.unknown_rtt_s() == UNKNOWN_RTT_S


def test_asks_that_were_under_way_together_count_as_one_time_out() -> None:
    server = Servers().at(ONE, 0)
    for _ in range(100):
        server.timed_out(1.0, sent_at=0.5)
    assert server.timeouts == 1
    server.timed_out(2.0, sent_at=1.2)
    assert server.timeouts == 2


def test_a_dead_server_rests_longer_each_time_and_never_long() -> None:
    server = Servers().at(ONE, 0)
    now = 0.0
    rests = []
    for _ in range(DEAD_AFTER_UNKNOWN + 6):
        now += 1
        server.timed_out(now, now)
        if server.is_dead:
            rests.append(server.rest_until - now)
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert max(rests) == MAX_REST_S
    server.heard(0.02, now)
    assert not server.is_dead


def test_a_server_that_has_answered_is_dead_later_than_one_that_never_did() -> None:
    server = Servers().at(ONE, 0)
    server.heard(0.02, 0)
    for i in range(1, DEAD_AFTER_KNOWN):
        server.timed_out(i, i)
    assert not server.is_dead
    server.timed_out(20, 20)
    assert server.is_dead


def silence(servers: Servers, ips: list[str]) -> None:
    for ip in ips:
        servers.at(Address(ip), 1).timed_out(1, 1)


def test_a_family_is_in_doubt_when_nobody_answers_and_the_other_does() -> None:
    servers = Servers()
    silence(servers, [f"2001:db8::{i}" for i in range(FAMILY_DOUBT_AFTER)])
    assert not servers.is_in_doubt(servers.families[6]), "perhaps there is no network at all"
    servers.at(ONE, 1).heard(0.02, 1)
    assert servers.is_in_doubt(servers.families[6])
    assert not servers.is_in_doubt(servers.families[4])
    servers.at(Address("2001:db8::9"), 1).heard(0.02, 1)
    assert not servers.is_in_doubt(servers.families[6])


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.cache.servers.MAX_SERVERS", 100)
    servers = Servers()
    for i in range(1000):
        servers.at(Address(f"192.0.{i // 250}.{i % 250}"), 0)
    assert len(servers) <= 100
    assert servers.at(Address("192.0.3.249"), 0) is servers.at(Address("192.0.3.249"), 0)
