"""A zone transfer being received: messages in, and at the end a whole new zone or its changes.

The machine is fed packets one by one, in slices, and holds what they said until the last record is
there; only then is there a result, so a transfer that breaks off leaves nothing behind. What is
wrong with it is a value with a reason, never an exception: whoever runs the machine goes on to the
next primary. A response to IXFR may turn out to be a whole zone; the second record tells.

Knows: RFC 5936 sections 2.2 and 3 (AXFR), RFC 1995 sections 2 to 4 (IXFR), RFC 1982 (serials).
Does not know: connections, signatures (wire/tsig.py), time, which primary this is.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
from resolver.slices import Slices
from resolver.wire.records import Envelope, Record
from resolver.zone.changed_rrsets import SLICE_RECORDS, ChangedRRsets
from resolver.zone.content import Zone, read_soa
from resolver.zone.diff import Diff
from resolver.zone.draft import Draft
from resolver.zone.findings import Findings, place
from resolver.zone.serial import serial_gt

MIB_OCTETS: Final = 1024 * 1024

_SOA: Final = int(RRType.SOA)
_IN: Final = int(RRClass.IN)
_NO_DATA: Final = META_TYPES | {0}
_SPECIAL: Final = frozenset(_NO_DATA | {_SOA})
_SOA_NUMBERS: Final = 20  # octets


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


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    """Ends the reading from wherever it is."""

    def __init__(self, reason: str, rcode: int = Rcode.NOERROR) -> None:
        super().__init__(reason)
        self.rcode = rcode


class Inbound:
    """One transfer of the zone `origin` (lower case), from query to result.

    `held` is our serial, None when we hold nothing or do not care: then whatever comes is new.
    `incremental` says that the query was an IXFR for `held`. `stream` False means that the answer
    came in a datagram. `source` is what findings call the primary. `signs_aliases`: there are keys
    here to sign what an ALIAS of a signed zone lends.
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
        signs_aliases: bool = False,
    ) -> None:
        if incremental and held is None:
            raise ValueError("an IXFR starts from a serial")
        self.origin = origin
        self.octets = 0
        self.records = 0
        self.messages = 0
        self.qtype = int(RRType.IXFR if incremental else RRType.AXFR)
        self._held = held
        self._bounds = bounds
        self._stream = stream
        self._source = source
        self._signs_aliases = signs_aliases
        self._expects: Callable[[Record], None] = self._take_first
        self._first: Record = (b"", 0, 0, 0, b"")
        self._newest = 0
        self._diffs: list[Diff] = []
        self._removed: ChangedRRsets | None = None
        self._added: ChangedRRsets | None = None
        self._serial = 0  # reached by the changes so far
        self._step_to = 0
        self._step_ends: Record | None = None  # the SOA that ended a step, until that is a Diff
        self._draft: Draft | None = None
        self._filling: Draft | None = None  # the same, while plain records go into it
        self._result: Result | None = None

    def feed(self, packet: bytes) -> Slices[Result | None]:
        """Take the next message. The result once there is one, None while more must come.

        Raises ValueError when there has been a result already.
        """
        if self._is_over():
            raise ValueError("the transfer is over")
        self.messages += 1
        self.octets += len(packet)
        try:
            envelope = Envelope(packet, self.origin)
            self._look_at(envelope)
            while records := envelope.answer(SLICE_RECORDS):
                for record in records[self._fill(records) :]:
                    self._take(record)
                    if self._step_ends is not None:
                        yield from self._end_step(self._step_ends)
                    self.records += 1
                yield
            if not self._stream and self._result is None:
                self._end_datagram(truncated=bool(envelope.flags & Flag.TC))
        except _Refusal as refusal:
            self._result = Refused(str(refusal), refusal.rcode)
        except WireError as flaw:
            self._result = Refused(f"malformed message: {flaw}")
        except ValueError as error:  # a record that the zone cannot have
            self._result = Refused(str(error))
        return self._result

    def _is_over(self) -> bool:
        return self._result is not None

    def _end_datagram(self, *, truncated: bool) -> None:
        """A datagram is the whole answer; the newest SOA alone says that it does not fit (RFC 1995
        section 4)."""
        if not truncated and self._expects != self._take_second:
            raise _Refusal("a datagram that ends in the middle of the changes")
        self._result = NeedsStream()

    def _look_at(self, envelope: Envelope) -> None:
        """What must hold for every message (RFC 5936 section 2.2)."""
        if not envelope.flags & Flag.QR or envelope.opcode != Opcode.QUERY:
            raise _Refusal("not a response to a query")
        if envelope.rcode != Rcode.NOERROR:
            raise _Refusal(f"the primary says {show_rcode(envelope.rcode)}", envelope.rcode)
        if envelope.flags & Flag.TC and self._stream:
            raise _Refusal("a message of the transfer is truncated")
        # The question stands in the first message and may stand in later ones (RFC 5936 section
        # 2.2.2). Some servers never repeat it, which harms nobody.
        if len(envelope.questions) > 1:
            raise _Refusal("more than one question")
        for question in envelope.questions:
            if question.key != (self.origin, self.qtype, _IN):
                raise _Refusal(f"the transfer is about another question: {question}")
        if self.messages > self._bounds.messages:
            raise _Refusal(f"more than {self._bounds.messages} messages")
        if self.octets > self._bounds.octets:
            raise _Refusal(f"more than {self._bounds.octets} octets")

    def _fill(self, records: list[Record]) -> int:
        """Put plain records, as nearly all are, into the zone; how many come before the first that
        is not."""
        if self._filling is None or self.records + len(records) > self._bounds.records:
            return 0
        where = place(0, self.records + 1)
        taken = self._filling.add_all(records, where=where, until=_SPECIAL)
        self.records += taken
        return taken

    def _take(self, record: Record) -> None:
        """The next record of the answer section."""
        owner, rrtype, rrclass, _, _ = record
        if rrclass != _IN:
            raise _Refusal(f"{_show(record)} of class {show_class(rrclass)}")
        if rrtype in _NO_DATA:
            raise _Refusal(f"{_show(record)}, which no zone can hold")
        if self.records >= self._bounds.records:
            raise _Refusal(f"more than {self._bounds.records} records")
        if rrtype == _SOA and owner.lower() != self.origin:
            raise _Refusal(f"{_show(record)} inside the zone {names.show(self.origin)}")
        self._expects(record)

    def _take_first(self, record: Record) -> None:
        if record[1] != _SOA:
            raise _Refusal(f"begins with {_show(record)} and not with the SOA")
        self._first = record
        self._newest = _serial_of(record)
        if self._held is not None and not serial_gt(self._newest, self._held):
            self._end(NothingNewer(self._newest))
            self._expects = _pass  # it may still send its whole zone
        elif self.qtype == RRType.IXFR:
            self._expects = self._take_second
        else:
            self._begin_zone()

    def _take_second(self, record: Record) -> None:
        """An old SOA begins the changes, anything else a whole zone (RFC 1995 section 4)."""
        if record[1] != _SOA:
            self._begin_zone()
            self._take_zone(record)
            return
        assert self._held is not None
        self._serial = self._held
        self._begin_step(record)

    def _begin_zone(self) -> None:
        self._expects = self._take_zone
        self._draft = self._filling = Draft(self.origin, signs_aliases=self._signs_aliases)
        self._add(self._first)

    def _take_zone(self, record: Record) -> None:
        if record[1] != _SOA:
            self._add(record)
            return
        if not _same_soa(record, self._first):
            raise _Refusal(
                f"begins with serial {self._newest} and has an SOA of serial {_serial_of(record)}"
            )
        assert self._draft is not None
        findings = Findings()
        findings.files.append(self._source)
        self._end(Whole(self._newest, self._draft, findings))

    def _add(self, record: Record) -> None:
        assert self._draft is not None
        owner, rrtype, _, ttl, rdata = record
        # Findings about it will be "source:NUMBER": its number in the transfer.
        self._draft.add(owner, rrtype, ttl, rdata, where=place(0, self.records + 1))

    def _begin_step(self, soa: Record) -> None:
        """The SOA of the version that the next changes are for."""
        serial = _serial_of(soa)
        if serial != self._serial:
            raise _Refusal(f"changes to serial {serial}, but {self._serial} is held by then")
        self._expects = self._take_removed
        self._removed = ChangedRRsets(soa)

    def _take_removed(self, record: Record) -> None:
        assert self._removed is not None
        if record[1] != _SOA:
            self._change(self._removed, record)
            return
        serial = _serial_of(record)
        if not serial_gt(serial, self._serial):
            raise _Refusal(f"changes from serial {self._serial} back to {serial}")
        if serial == self._newest and not _same_soa(record, self._first):
            raise _Refusal(f"two different SOAs of serial {serial}")
        self._step_to = serial
        self._expects = self._take_added
        self._added = ChangedRRsets(record)

    def _take_added(self, record: Record) -> None:
        assert self._added is not None
        if record[1] == _SOA:
            self._step_ends = record
        else:
            self._change(self._added, record)

    def _end_step(self, record: Record) -> Slices[None]:
        """Make a difference of what was changed until this SOA."""
        assert self._removed is not None
        assert self._added is not None
        self._step_ends = None
        removed = yield from self._removed.rrsets()
        added = yield from self._added.rrsets()
        records = self._removed.records + self._added.records
        step = Diff(self.origin, self._serial, self._step_to, removed, added, records)
        self._diffs.append(step)
        self._serial = self._step_to
        if self._serial != self._newest:
            self._begin_step(record)
        elif not _same_soa(record, self._first):
            raise _Refusal("ends with another SOA than it began with")
        else:
            self._end(Increments(tuple(self._diffs)))

    def _change(self, groups: ChangedRRsets, record: Record) -> None:
        if not names.is_within(record[0].lower(), self.origin):
            raise _Refusal(f"{_show(record)} is outside the zone {names.show(self.origin)}")
        if self.records > self._bounds.changes:
            raise _Refusal(f"more than {self._bounds.changes} changes")
        groups.add(record)

    def _end(self, result: Result) -> None:
        self._result = result
        self._filling = None
        self._expects = _take_none


def _take_none(record: Record) -> None:
    raise _Refusal(f"{_show(record)} after the end of the transfer")


def _pass(_record: Record) -> None:
    pass


def _serial_of(soa: Record) -> int:
    return read_soa(soa[4])[0]


def _same_soa(one: Record, other: Record) -> bool:
    """Whether two SOAs say the same; names in them may differ in case, numbers may not."""
    a, b = one[4], other[4]
    return a[-_SOA_NUMBERS:] == b[-_SOA_NUMBERS:] and a.lower() == b.lower()


def _show(record: Record) -> str:
    return f"{names.show(record[0])} {show_type(record[1])}"
