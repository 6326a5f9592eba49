"""The cache on disk: written now and then and at the end, read at start (C06).

    magic and version, the wall clock, the origin of the data    8 octets, a double, 32 bits
    blocks: length, CRC-32, entries                              two 32-bit numbers, octets
    the end: length 0, and how many entries there are            two 32-bit numbers

Times are kept as the seconds that were left, expired ones that may still be served stale included;
the time between writing and reading is taken off. A file that is not whole is not used at all.
Written beside the old one, forced to disk, then put in its place: a crash leaves one or the other.

The only module of this package that touches the disk, and only in `read` and `write`, which are for
a worker thread. Knows: the caches. Does not know: when, and where.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

from resolver.cache.caches import Caches
from resolver.cache.delegations import Delegation
from resolver.cache.negative import Kept
from resolver.cache.rrsets import CachedRRset, standing_of
from resolver.durable import bring_to_disk, put_in_place
from resolver.errors import SnapshotError
from resolver.model import Rank, RRset, Security
from resolver.slices import Slices

MAGIC: Final = b"RWCACHE\x01"  # the last octet is the version
_HEAD: Final = Struct(">8sdI")
_BLOCK: Final = Struct(">II")
_BLOCK_OCTETS: Final = 32_768  # a block is ended when it has this much
_SLICE_ENTRIES: Final = 100  # between two breaks: a millisecond or so
_RRSET: Final = Struct(">HHIH")  # type, class, TTL, number of records
_LENGTH: Final = Struct(">H")
_ANSWER: Final = Struct(">BBBi")  # kind, rank, security, seconds left
_DENIAL: Final = Struct(">BBHi")  # kind, whether all below is denied, type, seconds left
_DELEGATION: Final = Struct(">Bi")
_TYPE_OCTETS: Final = 2
# No answer is right for longer than this whatever a file says (RFC 2181 section 8).
_MAX_LEFT_S: Final = 2**31 - 1


class Kind(IntEnum):
    """What an entry is: its first octet."""

    ANSWER = 0
    DENIAL = 1
    DELEGATION = 2


def write(path: Path, blocks: list[bytes]) -> None:
    """Put a dump in the place of the file. Blocks. Raises OSError; the old file is then intact."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.writelines(blocks)
        bring_to_disk(file)
    put_in_place(temporary, path)


def read(path: Path, max_octets: int) -> bytes | None:
    """The file, or None when there is none. Blocks. Raises OSError, and SnapshotError for one that
    is larger than it can have become."""
    try:
        with path.open("rb") as file:
            data = file.read(max_octets + 1)
    except FileNotFoundError:
        return None
    if len(data) > max_octets:
        raise SnapshotError(f"more than {max_octets} octets")
    return data


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the two clocks; and a number that stands for where the data comes from (root,
    stub and forward zones), since that of another tree would be wrong."""

    now: float
    wall: float
    origin: int


def dump(caches: Caches, moment: Moment, *, max_stale_s: float) -> Slices[list[bytes]]:
    """The content of a snapshot, in pieces to be written one behind the other. What has expired for
    longer than `max_stale_s` is left out."""
    blocks = [_HEAD.pack(MAGIC, moment.wall, moment.origin)]
    second = int(moment.now)
    entries: list[bytes] = []
    octets = count = 0
    for entry in _entries(caches, second, second - int(max_stale_s)):
        if entry is not None:
            entries.append(entry)
            octets += len(entry)
            count += 1
        else:
            yield
        if octets >= _BLOCK_OCTETS:
            blocks.append(_sealed(b"".join(entries)))
            entries, octets = [], 0
    blocks.append(_sealed(b"".join(entries)) if entries else b"")
    blocks.append(_BLOCK.pack(0, count))
    return blocks


def _sealed(payload: bytes) -> bytes:
    return _BLOCK.pack(len(payload), crc32(payload)) + payload


def _entries(caches: Caches, second: int, oldest: int) -> Iterator[bytes | None]:
    """Every entry, and None where it is time for a break."""
    for number, key in enumerate(chain.from_iterable(caches.rrsets.map.keys())):
        if number % _SLICE_ENTRIES == 0:
            yield None
        answer = caches.rrsets.map.peek(key)
        if answer is not None and answer.expires_at > oldest:
            yield _pack_answer(answer.value, answer.expires_at - second)
    for number, key in enumerate(chain.from_iterable(caches.negatives.map.keys())):
        if number % _SLICE_ENTRIES == 0:
            yield None
        denial = caches.negatives.map.peek(key)
        if denial is not None and denial.expires_at > oldest:
            yield _pack_denial(key, denial.value, denial.expires_at - second)
    for number, key in enumerate(chain.from_iterable(caches.delegations.map.keys())):
        if number % _SLICE_ENTRIES == 0:
            yield None
        delegation = caches.delegations.map.peek(key)
        if delegation is not None and delegation.expires_at > second:
            yield _pack_delegation(delegation.value, delegation.expires_at - second)


def _pack_answer(value: CachedRRset, left_s: int) -> bytes:
    head = _ANSWER.pack(Kind.ANSWER, value.rank, value.security, left_s)
    return head + _pack_rrset(value.rrset) + _pack_strings(value.signatures)


def _pack_denial(key: bytes, value: Kept, left_s: int) -> bytes:
    rrtype = int.from_bytes(key[-_TYPE_OCTETS:], "big")
    head = _DENIAL.pack(Kind.DENIAL, value.below, rrtype, left_s) + key[:-_TYPE_OCTETS]
    proof = b"".join(map(_pack_rrset, value.proof))
    return head + _pack_rrset(value.soa) + _LENGTH.pack(len(value.proof)) + proof


def _pack_delegation(value: Delegation, left_s: int) -> bytes:
    parts = [_DELEGATION.pack(Kind.DELEGATION, left_s), value.zone, _pack_strings(value.servers)]
    parts.append(_LENGTH.pack(len(value.glue)))
    for server, texts in value.glue.items():
        parts += [server, _pack_strings(tuple(text.encode() for text in texts))]
    return b"".join(parts)


def _pack_rrset(rrset: RRset) -> bytes:
    head = _RRSET.pack(rrset.rrtype, rrset.rrclass, rrset.ttl, len(rrset.rdatas))
    rdatas = b"".join([_LENGTH.pack(len(rdata)) + rdata for rdata in rrset.rdatas])
    return rrset.owner + head + rdatas


def _pack_strings(strings: tuple[bytes, ...]) -> bytes:
    return _LENGTH.pack(len(strings)) + b"".join(_LENGTH.pack(len(s)) + s for s in strings)


def restore(data: bytes, caches: Caches, moment: Moment) -> Slices[int]:
    """Put a dump back into the caches; how many entries it had. The wall clock tells how much time
    has passed. Raises SnapshotError; of a file that is damaged nothing has been put back then."""
    if len(data) < _HEAD.size + _BLOCK.size or data[: len(MAGIC)] != MAGIC:
        raise SnapshotError("no snapshot of this version")
    _, written_at, origin = _HEAD.unpack_from(data)
    if origin != moment.origin:
        raise SnapshotError("made with another root, or other stub and forward zones")
    now = moment.now
    passed_s = moment.wall - written_at
    if not passed_s < _MAX_LEFT_S:
        raise SnapshotError("its time of writing makes no sense")
    blocks, total = yield from _checked_blocks(data)
    # A clock that was set back must not make anything younger.
    second = int(now) - max(0, int(passed_s))
    count = 0
    try:
        for start, end in blocks:
            reader = _Reader(data, start)
            while reader.at < end:
                reader.restore_entry(caches, second, now)
                count += 1
                if count % _SLICE_ENTRIES == 0:
                    yield
    except (struct.error, IndexError, ValueError) as error:
        raise SnapshotError(f"entry {count + 1} cannot be read: {error}") from error
    if count != total:
        raise SnapshotError(f"{count} entries instead of {total}")
    return count


def _checked_blocks(data: bytes) -> Slices[tuple[list[tuple[int, int]], int]]:
    """Where each block begins and ends, and the number of entries; only of a file that is whole."""
    blocks: list[tuple[int, int]] = []
    at = _HEAD.size
    while at + _BLOCK.size <= len(data):
        length, check = _BLOCK.unpack_from(data, at)
        at += _BLOCK.size
        if not length:
            if at != len(data):
                raise SnapshotError("something stands behind its end")
            return blocks, check
        if at + length > len(data) or crc32(data[at : at + length]) != check:
            raise SnapshotError(f"block {len(blocks) + 1} is damaged")
        blocks.append((at, at + length))
        at += length
        yield
    raise SnapshotError("it ends too early")


class _Reader:
    """Reads what the functions above packed. Raises struct.error, IndexError or ValueError."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def restore_entry(self, caches: Caches, second: int, now: float) -> None:
        """The next entry, into its cache; `second` is when the seconds left began to count."""
        match self.data[self.at]:
            case Kind.ANSWER:
                caches.rrsets.restore(self._answer(second), now=now)
            case Kind.DENIAL:
                key, value, expires_at = self._denial(second)
                caches.negatives.restore(key, value, now=now, expires_at=expires_at)
            case Kind.DELEGATION:
                caches.delegations.restore(self._delegation(second), now=now)
            case kind:
                raise ValueError(f"kind {kind}")

    def _answer(self, second: int) -> CachedRRset:
        _, rank, security, left_s = self._unpack(_ANSWER)
        rrset = self._rrset()
        expires_at = second + min(left_s, rrset.ttl)
        signatures = self._strings()
        standing = standing_of(Rank(rank), Security(security))
        return CachedRRset(rrset, standing, expires_at, signatures)

    def _denial(self, second: int) -> tuple[bytes, Kept, int]:
        _, below, rrtype, left_s = self._unpack(_DENIAL)
        key = self._name() + rrtype.to_bytes(_TYPE_OCTETS, "big")
        soa = self._rrset()
        (count,) = self._unpack(_LENGTH)
        proof = tuple(self._rrset() for _ in range(count))
        return key, Kept(soa, bool(below), proof), second + min(left_s, soa.ttl)

    def _delegation(self, second: int) -> Delegation:
        _, left_s = self._unpack(_DELEGATION)
        zone = self._name()
        servers = self._strings()
        (count,) = self._unpack(_LENGTH)
        glue = {}
        for _ in range(count):
            server = self._name()
            glue[server] = tuple(text.decode("ascii") for text in self._strings())
        return Delegation(zone, servers, glue, expires_at=second + left_s)

    def _rrset(self) -> RRset:
        owner = self._name()
        rrtype, rrclass, ttl, count = self._unpack(_RRSET)
        return RRset(owner, rrtype, rrclass, ttl, tuple(self._string() for _ in range(count)))

    def _strings(self) -> tuple[bytes, ...]:
        (count,) = self._unpack(_LENGTH)
        return tuple(self._string() for _ in range(count))

    def _string(self) -> bytes:
        (length,) = self._unpack(_LENGTH)
        start, self.at = self.at, self.at + length
        return self.data[start : self.at]

    def _name(self) -> bytes:
        start = at = self.at
        while octets := self.data[at]:
            at += octets + 1
        self.at = at + 1
        return self.data[start : self.at]

    def _unpack(self, form: Struct) -> tuple[int, ...]:
        found: tuple[int, ...] = form.unpack_from(self.data, self.at)
        self.at += form.size
        return found
