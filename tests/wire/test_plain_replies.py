"""Replies of one name, which are written the short way, are octet for octet as all others are."""

import pytest

from resolver.model import Edns, Message, Question, RRset
from resolver.names import ROOT, read
from resolver.wire import build as writer
from resolver.wire.build import build

QNAME = read("WWW.example.")
A, TXT, NS = 1, 16, 2
ROOM = 1232


def message(qname: bytes, *answer: RRset, edns: Edns | None = None, rcode: int = 0) -> Message:
    return Message(7, 0x8580, [Question(qname, A)], list(answer), edns=edns, rcode=rcode)


def rrset(owner: bytes, rrtype: int, *rdatas: bytes) -> RRset:
    return RRset(owner, rrtype, 1, 86400, rdatas)


PLAIN = [
    message(QNAME, rrset(QNAME, A, b"aaaa")),
    message(QNAME, rrset(QNAME.lower(), A, b"aaaa", b"bbbb"), edns=Edns(dnssec_ok=True)),
    message(QNAME, rrset(QNAME, A, b"aaaa"), rrset(QNAME, TXT, b"\1x", b""), edns=Edns(), rcode=3),
    message(QNAME, rrset(QNAME, 65280, bytes(700)), edns=Edns(), rcode=16),
    message(QNAME),
]


@pytest.mark.parametrize("plain", PLAIN)
def test_the_short_way_ends_where_the_long_way_does(plain: Message) -> None:
    packet, complete = writer._write(plain, plain.edns, ROOM, 0)
    assert complete
    assert writer._write_plain(plain, ROOM) == packet == build(plain, max_size=ROOM)
    assert writer._write_plain(plain, len(packet)) == packet
    assert writer._write_plain(plain, len(packet) - 1) is None


def test_what_is_at_hand_is_never_that_of_another() -> None:
    """More kinds of records and headers than there is room for, in turn."""
    for ttl in (*range(700), 0x7FFFFFFF, 1 << 24, 1 << 16, 300):
        for rrtype, rdata in (
            (A, b"aaaa"),
            (28, bytes(16)),
            (TXT, b"\1x"),
            (257, b""),
            (258, b"x"),
        ):
            flags = 0x8000 | ttl & 0x7FFF
            rrsets = [RRset(QNAME, rrtype, 1, ttl, (rdata,) * (1 + ttl % 3))]
            plain = Message(
                7, flags, [Question(QNAME, A)], rrsets, edns=Edns() if ttl % 2 else None
            )
            packet, _ = writer._write(plain, plain.edns, ROOM, 0)
            assert writer._write_plain(plain, ROOM) == packet


def test_records_of_another_class_and_any_sequence_of_them() -> None:
    for rrclass in (1, 3, 1):
        plain = Message(7, 0x8580, [Question(QNAME, A)], (RRset(QNAME, A, rrclass, 5, (b"aaaa",)),))
        assert writer._write_plain(plain, ROOM) == writer._write(plain, None, ROOM, 0)[0]


@pytest.mark.parametrize(
    "other",
    [
        message(ROOT, rrset(ROOT, A, b"aaaa")),
        message(QNAME, rrset(QNAME, NS, QNAME)),
        message(QNAME, rrset(read("ftp.example."), A, b"aaaa")),
        Message(7, 0x8580, [Question(QNAME, A)], authority=[rrset(QNAME, A, b"aaaa")]),
        Message(7, 0x8580, [Question(QNAME, A)], additional=[rrset(QNAME, A, b"aaaa")]),
        Message(7, 0x8580, [Question(QNAME, A), Question(QNAME, TXT)]),
    ],
)
def test_it_is_for_nothing_else(other: Message) -> None:
    assert writer._write_plain(other, ROOM) is None
