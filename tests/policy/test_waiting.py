"""Who waits with whom: networks, crowds, bounds."""

from ipaddress import ip_address

import pytest

from resolver.policy.waiting import CROWD, Waiting


def peer(text: str) -> bytes:
    return ip_address(text).packed


def enter(waiting: Waiting, count: int):
    """Where that many clients of one network wait."""
    return [waiting.enter(peer(f"192.0.2.{1 + number}")) for number in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:ff::1", "2001:db8:0:1::9", True),
        ("2001:db8:0:100::1", "2001:db8:0:1::1", False),
    ],
)
def test_a_network_is_a_24_or_a_56(one, other, together):
    waiting = Waiting(per_network=1)
    assert waiting.enter(peer(one)) is not None
    assert (waiting.enter(peer(other)) is None) == together


def test_who_leaves_makes_room():
    waiting = Waiting(per_network=2)
    first, _ = enter(waiting, 2)
    assert waiting.enter(peer("192.0.2.9")) is None
    waiting.leave(first, 0.1)
    assert waiting.enter(peer("192.0.2.9")) is not None


def test_nothing_is_held_for_networks_where_nobody_waits():
    waiting = Waiting()
    for number in range(1000):
        client = bytes((10, number >> 8, number & 255, 1))
        waiting.leave(waiting.enter(client), 0.0)
    assert len(waiting) == 0
    assert waiting.clients == 0


def test_a_crowd_is_one_until_all_of_it_has_left():
    """The last of a thousand replies is as late as the first."""
    waiting = Waiting(discard_after_s=1.9)
    for place in enter(waiting, CROWD + 1):
        assert not waiting.leave(place, 2.0)
    (place,) = enter(waiting, 1)
    assert waiting.leave(place, 2.0)


def test_who_is_quick_gets_a_reply_in_a_crowd_too():
    waiting = Waiting(discard_after_s=1.9)
    assert all(waiting.leave(place, 1.8) for place in enter(waiting, CROWD + 1))


def test_a_crowd_elsewhere_is_nobody_elses_business():
    waiting = Waiting(discard_after_s=1.9)
    enter(waiting, CROWD + 1)
    client = peer("198.51.100.1")
    assert waiting.leave(waiting.enter(client), 4.0)


def test_zero_discards_nothing():
    waiting = Waiting(discard_after_s=0.0)
    assert all(waiting.leave(place, 100.0) for place in enter(waiting, CROWD + 1))


def test_one_client_has_no_more_places_than_are_free():
    """A neighbour who asks all the time must not take the last place of a network."""
    waiting = Waiting(per_network=100)
    greedy, other = peer("192.0.2.1"), peer("192.0.2.2")
    places = [waiting.enter(greedy) for _ in range(200)]
    assert sum(place is not None for place in places) == 50
    assert waiting.is_full(greedy)
    assert not waiting.is_full(other)
    assert sum(waiting.enter(other) is not None for _ in range(200)) == 25
    assert waiting.is_full(other)
    assert waiting.enter(peer("192.0.2.3")) is not None
    waiting.leave(places[0], 0.1)
    assert waiting.is_full(greedy)  # it has 49, and 25 are free


def test_nobody_is_full_where_nobody_waits():
    waiting = Waiting(per_network=1)
    client = peer("2001:db8::1")
    assert not waiting.is_full(client)
    place = waiting.enter(client)
    assert waiting.is_full(client)
    waiting.leave(place, 0.1)
    assert not waiting.is_full(client)


def test_who_is_turned_away_is_not_held():
    waiting = Waiting(per_network=1)
    first, second, elsewhere = (peer(ip) for ip in ("192.0.2.1", "192.0.2.2", "198.51.100.1"))
    waiting.enter(first)
    assert waiting.enter(second) is None
    assert (len(waiting), waiting.clients) == (1, 1)
    waiting.turn_to(per_network=0, discard_after_s=0.0)
    assert waiting.enter(elsewhere) is None
    assert (len(waiting), waiting.clients) == (1, 1)
