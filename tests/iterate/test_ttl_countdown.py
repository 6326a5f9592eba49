"""Answers from the cache count down, within the operator's clamps."""

import pytest
from trees import EXAMPLE, small_tree

from resolver.testing import World, run


def test_two_questions_three_seconds_apart_differ_by_three():
    world = World(small_tree("www 300 A 192.0.2.7"))
    first, _ = world.ask("www.example.com. A")
    world.clock.advance(3)
    second, watch = world.ask("www.example.com. A")
    assert (first.ttl, second.ttl, watch.asked()) == (300, 297, 0)


def test_after_the_ttl_the_servers_are_asked_again():
    world = World(small_tree("www 10 A 192.0.2.7"))
    world.ask("www.example.com. A")
    world.clock.advance(10.5)
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, watch.servers) == (10, [EXAMPLE])


def test_ttl_zero_is_not_used_again():
    world = World(small_tree("www 0 A 192.0.2.7"))
    assert world.ask("www.example.com. A")[0].ttl == 0
    assert world.ask("www.example.com. A")[1].servers == [EXAMPLE]


def test_a_huge_ttl_counts_as_zero():
    """RFC 2181 section 8: the top bit set means zero."""
    net = small_tree()

    def huge(query, response):
        for rr in response.record.rr:
            rr.ttl = 0x80000000
        return response

    net.fault(EXAMPLE, huge)
    assert run("www.example.com. A", net)[0].ttl == 0


@pytest.mark.parametrize(
    ("ttl", "settings", "expected"),
    [
        (86400 * 7, {}, 86400),
        (600, {"max_ttl": 60}, 60),
        (5, {"min_ttl": 30}, 30),
    ],
)
def test_clamps_show_in_the_second_answer(ttl: int, settings: dict, expected: int):
    world = World(small_tree(f"www {ttl} A 192.0.2.7"), **settings)
    world.ask("www.example.com. A")
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, watch.asked()) == (expected, 0)


def test_records_of_one_set_get_the_lowest_ttl():
    answer, _ = run("www.example.com. A", small_tree("www 300 A 192.0.2.7\nwww 20 A 192.0.2.8"))
    assert [line.split()[1] for line in answer.records] == ["20", "20"]


def test_each_link_of_a_chain_counts_for_itself():
    world = World(small_tree("to 300 CNAME www\nwww 100 A 192.0.2.7"))
    world.ask("to.example.com. A")
    world.clock.advance(40)
    answer, _ = world.ask("to.example.com. A")
    assert [line.split()[1] for line in answer.records] == ["260", "60"]
