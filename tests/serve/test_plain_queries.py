"""A plain query is read, answered and kept from what a look at it has told, as by the long way."""

import struct
from random import Random

import pytest

from resolver.cache.answers import Answers
from resolver.errors import WireError
from resolver.model import Answer, EdnsOptionValue, ExtendedError, RRset
from resolver.serve.request import Identity, Request, envelope, read_query
from resolver.wire.parse import parse
from resolver.wire.peek import peek

WWW = b"\3www\7Example\0"
IDENTITY = Identity(1232, "node-7", "")
CLIENT = b"\x7f\0\0\1"
COOKIE = b"\0\x0a\0\x08" + bytes(8)
A, NS, TXT = 1, 2, 16


def opt(size: int = 1232, flags: int = 0, options: bytes = b"") -> bytes:
    return b"\0" + struct.pack("!HHHHH", 41, size, 0, flags, len(options)) + options


def query(qname: bytes = WWW, qtype: int = A, *, flags: int = 0x0100, opt: bytes = b"") -> bytes:
    header = struct.pack("!6H", 7, flags, 1, 0, 0, 1 if opt else 0)
    return header + qname + struct.pack("!2H", qtype, 1) + opt


PLAIN = [
    query(),
    query(WWW.lower()),
    query(b"\0", NS, flags=0x0130),
    query(qtype=65280, opt=opt(4096, 0x8000)),
    query(qtype=255, opt=opt(0)),
    query(opt=opt(100, options=COOKIE)),
    query(bytes((63, *bytes(63))) * 3 + bytes((61, *bytes(61), 0))),
]


@pytest.mark.parametrize("packet", PLAIN)
def test_a_plain_query_is_read_as_every_message_is(packet: bytes) -> None:
    look = peek(packet, stream=False)
    assert look is not None
    assert read_query(packet, look) == parse(packet)


@pytest.mark.parametrize("packet", PLAIN)
def test_whatever_is_taken_for_plain_is_read_as_every_message_is(packet: bytes) -> None:
    rng = Random(packet)
    plain = 0
    for _ in range(2000):
        damaged = bytearray(packet)
        for _ in range(rng.randint(1, 2)):
            damaged[rng.randrange(len(damaged))] = rng.choice(
                (0, 1, 2, 41, 64, 255, rng.randrange(256))
            )
        cut = bytes(damaged[: len(damaged) - rng.choice((0, 0, 0, 1))])
        look = peek(cut, stream=False)
        if look is not None:
            plain += 1
            assert read_query(cut, look) == parse(cut)
            continue
        try:
            message = parse(cut)
        except WireError:
            with pytest.raises(WireError):
                read_query(cut, None)
        else:
            assert read_query(cut, None) == message
    assert plain


def rrset(rrtype: int, *rdatas: bytes, owner: bytes = WWW.lower(), ttl: int = 300) -> RRset:
    return RRset(owner, rrtype, 1, ttl, rdatas)


ANSWERS = [
    Answer(0, [rrset(A, b"aaaa", b"bbbb")]),
    Answer(3, authoritative=True),
    Answer(0, [rrset(TXT, b"\1x", ttl=0x7FFFFFFF), rrset(A, b"aaaa", owner=WWW)]),
    Answer(0, [rrset(TXT, bytes((200,)) + bytes(200))] * 5),
    Answer(0, [rrset(TXT, bytes((200,)) + bytes(200))] * 9),
    Answer(0, [rrset(NS, WWW.lower())]),
    Answer(0, [rrset(A, b"aaaa", owner=b"\3ftp\0")]),
    Answer(0, authority=[rrset(NS, WWW.lower(), owner=b"\7example\0")]),
    Answer(0, [rrset(A, b"aaaa")], additional=[rrset(A, b"aaaa", owner=b"\2ns\0")]),
    Answer(2, extended_errors=(ExtendedError(22, "nobody answers"),)),
    Answer(16),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("options", [(), (EdnsOptionValue(10, bytes(16)),)])
@pytest.mark.parametrize("packet", PLAIN)
def test_replies_are_octet_for_octet_those_of_the_long_way(
    packet: bytes, options: tuple[EdnsOptionValue, ...], stream: bool
) -> None:
    look = peek(packet, stream=False)
    for answer in ANSWERS:
        replies = []
        for known in (look, None):
            request = Request(parse(packet), CLIENT, 7, stream, packet=packet, options=options)
            request.look = known
            replies.append(envelope(request, answer, IDENTITY, recursion=True))
        assert replies[0] == replies[1]
        assert parse(replies[0]).id == 7


@pytest.mark.parametrize("packet", PLAIN)
def test_packets_are_kept_alike_with_and_without_a_look(packet: bytes) -> None:
    request = Request(parse(packet), CLIENT, 7, False, packet=packet)
    reply = envelope(request, ANSWERS[0], IDENTITY, recursion=True)
    tables = []
    for look in (peek(packet, stream=False), None):
        answers = Answers(1 << 20)
        for bits in (1, 7):
            answers.keep(
                packet,
                reply,
                bits=bits,
                stream=False,
                now=5.5,
                ttl_s=1e9,
                ages=True,
                look=look,
            )
        kept = {
            key: (entry.tail, entry.ttls, entry.expires, entry.aliases)
            for shard in answers.table(7, stream=False)
            for key, entry in shard.items()
        }
        tables.append((kept, answers.entries, answers.octets))
    assert tables[0] == tables[1]
    assert tables[0][1] == 2
