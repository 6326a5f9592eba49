"""How records become RRsets, and names in data become uncompressed."""

import struct

import pytest

from resolver.model import Question, RRset
from resolver.names import read
from resolver.wire.parse import parse

A, NS, CNAME, TXT, AAAA = 1, 2, 5, 16, 28
QNAME = read("www.example.")


def record(owner: bytes, rrtype: int, rdata: bytes, *, ttl: int = 300, rrclass: int = 1) -> bytes:
    return owner + struct.pack("!2HIH", rrtype, rrclass, ttl, len(rdata)) + rdata


def answer(*records: bytes) -> list[RRset]:
    """The answer section of a reply about QNAME, which is at offset 12."""
    counts = struct.pack("!6H", 1, 0x8180, 1, len(records), 0, 0)
    return parse(counts + QNAME + struct.pack("!2H", A, 1) + b"".join(records)).answer


def test_header_and_questions() -> None:
    packet = struct.pack("!6H", 7, 0x2903, 2, 0, 0, 0) + b"\3WwW\0\0\1\0\1" + b"\0\0\2\0\3"
    message = parse(packet)
    assert (message.id, message.flags, message.opcode, message.rcode) == (7, 0x2903, 5, 3)
    assert message.questions == [Question(b"\3WwW\0", 1, 1), Question(b"\0", 2, 3)]
    assert message.edns is None


def test_records_of_one_owner_type_and_class_are_one_rrset() -> None:
    one, two = b"\xc0\0\2\1", b"\xc0\0\2\2"
    assert answer(record(b"\xc0\x0c", A, one), record(b"\xc0\x0c", A, two)) == [
        RRset(QNAME, A, 1, 300, (one, two))
    ]


def test_records_of_one_rrset_need_not_stand_together() -> None:
    found = answer(
        record(b"\xc0\x0c", A, b"aaaa"),
        record(b"\xc0\x0c", TXT, b"\1a"),
        record(b"\xc0\x0c", A, b"bbbb"),
        record(b"\xc0\x0c", TXT, b"\1b"),
    )
    assert found == [
        RRset(QNAME, A, 1, 300, (b"aaaa", b"bbbb")),
        RRset(QNAME, TXT, 1, 300, (b"\1a", b"\1b")),
    ]


def test_owners_are_compared_without_case_and_keep_that_of_the_first() -> None:
    found = answer(record(b"\3WWW\xc0\x10", A, b"aaaa"), record(b"\3www\xc0\x10", A, b"bbbb"))
    assert found == [RRset(b"\3WWW\7example\0", A, 1, 300, (b"aaaa", b"bbbb"))]


def test_classes_and_types_are_kept_apart() -> None:
    found = answer(
        record(QNAME, TXT, b"\1a"),
        record(QNAME, TXT, b"\1a", rrclass=3),
        record(QNAME, 99, b"\1a"),
    )
    assert [(rrset.rrtype, rrset.rrclass) for rrset in found] == [(16, 1), (16, 3), (99, 1)]


def test_the_lowest_ttl_counts() -> None:
    # RFC 2181 section 5.2
    (rrset,) = answer(
        record(QNAME, A, b"aaaa", ttl=300),
        record(QNAME, A, b"bbbb", ttl=60),
        record(QNAME, A, b"cccc", ttl=900),
    )
    assert rrset.ttl == 60


@pytest.mark.parametrize(("sent", "meant"), [(0x7FFFFFFF, 0x7FFFFFFF), (0x80000000, 0)])
def test_a_ttl_with_its_top_bit_set_is_zero(sent: int, meant: int) -> None:
    # RFC 2181 section 8
    assert answer(record(QNAME, A, b"aaaa", ttl=sent))[0].ttl == meant


def test_equal_records_count_once() -> None:
    # RFC 2181 section 5
    (rrset,) = answer(*[record(QNAME, A, rdata) for rdata in (b"aaaa", b"bbbb", b"aaaa")])
    assert rrset.rdatas == (b"aaaa", b"bbbb")


@pytest.mark.parametrize(
    ("rrtype", "compressed", "plain"),
    [
        (NS, b"\2ns\xc0\x10", b"\2ns\7example\0"),
        (CNAME, b"\xc0\x0c", QNAME),
        (12, b"\xc0\x10", b"\7example\0"),
        (15, b"\0\x0a\xc0\x0c", b"\0\x0a" + QNAME),
        (6, b"\xc0\x0c\1h\xc0\x10" + bytes(20), QNAME + b"\1h\7example\0" + bytes(20)),
        (14, b"\xc0\x0c\xc0\x10", QNAME + b"\7example\0"),
        (17, b"\xc0\x0c\xc0\x10", QNAME + b"\7example\0"),
        (18, b"\0\1\xc0\x0c", b"\0\1" + QNAME),
        (21, b"\0\1\xc0\x0c", b"\0\1" + QNAME),
        (24, bytes(18) + b"\xc0\x0csig", bytes(18) + QNAME + b"sig"),
        (26, b"\0\1\xc0\x0c\xc0\x10", b"\0\1" + QNAME + b"\7example\0"),
        (30, b"\xc0\x0cbits", QNAME + b"bits"),
        (33, bytes(6) + b"\xc0\x0c", bytes(6) + QNAME),
        (35, bytes(4) + b"\1u\3SIP\0\xc0\x0c", bytes(4) + b"\1u\3SIP\0" + QNAME),
        (36, b"\0\1\xc0\x0c", b"\0\1" + QNAME),
        (39, b"\xc0\x10", b"\7example\0"),
    ],
)
def test_names_in_data_are_decompressed(rrtype: int, compressed: bytes, plain: bytes) -> None:
    # RFC 3597 section 4
    (rrset,) = answer(record(QNAME, rrtype, compressed))
    assert rrset.rdatas == (plain,)


def test_an_unknown_type_is_carried_as_it_came() -> None:
    # RFC 3597 section 3: what looks like a pointer is data.
    (rrset,) = answer(record(QNAME, 65280, b"\xc0\x0c\xff"))
    assert rrset.rdatas == (b"\xc0\x0c\xff",)


def test_an_address_of_another_class_is_carried_as_it_came() -> None:
    # RFC 1035 section 3.4.1 defines A for class IN only.
    (rrset,) = answer(record(QNAME, A, b"\0\1\2", rrclass=3))
    assert rrset.rdatas == (b"\0\1\2",)


@pytest.mark.parametrize("rrclass", [254, 255])
def test_updates_have_records_without_data(rrclass: int) -> None:
    # RFC 2136 section 2.4
    (rrset,) = answer(record(QNAME, NS, b"", rrclass=rrclass, ttl=0))
    assert rrset == RRset(QNAME, NS, rrclass, 0, (b"",))


def test_sections_do_not_mix() -> None:
    packet = struct.pack("!6H", 1, 0x8180, 0, 1, 1, 1) + 3 * record(QNAME, A, b"aaaa")
    message = parse(packet)
    expected = [RRset(QNAME, A, 1, 300, (b"aaaa",))]
    assert [message.answer, message.authority, message.additional] == [expected] * 3


def test_tsig_stays_in_additional() -> None:
    data = b"\7hmac-md\0" + bytes(16)
    packet = struct.pack("!6H", 1, 0, 0, 0, 0, 1) + record(b"\3key\0", 250, data, rrclass=255)
    assert parse(packet).additional == [RRset(b"\3key\0", 250, 255, 300, (data,))]
