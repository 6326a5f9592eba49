"""A look at a query without parsing it: may it be answered from finished packets, and by which key?

Knows where the few fields stand that make two queries the same question to us: header, question,
OPT. Does not know records, caches or policy; whatever it does not recognise at once is left to
parse.py and the full path.

The key of a plain query is its own bytes without the id, in canonical form: name in lower case,
OPT with one of two payload sizes and without options. Most clients send exactly these bytes, so
that a cache may first look the packet up as it came.

Sources: RFC 1035 sections 4.1.1, 4.1.2 and 4.2.1, RFC 4343, RFC 6891 section 6.1, RFC 7830
section 6 (no padding without encryption), RFC 7828 section 3 (no keepalive over UDP),
RFC 7873 sections 5.2 (the first cookie counts) and 5.2.2 (a malformed one is a FORMERR, which is
not ours to send).
"""

from typing import Final

from resolver.codes import EdnsOption, RRClass, RRType
from resolver.native import i64, mypyc_attr

HEADER_OCTETS: Final = 12
ID_OCTETS: Final = 2
# A reply that fits these fits every client that offers as much or more (RFC 6891 section 6.2.3).
SMALL_UDP_OCTETS: Final = 512
LARGE_UDP_OCTETS: Final = 1232
MAX_STREAM_OCTETS: Final = 65535

_MAX_NAME_OCTETS: Final = 255
_UPPER_A: Final = 0x41
_UPPER_Z: Final = 0x5A
_SIZE_AT: Final = -8  # of a query that ends with OPT without options
_TYPE_AND_CLASS_OCTETS: Final = 4
# Root name, type, payload size, extended rcode, version, flags, length of rdata.
_OPT_OCTETS: Final = 11

_OPT_OWNER_AND_TYPE: Final = b"\0\0\x29"
_RCODE_AND_VERSION_ZERO: Final = b"\0\0"
_DNSSEC_OK: Final = b"\x80\0"
_NO_FLAGS: Final = b"\0\0"
_NO_OPTIONS: Final = b"\0\0"

_IN: Final = int(RRClass.IN)
_ANY: Final = int(RRType.ANY)
_OPT: Final = int(RRType.OPT)
_COOKIE: Final = int(EdnsOption.COOKIE)
_MEANINGLESS_ON_PLAIN_UDP: Final = frozenset(
    (int(EdnsOption.PADDING), int(EdnsOption.TCP_KEEPALIVE))
)


@mypyc_attr(acyclic=True)
class Peek:
    """What a plain query says. `key` is canonical; the name ends before `name_end` of the packet.

    `lower` tells that the name came in lower case; `max_octets` bounds the reply; `optionless`
    tells that the packet came without EDNS options; `cookie` is the data of its COOKIE option,
    empty without one.
    """

    __slots__ = ("cookie", "key", "lower", "max_octets", "name_end", "optionless")

    def __init__(
        self,
        key: bytes,
        name_end: int,
        max_octets: int,
        *,
        lower: bool,
        cookie: bytes | None = None,
    ) -> None:
        """Without EDNS options `cookie` is None."""
        self.key = key
        self.name_end = name_end
        self.max_octets = max_octets
        self.lower = lower
        self.optionless = cookie is None
        self.cookie = cookie or b""


def peek(packet: bytes, *, stream: bool) -> Peek | None:
    """The canonical key of a plain query; None for anything that needs the full path.

    Plain is: QR 0, opcode QUERY, no bit set but RD, AD and CD, one question of class IN for a type
    that is data or ANY, an uncompressed name, then nothing, or one OPT of version 0 with no flag
    but DO and no option that asks for something. RD, AD, CD, DO and the presence of OPT are in
    the key.
    """
    if len(packet) < HEADER_OCTETS or packet[2] & 0xFE or packet[3] & 0xCF:
        return None
    name_end = _end_of_name(packet)
    end = name_end + _TYPE_AND_CLASS_OCTETS
    if not name_end or len(packet) < end or packet[name_end + 2] or packet[name_end + 3] != _IN:
        return None
    qtype: i64 = packet[name_end] << 8 | packet[name_end + 1]
    if 128 <= qtype < _ANY or qtype == 0 or qtype == _OPT:
        return None
    # One question, no answer, no authority, and nothing or one record behind.
    if packet[5] != 1 or packet[11] > 1:
        return None
    if packet[4] | packet[6] | packet[7] | packet[8] | packet[9] | packet[10]:
        return None
    question = packet[2:end]
    is_lower = _is_lower(packet, name_end)
    if not is_lower:
        # No octet of the header can be a letter: not in the flags, nor in the counts below.
        question = packet[2:name_end].lower() + packet[name_end:end]
    if packet[11]:
        return _peek_edns(packet, question, stream=stream, lower=is_lower)
    if len(packet) != end:
        return None
    limit = MAX_STREAM_OCTETS if stream else SMALL_UDP_OCTETS
    return Peek(question, name_end, limit, lower=is_lower)


def question(packet: bytes) -> bytes:
    """The question of a plain query, in lower case: name, type and class."""
    end = _end_of_name(packet)
    return packet[HEADER_OCTETS:end].lower() + packet[end : end + 4]


def reply_octets(key: bytes, *, stream: bool) -> int:
    """The longest reply to a plain query with OPT but without options, given behind its id."""
    if stream:
        return MAX_STREAM_OCTETS
    large = key[_SIZE_AT] << 8 | key[_SIZE_AT + 1] >= LARGE_UDP_OCTETS
    return LARGE_UDP_OCTETS if large else SMALL_UDP_OCTETS


def _end_of_name(packet: bytes) -> i64:
    """The octet after an uncompressed question name, or 0."""
    octets: i64 = len(packet)
    end: i64 = HEADER_OCTETS
    while end < octets:
        length: i64 = packet[end]
        end += length + 1
        if length == 0:
            return end if end - HEADER_OCTETS <= _MAX_NAME_OCTETS else 0
        if length > 63:
            return 0
    return 0


def _is_lower(packet: bytes, name_end: i64) -> bool:
    """Whether a question name, which ends there, is in lower case. (No length of a label is a
    letter.)"""
    at: i64 = HEADER_OCTETS
    while at < name_end:
        octet: i64 = packet[at]
        if _UPPER_A <= octet <= _UPPER_Z:
            return False
        at += 1
    return True


def _peek_edns(packet: bytes, question: bytes, *, stream: bool, lower: bool) -> Peek | None:
    """The same for a query with a record behind its question, which is given as it is in the
    key."""
    opt = len(question) + ID_OCTETS
    after = opt + _OPT_OCTETS
    if (
        len(packet) < after
        or packet[opt : opt + 3] != _OPT_OWNER_AND_TYPE
        or packet[opt + 5 : opt + 7] != _RCODE_AND_VERSION_ZERO
        or len(packet) - after != packet[opt + 9] << 8 | packet[opt + 10]
    ):
        return None
    flags = packet[opt + 7 : opt + 9]
    if flags not in (_NO_FLAGS, _DNSSEC_OK):
        return None
    cookie = None
    if len(packet) > after:
        cookie = _read_options(packet, after, stream)
        if cookie is None:
            return None
    large = stream or packet[opt + 3] << 8 | packet[opt + 4] >= LARGE_UDP_OCTETS
    size = LARGE_UDP_OCTETS if large else SMALL_UDP_OCTETS
    key = b"".join(
        (
            question,
            _OPT_OWNER_AND_TYPE,
            size.to_bytes(2, "big"),
            _RCODE_AND_VERSION_ZERO,
            flags,
            _NO_OPTIONS,
        )
    )
    limit = MAX_STREAM_OCTETS if stream else size
    return Peek(key, opt - _TYPE_AND_CLASS_OCTETS, limit, lower=lower, cookie=cookie)


def _read_options(packet: bytes, at: int, stream: bool) -> bytes | None:
    """The data of the first cookie among the options from octet `at` to the end, empty without one;
    None when there is an option that changes the reply in another way."""
    end = len(packet)
    cookie = b""
    while at < end:
        if at + 4 > end:
            return None
        code = packet[at] << 8 | packet[at + 1]
        length = packet[at + 2] << 8 | packet[at + 3]
        at += 4 + length
        if at > end:
            return None
        if code == _COOKIE:
            if length != 8 and not 16 <= length <= 40:
                return None
            cookie = cookie or packet[at - length : at]
        elif stream or code not in _MEANINGLESS_ON_PLAIN_UDP:
            return None
    return cookie
