"""Delegations that are partly or wholly wrong: glue, parent-side and child-side name servers."""

import pytest
from trees import COM, EXAMPLE, NET, OTHER, ROOT, SECOND

from resolver.testing import Internet, World, run, zone

DEAD = "203.0.113.1"


def delegated(text: str) -> Internet:
    """com. with this text; net. and other.net. for name servers; example.com. on EXAMPLE."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", text))
    net.host("net.", NET)
    net.host("other.net.", OTHER, zone("other.net.", f"ns A {EXAMPLE}\ngone A {DEAD}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7\nftp A 192.0.2.8"))
    return net


@pytest.mark.parametrize("wrong", [1, 2, 3])
@pytest.mark.parametrize("how", ["dead", "lame"])
def test_some_glue_is_wrong(wrong: int, how: str):
    lines = [f"example NS ns{i}.example\nns{i}.example A 203.0.113.{i}" for i in range(wrong)]
    net = delegated("\n".join([*lines, f"example NS ok.example\nok.example A {EXAMPLE}"]))
    if how == "lame":
        net.host("unrelated.org.", *(f"203.0.113.{i}" for i in range(wrong)))
    answer, _ = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]


def test_an_address_of_a_server_is_wrong_and_another_right():
    net = delegated(f"example NS ns.example\nns.example A {DEAD}\nns.example A {EXAMPLE}")
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


def test_all_glue_is_wrong_and_the_name_has_a_right_address():
    """The parent keeps an old address of a server of another zone below it."""
    net = delegated(
        f"example NS ns.sister\nns.sister A {DEAD}\nsister NS ns2.sister\nns2.sister A {OTHER}"
    )
    net.host("sister.com.", OTHER, zone("sister.com.", f"ns A {EXAMPLE}\nns2 A {OTHER}"))
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert DEAD in watch.servers


def test_all_glue_is_wrong_and_the_cache_knows_better():
    """The child's own word on its servers' addresses, from when the glue was right."""
    net = delegated(f"example NS ns.example\nns.example 60 A {EXAMPLE}\nexample 60 NS ns.example")
    net.host("example.com.", SECOND, zone("example.com.", f"ns 3600 A {EXAMPLE}\n* A 192.0.2.9"))
    world = World(net, priming=False)
    world.ask("ns.example.com. A")
    world.recursion.delegations.clear()
    net.fault(COM, lambda query, response: _other_glue(response))
    assert world.ask("x.example.com. A")[0].status in ("NOERROR", "NXDOMAIN")


def _other_glue(response):
    import dnslib

    for rr in response.record.ar:
        if rr.rtype == 1:
            rr.rdata = dnslib.A(DEAD)
    return response


def test_glue_in_a_prefix_that_is_not_asked_is_looked_up_instead():
    net = delegated(
        f"example NS ns.sister\nns.sister A 127.0.0.9\nsister NS ns2.sister\nns2.sister A {OTHER}"
    )
    net.host("sister.com.", OTHER, zone("sister.com.", f"ns A {EXAMPLE}\nns2 A {OTHER}"))
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert "127.0.0.9" not in watch.servers
    assert any("127.0.0.9" in line and "do_not_query" in line for line in watch.lines())


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "127.255.0.1", "0.1.2.3"])
def test_a_delegation_to_this_very_machine_leads_nowhere_and_says_so(address: str):
    """Bar 17, CVE-2026-50251."""
    net = delegated(f"example NS ns.example\nns.example A {address}")
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert address not in watch.servers
    assert f"{address}#53 not asked (recursion.do_not_query)" in answer.errors[0][1]


@pytest.mark.parametrize("address", ["::1", "::", "::ffff:7f00:1"])
def test_nor_does_one_over_ipv6(address: str):
    net = delegated(f"example NS ns.example\nns.example AAAA {address}")
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.servers == [ROOT, COM]


def test_the_operators_list_of_bogus_servers_holds():
    net = delegated(f"example NS ns.example\nns.example A {EXAMPLE}")
    answer, watch = run("www.example.com. A", net, priming=False, do_not_query=["198.51.100.4/32"])
    assert answer.status == "SERVFAIL"
    assert EXAMPLE not in watch.servers
    assert "do_not_query" in answer.errors[0][1]


def test_an_address_that_was_looked_up_is_held_to_it_too():
    net = delegated("example NS ns.other.net.")
    answer, watch = run("www.example.com. A", net, do_not_query=["198.51.100.4/32"])
    assert answer.status == "SERVFAIL"
    assert EXAMPLE not in watch.servers


@pytest.mark.parametrize("stale", ["ns.example", "ns.other.net."])
def test_the_child_lists_fewer_servers_than_the_parent(stale: str):
    net = delegated(
        f"example NS {stale}\nexample NS ok.example\nok.example A {EXAMPLE}\nns.example A {DEAD}"
    )
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_the_child_lists_other_servers_that_do_not_exist():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", f"example NS ns.example\nns.example A {EXAMPLE}"))
    text = "@ NS nowhere\n@ NS nothing.other.net.\nwww A 192.0.2.7\nftp A 192.0.2.8"
    net.host("example.com.", EXAMPLE, zone("example.com.", text))
    world = World(net)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    assert len(world.ask("example.com. NS")[0].data("NS")) == 2
    answer, watch = world.ask("ftp.example.com. A")
    assert (answer.addresses, watch.servers) == (["192.0.2.8"], [EXAMPLE])


def test_servers_that_only_the_child_lists_help_when_the_parents_are_gone():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", f"example NS old.example\nold.example A {EXAMPLE}"))
    net.host("net.", NET)
    net.host("other.net.", OTHER, zone("other.net.", f"ns A {SECOND}"))
    text = f"@ NS old\n@ NS ns.other.net.\nold A {EXAMPLE}\nwww A 192.0.2.7\nftp A 192.0.2.8"
    net.host("example.com.", EXAMPLE, zone("example.com.", text))
    net.host("example.com.", SECOND, zone("example.com.", text))
    world = World(net)
    world.ask("example.com. NS")
    net.dead(EXAMPLE)
    answer, watch = world.ask("ftp.example.com. A")
    assert answer.addresses == ["192.0.2.8"], watch.lines()


def test_the_parents_word_is_asked_first():
    """What the child lists is not used while the parent's servers answer."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", f"example NS ns.example\nns.example A {EXAMPLE}"))
    text = f"@ NS ns\n@ NS evil\nns A {EXAMPLE}\nevil A 203.0.113.66\n* A 192.0.2.7"
    net.host("example.com.", EXAMPLE, zone("example.com.", text))
    world = World(net)
    world.ask("example.com. NS")
    world.ask("evil.example.com. A")
    for i in range(30):
        assert world.ask(f"x{i}.example.com. A")[1].servers == [EXAMPLE]


def test_a_name_server_that_is_listed_twice_is_one():
    net = delegated(
        f"example NS a.example\nexample NS b.example\na.example A {DEAD}\nb.example A {DEAD}"
    )
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked(DEAD) <= 4


def test_everything_of_a_zone_on_the_server_of_its_parent():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", COM, zone("example.com.", "www A 192.0.2.7"))
    net.host("sub.example.com.", COM, zone("sub.example.com.", "www A 192.0.2.8"))
    assert run("www.sub.example.com. A", net)[0].addresses == ["192.0.2.8"]


def test_glue_for_thirteen_servers_of_which_one_is_right():
    lines = [f"example NS ns{i}.example\nns{i}.example A 203.0.113.{i}" for i in range(1, 13)]
    net = delegated("\n".join([*lines, f"example NS ok.example\nok.example A {EXAMPLE}"]))
    answer, _ = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert answer.took_s <= 3
