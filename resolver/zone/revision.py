"""The next version of a zone, made from the one before by removing and adding records.

Only what a change touches is made anew: its names, names that come to be or cease because of them,
and names that they start or stop to occlude or to need as glue. All else is shared with the version
before, so a small change of a large zone is a small piece of work.

Knows: RFC 1995 section 4, RFC 2181 section 5, RFC 4592 section 2.2. Does not know: whole
differences (zone/diff.py), files, why something changes.
"""

from collections.abc import Iterable
from typing import Final, NoReturn

from resolver import names
from resolver.codes import META_TYPES, RRClass, RRType, show_type
from resolver.errors import DiffError
from resolver.leftovers import LEFTOVERS
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.canonical import canonical_rdata
from resolver.zone import check, denial
from resolver.zone.classify import COVERS, MARKS, covering, own_flags, placed_flags
from resolver.zone.content import CASED, ENT, GLUE, OCCLUDED, PACKED_ENT, Zone, pack_node
from resolver.zone.groups import Group, group_key, pack_groups, unpack_groups
from resolver.zone.relations import Relations, change_count, cut_servers

_SOA: Final = int(RRType.SOA)
_NS: Final = int(RRType.NS)
# Names or records between two breaks: a millisecond or two of work.
SLICE_NAMES: Final = 100
_SLICE_SCANNED: Final = 500
# What a name is because of others.
_PLACED: Final = OCCLUDED | GLUE


class _Open:
    """A name whose records change. `before` is its packed node, empty if there was none."""

    __slots__ = ("before", "groups", "owner")

    def __init__(self, name: bytes, before: bytes) -> None:
        self.before = before
        self.groups = unpack_groups(before) if before else {}
        self.owner = before[2 : 2 + before[1]] if before and before[0] & CASED else name


class _Refuse:
    """Takes broken rules (zone/check.py) as a reason to refuse the change."""

    def error(self, where: int, reason: str) -> NoReturn:
        raise DiffError(reason)

    def warning(self, where: int, reason: str) -> None:
        """Does not concern us."""


class Revision:
    """A version in the making: `remove` and `add`, then `finish`."""

    def __init__(self, base: Zone, relations: Relations) -> None:
        self.origin = base.origin
        self._base = base
        self._records = base.records
        self._size = base.size
        self._nodes = base.nodes.edit()
        self._children = relations.children.edit()
        self._uses = relations.uses.edit()
        self._open: dict[bytes, _Open] = {}
        self._new_ents: list[bytes] = []

    def __del__(self) -> None:
        if LEFTOVERS.attended:  # not finished
            LEFTOVERS.leave(list(self._open.values()), _SLICE_SCANNED)

    def remove(self, rrset: RRset) -> None:
        """Take these records away. The TTL they are given with does not matter. Raises DiffError
        for one that is not there."""
        node = self._node(rrset)
        if not rrset.rdatas:
            return
        key = group_key(rrset.rrtype, rrset.rdatas[0])
        group = node.groups.get(key)
        for rdata in rrset.rdatas:
            if group is None or not _take(group, rdata):
                raise DiffError(f"{_show(rrset, rdata)} is to be removed, but is not there")
        if group is not None and not group.rdatas:
            del node.groups[key]
        self._records -= len(rrset.rdatas)

    def add(self, rrset: RRset) -> None:
        """Put these records in. Raises DiffError for one that is there already, or whose TTL is
        not that of the records it comes beside (RFC 2181 section 5.2)."""
        node = self._node(rrset)
        if not rrset.rdatas:
            return
        if not node.groups:
            node.owner = rrset.owner
        key = group_key(rrset.rrtype, rrset.rdatas[0])
        group = node.groups.get(key)
        if group is None:
            group = node.groups[key] = Group(rrset.rrtype, rrset.ttl)
        for rdata in rrset.rdatas:
            canonical = canonical_rdata(rrset.rrtype, rdata)
            if canonical in group.rdatas:
                raise DiffError(f"{_show(rrset, rdata)} is to be added, but is there already")
            if rrset.ttl != group.ttl:
                raise DiffError(
                    f"{_show(rrset, rdata)} is to be added with TTL {rrset.ttl} beside records "
                    f"with TTL {group.ttl}"
                )
            group.rdatas[canonical] = rdata
        self._records += len(rrset.rdatas)

    def finish(self) -> Slices[Zone]:
        """The new version. Raises DiffError when it would break a rule that every zone keeps."""
        self._look_at_apex()
        settled: set[bytes] = set()
        yield from self._write(settled)
        yield from self._drop_empty()
        revalued = yield from self._count_servers()
        settled.update(self._new_ents)
        settled.update(revalued)
        yield from self._place_below(settled)
        yield from self._close()
        for number, name in enumerate(settled):
            self._place(name)
            if number % SLICE_NAMES == 0:
                yield
        zone = Zone(self.origin, self._nodes.seal(), records=self._records, size=self._size)
        zone.relations = Relations(self._children.seal(), self._uses.seal())
        yield from denial.inherit(self._base, zone, settled)
        return zone

    def _node(self, rrset: RRset) -> _Open:
        """The name of an RRset, opened for changes."""
        name = rrset.owner.lower()
        if rrset.rrclass != RRClass.IN or rrset.rrtype in META_TYPES or not rrset.rrtype:
            kind = show_type(rrset.rrtype)
            raise DiffError(f"{kind} at {names.show(rrset.owner)} is nothing that a zone holds")
        if rrset.rrtype == _SOA and name != self.origin:
            raise DiffError(f"SOA at {names.show(rrset.owner)}, which is not the top of the zone")
        node = self._open.get(name)
        if node is None:
            if not names.is_within(name, self.origin):
                owner, zone = names.show(rrset.owner), names.show(self.origin)
                raise DiffError(f"{owner} is outside the zone {zone}")
            node = self._open[name] = _Open(name, self._nodes.get(name) or b"")
        return node

    def _look_at_apex(self) -> None:
        apex = self._open.get(self.origin)
        if apex is None:
            return
        soa = apex.groups.get(_SOA)
        if soa is None or len(soa.rdatas) != 1:
            raise DiffError(f"leaves {len(soa.rdatas) if soa else 0} SOA records, not one")
        if _NS not in apex.groups:
            raise DiffError(f"leaves no NS at {names.show(self.origin)}")

    def _write(self, settled: set[bytes]) -> Slices[None]:
        """Put every changed name into the table with what it is by itself."""
        for number, (name, node) in enumerate(self._open.items()):
            before = node.before
            self._size += bool(node.groups) - (before != b"" and not before[0] & ENT)
            if node.groups:
                marks = 0
                for group in node.groups.values():
                    marks |= MARKS.get(group.rrtype, 0)
                flags = own_flags(name, self.origin, marks)
                check.coexistence(name, flags, list(node.groups.values()), _Refuse())
                owner = None if node.owner == name else node.owner
                packed = pack_node(flags, owner, pack_groups(node.groups.values()))
                if name not in self._nodes:  # nor made already by one below it
                    self._link(name)
                self._nodes.shard(name)[name] = packed
                settled.add(name)
            elif before:
                self._nodes.shard(name)[name] = PACKED_ENT
                settled.add(name)
            if number % SLICE_NAMES == 0:
                yield

    def _link(self, name: bytes) -> None:
        """Make sure that the names above a new one exist, and count it there."""
        while name != self.origin:
            name = names.parent(name)
            change_count(self._children, name, 1)
            if name in self._nodes:
                return
            self._nodes.shard(name)[name] = PACKED_ENT
            self._new_ents.append(name)

    def _drop_empty(self) -> Slices[None]:
        """Forget names that have neither records nor names below them any more."""
        for number, (name, node) in enumerate(self._open.items()):
            if number % _SLICE_SCANNED == 0:
                yield
            if node.groups or not node.before:
                continue
            while True:
                packed = self._nodes.get(name)
                if packed is None or not packed[0] & ENT or self._children.get(name):
                    break
                self._nodes.drop(name)
                name = names.parent(name)
                change_count(self._children, name, -1)

    def _count_servers(self) -> Slices[list[bytes]]:
        """Names that some delegation needs now and none did before, or the other way round."""
        revalued: list[bytes] = []
        for number, (name, node) in enumerate(self._open.items()):
            if number % SLICE_NAMES == 0:
                yield
            before = cut_servers(node.before, self.origin) if node.before else set()
            packed = self._nodes.get(name)
            after = cut_servers(packed, self.origin) if packed else set()
            revalued += [s for s in after - before if change_count(self._uses, s, 1) == 1]
            revalued += [s for s in before - after if change_count(self._uses, s, -1) == 0]
        return revalued

    def _place_below(self, settled: set[bytes]) -> Slices[None]:
        """Place the names below cuts and DNAMEs that came or went.

        That takes a look at the whole zone, unless every name below them is among the `settled`
        ones, as it is when a delegation comes or goes with its glue.
        """
        turned: set[bytes] = set()
        for number, (name, node) in enumerate(self._open.items()):
            if self._has_turned(name, node):
                turned.add(name)
            if number % _SLICE_SCANNED == 0:
                yield
        if not turned:
            return
        search = yield from self._unsettled_above(turned, settled)
        if not search:
            return
        for number, name in enumerate(self._all_names()):
            if _is_below_any(name, self.origin, search):
                self._place(name)
            if number % _SLICE_SCANNED == 0:
                yield

    def _unsettled_above(self, turned: set[bytes], settled: set[bytes]) -> Slices[set[bytes]]:
        """Which of the names that have `turned` have names below them that are not settled."""
        below: dict[bytes, int] = {}
        for number, name in enumerate(settled):
            if name != self.origin and name in self._nodes:
                above = names.parent(name)
                below[above] = below.get(above, 0) + 1
            if number % _SLICE_SCANNED == 0:
                yield
        search: set[bytes] = set()
        for number, name in enumerate(settled):
            if name in self._nodes and (self._children.get(name) or 0) != below.get(name, 0):
                search.update(above for above in names.ancestors(name) if above in turned)
            if number % _SLICE_SCANNED == 0:
                yield
        return search

    def _close(self) -> Slices[None]:
        """Let go of the names that were opened, one after the other."""
        while self._open:
            for _ in range(min(_SLICE_SCANNED, len(self._open))):
                self._open.popitem()
            yield

    def _all_names(self) -> Iterable[bytes]:
        return (name for shard in self._nodes.shards for name in shard)

    def _has_turned(self, name: bytes, node: _Open) -> bool:
        """Whether a name occludes what is below it now and did not before, or the other way
        round."""
        before = bool(node.before and node.before[0] & COVERS)
        return before != self._covers(name)

    def _covers(self, name: bytes) -> bool:
        packed = self._nodes.get(name)
        return packed is not None and packed[0] & COVERS != 0

    def _place(self, name: bytes) -> None:
        """Decide anew what a name is because of others."""
        packed = self._nodes.get(name)
        if packed is None:
            return
        held = packed[0]
        flags = placed_flags(
            held & ~(_PLACED | CASED),
            occluded=covering(name, self.origin, self._covers) is not None,
            needed=name in self._uses,
        )
        flags |= held & CASED
        if flags != held:
            self._nodes.shard(name)[name] = bytes((flags,)) + packed[1:]


def _take(group: Group, rdata: bytes) -> bool:
    return group.rdatas.pop(canonical_rdata(group.rrtype, rdata), None) is not None


def _is_below_any(name: bytes, origin: bytes, above: set[bytes]) -> bool:
    while name != origin:
        name = name[name[0] + 1 :]
        if name in above:
            return True
    return False


def _show(rrset: RRset, rdata: bytes) -> str:
    # Imported here because it is slow to import and only needed for a refusal.
    from resolver.wire.text import show_rdata

    data = show_rdata(rrset.rrtype, rdata)
    return f"{names.show(rrset.owner)} {show_type(rrset.rrtype)} {data}"
