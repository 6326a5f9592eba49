"""The latest changes of every zone, in memory: what an IXFR is answered from without the disk.

Of each zone as many changes are held as are shorter than the zone itself, for beyond that the whole
zone is the shorter answer (RFC 1995 section 4 leaves the choice to the server).

Knows: chains of serials. Does not know: the journal, who asks.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from resolver.zone.content import Zone
from resolver.zone.diff import Diff

# Small zones change by more than their size in no time; so much is held in any case.
MIN_RECORDS: Final = 2_000


class History:
    """Chains of changes by origin; each leads to the version that is served."""

    __slots__ = ("_chains", "_records")

    def __init__(self) -> None:
        self._chains: dict[bytes, deque[Diff]] = {}
        self._records: dict[bytes, int] = {}

    def add(self, zone: Zone, diffs: Iterable[Diff]) -> None:
        """Changes that led to this version, oldest first. What does not join on is forgotten."""
        origin = zone.origin
        chain = self._chains.setdefault(origin, deque())
        records = self._records.get(origin, 0)
        for diff in diffs:
            if chain and chain[-1].to_serial != diff.from_serial:
                chain.clear()
                records = 0
            chain.append(diff)
            records += diff.records
        most = max(MIN_RECORDS, zone.records)
        while chain and (records > most or chain[-1].to_serial != zone.serial):
            records -= chain.popleft().records
        self._records[origin] = records

    def forget(self, origin: bytes) -> None:
        """Nothing is known of how the version that is served came about."""
        self._chains.pop(origin, None)
        self._records.pop(origin, None)

    def since(self, origin: bytes, serial: int) -> list[Diff] | None:
        """The changes that lead from a serial to the version that is served, oldest first; None
        when they are not known."""
        chain = self._chains.get(origin, ())
        for at, diff in enumerate(chain):
            if diff.from_serial == serial:
                return list(chain)[at:]
        return None
