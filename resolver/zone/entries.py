"""The records of one name while a zone is being read, one behind the other in one string of octets.

An entry is its place in the files, then type, TTL and data as they stand in a packed node
(zone/content.py). The first octet of the string, free because places are small, has room for what
matters about the name to others.

Most names of most zones are hosts, aliases and delegations that break no rule. `pack_plain` makes
nodes of these without taking them apart; in any doubt it leaves them to `grouped` and the rules
(zone/check.py), which come to the same result.

Knows: RFC 2181 section 5. Does not know: names, rules.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final, TypeAlias

from resolver.codes import RRType
from resolver.wire.canonical import canonical_rdata
from resolver.zone.content import CUT, GLUE, HASHED, OCCLUDED
from resolver.zone.groups import Group, group_key

# bytes, or bytearray for a name with many records.
Held: TypeAlias = bytes | bytearray

# Place and marks of the name; then as in a node: type, TTL, one record, its length.
ENTRY: Final = Struct(">QHIHH")
MARK_BIT: Final = 56

_PLACE_MASK: Final = (1 << MARK_BIT) - 1
_PLACE_OCTETS: Final = 8
_HEAD_END: Final = 14  # type and TTL are before it
_LENGTH_AT: Final = 16
_RDATA_AT: Final = ENTRY.size
# Names with more are looked at with care.
_MAX_PLAIN_OCTETS: Final = 2_000
_COUNT_AT: Final = 7  # in an RRset of a node: the lower octet, as so few hold no more than 255

_CNAME: Final = int(RRType.CNAME)
_RRSIG: Final = int(RRType.RRSIG)
_NO_TARGET: Final = -1
# Where the name stands in the data of types that lead somewhere; signatures are asked about, too.
_ADDRESSES: Final[dict[int, int]] = {int(RRType.A): _NO_TARGET, int(RRType.AAAA): _NO_TARGET}
_AT_CUT: Final[dict[int, int]] = _ADDRESSES | {
    int(RRType.NS): _NO_TARGET,  # followed already
    int(RRType.DS): _NO_TARGET,
    int(RRType.NSEC): _NO_TARGET,
    _RRSIG: 0,
}
_AT_HOST: Final[dict[int, int]] = _ADDRESSES | {
    _CNAME: 0,
    int(RRType.PTR): 0,
    int(RRType.MX): 2,
    int(RRType.SRV): 6,
    int(RRType.TXT): _NO_TARGET,
    int(RRType.CAA): _NO_TARGET,
    int(RRType.TLSA): _NO_TARGET,
    int(RRType.SSHFP): _NO_TARGET,
    int(RRType.SVCB): _NO_TARGET,
    int(RRType.HTTPS): _NO_TARGET,
    int(RRType.NSEC): _NO_TARGET,
    _RRSIG: 0,
}
# What may stand at a name of these flags without breaking a rule, if it is not too much of it; at a
# cut, if its servers are in order.
_HARMLESS: Final[dict[int, dict[int, int]]] = {
    0: _AT_HOST,
    CUT: _AT_CUT,
    OCCLUDED | GLUE: _ADDRESSES,
    HASHED: {int(RRType.NSEC3): _NO_TARGET, _RRSIG: 0},
}


def entries(held: Held) -> Iterator[tuple[int, int, int, bytes]]:
    """Place, type, TTL and rdata of each record of a name."""
    at = 0
    end = len(held)
    while at < end:
        where, rrtype, ttl, _, length = ENTRY.unpack_from(held, at)
        start = at + _RDATA_AT
        at = start + length
        yield where & _PLACE_MASK, rrtype, ttl, bytes(held[start:at])


def rdatas(held: Held, wanted: int) -> list[bytes]:
    """The data of one type."""
    found = []
    at = 0
    end = len(held)
    while at < end:
        rrtype = held[at + 8] << 8 | held[at + 9]
        start = at + _RDATA_AT
        at = start + (held[start - 2] << 8 | held[start - 1])
        if rrtype == wanted:
            found.append(bytes(held[start:at]))
    return found


def grouped(held: Held) -> list[Group]:
    """Records of one name as RRsets: doubles dropped, the lowest TTL for all (RFC 2181 sections 5
    and 5.2)."""
    groups: dict[int, Group] = {}
    for where, rrtype, ttl, rdata in entries(held):
        key = group_key(rrtype, rdata)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(rrtype, ttl, where)
        elif ttl != group.ttl:
            group.ttl = min(ttl, group.ttl)
            group.differs = group.differs or where
        group.rdatas.setdefault(canonical_rdata(rrtype, rdata), rdata)
    return list(groups.values())


def how_many(held: Held) -> int:
    """The number of records, doubles included."""
    return sum(1 for _ in entries(held))


def pack_plain(
    held: Held, flags: int, leads_well: Callable[[int, bytes], bool], keys: list[int]
) -> bytes | None:
    """The RRsets of a name of these flags, packed; None if there is anything about them that needs
    a closer look.

    `leads_well` is asked of each name that records of a type lead to, and of each signature as a
    whole, and says whether nothing can be wrong with it. `keys` gets what tells the RRsets apart
    (group_key).
    """
    harmless = _HARMLESS.get(flags)
    if harmless is None:
        return None
    end = _RDATA_AT + (held[_LENGTH_AT] << 8 | held[_LENGTH_AT + 1])
    if isinstance(held, bytearray) or end < len(held):
        return _pack_several(bytes(held), harmless, leads_well, keys)
    rrtype = held[_PLACE_OCTETS] << 8 | held[_PLACE_OCTETS + 1]
    kind = harmless.get(rrtype)
    if kind is None or (kind >= 0 and not leads_well(rrtype, held[_RDATA_AT + kind :])):
        return None
    keys.append(group_key(rrtype, held[_RDATA_AT:]) if rrtype == _RRSIG else rrtype)
    return held[_PLACE_OCTETS:]


def _pack_several(
    held: bytes, harmless: dict[int, int], leads_well: Callable[[int, bytes], bool], keys: list[int]
) -> bytes | None:
    end = len(held)
    if end > _MAX_PLAIN_OCTETS:
        return None
    # An entry behind its place is an RRset of one record as in a node.
    out = bytearray()
    known: list[bytes] = []  # the data of an RRset with several records
    head = b""
    rrtype = key = at = many = group_at = before_at = 0
    target_at = _NO_TARGET
    while at < end:
        found = held[at + _PLACE_OCTETS : at + _HEAD_END]
        start = at + _RDATA_AT
        following = start + (held[start - 2] << 8 | held[start - 1])
        if found != head or (rrtype == _RRSIG and key != group_key(rrtype, held[start:following])):
            head = found
            rrtype = found[0] << 8 | found[1]
            key = rrtype
            if rrtype == _RRSIG:
                key = group_key(rrtype, held[start:following])
            kind = harmless.get(rrtype)
            if kind is None or key in keys:
                return None  # a closer look; or scattered, or with two TTLs
            keys.append(key)
            target_at = kind
            group_at = len(out)
            out += held[at + _PLACE_OCTETS : following]
            many = 1
        else:
            data = held[start:following].lower()
            if many == 1:
                known = [held[before_at:at].lower()]
            if data in known:
                return None  # perhaps a double, whatever the spelling
            known.append(data)
            out += held[start - 2 : following]
            many += 1
            out[group_at + _COUNT_AT] = many
        if target_at >= 0 and not leads_well(rrtype, held[start + target_at : following]):
            return None
        before_at = start
        at = following
    if _CNAME in keys:
        return None
    return bytes(out)
