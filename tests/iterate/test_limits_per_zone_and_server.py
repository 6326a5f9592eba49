"""How much of the work in hand may be for one zone, or for one server."""

import pytest

from resolver.testing import Internet, World, zone

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
