"""How much of the work in hand may be for one zone, or for one server."""

import pytest

from resolver.testing import Internet, World, route, zone

EXAMPLE = "198.51.100.3"


@pytest.mark.parametrize("limit", [1, 5])
def test_so_many_questions_at_a_zone_and_no_more(limit):
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    world = World(net, max_fetches_per_zone=limit)
    world.ask("www.example.com. A")
    net.log.clear()
    results = world.ask_all([f"r{i}.example.com. A" for i in range(20)])
    statuses = [answer.status for answer, _ in results]
    assert statuses.count("NXDOMAIN") == limit
    assert statuses.count("SERVFAIL") == 20 - limit
    assert net.count(EXAMPLE) == limit
    told = [answer.errors for answer, _ in results if answer.status == "SERVFAIL"]
    assert all(f"more than {limit} questions for example.com." in str(e) for e in told)
    # It is no failure of these names: asking again helps.
    answer, _ = world.ask("r19.example.com. A")
    assert answer.status == "NXDOMAIN"


def test_the_root_and_top_level_domains_have_no_such_limit():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    world = World(net, max_fetches_per_zone=1, priming=False)
    results = world.ask_all([f"r{i}.com. A" for i in range(20)])
    assert {answer.status for answer, _ in results} == {"NXDOMAIN"}


def test_a_server_with_enough_to_do_leaves_the_rest_to_others():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    first, second = "198.51.100.3", "198.51.100.4"
    net.host("example.com.", first, second, zone("example.com.", "www A 192.0.2.7"))
    world = World(net, max_asks_per_server=5, max_fetches_per_zone=100)
    world.ask("www.example.com. A")
    net.log.clear()
    results = world.ask_all([f"r{i}.example.com. A" for i in range(20)])
    assert net.count(first) == net.count(second) == 5
    assert [answer.status for answer, _ in results].count("NXDOMAIN") == 10
    assert any("busy" in str(answer.errors) for answer, _ in results)


def test_so_many_questions_at_a_zone_in_a_second():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    world = World(net, max_fetch_rate_per_zone=10, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(2 - world.clock.now() % 1)
    net.log.clear()
    statuses = [world.ask(f"r{i}.example.com. A")[0].status for i in range(30)]
    assert statuses == ["NXDOMAIN"] * 10 + ["SERVFAIL"] * 20
    assert net.count(EXAMPLE) == 10
    answer, _ = world.ask("r30.example.com. A")
    assert "more than 10 questions a second for example.com." in str(answer.errors)
    # Other zones are none the worse for it, and it is no failure of these names.
    assert world.ask("other.com. A")[0].status == "NXDOMAIN"
    world.clock.advance(1)
    assert world.ask("r30.example.com. A")[0].status == "NXDOMAIN"


def test_so_many_queries_to_a_server_in_a_second():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    first, second = "198.51.100.3", "198.51.100.4"
    net.host("example.com.", first, second, zone("example.com.", "www A 192.0.2.7"))
    world = World(net, max_ask_rate_per_server=5, max_fetches_per_zone=100)
    world.ask("www.example.com. A")
    world.clock.advance(2)
    net.log.clear()
    answers = [world.ask(f"r{i}.example.com. A")[0] for i in range(20)]
    assert net.count(first) == net.count(second) == 5
    assert [answer.status for answer in answers].count("NXDOMAIN") == 10
    assert "busy" in str(answers[-1].errors)
    world.clock.advance(1)
    assert world.ask("r19.example.com. A")[0].status == "NXDOMAIN"


@pytest.mark.parametrize("mode", ["only", "stub"])
def test_a_configured_server_gets_forty_times_as_many(mode):
    """It has to do with all that would else be shared by the servers of many zones."""
    net = Internet()
    net.root(".", "198.51.100.1", zone(".", "www. A 192.0.2.7"))
    if mode == "only":
        net.resolver("198.51.100.9")
    else:
        net.host("lan.", "198.51.100.9", zone("lan.", "www A 192.0.2.7"))
    top = "lan." if mode == "stub" else ""
    routes = [route(top or ".", "198.51.100.9", mode=mode)]
    world = World(net, routes=routes, max_ask_rate_per_server=1)
    statuses = [world.ask(f"r{i}.{top} A")[0].status for i in range(43)]
    assert statuses == ["NXDOMAIN"] * 40 + ["SERVFAIL"] * 3
    world.clock.advance(1)
    assert world.ask(f"r42.{top} A")[0].status == "NXDOMAIN"


def test_a_stub_zone_gets_forty_times_as_many_questions_in_a_second():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("lan.", EXAMPLE, zone("lan.", "www A 192.0.2.7"))
    world = World(net, routes=[route("lan.", EXAMPLE, mode="stub")], max_fetch_rate_per_zone=1)
    answers = [world.ask(f"r{i}.lan. A")[0] for i in range(42)]
    assert [a.status for a in answers] == ["NXDOMAIN"] * 40 + ["SERVFAIL"] * 2
    assert "more than 40 questions a second for lan." in str(answers[-1].errors)
