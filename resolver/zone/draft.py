"""A zone being put together: records in the order they come, then one immutable version.

File readers (and whoever else brings records) add them one at a time, each with the place it came
from; `finish` groups them into RRsets, decides what every name is, has the rules checked
(zone/check.py) and packs the result. Records stay bytes all the way, so a million of them are
cheap.

Knows: RFC 1034 section 4.2, RFC 2181 section 5, RFC 4592 section 2.2, RFC 6672 section 2.4.
Does not know: text, files, questions.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, cast
from zlib import crc32

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.records import Record
from resolver.zone import check, content, denial
from resolver.zone.classify import (
    COVERS,
    MARKS,
    OWN,
    covering,
    own_flags,
    placed_flags,
)
from resolver.zone.content import Zone
from resolver.zone.entries import ENTRY, MARK_BIT, Held, grouped, how_many, pack_plain, rdatas
from resolver.zone.findings import Findings
from resolver.zone.groups import Group, pack_groups, types_in
from resolver.zone.signing import Signing, signing_of
from resolver.zone.table import Edit, Table

# A name with more than this grows in place instead of being copied for each record.
_MANY_OCTETS: Final = 1_024
# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 200

_IN: Final = int(RRClass.IN)
_NS: Final = int(RRType.NS)
_RRSIG: Final = int(RRType.RRSIG)
_DNAME: Final = int(RRType.DNAME)
_ALIAS_RECORD: Final = int(RRType.ALIAS)
# Marks of a name that matter only here stand where flags of finished names do.
_ALIAS: Final = content.ENT
_ADDRESS: Final = content.OCCLUDED
_LENT: Final = content.CASED
_BELOW: Final = content.APEX  # its parent is a cut that needs it
_NOTED: Final = COVERS | _LENT
_MARKS: Final = MARKS | {
    int(RRType.CNAME): _ALIAS,
    int(RRType.A): _ADDRESS,
    int(RRType.AAAA): _ADDRESS,
    _ALIAS_RECORD: _LENT,
}
# Types that may lead to a name whatever is there.
_ANYWHERE: Final = (int(RRType.CNAME), int(RRType.PTR))

_UNDERSCORE: Final = ord("_")  # looking for a number takes far less time than for octets
_WILDCARD: Final = b"\1*"


class Draft:
    """Records on their way to a Zone. `origin` is in lower case.

    The records of a name are in one string of octets (zone/entries.py). When the name is finished
    its packed node takes the string's place, so that a zone is never in memory twice.
    """

    def __init__(self, origin: bytes, *, signs_aliases: bool = False) -> None:
        """`signs_aliases`: there are keys here to sign what an ALIAS lends."""
        self.origin = origin
        self.bars_aliases = False  # whether an ALIAS would lack signatures
        self._signs_aliases = signs_aliases
        self.covered = False  # whether there is any cut or DNAME
        self.lends = False  # whether there is any ALIAS
        self._redirected = False  # whether there is a DNAME at the top
        self._doubled = check.doubled(origin)
        self._names: Edit[Held] = Edit()
        self._owners: Edit[bytes] = Edit()
        # The owner of the record before, which most often is that of the next one, too: its key and
        # where that is kept.
        self._last_owner = self._last_key = b""
        self._last_shard: dict[bytes, Held] = {}
        self._cuts: list[bytes] = []  # those with servers in the zone, some more than once
        self._doubtful: set[bytes] = set()  # cuts to be looked at with care
        self._packed = bytearray()  # which shards hold packed nodes
        self._missing: list[bytes] = []  # parents without records, some more than once
        self._records = 0
        self._size = 0
        self._signing: Signing | None = None

    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes, *, where: int = 0) -> None:
        """One record; `owner` in the case it was written in, `where` from place().

        Raises ValueError when the owner is not in the zone.
        """
        if owner is not self._last_owner:
            self._last_key = owner.lower()
            self._last_shard = self._names.shard(self._last_key)
            self._last_owner = owner
        key, shard = self._last_key, self._last_shard
        mark = _MARKS.get(rrtype, 0)
        if mark & _NOTED:
            mark = self._note(key, rrtype, rdata, mark)
        entry = ENTRY.pack(mark << MARK_BIT | where, rrtype, ttl, 1, len(rdata)) + rdata
        held = shard.get(key)
        if held is None:
            self._begin(owner, key)
            shard[key] = entry
        elif held[0] | mark == held[0] and len(held) <= _MANY_OCTETS:
            shard[key] = held + entry
        else:
            shard[key] = _grown(held, mark, entry)
        self._records += 1

    def add_all(self, records: Sequence[Record], *, where: int, until: frozenset[int]) -> int:
        """What `add` does for each record of a message, in fewer steps; each is from the place
        behind that of the one before. Ends at the first that is of another class, or of one of some
        types; returns how many there are before it. Raises ValueError like `add`.
        """
        first, origin = where, self.origin
        owner_before, key = self._last_owner, self._last_key
        shards = self._names.ready()
        mask = len(shards) - 1
        shard = shards[crc32(key) & mask]
        try:
            for owner, rrtype, rrclass, ttl, rdata in records:
                if rrtype in until or rrclass != _IN:
                    break
                if owner is not owner_before:
                    owner_before, key = owner, owner.lower()
                    shard = shards[crc32(key) & mask]
                mark = _MARKS.get(rrtype, 0)
                if mark & _NOTED:
                    mark = self._note(key, rrtype, rdata, mark)
                # Only the first of a name has marks for all; nobody looks at those of the others.
                entry = ENTRY.pack(mark << MARK_BIT | where, rrtype, ttl, 1, len(rdata)) + rdata
                held = shard.get(key)
                if held is None:
                    if key[key[0] + 1 :] != origin or owner != key:
                        self._begin(owner, key)
                    shard[key] = entry
                elif held[0] | mark == held[0] and len(held) <= _MANY_OCTETS:
                    shard[key] = held + entry
                else:
                    shard[key] = _grown(held, mark, entry)
                where += 1
        finally:
            self._last_owner, self._last_key, self._last_shard = owner_before, key, shard
            self._records += where - first
        return where - first

    def _begin(self, owner: bytes, key: bytes) -> None:
        """A name that had no records so far."""
        if key[key[0] + 1 :] != self.origin and not names.is_within(key, self.origin):
            raise ValueError(f"{names.show(owner)} is outside the zone {names.show(self.origin)}")
        if owner != key:
            self._owners.shard(key)[key] = owner

    def _note(self, key: bytes, rrtype: int, rdata: bytes, mark: int) -> int:
        """Take note of NS, DNAME or ALIAS; returns the marks that it gives to its owner."""
        if mark == _LENT:
            self.lends = True
            return 0
        if key == self.origin:
            mark &= ~content.CUT
            self._redirected |= rrtype == _DNAME
        elif rrtype == _NS and rdata[-len(self.origin) :].lower() == self.origin:
            self._cuts.append(key)
        self.covered |= mark & COVERS != 0
        return mark

    def finish(self, findings: Findings, *, now: float | None = None) -> Slices[Zone | None]:
        """The zone, or None when the findings have errors. The draft is of no use afterwards.

        `now` is the time that signatures should be valid at, in seconds since 1970.
        """
        self._packed = bytearray(len(self._names.shards))
        check.apex(self, findings)
        signed = check.signs(self.groups(self.origin))
        self.bars_aliases = signed and not self._signs_aliases
        self._signing = signing_of(self, findings, now)
        if self.covered:
            yield from self._follow_cuts()
        yield from self._pack_all(findings)
        if findings.errors:
            return None
        yield from self._add_ents()
        table = cast(Table[bytes], self._names.seal())  # all packed by now
        zone = Zone(self.origin, table, records=self._records, size=self._size)
        yield from denial.denial_of(zone)
        if self._signing is not None:
            self._signing.close((yield from denial.holes(zone)))
        return zone

    def rrsets(self) -> list[RRset]:
        """All RRsets so far, for files that are no zones (root hints)."""
        return [
            RRset(
                self._owners.get(key) or key, g.rrtype, RRClass.IN, g.ttl, tuple(g.rdatas.values())
            )
            for shard in self._names.shards
            for key, held in shard.items()
            for g in grouped(held)
        ]

    def groups(self, key: bytes) -> list[Group]:
        """The RRsets of one lower-case name as they stand now; none when it has no records."""
        held = self._names.get(key)
        return [] if held is None else grouped(held)

    def has(self, key: bytes) -> bool:
        """Whether a lower-case name has records."""
        return key in self._names

    def is_alias(self, key: bytes) -> bool:
        """Whether a lower-case name has a CNAME."""
        return bool(self._mark(key) & _ALIAS)

    def has_address(self, key: bytes) -> bool:
        """Whether a lower-case name has an A or AAAA record."""
        return bool(self._mark(key) & _ADDRESS)

    def borrows(self, key: bytes) -> bool:
        """Whether a lower-case name has an ALIAS record."""
        held = self._names.get(key)
        if held is None:
            return False
        if self._packed[self._names.number(key)]:
            return _ALIAS_RECORD in types_in(bytes(held))
        return bool(rdatas(held, _ALIAS_RECORD))

    def covering(self, key: bytes) -> bytes | None:
        """The cut or DNAME nearest above a lower-case name that occludes it, if any."""
        return covering(key, self.origin, self._covers) if self.covered else None

    def _covers(self, key: bytes) -> bool:
        if key == self.origin:
            return self._redirected
        held = self._names.get(key)
        # The same two bits before and after a name is packed.
        return held is not None and held[0] & COVERS != 0

    def _mark(self, key: bytes) -> int:
        """The marks of a lower-case name; 0 when it has no records."""
        number = self._names.number(key)
        held = self._names.shards[number].get(key)
        if held is None:
            return 0
        if not self._packed[number]:
            return held[0]
        marks = 0
        for rrtype in types_in(bytes(held)):
            marks |= _MARKS.get(rrtype, 0)
        return marks

    def _leads_well(self, rrtype: int, target: bytes) -> bool:
        """Whether there is nothing wrong with where a record leads, or with a signature, as far as
        can be told at once."""
        if rrtype == _RRSIG:
            return self._signing is not None and self._signing.is_timely(target)
        name = target.lower()
        if not name.endswith(self.origin):
            return True
        if name.endswith(self._doubled):
            return False
        return rrtype in _ANYWHERE or self._mark(name) & (_ADDRESS | _ALIAS) == _ADDRESS

    def _follow_cuts(self) -> Slices[None]:
        """Mark the names whose addresses some delegation needs from us (RFC 9499 section 7), and
        note the cuts whose servers are not all in order."""
        for at in range(0, len(self._cuts), _SLICE_NAMES):
            self._follow(self._cuts[at : at + _SLICE_NAMES])
            yield
        self._cuts.clear()

    def _follow(self, cuts: list[bytes]) -> None:
        """Look at the name servers of some cuts that may be in the zone."""
        shards, mask = self._names.shards, len(self._names.shards) - 1
        before = b""
        for cut in cuts:
            servers = [] if cut is before else rdatas(self._names.get(cut) or b"", _NS)
            before = cut
            for server in map(bytes.lower, servers):
                if not server.endswith(self.origin):
                    continue
                shard = shards[crc32(server) & mask]
                found = shard.get(server)
                marks = 0 if found is None else found[0]
                if marks & (_ADDRESS | _ALIAS) != _ADDRESS or server.endswith(self._doubled):
                    self._doubtful.add(cut)
                if found is not None and not marks & content.GLUE:
                    marks |= content.GLUE | (_BELOW if server[server[0] + 1 :] == cut else 0)
                    shard[server] = bytes((marks,)) + found[1:]

    def _pack_all(self, findings: Findings) -> Slices[None]:
        """Put the packed node of each name in the place of its records, and check it."""
        for number, shard in enumerate(self._names.shards):
            nodes: list[bytes] = []
            left = iter(shard.items())
            while len(nodes) < len(shard):
                self._pack(islice(left, _SLICE_NAMES), nodes, findings)
                yield
            shard.update(zip(shard, nodes, strict=True))
            self._packed[number] = 1
            self._size += len(nodes)

    def _pack(
        self, some: Iterable[tuple[bytes, Held]], nodes: list[bytes], findings: Findings
    ) -> None:
        """Add the packed nodes of some names."""
        owners = self._owners if self._owners else None
        top = -1 if self._redirected else len(self.origin)
        for key, held in some:
            is_near = len(key) - key[0] - 1 == top  # right below the top, like most
            flags = held[0] & OWN if is_near else self._flags(key, held[0])
            groups = self._plain_groups(key, flags, held)
            if groups is None:
                groups = self._checked_groups(key, flags, held, findings)
            owner = None if owners is None else owners.get(key)
            nodes.append(content.pack_node(flags, owner, groups))

    def _flags(self, key: bytes, marks: int) -> int:
        """What a name is; a parent of it without records is noted."""
        origin = self.origin
        above = key[key[0] + 1 :]
        if key == origin:
            return own_flags(key, origin, marks)
        if marks & _BELOW:
            return placed_flags(own_flags(key, origin, marks), occluded=True, needed=True)
        if len(above) == len(origin):
            covers = self._redirected
        else:
            held = self._names.get(above)
            if held is None:
                self._missing.append(above)
            # The same two bits before and after a name is packed.
            covers = held is not None and held[0] & COVERS != 0
        flags = own_flags(key, origin, marks)
        if covers or (self.covered and covering(above, origin, self._covers) is not None):
            return placed_flags(flags, occluded=True, needed=marks & content.GLUE != 0)
        return flags

    def _plain_groups(self, key: bytes, flags: int, held: Held) -> bytes | None:
        """The RRsets of a name, packed, if it can be seen at once that they break no rule."""
        if (
            _UNDERSCORE in key
            or key.startswith(_WILDCARD)
            or (flags & content.CUT and key in self._doubtful)
            or key.endswith(self._doubled)
        ):
            return None
        keys: list[int] = []
        plain = pack_plain(held, flags, self._leads_well, keys)
        if self._signing is not None and not self._signing.is_complete(flags, keys):
            return None
        return plain

    def _checked_groups(self, key: bytes, flags: int, held: Held, findings: Findings) -> bytes:
        """The RRsets of a name, packed, when they have been looked at."""
        groups = grouped(held)
        check.node(self, key, flags, groups, findings=findings)
        if self._signing is not None:
            self._signing.node(key, flags, groups)
        for group in groups:
            self._records += len(group.rdatas)
        self._records -= how_many(held)  # they had been counted before doubles were dropped
        return pack_groups(groups)

    def _add_ents(self) -> Slices[None]:
        """Names that exist only because something below them does."""
        table = self._names
        end = len(self.origin)
        for count, name in enumerate(self._missing):
            above = name
            while len(above) > end and above not in table:
                occluded = self.covering(above) is not None
                flags = placed_flags(content.ENT, occluded=occluded, needed=False)
                table.shard(above)[above] = (
                    content.PACKED_ENT if flags == content.ENT else bytes((flags,))
                )
                above = above[above[0] + 1 :]
            if count % _SLICE_NAMES == 0:
                yield


def _grown(held: Held, mark: int, entry: bytes) -> Held:
    """The records of a name with one more, and marks."""
    if len(held) > _MANY_OCTETS:
        if not isinstance(held, bytearray):
            held = bytearray(held)
        held += entry
        held[0] |= mark
        return held
    return bytes((held[0] | mark,)) + held[1:] + entry
