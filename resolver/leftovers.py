"""What is too large to be freed at once: its parts are let go of bit by bit, in between queries.

The memory of a million small objects takes a tenth of a second to be given back, in which no query
is answered. So whatever is made of that many leaves its parts here when its last user lets go of
it, whoever that is and whenever (`__del__`), and a server frees them in slices. Where nobody frees
them they are not kept, which is right for a command.

Memory goes back to the system when nothing is left in a large piece of it. Which dictionary a name
of a large zone is in is left to chance, so that each has names in nearly every piece, and all
pieces are given back with the last ones: these are let go of a few at a time.

Knows: the interpreter counts references. Does not know: what the parts are, the event loop.
"""

from collections import deque
from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any, Final

from resolver.slices import Slices

# Fewer parts than this are freed at once.
_FEW: Final = 16
# Parts at the end that are dictionaries, and how many of their keys are freed at once.
_LAST: Final = 4
_LAST_KEYS: Final = 50
# References to a part that nobody else has: its owner's container, the variable, the argument.
_UNSHARED: Final = 3


class Leftovers:
    """Parts that are to be freed. May be left in any thread."""

    __slots__ = ("_attendants", "_heaps")

    def __init__(self) -> None:
        self._attendants: list[Callable[[], None]] = []
        self._heaps: deque[tuple[list[Any], int]] = deque()

    def attend(self, tell: Callable[[], None]) -> None:
        """Promise to run `slices` soon after each `tell`, which may be called in any thread."""
        self._attendants.append(tell)

    def leave_off(self, tell: Callable[[], None]) -> None:
        """Promise it no more; what is left is freed at once if nobody else does."""
        self._attendants.remove(tell)
        if not self._attendants:
            self._heaps.clear()

    @property
    def attended(self) -> bool:
        """Whether somebody frees what is left here."""
        return bool(self._attendants)

    def leave(self, parts: list[Any], at_once: int) -> None:
        """Parts to be freed, so many at once as takes a fraction of a millisecond. The caller must
        let go of the list."""
        if self._attendants and len(parts) > at_once:
            self._heaps.append((parts, at_once))
            for tell in self._attendants:
                tell()

    def leave_unshared(self, parts: Iterable[Any], at_once: int) -> None:
        """The same with those of these parts that nothing else refers to, unless they are few."""
        if self._attendants:
            own = [part for part in parts if getrefcount(part) <= _UNSHARED]
            if len(own) > _FEW:
                self.leave(own, at_once)

    def slices(self) -> Slices[None]:
        """Free everything that has been left."""
        while self._heaps:
            parts, at_once = self._heaps.popleft()
            while parts:
                if len(parts) <= _LAST:
                    yield from _emptied(parts[-1])
                del parts[-at_once:]
                yield


def _emptied(part: Any) -> Slices[None]:
    """Take the keys out of a dictionary that nobody else has."""
    while type(part) is dict and part and getrefcount(part) <= _UNSHARED:
        for _ in range(min(_LAST_KEYS, len(part))):
            part.popitem()
        yield


LEFTOVERS: Final = Leftovers()
