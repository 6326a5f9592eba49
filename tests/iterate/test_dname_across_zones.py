"""DNAME redirects a whole subtree (RFC 6672)."""

from trees import EXAMPLE, OTHER, small_tree, two_zones

from resolver.testing import World, run


def test_a_dname_into_another_zone():
    net = two_zones("old DNAME new.other.net.", "www.new A 192.0.2.8")
    answer, _ = run("www.old.example.com. A", net)
    assert answer.data("DNAME") == ["new.other.net."]
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


def test_a_dname_in_the_cache_serves_other_names():
    net = two_zones("old DNAME new.other.net.", "www.new A 192.0.2.8\nftp.new A 192.0.2.9")
    world = World(net)
    world.ask("www.old.example.com. A")
    answer, watch = world.ask("ftp.old.example.com. A")
    assert answer.data("DNAME") == ["new.other.net."]
    assert answer.data("CNAME") == ["ftp.new.other.net."]
    assert answer.addresses == ["192.0.2.9"]
    assert watch.servers == [OTHER]


def test_the_synthesized_alias_is_ours_not_the_servers():
    net = two_zones("old DNAME new.other.net.", "www.new A 192.0.2.8\nevil A 192.0.2.66")

    def lying(query, response):
        for rr in response.record.rr:
            if rr.rtype == 5:
                rr.rdata.label = "evil.other.net."
        return response

    net.fault(EXAMPLE, lying)
    answer, _ = run("www.old.example.com. A", net)
    assert answer.addresses == ["192.0.2.8"]


def test_a_target_that_is_too_long_is_yxdomain():
    labels = ".".join(["y" * 60] * 3)
    net = small_tree(f"old DNAME {labels}")
    world = World(net)
    for _ in range(2):
        answer, _ = world.ask("x" * 60 + ".old.example.com. A")
        assert answer.status == "YXDOMAIN"
        assert len(answer.data("DNAME")) == 1
