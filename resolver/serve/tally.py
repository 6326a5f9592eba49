"""What was answered from where, how, and how quickly: counted for metrics and statistics.

An observer of every query on the full path. Finished packets (serve/fast.py) are told of a batch at
a time: all of one took as long as the whole batch took, and their rcodes are counted without
looking at one after the other. While somebody wants to see which names and clients are frequent,
one packet of each batch stands for all of it; else that costs nothing.

Knows: sources, rcodes, types. Does not know: who reads the counts.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from resolver.codes import Rcode
from resolver.histogram import BOUNDS_S, Histogram
from resolver.model import Answer, Source
from resolver.native import mypyc_attr
from resolver.serve.request import Request

# Finished packets, of own zones and of the cache, beside the sources of answers.
PACKETS: Final = "packets"
# Types are for the sender to choose; so many are counted by themselves.
MAX_TYPES: Final = 64
OTHER_TYPES: Final = 0

_NXDOMAIN_OCTETS: Final = bytes(octet for octet in range(256) if octet & 0xF == Rcode.NXDOMAIN)
_OTHER_OCTETS: Final = bytes(set(range(256)) - set(_NXDOMAIN_OCTETS))


class Slots(Protocol):
    """A batch of datagrams, and the finished packets that answer some of them."""

    def packet(self, slot: int) -> bytes:
        """A copy of the datagram in a slot."""
        ...

    def peer(self, slot: int) -> bytes:
        """The packed address of the sender."""
        ...

    def fourth_octets(self, count: int) -> bytes:
        """The octet with the rcode of the finished packet for each of the first `count` datagrams;
        0 for one that has none."""
        ...


class Sampler(Protocol):
    """Who wants to see some of the finished packets."""

    def sample(self, packet: bytes, peer: bytes, times: int) -> None:
        """A finished packet or the query it answers, and for how many it stands."""
        ...


class Replies(Protocol):
    """A batch of datagrams and the replies to them."""

    def reply(self, slot: int) -> bytes:
        """A copy of the reply in a slot."""
        ...

    def peer(self, slot: int) -> bytes:
        """The packed address of the sender."""
        ...


class Batch(Slots, Replies, Protocol):
    """Both."""


class Witness(Protocol):
    """Who wants to see every finished packet, cost what it may."""

    def saw_replies(
        self, batch: Replies, count: int, missed: Collection[int], seconds: float
    ) -> None:
        """All but `missed` of the `count` datagrams of a batch were answered by finished
        packets."""
        ...

    def saw_reply(self, reply: bytes, peer: bytes, seconds: float) -> None:
        """A query over a stream was."""
        ...


@mypyc_attr(acyclic=True)
class _Count:
    """A number that goes up where it is, which is quicker than putting another one there."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


@mypyc_attr(acyclic=True)
class _Ends:
    """How queries ended whose answers come from one source: how quickly, with which rcodes."""

    __slots__ = ("rcodes", "times")

    def __init__(self) -> None:
        self.times = Histogram()
        self.rcodes: dict[int, _Count] = {}


class Tally:
    """All counts of one process. `nxdomains` are those among the finished packets; finished packets
    are NOERROR or NXDOMAIN, others are not kept."""

    __slots__ = (
        "_ends",
        "_last_answer",
        "_last_end",
        "_last_qtype",
        "_last_rcode",
        "_last_source",
        "_last_type",
        "_types",
        "nxdomains",
        "packets",
        "sampler",
        "witness",
    )

    def __init__(self) -> None:
        self.packets = Histogram()
        self.nxdomains = 0
        # Where the last query was counted: the next one mostly is there, too.
        self._last_source: Source | None = None
        self._last_rcode = self._last_qtype = -1
        self._last_end = _Ends()
        self._last_answer = self._last_type = _Count()
        self._ends: dict[Source, _Ends] = {}
        self._types: dict[int, _Count] = {}
        self.sampler: Sampler | None = None
        self.witness: Witness | None = None

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """A query on the full path has ended (Observer)."""
        if answer.source is not self._last_source or answer.rcode != self._last_rcode:
            self._find_end(answer.source, answer.rcode)
        self._last_end.times.observe(seconds)
        self._last_answer.number += 1
        questions = request.message.questions
        if questions:
            qtype = questions[0].qtype
            if qtype != self._last_qtype:
                self._last_type = self._types.get(qtype) or self._first_of(qtype)
                self._last_qtype = qtype
            self._last_type.number += 1

    def _find_end(self, source: Source, rcode: int) -> None:
        ends = self._ends.get(source)
        if ends is None:
            ends = self._ends[source] = _Ends()
        count = ends.rcodes.get(rcode)
        if count is None:
            count = ends.rcodes[rcode] = _Count()
        self._last_source, self._last_rcode = source, rcode
        self._last_end, self._last_answer = ends, count

    def _first_of(self, qtype: int) -> _Count:
        """Where queries of a type are counted that was not asked for before."""
        if len(self._types) >= MAX_TYPES:
            qtype = OTHER_TYPES
        return self._types.setdefault(qtype, _Count())

    def saw_batch(self, batch: Batch, count: int, missed: Sequence[int], seconds: float) -> None:
        """Of `count` datagrams all but `missed` were answered by finished packets."""
        hits = count - len(missed)
        packets = self.packets
        # What Histogram.observe does, without the call: this is run for every batch.
        packets.counts[bisect_left(BOUNDS_S, seconds)] += hits
        packets.sum_s += seconds * hits
        self.nxdomains += len(batch.fourth_octets(count).translate(None, _OTHER_OCTETS))
        if self.sampler is not None:
            absent = set(missed)
            slot = next(slot for slot in range(count) if slot not in absent)
            self.sampler.sample(batch.packet(slot), batch.peer(slot), hits)
        if self.witness is not None:
            self.witness.saw_replies(batch, count, set(missed), seconds)

    def saw_packet(self, reply: bytes, peer: bytes, seconds: float) -> None:
        """A query was answered by a finished packet."""
        self.packets.observe(seconds)
        self.nxdomains += reply[3] & 0xF == Rcode.NXDOMAIN
        if self.sampler is not None:
            self.sampler.sample(reply, peer, 1)
        if self.witness is not None:
            self.witness.saw_reply(reply, peer, seconds)

    def rcodes(self) -> dict[tuple[str, int], int]:
        """How many answers there were, by source and rcode, finished packets among them."""
        found: dict[tuple[str, int], int] = {
            (PACKETS, int(Rcode.NOERROR)): self.packets.count - self.nxdomains,
            (PACKETS, int(Rcode.NXDOMAIN)): self.nxdomains,
        }
        for source, ends in self._ends.items():
            for rcode, count in ends.rcodes.items():
                found[str(source), int(rcode)] = count.number
        return found

    def types(self) -> dict[int, int]:
        """How many queries took the full path, by type."""
        return {qtype: count.number for qtype, count in self._types.items()}

    def histograms(self) -> dict[str, Histogram]:
        """Times by source, finished packets among them."""
        return {PACKETS: self.packets} | {str(s): ends.times for s, ends in self._ends.items()}
