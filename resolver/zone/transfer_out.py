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
from resolver.zone.content import Zone, pack_group
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
_U16 = Struct("!H")
_POINTER = 0xC000
_REACH_OCTETS = 0x4000  # a pointer has 14 bits

_CLASS = _U16.pack(RRClass.IN)
_GROUP_HEAD_OCTETS = 8
# The records of a name with more than this are sent one by one, so that messages are about as long
# as they should be.
_MANY_OCTETS = 1024

# An owner, octets with RRsets as in a packed node (zone/content.py), and where these begin.
Groups = tuple[bytes, bytes, int]


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


def _whole(zone: Zone) -> Iterator[Groups]:
    yield from _records((zone.soa,))
    yield from zone.packed_rrsets(_MANY_OCTETS)
    yield from _records((zone.soa,))


def _changes(zone: Zone, diffs: Sequence[Diff]) -> Iterator[Groups]:
    yield from _records((zone.soa,))
    for diff in diffs:
        yield from _records(diff.removed)
        yield from _records(diff.added)
    if diffs:
        yield from _records((zone.soa,))


def _records(rrsets: Iterable[RRset]) -> Iterator[Groups]:
    for rrset in rrsets:
        for rdata in rrset.rdatas:
            yield rrset.owner, pack_group(rrset.rrtype, rrset.ttl, [rdata]), 0


def _messages(parts: Iterable[Groups], request: Request, soft: int) -> Iterator[bytes]:
    """Raises ValueError for a record that no message can hold."""
    opt = b"" if request.edns is None else write_opt(request.edns, 0)
    hard = MAX_MESSAGE_OCTETS - request.reserve - len(opt)
    soft = min(soft, hard)
    writer = _Writer(request, opt)
    out = writer.out
    for owner, packed, at in parts:
        start, count = len(out), writer.count
        writer.add(owner, packed, at)
        size = len(out)
        if size < soft:
            continue
        if size > hard:
            writer.take_back(start, count)
            yield writer.finish()
            writer = _Writer(request)
            writer.add(owner, packed, at)
            if len(writer.out) > hard:
                octets = len(packed) - at - _GROUP_HEAD_OCTETS
                raise ValueError(f"a record of {octets} octets fits in no message")
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

    __slots__ = ("_opt", "_request", "_targets", "count", "out")

    def __init__(self, request: Request, opt: bytes = b"") -> None:
        self._request = request
        self._opt = opt
        # The names that stand in the message, and the pointers to them.
        self._targets: dict[bytes, bytes] = {}
        self.count = 0
        self.out = bytearray(_HEADER.size)
        # Every message tells the question, so that each can be matched alone (section 2.2.2).
        question = request.question
        self.out += self._short(question.qname, len(self.out))
        self.out += _QUESTION.pack(question.qtype, question.qclass)

    def add(self, owner: bytes, packed: bytes, at: int) -> None:
        """Write the records of a name, whether or not there is room."""
        out = self.out
        place = len(out)
        head = self._targets.get(owner)
        if head is None:
            head = self._short(owner, place)
        end = len(packed)
        while at < end:
            rrtype = packed[at] << 8 | packed[at + 1]
            fixed = packed[at : at + 2] + _CLASS + packed[at + 2 : at + 6]
            count = packed[at + 6] << 8 | packed[at + 7]
            shape = COMPRESSIBLE.get(rrtype)
            self.count += count
            at += _GROUP_HEAD_OCTETS
            for _ in range(count):
                start = at
                at += 2 + (packed[at] << 8 | packed[at + 1])
                if shape is None or at - start == 2:
                    out += head + fixed + packed[start:at]
                else:
                    out += head + fixed
                    out += self._data(packed[start + 2 : at], shape, len(out) + 2)
                if len(head) > 2:
                    head = self._targets.get(owner, head)

    def _data(self, data: bytes, shape: Shape, place: int) -> bytes:
        """Length and data, which will stand at `place`, of a type whose names may be compressed."""
        if shape.names == 1 and shape.tail == 0:
            at = shape.head
            short = data[:at] + self._short(data[at:], place + at)
            return _U16.pack(len(short)) + short
        at = shape.head
        short = data[:at]
        for _ in range(shape.names):
            end = at
            while octet := data[end]:
                end += octet + 1
            end += 1
            short += self._short(data[at:end], place + len(short))
            at = end
        short += data[at:]
        return _U16.pack(len(short)) + short

    def _short(self, name: bytes, place: int) -> bytes:
        """How a name is written at `place`; what of it is new can be pointed to from now on."""
        targets = self._targets
        at = 0
        rest = name
        while octet := rest[0]:
            pointer = targets.get(rest)
            if pointer is not None:
                return name[:at] + pointer
            if place + at < _REACH_OCTETS:
                targets[rest] = _U16.pack(_POINTER | place + at)
            at += octet + 1
            rest = name[at:]
        return name

    def take_back(self, start: int, count: int) -> None:
        """Forget what was added last, before which there were so many octets and records. Nothing
        may be added after this."""
        del self.out[start:]
        self.count = count

    def finish(self) -> bytes:
        """The message."""
        request = self._request
        self.out += self._opt
        flags = Flag.QR | Flag.AA | Opcode.QUERY << 11 | request.flags
        _HEADER.pack_into(self.out, 0, request.id, flags, 1, self.count, 0, 1 if self._opt else 0)
        return bytes(self.out)
