"""A zone being put together: records in the order they come, then one immutable version.

File readers (and whoever else brings records) add them one at a time, each with the place it came
from; `finish` groups them into RRsets, decides what every name is, has the rules checked
(zone/check.py) and packs the result. Records stay bytes all the way, so a million of them are
cheap.

Knows: RFC 1034 section 4.2, RFC 2181 section 5, RFC 4592 section 2.2, RFC 6672 section 2.4.
Does not know: text, files, questions.
"""

from struct import Struct
from typing import Final

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.errors import Finding
from resolver.model import RRset
from resolver.zone import check, content
from resolver.zone.content import Zone

MAX_FINDINGS: Final = 100

_ENTRY: Final = Struct(">QHIHH")  # place; then as in a node: type, TTL, one record, its length
_PLACE_OCTETS: Final = 8
_RDATA_AT: Final = _ENTRY.size
_PLACE: Final = Struct(">Q")
_NS: Final = int(RRType.NS)
_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_RRSIG: Final = int(RRType.RRSIG)
_SINGLE_NAMES: Final = frozenset((_NS, _CNAME, int(RRType.PTR), _DNAME))

_LINE_BITS: Final = 32


def place(file: int, line: int) -> int:
    """Where a record came from, as one number: index of the file, and its line from 1."""
    return file << _LINE_BITS | line


class Findings:
    """Errors and warnings of one zone, with where they are; bounded to MAX_FINDINGS of each."""

    __slots__ = ("errors", "files", "more_errors", "more_warnings", "warnings")

    def __init__(self) -> None:
        self.files: list[str] = []
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []
        self.more_errors = 0
        self.more_warnings = 0

    def error(self, where: int, reason: str) -> None:
        """A fault for which the zone is refused."""
        if len(self.errors) < MAX_FINDINGS:
            self.errors.append(self._finding(where, reason))
        else:
            self.more_errors += 1

    def warning(self, where: int, reason: str) -> None:
        """Something that is probably not what its author wanted."""
        if len(self.warnings) < MAX_FINDINGS:
            self.warnings.append(self._finding(where, reason))
        else:
            self.more_warnings += 1

    def close(self) -> None:
        """Say how many were left out."""
        name = self.files[0] if self.files else ""
        if self.more_errors:
            self.errors.append(Finding(name, 0, f"… and {self.more_errors} more errors"))
        if self.more_warnings:
            self.warnings.append(Finding(name, 0, f"… and {self.more_warnings} more warnings"))
        self.more_errors = self.more_warnings = 0

    def _finding(self, where: int, reason: str) -> Finding:
        file = where >> _LINE_BITS
        name = self.files[file] if file < len(self.files) else ""
        return Finding(name, where & (1 << _LINE_BITS) - 1, reason)


class Group:
    """Records of one node that will be one RRset, and where the first of them stands."""

    __slots__ = ("differs", "rdatas", "rrtype", "ttl", "where")

    def __init__(self, rrtype: int, ttl: int, where: int) -> None:
        self.rrtype = rrtype
        self.ttl = ttl
        self.where = where
        self.rdatas: dict[bytes, bytes] = {}
        self.differs = 0  # place of a record with another TTL


class Draft:
    """Records on their way to a Zone. `origin` is in lower case."""

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self.cuts: set[bytes] = set()
        self.dnames: set[bytes] = set()
        self.aliases: set[bytes] = set()
        self._entries: dict[bytes, bytes | list[bytes]] = {}
        self._owners: dict[bytes, bytes] = {}

    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes, *, where: int = 0) -> None:
        """One record; `owner` in the case it was written in, `where` from place().

        Raises ValueError when the owner is not in the zone.
        """
        key = owner.lower()
        entry = _ENTRY.pack(where, rrtype, ttl, 1, len(rdata)) + rdata
        held = self._entries.get(key)
        if held is None:
            parent = key[key[0] + 1 :]
            if parent not in self._entries and not names.is_within(key, self.origin):
                raise ValueError(
                    f"{names.show(owner)} is outside the zone {names.show(self.origin)}"
                )
            self._entries[key] = entry
            if owner != key:
                self._owners[key] = owner
        elif isinstance(held, list):
            held.append(entry)
        else:
            self._entries[key] = [held, entry]
        if rrtype == _NS:
            if key != self.origin:
                self.cuts.add(key)
        elif rrtype == _DNAME:
            self.dnames.add(key)
        elif rrtype == _CNAME:
            self.aliases.add(key)

    def finish(self, findings: Findings) -> Zone | None:
        """The zone, or None when the findings have errors. The draft is of no use afterwards."""
        check.apex(self, findings)
        glue = self._glue()
        doubled = check.doubled(self.origin)
        nodes: dict[bytes, bytes] = {}
        records = 0
        for key, held in self._entries.items():
            flags = self._flags(key, glue)
            lone = isinstance(held, bytes) and not check.concerns(_type_of(held))
            if lone and not flags and not key.endswith(doubled):
                assert isinstance(held, bytes)
                nodes[key] = content.pack_node(0, self._owners.get(key), held[_PLACE_OCTETS:])
                records += 1
                continue
            groups = _grouped(held if isinstance(held, list) else [held])
            check.node(self, key, flags, groups, findings=findings)
            packed = [content.pack_group(g.rrtype, g.ttl, list(g.rdatas.values())) for g in groups]
            nodes[key] = content.pack_node(flags, self._owners.get(key), b"".join(packed))
            records += sum(len(g.rdatas) for g in groups)
        self._add_ents(nodes)
        return None if findings.errors else Zone(self.origin, nodes, records)

    def rrsets(self) -> list[RRset]:
        """All RRsets so far, for files that are no zones (root hints)."""
        return [
            RRset(self._owners.get(key, key), g.rrtype, RRClass.IN, g.ttl, tuple(g.rdatas.values()))
            for key in self._entries
            for g in self.groups(key)
        ]

    def groups(self, key: bytes) -> list[Group]:
        """The RRsets of one lower-case name as they stand now; none when it has no records."""
        held = self._entries.get(key)
        if held is None:
            return []
        return _grouped(held if isinstance(held, list) else [held])

    def has(self, key: bytes) -> bool:
        """Whether a lower-case name has records."""
        return key in self._entries

    def covering(self, key: bytes) -> bytes | None:
        """The cut or DNAME nearest above a lower-case name that occludes it, if any."""
        if not (self.cuts or self.dnames):
            return None
        end = len(self.origin)
        while len(key) > end:
            key = key[key[0] + 1 :]
            if key in self.cuts or key in self.dnames:
                return key
        return None

    def _flags(self, key: bytes, glue: set[bytes]) -> int:
        flags = 0
        if key == self.origin:
            flags |= content.APEX
        elif key in self.cuts:
            flags |= content.CUT
        if key in self.dnames:
            flags |= content.DNAME
        if key[:2] == b"\x01*":
            flags |= content.WILDCARD
        if self.covering(key) is not None:
            flags |= content.OCCLUDED
            if key in glue:
                flags |= content.GLUE
        return flags

    def _glue(self) -> set[bytes]:
        """Names of which some delegation needs the address from us (RFC 9499 section 7)."""
        targets: set[bytes] = set()
        for cut in self.cuts:
            for group in self.groups(cut):
                if group.rrtype == _NS:
                    targets.update(key for key in map(bytes.lower, group.rdatas))
        return {target for target in targets if target in self._entries}

    def _add_ents(self, nodes: dict[bytes, bytes]) -> None:
        """Names that exist only because something below them does."""
        end = len(self.origin)
        for key in self._entries:
            if len(key) <= end:
                continue
            above = key[key[0] + 1 :]
            while above not in nodes and len(above) > end:
                hidden = self.covering(above) is not None
                star = content.WILDCARD if above[:2] == b"\x01*" else 0
                flags = content.ENT | star | (content.OCCLUDED if hidden else 0)
                nodes[above] = content.PACKED_ENT if flags == content.ENT else bytes((flags,))
                above = above[above[0] + 1 :]


def _type_of(entry: bytes) -> int:
    return entry[_PLACE_OCTETS] << 8 | entry[_PLACE_OCTETS + 1]


def _grouped(entries: list[bytes]) -> list[Group]:
    """Entries of one node as RRsets: doubles dropped, the lowest TTL for all (RFC 2181 sections 5
    and 5.2). Signatures form one group for each type that they cover."""
    groups: dict[int, Group] = {}
    for entry in entries:
        where, rrtype, ttl, _, _ = _ENTRY.unpack_from(entry)
        rdata = entry[_RDATA_AT:]
        key = rrtype
        if rrtype == _RRSIG:
            key |= (rdata[0] << 8 | rdata[1]) << 16
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(rrtype, ttl, where)
        elif ttl != group.ttl:
            group.ttl = min(ttl, group.ttl)
            group.differs = group.differs or where
        # Two spellings of one name are one record (RFC 4343 section 3).
        same = rdata.lower() if rrtype in _SINGLE_NAMES else rdata
        group.rdatas.setdefault(same, rdata)
    return list(groups.values())
