"""The built-in zones: which there are, what they say, and what switches them off (R17)."""

from ipaddress import ip_network

import pytest

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.iterate.route import Route, Routes
from resolver.model import Address, Answer, Question
from resolver.policy.special import reverse_zones, special_zones
from resolver.serve.home import Home
from resolver.wire.text import show_rdata
from resolver.zone.store import ZoneStore

SPECIAL = [
    "localhost.",
    "test.",
    "invalid.",
    "onion.",
    "local.",
    "alt.",
    "home.arpa.",
    "resolver.arpa.",
    "10.in-addr.arpa.",
    "16.172.in-addr.arpa.",
    "31.172.in-addr.arpa.",
    "168.192.in-addr.arpa.",
    "0.in-addr.arpa.",
    "127.in-addr.arpa.",
    "254.169.in-addr.arpa.",
    "2.0.192.in-addr.arpa.",
    "100.51.198.in-addr.arpa.",
    "113.0.203.in-addr.arpa.",
    "255.255.255.255.in-addr.arpa.",
    "64.100.in-addr.arpa.",
    "127.100.in-addr.arpa.",
    "0." * 32 + "ip6.arpa.",
    "1." + "0." * 31 + "ip6.arpa.",
    "d.f.ip6.arpa.",
    "8.e.f.ip6.arpa.",
    "b.e.f.ip6.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa.",
]
NOT_SPECIAL = [
    "example.",
    "com.",
    "arpa.",
    "in-addr.arpa.",
    "15.172.in-addr.arpa.",
    "32.172.in-addr.arpa.",
    "63.100.in-addr.arpa.",
    "128.100.in-addr.arpa.",
    "11.in-addr.arpa.",
    "c.f.ip6.arpa.",
    "c.e.f.ip6.arpa.",
    "0.0.192.in-addr.arpa.",
    "mylocalhost.",
]


def home(*left_out: str, routes: dict[str, str] | None = None) -> Home:
    made = [
        Route(names.read(zone), (Address("192.0.2.53"),), mode)  # type: ignore[arg-type]
        for zone, mode in (routes or {}).items()
    ]
    store = ZoneStore()
    for zone in special_zones([names.read(n) for n in left_out], [r.zone for r in made]):
        store.swap(zone)
    return Home(special=store, routes=Routes(made))


def ask(question: str, at: Home | None = None) -> Answer | None:
    name, _, rrtype = question.partition(" ")
    return (at or home())(Question(names.read(name), RRType[rrtype or "A"]))


def data(answer: Answer | None) -> list[str]:
    assert answer is not None
    return [show_rdata(r.rrtype, rdata) for r in answer.answer for rdata in r.rdatas]


@pytest.mark.parametrize("origin", SPECIAL)
def test_the_apex_has_soa_and_ns_and_nothing_is_below(origin: str):
    """RFC 6303 section 3."""
    soa = ask(f"{origin} SOA")
    assert data(soa) == [f"{origin} nobody.invalid. 1 3600 1200 604800 10800"]
    assert data(ask(f"{origin} NS")) == [origin]
    below = ask(f"x.y.{origin} TXT")
    assert below is not None
    assert below.rcode == (Rcode.NOERROR if origin == "localhost." else Rcode.NXDOMAIN)
    assert [r.rrtype for r in below.authority] == [RRType.SOA]
    assert below.authoritative
    assert not below.ages


@pytest.mark.parametrize("name", NOT_SPECIAL)
def test_names_beside_and_above_are_nobodys_business_here(name: str):
    assert ask(f"{name} NS") is None
    assert ask(f"www.{name}") is None


@pytest.mark.parametrize("name", ["localhost.", "LocalHost.", "app.localhost.", "a.b.localhost."])
def test_localhost_and_names_below_have_the_loopback_addresses(name: str):
    """RFC 6761 section 6.3."""
    assert data(ask(f"{name} A")) == ["127.0.0.1"]
    assert data(ask(f"{name} AAAA")) == ["::1"]
    assert data(ask(f"{name} MX")) == []


def test_loopback_addresses_have_their_name_back():
    assert data(ask("1.0.0.127.in-addr.arpa. PTR")) == ["localhost."]
    assert data(ask("1." + "0." * 31 + "ip6.arpa. PTR")) == ["localhost."]


def test_ipv4only_has_its_two_addresses_and_no_other():
    """RFC 8880 section 7.1; without DNS64 there is no AAAA."""
    assert data(ask("ipv4only.arpa. A")) == ["192.0.0.170", "192.0.0.171"]
    assert data(ask("ipv4only.arpa. AAAA")) == []
    assert data(ask("170.0.0.192.in-addr.arpa. PTR")) == ["ipv4only.arpa."]
    assert data(ask("171.0.0.192.in-addr.arpa. PTR")) == ["ipv4only.arpa."]


def test_ds_is_the_parents_where_the_parent_delegates():
    assert ask("home.arpa. DS") is None
    assert ask("10.in-addr.arpa. DS") is None
    assert ask("x.home.arpa. DS") is not None
    assert ask("localhost. DS") is not None


@pytest.mark.parametrize("origin", SPECIAL)
def test_each_is_switched_off_by_its_name_alone(origin: str):
    at = home(origin)
    assert ask(f"{origin} NS", at) is None
    others = [o for o in SPECIAL if o != origin]
    assert all(ask(f"{other} NS", at) is not None for other in others)


def test_a_name_above_switches_off_all_below():
    at = home("in-addr.arpa.")
    assert ask("10.in-addr.arpa. NS", at) is None
    assert ask("d.f.ip6.arpa. NS", at) is not None


@pytest.mark.parametrize("mode", ["stub", "only"])
def test_a_stub_or_forward_zone_at_or_above_goes_first(mode: str):
    at = home(routes={"168.192.in-addr.arpa.": mode, "test.": mode})
    assert ask("1.0.168.192.in-addr.arpa. PTR", at) is None
    assert ask("www.test.", at) is None
    assert ask("1.0.0.10.in-addr.arpa. PTR", at) is not None
    assert ask("1.0.0.10.in-addr.arpa. PTR", home(routes={"arpa.": mode})) is None


def test_a_stub_zone_below_goes_first_and_leaves_the_rest():
    at = home(routes={"corp.home.arpa.": "stub"})
    assert ask("www.corp.home.arpa.", at) is None
    assert ask("corp.home.arpa.", at) is None
    assert ask("www.home.arpa.", at) is not None
    assert ask("home.arpa. SOA", at) is not None


def test_forwarding_everything_leaves_names_that_are_nobodys():
    at = home(routes={".": "only"})
    assert ask("www.test.", at) is not None
    assert ask("1.0.0.10.in-addr.arpa. PTR", at) is not None


def test_a_forwarder_of_everything_may_do_dns64():
    """RFC 7050: clients look for the prefix in what the AAAA of ipv4only.arpa becomes."""
    at = home(routes={".": "only"})
    assert ask("ipv4only.arpa. AAAA", at) is None
    assert ask("170.0.0.192.in-addr.arpa. PTR", at) is None


@pytest.mark.parametrize(
    ("network", "zones"),
    [
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("172.16.0.0/15", ["16.172.in-addr.arpa", "17.172.in-addr.arpa"]),
        ("192.0.2.128/31", ["128.2.0.192.in-addr.arpa", "129.2.0.192.in-addr.arpa"]),
        ("fe80::/10", [f"{d}.e.f.ip6.arpa" for d in "89ab"]),
        ("2001:db8::/32", ["8.b.d.0.1.0.0.2.ip6.arpa"]),
    ],
)
def test_reverse_zones_of_a_network(network: str, zones: list[str]):
    assert list(reverse_zones(ip_network(network))) == zones
