"""The hit path: bytes in, bytes out, no parse, no task, nothing that waits.

Ties the peek at a query to the cache of finished packets. Access control was applied when a packet
was kept: it lies in the table of the asker's access bits, and which bits an address has is
remembered here. Everything that is not found takes the full path in service.py.

The loop in `answer_batch` is the most expensive code of the server per line, because it runs for
every datagram; it does one dictionary look-up and two copies. Nothing is added to it without a
number from tests/bench.

Knows addresses as opaque keys and packets as bytes. Does not know sockets, records or zones.
"""

import mmap
from array import array
from collections.abc import Callable, Sequence
from typing import Protocol

from resolver.cache.answers import Answers, Entry, Table
from resolver.wire.peek import ID_OCTETS

# Which table an address uses is kept for so many addresses, then forgotten at once: asking again
# costs a microsecond, and spoofed sources must not cost memory.
MAX_KNOWN_PEERS = 16384


class Batch(Protocol):
    """Datagrams that were received together, each in a slot of one buffer.

    `lengths` and `peers` have one item per datagram: octets, and something hashable that stands for
    the address it came from. `bodies[i]` is the offset behind its id. The reply is written over the
    query, with the same id, and its length, id included, goes to `sizes[i]`.
    """

    buffer: mmap.mmap
    bodies: tuple[int, ...]
    lengths: list[int]
    peers: Sequence[int | bytes]
    sizes: "array[int]"

    def peer(self, slot: int) -> bytes:
        """The packed address of the sender."""
        ...


class FastPath:
    """Answers from finished packets. `bits` tells the access bits of a packed address."""

    __slots__ = ("_answers", "_bits", "_generation", "_tables")

    def __init__(self, answers: Answers, bits: Callable[[bytes], int]) -> None:
        self._answers = answers
        self._bits = bits
        self._tables: dict[int | bytes, Table] = {}
        self._generation = answers.generation

    def forget_peers(self) -> None:
        """Ask for the access bits of every address again: access control has changed."""
        self._tables.clear()

    def hit(self, packet: bytes, bits: int, now: float, *, stream: bool) -> bytes | None:
        """The finished reply to one query, or None when it takes the full path."""
        answers = self._answers
        table = answers.table(bits, stream=stream)
        entry = table.get(packet[ID_OCTETS:])
        if entry is None:
            tail = answers.find(table, packet, now, stream=stream)
        elif now < entry.fresh_until:
            tail = entry.tail
        else:
            tail = answers.refresh(entry, now)
        return None if tail is None else packet[:ID_OCTETS] + tail

    def answer_batch(self, batch: Batch, now: float) -> list[int]:
        """Leave a reply in the slot of each datagram that has one; the slots that have none."""
        if self._generation != self._answers.generation:
            self._generation = self._answers.generation
            self._tables.clear()
        buffer = batch.buffer
        sizes = batch.sizes
        tables = self._tables
        missed: list[int] = []
        last_peer: int | bytes | None = None
        slot = -1
        for body, length, peer in zip(batch.bodies, batch.lengths, batch.peers, strict=False):
            slot += 1
            if peer != last_peer:
                known = tables.get(peer)
                table = self._learn_peer(batch, slot) if known is None else known
                get = table.get
                last_peer = peer
            entry = get(buffer[body : body + length - 2])
            if entry is not None and now < entry.fresh_until:
                tail = entry.tail
            else:
                packet = buffer[body - 2 : body + length - 2]
                closer = self._look_closer(table, entry, packet, now)
                if closer is None:
                    missed.append(slot)
                    continue
                tail = closer
            size = len(tail)
            buffer[body : body + size] = tail
            sizes[slot] = size + 2
        return missed

    def _learn_peer(self, batch: Batch, slot: int) -> Table:
        if len(self._tables) >= MAX_KNOWN_PEERS:
            self._tables.clear()
        table = self._answers.table(self._bits(batch.peer(slot)), stream=False)
        self._tables[batch.peers[slot]] = table
        return table

    def _look_closer(
        self, table: Table, entry: Entry | None, packet: bytes, now: float
    ) -> bytes | None:
        """The tail for a packet whose octets are not in the table, or whose entry is not fresh."""
        if entry is None:
            return self._answers.find(table, packet, now, stream=False) if table else None
        return self._answers.refresh(entry, now)
