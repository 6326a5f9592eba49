"""Long work in pieces: a generator that pauses often enough for queries to be answered in between.

Whoever loads, compares, changes or writes out a zone of a million records yields None after every
piece that takes a few milliseconds at most, and returns its result at the end. A server runs the
next piece between turns of its loop; a command, a worker thread or a test runs them all at once
with `finish`.

Knows: nothing of DNS. Does not know: how long a piece took, who waits, threads.
"""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

# Made to be delegated to: `result = yield from work()`. Closing it early leaves nothing behind.
Slices: TypeAlias = Generator[None, None, T]


def finish(slices: Slices[T]) -> T:
    """Run every piece now; returns the result, and raises what the work raises."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: T = end.value
            return result
