"""Messages to test the codec with: strategies for any message, and a set that looks real."""

import struct

from hypothesis import strategies as st

from resolver.model import Edns, EdnsOptionValue, Message, Question, RRset
from resolver.names import read

Record = tuple[bytes, int, int, int, bytes]

_LABELS = st.sampled_from([b"www", b"WwW", b"example", b"com", b"a", b"b", b"ns1", b"_sip"])
_ENDS = st.sampled_from([b"", b"\3com", b"\7example\3com", b"\7EXAMPLE\3com", b"\1a" * 100])
_STRINGS = st.binary(max_size=40).map(lambda data: bytes((len(data),)) + data)
_BITMAPS = st.sampled_from([b"", b"\0\1\x40", b"\0\7\x22\1\0\0\0\3\x80"])


def _names(labels: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    def join(labels: list[bytes], end: bytes) -> bytes:
        return b"".join([bytes((len(label),)) + label for label in labels]) + end + b"\0"

    joined = st.builds(join, st.lists(labels, max_size=3), _ENDS)
    return joined.filter(lambda name: len(name) <= 255)


def _octets(count: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=count, max_size=count)


def _joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


def _common_rdata(names: st.SearchStrategy[bytes]) -> dict[int, st.SearchStrategy[bytes]]:
    """Data of the types that every codec knows, by type."""
    return {
        1: _octets(4),
        28: _octets(16),
        2: names,
        5: names,
        12: names,
        6: _joined(names, names, _octets(20)),
        15: _joined(_octets(2), names),
        16: st.lists(_STRINGS, min_size=1, max_size=4).map(b"".join),
        33: _joined(_octets(6), names),
        43: _joined(_octets(2), st.just(b"\x08\x02"), _octets(32)),
        48: _joined(st.just(b"\1\1\3\x08"), _octets(64)),
        65280: st.binary(min_size=1, max_size=60),
    }


def _all_rdata(names: st.SearchStrategy[bytes]) -> dict[int, st.SearchStrategy[bytes]]:
    return {
        **_common_rdata(names),
        13: _joined(_STRINGS, _STRINGS),
        17: _joined(names, names),
        18: _joined(_octets(2), names),
        21: _joined(_octets(2), names),
        26: _joined(_octets(2), names, names),
        35: _joined(_octets(4), _STRINGS, _STRINGS, _STRINGS, names),
        36: _joined(_octets(2), names),
        39: names,
        46: _joined(st.just(b"\0\1"), _octets(16), names, _octets(32)),
        47: _joined(names, _BITMAPS),
        50: _joined(st.just(b"\1\0\0\5\2ab\x14"), _octets(20), _BITMAPS),
        51: st.just(b"\1\0\0\5\2ab"),
        52: _joined(st.just(b"\3\1\1"), _octets(32)),
        64: _joined(st.just(b"\0\1"), names, st.sampled_from([b"", b"\0\3\0\2\1\xbb"])),
        257: _joined(st.just(b"\0\5issue"), st.binary(max_size=20)),
        65281: st.just(b""),
    }


NAMES = _names(_LABELS | st.binary(min_size=1, max_size=63))
PLAIN_NAMES = _names(_LABELS)
TYPES = frozenset(_all_rdata(NAMES))
# dnspython keeps one record of these in an RRset.
SINGLE_TYPES = frozenset((5, 6, 39, 47, 50, 51))
TTLS = st.one_of(st.sampled_from([0, 300, 0x7FFFFFFF]), st.integers(0, 0x7FFFFFFF))


@st.composite
def _rrsets(
    draw: st.DrawFn, names: st.SearchStrategy[bytes], rdata: dict[int, st.SearchStrategy[bytes]]
) -> RRset:
    rrtype = draw(st.sampled_from(sorted(rdata)))
    most = 1 if rrtype in SINGLE_TYPES else 4
    rdatas = st.lists(rdata[rrtype], min_size=1, max_size=most, unique_by=bytes.lower)
    return RRset(draw(names), rrtype, 1, draw(TTLS), tuple(draw(rdatas)))


OPTIONS = st.one_of(
    st.builds(EdnsOptionValue, st.integers(65001, 65534), st.binary(min_size=1, max_size=20)),
    st.just(EdnsOptionValue(3, b"ns1")),
    st.just(EdnsOptionValue(10, b"12345678")),
    st.just(EdnsOptionValue(15, b"\0\x16no way")),
)
EDNS = st.builds(
    Edns,
    st.integers(0, 65535),
    st.integers(0, 255),
    st.booleans(),
    st.lists(OPTIONS, max_size=4).map(tuple),
)


def messages(*, plain: bool = False) -> st.SearchStrategy[Message]:
    """Queries and responses of all kinds, the opcode QUERY, with at most one question.

    The plain ones have names and types that a codec for everyday use knows.
    """

    def finish(message: Message) -> Message:
        if message.edns is None:
            message.rcode &= 0xF
        message.flags = message.flags & 0x87B0 | message.rcode & 0xF
        return message

    names = PLAIN_NAMES if plain else NAMES
    section = st.lists(
        _rrsets(names, _common_rdata(names) if plain else _all_rdata(names)),
        max_size=5,
        unique_by=lambda rrset: (rrset.owner.lower(), rrset.rrtype),
    )
    questions = st.builds(Question, names, st.sampled_from([1, 28, 255, 65280]), st.just(1))
    return st.builds(
        Message,
        st.integers(0, 65535),
        st.integers(0, 65535),
        st.lists(questions, max_size=1),
        section,
        section,
        section,
        st.none() | EDNS,
        st.integers(0, 23),
    ).map(finish)


def records(rrsets: list[RRset]) -> set[Record]:
    """The records of a section without regard to order and case.

    Case is folded in the whole of the data: which octets of it are names is the codec's knowledge,
    and what is asked here is whether others read the same.
    """
    return {
        (rrset.owner.lower(), rrset.rrtype, rrset.rrclass, rrset.ttl, rdata.lower())
        for rrset in rrsets
        for rdata in rrset.rdatas
    }


def folded(message: Message) -> tuple[object, ...]:
    """A message without regard to order and case, which compression may change."""
    return (
        message.id,
        message.flags,
        message.rcode,
        message.edns,
        [question.key for question in message.questions],
        records(message.answer),
        records(message.authority),
        records(message.additional),
    )


def real_looking() -> list[Message]:
    """A few dozen messages of the kinds that a server meets."""
    return [_query(edns) for edns in (None, Edns(), _FULL_EDNS)] + [
        _response(_RRSETS[:2]),
        _response(_RRSETS[2:5], authority=_RRSETS[5:6], edns=Edns()),
        _response([], authority=[_SOA], rcode=3, edns=_FULL_EDNS),
        _response([], authority=[_SOA]),
        _response([], rcode=5),
        _response([], rcode=16, edns=Edns()),
        _response([], authority=[_COM_NS], additional=_GLUE, edns=Edns()),
        _response(_RRSETS, authority=[_COM_NS, _SOA], additional=_GLUE, edns=_FULL_EDNS),
        *[_response([rrset], edns=Edns(dnssec_ok=True)) for rrset in _RRSETS],
        _update(),
        _notify(),
    ]


def _rr(owner: str, rrtype: int, *rdatas: bytes) -> RRset:
    return RRset(read(owner), rrtype, 1, 3600, rdatas)


_QUESTION = Question(read("www.example.com."), 1)
_FULL_EDNS = Edns(
    4096,
    dnssec_ok=True,
    options=(
        EdnsOptionValue(3, b"ns1"),
        EdnsOptionValue(10, b"12345678abcdefgh"),
        EdnsOptionValue(15, b"\0\x16no reachable authority"),
        EdnsOptionValue(11, b"\0\x64"),
        EdnsOptionValue(8, b"\0\1\x18\0\xc0\0\2"),
        EdnsOptionValue(12, bytes(20)),
    ),
)
_SOA = _rr("example.com.", 6, read("ns1.example.com.") + read("h.example.com.") + bytes(20))
_SERVERS = [f"{letter}.gtld-servers.net." for letter in "abcdefghijklm"]
_COM_NS = _rr("com.", 2, *[read(server) for server in _SERVERS])
_GLUE = [_rr(server, 1, bytes((192, 5, 6, n))) for n, server in enumerate(_SERVERS)]
_SIGNATURE = struct.pack("!HBBIIIH", 1, 8, 3, 3600, 1700000000, 1690000000, 4711)
_RRSETS = [
    _rr("www.example.com.", 5, read("web.example.com.")),
    _rr("web.example.com.", 1, b"\xc0\0\2\1", b"\xc0\0\2\2"),
    _rr("web.example.com.", 28, b"\x20\1\x0d\xb8" + bytes(12)),
    _rr("example.com.", 15, b"\0\x0a" + read("mx1.example.com."), b"\0\x14" + read("mx2.test.")),
    _rr("example.com.", 16, b"\x0bv=spf1 -all", b"\3abc\3def"),
    _rr("example.com.", 2, read("ns1.example.com."), read("ns2.example.net.")),
    _rr("_sip._tcp.example.com.", 33, b"\0\1\0\2\x13\xc4" + read("sip.example.com.")),
    _rr("example.com.", 35, b"\0\1\0\2\1S\7SIP+D2U\0" + read("_sip._udp.example.com.")),
    _rr("www.example.com.", 46, _SIGNATURE + read("example.com.") + bytes(range(128))),
    _rr("a.example.com.", 47, read("b.example.com.") + b"\0\7\x22\1\0\0\0\3\x80"),
    _rr("h4sh.example.com.", 50, b"\1\0\0\0\0\x14" + bytes(range(20)) + b"\0\1\x40"),
    _rr("example.com.", 48, b"\1\1\3\x08" + bytes(range(128))),
    _rr("example.com.", 43, b"\x12\x67\x08\x02" + bytes(range(32))),
    _rr("example.com.", 65, b"\0\1\0\0\1\0\3\2h2\0\4\0\4\xc0\0\2\1"),
    _rr("old.example.com.", 39, read("new.example.com.")),
    _rr("7.2.0.192.in-addr.arpa.", 12, read("www.example.com.")),
    _rr("example.com.", 17, read("admin.example.com.") + read("txt.example.com.")),
    _rr("example.com.", 257, b"\0\5issueca.example"),
    _rr("example.com.", 65280, bytes(range(50))),
]


def _query(edns: Edns | None) -> Message:
    return Message(4711, 0x0100, [_QUESTION], edns=edns)


def _response(
    answer: list[RRset],
    *,
    authority: list[RRset] | None = None,
    additional: list[RRset] | None = None,
    edns: Edns | None = None,
    rcode: int = 0,
) -> Message:
    flags = 0x8180 | rcode & 0xF
    sections = answer or (), authority or (), additional or ()
    return Message(4711, flags, [_QUESTION], *sections, edns, rcode)


def _update() -> Message:
    deletion = RRset(read("old.example.com."), 1, 255, 0, (b"",))
    key = RRset(read("key."), 250, 255, 0, (read("hmac-sha256.") + bytes(58),))
    zone = Question(read("example.com."), 6)
    return Message(1, 0x2800, [zone], [deletion], [deletion, _RRSETS[1]], [key])


def _notify() -> Message:
    return Message(1, 0x2400, [Question(read("example.com."), 6)], [_SOA])
