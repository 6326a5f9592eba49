"""Name servers without an address: looked up, within bounds."""

from trees import COM, EXAMPLE, NET, OTHER, ROOT, small_tree, two_zones

from resolver.testing import Internet, World, run, zone


def glueless_tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.other.net."))
    net.host("net.", NET)
    net.host("other.net.", OTHER, zone("other.net.", f"ns A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7\nftp A 192.0.2.8"))
    return net


def test_a_glueless_name_server_is_looked_up():
    answer, watch = run("www.example.com. A", glueless_tree(), priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, COM, ROOT, NET, OTHER, EXAMPLE]
    assert watch.questions[4] == "ns.other.net. A"


def test_its_address_is_remembered():
    world = World(glueless_tree(), priming=False)
    world.ask("www.example.com. A")
    assert world.ask("ftp.example.com. A")[1].servers == [EXAMPLE]


def test_a_glueless_server_with_an_ipv6_address_only():
    net = glueless_tree()
    net.host("example.com.", "2001:db8::3", zone("example.com.", "www A 192.0.2.7"))
    net.host("alone.net.", OTHER, zone("alone.net.", "ns AAAA 2001:db8::3"))
    net.host("org.", "198.51.100.9", zone("org.", "example NS ns.alone.net."))
    net.host("example.org.", "2001:db8::3", zone("example.org.", "www A 192.0.2.9"))
    assert run("www.example.org. A", net)[0].addresses == ["192.0.2.9"]


def test_glued_servers_are_asked_before_any_look_up():
    net = Internet()
    net.root(".", ROOT)
    text = f"example NS ns.other.net.\nexample NS ns.example\nns.example A {EXAMPLE}"
    net.host("com.", COM, zone("com.", text))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    net.host("net.", NET)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, COM, EXAMPLE]


def test_when_the_glued_server_fails_the_glueless_one_is_looked_up():
    net = glueless_tree()
    net.host("example.com.", "198.51.100.9", zone("example.com.", "www A 192.0.2.7"))
    net.host(
        "org.", "198.51.100.8", zone("org.", "x NS ns.x\nns.x A 198.51.100.9\nx NS ns.other.net.")
    )
    net.host("x.org.", EXAMPLE, zone("x.org.", "www A 192.0.2.5"))
    net.refuse("198.51.100.9")
    assert run("www.x.org. A", net)[0].addresses == ["192.0.2.5"]


def test_a_server_name_that_does_not_exist_is_an_error_that_says_so():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.nowhere.net."))
    net.host("net.", NET)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert "example.com." in answer.errors[0][1]
    assert watch.asked() <= 6


def test_glue_that_is_missing_cannot_be_found():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.example"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 6


def test_two_zones_served_from_each_other_are_given_up_quickly():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "a NS ns.b.net."))
    net.host("net.", NET, zone("net.", "b NS ns.a.com."))
    world = World(net, priming=False)
    start = world.clock.now()
    answer, watch = world.ask("www.a.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 10
    assert world.clock.now() - start <= 1


def test_a_server_name_that_is_an_alias_still_leads_somewhere_or_fails_cleanly():
    net = two_zones("www A 192.0.2.7", f"ns CNAME real\nreal A {EXAMPLE}")
    net.host("org.", "198.51.100.9", zone("org.", "x NS ns.other.net."))
    net.host("x.org.", EXAMPLE, zone("x.org.", "www A 192.0.2.5"))
    answer, watch = run("www.x.org. A", net)
    assert answer.status in ("NOERROR", "SERVFAIL")
    assert watch.asked() < 20


def test_many_questions_share_the_look_up_of_a_server():
    net = glueless_tree()
    answers = World(net, priming=False).ask_all([f"{n}.example.com. A" for n in ("www", "ftp")])
    assert [a.addresses for a, _ in answers] == [["192.0.2.7"], ["192.0.2.8"]]
    assert net.count(OTHER, "ns.other.net.", "A") == 1


def test_glue_outside_the_zone_that_gave_it_is_not_believed():
    net = glueless_tree()
    net.spoof(COM, "ns.other.net. A 203.0.113.66")
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert "203.0.113.66" not in watch.servers


def test_small_tree_is_not_glueless():
    assert "ns1.example.com. A" not in run("www.example.com. A", small_tree())[1].questions
