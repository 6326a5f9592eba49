"""What the engine's tests show on a virtual clock, once more with a real process on real sockets.

One process and one hierarchy for the whole module; each case has zones of its own in it.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from drip import Drip
from resolver_process import resolver_process

from resolver.model import Address
from resolver.testing import Internet, Loopback, Query, Response, records, zone

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

ROOT, COM, NET = "198.51.100.1", "198.51.100.2", "198.51.100.3"
BARRED = "203.0.113.250"
DRIP = "198.51.100.240"

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "{directory}"

[recursion]
root_hints = "root.hints"
do_not_query = ["{barred}/32"]
special_names = false
serve_stale = "1h"

[outgoing]
port = {port}

[cache]
snapshot = false

[control]
socket = ""
"""


class Tree:
    """The hierarchy; every zone gets servers of its own."""

    def __init__(self) -> None:
        self.net = Internet(seed=3)
        self.net.root(".", ROOT)
        self.net.host("net.", NET)
        self._numbers = iter(range(10, 230))
        self._by_hand: list[str] = []

    def add(self, label: str, text: str, *, servers: int = 1) -> list[str]:
        """LABEL.com. with this text; its servers."""
        addresses = [f"198.51.100.{next(self._numbers)}" for _ in range(servers)]
        self.net.host(f"{label}.com.", *addresses, zone(f"{label}.com.", text))
        return addresses

    def delegate(self, text: str) -> None:
        """Lines for com. that no server of the tree stands behind."""
        self._by_hand.append(text)

    def finish(self) -> Internet:
        self.net.host("com.", COM, zone("com.", "\n".join(self._by_hand)))
        return self.net


@dataclass
class Running:
    """The hierarchy, bound, and the resolver in front of it."""

    net: Internet
    up: Loopback
    servers: dict[str, list[str]]
    resolver: Address

    def ask(self, name: str, rrtype: str = "A", *, seconds: float = 30) -> dns.message.Message:
        query = dns.message.make_query(name, rrtype, use_edns=0, payload=1232)
        reply, _ = dns.query.udp_with_fallback(
            query, self.resolver.ip, port=self.resolver.port, timeout=seconds
        )
        return reply

    def addresses(self, name: str) -> list[str]:
        return texts(self.ask(name))


def texts(reply: dns.message.Message) -> list[str]:
    return [str(rdata) for rdata in reply.answer[-1]] if reply.answer else []


def status(reply: dns.message.Message) -> str:
    return dns.rcode.to_text(reply.rcode())


def errors(reply: dns.message.Message) -> dict[int, str]:
    return {
        int(option.code): option.text or ""
        for option in reply.options
        if isinstance(option, dns.edns.EDEOption)
    }


def build_tree() -> tuple[Internet, dict[str, list[str]]]:
    tree = Tree()
    servers = {
        "good": tree.add("good", "www A 192.0.2.1\nto CNAME www.other.net.\nwww.a.b.c A 192.0.2.2"),
        "ent": tree.add("ent", "www.a.b.c A 192.0.2.3"),
        "shy": tree.add("shy", "www.a.b.c A 192.0.2.4"),
        "lame": tree.add("lame", "www A 192.0.2.5", servers=3),
        "half": tree.add("half", "* A 192.0.2.6", servers=2),
        "gone": tree.add("gone", "www A 192.0.2.66", servers=1),
        "fails": tree.add("fails", "www A 192.0.2.66", servers=2),
        "long": tree.add("long", "\n".join(f"www A 10.0.0.{i}" for i in range(100))),
        "noedns": tree.add("noedns", "www A 192.0.2.7"),
        "lower": tree.add("lower", "www A 192.0.2.8"),
        "forged": tree.add("forged", "www A 192.0.2.9"),
        "loop": tree.add("loop", "www CNAME a\na CNAME www"),
        "endless": tree.add("endless", "* CNAME x"),
        "stale": tree.add("stale", "www 1 A 192.0.2.10"),
        "fresh": tree.add("fresh", "www 9 A 192.0.2.11"),
        "ghost": tree.add("ghost", "@ 86400 NS ns1\nns1 86400 A 198.51.100.239\n* 1 A 192.0.2.12"),
        "dname": tree.add("dname", "old DNAME new.other.net."),
        "zero": tree.add("zero", "www 0 A 192.0.2.13"),
        "many": tree.add("many", "* A 192.0.2.14"),
    }
    net = tree.net
    tree.delegate("\n".join(f"nxns NS ns{i}.victim.net." for i in range(130)))
    tree.delegate("tsua NS ns.tsub.com.\ntsub NS ns.tsua.com.")
    tree.delegate(f"barred NS ns.barred\nns.barred A {BARRED}")
    tree.delegate(f"closed NS ns.closed\nns.closed A {DRIP}")
    tree.delegate("glueless NS ns.other.net.")
    ghost = servers["ghost"][0]
    tree.delegate(f"ghost 3 NS ns1.ghost\nns1.ghost 3 A {ghost}")
    net.host("victim.net.", "198.51.100.230")
    net.host(
        "other.net.",
        "198.51.100.231",
        zone("other.net.", "www A 192.0.2.20\nwww.new A 192.0.2.21\nns A 198.51.100.232"),
    )
    net.host("glueless.com.", "198.51.100.232", zone("glueless.com.", "www A 192.0.2.22"))
    net.host("drip.com.", DRIP)
    net.unreachable(DRIP)
    return tree.finish(), servers


def break_things(net: Internet, servers: dict[str, list[str]]) -> None:
    def deny_ents(query: Query, response: Response) -> Response:
        if query.name != "www.a.b.c.ent.com.":
            response.record.header.rcode = 3
        return response

    net.fault(servers["ent"][0], deny_ents, name="c.ent.com.")
    for name in ("c.shy.com.", "b.c.shy.com.", "a.b.c.shy.com."):
        net.fault(servers["shy"][0], _refuse_exactly(name), name=name)
    net.lame(servers["lame"][0])
    net.lame(servers["lame"][1], "upward")
    net.dead(servers["half"][0])
    net.dead(servers["gone"][0])
    for server in servers["fails"]:
        net.servfail(server)
    net.no_edns(servers["noedns"][0])
    net.lose_case(servers["lower"][0])
    net.forge(servers["forged"][0], "www.forged.com. A 192.0.2.66", guesses=5, over="udp")

    def grow(query: Query, response: Response) -> Response:
        response.record.rr = records(f"{query.name} CNAME x{query.name}")
        return response

    net.fault(servers["endless"][0], grow)


def _refuse_exactly(name: str):
    def fault(query: Query, response: Response) -> Response:
        if query.name == name:
            response.record.rr, response.record.auth = [], []
            response.record.header.rcode = 5
        return response

    return fault


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory: Path = tmp_path_factory.mktemp("recursion")
    net, servers = build_tree()
    break_things(net, servers)
    with Loopback(net) as up:
        up.write_hints(directory / "root.hints")
        config = CONFIG.format(directory=directory, port=up.port, barred=BARRED)
        with resolver_process(directory, config) as resolver:
            yield Running(net, up, servers, resolver)


def asked(running: Running, label: str) -> int:
    return sum(running.net.count(server) for server in running.servers[label])


def test_an_alias_into_another_zone(running: Running):
    reply = running.ask("to.good.com.")
    assert texts(reply) == ["192.0.2.20"]
    assert reply.flags & dns.flags.RA
    assert not reply.flags & dns.flags.AA


def test_a_dname(running: Running):
    reply = running.ask("www.old.dname.com.")
    assert texts(reply) == ["192.0.2.21"]
    assert len(reply.answer) == 3


def test_a_deep_name_is_shown_label_by_label(running: Running):
    assert running.addresses("www.a.b.c.good.com.") == ["192.0.2.2"]
    shown = [seen.question.split()[0] for seen in list(running.net.log) if seen.server == COM]
    assert shown
    assert all(name.count(".") <= 2 for name in shown)


def test_a_server_that_denies_empty_non_terminals(running: Running):
    assert running.addresses("www.a.b.c.ent.com.") == ["192.0.2.3"]


def test_a_server_that_refuses_shortened_names(running: Running):
    assert running.addresses("www.a.b.c.shy.com.") == ["192.0.2.4"]


def test_two_lame_servers_of_three(running: Running):
    assert running.addresses("www.lame.com.") == ["192.0.2.5"]


def test_a_dead_server_costs_little(running: Running):
    for i in range(60):
        assert running.addresses(f"x{i}.half.com.") == ["192.0.2.6"]
    assert running.net.count(running.servers["half"][0]) <= 5


def test_a_dead_zone_fails_and_then_without_asking(running: Running):
    reply = running.ask("www.gone.com.")
    assert status(reply) == "SERVFAIL"
    assert "gone.com." in errors(reply)[22]
    before = asked(running, "gone")
    assert before <= 5
    for _ in range(20):
        assert {13, 22} <= set(errors(running.ask("www.gone.com.")))
    assert asked(running, "gone") == before


def test_failures_name_zone_server_and_reason(running: Running):
    text = errors(running.ask("www.fails.com."))[22]
    assert "fails.com." in text
    assert "SERVFAIL" in text
    assert running.up.address(running.servers["fails"][0]) in text


def test_a_hundred_queries_for_a_failing_name_cause_one_attempt(running: Running):
    before = asked(running, "fails")
    for _ in range(100):
        assert status(running.ask("other.fails.com.")) == "SERVFAIL"
    assert asked(running, "fails") - before <= 2


def test_a_long_answer_comes_over_tcp_on_both_sides(running: Running):
    assert len(running.addresses("www.long.com.")) == 100
    assert running.net.count(running.servers["long"][0], stream=True) == 1


def test_a_server_without_edns(running: Running):
    assert running.addresses("www.noedns.com.") == ["192.0.2.7"]


def test_a_server_that_loses_the_case(running: Running):
    assert running.addresses("www.lower.com.") == ["192.0.2.8"]


def test_forged_replies_are_not_believed(running: Running):
    assert running.addresses("www.forged.com.") == ["192.0.2.9"]
    assert running.net.count(running.servers["forged"][0], stream=True) >= 1


def test_an_alias_loop_is_told(running: Running):
    reply = running.ask("www.loop.com.")
    assert status(reply) == "SERVFAIL"
    assert "loop" in errors(reply)[0]


def test_an_endless_chain_is_cut(running: Running):
    assert status(running.ask("a.endless.com.")) == "SERVFAIL"
    assert asked(running, "endless") <= 14


def test_name_servers_without_addresses(running: Running):
    assert status(running.ask("www.nxns.com.")) == "SERVFAIL"
    assert running.net.count("198.51.100.230") <= 12


def test_zones_served_from_each_other(running: Running):
    before = len(running.net.log)
    assert status(running.ask("www.tsua.com.")) == "SERVFAIL"
    assert len(running.net.log) - before <= 10


def test_a_glueless_delegation(running: Running):
    assert running.addresses("www.glueless.com.") == ["192.0.2.22"]


def test_a_barred_server_is_not_asked_and_the_client_is_told(running: Running):
    reply = running.ask("www.barred.com.")
    assert status(reply) == "SERVFAIL"
    assert "do_not_query" in errors(reply)[22]


def test_a_closed_port_is_no_reason_to_wait(running: Running):
    assert status(running.ask("www.closed.com.")) == "SERVFAIL"


def test_ttl_zero_is_fetched_each_time(running: Running):
    for _ in range(3):
        assert running.addresses("www.zero.com.") == ["192.0.2.13"]
    assert running.net.count(running.servers["zero"][0], "www.zero.com.") == 3


def test_a_stale_answer_and_its_end(running: Running):
    assert running.addresses("www.stale.com.") == ["192.0.2.10"]
    rule = running.net.dead(running.servers["stale"][0])
    time.sleep(1.5)
    started = time.monotonic()
    reply = running.ask("www.stale.com.")
    assert time.monotonic() - started >= 1.5
    assert texts(reply) == ["192.0.2.10"]
    assert reply.answer[0].ttl == 30
    assert 3 in errors(reply)
    rule.lift()


def test_a_popular_name_is_renewed_before_it_expires(running: Running):
    """R12, through the cache of finished packets: asked often, it is never waited for."""
    server = running.servers["fresh"][0]
    assert running.addresses("www.fresh.com.") == ["192.0.2.11"]
    running.net.delay(server, 0.15)
    until = time.monotonic() + 12
    slowest = 0.0
    while time.monotonic() < until:
        started = time.monotonic()
        assert running.addresses("www.fresh.com.") == ["192.0.2.11"]
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.1)
    assert 2 <= running.net.count(server, "www.fresh.com.") <= 4
    assert slowest < 0.15


def test_a_revoked_domain_is_gone_with_its_delegation(running: Running):
    assert running.addresses("a.ghost.com.") == ["192.0.2.12"]

    def gone(query: Query, response: Response) -> Response:
        record = response.record
        record.header.rcode, record.header.aa = 3, 1
        record.rr, record.ar = [], [rr for rr in record.ar if rr.rtype == 41]
        assert query.zone is not None
        record.auth = query.zone.rrset(query.zone.origin, 6)
        return response

    running.net.fault(COM, gone, name="ghost.com.")
    until = time.monotonic() + 4
    while time.monotonic() < until:
        running.ask("ghost.com.", "NS")
        time.sleep(0.2)
    assert status(running.ask("b.ghost.com.")) == "NXDOMAIN"


def test_many_clients_and_one_question(running: Running):
    replies: list[list[str]] = []

    def client() -> None:
        replies.append(running.addresses("joined.many.com."))

    running.net.delay(running.servers["many"][0], 0.2, name="joined.many.com.")
    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [["192.0.2.14"]] * 20
    assert running.net.count(running.servers["many"][0], "joined.many.com.") == 1


@pytest.fixture
def dripping(running: Running) -> Iterator[None]:
    """The server of drip.com."""
    with Drip(Address(running.up.address(DRIP), running.up.port)):
        yield


@pytest.mark.usefixtures("dripping")
def test_a_server_that_drips_over_tcp_is_given_up(running: Running):
    reply = running.ask("www.drip.com.")
    assert status(reply) == "SERVFAIL"
    assert "drip.com." in " ".join(errors(reply).values())
