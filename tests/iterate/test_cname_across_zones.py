"""Aliases are followed wherever they lead (RFC 1034 section 3.6.2).

No server speaks for another's zone on the way."""

import pytest
from trees import EXAMPLE, OTHER, small_tree, two_zones

from resolver.testing import World, run, zone


def test_an_alias_into_another_zone():
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8")
    answer, _ = run("to.example.com. A", net)
    assert answer.chain == ["to.example.com."]
    assert answer.addresses == ["192.0.2.8"]


def test_three_steps_through_two_zones():
    net = two_zones(
        "a CNAME b.other.net.\nc CNAME www.other.net.", "b CNAME c.example.com.\nwww A 192.0.2.8"
    )
    answer, _ = run("a.example.com. A", net)
    assert answer.chain == ["a.example.com.", "b.other.net.", "c.example.com."]
    assert answer.addresses == ["192.0.2.8"]


def test_a_chain_within_a_zone_takes_one_query():
    net = small_tree("a CNAME b\nb CNAME c\nc A 192.0.2.7")
    answer, watch = run("a.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked(EXAMPLE) == 1


def test_the_rcode_is_that_of_the_end():
    net = two_zones("to CNAME nothing.other.net.", "www A 192.0.2.8")
    answer, _ = run("to.example.com. A", net)
    assert answer.status == "NXDOMAIN"
    assert answer.chain == ["to.example.com."]
    assert answer.authority[0].lower().startswith("other.net. ")


def test_an_alias_to_a_name_without_the_type():
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8")
    answer, _ = run("to.example.com. MX", net)
    assert answer.status == "NOERROR"
    assert answer.chain == ["to.example.com."]
    assert answer.authority[0].lower().startswith("other.net. ")


@pytest.mark.parametrize("rrtype", ["CNAME", "ANY"])
def test_who_asks_for_the_alias_gets_it(rrtype: str):
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8")
    answer, _ = run(f"to.example.com. {rrtype}", net)
    assert answer.data("CNAME") == ["www.other.net."]
    assert net.count(OTHER) == 0


def test_an_alias_whose_target_fails_is_a_failure():
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8")
    net.refuse(OTHER)
    answer, _ = run("to.example.com. A", net)
    assert answer.status == "SERVFAIL"
    assert "other.net." in answer.errors[0][1]


def test_the_chain_is_remembered_link_by_link():
    net = two_zones("to 60 CNAME www.other.net.", "www 300 A 192.0.2.8")
    world = World(net)
    world.ask("to.example.com. A")
    answer, watch = world.ask("to.example.com. A")
    assert (answer.addresses, watch.asked()) == (["192.0.2.8"], 0)
    world.clock.advance(100)
    answer, watch = world.ask("to.example.com. A")
    assert answer.addresses == ["192.0.2.8"]
    assert watch.servers == [EXAMPLE]


def test_an_alias_in_the_cache_serves_other_types():
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8\nwww AAAA 2001:db8::8")
    world = World(net)
    world.ask("to.example.com. A")
    answer, watch = world.ask("to.example.com. AAAA")
    assert answer.addresses == ["2001:db8::8"]
    assert watch.servers == [OTHER]


def test_what_a_server_says_of_the_target_in_another_zone_is_asked_there():
    net = two_zones("to CNAME www.other.net.", "www A 192.0.2.8")
    net.spoof(EXAMPLE, "www.other.net. A 192.0.2.66", "answer")
    assert run("to.example.com. A", net)[0].addresses == ["192.0.2.8"]


def test_an_alias_below_a_cut_of_the_same_zone():
    net = small_tree("to CNAME www.sub")
    net.host("sub.example.com.", OTHER, zone("sub.example.com.", "www A 192.0.2.8"))
    answer, _ = run("to.example.com. A", net)
    assert answer.addresses == ["192.0.2.8"]
