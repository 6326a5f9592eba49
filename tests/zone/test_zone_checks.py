"""What a zone must keep, and what is only warned about."""

import pytest
from reading import HEAD, errors, warnings

GLUED = "sub NS ns.sub\nns.sub A 192.0.2.9\n"


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("www CNAME a\nwww A 192.0.2.1", 6, "CNAME and other data: A"),
        ("www TXT x\nwww CNAME a", 6, "CNAME and other data: TXT"),
        ("www CNAME a\nwww CNAME b", 5, "2 different CNAME records"),
        ("@ CNAME a", 5, "CNAME and other data: SOA, NS"),
        ("d DNAME a\nd DNAME b", 5, "2 different DNAME records"),
        ("d DNAME a\nd CNAME b", 6, "CNAME and other data: DNAME"),
        ("d DNAME a\nd NS ns1", 5, "NS and DNAME but is not the apex"),
        ("*.w NS ns1", 5, "NS at the wildcard *.w.example.test."),
        ("www SOA a b 1 2 3 4 5", 5, "SOA at www.example.test., which is not the top"),
        (GLUED + "a.sub SOA a b 1 2 3 4 5", 7, "SOA at a.sub.example.test."),
        ("@ SOA ns1 hostmaster 2 7200 3600 1209600 300", 2, "2 different SOA records"),
        ("@ NS ns2", 3, "name server ns2.example.test. of the zone has no A or AAAA"),
        ("@ NS ns2\nns2 TXT x", 3, "has no A or AAAA"),
        ("".join(f"big TXT {'x' * 250}{i:05}\n" for i in range(300)), 5, "fits in no message"),
    ],
)
def test_refused(body: str, line: int, reason: str) -> None:
    (error,) = errors(body, head=HEAD)
    assert error.startswith(f"{line}: ")
    assert reason in error


def test_soa_and_ns_are_needed() -> None:
    assert errors("@ 60 NS ns.example.net.\n") == [
        "0: no SOA at example.test.: every zone has one at its top"
    ]
    assert errors("@ 60 SOA a. b. 1 2 3 4 5\n") == [
        "0: no NS at example.test.: every zone names its servers"
    ]


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("a 5 A 192.0.2.1\na 6 A 192.0.2.2", 2, "TTLs of a.example.test. A differ"),
        (GLUED + "a.sub TXT x", 3, "a.sub.example.test. is hidden by the cut or DNAME at sub."),
        (GLUED + "a.sub A 192.0.2.1", 3, "a.sub.example.test. is hidden"),
        ("d DNAME x\na.d TXT x", 2, "a.d.example.test. is hidden by the cut or DNAME at d."),
        (GLUED + "sub TXT x", 3, "TXT at sub.example.test. is hidden by its delegation"),
        ("sub NS ns.sub", 1, "delegated to ns.sub.example.test. without glue"),
        ("sub NS none", 1, "delegated to none.example.test., which has no A or AAAA"),
        (
            "c CNAME ns1\n@ NS c",
            -1,
            "NS of example.test. leads to c.example.test., which is a CNAME",
        ),
        ("c CNAME ns1\na MX 1 c", 2, "MX of a.example.test. leads to c.example.test., which is a"),
        ("c CNAME ns1\na SRV 0 0 1 c", 2, "SRV of a.example.test. leads to"),
        ("a DS 1 8 2 00", 1, "DS at a.example.test., where there is no delegation"),
        (
            "www.example.test A 192.0.2.1",
            1,
            "www.example.test.example.test. ends in",
        ),
        ("a CNAME www.example.test", 1, "ends in the zone's name twice"),
        ("a MX 1 www.example.test", 1, "ends in the zone's name twice"),
        ("www A 192.0.2.1\na MX 1 ns1\na MX 2 none", 2, "MX at a.example.test. leads to none."),
        ("a MX 1 none", 1, "leads to none.example.test., which has no A or AAAA"),
        ("a TXT x\na SRV 0 0 1 a", 2, "SRV at a.example.test. leads to a.example.test., which"),
        ("a MX 1 192.0.2.1", 1, "192.0.2.1.example.test.: an address where a name must be"),
        ("a_b A 192.0.2.1", 1, "A at a_b.example.test.: there is an underscore"),
        ("a.b_c AAAA 2001:db8::1\na.b_c TXT x", 1, "AAAA at a.b_c.example.test.: there is"),
        ("a SPF v=spf1", 1, "SPF at a.example.test. is looked at by nobody"),
        ("_dns SVCB 1 ns1 port=853", 1, "SVCB at _dns.example.test. has no alpn"),
    ],
)
def test_warned_about(body: str, line: int, reason: str) -> None:
    (warning,) = warnings(body)
    assert warning.startswith(f"{line}: ")
    assert reason in warning


@pytest.mark.parametrize(
    "body",
    [
        GLUED,
        "a NS ns.b\nb NS ns.b\nns.b A 192.0.2.1",
        "sub NS ns.example.net.",
        "sub NS host.in.wild\n*.wild A 192.0.2.1",
        "sub NS host.other\nother NS ns.example.net.",
        "@ TXT x",
        "www CNAME a\nwww NSEC a CNAME RRSIG NSEC\nwww RRSIG CNAME 8 3 5 20300101000000 "
        "20200101000000 1 example.test. AAAA",
        "sub NS ns1\nsub DS 1 8 2 00\nsub NSEC a NS DS RRSIG NSEC",
        "notexample A 192.0.2.1",
        "test A 192.0.2.1",
        "b A 192.0.2.1\nb A 192.0.2.1",
        "a MX 0 .\na SRV 0 0 0 .",
        "a MX 1 mail.example.net.",
        "a MX 1 host.in.wild\n*.wild A 192.0.2.1",
        "sub NS ns.example.net.\na MX 1 mail.sub",
        "_a._tcp SRV 0 0 1 ns1\nx._domainkey TXT k\n_acme-challenge CNAME ns1\n_http PTR ns1",
        "gc._msdcs A 192.0.2.1",
        "_dns SVCB 1 ns1 alpn=dot port=853\n_dns.a SVCB 0 _dns",
    ],
)
def test_nothing_to_say_about(body: str) -> None:
    assert warnings(body) == []


def test_an_apex_dname_hides_even_the_zone_s_servers() -> None:
    assert warnings("@ DNAME example.net.\n") == [
        "0: ns1.example.test. is hidden by the cut or DNAME at example.test."
    ]


def test_ten_mistakes_are_ten_findings() -> None:
    body = """a A 192.0.2.300
b CNAME x
b TXT y
c BOGUS z
d.example.net. A 192.0.2.1
*.e NS ns1
f MX mail
g TXT "open
h 99999999999 A 192.0.2.1
$INCLUDE none
i DNAME x
i DNAME y
"""
    assert len(errors(body, head=HEAD)) == 10


def test_every_doubt_is_a_finding_with_its_line() -> None:
    body = """a 60 A 192.0.2.1
a 90 A 192.0.2.2
alias CNAME ns1
b MX 10 alias
c MX 10 192.0.2.9
d SRV 0 0 1 none
e_f A 192.0.2.1
g SPF v=spf1
sub NS ns.sub
hidden.sub TXT x
h DS 1 8 2 00
i CNAME www.example.test
_dns SVCB 1 ns1 port=853
"""
    found = [int(warning.partition(":")[0]) for warning in warnings(body)]
    assert sorted(found) == [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
