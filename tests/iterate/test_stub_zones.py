"""Zones whose servers are configured: asked with RD=0, and followed through their own delegations
(R16); and where S09 bars the way."""

from trees import ROOT, small_tree

from resolver.testing import Internet, Query, Response, World, records, route, run, zone

LAB, CHILD = "10.0.0.53", "10.0.0.54"


def with_lab() -> Internet:
    """The public tree, and a private zone whose parent denies it to the world."""
    net = small_tree()
    net.fault(ROOT, _denied, name="internal.")
    net.host(
        "lab.internal.", LAB, zone("lab.internal.", "www A 10.1.1.1\nout CNAME www.example.com.")
    )
    net.host("sub.lab.internal.", CHILD, zone("sub.lab.internal.", "www A 10.1.1.2"))
    return net


def _denied(query: Query, response: Response) -> Response:
    response.record.header.rcode = 3
    response.record.header.aa = 1
    response.record.auth = records(". 300 SOA a.root. x. 1 2 3 4 300")
    response.record.ar = [rr for rr in response.record.ar if rr.rtype == 41]
    return response


def stub() -> list:
    return [route("lab.internal.", LAB, mode="stub")]


def test_a_private_zone_is_resolved_by_its_own_servers():
    desired = []

    def note(query: Query, response: Response) -> Response:
        desired.append(query.record.header.rd)
        return response

    net = with_lab()
    net.fault(LAB, note)
    answer, watch = run("www.lab.internal. A", net, routes=stub())
    assert answer.addresses == ["10.1.1.1"]
    assert watch.servers == [LAB]
    assert desired == [0]


def test_its_delegations_are_followed():
    world = World(with_lab(), routes=stub())
    answer, watch = world.ask("www.sub.lab.internal. A")
    assert answer.addresses == ["10.1.1.2"]
    assert watch.servers[-1] == CHILD
    assert ROOT not in watch.servers
    answer, watch = world.ask("nothing.sub.lab.internal. A")
    assert answer.status == "NXDOMAIN"
    assert set(watch.servers) == {CHILD}, "the delegation was remembered"


def test_its_aliases_lead_out_into_the_public_tree():
    answer, watch = run("out.lab.internal. A", with_lab(), routes=stub())
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers[:2] == [LAB, ROOT]


def test_public_aliases_lead_into_it():
    net = with_lab()
    net.host("pub.com.", "198.51.100.77", zone("pub.com.", "www CNAME www.lab.internal."))
    answer, watch = run("www.pub.com. A", net, routes=stub())
    assert answer.addresses == ["10.1.1.1"]
    assert watch.servers[-1] == LAB


def test_without_the_stub_it_does_not_exist():
    assert run("www.lab.internal. A", with_lab())[0].status == "NXDOMAIN"


def test_a_denial_of_its_parent_does_not_hide_it():
    world = World(with_lab(), routes=stub())
    assert world.ask("internal. A")[0].status == "NXDOMAIN"
    assert world.ask("www.lab.internal. A")[0].addresses == ["10.1.1.1"]


def test_a_dead_stub_server_leads_nowhere_else():
    net = with_lab()
    net.dead(LAB)
    answer, watch = run("www.lab.internal. A", net, routes=stub())
    assert answer.status == "SERVFAIL"
    assert set(watch.servers) == {LAB}
    assert "lab.internal." in answer.errors[0][1]


def test_a_server_of_a_stub_may_be_in_a_barred_prefix_and_nobody_else():
    """S09: a referral into do_not_query is followed only where a stub names the server."""
    net = with_lab()
    barred = {"do_not_query": ["10.0.0.0/8"]}
    assert run("www.lab.internal. A", net, routes=stub(), **barred)[0].addresses == ["10.1.1.1"]
    answer, watch = run("www.sub.lab.internal. A", net, routes=stub(), **barred)
    assert answer.status == "SERVFAIL"
    assert set(watch.servers) == {LAB}
    both = [*stub(), route("sub.lab.internal.", CHILD, mode="stub")]
    answer, _ = run("www.sub.lab.internal. A", net, routes=both, **barred)
    assert answer.addresses == ["10.1.1.2"]


def test_the_address_of_a_stub_is_trusted_in_referrals_as_well():
    net = small_tree()
    net.host("lab.com.", LAB, zone("lab.com.", "www A 192.0.2.9"))
    barred = {"do_not_query": ["10.0.0.0/8"]}
    assert run("www.lab.com. A", net, **barred)[0].status == "SERVFAIL"
    other = [route("elsewhere.internal.", LAB, mode="stub")]
    assert run("www.lab.com. A", net, routes=other, **barred)[0].addresses == ["192.0.2.9"]
