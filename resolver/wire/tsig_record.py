"""The TSIG record: found at the end of a message, put there.

Knows: RFC 8945 section 4.2 and the rules about its place in section 5.2. Does not know: keys, or
what a MAC is made of (wire/tsig.py).
"""

from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

from resolver.codes import RRClass, RRType
from resolver.errors import WireError
from resolver.wire.parse import read_name

HEADER_OCTETS = 12
ADDITIONALS_AT = 10
TIME_OCTETS = 6
# Beside its names, MAC and other data.
FIXED_OCTETS = 26

_COUNTS = Struct("!4H")
_U16 = Struct("!H")
_RECORD = Struct("!2HIH")
_TIMERS = Struct("!HIH")  # 48 bits of time, fudge
_TAIL = Struct("!3H")  # original id, error, length of other data
_POINTER = 0xC0


class Tsig(NamedTuple):
    """A TSIG record (RFC 8945 section 4.2). `start` is its offset; names are in lower case."""

    start: int
    name: bytes
    algorithm: bytes
    time_s: int
    fudge_s: int
    mac: bytes
    original_id: int
    error: int
    other: bytes

    def timers(self) -> bytes:
        """Time and fudge, as they are in the record and in the digest."""
        return _TIMERS.pack(self.time_s >> 32, self.time_s & 0xFFFFFFFF, self.fudge_s)


def find(packet: bytes) -> Tsig | None:
    """The TSIG record of a message, None without one.

    Raises WireError when there is one anywhere but at the end of the message, or when it is not
    well-formed; a request like that is answered with FORMERR (RFC 8945 section 5.2).
    """
    try:
        questions, answers, authorities, additionals = _COUNTS.unpack_from(packet, 4)
        at = HEADER_OCTETS
        for _ in range(questions):
            at = _skip_name(packet, at) + 4
        left = answers + authorities + additionals
        while left:
            start = at
            at = _skip_name(packet, at)
            rrtype, rrclass, ttl, length = _RECORD.unpack_from(packet, at)
            at += _RECORD.size + length
            left -= 1
            if rrtype == RRType.TSIG:
                if left or not additionals:
                    raise WireError(start, "TSIG is not the last record of the message")
                if rrclass != RRClass.ANY or ttl:
                    raise WireError(start, "TSIG with a class other than ANY or a TTL")
                return _read(packet, start, at)
    except (IndexError, StructError):
        raise WireError(len(packet), "ends in the middle of a record") from None
    return None


def append(packet: bytes, tsig: Tsig) -> bytes:
    """The message with a TSIG record behind it; its own `start` does not matter."""
    count = _U16.unpack_from(packet, ADDITIONALS_AT)[0] + 1
    tail = _TAIL.pack(tsig.original_id, tsig.error, len(tsig.other)) + tsig.other
    rdata = tsig.algorithm + tsig.timers() + _U16.pack(len(tsig.mac)) + tsig.mac + tail
    return b"".join(
        (
            packet[:ADDITIONALS_AT],
            _U16.pack(count),
            packet[HEADER_OCTETS:],
            tsig.name,
            _RECORD.pack(RRType.TSIG, RRClass.ANY, 0, len(rdata)),
            rdata,
        )
    )


def _skip_name(packet: bytes, at: int) -> int:
    while octet := packet[at]:
        if octet >= _POINTER:
            return at + 2
        at += octet + 1
    return at + 1


def _read(packet: bytes, start: int, end: int) -> Tsig:
    name, at = read_name(packet, start)
    algorithm, at = read_name(packet, at + _RECORD.size)
    high, low, fudge_s = _TIMERS.unpack_from(packet, at)
    at += _TIMERS.size
    mac_at = at + _U16.size
    at = mac_at + _U16.unpack_from(packet, at)[0]
    mac = packet[mac_at:at]
    original_id, error, length = _TAIL.unpack_from(packet, at)
    at += _TAIL.size
    if at + length != end or end > len(packet):
        raise WireError(start, "TSIG does not have the length that its parts say")
    other = packet[at:end]
    time_s = high << 32 | low
    return Tsig(
        start, name.lower(), algorithm.lower(), time_s, fudge_s, mac, original_id, error, other
    )
