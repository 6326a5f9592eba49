"""Resolution failures are remembered, by question and by server (R14, RFC 9520)."""

from itertools import pairwise

import pytest
from trees import COM, EXAMPLE, NET, SECOND, small_tree

from resolver.testing import Internet, World, zone
from resolver.testing.world import read_question

CACHED_ERROR, NO_REACHABLE_AUTHORITY = 13, 22


def test_a_hundred_clients_in_five_seconds_cause_one_attempt():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.servfail(EXAMPLE)
    net.servfail(SECOND)
    world = World(net, priming=False)
    for i in range(100):
        answer, watch = world.ask("www.example.com. A")
        assert answer.status == "SERVFAIL"
        codes = {code for code, _ in answer.errors}
        assert codes & {CACHED_ERROR, NO_REACHABLE_AUTHORITY}
        assert (watch.asked() == 0) == (i > 0)
        world.clock.advance(0.049)
    assert net.count(EXAMPLE) == net.count(SECOND) == 1


def test_so_do_a_hundred_at_the_same_moment():
    net = small_tree()
    net.refuse(EXAMPLE)
    answers = World(net, priming=False).ask_all(["www.example.com. A"] * 100)
    assert {answer.status for answer, _ in answers} == {"SERVFAIL"}
    assert net.count(EXAMPLE) == 1


def test_a_cached_failure_says_what_the_first_said_and_when():
    net = small_tree()
    net.servfail(EXAMPLE)
    world = World(net, priming=False)
    first, _ = world.ask("www.example.com. A")
    world.clock.advance(2)
    answer, _ = world.ask("www.example.com. A")
    assert answer.errors[0] == first.errors[0]
    code, text = answer.errors[1]
    assert code == CACHED_ERROR
    assert "failed 2 s ago" in text
    assert "3 s" in text


def test_it_is_tried_again_soon_and_then_less_often():
    net = small_tree()
    net.servfail(EXAMPLE)
    world = World(net, priming=False)
    attempts = []
    for second in range(120):
        if world.ask("www.example.com. A")[1].asked():
            attempts.append(second)
        world.clock.advance(1)
    gaps = [b - a for a, b in pairwise(attempts)]
    assert 1 <= gaps[0] <= 6
    assert gaps == sorted(gaps)
    assert max(gaps) <= 31


def test_an_answer_ends_it():
    net = small_tree("www 1 A 192.0.2.7")
    rule = net.servfail(EXAMPLE)
    world = World(net, priming=False, serve_stale=0)
    world.ask("www.example.com. A")
    rule.lift()
    world.clock.advance(6)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    net.servfail(EXAMPLE)
    world.clock.advance(2)
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"
    world.clock.advance(6)
    assert world.ask("www.example.com. A")[1].asked() == 1, "the back-off began anew"


@pytest.mark.parametrize("other", ["www.example.com. AAAA", "ftp.example.com. A"])
def test_other_questions_are_tried_for_themselves(other: str):
    net = small_tree("www AAAA 2001:db8::7\nftp A 192.0.2.8")
    net.servfail(EXAMPLE, name="www.example.com.", rrtype="A")
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    assert world.ask(other)[0].status == "NOERROR"


def test_the_failure_of_an_aliases_target_is_the_targets():
    net = small_tree("a CNAME x.sub\nb CNAME x.sub")
    net.host("sub.example.com.", SECOND, zone("sub.example.com.", "x A 192.0.2.7"))
    net.servfail(SECOND)
    world = World(net, priming=False)
    world.ask("a.example.com. A")
    net.log.clear()
    answer, _ = world.ask("b.example.com. A")
    assert answer.status == "SERVFAIL"
    assert net.count(SECOND) == 0


def test_a_question_over_its_bounds_is_a_failure_too():
    net = small_tree("* CNAME x")
    world = World(net, priming=False, max_upstream_queries=2)
    assert world.ask("www.example.com. A")[1].asked() == 2
    answer, watch = world.ask("www.example.com. A")
    assert (answer.status, watch.asked()) == ("SERVFAIL", 0)
    assert "limit of 2" in answer.errors[0][1]


def test_a_failure_in_a_circle_is_not_remembered_for_questions_outside_it():
    """ns.a.com. cannot be had while a.com. waits for it, but it can be had afterwards."""
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", COM, zone("com.", "a NS ns.b\nb NS ns.a\nb NS ns.c.net."))
    net.host("net.", NET, zone("net.", "c NS ns.c\nns.c A 203.0.113.3"))
    net.host("a.com.", EXAMPLE, zone("a.com.", "ns A 192.0.2.53\nwww A 192.0.2.7"))
    net.host("b.com.", "203.0.113.3", zone("b.com.", f"ns A {EXAMPLE}"))
    net.host("c.net.", "203.0.113.3", zone("c.net.", "ns A 203.0.113.3"))
    world = World(net, priming=False)
    answer, watch = world.ask("www.a.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert any("would wait for itself" in line for line in watch.lines())
    assert world.ask("ns.a.com. A")[0].addresses == ["192.0.2.53"]


def test_nor_is_one_that_comes_of_such_a_failure():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", COM, zone("com.", "a NS ns.b\nb NS ns.c\nb NS ns.d.net.\nc NS ns.a"))
    net.host("net.", NET, zone("net.", "d NS ns.d\nns.d A 203.0.113.3"))
    net.host("a.com.", EXAMPLE, zone("a.com.", f"ns A {SECOND}\nwww A 192.0.2.7"))
    net.host("b.com.", "203.0.113.3", zone("b.com.", f"ns A {EXAMPLE}"))
    net.host("c.com.", SECOND, zone("c.com.", "ns A 192.0.2.53"))
    net.host("d.net.", "203.0.113.3", zone("d.net.", "ns A 203.0.113.3"))
    world = World(net, priming=False)
    answer, watch = world.ask("www.a.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert any("would wait for itself" in line for line in watch.lines())
    assert world.ask("ns.c.com. A")[0].addresses == ["192.0.2.53"]


def test_a_server_that_never_answers_is_not_asked_by_every_zone_it_serves():
    net = small_tree()
    for i in range(20):
        net.host(f"z{i}.com.", SECOND, zone(f"z{i}.com.", "www A 192.0.2.7"))
    net.dead(SECOND)
    world = World(net, priming=False)
    for i in range(20):
        assert world.ask(f"www.z{i}.com. A")[0].status == "SERVFAIL"
    assert net.count(SECOND) <= 6


def test_a_client_without_recursion_desired_learns_of_the_failure_only():
    net = small_tree()
    net.servfail(EXAMPLE)
    world = World(net, priming=False)
    question = world.ask("www.example.com. A")[1].questions[-1]
    assert question == "www.example.com. A"
    cached = world.recursion.cached(read_question(question))
    assert cached is not None
    assert cached.rcode == 2
    assert world.recursion.cached(read_question("ftp.example.com. A")) is None
