"""Places of TCP clients: shares, squeeze, order of leaving. No sockets; the clock is turned."""

import resource

import pytest

from resolver.config.schema import ServerSettings
from resolver.net.descriptors import raise_limit, shares
from resolver.net.stream_places import Places, StreamLimits

STRANGER = bytes((192, 0, 2, 1))
OTHER = bytes((192, 0, 2, 2))


class Clock:
    """Stands still until it is turned."""

    def __init__(self):
        self.time = 100.0

    def now(self):
        return self.time

    def wall(self):
        return self.time


class Guest:
    """A connection that only notes what happens to it."""

    def __init__(self, peer=STRANGER):
        self.peer = peer
        self.under_way = 0
        self.since = 0.0
        self.stuck = False
        self.end = ""

    def shut(self):
        self.end = "shut"

    def abort(self):
        self.end = "aborted"


@pytest.fixture
def clock():
    return Clock()


def filled(clock, count, **limits):
    places = Places(StreamLimits(**limits), clock)
    guests = [Guest(bytes((192, 0, 2, n))) for n in range(count)]
    for guest in guests:
        places.enter(guest)
    return places, guests


@pytest.mark.parametrize(
    ("taken", "idle_s"), [(0, 10.0), (50, 10.0), (51, 1.0), (66, 0.2), (81, 0.2), (100, 0.2)]
)
def test_idle_time_becomes_shorter_as_places_fill(clock, taken, idle_s):
    places, _ = filled(clock, taken, connections=100)
    assert places.idle_s == idle_s


def test_configured_idle_time_is_never_made_longer(clock):
    places, _ = filled(clock, 100, connections=100, idle_s=0.1)
    assert places.idle_s == 0.1


def test_idle_leave_in_order_and_those_with_work_stay(clock):
    places, (first, second, third) = filled(clock, 3, idle_s=10.0)
    clock.time += 5
    second.under_way = 1
    places.moved(second)
    places.moved(third)
    clock.time += 5
    assert places.end_overdue() == 1
    assert [g.end for g in (first, second, third)] == ["shut", "", ""]
    clock.time += 5
    places.end_overdue()
    assert [g.end for g in (first, second, third)] == ["shut", "", "shut"]
    second.under_way = 0
    places.moved(second)
    clock.time += 9
    places.end_overdue()
    assert second.end == ""
    clock.time += 1
    places.end_overdue()
    assert second.end == "shut"


def test_guest_that_does_not_take_replies_is_cut_even_with_work_under_way(clock):
    places, (guest,) = filled(clock, 1, stall_s=5.0)
    guest.under_way = 3
    guest.stuck = True
    places.moved(guest)
    clock.time += 3
    # More replies for it do not give it more time.
    places.moved(guest)
    clock.time += 2
    places.end_overdue()
    assert guest.end == "aborted"


def test_guest_that_takes_replies_again_is_forgiven(clock):
    places, (guest,) = filled(clock, 1, stall_s=5.0)
    guest.stuck = True
    places.moved(guest)
    clock.time += 4
    guest.stuck = False
    places.moved(guest)
    clock.time += 4
    places.end_overdue()
    assert guest.end == ""


def test_one_address_gets_no_more_than_its_share(clock):
    places = Places(StreamLimits(connections=10, per_client=3), clock)
    guests = [Guest() for _ in range(3)]
    for guest in guests:
        assert places.offer(STRANGER)
        places.enter(guest)
    assert not places.offer(STRANGER)
    assert places.offer(OTHER)
    places.leave(guests[0])
    places.leave(guests[0])
    assert places.offer(STRANGER)
    assert len(places) == 2


@pytest.mark.parametrize("peer", [bytes((127, 0, 0, 1)), bytes(15) + b"\1"])
def test_loopback_may_have_every_place_but_no_more(clock, peer):
    places = Places(StreamLimits(connections=10, per_client=3), clock)
    for _ in range(10):
        assert places.offer(peer)
        places.enter(Guest(peer))
    assert not places.offer(peer)


def test_limits_follow_the_settings_as_far_as_descriptors_reach():
    limits = StreamLimits.of(ServerSettings(tcp_connections=40, tcp_idle_timeout=7))
    assert (limits.connections, limits.per_client, limits.idle_s) == (40, 10, 7.0)
    limits = StreamLimits.of(ServerSettings(tcp_connections=1_000_000))
    assert limits.connections == shares().client_connections


def test_shares_leave_descriptors_for_everything_else():
    for limit in (64, 256, 1024, 20_000):
        divided = shares(limit)
        used = divided.datagram_sockets + divided.upstream_connections + divided.client_connections
        assert used <= limit - 32
        assert min(divided.datagram_sockets, divided.upstream_connections) >= 2


def test_descriptors_that_asks_do_not_need_are_for_clients():
    assert shares(65_536).client_connections > 60_000
    assert shares(1024).client_connections >= 1024 // 2 - 32


def test_the_limit_is_raised_to_what_the_clients_need(monkeypatch):
    limits = [1024, 50_000]
    monkeypatch.setattr(resource, "getrlimit", lambda which: tuple(limits))
    monkeypatch.setattr(
        resource, "setrlimit", lambda which, wanted: limits.__setitem__(0, wanted[0])
    )
    assert raise_limit(30_000) == limits[0]
    assert shares(limits[0]).client_connections >= 30_000
    assert raise_limit(1000) == limits[0]
    limits[0] = 1024
    assert raise_limit(1_000_000) == 50_000
