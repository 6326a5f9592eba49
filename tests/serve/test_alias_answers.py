"""Addresses for a name with an ALIAS record: whose they are, for how long, and for whom (A08)."""

import pytest

from resolver import codes, names
from resolver.codes import Ede, Rcode, RRType
from resolver.model import Answer, Message, Question, Source
from resolver.policy.acl import QUERY, RECURSION
from resolver.serve.own_zones import OwnZones
from resolver.serve.request import Request
from resolver.testing import Internet, World, zone
from resolver.testing.watch import Result, Watch
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

OWN = """$TTL 3600
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
@ 300 ALIAS www.example.com.
@ MX 10 mail
short 60 ALIAS www.example.com.
far ALIAS cdn.example.com.
tome ALIAS host
host 120 A 192.0.2.55
Tocname ALIAS two
two 90 CNAME three
three 80 ALIAS www.example.com.
out ALIAS leaves
leaves 70 CNAME www.example.com.
alias 500 CNAME short
none ALIAS gone.example.com.
v4only ALIAS only4.example.com.
broken ALIAS www.dead.test.
loop1 ALIAS loop2
loop2 ALIAS loop3
loop3 CNAME loop1
sub NS ns.sub
ns.sub A 198.51.100.4
below ALIAS www.sub
tocopied ALIAS www.copied.test.
*.wild ALIAS www.example.com.
"""
COM = """
www 200 A 192.0.2.7
www 200 A 192.0.2.8
www 100 AAAA 2001:db8::7
cdn 50 CNAME www
only4 200 A 192.0.2.9
"""
ORIGIN = names.read("own.test.")


def stores(text: str = OWN) -> ZoneStore:
    report = read_zone_text(text, ORIGIN)
    assert report.zone is not None, report.errors
    store = ZoneStore()
    store.swap(report.zone)
    store.withhold(names.read("copied.test."), expired=True)
    return store


class Asking:
    """A server of own.test. in a fake Internet; `bits` is what its client may do."""

    def __init__(self, *, recursion: bool = True, bits: int = QUERY) -> None:
        net = Internet()
        net.root(".", "198.51.100.1")
        net.host("com.", "198.51.100.2")
        net.host("example.com.", "198.51.100.3", zone("example.com.", COM))
        net.host("sub.own.test.", "198.51.100.4", zone("sub.own.test.", "www 40 A 192.0.2.44"))
        net.host("dead.test.", "198.51.100.9", zone("dead.test.", "www A 192.0.2.99"))
        net.unreachable("198.51.100.9")
        self.world = World(net)
        self.bits = bits
        self.zones = OwnZones(stores(), self.world.recursion if recursion else None, minimal=True)

    def handled(self, qname: str, qtype: str = "A", *, flags: int = 0) -> object:
        number = codes.read_type(qtype)
        assert number is not None
        message = Message(1, flags, [Question(names.read(qname), number)])
        return self.zones.handle(Request(message, b"\x7f\0\0\1", self.bits, stream=False))

    def ask(self, qname: str, qtype: str = "A") -> Result:
        return self.watched(qname, qtype)[0]

    def watched(self, qname: str, qtype: str = "A") -> tuple[Result, Watch]:
        handled = self.handled(qname, qtype)
        watch = Watch()
        if isinstance(handled, Answer):
            return Result(handled), watch
        ends: list[Answer] = []
        self.world.driver.start(handled, ends.append, watch)  # type: ignore[arg-type]
        self.world.driver.run()
        return Result(ends[0]), watch


def test_apex_gives_the_addresses_of_the_target_with_the_lower_ttl() -> None:
    """The client has no right to recursion, and does not ask for it."""
    asking = Asking()
    found = asking.ask("Own.Test.")
    assert found.records == ["Own.Test. 200 A 192.0.2.7", "Own.Test. 200 A 192.0.2.8"]
    assert found.answer.authoritative
    assert asking.ask("own.test.", "AAAA").records == ["own.test. 100 AAAA 2001:db8::7"]
    assert asking.ask("short.own.test.").ttl == 60


@pytest.mark.parametrize(
    ("qname", "records"),
    [
        ("far", ["far.own.test. 50 A 192.0.2.7", "far.own.test. 50 A 192.0.2.8"]),
        ("tome", ["tome.own.test. 120 A 192.0.2.55"]),
        ("tocname", ["tocname.own.test. 80 A 192.0.2.7", "tocname.own.test. 80 A 192.0.2.8"]),
        ("out", ["out.own.test. 70 A 192.0.2.7", "out.own.test. 70 A 192.0.2.8"]),
        ("below", ["below.own.test. 40 A 192.0.2.44"]),
        ("a.wild", ["a.wild.own.test. 200 A 192.0.2.7", "a.wild.own.test. 200 A 192.0.2.8"]),
        (
            "alias",
            [
                "alias.own.test. 500 CNAME short.own.test.",
                "short.own.test. 60 A 192.0.2.7",
                "short.own.test. 60 A 192.0.2.8",
            ],
        ),
    ],
)
def test_wherever_it_leads(qname: str, records: list[str]) -> None:
    found = Asking().ask(f"{qname}.own.test.")
    assert (found.status, found.records, found.errors) == ("NOERROR", records, [])


def test_ttl_counts_down_and_expired_addresses_are_asked_for_again() -> None:
    asking = Asking()
    assert asking.ask("own.test.").ttl == 200
    asking.world.clock.advance(150)
    found, watch = asking.watched("own.test.")
    assert (found.ttl, watch.asked()) == (50, 0)
    assert found.answer.source is Source.CACHE
    asking.world.clock.advance(60)
    found, watch = asking.watched("own.test.")
    assert (found.ttl, watch.asked("198.51.100.3")) == (200, 1)


def test_what_is_told_is_not_kept_like_content_of_a_zone() -> None:
    assert Asking().ask("own.test.").answer.ages


def test_target_without_such_addresses_is_no_data_with_our_soa() -> None:
    found = Asking().ask("v4only.own.test.", "AAAA")
    assert (found.status, found.records, found.errors) == ("NOERROR", [], [])
    (soa,) = found.authority
    assert soa.startswith("own.test. ")
    assert found.ttl <= 600
    assert found.answer.authoritative


def test_target_that_does_not_exist_is_no_data_since_the_owner_does() -> None:
    found = Asking().ask("none.own.test.")
    assert (found.status, found.records) == ("NOERROR", [])
    assert found.authority[0].startswith("own.test. ")
    assert "gone.example.com., does not exist" in found.errors[0][1]


@pytest.mark.parametrize(
    ("qname", "reason"),
    [
        ("broken", "no addresses for broken.own.test., whose ALIAS leads to www.dead.test."),
        ("loop1", "ALIAS loop"),
        ("tocopied", "the zone has expired"),
    ],
)
def test_failure_is_told_and_is_never_no_data(qname: str, reason: str) -> None:
    found = Asking().ask(f"{qname}.own.test.")
    assert (found.status, found.records, found.authority) == ("SERVFAIL", [], [])
    assert any(reason in text for _, text in found.errors)


def test_without_recursion_it_is_a_failure_that_says_so() -> None:
    asking = Asking(recursion=False)
    found = asking.ask("own.test.")
    assert found.status == "SERVFAIL"
    assert found.errors[0][0] == Ede.NOT_SUPPORTED
    assert asking.ask("tome.own.test.").records == ["tome.own.test. 120 A 192.0.2.55"]


def test_other_types_are_answered_at_once() -> None:
    asking = Asking(bits=QUERY | RECURSION)
    for qtype, count in (("ALIAS", 1), ("MX", 1), ("TXT", 0), ("ANY", 1)):
        handled = asking.handled("own.test.", qtype)
        assert isinstance(handled, Answer)
        assert (handled.rcode, len(handled.answer)) == (Rcode.NOERROR, count)
    alias = asking.ask("own.test.", "ALIAS").answer.answer[0]
    assert (alias.rrtype, alias.ttl, alias.rdatas) == (
        RRType.ALIAS,
        300,
        (names.read("www.example.com."),),
    )


def test_who_may_not_query_is_refused() -> None:
    handled = Asking(bits=0).handled("own.test.")
    assert isinstance(handled, Answer)
    assert handled.rcode == Rcode.REFUSED


def test_below_a_cut_of_ours_only_its_servers_are_asked() -> None:
    found, watch = Asking().watched("below.own.test.")
    assert found.addresses == ["192.0.2.44"]
    assert set(watch.servers) == {"198.51.100.4"}
