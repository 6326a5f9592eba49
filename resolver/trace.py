"""The record of one resolution: what was tried, in order, and why.

The same record feeds `query --trace`, `ctl why`, the text of extended errors and the log, so they
never disagree. A step is kept as its kind and its arguments, and only becomes text or JSON when
somebody reads it: making one costs less than a microsecond. What has to be made for a step anyway,
and knows all that there is to be said of it, is kept as it is, and costs a fifth of that.

Knows: kinds of steps, instants. Does not know: which kinds there are (iterate/steps.py).
"""

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, Final, NamedTuple, TypeAlias

from resolver import names
from resolver.native import mypyc_attr

MAX_NOTES: Final = 400
# What a note costs in memory beside its texts: tuples, numbers, references.
_NOTE_OCTETS: Final = 200

_numbers: Final = count(1)


class Kind(NamedTuple):
    """What happens in a step. `text` is for people, in the language of str.format; `fields` are
    what the arguments are called, in the same order. Octets are shown as a name, everything else by
    str(), and in JSON also by its method `facts` if it has one; `view` is what makes all that of
    the arguments of a step, where it takes more."""

    name: str
    text: str
    fields: tuple[str, ...] = ()
    view: Callable[..., tuple[Any, ...]] | None = None

    def shown(self, note: "Note") -> list[Any]:
        """The arguments of a step as they are shown."""
        args = [arg for arg in note[_BEFORE_ARGS:] if arg is not NOTHING]
        viewed = args if self.view is None else self.view(*args)
        return [names.show(arg) if type(arg) is bytes else arg for arg in viewed]


# One step: when, how deep, what, and its arguments, at most five; the rest are NOTHING. It is one
# tuple because a resolution makes many of them.
Note: TypeAlias = tuple[float, int, Kind, Any, Any, Any, Any, Any]
NOTHING: Final = object()
_BEFORE_ARGS: Final = 3
_MOST_ARGS: Final = 5


def note_of(now: float, depth: int, kind: Kind, *args: Any) -> Note:
    """A step with the arguments of its kind; `now` is monotonic seconds."""
    a, b, c, d, e = args + (NOTHING,) * (_MOST_ARGS - len(args))
    return now, depth, kind, a, b, c, d, e


# What becomes of the things that are kept as they are, by their type.
_TELLERS: Final[dict[type, Callable[[Any], list[Note]]]] = {}


def tells(cls: type, teller: Callable[[Any], list[Note]]) -> None:
    """From now on `Trace.keep` takes things of this class, of which `teller` makes steps."""
    _TELLERS[cls] = teller


@cache
def _without_view(kind: Kind) -> Kind:
    """The same kind, for arguments that are as they are shown."""
    return kind._replace(view=None)


@mypyc_attr(acyclic=True)
class Trace:
    """Notes of one client question, shared by its sub-questions. Bounded to MAX_NOTES. Nothing in
    them may lead back to it.

    `sent` counts the queries that were sent for it.
    """

    __slots__ = ("_kept", "_number", "_settled", "depth", "octets", "sent")

    def __init__(self) -> None:
        self._kept: list[Any] = []  # notes, and what stands for some
        self.depth = 0
        self._number = 0
        self.sent = 0
        self.octets = 0
        self._settled = 0

    @property
    def number(self) -> int:
        """What stands for it in other records."""
        if not self._number:  # as in nearly all, which nobody speaks of
            self._number = next(_numbers)
        return self._number

    @property
    def notes(self) -> list[Note]:
        """All steps."""
        notes: list[Note] = []
        for kept in self._kept:
            if isinstance(kept, tuple):
                notes.append(kept)
            else:
                notes += _TELLERS[type(kept)](kept)
        return notes

    @property
    def last(self) -> tuple[Any, ...]:
        """The last step, if it is one that was noted by itself."""
        last = self._kept[-1] if self._kept else ()
        return last if isinstance(last, tuple) else ()

    @property
    def size(self) -> int:
        """How much there is in it."""
        return len(self._kept)

    def note(
        self,
        now: float,
        kind: Kind,
        a: Any = NOTHING,
        b: Any = NOTHING,
        c: Any = NOTHING,
        d: Any = NOTHING,
        e: Any = NOTHING,
    ) -> None:
        """Add a step with the arguments of its kind; `now` is monotonic seconds."""
        if len(self._kept) < MAX_NOTES:
            self._kept.append((now, self.depth, kind, a, b, c, d, e))

    def keep(self, taken: object) -> None:
        """Add the steps that `taken` knows of, now and later; for things of a class that `tells`
        was called with, which hold instants and depths themselves."""
        if len(self._kept) < MAX_NOTES:
            self._kept.append(taken)

    def settle(self) -> None:
        """Let go of all that the notes refer to, which becomes text; count what is left as
        `octets`. For records that are kept."""
        notes = self._kept[: self._settled]
        for note in self.notes[self._settled :]:
            now, depth, kind, *_ = note
            settled = [_settled(arg) for arg in kind.shown(note)]
            self.octets += _NOTE_OCTETS + sum(_octets(arg) for arg in settled)
            notes.append(note_of(now, depth, _without_view(kind), *settled))
        self._kept = notes
        self._settled = len(notes)

    def lines(self) -> list[str]:
        """The notes as text: milliseconds since the first, indented by depth of sub-question."""
        notes = self.notes
        start = notes[0][0] if notes else 0.0
        return [show_note(note, start) for note in notes]

    def steps(self) -> list[dict[str, Any]]:
        """The notes as JSON has them."""
        notes = self.notes
        start = notes[0][0] if notes else 0.0
        return [note_facts(note, start) for note in notes]


def show_note(note: Note, start: float) -> str:
    """A line of text for one step; `start` is the instant from which time is counted."""
    now, depth, kind, *_ = note
    return f"{(now - start) * 1000:8.1f} ms  {'  ' * depth}{kind.text.format(*kind.shown(note))}"


def note_facts(note: Note, start: float) -> dict[str, Any]:
    """One step as JSON has it: its kind, when and how deep, its text, its arguments by name."""
    now, depth, kind, *_ = note
    facts: dict[str, Any] = {"step": kind.name, "ms": round((now - start) * 1000, 3)}
    if depth:
        facts["depth"] = depth
    shown = kind.shown(note)
    facts["text"] = kind.text.format(*shown).strip()
    for field, arg in zip(kind.fields, shown, strict=True):
        settled = _settled(arg)
        facts[field] = settled.facts() if isinstance(settled, Settled) else settled
    return facts


class Settled:
    """What is left of an argument: its text and its facts."""

    __slots__ = ("_facts", "_text")

    def __init__(self, text: str, facts: Any) -> None:
        self._text = text
        self._facts = facts

    def __str__(self) -> str:
        return self._text

    def facts(self) -> Any:
        """What JSON shows of it."""
        return self._facts

    @property
    def octets(self) -> int:
        """An estimate of its memory."""
        return len(self._text) + 4 * len(repr(self._facts))


_PLAIN: Final = (type(None), bool, int, float, str)


def _settled(arg: Any) -> Any:
    """Something of numbers and texts alone."""
    if type(arg) in _PLAIN or isinstance(arg, Settled):
        return arg
    facts = getattr(arg, "facts", None)
    return str(arg) if facts is None else Settled(str(arg), facts())


def _octets(arg: Any) -> int:
    return arg.octets if isinstance(arg, Settled) else len(arg) if isinstance(arg, str) else 0
