"""Which server is asked: bands of speed, exploration, dead servers and their return (R05)."""

import pytest
from trees import COM, EXAMPLE, OTHER, ROOT, SECOND, small_tree

from resolver.codes import Rcode
from resolver.testing import Internet, World, zone

HOSTS = "* A 192.0.2.1"
NOWHERE = "192.0.2.99"


def ask_many(world: World, count: int, *, every_s: float = 0.0, start: int = 0) -> None:
    for i in range(start, start + count):
        answer, watch = world.ask(f"x{i}.example.com. A")
        assert answer.addresses == ["192.0.2.1"], watch.lines()
        world.clock.advance(every_s)


def test_of_a_fast_and_a_slow_server_the_fast_one_is_asked():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.rtt_s = 0.005
    net.delay(SECOND, 0.195)
    ask_many(World(net, priming=False), 300)
    assert 1 <= net.count(SECOND) <= 30
    assert net.count(EXAMPLE) >= 270


def test_the_slow_one_is_explored_and_wins_when_it_has_become_the_faster():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    rule = net.delay(SECOND, 0.1)
    world = World(net, priming=False)
    ask_many(world, 100)
    rule.lift()
    net.delay(EXAMPLE, 0.1)
    ask_many(world, 300, start=100)
    net.log.clear()
    ask_many(world, 100, start=400)
    assert net.count(SECOND) >= 80


def test_servers_about_as_fast_as_each_other_share_the_questions():
    net = small_tree(HOSTS, EXAMPLE, SECOND, OTHER)
    net.delay(SECOND, 0.004)
    net.delay(OTHER, 0.002)
    ask_many(World(net, priming=False), 300)
    assert all(net.count(server) >= 60 for server in (EXAMPLE, SECOND, OTHER))


@pytest.mark.parametrize("every_s", [0.0, 0.1, 1.0])
def test_a_dead_server_gets_few_packets(every_s: float):
    net = small_tree(HOSTS, EXAMPLE, SECOND, OTHER)
    net.dead(SECOND)
    world = World(net, priming=False)
    ask_many(world, 100, every_s=every_s)
    net.log.clear()
    ask_many(world, 300, every_s=every_s, start=100)
    assert net.count(SECOND) <= 0.05 * net.count()


def test_clients_do_not_wait_for_a_dead_server_once_it_is_known():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.dead(SECOND)
    world = World(net, priming=False)
    ask_many(world, 30)
    for i in range(200):
        assert world.ask(f"y{i}.example.com. A")[0].took_s < 0.1
        world.clock.advance(1)


def test_a_server_that_is_back_is_found_within_a_minute():
    net = small_tree(HOSTS, EXAMPLE, SECOND, OTHER)
    rule = net.dead(SECOND)
    world = World(net, priming=False)
    ask_many(world, 200, every_s=1.0)
    rule.lift()
    ask_many(world, 60, every_s=1.0, start=200)
    net.log.clear()
    ask_many(world, 60, start=260)
    assert net.count(SECOND) >= 10


def test_when_the_fast_one_dies_answers_keep_flowing_and_it_is_probed():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.delay(SECOND, 0.19)
    world = World(net, priming=False)
    ask_many(world, 50)
    rule = net.dead(EXAMPLE)
    ask_many(world, 60, every_s=1.0, start=50)
    assert rule.hits <= 15
    rule.lift()
    ask_many(world, 60, every_s=1.0, start=110)
    net.log.clear()
    ask_many(world, 50, start=170)
    assert net.count(EXAMPLE) >= 40


def test_one_short_silence_is_not_a_hundred():
    """A server that misses many questions at the same moment is not taken for dead."""
    net = small_tree(HOSTS)
    world = World(net, priming=False)
    ask_many(world, 20)
    net.dead(EXAMPLE, first=100)
    answers = world.ask_all([f"y{i}.example.com. A" for i in range(100)])
    assert all(answer.addresses == ["192.0.2.1"] for answer, _ in answers)


def test_a_dead_zone_costs_no_packets_while_its_servers_rest():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.dead(EXAMPLE)
    net.dead(SECOND)
    world = World(net, priming=False)
    for name in "ab":
        assert world.ask(f"{name}.example.com. A")[0].status == "SERVFAIL"
    assert net.count() <= 12
    for name in "cdefgh":
        answer, watch = world.ask(f"{name}.example.com. A")
        assert (answer.status, watch.asked()) == ("SERVFAIL", 0)
        assert answer.took_s == 0
        assert "not asked again yet" in answer.errors[0][1]


def test_a_zone_that_was_dead_is_found_alive_again():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    rules = [net.dead(EXAMPLE), net.dead(SECOND)]
    world = World(net, priming=False)
    for i in range(20):
        world.ask(f"a{i}.example.com. A")
        world.clock.advance(10)
    for rule in rules:
        rule.lift()
    world.clock.advance(31)
    assert world.ask("b.example.com. A")[0].addresses == ["192.0.2.1"]


def test_of_many_questions_one_probes_a_dead_server():
    net = small_tree(HOSTS)
    net.dead(EXAMPLE)
    world = World(net, priming=False)
    world.ask("a.example.com. A")
    world.clock.advance(31)
    net.log.clear()
    answers = world.ask_all([f"b{i}.example.com. A" for i in range(50)])
    assert {answer.status for answer, _ in answers} == {"SERVFAIL"}
    assert net.count(EXAMPLE) == 1


@pytest.mark.parametrize("seed", range(5))
def test_thirteen_servers_of_which_the_last_answers(seed: int):
    servers = [f"203.0.113.{i}" for i in range(1, 14)]
    net = small_tree(HOSTS, *servers)
    for server in servers[:-1]:
        net.dead(server)
    answer, watch = World(net, priming=False, seed=seed).ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.1"]
    assert answer.took_s <= 3, watch.lines()


@pytest.mark.parametrize("how", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "NOTAUTH"])
def test_thirteen_servers_of_which_the_last_does_not_fail(how: str):
    servers = [f"203.0.113.{i}" for i in range(1, 14)]
    for seed in range(5):
        net = small_tree(HOSTS, *servers)
        for server in servers[:-1]:
            net.error(server, how)
        answer, _ = World(net, priming=False, seed=seed).ask("www.example.com. A")
        assert answer.addresses == ["192.0.2.1"]
        assert answer.took_s <= 3


@pytest.mark.parametrize("how", ["SERVFAIL", "FORMERR", "NOTIMP"])
def test_a_server_that_fails_at_a_zone_comes_after_the_others_for_a_while(how: str):
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.error(SECOND, how)
    world = World(net, priming=False)
    ask_many(world, 50)
    assert net.count(SECOND) <= 4
    world.clock.advance(61)
    net.log.clear()
    ask_many(world, 50, start=50)
    assert 1 <= net.count(SECOND) <= 4


def test_a_server_that_answers_for_the_zone_again_is_forgiven():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    trouble = net.servfail(SECOND, first=1)
    world = World(net, priming=False)
    tries = 0
    while not trouble.hits:
        world.ask(f"try{tries}.example.com. A")
        tries += 1
    dead = net.dead(EXAMPLE)
    ask_many(world, 5)
    dead.lift()
    world.clock.advance(5)
    net.log.clear()
    ask_many(world, 40, start=5)
    assert net.count(SECOND) >= 8


def test_one_probe_is_enough_for_many_questions():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.dead(SECOND)
    world = World(net, priming=False)
    ask_many(world, 20)
    world.clock.advance(31)
    net.log.clear()
    watches = [w for _, w in world.ask_all([f"y{i}.example.com. A" for i in range(50)])]
    assert sum("probing" in line for watch in watches for line in watch.lines()) == 1
    assert net.count(SECOND) == 1


def test_a_server_that_fails_at_one_zone_is_not_avoided_for_another():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    net.host("org.", "198.51.100.9")
    net.host("example.org.", SECOND, zone("example.org.", HOSTS))
    net.servfail(SECOND, name="example.com.")
    world = World(net, priming=False)
    ask_many(world, 10)
    answer, watch = world.ask("www.example.org. A")
    assert answer.addresses == ["192.0.2.1"]
    assert watch.asked() == 3


def test_when_all_failed_at_it_the_least_recent_trouble_is_no_bar():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    rules = [net.servfail(EXAMPLE), net.servfail(SECOND)]
    world = World(net, priming=False)
    assert world.ask("a.example.com. A")[0].status == "SERVFAIL"
    for rule in rules:
        rule.lift()
    assert world.ask("b.example.com. A")[0].addresses == ["192.0.2.1"]


def test_a_zone_whose_servers_were_all_lame_is_not_dark_for_ten_minutes():
    net = small_tree(HOSTS, EXAMPLE, SECOND)
    rules = [net.lame(EXAMPLE), net.lame(SECOND)]
    world = World(net, priming=False)
    assert world.ask("a.example.com. A")[0].status == "SERVFAIL"
    answer, watch = world.ask("b.example.com. A")
    assert (answer.status, watch.asked()) == ("SERVFAIL", 0)
    assert "lame" in answer.errors[0][1]
    for rule in rules:
        rule.lift()
    world.clock.advance(31)
    assert world.ask("c.example.com. A")[0].addresses == ["192.0.2.1"]


def test_edns_trouble_is_remembered_and_forgiven():
    net = small_tree(HOSTS)
    rule = net.no_edns(EXAMPLE)
    world = World(net, priming=False)
    ask_many(world, 10)
    assert rule.hits == 11
    assert [seen.edns_size for seen in net.log if seen.server == EXAMPLE] == [1232] + 10 * [None]
    rule.lift()
    world.clock.advance(901)
    net.log.clear()
    ask_many(world, 1, start=10)
    assert [seen.edns_size for seen in net.log if seen.server == EXAMPLE] == [1232]


def test_edns_trouble_is_forgiven_even_if_the_server_is_asked_all_the_time():
    net = small_tree(HOSTS)
    rule = net.no_edns(EXAMPLE)
    world = World(net, priming=False)
    ask_many(world, 10, every_s=50)
    rule.lift()
    ask_many(world, 10, every_s=50, start=10)
    assert net.log[-1].edns_size == 1232


def test_a_server_that_loses_the_case_is_asked_over_tcp_once():
    net = small_tree(HOSTS)
    net.lose_case(EXAMPLE)
    world = World(net, priming=False)
    ask_many(world, 10)
    assert net.count(EXAMPLE, stream=True) == 1
    world.clock.advance(901)
    ask_many(world, 10, start=10)
    assert net.count(EXAMPLE, stream=True) == 2


def test_the_walk_starts_where_the_servers_are():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "www A 192.0.2.1"))
    assert World(net).ask("www.com. A")[1].servers == [ROOT, ROOT, COM]


def test_an_untried_server_is_asked_before_a_silent_one_many_times():
    """That one address leads nowhere does not speak against the others: one of them has been
    heard."""
    for seed in range(20):
        net = Internet(seed=seed)
        net.root(".", ROOT)
        servers = {"ns1": NOWHERE, "ns2": SECOND, "ns3": EXAMPLE}
        glue = "".join(
            f"example NS {ns}.example\n{ns}.example A {ip}\n" for ns, ip in servers.items()
        )
        net.host("com.", COM, zone("com.", glue))
        net.host("example.com.", EXAMPLE, SECOND, zone("example.com.", "www A 192.0.2.1"))
        net.lose(SECOND, rrtype="AAAA")
        world = World(net, seed=seed, priming=False)
        world.ask("www.example.com. A")
        answer, watch = world.ask("www.example.com. AAAA")
        assert answer.rcode == Rcode.NOERROR, watch.lines()
        assert answer.took_s < 3
