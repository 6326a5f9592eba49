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
from resolver.wire.parse import HEADER_OCTETS, MAX_TTL_S, name_at, rdata_at
from resolver.wire.rdata import FIXED_OCTETS

# Owner with its case kept, type, class, TTL in seconds, uncompressed data.
Record = tuple[bytes, int, int, int, bytes]

_HEADER: Final = Struct("!6H")
_QUESTION: Final = Struct("!2H")
_RECORD: Final = Struct("!2HIH")
_RECORD_OCTETS: Final = _RECORD.size
_POINTER: Final = 0xC0
_OPT: Final = int(RRType.OPT)
# More than one question is never right in a transfer; so many are read to say so.
_MAX_QUESTIONS: Final = 2


class Envelope:
    """Header and questions of a message, and two of its sections, to be read once and in order.

    `rcode` is the header's four bits. Raises WireError when made, from `answer` and `authority`.
    """

    __slots__ = (
        "_answers",
        "_authorities",
        "_names",
        "_offset",
        "_packet",
        "flags",
        "id",
        "questions",
    )

    def __init__(self, packet: bytes) -> None:
        if len(packet) < HEADER_OCTETS:
            raise WireError(len(packet), "shorter than a header")
        header: tuple[int, ...] = _HEADER.unpack_from(packet)
        self.id, self.flags, questions = header[:3]
        self._answers, self._authorities = header[3:5]
        self._packet = packet
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
        packet, noted, offset = self._packet, self._names, self._offset
        size = len(packet)
        found: list[Record] = []
        for _ in range(count):
            octet = packet[offset]
            target = (octet & 0x3F) << 8 | packet[offset + 1]
            known = noted.get(target) if octet >= _POINTER and target < offset else None
            if known is not None:  # like many: not worth a call
                owner, at = known, offset + 2
            else:
                owner, at = name_at(packet, offset, noted)
            rrtype, rrclass, ttl, length = _RECORD.unpack_from(packet, at)
            start = at + _RECORD_OCTETS
            end = start + length
            if end > size:
                raise WireError(start, f"record data of {length} octets goes past the end")
            if rrtype == _OPT:
                raise WireError(offset, "OPT outside the additional section")
            if length == FIXED_OCTETS.get(rrtype):
                rdata = packet[start:end]
            else:
                rdata = rdata_at(packet, (start, end), (rrtype, rrclass), noted)
            offset = end
            found.append((owner, rrtype, rrclass, ttl if ttl <= MAX_TTL_S else 0, rdata))
        self._offset = offset
        return found
