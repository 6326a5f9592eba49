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
