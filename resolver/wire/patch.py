"""Changes to a finished message without building it again: its TTLs, the case of its question, and
the cookie that is for one client only.

A finished message is kept as its tail: all octets behind the id. Offsets count within the tail.
Knows where TTLs stand in well-formed messages; does not know caches or clocks.

Sources: RFC 1035 sections 4.1.3 and 4.1.4, RFC 6891 section 6.1.3 (the TTL of OPT is none),
RFC 2181 section 8, RFC 4343 section 4, RFC 6891 section 6.1.2 (options are the data of OPT).
"""

from typing import Final

from resolver.codes import EdnsOption, RRType
from resolver.errors import WireError
from resolver.native import i64, mypyc_attr

_OPT: Final = int(RRType.OPT)
_EXTENDED_ERROR: Final = int(EdnsOption.EXTENDED_ERROR)
_HEADER_OCTETS: Final = 10  # without the id
_MAX_TTL_S: Final = 0x7FFFFFFF
_POINTER: Final = 0xC0
# An OPT record without options ends the messages that we keep: its name and type, and its length.
_OPT_OCTETS: Final = 11
_OPT_START: Final = b"\0" + _OPT.to_bytes(2, "big")
_TRUNCATED: Final = 0x02  # in the third octet
_NO_OPTIONS: Final = b"\0\0"
# Most messages have one TTL: all that have it at the same place share the tuple that says so.
_ALONE: Final[list[tuple[int, ...]]] = [(at,) for at in range(512)]


@mypyc_attr(acyclic=True, free_list_len=1)
class Layout:
    """Where things stand in a finished message.

    `ttls`: offset of every TTL but that of OPT. `lowest_ttl_s`: the smallest of them, or None if
    there are none. `personal`: OPT carries an option that was meant for one client only.
    """

    __slots__ = ("lowest_ttl_s", "personal", "ttls")

    def __init__(self, ttls: tuple[int, ...], lowest_ttl_s: int | None, personal: bool) -> None:
        self.ttls = ttls
        self.lowest_ttl_s = lowest_ttl_s
        self.personal = personal


def survey(tail: bytes, start: int | None = None) -> Layout:
    """Find the TTLs in a message without its id, of which the records begin at `start` if that is
    known. Raises WireError when it is cut short."""
    first: i64 = 0  # where the first TTL is
    ttls: list[int] = []
    lowest: i64 = -1
    personal = False
    at: i64 = 0
    try:
        at = _end_of_questions(tail) if start is None else start
        records: i64 = _read_16(tail, 4) + _read_16(tail, 6) + _read_16(tail, 8)
        while records > 0:
            records -= 1
            at = at + 2 if tail[at] >= _POINTER else _skip_name(tail, at)
            rdata = at + 10
            end = rdata + (tail[at + 8] << 8 | tail[at + 9])
            if tail[at] == 0 and tail[at + 1] == _OPT:
                personal = personal or _has_personal_option(tail[rdata:end])
            else:
                if first == 0:
                    first = at + 4
                else:
                    ttls.append(at + 4)
                ttl_s = _read_ttl(tail, at + 4)
                if lowest < 0 or ttl_s < lowest:
                    lowest = ttl_s
            at = end
    except IndexError:
        at = len(tail) + 1
    if at > len(tail):
        raise WireError(len(tail) + 2, "message ends inside a record")
    return Layout(_places(first, ttls), None if lowest < 0 else lowest, personal)


def age(tail: bytes, ttls: tuple[int, ...], seconds: int) -> bytes:
    """The tail with `seconds` taken off each TTL, never below 0."""
    parts: list[bytes] = []
    start = 0
    for at in ttls:
        ttl_s: int = _read_ttl(tail, at)
        left_s = max(ttl_s - seconds, 0)
        parts.append(tail[start:at])
        parts.append(left_s.to_bytes(4, "big"))
        start = at + 4
    parts.append(tail[start:])
    return b"".join(parts)


def with_question_name(tail: bytes, qname: bytes) -> bytes:
    """The tail with its question name written as `qname`, which has the same length.

    Owner names that are compressed to the question follow it by themselves.
    """
    return b"".join((tail[:_HEADER_OCTETS], qname, tail[_HEADER_OCTETS + len(qname) :]))


def with_option(tail: bytes, option: bytes) -> bytes | None:
    """The tail with one option, given with its code and length, in its OPT record; None unless the
    message ends with an OPT record without options."""
    if tail[-_OPT_OCTETS : 3 - _OPT_OCTETS] != _OPT_START or not tail.endswith(_NO_OPTIONS):
        return None
    return b"".join((tail[:-2], len(option).to_bytes(2, "big"), option))


def without_option(packet: bytes, option: bytes) -> bytes:
    """The message without the one option that its OPT record has, or the message as it is. Undoes
    `with_option`."""
    bare = len(packet) - len(option) - 2
    end = len(option).to_bytes(2, "big") + option
    opt = bare + 2 - _OPT_OCTETS
    if packet.endswith(end) and packet.startswith(_OPT_START, max(opt, 0)):
        return packet[:bare] + _NO_OPTIONS
    return packet


def truncated(packet: bytes) -> bytes:
    """The message with TC set."""
    return b"".join((packet[:2], bytes((packet[2] | _TRUNCATED,)), packet[3:]))


def _places(first: i64, others: list[int]) -> tuple[int, ...]:
    """Where TTLs are: at `first`, which is 0 if there is none, and behind it."""
    if others:
        return (first, *others)
    if first == 0:
        return ()
    return _ALONE[first] if first < len(_ALONE) else (first,)


def _read_16(tail: bytes, at: i64) -> i64:
    high: i64 = tail[at]
    return high << 8 | tail[at + 1]


def _read_ttl(tail: bytes, at: i64) -> i64:
    ttl_s = _read_16(tail, at) << 16 | _read_16(tail, at + 2)
    return ttl_s if ttl_s <= _MAX_TTL_S else 0


def _end_of_questions(tail: bytes) -> i64:
    at: i64 = _HEADER_OCTETS
    for _ in range(_read_16(tail, 2)):
        at = _skip_name(tail, at) + 4
    return at


def _skip_name(tail: bytes, at: i64) -> i64:
    length: i64 = tail[at]
    while length != 0:
        if length >= _POINTER:
            return at + 2
        at += length + 1
        length = tail[at]
    return at + 1


def _has_personal_option(options: bytes) -> bool:
    """Whether there is any option beside extended errors, which tell about the answer."""
    at = 0
    while at < len(options):
        if _read_16(options, at) != _EXTENDED_ERROR:
            return True
        at += 4 + _read_16(options, at + 2)
    return False
