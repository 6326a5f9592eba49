"""Names on the way out: what is compressed, and what must not be (RFC 1035, RFC 3597 section 4)."""

import pytest

from resolver.model import Message, Question, RRset
from resolver.names import ROOT, read
from resolver.wire.build import build
from resolver.wire.parse import parse

QNAME = read("www.example.")
AFTER_QUESTION = 12 + len(QNAME) + 4
FIXED = 10


def response(*answer: RRset) -> bytes:
    return build(Message(1, 0x8180, [Question(QNAME, 1)], list(answer)))


def rrset(owner: bytes, rrtype: int, *rdatas: bytes) -> RRset:
    return RRset(owner, rrtype, 1, 300, rdatas)


def test_an_owner_that_is_the_question_is_one_pointer() -> None:
    packet = response(rrset(QNAME, 1, b"aaaa", b"bbbb"))
    assert packet[AFTER_QUESTION:] == (
        b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4aaaa" + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4bbbb"
    )


def test_an_owner_shares_the_longest_known_end() -> None:
    packet = response(rrset(read("a.www.example."), 1, b"aaaa"))
    assert packet[AFTER_QUESTION : AFTER_QUESTION + 4] == b"\1a\xc0\x0c"
    packet = response(rrset(read("ftp.example."), 1, b"aaaa"))
    assert packet[AFTER_QUESTION : AFTER_QUESTION + 6] == b"\3ftp\xc0\x10"


def test_records_of_an_rrset_point_to_its_first_owner() -> None:
    packet = response(rrset(read("ftp.example."), 1, b"aaaa", b"bbbb"))
    second = AFTER_QUESTION + 6 + FIXED + 4
    assert packet[second : second + 2] == bytes((0xC0, AFTER_QUESTION))


def test_names_match_without_regard_to_case() -> None:
    # RFC 4343 section 4
    packet = response(rrset(read("WWW.EXAMPLE."), 1, b"aaaa"))
    assert packet[AFTER_QUESTION : AFTER_QUESTION + 2] == b"\xc0\x0c"
    assert parse(packet).answer[0].owner == QNAME


def test_the_root_is_never_a_pointer() -> None:
    packet = response(rrset(ROOT, 1, b"aaaa", b"bbbb"))
    assert packet[AFTER_QUESTION : AFTER_QUESTION + 3] == b"\0\0\1"
    assert len(packet) == AFTER_QUESTION + 2 * (1 + FIXED + 4)


def test_glue_points_into_the_data_of_ns() -> None:
    ns = read("ns1.example.")
    packet = response(rrset(read("example."), 2, ns), rrset(ns, 1, b"aaaa"))
    data = AFTER_QUESTION + 2 + FIXED
    assert packet[data:] == b"\3ns1\xc0\x10" + bytes((0xC0, data)) + packet[data + 8 :]


@pytest.mark.parametrize(
    ("rrtype", "rdata", "written"),
    [
        (2, read("ns.example."), b"\2ns\xc0\x10"),
        (5, QNAME, b"\xc0\x0c"),
        (12, read("example."), b"\xc0\x10"),
        (15, b"\0\x0a" + QNAME, b"\0\x0a\xc0\x0c"),
        (14, QNAME + read("example."), b"\xc0\x0c\xc0\x10"),
        (6, QNAME + read("h.example.") + bytes(20), b"\xc0\x0c\1h\xc0\x10" + bytes(20)),
        (3, QNAME, b"\xc0\x0c"),
        (9, QNAME, b"\xc0\x0c"),
    ],
)
def test_names_in_data_of_rfc_1035_types_are_compressed(
    rrtype: int, rdata: bytes, written: bytes
) -> None:
    packet = response(rrset(QNAME, rrtype, rdata))
    assert packet[AFTER_QUESTION + 2 + FIXED :] == written
    assert packet[AFTER_QUESTION + FIXED : AFTER_QUESTION + FIXED + 2] == bytes((0, len(written)))


@pytest.mark.parametrize(
    ("rrtype", "rdata"),
    [
        (17, QNAME + QNAME),
        (18, b"\0\1" + QNAME),
        (33, bytes(6) + QNAME),
        (35, bytes(4) + b"\0\0\0" + QNAME),
        (36, b"\0\1" + QNAME),
        (39, QNAME),
        (46, bytes(18) + QNAME + b"signature"),
        (47, QNAME + b"\0\1\x40"),
        (64, b"\0\1" + QNAME),
        (65, b"\0\1" + QNAME),
        (65280, QNAME),
    ],
)
def test_names_in_data_of_later_types_are_not(rrtype: int, rdata: bytes) -> None:
    # RFC 3597 section 4
    packet = response(rrset(QNAME, rrtype, rdata))
    assert packet[AFTER_QUESTION + 2 + FIXED :] == rdata


def test_names_in_data_of_later_types_are_no_targets() -> None:
    target = read("elsewhere.test.")
    packet = response(rrset(QNAME, 33, bytes(6) + target), rrset(target, 1, b"aaaa"))
    assert packet.count(target) == 2


def test_no_pointer_reaches_beyond_14_bits() -> None:
    filler = rrset(read("filler.test."), 65280, bytes(0x3FC0))
    names = [read(f"host{n}.far.test.") for n in range(20)]
    message = Message(1, 0x8180, [Question(QNAME, 1)], [filler])
    message.answer += [rrset(name, 2, name, name + b"") for name in names]
    packet = build(message)
    assert len(packet) > 0x4000 + 200
    assert [r.owner for r in parse(packet).answer] == [filler.owner, *names]
    assert packet.count(b"\3far\xc0") == 1
    # The names from beyond the reach still point to what lies within it.
    assert packet.count(b"\5host0") + packet.count(b"\6host19") >= 2


def test_an_rrset_that_was_taken_back_leaves_no_targets() -> None:
    big = rrset(read("big.test."), 65280, bytes(600))
    small = rrset(read("test."), 1, b"aaaa")
    message = Message(1, 0x8180, [Question(QNAME, 1)], additional=[big, small])
    packet = build(message, max_size=512)
    assert parse(packet).additional == [small]


def test_data_left_empty_by_an_update_is_written_empty() -> None:
    update = RRset(QNAME, 2, 255, 0, (b"",))
    assert parse(response(update)).answer == [update]
