"""A Message to bytes.

RRsets are written whole or not at all, with names compressed where RFC 1035 types allow it. Names
are compared without regard to case, so a later name takes the case of the first one like it. Each
label is looked up once in a table of the suffixes written so far, and what has been looked up has
either been written or saved: the work is linear in the octets of the result.

Knows: RFC 1035 section 4.1, RFC 2181 section 9, RFC 3597 section 4, RFC 4035 section 3.1.1,
RFC 6891 section 6.1, RFC 8914 section 3, RFC 9471 section 3.
Does not know: who gets what size, nor what an answer consists of.
"""

from collections.abc import Sequence
from dataclasses import replace
from struct import Struct
from typing import Final

from resolver.codes import EdnsOption, Flag, RRClass, RRType
from resolver.model import Edns, Message, Question, RRset
from resolver.native import i64, mypyc_attr
from resolver.wire.edns import extended_errors, write_opt
from resolver.wire.rdata import COMPRESSIBLE, Shape

LEAST_SIZE_OCTETS: Final = 512
GREATEST_SIZE_OCTETS: Final = 65535

_HEADER: Final = Struct("!6H")
_COUNTED: Final = Struct("!5H")  # the same but for its id
_QUESTION: Final = Struct("!2H")
_FIXED: Final = Struct("!2HI")
_U16: Final = Struct("!H")
_POINTER: Final = 0xC000
_REACH_OCTETS: Final = 0x4000  # a pointer has 14 bits
_RCODE_BITS: Final = 0xF
_TO_QUESTION: Final = b"\xc0\x0c"  # a pointer to the name of the first question
_PLAIN_OCTETS: Final = 12  # of a record with such a pointer, without its data
_AT_HAND: Final = 258  # common types are below
_IN: Final = int(RRClass.IN)
_TYPES_IN: Final = [(rrtype << 16 | _IN).to_bytes(4, "big") for rrtype in range(_AT_HAND)]
_FEW: Final = 256  # a plain message has fewer records
_HEAD_AT: Final = 1  # among the parts of a plain message
# OPT records without options are few; so many are at hand.
_MAX_OPTS: Final = 1024
_OPTS: Final[dict[int, bytes]] = {}
_LEAST_OCTETS: Final = 16  # header and question without its name
_TC: Final = int(Flag.TC)
_RRSIG: Final = int(RRType.RRSIG)


@mypyc_attr(acyclic=True)
class _Part:
    """Some octets of a message, and what they are made of."""

    __slots__ = ("key", "octets")

    def __init__(self, key: i64, octets: bytes) -> None:
        self.key = key
        self.octets = octets


# What comes behind the id, and before the data of a record, is much the same in most plain
# messages: what was made last is at hand, in as many places.
_PLACES: Final = 256
_HEADS: Final = [_Part(-1, b"")] * _PLACES
_RECORDS: Final = [_Part(-1, b"")] * _PLACES


def build(
    message: Message,
    *,
    max_size: int = GREATEST_SIZE_OCTETS,
    required_glue: int = 0,
    reserve: int = 0,
) -> bytes:
    """The bytes of a message, at most `max_size` octets (RFC 2181 section 9), of which `reserve`
    are left free for a signature that comes later.

    An RRset of answer or authority that does not fit sets TC and ends the message, and so does one
    of the first `required_glue` of additional (RFC 9471 section 3); any other of additional is
    left out in silence. OPT is always there, and last but for a TSIG; extended errors are dropped
    from it before other data is (RFC 8914 section 3). The low four bits of the rcode are taken
    from `message.rcode`, not from `message.flags`.

    Raises ValueError when max_size is not within 512 to 65535, and for an rcode above 15 without
    EDNS to carry it.
    """
    if not LEAST_SIZE_OCTETS <= max_size <= GREATEST_SIZE_OCTETS:
        raise ValueError(f"no message size: {max_size}")
    if message.rcode > _RCODE_BITS and message.edns is None:
        raise ValueError(f"rcode {message.rcode} needs EDNS")
    max_size -= reserve
    plain = _write_plain(message, max_size)
    if plain is not None:
        return plain
    packet, complete = _write(message, message.edns, max_size, required_glue)
    if not complete:
        if message.edns is not None and extended_errors(message.edns):
            packet, _ = _write(message, _without_errors(message.edns), max_size, required_glue)
        packet[2] |= _TC >> 8
    if len(packet) > max_size:
        raise ValueError(f"question and OPT alone are more than {max_size} octets")
    return bytes(packet)


def build_plain(
    head: tuple[bytes, int, Question], answer: Sequence[RRset], opt: bytes, max_size: int
) -> bytes | None:
    """The bytes of a message like most: one question, and data at that very name that holds no
    names; None for any other, and for one that is too long or has many records. `head` is the two
    octets of the id, the flags with the rcode, and the question; `opt` the OPT record, or empty."""
    number, flags, question = head
    name = question.name
    if len(name) == 1:
        return None  # as long as a pointer to it
    room = max_size - _LEAST_OCTETS - len(name) - len(opt)
    if room < 0:
        return None
    written = [number, b"", question.qname, _kind(question.qtype, question.qclass)]
    count: i64 = 0
    rrsets: list[RRset] = answer if isinstance(answer, list) else list(answer)
    for rrset in rrsets:
        if rrset.owner != name and rrset.owner.lower() != name:
            return None
        for rdata in rrset.rdatas:
            record = _start_of_record(rrset, len(rdata))
            room -= _PLAIN_OCTETS + len(rdata)
            count += 1
            if record is None or room < 0 or count == _FEW:
                return None
            written.append(record)
            written.append(rdata)
    if len(opt):
        written.append(opt)
    written[_HEAD_AT] = _head(flags, count, with_opt=len(opt) > 0)
    return b"".join(written)


def _start_of_record(rrset: RRset, octets: int) -> bytes | None:
    """A record at the name of the first question, but for its data of so many octets; None if that
    may hold names, or covers other records."""
    rrtype = rrset.rrtype
    fixed = rrset.ttl << 16 | octets
    key: i64 = -1
    place: i64 = 0
    if rrset.rrclass == _IN and rrtype < _AT_HAND:
        key = rrtype << 48 | fixed
        place = (key >> 48 ^ key >> 24 ^ key >> 16 ^ key) & (_PLACES - 1)
        known = _RECORDS[place]
        if known.key == key:
            return known.octets
    if rrtype in COMPRESSIBLE or rrtype == _RRSIG:
        return None
    start = _TO_QUESTION + _kind(rrtype, rrset.rrclass) + fixed.to_bytes(6, "big")
    if key >= 0:
        _RECORDS[place] = _Part(key, start)
    return start


def _head(flags: i64, count: i64, *, with_opt: bool) -> bytes:
    """The header of a plain message behind its id."""
    key = flags << 16 | count << 1 | with_opt
    place = (key >> 16 ^ key) & (_PLACES - 1)
    known = _HEADS[place]
    if known.key != key:
        known = _HEADS[place] = _Part(key, _COUNTED.pack(flags, 1, count, 0, with_opt))
    return known.octets


def plain_opt(udp_size: int, *, dnssec_ok: bool) -> bytes:
    """The OPT record of version 0 without options, and with nothing of an rcode."""
    key = udp_size << 1 | dnssec_ok
    opt = _OPTS.get(key)
    if opt is None:
        opt = write_opt(Edns(udp_size, 0, dnssec_ok), 0)
        if len(_OPTS) < _MAX_OPTS:
            _OPTS[key] = opt
    return opt


def build_query(
    number: int, question: Question, *, edns: Edns | None, recursion_desired: bool
) -> bytes:
    """A query with the id `number`; the name goes out in the case it has."""
    flags = Flag.RD if recursion_desired else 0
    packet = (
        _HEADER.pack(number, flags, 1, 0, 0, 0 if edns is None else 1)
        + question.qname
        + _QUESTION.pack(question.qtype, question.qclass)
    )
    return packet if edns is None else packet + write_opt(edns, 0)


def _without_errors(edns: Edns) -> Edns:
    kept = tuple([o for o in edns.options if o.code != EdnsOption.EXTENDED_ERROR])
    return replace(edns, options=kept)


def _write_plain(message: Message, max_size: int) -> bytes | None:
    """What `build_plain` makes of a message, which may be any."""
    if len(message.questions) != 1 or message.authority or message.additional:
        return None
    opt = b"" if message.edns is None else write_opt(message.edns, message.rcode)
    flags = message.flags & ~_RCODE_BITS | message.rcode & _RCODE_BITS
    head = message.id.to_bytes(2, "big"), flags, message.questions[0]
    return build_plain(head, message.answer, opt, max_size)


def _kind(rrtype: int, rrclass: int) -> bytes:
    """Type and class."""
    if rrclass == _IN and rrtype < _AT_HAND:
        return _TYPES_IN[rrtype]
    return (rrtype << 16 | rrclass).to_bytes(4, "big")


def _write(
    message: Message, edns: Edns | None, max_size: int, required_glue: int
) -> tuple[bytearray, bool]:
    """The message, and whether all that is needed found room; the TC bit is left as it was."""
    opt = b"" if edns is None else write_opt(edns, message.rcode)
    additional, tsig = _split_tsig(message.additional)
    writer = _Writer(max_size - len(opt) - len(tsig))
    for question in message.questions:
        writer.out += writer.compress(question.qname, len(writer.out))
        writer.out += _QUESTION.pack(question.qtype, question.qclass)
    answers = authorities = additionals = 0
    if message.answer:
        answers = writer.section(message.answer, needed=len(message.answer))
    if message.authority:
        authorities = writer.section(message.authority, needed=len(message.authority))
    if additional:
        additionals = writer.section(additional, needed=required_glue)
    writer.out += opt + tsig
    _HEADER.pack_into(
        writer.out,
        0,
        message.id,
        message.flags & ~_RCODE_BITS | message.rcode & _RCODE_BITS,
        len(message.questions),
        answers,
        authorities,
        additionals + bool(opt) + bool(tsig),
    )
    return writer.out, writer.complete


def _split_tsig(additional: Sequence[RRset]) -> tuple[Sequence[RRset], bytes]:
    """The RRsets that come before OPT, and the TSIG record that must follow it as the last one of
    the message (RFC 8945 section 5.1), without compression."""
    if not additional or additional[-1].rrtype != RRType.TSIG:
        return additional, b""
    tsig = additional[-1]
    rdata = tsig.rdatas[0]
    fixed = _FIXED.pack(tsig.rrtype, tsig.rrclass, tsig.ttl)
    return additional[:-1], tsig.owner + fixed + _U16.pack(len(rdata)) + rdata


def _signs(signature: RRset, rrset: RRset) -> bool:
    return (
        rrset.rrtype == signature.rdatas[0][0] << 8 | signature.rdatas[0][1]
        and rrset.owner == signature.owner
    )


@mypyc_attr(acyclic=True)
class _Writer:
    """A message growing up to `limit` octets. `targets` maps the lower-case names that a pointer
    can reach to their offsets; offsets only grow, so the newest targets are at its end."""

    __slots__ = ("complete", "limit", "out", "targets")

    def __init__(self, limit: int) -> None:
        self.out = bytearray(_HEADER.size)
        self.limit = limit
        self.targets: dict[bytes, int] = {}
        self.complete = True

    def section(self, rrsets: Sequence[RRset], *, needed: int) -> int:
        """Number of records written. The first `needed` RRsets must fit, or nothing follows.

        An RRset and its signatures behind it are written both or neither (RFC 4035 section 3.1.1).
        """
        count = 0
        before: RRset | None = None  # the RRset written last, and where
        start = 0
        for place, rrset in enumerate(rrsets):
            if not self.complete:
                break
            signs = rrset.rrtype == _RRSIG and place and _signs(rrset, rrsets[place - 1])
            if signs and before is None:
                continue  # what it signs found no room
            end = len(self.out)
            if self.rrset(rrset):
                count += len(rrset.rdatas)
                before, start = rrset, end
                continue
            if signs and before is not None:
                count -= len(before.rdatas)
                self.undo(start)
            before = None
            if place < needed:
                self.complete = False
        return count

    def rrset(self, rrset: RRset) -> bool:
        """Writes all records of the RRset, or none when they do not fit."""
        out, limit = self.out, self.limit
        start = len(out)
        owner = self.compress(rrset.owner, start)
        fixed = _FIXED.pack(rrset.rrtype, rrset.rrclass, rrset.ttl)
        shape = COMPRESSIBLE.get(rrset.rrtype)
        for rdata in rrset.rdatas:
            if shape is not None and rdata:
                out += owner + fixed
                self.rdata(rdata, shape)
            elif len(out) + len(rdata) < limit:
                out += owner + fixed + _U16.pack(len(rdata)) + rdata
            else:
                return self.undo(start)
            if len(out) > limit:
                return self.undo(start)
            if len(owner) > 2 and start < _REACH_OCTETS:
                owner = _U16.pack(_POINTER | start)
        return True

    def rdata(self, rdata: bytes, shape: Shape) -> None:
        """Length and data of a type whose names may be compressed."""
        out = self.out
        length_at = len(out)
        at = shape.head
        out += b"\0\0" + rdata[:at]
        if shape.names == 2:
            end = at
            while octet := rdata[end]:
                end += octet + 1
            out += self.compress(rdata[at : end + 1], len(out))
            at = end + 1
        # The last name ends where the tail begins: walking over all its labels to find out would
        # cost more than writing it, when it is mostly a pointer.
        end = len(rdata) - (shape.tail or 0)
        out += self.compress(rdata[at:end], len(out)) + rdata[end:]
        _U16.pack_into(out, length_at, len(out) - length_at - 2)

    def compress(self, name: bytes, offset: int) -> bytes:
        """The name as it is to be written at `offset`; its parts become targets."""
        targets = self.targets
        key = name.lower()
        at = 0
        while octet := name[at]:
            target = targets.get(key)
            if target is not None:
                return name[:at] + _U16.pack(_POINTER | target)
            if offset + at < _REACH_OCTETS:
                targets[key] = offset + at
            at += octet + 1
            key = key[octet + 1 :]
        return name

    def undo(self, start: int) -> bool:
        """Forgets everything from offset `start` on; False, for `rrset` to return."""
        del self.out[start:]
        while self.targets:
            name, offset = self.targets.popitem()
            if offset < start:
                self.targets[name] = offset
                break
        return False
