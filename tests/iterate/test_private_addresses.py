"""Public names that point into private networks (R22)."""

import pytest

from resolver.codes import Ede
from resolver.testing import Internet, World, route, zone

PRIVATE = ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"]
TEXT = """
bad    A     192.168.0.1
both   A     192.168.0.1
both   A     192.0.2.7
six    AAAA  fd00::1
good   A     192.0.2.7
mapped AAAA  ::ffff:a00:1
alias  CNAME bad
svc    HTTPS \\# 15 00010000040008 0A0000010A000002
txt    TXT   "192.168.0.1"
"""


def world(**settings: object) -> World:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", "198.51.100.3", zone("example.com.", TEXT))
    return World(net, **{"private_addresses": PRIVATE} | settings)


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("bad.example.com. A", []),
        ("both.example.com. A", ["192.0.2.7"]),
        ("six.example.com. AAAA", []),
        ("mapped.example.com. AAAA", []),
        ("alias.example.com. A", []),
    ],
)
def test_private_addresses_are_removed_and_the_client_is_told(question: str, left: list[str]):
    asked = world()
    for _ in range(2):  # from the server and from the cache
        answer, _ = asked.ask(question)
        assert (answer.status, answer.addresses) == ("NOERROR", left)
        ((code, text),) = answer.errors
        assert code == Ede.BLOCKED
        assert "recursion.private_addresses" in text
        assert ".example.com." in text


def test_other_addresses_and_other_types_pass():
    asked = world()
    assert asked.ask("good.example.com. A")[0].addresses == ["192.0.2.7"]
    assert asked.ask("good.example.com. A")[0].errors == []
    assert asked.ask("txt.example.com. TXT")[0].data("TXT") == ['"192.168.0.1"']


def test_hints_of_services_are_screened_too():
    """RFC 9460 section 7.3: a browser may connect to them without asking for the address."""
    answer, _ = world().ask("svc.example.com. HTTPS")
    assert answer.data("HTTPS") == []
    assert "10.0.0.1" in answer.errors[0][1]
    assert world(private_addresses=["172.16.0.0/12"]).ask("svc.example.com. HTTPS")[0].records


@pytest.mark.parametrize("domain", ["example.com", "com", "bad.example.com", "."])
def test_an_exempt_suffix_passes(domain: str):
    answer, _ = world(private_domains=[domain]).ask("bad.example.com. A")
    assert answer.addresses == ["192.168.0.1"]


def test_a_suffix_is_one_of_labels():
    answer, _ = world(private_domains=["ad.example.com", "mple.com"]).ask("bad.example.com. A")
    assert answer.addresses == []


def test_it_is_off_by_default():
    answer, _ = world(private_addresses=[]).ask("bad.example.com. A")
    assert answer.addresses == ["192.168.0.1"]


def test_stub_and_forward_zones_are_no_exception_unless_named():
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("lab.com.", "203.0.113.1", zone("lab.com.", "www A 10.1.1.1"))
    net.resolver("203.0.113.2")
    for made in (route("lab.com.", "203.0.113.1", mode="stub"), route(".", "203.0.113.2")):
        for domains, left in (([], []), (["lab.com"], ["10.1.1.1"])):
            settings = {"private_addresses": PRIVATE, "private_domains": domains}
            answer, _ = World(net, routes=[made], **settings).ask("www.lab.com. A")
            assert answer.addresses == left


def test_servers_with_private_addresses_may_still_be_asked():
    """What is screened is what clients see; whom we ask is for do_not_query to say."""
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("lab.com.", "10.0.0.53", zone("lab.com.", "www A 192.0.2.9"))
    answer, _ = World(net, private_addresses=PRIVATE).ask("www.lab.com. A")
    assert answer.addresses == ["192.0.2.9"]
