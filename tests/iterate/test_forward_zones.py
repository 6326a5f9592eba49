"""Names that are handed to other resolvers: where they go, and what is done when those fail
(R15, R29)."""

import pytest
from trees import COM, EXAMPLE, ROOT, small_tree, two_zones

from resolver import names
from resolver.codes import Ede
from resolver.iterate.route import Route
from resolver.model import Address
from resolver.testing import Internet, Query, Response, World, records, route, run, zone
from resolver.tls import Proof, TlsAddress

ONE, TWO, THREE = (f"203.0.113.{i}" for i in (1, 2, 3))


def with_forwarders(net: Internet, *addresses: str) -> Internet:
    net.resolver(*(addresses or (ONE,)))
    return net


def test_a_suffix_goes_to_its_forwarder_and_the_rest_is_walked():
    net = with_forwarders(two_zones("www A 192.0.2.7", "www A 192.0.2.8"))
    world = World(net, routes=[route("example.com.", ONE)])
    answer, watch = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ONE]
    answer, watch = world.ask("www.other.net. A")
    assert answer.addresses == ["192.0.2.8"]
    assert watch.servers[0] == ROOT
    assert watch.asked(ONE) == 0


def test_forwarders_are_asked_with_rd_and_others_without():
    net = with_forwarders(small_tree())
    desired: dict[str, int] = {}

    def note(query: Query, response: Response) -> Response:
        desired[query.server] = query.record.header.rd
        return response

    net.fault("*", note)
    run("www.example.com. A", net, routes=[route("example.com.", ONE)])
    run("www.example.com. A", net, routes=[])
    assert desired.pop(ONE) == 1
    assert set(desired.values()) == {0}


def test_the_root_forwards_everything_and_is_never_asked():
    net = with_forwarders(two_zones("www CNAME www.other.net.", "www A 192.0.2.8"))
    answer, watch = run("www.example.com. A", net, routes=[route(".", ONE)])
    assert answer.addresses == ["192.0.2.8"]
    assert answer.chain == ["www.example.com."]
    assert watch.servers == [ONE], "the target was trusted: it is in the forward zone"


def test_the_longest_suffix_wins_whatever_it_is():
    net = with_forwarders(small_tree(), ONE, TWO)
    net.host("lab.com.", THREE, zone("lab.com.", "www A 192.0.2.9\nwww.sub A 192.0.2.10"))
    routes = [
        route(".", ONE),
        route("lab.com.", THREE, mode="stub"),
        route("sub.lab.com.", TWO),
    ]
    world = World(net, routes=routes)
    assert world.ask("www.example.com. A")[1].servers == [ONE]
    assert world.ask("www.lab.com. A")[1].servers == [THREE]
    assert world.ask("www.sub.lab.com. A")[1].servers == [TWO]


def test_a_name_that_only_ends_in_the_same_letters_is_not_forwarded():
    net = with_forwarders(small_tree())
    net.host("badexample.com.", THREE, zone("badexample.com.", "www A 192.0.2.66"))
    _, watch = run("www.badexample.com. A", net, routes=[route("example.com.", ONE)])
    assert watch.asked(ONE) == 0


@pytest.mark.parametrize(
    ("question", "status"),
    [("nothing.example.com. A", "NXDOMAIN"), ("www.example.com. TXT", "NOERROR")],
)
def test_denials_of_a_forwarder_are_passed_on_and_remembered(question: str, status: str):
    net = with_forwarders(small_tree())
    world = World(net, routes=[route("example.com.", ONE)])
    answer, _ = world.ask(question)
    assert (answer.status, answer.records) == (status, [])
    assert answer.authority[0].startswith("example.com. ")
    assert world.ask(question)[1].asked() == 0


def test_an_alias_that_leaves_the_forward_zone_is_walked_to():
    net = with_forwarders(two_zones("www CNAME www.other.net.", "www A 192.0.2.8"))
    lie = net.spoof(ONE, "www.other.net. A 192.0.2.66", "answer")
    answer, watch = run("www.example.com. A", net, routes=[route("example.com.", ONE)])
    assert lie.hits
    assert answer.addresses == ["192.0.2.8"]
    assert watch.servers.count(ONE) == 1
    assert watch.servers[1] == ROOT


def test_an_alias_into_a_longer_route_is_asked_there():
    net = with_forwarders(small_tree("www CNAME www.lab\nwww.lab A 192.0.2.66"), ONE, TWO)
    routes = [route("example.com.", ONE), route("lab.example.com.", TWO)]
    answer, watch = run("www.example.com. A", net, routes=routes)
    assert answer.addresses == ["192.0.2.66"]
    assert watch.servers == [ONE, TWO]


def test_an_alias_out_of_the_walk_into_a_forward_zone_is_forwarded():
    net = with_forwarders(two_zones("www CNAME www.other.net.", "www A 192.0.2.8"))
    answer, watch = run("www.example.com. A", net, routes=[route("other.net.", ONE)])
    assert answer.addresses == ["192.0.2.8"]
    assert watch.servers[-1] == ONE


@pytest.mark.parametrize(
    "planted",
    [
        ("www.other.net. A 192.0.2.66", "answer"),
        ("other.net. NS ns.evil.net.", "authority"),
        ("net. NS ns.evil.net.", "authority"),
        (". NS ns.evil.net.", "authority"),
        ("www.other.net. A 192.0.2.66", "additional"),
        ("other.net. SOA ns.evil.net. x.evil.net. 1 2 3 4 3600", "authority"),
    ],
)
def test_nothing_a_forwarder_says_beyond_its_zone_is_kept(planted: tuple[str, str]):
    """MaginotDNS (CVE-2021-25220): a forwarder for one zone must not speak for others."""
    net = with_forwarders(two_zones("www A 192.0.2.7", "www A 192.0.2.8"))
    net.spoof(ONE, *planted)
    world = World(net, routes=[route("example.com.", ONE)])
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    answer, watch = world.ask("www.other.net. A")
    assert answer.addresses == ["192.0.2.8"]
    assert watch.asked(ONE) == 0


def test_a_zone_walked_to_cannot_speak_for_a_forward_zone_inside_it():
    net = with_forwarders(small_tree("www CNAME www.lab"))
    net.host("lab.example.com.", THREE, zone("lab.example.com.", "www A 192.0.2.9"))
    net.spoof(EXAMPLE, "www.lab.example.com. A 192.0.2.66", "answer")
    world = World(net, routes=[route("lab.example.com.", ONE)])
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.9"]
    assert world.ask("www.lab.example.com. A")[0].addresses == ["192.0.2.9"]


def test_denied_above_is_not_denied_in_the_forward_zone():
    net = with_forwarders(small_tree())
    world = World(net, routes=[route("corp.lab.example.com.", ONE)])
    assert world.ask("lab.example.com. A")[0].status == "NXDOMAIN"
    net.fault(ONE, _answers_with("www.corp.lab.example.com. 60 A 192.0.2.9"))
    assert world.ask("www.corp.lab.example.com. A")[0].addresses == ["192.0.2.9"]


def _answers_with(text: str):
    def answer(query: Query, response: Response) -> Response:
        response.record.header.rcode = 0
        response.record.auth = []
        response.record.rr = records(text)
        return response

    return answer


FAILURES = {
    "dead": Internet.dead,
    "servfail": Internet.servfail,
    "refused": Internet.refuse,
    "garbage": Internet.garbage,
    "unreachable": Internet.unreachable,
    "no resolver": lambda net, server: net.fault(server, _refers),
}


def _refers(query: Query, response: Response) -> Response:
    response.record.rr = []
    response.record.auth = records("example.com. 60 NS ns1.example.com.")
    response.record.header.ra = 0
    return response


@pytest.mark.parametrize("failure", FAILURES)
def test_only_means_that_nobody_else_is_asked(failure: str):
    net = with_forwarders(small_tree())
    FAILURES[failure](net, ONE)
    answer, watch = run("www.example.com. A", net, routes=[route("example.com.", ONE)])
    assert answer.status == "SERVFAIL"
    assert set(watch.servers) == {ONE}
    (code, text), *_ = answer.errors
    assert code == Ede.NO_REACHABLE_AUTHORITY
    assert "example.com." in text
    assert ONE in text


@pytest.mark.parametrize("failure", FAILURES)
def test_another_forwarder_answers_when_one_fails(failure: str):
    net = with_forwarders(small_tree(), ONE, TWO)
    FAILURES[failure](net, ONE)
    for seed in range(4):
        answer, _ = run("www.example.com. A", net, routes=[route(".", ONE, TWO)], seed=seed)
        assert answer.addresses == ["192.0.2.7"]


def test_a_dead_forwarder_is_remembered_and_the_live_one_asked_first():
    net = with_forwarders(small_tree("* A 192.0.2.1"), ONE, TWO)
    net.dead(ONE)
    world = World(net, routes=[route("example.com.", ONE, TWO)])
    for i in range(100):
        assert world.ask(f"x{i}.example.com. A")[0].addresses == ["192.0.2.1"]
    assert net.count(ONE) <= 15


@pytest.mark.parametrize("failure", FAILURES)
def test_first_means_that_the_walk_takes_over(failure: str):
    net = with_forwarders(small_tree())
    FAILURES[failure](net, ONE)
    world = World(net, routes=[route("example.com.", ONE, mode="first")], priming=False)
    start = world.clock.now()
    answer, watch = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked(ONE)
    assert watch.servers[-1] == EXAMPLE
    assert world.clock.now() - start <= 8.0
    assert world.recursion.metrics.fallback_used_total == 1


def test_first_asks_nobody_else_while_the_forwarder_answers():
    net = with_forwarders(small_tree())
    world = World(net, routes=[route(".", ONE, mode="first")])
    assert world.ask("www.example.com. A")[1].servers == [ONE]
    assert world.ask("no.example.com. A")[1].servers == [ONE], "NXDOMAIN is no failure"
    assert world.recursion.metrics.fallback_used_total == 0


def test_first_falls_back_to_the_next_shorter_route():
    net = with_forwarders(small_tree(), ONE, TWO)
    net.refuse(ONE)
    routes = [route("example.com.", ONE, mode="first"), route(".", TWO)]
    answer, watch = run("www.example.com. A", net, routes=routes)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers == [ONE, TWO]


def test_fallback_asks_the_forwarder_only_when_the_walk_fails():
    net = with_forwarders(small_tree())
    world = World(net, routes=[route(".", ONE, mode="fallback")], priming=False)
    assert world.ask("www.example.com. A")[1].asked(ONE) == 0
    assert world.recursion.metrics.fallback_used_total == 0
    net.refuse(EXAMPLE)
    answer, watch = world.ask("mail.example.com. MX")
    assert answer.data("MX") == ["10 www.example.com."]
    assert watch.servers[-1] == ONE
    assert world.recursion.metrics.fallback_used_total >= 1


def test_fallback_serves_when_the_way_out_is_blocked():
    """R29: every authority is out of reach, and answers continue by the second path."""
    net = with_forwarders(small_tree())
    for server in net.servers:
        if server != ONE:
            net.unreachable(server)
    answer, _ = run("www.example.com. A", net, routes=[route(".", ONE, mode="fallback")])
    assert answer.addresses == ["192.0.2.7"]


def test_fallback_is_left_time_when_every_root_server_is_silent():
    """R29: there are so many that asking them all takes longer than a question may."""
    net = Internet()
    for i in range(13):
        net.root(".", f"198.51.100.{i + 10}")
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    with_forwarders(net)
    for server in net.servers:
        if server != ONE:
            net.dead(server)
    world = World(net, routes=[route(".", ONE, mode="fallback")], max_time=8.0)
    asked_at = world.clock.now()
    answer, _ = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert world.clock.now() - asked_at < 5.0
    assert world.recursion.metrics.fallback_used_total >= 1


def test_a_forwarder_with_a_proof_is_never_asked_without_tls():
    """RFC 8310 section 5: neither at first, nor when an answer tempts to try otherwise."""
    net = with_forwarders(small_tree())
    net.no_edns(ONE)
    to = TlsAddress(ONE, 853, Proof("dns.example"))
    world = World(net, routes=[Route(names.ROOT, (to,), "only")])
    for name in ("www", "mail"):
        answer, _ = world.ask(f"{name}.example.com. A")
        assert answer.status == "NOERROR"
    assert world.recursion.servers.at(to, world.clock.now()).replies > 0
    net.dead(ONE)
    answer, watch = world.ask("other.example.com. A")
    assert answer.status == "SERVFAIL"
    assert {seen.stream for seen in net.log} == {True}
    assert any(f"{ONE}#853" in line and "over TLS" in line for line in watch.lines())


def test_a_forwarder_that_wants_tls_is_another_one_than_that_without():
    secure, plain = TlsAddress(ONE, 853, Proof("a.example")), Address(ONE, 853)
    assert secure != plain
    assert plain != secure
    assert secure != TlsAddress(ONE, 853, Proof("b.example"))
    assert secure == TlsAddress(ONE, 853, Proof("a.example"))
    assert len({secure, plain}) == 2


def test_aliases_of_a_forwarder_that_loop_end():
    net = with_forwarders(small_tree("a CNAME b\nb CNAME a"))
    net.fault(ONE, _loops)
    answer, watch = run("a.example.com. A", net, routes=[route("example.com.", ONE)])
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 12


def _loops(query: Query, response: Response) -> Response:
    other = "b" if query.name.startswith("a") else "a"
    response.record.header.rcode = 0
    response.record.auth = []
    response.record.rr = records(f"{query.name} 60 CNAME {other}.example.com.")
    return response


def test_a_truncated_reply_of_a_forwarder_is_asked_for_again_over_tcp():
    net = with_forwarders(small_tree("\n".join(f"big A 192.0.2.{i}" for i in range(200))))
    net.truncate(ONE)
    answer, watch = run("big.example.com. A", net, routes=[route(".", ONE)])
    assert len(answer.addresses) == 200
    assert [ask.stream for ask in watch.asks] == [False, True]


def test_ds_of_a_forward_zone_belongs_to_its_parent():
    net = with_forwarders(small_tree())
    net.host("corp.example.com.", THREE, zone("corp.example.com.", "www A 192.0.2.9"))
    _, watch = run("corp.example.com. DS", net, routes=[route("corp.example.com.", ONE)])
    assert watch.asked(ONE) == 0
    assert watch.servers[-1] == EXAMPLE


def test_answers_of_forwarders_come_from_the_cache_until_they_expire():
    net = with_forwarders(small_tree("www 60 A 192.0.2.7"))
    world = World(net, routes=[route(".", ONE)])
    world.ask("www.example.com. A")
    world.clock.advance(20)
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, watch.asked()) == (40, 0)
