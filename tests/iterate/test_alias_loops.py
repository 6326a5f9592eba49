"""Aliases without end (RFC 1034 section 3.6.2: chains should be followed and loops signalled)."""

import pytest
from trees import EXAMPLE, ROOT, small_tree, two_zones

from resolver.testing import Internet, World, records, run, zone


@pytest.mark.parametrize(
    "net",
    [
        small_tree("a CNAME a"),
        small_tree("a CNAME b\nb CNAME a"),
        two_zones("a CNAME b.other.net.", "b CNAME a.example.com."),
        small_tree("a CNAME b\nb CNAME c\nc CNAME d\nd CNAME b"),
    ],
    ids=["itself", "two", "two zones", "later"],
)
def test_a_loop_is_an_error_at_once(net: Internet):
    world = World(net, priming=False)
    start = world.clock.now()
    answer, watch = world.ask("a.example.com. A")
    assert answer.status == "SERVFAIL"
    assert "loop" in answer.errors[0][1]
    assert world.clock.now() - start < 1
    assert watch.asked() <= 8


def chain(length: int) -> str:
    links = "\n".join(f"a{i} CNAME a{i + 1}" for i in range(length))
    return f"{links}\na{length} A 192.0.2.7"


def test_a_chain_of_eleven_is_followed():
    answer, _ = run("a0.example.com. A", small_tree(chain(11)))
    assert answer.addresses == ["192.0.2.7"]
    assert len(answer.chain) == 11


@pytest.mark.parametrize("length", [12, 15, 40])
def test_a_longer_chain_is_an_error_that_says_so(length: int):
    answer, watch = run("a0.example.com. A", small_tree(chain(length)), priming=False)
    assert answer.status == "SERVFAIL"
    assert "11 aliases" in answer.errors[0][1]
    assert watch.asked() <= 16


def test_a_chain_without_end_over_many_zones_costs_little():
    net = Internet()
    net.root(".", ROOT)
    for i in range(30):
        net.host(f"z{i}.", f"198.51.100.{50 + i}", zone(f"z{i}.", f"a CNAME a.z{i + 1}."))
    world = World(net, priming=False)
    answer, watch = world.ask("a.z0. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 26


def test_a_chain_that_grows_for_ever():
    net = small_tree("* CNAME x")

    def grow(query, response):
        response.record.rr = records(f"{query.name} CNAME x{query.name}")
        return response

    net.fault(EXAMPLE, grow)
    answer, watch = run("a.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 16


def test_a_loop_in_the_cache_ends_too():
    world = World(small_tree("a CNAME b\nb CNAME a"))
    world.ask("a.example.com. A")
    answer, watch = world.ask("b.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 2


def test_several_aliases_at_one_name_are_not_followed_blindly():
    net = small_tree("a CNAME b\na CNAME c\nb A 192.0.2.7\nc A 192.0.2.8")
    answer, watch = run("a.example.com. A", net)
    assert len(answer.chain) <= 1
    assert watch.asked() <= 10
