"""One fetch: what it may still spend, and the record of what it did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from resolver.codes import Ede
from resolver.iterate import steps
from resolver.iterate.budget import MAX_ASKS_PER_FETCH, Budget, OutOfBudget
from resolver.iterate.route import Route
from resolver.model import ExtendedError, Question
from resolver.native import mypyc_attr
from resolver.trace import NOTHING, Kind, Note, Trace, note_of, tells


@mypyc_attr(acyclic=True)
class Unknown:
    """A question of which the caches have just been found to know nothing; its `name` is in lower
    case. `key` is its cache key and `route` that of the name; `is_new` tells that not even anything
    that has expired is there. `at` is when work on it began, which is a step of its own."""

    __slots__ = ("at", "is_new", "key", "name", "question", "route")

    def __init__(
        self, question: Question, key: bytes, route: Route | None, *, is_new: bool
    ) -> None:
        self.question = question
        self.name = question.qname
        self.key = key
        self.route = route
        self.is_new = is_new
        self.at = 0.0


def _of_unknown(unknown: Unknown) -> list[Note]:
    # Only of what clients ask it is known beforehand that it is unknown.
    return [note_of(unknown.at, 0, steps.NOT_CACHED, unknown.name, unknown.question.qtype)]


tells(Unknown, _of_unknown)


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Work:
    """A client question (depth 0) or a sub-question; budget and trace are the client question's.

    `curtailed` is set when something was not tried for reasons that lie in the question above: a
    failure then says nothing about this one. `dnssec_ok` asks for signatures. `renewing` makes what
    expires soon count as missing. `unknown` is what is known of the name that is asked for first,
    if that is nothing.

    `clock` tells the instant, and `now` is that of the last thing that was waited for: what follows
    from it takes no time to speak of, and a clock need not be read for each step.
    """

    budget: Budget
    trace: Trace
    clock: Callable[[], float]
    depth: int
    asks: int
    curtailed: bool
    dnssec_ok: bool
    renewing: bool
    unknown: Unknown | None
    now: float

    def __init__(
        self,
        budget: Budget,
        trace: Trace,
        clock: Callable[[], float],
        depth: int = 0,
        asks: int = 0,
        curtailed: bool = False,
        dnssec_ok: bool = False,
        renewing: bool = False,
        unknown: Unknown | None = None,
        now: float | None = None,
    ) -> None:
        self.budget = budget
        self.trace = trace
        self.clock = clock
        self.depth = depth
        self.asks = asks
        self.curtailed = curtailed
        self.dnssec_ok = dnssec_ok
        self.renewing = renewing
        self.unknown = unknown
        self.now = clock() if now is None else now

    def tick(self) -> None:
        """Something was waited for."""
        self.now = self.clock()

    def is_unknown(self, name: bytes) -> bool:
        """Whether the cache has just been asked for a name in vain."""
        return self.unknown is not None and self.unknown.name == name

    def key_at(self, name: bytes) -> bytes | None:
        """The cache key of the question, if it is for this name and at hand."""
        unknown = self.unknown
        return unknown.key if unknown is not None and unknown.name == name else None

    def deeper(self) -> "Work":
        """The same budget and trace, one level down."""
        return Work(self.budget, self.trace, self.clock, self.depth + 1, now=self.now)

    def note(
        self,
        kind: Kind,
        a: Any = NOTHING,
        b: Any = NOTHING,
        c: Any = NOTHING,
        d: Any = NOTHING,
        e: Any = NOTHING,
    ) -> None:
        """Add a step with the arguments of its kind to the trace."""
        trace = self.trace
        trace.depth = self.depth
        trace.note(self.now, kind, a, b, c, d, e)

    def note_not_cached(self, name: bytes, qtype: int) -> None:
        """Note that nothing is known of what is asked for next."""
        unknown = self.unknown
        if unknown is None or unknown.name != name or unknown.at:
            self.note(steps.NOT_CACHED, name, qtype)
            return
        unknown.at = self.now
        self.trace.keep(unknown)

    def note_told(self, errors: Sequence[ExtendedError]) -> None:
        """Note what a client is told that is not the last step anyway: whatever he is told is in
        the record."""
        last = self.trace.last
        for error in errors:
            if error.text not in last:
                self.note(steps.TOLD, error.text)

    def spend_ask(self, now: float) -> None:
        """Charge one upstream query to the question and to this fetch. Raises OutOfBudget."""
        self.budget.spend_ask(now)
        self.trace.sent += 1
        self.asks += 1
        if self.asks > MAX_ASKS_PER_FETCH:
            raise OutOfBudget(
                ExtendedError(Ede.OTHER, f"limit of {MAX_ASKS_PER_FETCH} queries for a name")
            )
