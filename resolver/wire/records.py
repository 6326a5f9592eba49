"""One message record by record, in the order of the wire, read only as far as somebody looks.

In a zone transfer and in an update the order of records means something (RFC 1995 section 4, RFC
2136 section 3.4.2), so they are not put together into RRsets as `parse` does; and a message of
64 kB holds thousands of them, which is too much to read in one go between two queries.

Knows: RFC 1035 section 4.1, RFC 2181 section 8. Does not know: what a transfer or an update is.
"""

from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import Final

from resolver.codes import RRType
from resolver.errors import WireError
from resolver.model import Question
from resolver.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT
from resolver.native import i64
from resolver.wire.parse import HEADER_OCTETS, MAX_TTL_S, name_at, rdata_at
from resolver.wire.rdata import SHAPES, Shape

# Owner with its case kept, type, class, TTL in seconds, uncompressed data.
Record = tuple[bytes, int, int, int, bytes]

_HEADER: Final = Struct("!6H")
_QUESTION: Final = Struct("!2H")
_RECORD: Final = Struct("!2HIH")
_POINTED: Final = Struct("!3HIH")  # the same, and a pointer before it
_POINTER: Final = 0xC0
_POINTER_BITS: Final = _POINTER << 8
_OPT: Final = int(RRType.OPT)
# More than one question is never right in a transfer; so many are read to say so.
_MAX_QUESTIONS: Final = 2

# What data of a type looks like: the one length that it has; or one of these, and the octets that
# stand before a name that is never compressed, or one that may be and ends the data, or at least.
_NOT_PLAIN: Final = -1
_LEAST: Final = 1 << 16
_VERBATIM: Final = 2 << 16
_COMPRESSED: Final = 3 << 16
_HEAD: Final = 0xFFFF


def _form(shape: Shape) -> int:
    if shape.strings or shape.names > 1 or (shape.tail and shape.names):
        return _NOT_PLAIN
    if shape.names:
        return shape.head | (_VERBATIM if shape.tail is None else _COMPRESSED)
    return shape.head | (_LEAST if shape.tail is None else 0)


_FORMS: Final[dict[int, int]] = {
    _OPT: _NOT_PLAIN,
    **{rrtype: _form(shape) for rrtype, shape in SHAPES.items()},
}

# From the first octet of a label to the next one; past the end of any message if it is none.
_NO_LABEL: Final = 1 << 16
_STEPS: Final[list[int]] = [
    octet + 1 if 0 < octet <= MAX_LABEL_OCTETS else _NO_LABEL for octet in range(256)
]


class Envelope:
    """Header and questions of a message, and two of its sections, to be read once and in order.

    `rcode` is the header's four bits. Raises WireError when made, from `answer` and `authority`.
    Names in data that are at most one label below `zone` are read faster.
    """

    __slots__ = (
        "_answers",
        "_authorities",
        "_names",
        "_offset",
        "_packet",
        "_zone",
        "flags",
        "id",
        "questions",
    )

    def __init__(self, packet: bytes, zone: bytes = ROOT) -> None:
        if len(packet) < HEADER_OCTETS:
            raise WireError(len(packet), "shorter than a header")
        header: tuple[int, ...] = _HEADER.unpack_from(packet)
        self.id, self.flags, questions = header[:3]
        self._answers, self._authorities = header[3:5]
        self._packet = packet
        self._zone = zone
        self._names: dict[int, bytes] = {}
        self.questions: list[Question] = []
        offset = HEADER_OCTETS
        try:
            for _ in range(min(questions, _MAX_QUESTIONS)):
                qname, offset = name_at(packet, offset, self._names)
                qtype, qclass = _QUESTION.unpack_from(packet, offset)
                offset += _QUESTION.size
                self.questions.append(Question(qname, qtype, qclass))
        except (IndexError, StructError):
            raise WireError(len(packet), "ends in the middle of a question") from None
        self._offset = offset

    @property
    def rcode(self) -> int:
        """The lower four bits: transfers need no more."""
        return self.flags & 0xF

    @property
    def opcode(self) -> int:
        """The kind of message."""
        return self.flags >> 11 & 0xF

    def answer(self, most: int) -> list[Record]:
        """The next records of the answer section, at most so many; none at its end. A TTL with its
        top bit set counts as 0 (RFC 2181 section 8)."""
        count = min(most, self._answers)
        self._answers -= count
        return self._records(count)

    def authority(self) -> list[Record]:
        """Those of the authority section; the answer section must have been read to its end."""
        count, self._authorities = self._authorities, 0
        return self._records(count)

    def _records(self, count: int) -> list[Record]:
        try:
            return self._read(count)
        except (IndexError, StructError):
            end = len(self._packet)
            raise WireError(end, "ends in the middle of a name or record") from None

    def _read(self, count: int) -> list[Record]:
        packet, noted = self._packet, self._names
        offset: i64 = self._offset
        size: i64 = len(packet)
        last: i64 = size - _POINTED.size
        found: list[Record] = []
        for _ in range(count):
            # A pointer, or a label and a pointer, to a name that is noted: like most, and not worth
            # a call. Whatever is noted starts before here.
            octet: i64 = packet[offset]
            at: i64 = offset if octet >= _POINTER else offset + _STEPS[octet]
            owner: bytes | None = None
            if at <= last:
                pointer, rrtype, rrclass, ttl, length = _POINTED.unpack_from(packet, at)
                owner = noted.get(pointer - _POINTER_BITS)
            if owner is None or at - offset + len(owner) > MAX_NAME_OCTETS:
                owner, at = name_at(packet, offset, noted)
                rrtype, rrclass, ttl, length = _RECORD.unpack_from(packet, at)
                start: i64 = at + _RECORD.size
            else:
                if at != offset:
                    owner = noted[offset] = packet[offset:at] + owner
                start = at + _POINTED.size
            end: i64 = start + length
            if end > size:
                raise WireError(start, f"record data of {length} octets goes past the end")
            form = _FORMS.get(rrtype, _LEAST)
            rdata = packet[start:end] if length == form else self._plain(start, end, form)
            if rdata is None:
                if rrtype == _OPT:
                    raise WireError(offset, "OPT outside the additional section")
                rdata = rdata_at(packet, (start, end), (rrtype, rrclass), noted)
            offset = end
            found.append((owner, rrtype, rrclass, ttl if ttl <= MAX_TTL_S else 0, rdata))
        self._offset = offset
        return found

    def _plain(self, start: i64, end: i64, form: i64) -> bytes | None:
        """Record data of which can be seen at a glance that it is well-formed; None for other."""
        packet = self._packet
        begin = start + (form & _HEAD)
        if form >= _COMPRESSED:
            return self._compressed(start, begin, end - 2)
        if form < _LEAST or begin > end:
            return None
        if form >= _VERBATIM and not packet.startswith(self._zone, begin, end):
            step: i64 = _STEPS[packet[begin]] if begin < end else _NO_LABEL
            if step + len(self._zone) > MAX_NAME_OCTETS:
                return None
            if not packet.startswith(self._zone, begin + step, end):
                return None
        return packet[start:end]

    def _compressed(self, start: i64, begin: i64, last: i64) -> bytes | None:
        """Data with a name at `begin` that ends with a pointer, at `last`, to a name that is noted,
        and nothing behind it."""
        packet, noted = self._packet, self._names
        if begin > last:
            return None
        high: i64 = packet[last]
        rest = noted.get((high << 8 | packet[last + 1]) - _POINTER_BITS)
        if rest is None:
            return None
        at = begin
        label = begin
        while at < last:
            label = at
            at += _STEPS[packet[at]]
        if at != last or at - begin + len(rest) > MAX_NAME_OCTETS:
            return None
        if at == begin:
            return packet[start:begin] + rest
        name = noted[begin] = packet[begin:last] + rest
        if label != begin:  # where the next name may point to
            noted[label] = packet[label:last] + rest
        return packet[start:begin] + name
