"""Bytes to a Message.

Whatever the bytes are, `parse` returns a Message or raises WireError, in time linear in their
number. What keeps it linear: nothing is allocated from a count, a compression pointer only leads
backwards, and every place in the message where a name starts is read once or twice; names that end
in a pointer are put together from those already read.

Octets behind the last record are ignored, as BIND and Unbound do: they are harmless, and old
middleboxes add them. Several questions, unknown opcodes, strange classes are all well-formed; what
to do with them is decided in serve/ and iterate/.

Knows: RFC 1035 section 4, RFC 2181 sections 5.2 and 8, RFC 3597 section 4, RFC 6891 section 6.1.
Does not know: what any record means.
"""

from collections.abc import Sequence
from typing import Final

from resolver.codes import RRClass, RRType
from resolver.errors import WireError
from resolver.model import Edns, Message, Question, RRset
from resolver.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT
from resolver.native import i64, mypyc_attr
from resolver.wire.edns import read_opt, read_options
from resolver.wire.rdata import A_NAME, ANY_OCTETS, FIRST_TYPES, OCTETS, SHAPES, Shape

HEADER_OCTETS: Final = 12
MAX_POINTER_HOPS: Final = 126
MAX_TTL_S: Final = 0x7FFFFFFF
_FEW_NAMES: Final = 32  # of which labels may be read twice without a message taking long

_RECORD_OCTETS: Final = 10  # behind its owner: type, class, TTL, length of data
_A: Final = int(RRType.A)
_OPT: Final = int(RRType.OPT)
_IN: Final = int(RRClass.IN)
_POINTER: Final = 0xC0
_EMPTY_ALLOWED: Final = frozenset((RRClass.NONE, RRClass.ANY))
_NOT_OF_TYPE: Final = "record data does not have the form or length of its type"
_NO_RECORD: Final = RRset(b"", -1, -1, 0, ())


def parse(packet: bytes) -> Message:
    """The message that `packet` holds.

    Records of one owner, type and class form one RRset, wherever in their section they are; its
    TTL is the lowest among them (RFC 2181 section 5.2) and equal records count once (section 5).
    A TTL with its top bit set counts as 0 (section 8). Owners keep their case, data is
    uncompressed. The OPT record is in `edns` only, and its upper bits are part of `rcode`.

    Raises WireError.
    """
    if len(packet) < HEADER_OCTETS:
        raise WireError(len(packet), "shorter than a header")
    try:
        return _parse(packet)
    except IndexError:
        raise WireError(len(packet), "ends in the middle of a name or record") from None


def read_name(packet: bytes, offset: int) -> tuple[bytes, int]:
    """The uncompressed name at `offset`, and the offset of what follows it. Raises WireError."""
    try:
        return name_at(packet, offset, {})
    except IndexError:
        raise WireError(len(packet), "ends in the middle of a name") from None


def _parse(packet: bytes) -> Message:
    reader = _Reader(packet)
    flags = _u16(packet, 2)
    questions = reader.questions(_u16(packet, 4))
    answer = reader.section(_u16(packet, 6))
    authority = reader.section(_u16(packet, 8))
    additional = reader.section(_u16(packet, 10), additional=True)
    rcode = flags & 0xF | reader.rcode_high
    return Message(
        _u16(packet, 0), flags, questions, answer, authority, additional, reader.edns, rcode
    )


@mypyc_attr(acyclic=True, free_list_len=1)
class _Reader:
    """Reads one message from front to back. `names` maps offsets to the names that start there, but
    for the first question's: that is in `qname`, since most pointers lead to it."""

    __slots__ = ("edns", "names", "offset", "packet", "qname", "rcode_high")

    def __init__(self, packet: bytes) -> None:
        self.packet = packet
        self.offset: i64 = HEADER_OCTETS
        self.names: dict[int, bytes] = {}
        self.qname = b""
        self.edns: Edns | None = None
        self.rcode_high: i64 = 0

    def questions(self, count: i64) -> list[Question]:
        if count == 1:
            return [self.question()]
        return [self.question() for _ in range(count)]

    def question(self) -> Question:
        packet, at = self.packet, self.offset
        end: i64 = 0
        if at == HEADER_OCTETS:
            end = _end_of_labels(packet, at)
        if end:
            qname = self.qname = packet[at:end]
        else:
            qname, end = name_at(packet, at, self.names)
        self.offset = end + 4
        return Question(qname, _u16(packet, end), _u16(packet, end + 2))

    def section(self, count: i64, *, additional: bool = False) -> Sequence[RRset]:
        if not count:
            return ()
        if count == 1:
            only = self.record(additional)
            return () if only is None else [only]
        records: list[RRset] = []
        while count > 0:
            count -= 1
            record = self.record(additional)
            if record is not None:
                records.append(record)
        if not records:
            return ()
        return records if len(records) == 1 else _grouped(records)

    def record(self, additional: bool) -> RRset | None:
        """The next record as an RRset of its own; None for OPT, which goes to `edns`."""
        packet, start = self.packet, self.offset
        octet: i64 = packet[start]
        if octet == _POINTER and packet[start + 1] == HEADER_OCTETS and len(self.qname):
            owner, at = self.qname, start + 2
        elif octet == 0:
            owner, at = ROOT, start + 1
        else:
            owner, at = name_at(packet, start, self.names)
        rrtype, rrclass = _u16(packet, at), _u16(packet, at + 2)
        ttl = _u16(packet, at + 4) << 16 | _u16(packet, at + 6)
        length = _u16(packet, at + 8)
        at += _RECORD_OCTETS
        end = self.offset = at + length
        if end > len(packet):
            raise WireError(at, f"record data of {length} octets goes past the end")
        if rrtype == _OPT:
            if not additional:
                raise WireError(start, "OPT outside the additional section")
            self.opt(start, owner, (rrclass, ttl), (at, end))
            return None
        octets = OCTETS[rrtype] if rrtype < FIRST_TYPES else ANY_OCTETS
        if length == octets and octets < A_NAME:
            rdata = packet[at:end]
        else:
            rdata = rdata_at(packet, (at, end), (rrtype, rrclass), self.names)
        if ttl > MAX_TTL_S:
            ttl = 0
        return RRset(owner, rrtype, rrclass, ttl, (rdata,))

    def opt(self, start: i64, owner: bytes, fixed: tuple[i64, i64], span: tuple[i64, i64]) -> None:
        """Takes an OPT record whose class and TTL are `fixed` (RFC 6891 section 6.1.3)."""
        if owner != ROOT:
            raise WireError(start, "OPT with an owner other than the root")
        if self.edns is not None:
            raise WireError(start, "second OPT")
        udp_size, ttl = fixed
        self.rcode_high = ttl >> 24 << 4
        at, end = span
        options = read_options(self.packet, at, end) if at < end else ()
        self.edns = read_opt(udp_size, ttl, options)


def _grouped(records: list[RRset]) -> list[RRset]:
    """The RRsets that these records make up."""
    groups: dict[tuple[bytes, int, int], list[RRset]] = {}
    group: list[RRset] = []
    last = _NO_RECORD
    for new in records:
        if new.rrtype != last.rrtype or new.owner != last.owner or new.rrclass != last.rrclass:
            group = groups.setdefault((new.owner.lower(), new.rrtype, new.rrclass), [])
            last = new
        group.append(new)
    return [group[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def _joined(records: list[RRset]) -> RRset:
    """One RRset of all these records."""
    rrset = records[0]
    rrset.ttl = min([record.ttl for record in records])
    rrset.rdatas = tuple(dict.fromkeys([record.rdatas[0] for record in records]))
    return rrset


def _u16(packet: bytes, at: i64) -> i64:
    high: i64 = packet[at]
    return high << 8 | packet[at + 1]


def _end_of_labels(packet: bytes, at: i64) -> i64:
    """Where the name at `at` ends, if it has no pointers and is not too long; else 0."""
    start = at
    octet: i64 = packet[at]
    while octet != 0:
        if octet > MAX_LABEL_OCTETS:
            return 0
        at += octet + 1
        octet = packet[at]
    at += 1
    if at - start > MAX_NAME_OCTETS:
        return 0
    return at


def rdata_at(
    packet: bytes, span: tuple[i64, i64], kind: tuple[i64, i64], names: dict[int, bytes]
) -> bytes:
    """Uncompressed data of a record of type and class `kind`. Its names must end where it ends."""
    offset, end = span
    rrtype, rrclass = kind
    if rrtype < FIRST_TYPES and OCTETS[rrtype] == A_NAME and offset < end:  # like most with names
        name, at = name_at(packet, offset, names)
        if at != end:
            raise WireError(min(at, end), _NOT_OF_TYPE)
        return name
    shape = SHAPES.get(rrtype)
    if shape is None or (rrtype == _A and rrclass != _IN):
        return packet[offset:end]
    if offset == end and rrclass in _EMPTY_ALLOWED:
        return b""
    at = offset + shape.head
    for _ in range(shape.strings):
        at += packet[at] + 1
    if not shape.names:
        _check_end(at, end, shape)
        return packet[offset:end]
    parts = [packet[offset:at]]
    for _ in range(shape.names):
        name, at = name_at(packet, at, names)
        parts.append(name)
    _check_end(at, end, shape)
    parts.append(packet[at:end])
    return b"".join(parts)


def _check_end(at: i64, end: i64, shape: Shape) -> None:
    if at > end or (shape.tail is not None and at + shape.tail != end):
        raise WireError(min(at, end), _NOT_OF_TYPE)


def name_at(packet: bytes, start: i64, names: dict[int, bytes]) -> tuple[bytes, i64]:
    """The name at `start` and the offset behind it; notes it in `names`, unless it is a pointer
    to labels and nothing else: these are noted."""
    at = start
    octet: i64 = packet[at]
    while octet != 0:
        if octet <= MAX_LABEL_OCTETS:
            at += octet + 1
            octet = packet[at]
            continue
        target = (octet & 0x3F) << 8 | packet[at + 1]
        known = names.get(target) if octet >= _POINTER and target < start else None
        if at == start:
            if known is None:
                known = _follow(packet, at, start, names)
            if packet[target] >= _POINTER:
                names[start] = known
            return known, at + 2
        rest = _follow(packet, at, start, names) if known is None else known
        name = packet[start:at] + rest
        at += 2
        break
    else:
        at += 1
        name = packet[start:at]
    if len(name) > MAX_NAME_OCTETS:
        raise WireError(start, f"name of more than {MAX_NAME_OCTETS} octets")
    names[start] = name
    return name, at


def _follow(packet: bytes, pointer: i64, bound: i64, names: dict[int, bytes]) -> bytes:
    """The name that the pointer at `pointer` stands for, when no name is known to start there.

    A pointer must lead to before `bound`, the start of the name it is in, and each further one to
    before the place the one before it led to. Every label start on the way is noted in `names`, so
    that no place is walked over twice in one message.
    """
    at = bound = _target(packet, pointer, bound)
    if len(names) < _FEW_NAMES and (end := _end_of_labels(packet, at)):
        plain = names[at] = packet[at:end]  # of nothing but labels, like most
        return plain
    passed: list[tuple[int, int]] = []
    name = bytearray()
    hops = 1
    while (octet := packet[at]) != 0 and at not in names:
        passed.append((at, len(name)))
        if octet > MAX_LABEL_OCTETS:
            at = bound = _target(packet, at, bound)
            hops += 1
        else:
            name += packet[at : at + octet + 1]
            at += octet + 1
        if len(name) > MAX_NAME_OCTETS or hops > MAX_POINTER_HOPS:
            raise WireError(pointer, "compression pointer to a name without end")
    name += names.get(at, ROOT)
    if len(name) > MAX_NAME_OCTETS:
        raise WireError(pointer, f"name of more than {MAX_NAME_OCTETS} octets")
    whole = bytes(name)
    for place, skipped in passed:
        names[place] = whole[skipped:]
    return whole


def _target(packet: bytes, at: i64, bound: i64) -> i64:
    """Where the pointer at `at` leads: behind the header and before `bound`."""
    octet: i64 = packet[at]
    if octet < _POINTER:
        raise WireError(at, f"label type {octet:#04x}")
    target = (octet & 0x3F) << 8 | packet[at + 1]
    if not HEADER_OCTETS <= target < bound:
        raise WireError(at, f"compression pointer to octet {target}, which is not before it")
    return target
