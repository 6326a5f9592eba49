"""Differences and versions as octets, for a journal.

The form is ours alone and has no version of its own: the journal that holds it has one. What is
read here was sealed when it was written, so nothing is checked a second time.

Knows: the packed nodes of zone/content.py. Does not know: files, databases.
"""

from collections.abc import Iterator
from itertools import chain
from struct import Struct
from typing import Final

from resolver.codes import RRClass
from resolver.model import RRset
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.table import Edit

# A part of a zone that is read or written at once: about a thousand names, a millisecond of work.
CHUNK_OCTETS: Final = 64 * 1024

_COUNTS: Final = Struct(">IIII")  # serials, RRsets removed, RRsets added
_RRSET: Final = Struct(">HIH")  # type, TTL, number of records
_LENGTH: Final = Struct(">H")
_SIZE: Final = Struct(">I")
# Of names and of most nodes, so that they need not be made for each.
_OCTETS: Final = [bytes((octet,)) for octet in range(256)]
_FEW: Final = 1_024
_SIZES: Final = [_SIZE.pack(size) for size in range(_FEW)]


def pack_diff(diff: Diff) -> bytes:
    """A difference but for the name of its zone."""
    counts = (diff.from_serial, diff.to_serial, len(diff.removed), len(diff.added))
    # Not joined at the end: that holds up every other thread, and so does freeing all the parts.
    packed = bytearray(_COUNTS.pack(*counts))
    for rrset in chain(diff.removed, diff.added):
        packed += bytes((len(rrset.owner),)) + rrset.owner
        packed += _RRSET.pack(rrset.rrtype, rrset.ttl, len(rrset.rdatas))
        for rdata in rrset.rdatas:
            packed += _LENGTH.pack(len(rdata))
            packed += rdata
    return bytes(packed)


def unpack_diff(origin: bytes, data: bytes) -> Diff:
    """What `pack_diff` made."""
    from_serial, to_serial, removed, added = _COUNTS.unpack_from(data)
    gone: list[RRset] = []
    come: list[RRset] = []
    records = 0
    at = _COUNTS.size
    for number in range(removed + added):
        owner_at = at + 1
        at = owner_at + data[at]
        owner = data[owner_at:at]
        rrtype, ttl, count = _RRSET.unpack_from(data, at)
        at += _RRSET.size
        records += count
        rdatas = []
        for _ in range(count):
            start = at + 2
            at = start + (data[at] << 8 | data[at + 1])
            rdatas.append(data[start:at])
        rrset = RRset(owner, rrtype, RRClass.IN, ttl, tuple(rdatas))
        (gone if number < removed else come).append(rrset)
    return Diff(origin, from_serial, to_serial, tuple(gone), tuple(come), records)


def pack_zone(zone: Zone) -> Iterator[bytes]:
    """The names of a version in chunks of about CHUNK_OCTETS."""
    parts: list[bytes] = []
    octets = 0
    for shard in zone.nodes.shards:
        for name, packed in shard.items():
            size = len(packed)
            length = _SIZES[size] if size < _FEW else _SIZE.pack(size)
            parts += (_OCTETS[len(name)], name, length, packed)
            octets += len(name) + size
            if octets >= CHUNK_OCTETS:
                yield b"".join(parts)
                parts.clear()
                octets = 0
    yield b"".join(parts)


def unpack_names(chunk: bytes, nodes: Edit[bytes]) -> None:
    """Put the names of a chunk into a table."""
    at = 0
    end = len(chunk)
    while at < end:
        name_at = at + 1
        at = name_at + chunk[at]
        name = chunk[name_at:at]
        start = at + 4
        at = start + int.from_bytes(chunk[at:start])
        nodes.shard(name)[name] = chunk[start:at]
