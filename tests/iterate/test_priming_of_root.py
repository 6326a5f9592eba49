"""Root hints are only where to start; the root itself says the rest (RFC 9609)."""

from trees import COM, ROOT, SECOND, small_tree

from resolver.testing import Internet, World, run, zone


def renumbered() -> tuple[Internet, World]:
    """The hints name ROOT; the root zone says that its server is SECOND."""
    net = Internet()
    net.root(".", ROOT, SECOND, zone(".", f"@ 3600 NS a.root.\na.root. 3600 A {SECOND}"))
    net.host("com.", COM, zone("com.", "www 5 A 192.0.2.7"))
    old = Internet()
    old.root(".", ROOT)
    return net, World(net, hints=old.hints)


def test_the_first_query_is_for_the_root_servers():
    net = small_tree()
    answer, watch = run("www.example.com. A", net)
    assert watch.questions[0] == ". NS"
    assert answer.addresses == ["192.0.2.7"]


def test_a_renumbered_root_is_used_after_priming():
    net, world = renumbered()
    answer, watch = world.ask("www.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ROOT, SECOND, COM]
    assert net.count(ROOT) == 1


def test_priming_is_done_once():
    net, world = renumbered()
    for name in ("a.", "b.", "c."):
        world.ask(f"{name} A")
    assert net.count(name=".", rrtype="NS") == 1


def test_priming_is_repeated_when_its_ttl_has_passed():
    net, world = renumbered()
    world.ask("a. A")
    world.clock.advance(3700)
    world.ask("b. A")
    assert net.count(name=".", rrtype="NS") == 2


def test_without_an_answer_to_priming_the_hints_serve():
    net = small_tree()
    net.servfail(ROOT, name=".", rrtype="NS")
    answer, _ = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]


def test_priming_that_names_no_address_is_not_used():
    net = small_tree()

    def without_addresses(query, response):
        response.record.ar = [rr for rr in response.record.ar if rr.rtype == 41]
        return response

    net.fault(ROOT, without_addresses, rrtype="NS")
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


def test_priming_can_be_switched_off():
    net = small_tree()
    run("www.example.com. A", net, priming=False)
    assert net.count(name=".", rrtype="NS") == 0


def test_dead_root_servers_among_the_hints_do_not_matter():
    net = Internet()
    net.root(".", *[f"198.51.100.{i}" for i in range(10, 23)], zone(".", "www. A 192.0.2.7"))
    for i in range(10, 21):
        net.dead(f"198.51.100.{i}")
    answer, _ = run("www. A", net)
    assert answer.addresses == ["192.0.2.7"]
