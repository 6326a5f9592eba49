"""The flight recorder: the last failures and slow answers, kept with every step, always.

Whoever asks tomorrow why a name failed today finds the record of it, without having switched
anything on (`ctl why NAME --last`). Every resolution notes its steps anyway (trace.py), so all that
is done here for a query that ends well is a comparison or two.

A failure is SERVFAIL, stale data for want of better, anything told with an extended error, or a
client that got no reply because its time was over. What access control or a block list decides is
none. Clients that joined the question, and those that later met the memory of its failure
(RFC 9520), count in the record of the work that failed.

What the steps of a record refer to becomes text when it has been kept for a while, or is read: in a
flood of failures most records are gone before that, and cost next to nothing.

Bounded in number and in memory. Failures and slow answers do not drive each other out, of a
question only the last is kept, and no two labels of names get more than a share: a flood of
failures under one domain leaves the records of others alone.

Knows: requests, answers, traces. Does not know: how records are shown (report.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from resolver.clock import Clock
from resolver.codes import Opcode, Rcode
from resolver.config.recorder import RecorderSettings
from resolver.model import Answer, ExtendedError, Question, Source
from resolver.serve.request import Request
from resolver.trace import Trace

GROUP_SHARE: Final = 8  # names that end in the same two labels get one in so many places
# After so long no resolution goes on that has lost its client: what it refers to becomes text.
SETTLES_AFTER_S: Final = 30.0
_RECORD_OCTETS: Final = 1500  # beside the trace
_UNSETTLED_NOTE_OCTETS: Final = 600  # an estimate, with what it refers to

_SERVFAIL: Final = int(Rcode.SERVFAIL)
_DECIDED: Final = frozenset(
    (Source.REFUSED, Source.POLICY, Source.LOCAL, Source.SPECIAL, Source.CHAOS)
)


@dataclass(slots=True)
class Record:
    """One question that failed or took long. `at` and the like are wall-clock seconds; `times` is
    how many clients were told the same, since `first_at`; `peer` is the first of them."""

    trace: Trace
    question: Question
    peer: bytes
    stream: bool
    answer: Answer
    seconds: float
    at: float
    first_at: float
    last_at: float
    failed: bool
    times: int = 1
    octets: int = 0

    @property
    def number(self) -> int:
        """What stands for it in other records and in logs."""
        return self.trace.number

    @property
    def errors(self) -> tuple[ExtendedError, ...]:
        """What the client was told beside the rcode."""
        return self.answer.extended_errors

    def told(self, answer: Answer) -> bool:
        """Whether a client was told just this."""
        return (answer.rcode, answer.extended_errors) == (self.answer.rcode, self.errors)

    @property
    def reason(self) -> str:
        """Why it failed, in one line; the text of the extended errors."""
        told = "; ".join(error.text for error in self.errors)
        if told or not self.failed:
            return told
        return "the client got no reply" if self.answer.source is Source.DROPPED else "no reason"


Key = tuple[bytes, int, int]


@dataclass(slots=True)
class _Group:
    """Records of names that end alike, oldest first."""

    octets: int = 0
    keys: dict[Key, None] = field(default_factory=dict)


class Ring:
    """Records by question; the oldest go first."""

    def __init__(self, max_records: int, max_octets: int) -> None:
        self.max_records = max_records
        self.max_octets = max_octets
        self.octets = 0
        self._records: dict[Key, Record] = {}
        self._groups: dict[bytes, _Group] = {}

    def __len__(self) -> int:
        return len(self._records)

    def newest_first(self) -> list[Record]:
        """All records."""
        return list(reversed(self._records.values()))

    def get(self, key: Key) -> Record | None:
        """The record of a question."""
        return self._records.get(key)

    def keep(self, record: Record) -> list[Record]:
        """Add a record; those that had to go for it."""
        key = record.question.key
        gone = [self._remove(key)] if key in self._records else []
        name = _ending(key[0])
        group = self._groups.setdefault(name, _Group())
        self._records[key] = record
        group.keys[key] = None
        octets = _RECORD_OCTETS + _UNSETTLED_NOTE_OCTETS * record.trace.size
        self._count(record, group, octets)
        share = max(1, self.max_records // GROUP_SHARE)
        octets_share = self.max_octets // GROUP_SHARE
        while len(group.keys) > share or (group.octets > octets_share and len(group.keys) > 1):
            gone.append(self._remove(next(iter(group.keys))))
        while len(self) > self.max_records or (self.octets > self.max_octets and len(self) > 1):
            gone.append(self._remove(next(iter(self._records))))
        return gone

    def settle(self, record: Record) -> None:
        """Let go of all that its trace refers to."""
        record.trace.settle()
        key = record.question.key
        if self._records.get(key) is record:
            octets = _RECORD_OCTETS + record.trace.octets
            self._count(record, self._groups[_ending(key[0])], octets)

    def _count(self, record: Record, group: _Group, octets: int) -> None:
        self.octets += octets - record.octets
        group.octets += octets - record.octets
        record.octets = octets

    def _remove(self, key: Key) -> Record:
        record = self._records.pop(key)
        name = _ending(key[0])
        group = self._groups[name]
        del group.keys[key]
        self._count(record, group, 0)
        if not group.keys:
            del self._groups[name]
        return record


class Recorder:
    """Keeps records of what it observes (observe.py). `told` is called with every new failure."""

    def __init__(
        self,
        settings: RecorderSettings,
        clock: Clock,
        told: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self._clock = clock
        self._told = told
        self._by_number: dict[int, Record] = {}
        self._unsettled: dict[int, Record] = {}  # oldest first
        self.set_up(settings)

    def set_up(self, settings: RecorderSettings) -> None:
        """Go by these settings from now on; begins anew."""
        octets = settings.size // 2
        self.slow_s = settings.slow or float("inf")
        self.failures = Ring(settings.records, octets)
        self.slow = Ring(settings.records, octets)
        self._by_number.clear()
        self._unsettled.clear()

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """A query has ended (Observer)."""
        failed = (
            answer.rcode == _SERVFAIL or bool(answer.extended_errors)
        ) and answer.source not in _DECIDED
        if not failed and seconds < self.slow_s:
            return
        message = request.message
        if not message.questions or message.opcode != Opcode.QUERY:
            return
        if answer.source is not Source.TRANSFER and self.failures.max_records:
            self._record(request, answer, seconds, failed=failed)

    def last(self, name: bytes, rrtype: int | None = None) -> Record | None:
        """The latest record of a lower-case name, of this type or any."""
        found = [
            record
            for ring in (self.failures, self.slow)
            for record in ring.newest_first()
            if record.question.key[0] == name and rrtype in (None, record.question.qtype)
        ]
        return max(found, key=lambda record: record.last_at, default=None)

    def find(self, number: int) -> Record | None:
        """The record with this number, if it is still kept."""
        return self._by_number.get(number)

    def _record(self, request: Request, answer: Answer, seconds: float, *, failed: bool) -> None:
        now = self._clock.wall()
        ring = self.failures if failed else self.slow
        key = request.question.key
        before = ring.get(key)
        trace = answer.trace or request.trace
        number = answer.cause if trace is None else trace.number
        known = self._by_number.get(number)
        if trace is None and known is None and before is not None and before.told(answer):
            known = before
        if known is not None:
            known.times += 1
            known.last_at = now
            return
        # What an answer holds is not worth keeping; what was told of it is.
        told = Answer(answer.rcode, extended_errors=answer.extended_errors, source=answer.source)
        record = Record(
            trace or Trace(),
            Question(*key),
            request.peer,
            request.stream,
            told,
            seconds,
            now,
            now if before is None else before.first_at,
            now,
            failed,
            1 if before is None else before.times + 1,
        )
        self._keep(record, ring)

    def _keep(self, record: Record, ring: Ring) -> None:
        for gone in ring.keep(record):
            self._by_number.pop(gone.number, None)
            self._unsettled.pop(gone.number, None)
        self._by_number[record.number] = self._unsettled[record.number] = record
        self._settle_old(record.at)
        if record.failed:
            self._told(record)

    def _settle_old(self, now: float) -> None:
        while self._unsettled:
            record = next(iter(self._unsettled.values()))
            if now - record.at <= SETTLES_AFTER_S:
                break
            del self._unsettled[record.number]
            (self.failures if record.failed else self.slow).settle(record)


def _ending(name: bytes) -> bytes:
    """The last two labels of a name."""
    while name[0] and name[(second := name[0] + 1)] and name[second + name[second] + 1]:
        name = name[second:]
    return name
