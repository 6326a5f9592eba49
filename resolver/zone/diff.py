"""Differences between two versions of a zone: found, put on, turned round, joined.

Knows: RFC 1995 section 4 (what a difference sequence says), RFC 2181 section 5. Does not know:
messages (zone/transfer_in.py, transfer_out.py), where differences are kept (zone/journal.py), how a
version is made (zone/revision.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.errors import DiffError
from resolver.leftovers import LEFTOVERS
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.canonical import canonical_rdata
from resolver.zone.content import CASED, Zone
from resolver.zone.groups import Group, group_key, groups_start, unpack_groups
from resolver.zone.relations import relations_of
from resolver.zone.revision import SLICE_NAMES, Revision

_SOA: Final = int(RRType.SOA)
_MIN_SOA_OCTETS: Final = 22
# Dicts of a table (1,000 names each) between two breaks: a millisecond of work if they are equal.
_SLICE_SHARDS: Final = 8
_FREED_AT_ONCE: Final = 250  # RRsets


@dataclass(frozen=True, slots=True)
class Diff:
    """What leads from one version to the next: records to remove, then records to add.

    The first RRset of each is the SOA, the old one and the new one (RFC 1995 section 4). An RRset
    here holds only the records that go or come, not all of that name and type. A change of TTL is
    the removal of every record of an RRset and the addition of each with the new one. Whoever has
    counted the records of a large one says so (`counted`), so that nobody has to wait for that.
    """

    origin: bytes
    from_serial: int
    to_serial: int
    removed: tuple[RRset, ...]
    added: tuple[RRset, ...]
    counted: int | None = field(default=None, compare=False, repr=False)

    def __del__(self) -> None:
        for rrsets in (self.removed, self.added):
            if len(rrsets) > _FREED_AT_ONCE and LEFTOVERS.attended:
                LEFTOVERS.leave(list(rrsets), _FREED_AT_ONCE)

    @property
    def records(self) -> int:
        """How many records go or come, the SOAs included."""
        if self.counted is not None:
            return self.counted
        return sum(len(rrset.rdatas) for rrset in (*self.removed, *self.added))

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes, not even the SOA."""
        return self.removed == self.added and len(self.removed) == 1


class _Collector:
    """Records that go and come, as RRsets. Raises DiffError when they are more than the limit."""

    def __init__(self, old: Zone, new: Zone, limit: int | None) -> None:
        self.removed = [old.soa]
        self.added = [new.soa]
        self.records = 2
        self._most = None if limit is None else limit + self.records

    def compare(self, name: bytes, old: bytes, new: bytes) -> None:
        """Two packed nodes of one name; empty for none."""
        before = unpack_groups(old) if old else {}
        after = unpack_groups(new) if new else {}
        for key, group in before.items():
            other = after.pop(key, None)
            if other is not None and other.ttl == group.ttl:
                self._take(self.removed, _owner(name, old), group, other.rdatas)
                self._take(self.added, _owner(name, new), other, group.rdatas)
            else:
                self._take(self.removed, _owner(name, old), group, ())
                if other is not None:
                    self._take(self.added, _owner(name, new), other, ())
        for group in after.values():
            self._take(self.added, _owner(name, new), group, ())

    def drop(self) -> None:
        """Let go of them."""
        for rrsets in (self.removed, self.added):
            LEFTOVERS.leave(rrsets, _FREED_AT_ONCE)

    def _take(self, where: list[RRset], owner: bytes, group: Group, but: Iterable[bytes]) -> None:
        if group.rrtype == _SOA:
            return  # there from the start
        rdatas = tuple(rdata for key, rdata in group.rdatas.items() if key not in but)
        if not rdatas:
            return
        where.append(RRset(owner, group.rrtype, RRClass.IN, group.ttl, rdatas))
        self.records += len(rdatas)
        if self._most is not None and self.records > self._most:
            raise DiffError("more records differ than are worth a difference")


def compute(old: Zone, new: Zone, *, max_records: int | None = None) -> Slices[Diff]:
    """What leads from `old` to `new`. Names that only changed their spelling are the same.

    Names of versions that descend from each other are not even looked at where both share them.
    Raises DiffError when the zones have different names, or more than `max_records` differ.
    """
    if old.origin != new.origin:
        raise DiffError(f"{names.show(old.origin)} and {names.show(new.origin)} are two zones")
    found = _Collector(old, new, max_records)
    try:
        for number, (before, after) in enumerate(old.nodes.pairs(new.nodes)):
            if before is not after and before != after:
                yield from _compare(old, new, (before, after), found)
                yield
            elif number % _SLICE_SHARDS == 0:
                yield
    except DiffError:
        found.drop()
        raise
    removed, added = tuple(found.removed), tuple(found.added)
    return Diff(old.origin, old.serial, new.serial, removed, added, found.records)


def _compare(
    old: Zone,
    new: Zone,
    parts: tuple[dict[bytes, bytes], dict[bytes, bytes]],
    found: _Collector,
) -> Slices[None]:
    """Names of two parts, looked up in the other part, or in the other version if that is cut in
    another way."""
    before, after = parts
    alike = len(old.nodes.shards) == len(new.nodes.shards)
    newer, older = (after, before) if alike else (new.nodes, old.nodes)
    changes = 0
    for name, packed in before.items():
        other = newer.get(name)
        if packed == other:
            continue
        if other is None or packed[groups_start(packed) :] != other[groups_start(other) :]:
            found.compare(name, packed, other or b"")
        changes += 1
        if changes % SLICE_NAMES == 0:
            yield
    for name, packed in after.items():
        if name not in older:
            found.compare(name, b"", packed)
            changes += 1
            if changes % SLICE_NAMES == 0:
                yield


def _owner(name: bytes, packed: bytes) -> bytes:
    return packed[2 : 2 + packed[1]] if packed[0] & CASED else name


def apply(zone: Zone, diff: Diff) -> Slices[Zone]:
    """The version that a difference leads to.

    Raises DiffError when it does not start from this version, removes what is not there, adds what
    is, or leaves something that is no zone. RFC 1995 does not say what to do about such a thing;
    like others we hold no version that its primary does not have, so the caller needs the whole
    zone. The TTL of a record to be removed is not compared, nor is the case of names.
    """
    _look_at(zone, diff)
    revision = Revision(zone, (yield from relations_of(zone)))
    for change, rrsets in ((revision.remove, diff.removed), (revision.add, diff.added)):
        for number, rrset in enumerate(rrsets):
            change(rrset)
            if number % SLICE_NAMES == 0:
                yield
    made = yield from revision.finish()
    if made.serial != diff.to_serial:
        raise DiffError(f"leads to serial {made.serial}, not {diff.to_serial}")
    return made


def replay(zone: Zone, diffs: Iterable[Diff]) -> Slices[Zone]:
    """The version that a chain of differences leads to. Raises DiffError as `apply` does."""
    for diff in diffs:
        zone = yield from apply(zone, diff)
    return zone


def _look_at(zone: Zone, diff: Diff) -> None:
    if diff.origin != zone.origin:
        raise DiffError(f"is about {names.show(diff.origin)}, not {names.show(zone.origin)}")
    if diff.from_serial != zone.serial:
        raise DiffError(f"starts from serial {diff.from_serial}, not {zone.serial}")
    for rrsets in (diff.removed, diff.added):
        soa = rrsets[0] if rrsets else None
        if soa is None or soa.rrtype != _SOA or soa.owner.lower() != diff.origin:
            raise DiffError("does not begin with the SOA")
        if len(soa.rdatas) != 1 or len(soa.rdatas[0]) < _MIN_SOA_OCTETS:
            raise DiffError("begins with no proper SOA")


def invert(diff: Diff) -> Diff:
    """What leads back."""
    serials = diff.to_serial, diff.from_serial
    return Diff(diff.origin, *serials, diff.added, diff.removed, diff.counted)


# A record, told from others of its name whatever its spelling, and its TTL and spelling.
_Key = tuple[bytes, int, bytes]
_Value = tuple[bytes, int, bytes]


def condense(diffs: Sequence[Diff]) -> Diff:
    """One difference that leads where a chain leads, without what came and went on the way.

    All at once: of use for chains of some thousand records. Raises ValueError for what is no chain.
    """
    if not diffs:
        raise ValueError("nothing to join")
    for before, after in pairwise(diffs):
        if (before.origin, before.to_serial) != (after.origin, after.from_serial):
            raise ValueError(f"{after.from_serial} does not follow {before.to_serial}")
    removed: dict[_Key, _Value] = {}
    added: dict[_Key, _Value] = {}
    for diff in diffs:
        gone, come = dict(_records(diff.removed[1:])), dict(_records(diff.added[1:]))
        removed |= {key: value for key, value in gone.items() if key not in added}
        added = {key: value for key, value in added.items() if key not in gone}
        for key in come.keys() & removed.keys():
            if removed[key][1] == come[key][1]:
                del removed[key], come[key]
        added |= come
    first, last = diffs[0], diffs[-1]
    return Diff(
        first.origin,
        first.from_serial,
        last.to_serial,
        (first.removed[0], *_rrsets(removed)),
        (last.added[0], *_rrsets(added)),
    )


def _records(rrsets: Iterable[RRset]) -> Iterator[tuple[_Key, _Value]]:
    for rrset in rrsets:
        owner = rrset.owner.lower()
        for rdata in rrset.rdatas:
            canonical = canonical_rdata(rrset.rrtype, rdata)
            yield (owner, rrset.rrtype, canonical), (rrset.owner, rrset.ttl, rdata)


def _rrsets(records: dict[_Key, _Value]) -> list[RRset]:
    groups: dict[tuple[bytes, int, int], RRset] = {}
    rdatas: dict[tuple[bytes, int, int], list[bytes]] = {}
    for (name, rrtype, _), (owner, ttl, rdata) in records.items():
        group = (name, group_key(rrtype, rdata), ttl)
        if group not in groups:
            groups[group] = RRset(owner, rrtype, RRClass.IN, ttl, ())
        rdatas.setdefault(group, []).append(rdata)
    return [
        RRset(r.owner, r.rrtype, r.rrclass, r.ttl, tuple(rdatas[group]))
        for group, r in groups.items()
    ]
