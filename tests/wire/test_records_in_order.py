"""Records of a message one by one: most are read in a short way, which leads where the long one
leads, whatever the octets are."""

from struct import Struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolver.codes import RRClass, RRType
from resolver.errors import WireError
from resolver.wire.parse import HEADER_OCTETS, MAX_TTL_S, name_at, rdata_at
from resolver.wire.records import Envelope, Record

ZONE = b"\4test\0"
_FIXED = Struct("!2HIH")
_LABELS = st.sampled_from([b"a", b"ns1", b"Mail", b"x" * 63, b"test", b"\xc0\x0c\xc1"])
_NAMES = st.lists(_LABELS, max_size=4).map(tuple)
_HEADS = {
    RRType.NS: b"",
    RRType.CNAME: b"",
    RRType.MX: b"\0\12",
    RRType.SRV: b"\0\1\0\2\0\3",
    RRType.NSEC: b"",
    RRType.RRSIG: bytes(18),
    RRType.HTTPS: b"\0\1",
}
_TAILS = {RRType.NSEC: b"\0\1\x40", RRType.RRSIG: bytes(64), RRType.HTTPS: b""}
_WHOLE = {RRType.A: bytes(4), RRType.AAAA: bytes(16), RRType.DS: bytes(36), RRType.TXT: b"\1x"}


class _Writer:
    """A message whose names point to earlier ones wherever they can, if they may."""

    def __init__(self) -> None:
        self.out = bytearray(HEADER_OCTETS)
        self._places: dict[tuple[bytes, ...], int] = {}

    def name(self, labels: tuple[bytes, ...], *, compressed: bool) -> None:
        for first in range(len(labels)):
            rest = labels[first:]
            place = self._places.get(rest)
            if place is not None and compressed:
                self.out += (0xC000 | place).to_bytes(2)
                return
            self._places.setdefault(rest, len(self.out))
            self.out += bytes((len(rest[0]),)) + rest[0]
        self.out.append(0)

    def record(
        self,
        owner: tuple[bytes, ...],
        rrtype: int,
        rrclass: int,
        target: tuple[bytes, ...],
        *,
        compressed: bool,
    ) -> None:
        self.name(owner, compressed=compressed)
        self.out += _FIXED.pack(rrtype, rrclass, 300, 0)
        start = len(self.out)
        if rrclass == RRClass.IN:
            if rrtype in _HEADS:
                self.out += _HEADS[RRType(rrtype)]
                self.name(target, compressed=compressed)
                self.out += _TAILS.get(RRType(rrtype), b"")
            else:
                self.out += _WHOLE[RRType(rrtype)]
        self.out[start - 2 : start] = (len(self.out) - start).to_bytes(2)
        self.out[6:8] = (int.from_bytes(self.out[6:8]) + 1).to_bytes(2)


_RECORDS = st.tuples(
    _NAMES,
    st.sampled_from([*_HEADS, *_WHOLE]),
    st.sampled_from([RRClass.IN, RRClass.IN, RRClass.IN, RRClass.ANY]),
    _NAMES,
    st.booleans(),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Messages with records below one zone, in some of which a few octets are others."""
    writer = _Writer()
    for owner, rrtype, rrclass, target, compressed in draw(st.lists(_RECORDS, max_size=8)):
        writer.record((*owner, b"test"), rrtype, rrclass, (*target, b"test"), compressed=compressed)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(6, len(writer.out) - 1))
        writer.out[at] = draw(st.sampled_from([0, 1, 2, 41, 63, 64, 0xC0, 0xC1, 255]))
    return bytes(writer.out)


def in_a_short_way(packet: bytes, zone: bytes) -> list[Record] | None:
    try:
        return Envelope(packet, zone).answer(1 << 16)
    except WireError:
        return None


def in_the_long_way(packet: bytes) -> list[Record] | None:
    known: dict[int, bytes] = {}
    found: list[Record] = []
    at = HEADER_OCTETS
    try:
        for _ in range(int.from_bytes(packet[6:8])):
            owner, at = name_at(packet, at, known)
            if at + _FIXED.size > len(packet):
                return None
            rrtype, rrclass, ttl, length = _FIXED.unpack_from(packet, at)
            start = at + _FIXED.size
            at = start + length
            if at > len(packet) or rrtype == RRType.OPT:
                return None
            rdata = rdata_at(packet, (start, at), (rrtype, rrclass), known)
            found.append((owner, rrtype, rrclass, ttl if ttl <= MAX_TTL_S else 0, rdata))
    except (WireError, IndexError):
        return None
    return found


def _raw(owner: bytes, rrtype: int, rrclass: int = RRClass.IN, rdata: bytes = b"") -> bytes:
    return owner + _FIXED.pack(rrtype, rrclass, 0, len(rdata)) + rdata


def _message(*records: bytes) -> bytes:
    return bytes(6) + len(records).to_bytes(2) + bytes(4) + b"".join(records)


_LONG = b"\77" + b"x" * 63  # a label; names of four are too long
_FIRST = b"\xc0\x0c"  # a pointer to the first owner


@given(messages(), st.sampled_from([ZONE, b"\0", b"\1a\4test\0"]))
# What an update removes has no data, and may end the message behind a short owner.
@example(_message(_raw(b"\1a\0", RRType.HTTPS, RRClass.ANY)), ZONE)
@example(_message(_raw(b"\0", RRType.RRSIG, RRClass.ANY)), b"\0")
@example(_message(_raw(b"\1a\0", RRType.TXT), _raw(b"\0", 0xC00C, rdata=bytes(4))), ZONE)
# Names that are too long only together with what they end in.
@example(_message(_raw(b"\0", RRType.NSEC, rdata=_LONG * 4 + b"\0")), _LONG * 3 + b"\0")
@example(_message(_raw(_LONG * 3 + b"\0", RRType.TXT), _raw(_LONG + _FIRST, RRType.TXT)), ZONE)
@example(
    _message(_raw(_LONG * 3 + b"\0", RRType.TXT), _raw(b"\0", RRType.NS, rdata=_LONG + _FIRST)),
    ZONE,
)
# Data that ends too early, or within a name.
@example(_message(_raw(b"\0", RRType.DS, rdata=bytes(2))), ZONE)
@example(_message(_raw(b"\0", RRType.NSEC, rdata=b"\1a\4test")) + b"\0", ZONE)
@example(_message(_raw(b"\1a\0", RRType.NS, rdata=b"\3a" + _FIRST)), ZONE)
@settings(max_examples=500, deadline=None)
def test_both_ways_lead_to_the_same_records(packet: bytes, zone: bytes) -> None:
    assert in_a_short_way(packet, zone) == in_the_long_way(packet)
