"""Records and messages as text (RFC 1035 section 5.1, RFC 3597 section 5)."""

import pytest

from resolver.model import Edns, EdnsOptionValue, Message, Question, RRset
from resolver.names import read
from resolver.wire.edns import (
    cookie_option,
    extended_error_option,
    keepalive_option,
    nsid_option,
    padding_option,
)
from resolver.wire.text import read_rdata, show_message, show_rdata, show_rrset

ORIGIN = read("example.")
RDATA = [
    (1, b"\xc0\0\2\1", "192.0.2.1"),
    (28, b"\x20\1\x0d\xb8" + bytes(11) + b"\1", "2001:db8::1"),
    (2, read("ns.Example."), "ns.Example."),
    (15, b"\0\x0a" + read("mx.example."), "10 mx.example."),
    (6, read("ns.") + read("h.") + bytes(19) + b"\1", "ns. h. 0 0 0 0 1"),
    (16, b'\5a"b\\c\1\xff', '"a\\"b\\\\c" "\\255"'),
    (33, b"\0\1\0\2\0\x35" + read("a."), "1 2 53 a."),
    (257, b"\0\5issueca.test", '0 issue "ca.test"'),
    (65280, b"\1\2", "\\# 2 0102"),
    (65280, b"", "\\# 0"),
]


@pytest.mark.parametrize(("rrtype", "rdata", "text"), RDATA)
def test_rdata_both_ways(rrtype: int, rdata: bytes, text: str) -> None:
    assert show_rdata(rrtype, rdata) == text
    assert read_rdata(rrtype, text) == rdata


@pytest.mark.parametrize(
    ("rrtype", "rdata"),
    [(1, b"abc"), (1, b""), (2, b"\5ab"), (2, b"\xc0\0"), (16, b"\5ab"), (46, b"x"), (47, b"\0\0")],
)
def test_rdata_that_its_type_cannot_have_is_shown_generic(rrtype: int, rdata: bytes) -> None:
    assert show_rdata(rrtype, rdata) == f"\\# {len(rdata)} {rdata.hex()}".rstrip()


def test_names_below_the_origin_may_be_shown_relative() -> None:
    assert show_rdata(2, read("ns.example."), ORIGIN) == "ns"
    assert show_rdata(2, ORIGIN, ORIGIN) == "@"
    assert show_rdata(2, read("ns.test."), ORIGIN) == "ns.test."


def test_relative_names_get_the_origin() -> None:
    assert read_rdata(2, "ns", ORIGIN) == read("ns.example.")
    assert read_rdata(2, "@", ORIGIN) == ORIGIN
    assert read_rdata(2, "ns") == read("ns.")


def test_the_generic_form_of_a_known_type() -> None:
    assert read_rdata(1, "\\# 4 c0000201") == b"\xc0\0\2\1"


@pytest.mark.parametrize(
    ("rrtype", "text"),
    [
        (1, "192.0.2"),
        (1, "192.0.2.1 192.0.2.2"),
        (1, ""),
        (1, "\\# 3 010203"),
        (1, "\\# 4 0102"),
        (2, "a..b."),
        (2, "\\# 2 c000"),
        (15, "x mx.example."),
        (16, '"open'),
        (43, "1 8 2 zz"),
        (65280, "not generic"),
        (16, " ".join(['"' + "x" * 255 + '"'] * 257)),
    ],
)
def test_text_that_is_no_rdata_of_its_type(rrtype: int, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_rdata(rrtype, text)


def test_an_rrset_is_a_line_per_record() -> None:
    rrset = RRset(read("example."), 2, 1, 300, (read("a."), read("b.")))
    assert show_rrset(rrset) == [
        "example.\t\t300\tIN\tNS\ta.",
        "example.\t\t300\tIN\tNS\tb.",
    ]


def test_classes_and_types_without_a_name() -> None:
    rrset = RRset(read("example."), 65280, 7, 0, (b"\1",))
    assert show_rrset(rrset) == ["example.\t\t0\tCLASS7\tTYPE65280\t\\# 1 01"]


def test_an_address_of_the_chaos_class() -> None:
    rrset = RRset(read("example."), 1, 3, 0, (read("net.") + b"\0\x08",))
    assert show_rrset(rrset) == ["example.\t\t0\tCH\tA\tnet. 10"]


MESSAGE = Message(
    id=4711,
    flags=0x8582,
    questions=[Question(read("www.example."), 28)],
    answer=[RRset(read("www.example."), 1, 1, 60, (b"\xc0\0\2\1",))],
    authority=[RRset(read("example."), 2, 1, 60, (read("ns.example."),))],
    additional=[RRset(read("ns.example."), 1, 1, 60, (b"\xc0\0\2\2",))],
    edns=Edns(
        dnssec_ok=True,
        options=(
            nsid_option(b"ns1"),
            cookie_option(b"12345678"),
            extended_error_option(22, "at example."),
            extended_error_option(6),
            extended_error_option(4711),
            keepalive_option(12),
            padding_option(3),
            EdnsOptionValue(65001, b"a\0"),
            EdnsOptionValue(65001, b""),
            EdnsOptionValue(15, b"x"),
        ),
    ),
    rcode=2,
)


def test_a_message_in_the_manner_of_dig() -> None:
    assert show_message(MESSAGE).splitlines() == [
        ";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 4711",
        ";; flags: qr aa rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 1, ADDITIONAL: 2",
        "",
        ";; OPT PSEUDOSECTION:",
        "; EDNS: version: 0, flags: do; udp: 1232",
        "; NSID: 6e7331 (ns1)",
        "; COOKIE: 3132333435363738",
        "; EDE: 22 (No Reachable Authority): (at example.)",
        "; EDE: 6 (DNSSEC Bogus)",
        "; EDE: 4711",
        "; TCP KEEPALIVE: 12.0 s",
        "; PADDING: 3 octets",
        "; OPT=65001: 6100 (a\\u0000)",
        "; OPT=65001:",
        "; OPT=15: 78 (x)",
        "",
        ";; QUESTION SECTION:",
        ";www.example.\t\t\tIN\tAAAA",
        "",
        ";; ANSWER SECTION:",
        "www.example.\t\t60\tIN\tA\t192.0.2.1",
        "",
        ";; AUTHORITY SECTION:",
        "example.\t\t60\tIN\tNS\tns.example.",
        "",
        ";; ADDITIONAL SECTION:",
        "ns.example.\t\t60\tIN\tA\t192.0.2.2",
    ]


def test_an_empty_message() -> None:
    assert show_message(Message(1, 0x7800, rcode=11)) == (
        ";; ->>HEADER<<- opcode: OPCODE15, status: DSOTYPENI, id: 1\n"
        ";; flags:; QUERY: 0, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0\n"
    )


def test_no_text_of_a_peer_reaches_the_terminal_raw() -> None:
    hostile = "\x1b[2J\r\nfake line\u202e"
    message = Message(
        1,
        0x8000,
        answer=[RRset(b"\4\x1b[2J\0", 16, 1, 0, (b"\5\x1b[2J\n",))],
        edns=Edns(options=(extended_error_option(0, hostile), nsid_option(hostile.encode()))),
    )
    text = show_message(message)
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert "fake line" not in [line.strip() for line in text.splitlines()]
