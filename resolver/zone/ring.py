"""Names of a zone in an order that closes on itself: behind the last one comes the first again.

What an NSEC or NSEC3 record denies is the gap between its name and the next one, so denying a name
is finding the last one before it. The names are kept in chunks that versions of a zone share: a
small change of a large zone makes a few chunks anew. A name costs one reference, as it is the same
object as the key in the zone's table.

Knows: order. Does not know: what the names own, nor what lies between them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heapreplace
from typing import Final, TypeAlias

from resolver.leftovers import LEFTOVERS
from resolver.slices import Slices

Key: TypeAlias = Callable[[bytes], bytes]
# Not lists: the garbage collector looks into those again and again, a million names at once. Into
# new ones it looks once, many together, so they are not large either.
Chunk: TypeAlias = tuple[bytes, ...]

CHUNK_NAMES: Final = 256
_FREED_AT_ONCE: Final = 16  # chunks
# Names merged between two breaks: a millisecond or two.
_SLICE_NAMES: Final = 512
# The next name of a sorted run by its key, the number of the run, and what comes after it.
_Head: TypeAlias = tuple[bytes, int, bytes, Iterator[bytes]]


class Ring:
    """Names in the order of their keys. Never changes; `revised` makes the next version."""

    __slots__ = ("_chunks", "_firsts", "_key")

    def __init__(self, chunks: list[Chunk], firsts: list[bytes], key: Key) -> None:
        """`chunks` in order, none of them empty. `firsts` are the keys of their first names."""
        self._chunks = chunks
        self._firsts = firsts
        self._key = key

    def __del__(self) -> None:
        LEFTOVERS.leave_unshared(self._chunks, _FREED_AT_ONCE)

    def at_or_before(self, name: bytes) -> bytes:
        """The name itself if it is in the ring, else the one before it, which for names before
        the first is the last. Raises IndexError when the ring is empty."""
        key = self._key(name)
        place = bisect_right(self._firsts, key)
        if not place:
            return self._chunks[-1][-1]
        chunk = self._chunks[place - 1]
        return chunk[bisect_right(chunk, key, key=self._key) - 1]

    def __contains__(self, name: bytes) -> bool:
        return bool(self._chunks) and self.at_or_before(name) == name

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            yield from chunk

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    def revised(self, joining: Iterable[bytes], leaving: Iterable[bytes]) -> Slices["Ring"]:
        """The next version. Names that join must be missing, those that leave must be there."""
        editor = _Editor(self._chunks, self._firsts, self._key)
        for count, name in enumerate(leaving):
            editor.remove(name)
            if count % CHUNK_NAMES == 0:
                yield
        for count, name in enumerate(joining):
            editor.insert(name)
            if count % CHUNK_NAMES == 0:
                yield
        return (yield from ring_in_order(editor.sealed(), self._key))


class _Editor:
    """Chunks of the next version. Positions stay those of the version before until the end; a
    chunk that grows is cut only then."""

    def __init__(self, chunks: list[Chunk], firsts: list[bytes], key: Key) -> None:
        self._chunks = list(chunks) or [()]
        self._firsts = firsts
        self._key = key
        self._own: dict[int, list[bytes]] = {}

    def remove(self, name: bytes) -> None:
        chunk, place = self._find(name)
        del chunk[place]

    def insert(self, name: bytes) -> None:
        chunk, place = self._find(name)
        chunk.insert(place, name)

    def _find(self, name: bytes) -> tuple[list[bytes], int]:
        key = self._key(name)
        number = max(bisect_right(self._firsts, key) - 1, 0)
        chunk = self._own.get(number)
        if chunk is None:
            chunk = self._own[number] = list(self._chunks[number])
        return chunk, bisect_left(chunk, key, key=self._key)

    def sealed(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        for number, chunk in enumerate(self._chunks):
            own = self._own.get(number)
            if own is None:
                chunks.append(chunk)
            elif len(own) <= 2 * CHUNK_NAMES:
                chunks.append(tuple(own))
            else:
                chunks += _chunked(tuple(own))
        return [chunk for chunk in chunks if chunk]


def _chunked(names: Chunk) -> list[Chunk]:
    return [names[at : at + CHUNK_NAMES] for at in range(0, len(names), CHUNK_NAMES)]


def ring_of(names: Iterable[bytes], key: Key) -> Slices[Ring]:
    """All these names, each given once, in order."""
    return (yield from ring_in_order((yield from sorted_chunks(names, key)), key))


def sorted_chunks(names: Iterable[bytes], key: Key) -> Slices[list[Chunk]]:
    """All these names in order, for who goes through them once. Whoever drops the chunks one by one
    does not make others wait for a million names to be dropped."""
    runs = yield from _sorted_runs(names, key)
    # heapq.merge would begin with all runs at once.
    heads: list[_Head] = []
    while runs:
        rest = iter(runs.pop())
        first = next(rest)
        heads.append((key(first), len(heads), first, rest))
        if len(runs) % _SLICE_NAMES == 0:
            yield
    heapify(heads)
    chunks: list[Chunk] = []
    chunk: list[bytes] = []
    count = 0
    while heads:
        _, number, name, rest = heads[0]
        chunk.append(name)
        if len(chunk) == CHUNK_NAMES:
            chunks.append(tuple(chunk))
            chunk = []
        following = next(rest, None)
        if following is None:
            heappop(heads)
        else:
            heapreplace(heads, (key(following), number, following, rest))
        count += 1
        if count % _SLICE_NAMES == 0:
            yield
    if chunk:
        chunks.append(tuple(chunk))
    return chunks


def _sorted_runs(names: Iterable[bytes], key: Key) -> Slices[list[Chunk]]:
    runs: list[Chunk] = []
    run: list[bytes] = []
    for name in names:
        run.append(name)
        if len(run) == CHUNK_NAMES:
            runs.append(tuple(sorted(run, key=key)))
            run = []
            yield
    if run:
        runs.append(tuple(sorted(run, key=key)))
    return runs


def ring_in_order(chunks: list[Chunk], key: Key) -> Slices[Ring]:
    """Chunks that are in order, none of them empty."""
    firsts: list[bytes] = []
    for count, chunk in enumerate(chunks):
        firsts.append(key(chunk[0]))
        if count % _SLICE_NAMES == 0:
            yield
    return Ring(chunks, firsts, key)
