"""Names of a zone in an order that closes on itself: behind the last one comes the first again.

What an NSEC or NSEC3 record denies is the gap between its name and the next one, so denying a name
is finding the last one before it. The names are kept in chunks that versions of a zone share: a
small change of a large zone makes a few chunks anew. A name costs one reference, as it is the same
object as the key in the zone's table.

Knows: order. Does not know: what the names own, nor what lies between them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Final, TypeAlias

from resolver.slices import Slices

Key: TypeAlias = Callable[[bytes], bytes]

CHUNK_NAMES: Final = 256
# Names sorted, or merged, between two breaks: about a millisecond.
_RUN_NAMES: Final = 512


class Ring:
    """Names in the order of their keys. Never changes; `revised` makes the next version."""

    __slots__ = ("_chunks", "_firsts", "_key")

    def __init__(self, chunks: list[list[bytes]], key: Key) -> None:
        """`chunks` in order, none of them empty; they must not be changed any more."""
        self._chunks = chunks
        self._firsts = [key(chunk[0]) for chunk in chunks]
        self._key = key

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
        return Ring(editor.sealed(), self._key)


class _Editor:
    """Chunks of the next version. Positions stay those of the version before until the end; a
    chunk that grows is cut only then."""

    def __init__(self, chunks: list[list[bytes]], firsts: list[bytes], key: Key) -> None:
        self._chunks = list(chunks) or [[]]
        self._firsts = firsts
        self._key = key
        self._own: set[int] = set()

    def remove(self, name: bytes) -> None:
        chunk, place = self._find(name)
        del chunk[place]

    def insert(self, name: bytes) -> None:
        chunk, place = self._find(name)
        chunk.insert(place, name)

    def _find(self, name: bytes) -> tuple[list[bytes], int]:
        key = self._key(name)
        number = max(bisect_right(self._firsts, key) - 1, 0)
        if number not in self._own:
            self._own.add(number)
            self._chunks[number] = list(self._chunks[number])
        chunk = self._chunks[number]
        return chunk, bisect_left(chunk, key, key=self._key)

    def sealed(self) -> list[list[bytes]]:
        chunks: list[list[bytes]] = []
        for chunk in self._chunks:
            if len(chunk) <= 2 * CHUNK_NAMES:
                if chunk:
                    chunks.append(chunk)
            else:
                chunks += _chunked(chunk)
        return chunks


def _chunked(names: list[bytes]) -> list[list[bytes]]:
    return [names[at : at + CHUNK_NAMES] for at in range(0, len(names), CHUNK_NAMES)]


def ring_of(names: Iterable[bytes], key: Key) -> Slices[Ring]:
    """All these names, each given once, in order."""
    runs: list[list[bytes]] = []
    run: list[bytes] = []
    for name in names:
        run.append(name)
        if len(run) == _RUN_NAMES:
            runs.append(sorted(run, key=key))
            run = []
            yield
    if run:
        runs.append(sorted(run, key=key))
    chunks: list[list[bytes]] = []
    chunk: list[bytes] = []
    for count, name in enumerate(merge(*runs, key=key)):
        chunk.append(name)
        if len(chunk) == CHUNK_NAMES:
            chunks.append(chunk)
            chunk = []
        if count % _RUN_NAMES == 0:
            yield
    if chunk:
        chunks.append(chunk)
    return Ring(chunks, key)
