"""The records of one name as RRsets that can still change.

The form between records one by one (a file, a transfer, a difference) and the packed node of a
finished version. Two records are one if they differ only in the case of names inside them.

Knows: RFC 2181 section 5, RFC 4034 section 3 (signatures are RRsets by what they cover). Does not
know: names, what a node is, where records come from.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

from resolver.codes import RRType
from resolver.wire.canonical import FOLDED, canonical_rdata
from resolver.zone.content import CASED, pack_group

_GROUP: Final = Struct(">HIH")
_RRSIG: Final = int(RRType.RRSIG)


class Group:
    """Records of one node that will be one RRset, by their canonical data; and where the first of
    them stands in a file. `differs` is the place of one that had another TTL."""

    __slots__ = ("differs", "rdatas", "rrtype", "ttl", "where")

    def __init__(self, rrtype: int, ttl: int, where: int = 0) -> None:
        self.rrtype = rrtype
        self.ttl = ttl
        self.where = where
        self.rdatas: dict[bytes, bytes] = {}
        self.differs = 0

    def pack(self) -> bytes:
        """The group as it stands in a packed node."""
        return pack_group(self.rrtype, self.ttl, list(self.rdatas.values()))


def group_key(rrtype: int, rdata: bytes) -> int:
    """What tells the RRsets of a name apart: the type, for signatures also the covered one."""
    if rrtype == _RRSIG:
        return rrtype | (rdata[0] << 8 | rdata[1]) << 16
    return rrtype


def unpack_groups(packed: bytes) -> dict[int, Group]:
    """The RRsets of a packed node (content.pack_node) by group_key."""
    at = 2 + packed[1] if packed[0] & CASED else 1
    end = len(packed)
    groups: dict[int, Group] = {}
    while at < end:
        rrtype, ttl, count = _GROUP.unpack_from(packed, at)
        at += 8
        group = Group(rrtype, ttl)
        folded = rrtype in FOLDED
        rdata = b""
        for _ in range(count):
            start = at + 2
            at = start + (packed[at] << 8 | packed[at + 1])
            rdata = packed[start:at]
            group.rdatas[canonical_rdata(rrtype, rdata) if folded else rdata] = rdata
        groups[group_key(rrtype, rdata)] = group
    return groups


def types_in(packed: bytes) -> list[int]:
    """The types of the RRsets of a packed node."""
    at = groups_start(packed)
    end = len(packed)
    types = []
    while at < end:
        types.append(packed[at] << 8 | packed[at + 1])
        count = packed[at + 6] << 8 | packed[at + 7]
        at += 8
        for _ in range(count):
            at += 2 + (packed[at] << 8 | packed[at + 1])
    return types


def rdatas_in(packed: bytes, wanted: int) -> list[bytes]:
    """The data of one type of a packed node."""
    at = groups_start(packed)
    end = len(packed)
    found = []
    while at < end:
        rrtype = packed[at] << 8 | packed[at + 1]
        count = packed[at + 6] << 8 | packed[at + 7]
        at += 8
        for _ in range(count):
            start = at + 2
            at = start + (packed[at] << 8 | packed[at + 1])
            if rrtype == wanted:
                found.append(packed[start:at])
    return found


def groups_start(packed: bytes) -> int:
    """Where the RRsets of a packed node begin."""
    return 2 + packed[1] if packed[0] & CASED else 1


def pack_groups(groups: Iterable[Group]) -> bytes:
    """Those of a node, one behind the other."""
    return b"".join([group.pack() for group in groups])


def in_order(groups: Iterable[Group]) -> list[Group]:
    """The RRsets of a name by type (RFC 8976 section 3.3.1), signatures by what they cover."""
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[int, bytes]:
    covered = next(iter(group.rdatas))[:2] if group.rrtype == _RRSIG else b""
    return group.rrtype, covered
