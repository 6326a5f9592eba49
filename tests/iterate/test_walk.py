"""From the root hints down to an answer (RFC 1034 section 5.3.3)."""

from trees import COM, EXAMPLE, NET, OTHER, ROOT, SECOND, small_tree

from resolver.testing import Internet, World, run, zone


def test_the_walk_goes_from_zone_to_zone():
    answer, watch = run("www.example.com. A", small_tree(), priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, COM, EXAMPLE]


def test_known_delegations_are_not_asked_for_again():
    world = World(small_tree(), priming=False)
    world.ask("www.example.com. A")
    assert world.ask("mail.example.com. MX")[1].servers == [EXAMPLE]
    assert world.ask("x.com. A")[1].servers == [COM]


def test_a_delegation_ends_with_its_ttl():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", f"example 60 NS ns.example\nns.example 60 A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www 5 A 192.0.2.7"))
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    world.clock.advance(30)
    assert world.ask("www.example.com. A")[1].servers == [EXAMPLE]
    world.clock.advance(31)
    assert world.ask("www.example.com. A")[1].servers == [COM, EXAMPLE]


def test_a_server_of_parent_and_child_answers_for_both():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", COM, zone("example.com.", "www A 192.0.2.7"))
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, COM, COM]


def test_delegations_may_skip_labels():
    net = Internet()
    net.root(".", ROOT)
    net.host("a.b.c.example.", EXAMPLE, zone("a.b.c.example.", "www A 192.0.2.7"))
    answer, watch = run("www.a.b.c.example. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, ROOT, ROOT, ROOT, EXAMPLE]
    watch = run("www.a.b.c.example. A", net, priming=False, qname_minimisation="off")[1]
    assert watch.servers == [ROOT, EXAMPLE]


def test_ipv6_only_servers_are_asked():
    net = Internet()
    net.root(".", "2001:db8::1")
    net.host("com.", "2001:db8::2", zone("com.", "www A 192.0.2.7"))
    answer, watch = run("www.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == ["2001:db8::1", "2001:db8::2"]


def test_a_family_that_is_switched_off_is_not_asked():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", "2001:db8::2", COM, zone("com.", "www A 192.0.2.7"))
    for seed in range(8):
        _, watch = run("www.com. A", net, priming=False, ipv6=False, seed=seed)
        assert watch.servers == [ROOT, COM]


def test_servers_that_must_not_be_asked_are_not():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", "127.0.0.5", COM, zone("com.", "www A 192.0.2.7"))
    for seed in range(8):
        answer, watch = run("www.com. A", net, priming=False, seed=seed)
        assert answer.addresses == ["192.0.2.7"]
        assert "127.0.0.5" not in watch.servers


def test_hints_may_be_on_addresses_that_must_not_be_asked():
    net = Internet()
    net.root(".", "127.0.0.5", zone(".", "www.example. A 192.0.2.7"))
    assert run("www.example. A", net, priming=False)[0].addresses == ["192.0.2.7"]


def test_ds_is_asked_of_the_parent():
    net = Internet()
    net.root(".", ROOT)
    digest = "00" * 32
    text = f"example NS ns.example\nns.example A {EXAMPLE}\nexample DS 1 8 2 {digest}"
    net.host("com.", COM, zone("com.", text))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    answer, watch = world.ask("example.com. DS")
    assert answer.data("DS") == [f"1 8 2 {digest}"]
    assert watch.servers == [COM]


def test_an_answer_of_the_root_itself():
    net = Internet()
    net.root(".", ROOT, zone(".", "example. TXT hello"))
    assert run("example. TXT", net)[0].data("TXT") == ['"hello"']
    assert run("nothing. TXT", net)[0].status == "NXDOMAIN"


def test_a_question_for_the_root_servers():
    answer, _ = run(". NS", small_tree())
    assert answer.data("NS") == ["a.root."]


def test_the_fastest_server_gets_most_questions():
    net = small_tree("*  A 192.0.2.1", EXAMPLE, OTHER, SECOND)
    net.delay(EXAMPLE, 0.15)
    net.delay(SECOND, 0.2)
    world = World(net, priming=False)
    for i in range(100):
        world.ask(f"x{i}.example.com. A")
    assert net.count(OTHER) > 80


def test_a_slow_network_is_waited_for():
    net = Internet(rtt_s=0.3)
    net.root(".", ROOT)
    net.host("net.", NET, zone("net.", "www A 192.0.2.7"))
    answer, watch = run("www.net. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, NET]


def test_any_is_answered_with_what_the_server_has():
    answer, _ = run("www.example.com. ANY", small_tree())
    assert answer.addresses == ["192.0.2.7", "2001:db8::7"]


def test_unknown_types_are_carried():
    net = small_tree(r"x TYPE65280 \# 3 010203")
    assert run("x.example.com. TYPE65280", net)[0].answer.answer[0].rdatas == (b"\1\2\3",)
