"""The zones we are an authority for: which one a name belongs to, and the change of versions.

A zone that we should serve and cannot, because it has not been transferred yet or has expired, is
withheld: names in it belong to no other zone meanwhile, not even to one above it.

Knows: RFC 1034 section 4.3.2 step 2 ("the nearest ancestor"). Does not know: what is in a zone,
where it came from.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from resolver import names
from resolver.zone.content import Zone
from resolver.zone.signer import KeyFault, Signer, SigningKey


@dataclass(frozen=True, slots=True)
class Withheld:
    """A zone of ours that cannot be served at present: `expired`, or not there yet."""

    origin: bytes
    expired: bool


class ZoneStore:
    """Current version of each zone. A swap is one step: whoever holds a version keeps it whole.

    `generation` grows with every change, so that answers made from older versions can be told.
    `signers` are by origin: who signs for a zone what is only made with an answer.
    """

    __slots__ = ("_depth", "_depths", "_withheld", "_zones", "generation", "signers")

    def __init__(self) -> None:
        self._zones: dict[bytes, Zone] = {}
        self._withheld: dict[bytes, Withheld] = {}
        self._depth = -1  # labels of the longest origin: no need to look for longer ones
        self._depths: dict[int, int] = {}  # how many origins have so many labels
        self.generation = 0
        self.signers: Mapping[bytes, Signer] = {}

    def find(self, name: bytes) -> Zone | None:
        """The zone with the longest origin that is this lower-case name or above it; None also
        when that is one that is withheld."""
        zones = self._zones
        if not zones:
            return None
        if self._withheld and self.withheld(name) is not None:
            return None
        for _ in range(names.count_labels(name) - self._depth):
            name = name[name[0] + 1 :]
        while name:
            zone = zones.get(name)
            if zone is not None:
                return zone
            name = name[name[0] + 1 :]
        return None

    def withheld(self, name: bytes) -> Withheld | None:
        """What keeps this lower-case name from being answered: the zone it belongs to is ours and
        cannot be served."""
        if not self._withheld:
            return None
        while name:
            found = self._withheld.get(name)
            if found is not None or name in self._zones:
                return found
            name = name[name[0] + 1 :]
        return None

    def get(self, origin: bytes) -> Zone | None:
        """The zone of exactly this lower-case origin."""
        return self._zones.get(origin)

    def swap(self, zone: Zone) -> None:
        """Put a version in the place of the one before, or add a zone."""
        if zone.origin not in self._zones:
            depth = names.count_labels(zone.origin)
            self._depths[depth] = self._depths.get(depth, 0) + 1
            self._depth = max(self._depth, depth)
        self._zones[zone.origin] = zone
        self._withheld.pop(zone.origin, None)
        self.generation += 1

    def withhold(self, origin: bytes, *, expired: bool) -> None:
        """Serve nothing in the place of this zone until it is swapped in or removed."""
        self.remove(origin)
        self._withheld[origin] = Withheld(origin, expired)
        self.generation += 1

    def remove(self, origin: bytes) -> None:
        """Stop serving a zone; one that is not there is no mistake."""
        self.remove_all((origin,))

    def remove_all(self, origins: Collection[bytes]) -> None:
        """Stop serving these zones, in one step."""
        zones, withheld = self._zones, self._withheld
        gone = [origin for origin in origins if zones.pop(origin, None) is not None]
        spared = [origin for origin in origins if withheld.pop(origin, None)] if withheld else []
        if gone or spared:
            self.generation += 1
        depths = self._depths
        for depth, count in Counter(map(names.count_labels, gone)).items():
            depths[depth] -= count
            if not depths[depth]:
                del depths[depth]
        self._depth = max(depths, default=-1)

    def alias_keys(self, origin: bytes) -> Sequence[SigningKey]:
        """The keys that sign what ALIAS records of this zone lend."""
        signer = self.signers.get(origin)
        return () if signer is None else signer.keys

    def key_faults(self, zone: Zone) -> list[KeyFault]:
        """All that keeps the keys for its ALIAS records from signing for this version."""
        signer = self.signers.get(zone.origin)
        return [] if signer is None else signer.faults(zone)

    def zones(self) -> list[Zone]:
        """Every current version, by origin in canonical order (RFC 4034 section 6.1)."""
        return sorted(self._zones.values(), key=lambda zone: names.canonical_key(zone.origin))

    def unordered(self) -> list[Zone]:
        """The same in no order, which is much quicker for very many."""
        return list(self._zones.values())

    def all_withheld(self) -> list[Withheld]:
        """Every zone that cannot be served at present."""
        return list(self._withheld.values())

    def __len__(self) -> int:
        return len(self._zones)
