"""Who depends on whom in a zone: what a change of one name may mean for others.

Counting takes one pass over the zone, so it is done before the first change of a version that was
loaded as a whole; from then on each version hands its counts to the next.

Knows: RFC 4592 section 2.2 (names exist because of those below them), RFC 9499 section 7 (glue).
Does not know: changes.
"""

from dataclasses import dataclass
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone.classify import needed_servers
from resolver.zone.content import CUT, Zone
from resolver.zone.groups import unpack_groups
from resolver.zone.table import Edit, Table

# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 500
_NS: Final = int(RRType.NS)


@dataclass(frozen=True, slots=True)
class Relations:
    """`children` counts the names directly below a name, `uses` the cuts that a name of the zone
    serves. Names with nothing to count are not in the tables."""

    children: Table[int]
    uses: Table[int]


def relations_of(zone: Zone) -> Slices[Relations]:
    """The relations of a version, counted on first use and kept with it."""
    if zone.relations is None:
        zone.relations = yield from _count(zone)
    return zone.relations


def cut_servers(packed: bytes, origin: bytes) -> set[bytes]:
    """The names of this zone that a packed node's delegation leads to; none if it is no cut."""
    if not packed[0] & CUT:
        return set()
    return set(needed_servers(unpack_groups(packed)[_NS].rdatas, origin))


def _count(zone: Zone) -> Slices[Relations]:
    children: Edit[int] = Edit()
    uses: Edit[int] = Edit()
    origin = zone.origin
    for number, (name, packed) in enumerate(zone.nodes.items()):
        if name != origin:
            change_count(children, names.parent(name), 1)
        for server in cut_servers(packed, origin):
            change_count(uses, server, 1)
        if number % _SLICE_NAMES == 0:
            yield
    return Relations(children.seal(), uses.seal())


def change_count(counts: Edit[int], name: bytes, step: int) -> int:
    """Count one more or less; returns the new count. A count of none is not kept."""
    shard = counts.shard(name)
    count = shard.get(name, 0) + step
    if count:
        shard[name] = count
    else:
        shard.pop(name, None)
    return count
