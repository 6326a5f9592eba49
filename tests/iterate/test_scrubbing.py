"""What a server has no business saying is not heard (RFC 2181 section 5.4.1, RFC 5452 section 6).

Each case lets a server add records to a reply that is otherwise right, and then asks for what it
tried to plant.
"""

import pytest
from trees import COM, EXAMPLE, OTHER, small_tree, two_zones

from resolver.testing import Internet, World, records, zone

BANK = "www.bank.net. 86400 A 192.0.2.66"


def bank_tree() -> Internet:
    net = two_zones("www A 192.0.2.7\nto CNAME x.other.net.", "x A 192.0.2.8")
    net.host("bank.net.", "198.51.100.9", zone("bank.net.", "www A 192.0.2.9\n@ MX 10 www"))
    return net


@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
@pytest.mark.parametrize("server", [COM, EXAMPLE], ids=["in a referral", "in an answer"])
def test_an_address_of_somebody_else(section: str, server: str):
    net = bank_tree()
    net.spoof(server, BANK, section)
    world = World(net)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    assert world.ask("www.bank.net. A")[0].addresses == ["192.0.2.9"]


@pytest.mark.parametrize("section", ["authority", "additional"])
@pytest.mark.parametrize("owner", ["net.", "bank.net.", "."])
def test_name_servers_of_somebody_else(section: str, owner: str):
    net = bank_tree()
    net.spoof(EXAMPLE, f"{owner} 86400 NS ns.evil.example.com.", section)
    net.spoof(EXAMPLE, "ns.evil.example.com. 86400 A 203.0.113.66")
    world = World(net)
    world.ask("www.example.com. A")
    answer, watch = world.ask("www.bank.net. A")
    assert answer.addresses == ["192.0.2.9"]
    assert "203.0.113.66" not in watch.servers


def test_other_name_servers_for_the_zone_itself_in_a_positive_answer():
    """A forged NS set beside a right answer (CVE-2025-11411) leads nobody astray."""
    net = bank_tree()
    net.spoof(EXAMPLE, "example.com. 86400 NS ns.evil.net.", "authority")
    net.spoof(EXAMPLE, "ns.evil.net. 86400 A 203.0.113.66")
    world = World(net)
    world.ask("www.example.com. A")
    answer, watch = world.ask("to.example.com. A")
    assert answer.addresses == ["192.0.2.8"]
    assert "203.0.113.66" not in watch.servers


def test_the_parents_name_servers_in_an_answer_of_the_child():
    net = bank_tree()
    net.spoof(EXAMPLE, "com. 86400 NS ns.evil.example.com.", "authority")
    net.spoof(EXAMPLE, "ns.evil.example.com. 86400 A 203.0.113.66")
    world = World(net)
    world.ask("www.example.com. A")
    _, watch = world.ask("x.com. A")
    assert watch.servers == [COM]


def test_glue_for_servers_that_are_not_in_the_referral():
    net = bank_tree()
    net.spoof(COM, "www.example.com. 86400 A 192.0.2.66")
    world = World(net)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_a_second_delegation_in_a_referral():
    net = bank_tree()
    net.spoof(COM, "second.com. 86400 NS ns1.example.com.", "authority")
    world = World(net)
    world.ask("www.example.com. A")
    answer, watch = world.ask("www.second.com. A")
    assert answer.status == "NXDOMAIN"
    assert watch.servers == [COM]


def test_the_rest_of_a_chain_that_left_the_zone():
    net = bank_tree()
    net.spoof(EXAMPLE, "x.other.net. 86400 A 192.0.2.66", "answer")
    world = World(net)
    assert world.ask("to.example.com. A")[0].addresses == ["192.0.2.8"]
    assert world.ask("x.other.net. A")[0].addresses == ["192.0.2.8"]


def test_an_alias_of_the_target_in_another_zone():
    net = bank_tree()
    net.spoof(EXAMPLE, "x.other.net. 86400 CNAME www.bank.net.", "answer")
    world = World(net)
    answer, _ = world.ask("to.example.com. A")
    assert (answer.chain, answer.addresses) == (["to.example.com."], ["192.0.2.8"])
    assert world.ask("x.other.net. A")[0].addresses == ["192.0.2.8"]


def test_an_alias_for_somebody_else():
    net = bank_tree()
    net.spoof(EXAMPLE, "www.bank.net. 86400 CNAME www.example.com.", "answer")
    world = World(net)
    world.ask("www.example.com. A")
    assert world.ask("www.bank.net. A")[0].addresses == ["192.0.2.9"]


def test_another_name_of_the_same_zone_in_the_answer():
    net = small_tree("www A 192.0.2.7\nftp A 192.0.2.8")
    net.spoof(EXAMPLE, "ftp.example.com. 86400 A 192.0.2.66", "answer", name="www.example.com.")
    world = World(net)
    world.ask("www.example.com. A")
    assert world.ask("ftp.example.com. A")[0].addresses == ["192.0.2.8"]


def test_a_denial_by_a_zone_that_does_not_hold_the_name():
    """The SOA of somebody else makes no negative answer of him."""
    net = bank_tree()
    soa = "bank.net. 86400 SOA a. b. 1 2 3 4 86400"
    net.spoof(EXAMPLE, soa, "authority", name="nothing.example.com.")
    world = World(net, case_mixing=False)
    assert world.ask("nothing.example.com. A")[0].status == "NXDOMAIN"
    assert world.ask("www.bank.net. A")[0].addresses == ["192.0.2.9"]
    assert world.ask("bank.net. MX")[0].data("MX") == ["10 www.bank.net."]


@pytest.mark.parametrize("owner", ["com.", "net.", "sub.example.com."])
def test_a_denial_is_only_as_good_as_its_soa(owner: str):
    """An SOA of a zone above the server, or of one that does not hold the name, counts as none."""
    net = bank_tree()

    def deny(query, response):
        response.record.auth = records(f"{owner} 86400 SOA a. b. 1 2 3 4 86400")
        return response

    net.fault(EXAMPLE, deny, name="nothing.example.com.")
    world = World(net)
    answer, _ = world.ask("nothing.example.com. A")
    assert (answer.status, answer.authority) == ("NXDOMAIN", [])
    assert world.ask("nothing.example.com. A")[1].asked() == 1
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_records_of_another_class():
    net = small_tree()

    def chaos(query, response):
        for rr in response.record.rr:
            rr.rclass = 3
        return response

    net.fault(EXAMPLE, chaos)
    assert not World(net).ask("www.example.com. A")[0].addresses


def test_the_client_gets_only_the_answer():
    net = small_tree()
    net.spoof(EXAMPLE, "junk.example.com. A 192.0.2.66", "answer")
    net.spoof(EXAMPLE, "junk.example.com. A 192.0.2.66")
    answer, _ = World(net).ask("www.example.com. A")
    assert len(answer.records) == 1
    assert not answer.answer.additional


def test_other_net_is_served_by_other():
    assert World(bank_tree()).ask("x.other.net. A")[1].servers[-1] == OTHER
