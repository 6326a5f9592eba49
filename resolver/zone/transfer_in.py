"""A zone transfer being received: messages in, and at the end a whole new zone or its changes.

The machine is fed packets one by one, in slices, and holds what they said until the last record is
there; only then is there a result, so a transfer that breaks off leaves nothing behind. What is
wrong with it is a value with a reason, never an exception: whoever runs the machine goes on to the
next primary. A response to IXFR may turn out to be a whole zone; the second record tells.

Knows: RFC 5936 sections 2.2 and 3 (AXFR), RFC 1995 sections 2 to 4 (IXFR), RFC 1982 (serials).
Does not know: connections, signatures (wire/tsig.py), time, which primary this is.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import (
    META_TYPES,
    Flag,
    Opcode,
    Rcode,
    RRClass,
    RRType,
    show_class,
    show_rcode,
    show_type,
)
from resolver.errors import WireError
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.records import Envelope, Record
from resolver.zone.content import Zone, read_soa
from resolver.zone.diff import Diff
from resolver.zone.draft import Draft, Findings, place
from resolver.zone.serial import serial_gt

MIB_OCTETS: Final = 1024 * 1024
# Records between two breaks: about a millisecond of work.
SLICE_RECORDS: Final = 200

_SOA: Final = int(RRType.SOA)
_RRSIG: Final = int(RRType.RRSIG)
_IN: Final = int(RRClass.IN)
_NO_DATA: Final = META_TYPES | {0}
_MIN_SOA_OCTETS: Final = 22


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one transfer may take. `changes` bounds the records of an IXFR: past that, the whole
    zone is the shorter way."""

    octets: int = 1024 * MIB_OCTETS
    records: int = 20_000_000
    messages: int = 1_000_000
    changes: int = 1_000_000


@dataclass(frozen=True, slots=True)
class NothingNewer:
    """The primary has `serial`, which is not newer than ours."""

    serial: int


@dataclass(frozen=True, slots=True)
class NeedsStream:
    """What there is does not fit in a datagram (RFC 1995 section 4): ask again over TCP."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The transfer is of no use, and why. `rcode` is the primary's, NOERROR when the fault is in
    what it sent."""

    reason: str
    rcode: int = Rcode.NOERROR


@dataclass(frozen=True, slots=True)
class Whole:
    """Every record of the zone, not yet checked."""

    serial: int
    draft: Draft
    findings: Findings

    def finish(self) -> Slices[Zone | Refused]:
        """The zone, or the first fault that keeps it from being served; once."""
        zone = yield from self.draft.finish(self.findings)
        if zone is not None:
            return zone
        errors = self.findings.errors
        more = len(errors) - 1 + self.findings.more_errors
        return Refused(f"{errors[0]}" + (f" (and {more} more errors)" if more else ""))


@dataclass(frozen=True, slots=True)
class Increments:
    """Changes that lead from our serial to the primary's, in order."""

    diffs: tuple[Diff, ...]


Result: TypeAlias = NothingNewer | NeedsStream | Refused | Whole | Increments


class _Phase(Enum):
    """What the next record of the answer section can be."""

    FIRST = "the SOA that every transfer begins with"
    SECOND = "after the first SOA of an IXFR: changes or a whole zone"
    ZONE = "records of the whole zone, up to the same SOA again"
    REMOVED = "records to be removed, up to the SOA of the next serial"
    ADDED = "records to be added, up to an old SOA or the newest one"
    DONE = "nothing"


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    """Ends the reading from wherever it is."""


class Changes:
    """One step of an IXFR while it is being read."""

    __slots__ = ("added", "from_serial", "removed", "to_serial")

    def __init__(self, from_serial: int, soa: Record) -> None:
        self.from_serial = from_serial
        self.to_serial = from_serial
        self.removed = _Groups(soa)
        self.added: _Groups | None = None

    def diff(self, origin: bytes) -> Diff:
        """The step as a fact."""
        added = self.added.rrsets() if self.added is not None else ()
        removed = self.removed.rrsets()
        return Diff(origin, self.from_serial, self.to_serial, removed, added)


class _Groups:
    """Records put together into RRsets in the order of their first; the SOA is the first of all."""

    __slots__ = ("_groups",)

    def __init__(self, soa: Record) -> None:
        self._groups: dict[tuple[bytes, int, int, bytes], tuple[bytes, list[bytes]]] = {}
        self.add(soa)

    def add(self, record: Record) -> None:
        owner, rrtype, _, ttl, rdata = record
        # Signatures that cover different types are different RRsets (RFC 4034 section 3).
        covered = rdata[:2] if rrtype == _RRSIG else b""
        key = (owner.lower(), rrtype, ttl, covered)
        self._groups.setdefault(key, (owner, []))[1].append(rdata)

    def rrsets(self) -> tuple[RRset, ...]:
        return tuple(
            RRset(owner, rrtype, _IN, ttl, tuple(dict.fromkeys(rdatas)))
            for (_, rrtype, ttl, _), (owner, rdatas) in self._groups.items()
        )


class Inbound:
    """One transfer of the zone `origin` (lower case), from query to result.

    `held` is our serial, None when we hold nothing or do not care: then whatever comes is new.
    `incremental` says that the query was an IXFR for `held`. `stream` False means that the answer
    came in a datagram. `source` is what findings call the primary.
    """

    def __init__(
        self,
        origin: bytes,
        *,
        held: int | None,
        incremental: bool,
        bounds: Bounds,
        stream: bool = True,
        source: str = "transfer",
    ) -> None:
        assert held is not None or not incremental, "an IXFR starts from a serial"
        self.origin = origin
        self.octets = 0
        self.records = 0
        self.messages = 0
        self.qtype = int(RRType.IXFR if incremental else RRType.AXFR)
        self._held = held
        self._incremental = incremental
        self._bounds = bounds
        self._stream = stream
        self._phase = _Phase.FIRST
        self._first: Record = (b"", 0, 0, 0, b"")
        self._newest = 0
        self._steps: list[Changes] = []
        self._draft = Draft(origin)
        self._findings = Findings()
        self._findings.files.append(source)
        self._result: Result | None = None

    def feed(self, packet: bytes) -> Slices[Result | None]:
        """Take the next message. The result once there is one, None while more must come. Nothing
        may be fed after a result."""
        assert self._result is None, "the transfer is over"
        self.messages += 1
        self.octets += len(packet)
        try:
            envelope = Envelope(packet)
            self._look_at(envelope)
            if self._phase is _Phase.FIRST and envelope.flags & Flag.TC:
                return self._end(NeedsStream())
            yield from self._read(envelope)
            if self._result is None:
                self._look_at_end()
        except _Refusal as refusal:
            self._end(Refused(str(refusal)))
        except WireError as error:
            self._end(Refused(f"malformed message: {error}"))
        return self._result

    def _end(self, result: Result) -> Result:
        self._result = result
        self._phase = _Phase.DONE
        return result

    def _look_at(self, envelope: Envelope) -> None:
        """What must hold for every message (RFC 5936 section 2.2)."""
        if not envelope.flags & Flag.QR or envelope.opcode != Opcode.QUERY:
            raise _Refusal("not a response to a query")
        if envelope.rcode != Rcode.NOERROR:
            self._end(Refused(f"the primary answers {show_rcode(envelope.rcode)}", envelope.rcode))
            raise _Done
        if envelope.flags & Flag.TC and (self._stream or self._phase is not _Phase.FIRST):
            raise _Refusal("a message of the transfer is truncated")
        self._look_at_questions(envelope)
        if self.messages > self._bounds.messages:
            raise _Refusal(f"more than {self._bounds.messages} messages")
        if self.octets > self._bounds.octets:
            raise _Refusal(f"more than {self._bounds.octets} octets")

    def _look_at_questions(self, envelope: Envelope) -> None:
        """The question is repeated in the first message and may be in later ones (RFC 5936 section
        2.2.2); some servers never repeat it, which harms nobody."""
        if len(envelope.questions) > 1:
            raise _Refusal("more than one question")
        for question in envelope.questions:
            if question.key != (self.origin, self.qtype, _IN):
                raise _Refusal(f"the transfer is about another question: {question}")
