"""Servers that are dead, slow, broken or talk nonsense, and networks that lose packets."""

from collections.abc import Callable

import pytest
from trees import COM, EXAMPLE, ROOT, SECOND, small_tree

from resolver.testing import Internet, World, run, zone

FAULTS: dict[str, Callable[[Internet, str], object]] = {
    "dead": Internet.dead,
    "servfail": Internet.servfail,
    "refused": Internet.refuse,
    "garbage": Internet.garbage,
    "wrong question": Internet.wrong_question,
    "wrong id": Internet.wrong_id,
    "unreachable": Internet.unreachable,
    "slow": lambda net, server: net.delay(server, 30),
    "formerr": lambda net, server: net.error(server, "FORMERR"),
    "notauth": lambda net, server: net.error(server, "NOTAUTH"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_other_server_answers(fault: str, seed: int):
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    FAULTS[fault](net, SECOND)
    answer, _ = run("www.example.com. A", net, seed=seed)
    assert answer.addresses == ["192.0.2.7"]


@pytest.mark.parametrize("fault", FAULTS)
def test_when_all_fail_the_end_is_near_and_says_why(fault: str):
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    for server in (EXAMPLE, SECOND):
        FAULTS[fault](net, server)
    world = World(net, priming=False)
    start = world.clock.now()
    answer, watch = world.ask("www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert answer.errors
    assert answer.errors[0][1]
    assert world.clock.now() - start <= 8.0
    assert watch.asked() <= 12


def test_a_lost_packet_is_sent_again():
    net = small_tree()
    for server in (ROOT, COM, EXAMPLE):
        net.lose(server, first=1)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, ROOT, COM, COM, EXAMPLE, EXAMPLE]


def test_a_mended_server_is_used_again():
    net = small_tree()
    rule = net.dead(EXAMPLE)
    world = World(net)
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"
    rule.lift()
    world.clock.advance(60)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_a_dead_server_costs_little_once_it_is_known():
    net = small_tree("* A 192.0.2.1", EXAMPLE, SECOND)
    net.dead(SECOND)
    world = World(net)
    for i in range(100):
        assert world.ask(f"x{i}.example.com. A")[0].addresses == ["192.0.2.1"]
    assert net.count(SECOND) <= 15


def test_forged_answers_with_guessed_ids_are_not_believed():
    net = small_tree()
    net.forge(EXAMPLE, "www.example.com. A 192.0.2.66", guesses=10)
    answer, _ = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]


def test_the_time_limit_is_the_operators():
    net = small_tree()
    net.dead(EXAMPLE)
    world = World(net, priming=False, max_time=2.0)
    start = world.clock.now()
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"
    assert world.clock.now() - start <= 2.0


@pytest.mark.parametrize("seed", range(20))
def test_a_cold_start_survives_loss(seed: int):
    net = Internet(seed=seed)
    net.root(".", "198.51.100.10", "198.51.100.11")
    net.host("com.", "198.51.100.20", "198.51.100.21")
    net.host(
        "example.com.", "198.51.100.30", "198.51.100.31", zone("example.com.", "www A 192.0.2.7")
    )
    net.lose("*", share=0.3)
    answer, watch = run("www.example.com. A", net, seed=seed)
    assert answer.addresses == ["192.0.2.7"], watch.lines()


@pytest.mark.parametrize("seed", range(5))
def test_names_resolve_through_loss_with_a_lame_and_a_dead_server_in_every_zone(seed: int) -> None:
    net = Internet(seed=seed)
    net.root(".", *(f"198.51.100.{i}" for i in (10, 11, 12)))
    net.host("com.", *(f"198.51.100.{i}" for i in (20, 21, 22)))
    hosts = "\n".join(f"h{i} A 192.0.2.{i}" for i in range(200))
    net.host(
        "example.com.", *(f"198.51.100.{i}" for i in (30, 31, 32)), zone("example.com.", hosts)
    )
    for tens in (10, 20, 30):
        net.lame(f"198.51.100.{tens}")
        net.dead(f"198.51.100.{tens + 1}")
    net.lose("*", share=0.3)
    world = World(net)
    for i in range(200):
        answer, watch = world.ask(f"h{i}.example.com. A")
        assert answer.addresses == [f"192.0.2.{i}"], watch.lines()
