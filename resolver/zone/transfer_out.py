"""The messages of a transfer: a whole zone, or what changed since a serial, one by one on demand.

A transfer holds the version of the zone that it began with, whatever is swapped in meanwhile, and
makes a message only when it is asked for one: a millisecond or two of work each. Records go out one
by one, so an RRset may go on in the next message.

Knows: RFC 5936 (AXFR), RFC 1995 (IXFR). Does not know: who may have it, sockets, signatures.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from resolver.codes import Flag, Opcode, RRClass
from resolver.model import Edns, Question, RRset
from resolver.wire.edns import write_opt
from resolver.wire.rdata import COMPRESSIBLE, Shape
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, condense

# A message is sent when it is this long: a pointer reaches no further, and it is made in a
# millisecond or two.
MESSAGE_OCTETS = 16 * 1024
MAX_MESSAGE_OCTETS = 65_535
# Joining differences into one takes time that grows with their number times their records. Beyond
# this, some milliseconds, they are sent one after the other.
MAX_CONDENSING = 20_000
# So few fit in a message anyway; then changes are worth more to the client than the whole zone.
SMALL_RECORDS = 200

_HEADER = Struct("!6H")
_QUESTION = Struct("!2H")
_FIXED = Struct("!2HI")
_U16 = Struct("!H")
_POINTER = 0xC000
_REACH_OCTETS = 0x4000  # a pointer has 14 bits

# Owner, type, type with class and TTL on the wire, data behind its length.
Record = tuple[bytes, int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """What all messages of a reply have from their query. `edns` goes into the first message.
    `reserve` octets of each message are left free for a signature."""

    id: int
    question: Question
    flags: int = 0
    edns: Edns | None = None
    reserve: int = 0


def axfr(zone: Zone, request: Request, *, message_octets: int = MESSAGE_OCTETS) -> Iterator[bytes]:
    """The whole zone: glue and occluded names included, the SOA first and last (RFC 5936 sections
    2.2 and 3). Also the answer to IXFR when there is nothing shorter (RFC 1995 section 4)."""
    return _messages(_whole(zone), request, message_octets)


def ixfr(
    zone: Zone, diffs: Sequence[Diff], request: Request, *, message_octets: int = MESSAGE_OCTETS
) -> Iterator[bytes]:
    """Differences that lead to this version, oldest first (RFC 1995 section 4). Without any it is
    the SOA alone: the client is up to date (section 2)."""
    return _messages(_changes(zone, diffs), request, message_octets)


def steps_to(zone: Zone, history: Sequence[Diff] | None, from_serial: int) -> Sequence[Diff] | None:
    """The differences that lead from a serial to this version of the zone, oldest first; None when
    there are none or when the whole zone is shorter.

    `history` may go on after this version, which is about to be replaced then. Differences that
    undo each other are sent as one (RFC 1995 section 5).
    """
    steps: list[Diff] = []
    serial = from_serial
    for diff in history or ():
        if serial == zone.serial:
            break
        if diff.from_serial != serial or diff.origin != zone.origin:
            return None
        steps.append(diff)
        serial = diff.to_serial
    if serial != zone.serial or not steps:
        return None
    records = sum(step.records for step in steps)
    if len(steps) > 1 and records * len(steps) <= MAX_CONDENSING:
        steps = [condense(steps)]
        records = steps[0].records
    return steps if records <= max(zone.records, SMALL_RECORDS) else None


def _whole(zone: Zone) -> Iterator[Record]:
    yield from _records((zone.soa,))
    yield from zone.wire_records()
    yield from _records((zone.soa,))


def _changes(zone: Zone, diffs: Sequence[Diff]) -> Iterator[Record]:
    yield from _records((zone.soa,))
    for diff in diffs:
        yield from _records(diff.removed)
        yield from _records(diff.added)
    if diffs:
        yield from _records((zone.soa,))


def _records(rrsets: Iterable[RRset]) -> Iterator[Record]:
    for rrset in rrsets:
        fixed = _FIXED.pack(rrset.rrtype, RRClass.IN, rrset.ttl)
        for rdata in rrset.rdatas:
            yield rrset.owner, rrset.rrtype, fixed, _U16.pack(len(rdata)) + rdata


def _messages(records: Iterable[Record], request: Request, soft: int) -> Iterator[bytes]:
    """Raises ValueError for a record that no message can hold."""
    opt = b"" if request.edns is None else write_opt(request.edns, 0)
    hard = MAX_MESSAGE_OCTETS - request.reserve - len(opt)
    soft = min(soft, hard)
    writer = _Writer(request, opt)
    out = writer.out
    for record in records:
        start = len(out)
        writer.add(record)
        size = len(out)
        if size < soft:
            continue
        if size > hard:
            writer.take_back(start)
            yield writer.finish()
            writer = _Writer(request)
            writer.add(record)
            if len(writer.out) > hard:
                raise ValueError(f"a record of {len(record[3])} octets fits in no message")
            out = writer.out
        else:
            yield writer.finish()
            writer = _Writer(request)
            out = writer.out
    if writer.count:
        yield writer.finish()


class _Writer:
    """One message growing. Names are compared with case, so that each arrives in the case it has
    in the zone (RFC 5936 section 3.4)."""

    __slots__ = ("_opt", "_owner", "_pointer", "_request", "_targets", "count", "out")

    def __init__(self, request: Request, opt: bytes = b"") -> None:
        self._request = request
        self._opt = opt
        self._targets: dict[bytes, int] = {}
        self._owner = b""
        self._pointer = b""
        self.count = 0
        self.out = bytearray(_HEADER.size)
        # Every message tells the question, so that each can be matched alone (section 2.2.2).
        question = request.question
        self._name(question.qname)
        self.out += _QUESTION.pack(question.qtype, question.qclass)

    def add(self, record: Record) -> None:
        """Write one record, whether or not there is room."""
        owner, rrtype, fixed, data = record
        self.count += 1
        if owner is self._owner:
            self.out += self._pointer
        else:
            at = len(self.out)
            self._name(owner)
            self._owner = owner
            target = self._targets.get(owner)
            self._pointer = bytes(self.out[at:]) if target is None else _U16.pack(_POINTER | target)
        shape = COMPRESSIBLE.get(rrtype)
        if shape is None or len(data) == _U16.size:
            self.out += fixed + data
        else:
            self.out += fixed
            self._data(data, shape)

    def _data(self, data: bytes, shape: Shape) -> None:
        """Length and data of a type whose names may be compressed."""
        out = self.out
        length_at = len(out)
        at = _U16.size + shape.head
        out += data[:at]
        for _ in range(shape.names):
            end = at
            while octet := data[end]:
                end += octet + 1
            end += 1
            self._name(data[at:end])
            at = end
        out += data[at:]
        _U16.pack_into(out, length_at, len(out) - length_at - _U16.size)

    def _name(self, name: bytes) -> None:
        out = self.out
        targets = self._targets
        offset = len(out)
        at = 0
        rest = name
        while octet := rest[0]:
            if rest in targets:
                out += name[:at] + _U16.pack(_POINTER | targets[rest])
                return
            if offset + at < _REACH_OCTETS:
                targets[rest] = offset + at
            at += octet + 1
            rest = name[at:]
        out += name

    def take_back(self, start: int) -> None:
        """Forget the last record, which began at `start`. Nothing may be added after this."""
        del self.out[start:]
        self.count -= 1

    def finish(self) -> bytes:
        """The message."""
        request = self._request
        self.out += self._opt
        flags = Flag.QR | Flag.AA | Opcode.QUERY << 11 | request.flags
        _HEADER.pack_into(self.out, 0, request.id, flags, 1, self.count, 0, 1 if self._opt else 0)
        return bytes(self.out)
