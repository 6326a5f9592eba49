"""Names and types that are not there (RFC 2308, RFC 8020)."""

import pytest
from trees import COM, EXAMPLE, small_tree

from resolver.testing import Internet, World, records, run

SOA = "@ {ttl} SOA ns hostmaster 1 7200 900 1209600 {minimum}\n"


def tree_with_soa(ttl: int, minimum: int) -> Internet:
    return small_tree(SOA.format(ttl=ttl, minimum=minimum) + "www A 192.0.2.7\na.b A 192.0.2.8")


@pytest.mark.parametrize(
    ("ttl", "minimum", "expected"), [(3600, 60, 60), (60, 3600, 60), (86400, 86400, 3600)]
)
def test_the_ttl_is_the_least_of_soa_minimum_and_cap(ttl: int, minimum: int, expected: int):
    answer, _ = run("nothing.example.com. A", tree_with_soa(ttl, minimum))
    assert answer.status == "NXDOMAIN"
    assert answer.ttl == expected


def test_the_cap_is_the_operators():
    answer, _ = run("nothing.example.com. A", tree_with_soa(3600, 3600), max_negative_ttl=20)
    assert answer.ttl == 20


@pytest.mark.parametrize(
    ("question", "status"),
    [("nothing.example.com. A", "NXDOMAIN"), ("www.example.com. MX", "NOERROR")],
)
def test_it_counts_down_and_ends(question: str, status: str):
    world = World(tree_with_soa(3600, 60))
    world.ask(question)
    world.clock.advance(25)
    answer, watch = world.ask(question)
    assert (answer.status, answer.ttl, watch.asked()) == (status, 35, 0)
    world.clock.advance(36)
    answer, watch = world.ask(question)
    assert (answer.status, answer.ttl, watch.servers) == (status, 60, [EXAMPLE])


def test_nothing_is_below_a_name_that_does_not_exist():
    world = World(tree_with_soa(3600, 60))
    world.ask("x.example.com. A")
    world.clock.advance(10)
    answer, watch = world.ask("a.x.example.com. A")
    assert (answer.status, answer.ttl, watch.asked()) == ("NXDOMAIN", 50, 0)
    assert world.ask("b.a.x.example.com. TXT")[1].asked() == 0


def test_nothing_is_below_a_tld_that_does_not_exist():
    world = World(small_tree())
    world.ask("nowhere. NS")
    answer, watch = world.ask("www.example.nowhere. A")
    assert (answer.status, watch.asked()) == ("NXDOMAIN", 0)


def test_what_is_beside_it_exists():
    world = World(tree_with_soa(3600, 60))
    world.ask("ww.example.com. A")
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_nxdomain_is_for_all_types():
    world = World(tree_with_soa(3600, 60))
    world.ask("nothing.example.com. A")
    answer, watch = world.ask("nothing.example.com. MX")
    assert (answer.status, watch.asked()) == ("NXDOMAIN", 0)


def test_nodata_is_for_one_type():
    world = World(tree_with_soa(3600, 60))
    world.ask("www.example.com. MX")
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_an_empty_non_terminal_has_names_below_it():
    world = World(tree_with_soa(3600, 60))
    answer, _ = world.ask("b.example.com. A")
    assert (answer.status, answer.addresses) == ("NOERROR", [])
    assert world.ask("a.b.example.com. A")[0].addresses == ["192.0.2.8"]


def test_a_denial_without_soa_is_not_remembered():
    """RFC 2308 section 5: no SOA, no caching."""
    net = small_tree()

    def without_soa(query, response):
        response.record.auth = []
        return response

    net.fault(EXAMPLE, without_soa)
    world = World(net)
    assert world.ask("nothing.example.com. A")[0].status == "NXDOMAIN"
    assert world.ask("nothing.example.com. A")[1].asked() == 1


def test_the_denial_comes_with_the_soa_of_its_zone():
    world = World(small_tree(), case_mixing=False)
    for _ in range(2):
        answer, _ = world.ask("nothing.example.com. A")
        assert [line.split()[0::2][:2] for line in answer.authority] == [["example.com.", "SOA"]]


def test_a_denial_of_the_tld():
    answer, watch = run("nothing.com. A", small_tree(), case_mixing=False)
    assert answer.status == "NXDOMAIN"
    assert answer.authority[0].startswith("com. ")
    assert watch.servers[-1] == COM


def test_a_ttl_of_nothing_is_not_remembered():
    world = World(tree_with_soa(0, 60))
    world.ask("nothing.example.com. A")
    assert world.ask("nothing.example.com. A")[1].servers == [EXAMPLE]


def test_a_name_that_comes_into_being_is_seen_after_the_ttl():
    net = tree_with_soa(60, 60)
    world = World(net)
    assert world.ask("new.example.com. A")[0].status == "NXDOMAIN"
    net.fault(
        EXAMPLE,
        lambda query, response: _become(response),
        name="new.example.com.",
    )
    world.clock.advance(61)
    assert world.ask("new.example.com. A")[0].addresses == ["192.0.2.77"]


def _become(response):
    response.record.rr = records("new.example.com. A 192.0.2.77")
    response.record.auth = []
    response.record.header.rcode = 0
    return response
