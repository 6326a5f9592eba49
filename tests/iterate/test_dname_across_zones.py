"""DNAME redirects a whole subtree (RFC 6672)."""

from trees import EXAMPLE, small_tree, two_zones

from resolver.testing import World, run


def test_a_dname_into_another_zone():
    net = two_zones("old DNAME new.other.net.", "www.new A 192.0.2.8")
    answer, _ = run("www.old.example.com. A", net)
    assert [line.split()[0::2] for line in answer.records] == [
        ["old.example.com.", "DNAME"],
        ["www.old.example.com.", "CNAME"],
        ["www.new.other.net.", "A"],
    ] or answer.addresses == ["192.0.2.8"]
    assert answer.data("CNAME") == ["www.new.other.net."]
    assert answer.addresses == ["192.0.2.8"]


def test_a_dname_within_the_zone():
    net = small_tree("old DNAME new\nwww.new A 192.0.2.8")
    answer, _ = run("www.old.example.com. A", net)
    assert answer.addresses == ["192.0.2.8"]


def test_the_owner_of_a_dname_is_not_redirected():
    net = two_zones("old DNAME new.other.net.\nold TXT here", "www.new A 192.0.2.8")
    world = World(net)
    world.ask("www.old.example.com. A")
    answer, _ = world.ask("old.example.com. TXT")
    assert answer.data("TXT") == ['"here"']


def test_a_dname_to_nothing_is_nxdomain():
    net = two_zones("old DNAME new.other.net.", "www A 192.0.2.8")
    answer, _ = run("www.old.example.com. A", net)
    assert answer.status == "NXDOMAIN"


def test_a_dname_that_leads_to_itself_ends():
    net = small_tree("old DNAME x.old")
    answer, watch = run("www.old.example.com. A", net, priming=False)
    assert answer.status in ("SERVFAIL", "YXDOMAIN")
    assert watch.asked() <= 16


def test_a_dname_of_a_zone_above_the_server_is_not_believed():
    net = two_zones("www A 192.0.2.7", "www A 192.0.2.8")
    net.spoof(EXAMPLE, "com. DNAME other.net.", "answer")
    world = World(net)
    world.ask("www.example.com. A")
    answer, _ = world.ask("www.second.com. A")
    assert answer.status == "NXDOMAIN"
