"""Denial by NSEC: which names' NSEC records prove that something is not there.

An NSEC record matches its own name, whose types it lists, and covers all names up to the next one.
As every name of the zone with records of its own is in the ring, "the last at or before" a name is
the one record that has something to say of it.

Knows: RFC 4034 sections 4 and 6.1, RFC 4035 section 3.1.3. Does not know: signatures, messages, the
records themselves.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone.content import OCCLUDED
from resolver.zone.groups import rdatas_in, types_in
from resolver.zone.ring import CHUNK_NAMES, Chunk, Key, Ring
from resolver.zone.table import Table

_NSEC: Final = int(RRType.NSEC)
_SCANNED: Final = 500
# dnssec-signzone has several threads, and writes what they sign as they get ready.
_MOST_EARLY: Final = 2_000
# A name with a record, and where that leads to.
_Link: TypeAlias = tuple[bytes, bytes]
_NO_LINK: Final[_Link] = (b"", b"")


class NsecDenial:
    """The NSEC records of one version, by the names that own them. `whole` says that each is known
    to lead to the next one."""

    __slots__ = ("ring", "whole")

    rrtype: Final = _NSEC
    order: Final[Key] = staticmethod(names.canonical_key)

    def __init__(self, ring: Ring, *, whole: bool = False) -> None:
        self.ring = ring
        self.whole = whole

    def of_type(self, name: bytes) -> list[bytes]:
        """That a name has not the type asked; an empty non-terminal has none, and shows in the gap
        that it is in (RFC 4035 section 3.1.3.1)."""
        return [self.ring.at_or_before(name)]

    def of_name(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That neither the name exists nor a wildcard for it (section 3.1.3.2)."""
        ring = self.ring
        source = names.wildcard(closest_encloser)
        return [ring.at_or_before(name), ring.at_or_before(source)]

    def of_closer_name(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That nothing is nearer to the name than the wildcard below its closest encloser
        (section 3.1.3.3)."""
        return [self.ring.at_or_before(name)]

    def of_wildcard_type(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That the wildcard for the name has not the type asked (section 3.1.3.4)."""
        return self.of_name(name, closest_encloser)

    def of_ds(self, cut: bytes) -> list[bytes]:
        """That a delegation is insecure (section 3.1.4)."""
        return self.of_type(cut)


def chained(nodes: Table[bytes], origin: bytes) -> Slices[list[Chunk]]:
    """Names with an NSEC record that may be answered with, in canonical order, if a new version has
    got them nearly in that order and each record leads to the next name; else nothing.

    So they come from signers and primaries, and each part of the table still has its names in the
    order that they came in. That takes far less time than to sort them, and to look for gaps.
    """
    parts = [iter(part.items()) for part in nodes.shards]
    early: dict[bytes, _Link] = {}  # that came before their turn
    chunks: list[Chunk] = []
    chunk: list[bytes] = []
    due = origin
    while True:
        name, leads_to = early.pop(due, _NO_LINK)
        if not name:
            name, leads_to = _link_of(due, parts[nodes.number(due)], early)
        if not name or not (leads_to == origin or _is_before(name, leads_to)):
            return []
        chunk.append(name)
        due = leads_to
        if len(chunk) == CHUNK_NAMES or due == origin:
            chunks.append(tuple(chunk))
            chunk = []
            yield
        if due == origin:
            break
    for count, part in enumerate(parts):
        _link_of(b"", part, early)
        if early:
            return []
        if count % CHUNK_NAMES == 0:
            yield
    return chunks


def _link_of(due: bytes, part: Iterator[tuple[bytes, bytes]], early: dict[bytes, _Link]) -> _Link:
    """A name with a record, as it is in the table, and where that leads to: nowhere if there are
    more than one. Takes note of others before it; no name if those are too many, or at the end."""
    for name, packed in part:
        if packed[0] & OCCLUDED:
            continue
        records = rdatas_in(packed, _NSEC)
        if not records:
            continue
        link = (name, next_name(records[0]) if len(records) == 1 else b"")
        if name == due:
            return link
        early[name] = link
        if len(early) > _MOST_EARLY:
            break
    return _NO_LINK


def _is_before(name: bytes, other: bytes) -> bool:
    """Whether it is in canonical order, for names that mostly have the same parent."""
    at = name[0] + 1
    end = other[0] + 1 if other else 0
    if name[at:] == other[end:]:
        return name[1:at] < other[1:end]
    return bool(other) and names.canonical_key(name) < names.canonical_key(other)


def owners(nodes: Table[bytes]) -> Slices[list[bytes]]:
    """Names with an NSEC record that may be answered with."""
    found: list[bytes] = []
    for count, (name, packed) in enumerate(nodes.items()):
        if has_nsec(packed):
            found.append(name)
        if count % _SCANNED == 0:
            yield
    return found


def has_nsec(packed: bytes) -> bool:
    """Whether a packed node owns an NSEC record in sight."""
    return not packed[0] & OCCLUDED and _NSEC in types_in(packed)


def next_name(rdata: bytes) -> bytes:
    """The next name of an NSEC record in lower case (RFC 4034 section 4.1.1)."""
    end = 0
    while rdata[end]:
        end += rdata[end] + 1
    return rdata[: end + 1].lower()
