"""What is remembered of servers: round-trip times, back-off, lameness, and for how long."""

from resolver import names
from resolver.cache.servers import (
    LAME_MEMORY_S,
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
    for _ in range(8):
        waits.append(server.timeout_s())
        server.timed_out(0)
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == MAX_TIMEOUT_S
    server.heard(0.02, 1)
    assert server.timeout_s() < 1


def test_a_server_that_has_answered_before_is_waited_for_less_than_one_that_never_did() -> None:
    known, unknown = Servers().at(ONE, 0), Servers().at(ONE, 0)
    known.heard(0.01, 0)
    for _ in range(8):
        known.timed_out(0)
        unknown.timed_out(0)
    assert known.timeout_s() < unknown.timeout_s() / 2


def test_a_server_not_touched_for_a_while_is_new_again() -> None:
    servers = Servers()
    servers.at(ONE, 0).edns = False
    assert not servers.at(ONE, SERVER_MEMORY_S).edns
    servers = Servers()
    servers.at(ONE, 0).edns = False
    assert servers.at(ONE, SERVER_MEMORY_S + 1).edns


def test_lameness_is_per_zone_and_ends() -> None:
    servers = Servers()
    servers.mark_lame(ZONE, ONE, 0)
    assert servers.is_lame(ZONE, ONE, LAME_MEMORY_S - 1)
    assert not servers.is_lame(names.ROOT, ONE, 0)
    assert not servers.is_lame(ZONE, ONE, LAME_MEMORY_S)
    servers.mark_lame(ZONE, ONE, 0)
    servers.clear()
    assert not servers.is_lame(ZONE, ONE, 0)
