"""Reverse names are ordinary names (RFC 1035 section 3.5, RFC 3596 section 2.5, RFC 2317)."""

import ipaddress

from trees import ROOT

from resolver.testing import Internet, run, zone

V6 = ipaddress.ip_address("2001:db8::80").reverse_pointer


def reverse_tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("in-addr.arpa.", "198.51.100.20")
    net.host("ip6.arpa.", "198.51.100.21")
    text = "80 PTR www.example.com.\n128/25 NS ns.example.net.\n130 CNAME 130.128/25"
    net.host("2.0.192.in-addr.arpa.", "198.51.100.22", zone("2.0.192.in-addr.arpa.", text))
    net.host("net.", "198.51.100.23")
    net.host("example.net.", "198.51.100.24", zone("example.net.", "ns A 198.51.100.24"))
    net.host(
        "128/25.2.0.192.in-addr.arpa.",
        "198.51.100.24",
        zone("128/25.2.0.192.in-addr.arpa.", "130 PTR host.example.net."),
    )
    nibbles = V6.removesuffix(".8.b.d.0.1.0.0.2.ip6.arpa")
    net.host(
        "8.b.d.0.1.0.0.2.ip6.arpa.",
        "198.51.100.25",
        zone("8.b.d.0.1.0.0.2.ip6.arpa.", f"{nibbles} PTR www.example.com."),
    )
    return net


def test_an_ipv4_address():
    answer, _ = run("80.2.0.192.in-addr.arpa. PTR", reverse_tree(), special_names=False)
    assert answer.data("PTR") == ["www.example.com."]


def test_an_ipv6_address():
    answer, _ = run(f"{V6}. PTR", reverse_tree(), special_names=False)
    assert answer.data("PTR") == ["www.example.com."]


def test_a_classless_delegation():
    answer, _ = run(
        "130.2.0.192.in-addr.arpa. PTR", reverse_tree(), special_names=False, case_mixing=False
    )
    assert answer.data("CNAME") == ["130.128/25.2.0.192.in-addr.arpa."]
    assert answer.data("PTR") == ["host.example.net."]


def test_an_address_without_a_name():
    answer, _ = run("81.2.0.192.in-addr.arpa. PTR", reverse_tree(), special_names=False)
    assert answer.status == "NXDOMAIN"


def test_the_nibbles_between_are_empty_not_absent():
    name = "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
    answer, _ = run(f"{name} PTR", reverse_tree(), special_names=False)
    assert answer.status == "NOERROR"
    assert answer.data("PTR") == []
