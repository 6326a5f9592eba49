"""Servers that know DNS cookies, demand them, or take offence at them (RFC 7873 section 5.3)."""

from trees import EXAMPLE, small_tree

from resolver.model import Address
from resolver.testing import World, run


def asks(watch, server=EXAMPLE):
    """Whether each ask of the server went over TCP, in order."""
    return [ask.stream for ask in watch.asks if ask.server == server]


def test_a_server_that_sends_cookies_is_asked_once():
    net = small_tree()
    net.cookies(EXAMPLE)
    world = World(net, qname_minimisation="off")
    for name in ("www", "no", "nope"):
        answer, watch = world.ask(f"{name}.example.com. A")
        assert answer.status in ("NOERROR", "NXDOMAIN")
        assert asks(watch) == [False]


def test_badcookie_brings_the_cookie_that_is_wanted():
    net = small_tree()
    net.cookies(EXAMPLE, "demand")
    world = World(net, qname_minimisation="off")
    answer, watch = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert asks(watch) == [False, False]
    assert any("BADCOOKIE" in line for line in watch.lines())
    _, watch = world.ask("no.example.com. A")
    assert asks(watch) == [False]


def test_badcookie_again_is_asked_over_tcp():
    """Servers behind one address that do not share their secret."""
    net = small_tree()
    net.cookies(EXAMPLE, "refuse", over="udp")
    answer, watch = run("www.example.com. A", net, qname_minimisation="off")
    assert answer.addresses == ["192.0.2.7"]
    assert asks(watch) == [False, False, True]


def test_badcookie_for_ever_costs_three_queries_and_is_told():
    net = small_tree()
    net.cookies(EXAMPLE, "refuse")
    answer, watch = run("www.example.com. A", net, priming=False, qname_minimisation="off")
    assert answer.status == "SERVFAIL"
    assert asks(watch) == [False, False, True]
    assert watch.asked() <= 5
    assert "BADCOOKIE over TCP" in str(answer.errors)


def test_badcookie_without_a_cookie_is_asked_over_tcp_at_once():
    net = small_tree()
    net.error(EXAMPLE, "BADCOOKIE", over="udp")
    answer, watch = run("www.example.com. A", net, qname_minimisation="off")
    assert answer.addresses == ["192.0.2.7"]
    assert asks(watch) == [False, True]


def test_who_takes_offence_gets_none_for_a_while():
    net = small_tree()
    net.cookies(EXAMPLE, "FORMERR")
    world = World(net, qname_minimisation="off")
    answer, watch = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert asks(watch) == [False, False]
    assert all(ask.edns_size is not None for ask in watch.asks)
    _, watch = world.ask("no.example.com. A")
    assert asks(watch) == [False]


def test_formerr_for_ever_holds_nothing_against_cookies():
    net = small_tree()
    net.error(EXAMPLE, "FORMERR")
    world = World(net, qname_minimisation="off")
    answer, watch = world.ask("www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert asks(watch) == [False, False]
    server = world.recursion.servers.at(Address(EXAMPLE), world.clock.now())
    assert server.no_cookie_until == 0.0


def test_without_cookies_formerr_means_what_it_says():
    net = small_tree()
    net.error(EXAMPLE, "FORMERR")
    _, watch = run("www.example.com. A", net, qname_minimisation="off", cookies=False)
    assert asks(watch) == [False]
