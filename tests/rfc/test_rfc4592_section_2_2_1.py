"""RFC 4592 section 2.2.1: the example zone, and which of its responses are made from wildcards."""

import pytest
from zone_answers import ask, serve

ZONE = """$TTL 3600
@ SOA ns.example.com. hostmaster 1 7200 3600 1209600 300
@ NS ns.example.com.
@ NS ns.example.net.
* TXT "this is a wildcard"
* MX 10 host1
sub.* TXT "this is not a wildcard"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host1
subdel NS ns.example.com.
subdel NS ns.example.net.
"""
SERVER = serve(example_=ZONE)


@pytest.mark.parametrize(
    ("qname", "qtype", "answer"),
    [
        ("host3.example.", "MX", "host3.example. MX 10 host1.example."),
        ("foo.bar.example.", "TXT", 'foo.bar.example. TXT "this is a wildcard"'),
    ],
)
def test_made_from_the_wildcard(qname: str, qtype: str, answer: str) -> None:
    response = ask(SERVER, qname, qtype)
    assert (response.rcode, response.aa, response.answer) == ("NOERROR", True, {answer})


def test_a_wildcard_without_the_type_is_no_data() -> None:
    response = ask(SERVER, "host3.example.", "A")
    assert (response.rcode, response.answer) == ("NOERROR", set())


@pytest.mark.parametrize(
    ("qname", "qtype", "rcode"),
    [
        ("host1.example.", "MX", "NOERROR"),
        ("sub.*.example.", "MX", "NOERROR"),
        ("_telnet._tcp.host1.example.", "SRV", "NXDOMAIN"),
        ("ghost.*.example.", "MX", "NXDOMAIN"),
        ("_tcp.host1.example.", "MX", "NOERROR"),
        ("host2.example.", "MX", "NOERROR"),
    ],
)
def test_not_made_from_it(qname: str, qtype: str, rcode: str) -> None:
    response = ask(SERVER, qname, qtype)
    assert (response.rcode, response.answer) == (rcode, set())
    assert len(response.authority) == 1
    assert "SOA" in response.authority.pop()


def test_not_below_a_cut() -> None:
    response = ask(SERVER, "host.subdel.example.", "A")
    assert not response.aa
    assert response.authority == {
        "subdel.example. NS ns.example.com.",
        "subdel.example. NS ns.example.net.",
    }
