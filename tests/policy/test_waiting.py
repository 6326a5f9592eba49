"""Who waits with whom: networks, crowds, bounds."""

from ipaddress import ip_address

import pytest

from resolver.policy.waiting import CROWD, Waiting


def peer(text: str) -> bytes:
    return ip_address(text).packed


def enter(waiting: Waiting, count: int, first: str = "192.0.2.1"):
    """That many clients of one network."""
    return [waiting.enter(peer(first)) for _ in range(count)]


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
        network = waiting.enter(bytes((10, number >> 8, number & 255, 1)))
        waiting.leave(network, 0.0)
    assert len(waiting) == 0


def test_a_crowd_is_one_until_all_of_it_has_left():
    """The last of a thousand replies is as late as the first."""
    waiting = Waiting(discard_after_s=1.9)
    for network in enter(waiting, CROWD + 1):
        assert not waiting.leave(network, 2.0)
    (network,) = enter(waiting, 1)
    assert waiting.leave(network, 2.0)


def test_who_is_quick_gets_a_reply_in_a_crowd_too():
    waiting = Waiting(discard_after_s=1.9)
    assert all(waiting.leave(network, 1.8) for network in enter(waiting, CROWD + 1))


def test_a_crowd_elsewhere_is_nobody_elses_business():
    waiting = Waiting(discard_after_s=1.9)
    enter(waiting, CROWD + 1)
    network = waiting.enter(peer("198.51.100.1"))
    assert waiting.leave(network, 4.0)


def test_zero_discards_nothing():
    waiting = Waiting(discard_after_s=0.0)
    assert all(waiting.leave(network, 100.0) for network in enter(waiting, CROWD + 1))
