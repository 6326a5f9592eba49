"""One check of a secondary with its primaries: whom to ask, whom to transfer from, what then.

All primaries are asked for their serial, and the newest serial wins; between equals the order of
the configuration counts. A NOTIFY names the primary that is asked before all others, and when that
one has something newer nobody else is waited for. An IXFR that goes wrong in any way is followed by
an AXFR from the same primary, and when that fails too, by the next primary, all in the same check.

An engine like those of iterate/: it yields what it wants and is sent what happened.

Knows: RFC 1034 section 4.3.5, RFC 1995 section 4, RFC 1996 section 3.11. Does not know: sockets,
time, how transfers are read (zone/transfer_in.py), when the next check is (zone/refresh.py).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TypeAlias

from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.peer import Peer
from resolver.zone.serial import serial_gt
from resolver.zone.transfer_in import NothingNewer, Refused


@dataclass(frozen=True, slots=True)
class AskSerials:
    """Ask these for their SOA, all at the same time. The outcome is a Heard or Silent for each."""

    primaries: tuple[Peer, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """The SOA of a primary (rdata) and, if it told, how long its own copy lives on, in seconds."""

    serial: int
    soa: bytes
    expire_option_s: float | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """A primary that did not answer, or not as it should, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Transfer from this primary. `held` is our serial; `incremental` asks for IXFR. The outcome is
    Fetched, NothingNewer, Refused or Unreached."""

    primary: Peer
    held: int | None
    incremental: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """A new version, and the changes that led to it when they are known. `whole` says that all of
    it was transferred."""

    zone: Zone
    diffs: tuple[Diff, ...] | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Unreached:
    """There is no connection to this primary: trying again at once is of no use."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A primary has the very version that we hold."""

    primary: Peer
    heard: Heard


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new version came from this primary."""

    primary: Peer
    fetched: Fetched
    expire_option_s: float | None


@dataclass(frozen=True, slots=True)
class Nobody:
    """No primary had anything of use; what each of them did is in the notes."""

    reason: str


Effect: TypeAlias = AskSerials | Fetch
FetchOutcome: TypeAlias = Fetched | NothingNewer | Refused | Unreached
Outcome: TypeAlias = list[Heard | Silent] | FetchOutcome
Verdict: TypeAlias = Unchanged | Renewed | Nobody
Check: TypeAlias = Generator[Effect, Outcome, Verdict]


class Consultation:
    """One check. `notes` tell what each primary did last, in words, for status and log."""

    def __init__(
        self,
        primaries: Sequence[Peer],
        held: int | None,
        *,
        first: Peer | None = None,
        whole: bool = False,
    ) -> None:
        """`held` is the serial of our copy. `first` has sent a NOTIFY. `whole` transfers the whole
        zone, however old the primary's version is."""
        self.primaries = tuple(primaries)
        self.held = held
        self.notes: dict[Peer, str] = {}
        self.serials: dict[Peer, int] = {}
        self._first = first if first in self.primaries else None
        self._whole = whole

    def run(self) -> Check:
        """The steps of the check."""
        rest = self.primaries
        if self._first is not None and len(rest) > 1:
            verdict = yield from self._consult((self._first,))
            if not isinstance(verdict, Nobody):
                return verdict
            rest = tuple(p for p in rest if p != self._first)
        return (yield from self._consult(rest))

    def _consult(self, primaries: tuple[Peer, ...]) -> Check:
        answers = yield AskSerials(primaries)
        assert isinstance(answers, list)
        heard = self._note(primaries, answers)
        for primary in self._by_serial(heard):
            fetched = yield from self._fetch(primary)
            if fetched is not None:
                return Renewed(primary, fetched, heard[primary].expire_option_s)
        for primary, answer in heard.items():
            if answer.serial == self.held and not self._whole:
                return Unchanged(primary, answer)
        return Nobody("; ".join(f"{p.address}: {self.notes[p]}" for p in primaries))

    def _note(
        self, primaries: tuple[Peer, ...], answers: list[Heard | Silent]
    ) -> dict[Peer, Heard]:
        heard: dict[Peer, Heard] = {}
        for primary, answer in zip(primaries, answers, strict=True):
            if isinstance(answer, Silent):
                self.notes[primary] = answer.reason
                continue
            heard[primary] = answer
            self.serials[primary] = answer.serial
            self.notes[primary] = f"serial {answer.serial}"
            if not self._is_wanted(answer.serial) and answer.serial != self.held:
                self.notes[primary] += f", which is older than ours, {self.held}"
        return heard

    def _is_wanted(self, serial: int) -> bool:
        return self._whole or self.held is None or serial_gt(serial, self.held)

    def _by_serial(self, heard: dict[Peer, Heard]) -> list[Peer]:
        """The primaries with something newer, the newest first."""

        def order(a: Peer, b: Peer) -> int:
            one, other = heard[a].serial, heard[b].serial
            return serial_gt(other, one) - serial_gt(one, other)

        wanted = [p for p, answer in heard.items() if self._is_wanted(answer.serial)]
        return sorted(wanted, key=cmp_to_key(order))

    def _fetch(self, primary: Peer) -> Generator[Effect, Outcome, Fetched | None]:
        """A transfer from one primary: IXFR when there is something to start from, AXFR when there
        is not or when that went wrong."""
        held = None if self._whole else self.held
        for incremental in (True, False) if held is not None else (False,):
            outcome = yield Fetch(primary, held, incremental)
            kind = "IXFR" if incremental else "AXFR"
            match outcome:
                case Fetched(zone, _, whole):
                    self.serials[primary] = zone.serial
                    how = "AXFR" if whole else "IXFR"
                    self.notes[primary] = f"serial {zone.serial} by {how}"
                    return outcome
                case NothingNewer(serial):
                    self.notes[primary] = f"{kind} gave serial {serial}, nothing newer"
                    return None
                case Unreached(reason):
                    self.notes[primary] = reason
                    return None
                case Refused(reason):
                    self.notes[primary] = f"{kind}: {reason}"
                case _:
                    raise TypeError(f"{outcome!r} is no outcome of a transfer")
        return None
