"""Popular answers are renewed shortly before they expire (R12)."""

import pytest
from trees import EXAMPLE, OTHER, small_tree, two_zones

from resolver.testing import World


@pytest.mark.parametrize("ttl", [20, 60, 300])
def test_a_name_asked_every_second_is_never_waited_for(ttl: int):
    net = small_tree(f"www {ttl} A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    net.delay(EXAMPLE, 0.15)
    for _ in range(3 * ttl):
        world.clock.advance(1)
        answer, _ = world.ask("www.example.com. A")
        assert answer.addresses == ["192.0.2.7"]
        assert answer.took_s == 0
        assert 1 <= answer.ttl <= ttl
    assert net.count(EXAMPLE) <= 6


def test_the_client_gets_what_is_there_and_the_next_one_the_new():
    net = small_tree("www 100 A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(95)
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, watch.asked()) == (5, 1)
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, watch.asked()) == (100, 0)


def test_what_nobody_asks_for_is_not_renewed():
    net = small_tree("www 100 A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(50)
    world.ask("www.example.com. A")
    world.clock.advance(100)
    assert net.count(EXAMPLE) == 1


def test_short_lives_are_not_worth_it():
    net = small_tree("www 5 A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(4)
    assert world.ask("www.example.com. A")[1].asked() == 0


def test_many_clients_cause_one_renewal():
    net = small_tree("www 100 A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(95)
    net.log.clear()
    world.ask_all(["www.example.com. A"] * 100)
    assert net.count() == 1


def test_of_a_chain_what_expires_soon_is_renewed():
    net = two_zones("to 100 CNAME www.other.net.", "www 1000 A 192.0.2.8")
    world = World(net, priming=False)
    world.ask("to.example.com. A")
    world.clock.advance(95)
    net.log.clear()
    world.ask("to.example.com. A")
    assert (net.count(EXAMPLE), net.count(OTHER)) == (1, 0)
    assert world.ask("to.example.com. A")[0].ttl == 100


def test_an_authority_that_fails_is_not_pestered():
    net = small_tree("www 1000 A 192.0.2.7")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    net.servfail(EXAMPLE)
    net.log.clear()
    world.clock.advance(901)
    for _ in range(90):
        assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
        world.clock.advance(1)
    assert net.count() <= 6


def test_it_can_be_switched_off():
    net = small_tree("www 100 A 192.0.2.7")
    world = World(net, priming=False, prefetch=False)
    world.ask("www.example.com. A")
    world.clock.advance(95)
    assert world.ask("www.example.com. A")[1].asked() == 0
