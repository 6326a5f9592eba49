"""Zones made to cost much: what more there is to say of attacks than their packets and time, which
test_attack_table.py counts; and what must still work (docs/resilience.md)."""

import ipaddress
import time

import pytest
from trees import COM, EXAMPLE, NET, OTHER, ROOT, small_tree

from resolver.config.schema import RecursionSettings
from resolver.iterate.budget import MAX_ASKS_PER_FETCH, MAX_LOOK_UPS, MAX_OCTETS
from resolver.testing import Internet, Query, Response, World, attacks, zone
from resolver.testing.watch import Result, Watch

MAX_FETCHES_PER_ZONE = RecursionSettings().max_fetches_per_zone


def ask(net: Internet, question: str, **settings) -> tuple[Result, Watch]:
    return World(net, priming=False, **settings).ask(question)


@pytest.mark.parametrize("count", [130, 1500])
def test_nxns_many_name_servers_that_have_no_address(count: int):
    _, watch = ask(attacks.nxns(count), "www.example.com. A")
    assert 5 <= watch.asked(attacks.VICTIM) <= 10, "the victim's share"


def test_nxns_again_and_again_with_new_names():
    """The delegation and the missing addresses are remembered, so more names cost no more."""
    net = attacks.nxns(130)
    world = World(net, priming=False)
    for i in range(50):
        assert world.ask(f"x{i}.example.com. A")[0].status == "SERVFAIL"
    assert net.count(attacks.VICTIM) <= 130 + 10


@pytest.mark.parametrize("names", [1, 100], ids=["one name", "a hundred names"])
def test_tsuname_for_a_hundred_clients_at_once(names: int):
    net = attacks.tsuname()
    world = World(net, priming=False)
    answers = world.ask_all([f"x{i % names}.example.com. A" for i in range(100)])
    assert {answer.status for answer, _ in answers} == {"SERVFAIL"}
    assert net.count() <= 20
    for i in range(100):
        world.ask(f"x{i % names}.example.com. A")
    assert net.count() <= 20


def test_a_clique_of_zones_all_served_from_each_other():
    """There are more ways through it than a machine can go, none of which costs a packet."""
    net = attacks.clique()
    world = World(net, priming=False)
    started = time.process_time()
    answer, watch = world.ask("www.q0.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 20
    assert world.recursion.recall.failures.lookup(b"\3www\2q0\3com\0", 1, world.clock.now())
    looked_up = sum(1 for line in watch.lines() if " look up " in line)
    assert 13 < looked_up <= MAX_LOOK_UPS
    assert time.process_time() - started < 5


def test_thirteen_name_servers_on_one_dead_address():
    net = attacks.one_dead_address()
    world = World(net, priming=False)
    answer, watch = world.ask("www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 8
    assert answer.took_s <= 8
    for name in ("www", "other"):
        answer, watch = world.ask(f"{name}.example.com. A")
        assert (answer.status, watch.asked(), answer.took_s) == ("SERVFAIL", 0, 0)


@pytest.mark.parametrize("how", ["SERVFAIL", "REFUSED", "NOTIMP", "NOTAUTH"])
@pytest.mark.parametrize("name", ["www", "a.b.c.d.e"])
def test_thirteen_servers_that_all_fail(how: str, name: str):
    answer, watch = ask(attacks.failing(how), f"{name}.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 15


@pytest.mark.parametrize("text", ["www A 192.0.2.7", "* A 192.0.2.7"], ids=["absent", "wildcard"])
@pytest.mark.parametrize("mode", ["strict", "relaxed", "off"])
def test_a_name_of_112_labels(text: str, mode: str):
    net = small_tree(text)
    _, watch = ask(net, "a." * 112 + "example.com. A", qname_minimisation=mode)
    assert watch.asked() <= 12


@pytest.mark.parametrize("cut", [4, 12, 16])
def test_a_reverse_name_of_34_labels(cut: int):
    pointer = ipaddress.ip_address("2001:db8::80").reverse_pointer + "."
    origin = ".".join(pointer.split(".")[32 - cut :])
    net = Internet()
    net.root(".", ROOT)
    net.host("ip6.arpa.", COM)
    net.host(origin, EXAMPLE, zone(origin, f"{pointer} PTR host.example."))
    answer, watch = ask(net, f"{pointer} PTR")
    assert answer.data("PTR") == ["host.example."]
    assert watch.asked() <= 14


def test_a_server_that_refers_one_label_further_each_time():
    answer, watch = ask(attacks.ever_deeper(), "a." * 112 + "example.com. A")
    assert answer.status == "SERVFAIL"
    assert f"limit of {MAX_ASKS_PER_FETCH} queries" in answer.errors[0][1]
    assert watch.asked() <= MAX_ASKS_PER_FETCH


def test_the_octets_of_a_question_are_counted():
    """Each reply is as long as a message can be; there are always more to ask."""
    huge = "\n".join(f'huge TXT "{"x" * 250}{i:03}"' for i in range(200))
    servers = [f"203.0.113.{i}" for i in range(1, 14)]
    net = small_tree(huge, *servers)

    def lame(query: Query, response: Response) -> Response:
        response.record.header.rcode = 2
        return response

    for server in servers:
        net.fault(server, lame, over="tcp")
    answer, watch = ask(net, "huge.example.com. TXT")
    assert answer.status == "SERVFAIL"
    assert f"limit of {MAX_OCTETS} octets" in answer.errors[0][1]
    assert sum(1 for asked in watch.asks if asked.stream) <= 3


def test_ns_sets_and_rrsets_of_thousands_cost_little_cpu():
    """Bar 10: 50 ms each on the reference machine; ten times that is still a bound."""
    net = small_tree("\n".join(f"many A 10.{i // 250}.{i % 250}.1" for i in range(3000)))
    world = World(net, priming=False)
    started = time.process_time()
    answer, _ = world.ask("many.example.com. A")
    assert time.process_time() - started < 5
    assert len(answer.addresses) == 3000
    assert world.recursion.rrsets.lookup(b"\4many\7example\3com\0", 1, world.clock.now()) is None


def test_random_names_of_one_zone_take_so_many_places_and_no_more():
    net = small_tree("www A 192.0.2.7")
    net.host("net.", NET, zone("net.", "www A 192.0.2.9"))
    net.dead(EXAMPLE)
    world = World(net, priming=False)
    questions = [f"x{i}.example.com. A" for i in range(400)]
    answers = world.ask_all([*questions, "www.net. A"])
    assert net.count(EXAMPLE) <= MAX_FETCHES_PER_ZONE * 8
    assert answers[-1][0].addresses == ["192.0.2.9"]
    busy = [a for a, _ in answers if a.errors and "under way" in a.errors[0][1]]
    assert len(busy) == 400 - MAX_FETCHES_PER_ZONE
    assert all(answer.took_s < 1 for answer in busy)


def test_a_zone_that_was_too_busy_is_not_a_failed_one():
    net = small_tree("* A 192.0.2.7")
    world = World(net, priming=False)
    questions = [f"x{i}.example.com. A" for i in range(MAX_FETCHES_PER_ZONE + 50)]
    answers = world.ask_all(questions)
    failed = [q for q, (a, _) in zip(questions, answers, strict=True) if a.status == "SERVFAIL"]
    assert len(failed) == 50
    for question in failed:
        assert world.ask(question)[0].addresses == ["192.0.2.7"]


def test_places_are_given_back():
    net = small_tree("* A 192.0.2.7")
    world = World(net, priming=False)
    world.ask_all([f"x{i}.example.com. A" for i in range(300)])
    assert world.recursion.iterator.quota.under_way == {}
    net.dead(EXAMPLE)
    world.ask_all([f"y{i}.example.com. A" for i in range(300)])
    assert world.recursion.iterator.quota.under_way == {}


# What must still work (bar 9).


def test_a_sound_glueless_chain_of_six_levels():
    net = Internet()
    net.root(".", ROOT)
    text = "\n".join(f"z{i} NS ns.z{i + 1}" for i in range(6))
    net.host("com.", COM, zone("com.", f"{text}\nz6 NS ns.z6\nns.z6 A {EXAMPLE}"))
    for i in range(7):
        net.host(f"z{i}.com.", EXAMPLE, zone(f"z{i}.com.", f"ns A {EXAMPLE}\nwww A 192.0.2.7"))
    assert ask(net, "www.z0.com. A")[0].addresses == ["192.0.2.7"]


def test_nine_aliases_over_nine_zones():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    for i in range(10):
        text = f"www CNAME www.z{i + 1}.com." if i < 9 else "www A 192.0.2.7"
        net.host(f"z{i}.com.", f"203.0.113.{i + 1}", zone(f"z{i}.com.", text))
    answer, _ = ask(net, "www.z0.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert len(answer.chain) == 9


def test_a_chain_of_eight_aliases_in_one_zone():
    chain = "\n".join(f"a{i} CNAME a{i + 1}" for i in range(8))
    answer, _ = ask(small_tree(f"{chain}\na8 A 192.0.2.7"), "a0.example.com. A")
    assert answer.addresses == ["192.0.2.7"]


def test_five_broken_name_servers_and_one_that_works():
    text = "\n".join(f"example NS ns{i}.victim.net." for i in range(4))
    net = attacks.delegations(f"{text}\nexample NS ns.other.net.")
    net.host("other.net.", OTHER, zone("other.net.", f"ns A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    assert ask(net, "www.example.com. A")[0].addresses == ["192.0.2.7"]
