"""PTR records that follow the addresses of other zones: which there should be, and the next version
of a reverse zone that has them.

A pointer is made for every A and AAAA that the zone itself answers with: not below a delegation or
a DNAME, not at a wildcard. What somebody else put into the reverse zone is never touched: only
pointers that are known to be ours are removed, and beside records of others ours take their TTL.

Knows: RFC 1035 section 3.5 (in-addr.arpa), RFC 3596 section 2.5 (ip6.arpa), RFC 2181 section 5.2
(one TTL for an RRset), RFC 1995 section 4. Does not know: which zones are ours, what was made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.slices import Slices
from resolver.zone import diff as diffs_of
from resolver.zone import zonemd
from resolver.zone.amend import with_serial
from resolver.zone.classify import COVERS, covering
from resolver.zone.content import CASED, CUT, HASHED, OCCLUDED, Zone
from resolver.zone.diff import Diff
from resolver.zone.groups import unpack_groups

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_PTR: Final = int(RRType.PTR)
_CNAME: Final = int(RRType.CNAME)
_IPV4_TREE: Final = names.read("in-addr.arpa.")
_IPV6_TREE: Final = names.read("ip6.arpa.")
_IPV4_OCTETS: Final = 4
_IPV4_LABELS: Final = [bytes((len(str(n)),)) + str(n).encode() for n in range(256)]
_IPV6_LABELS: Final = [f"\1{n & 15:x}\1{n >> 4:x}".encode() for n in range(256)]
_WILDCARD: Final = b"\1*"
_NOT_OURS: Final = CUT | OCCLUDED | HASHED
# The type at the start of a packed RRset, its TTL and how many records it has.
_GROUP: Final = Struct(">HIH")
# Where these are, there is no place for a pointer.
IN_THE_WAY: Final = frozenset(map(int, (RRType.CNAME, RRType.NS, RRType.DNAME)))
# Changes of one version of a reverse zone.
MAX_MOVES: Final = 2_000
# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 100
_SLICE_SCANNED: Final = 500

# Owner in a reverse zone, with its length before it, and the name that it points to, both in lower
# case. No tuple: a dictionary of those is searched for garbage whenever some of them are new.
Pointer: TypeAlias = bytes


@dataclass(frozen=True, slots=True)
class Moves:
    """Pointers that are wanted no more, and those that are, each with the TTL of its address."""

    gone: dict[Pointer, int] = field(default_factory=dict)
    came: dict[Pointer, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repointed:
    """The next version of a reverse zone and what leads to it, None if nothing changes; and which
    pointers are ours from then on, or no more."""

    zone: Zone
    diff: Diff | None
    more: Set[Pointer]
    less: Set[Pointer]


def is_reverse(origin: bytes) -> bool:
    """Whether a zone of this lower-case name holds names of addresses."""
    return any(names.is_within(origin, tree) for tree in (_IPV4_TREE, _IPV6_TREE))


def owner_of(address: bytes) -> bytes:
    """The name of an address of 4 or 16 octets."""
    labels, tree = _IPV4_LABELS, _IPV4_TREE
    if len(address) > _IPV4_OCTETS:
        labels, tree = _IPV6_LABELS, _IPV6_TREE
    return b"".join([labels[octet] for octet in reversed(address)]) + tree


def pointer_of(owner: bytes, target: bytes) -> Pointer:
    """The pointer from one name to another, both in lower case."""
    return len(owner).to_bytes(1, "big") + owner + target


def ends(pointer: Pointer) -> tuple[bytes, bytes]:
    """Its owner and its target."""
    end = 1 + pointer[0]
    return pointer[1:end], pointer[end:]


def moves(old: Zone | None, new: Zone | None) -> Slices[Moves]:
    """How the pointers to the names of a zone differ between two versions; None for no zone.

    Names that both versions share are not even looked at.
    """
    gone: dict[Pointer, int] = {}
    came: dict[Pointer, int] = {}
    for zone, other, found in ((old, new, gone), (new, old, came)):
        if zone is None:
            continue
        for number, (name, packed) in enumerate(_unshared(zone, other)):
            if other is None or packed != other.nodes.get(name):
                found.update(_pointers(name, packed))
            if number % _SLICE_SCANNED == 0:
                yield
    for number, pointer in enumerate(list(gone)):
        if pointer in came:
            if came[pointer] == gone[pointer]:
                del came[pointer]
            del gone[pointer]
        if number % _SLICE_SCANNED == 0:
            yield
    return Moves(gone, came)


def _unshared(zone: Zone, other: Zone | None) -> Iterator[tuple[bytes, bytes]]:
    """The nodes of a version but for those in parts that it shares with another."""
    if other is None:
        yield from zone.nodes.items()
        return
    for part, beside_it in zone.nodes.pairs(other.nodes):
        if part is not beside_it:
            yield from part.items()


def _pointers(name: bytes, packed: bytes) -> Iterator[tuple[Pointer, int]]:
    """The pointers that a packed node asks for, with their TTLs."""
    flags = packed[0]
    if flags & _NOT_OURS or name.startswith(_WILDCARD):
        return
    at = 2 + packed[1] if flags & CASED else 1
    end = len(packed)
    while at < end:
        rrtype, ttl, count = _GROUP.unpack_from(packed, at)
        at += _GROUP.size
        for _ in range(count):
            start = at + 2
            at = start + (packed[at] << 8 | packed[at + 1])
            if rrtype in (_A, _AAAA):
                yield pointer_of(owner_of(packed[start:at]), name), ttl


def repoint(
    zone: Zone, ours: Set[Pointer], wanted: Moves, *, bump: Callable[[int], int]
) -> Slices[Repointed]:
    """What these moves make of a reverse zone in which some pointers are `ours`."""
    change = _Change(zone, ours)
    owners: dict[bytes, tuple[list[bytes], dict[bytes, int]]] = {}
    for number, pointer in enumerate(wanted.gone):
        owner, target = ends(pointer)
        owners.setdefault(owner, ([], {}))[0].append(target)
        if number % _SLICE_SCANNED == 0:
            yield
    for number, (pointer, ttl) in enumerate(wanted.came.items()):
        owner, target = ends(pointer)
        owners.setdefault(owner, ([], {}))[1][target] = ttl
        if number % _SLICE_SCANNED == 0:
            yield
    for number, owner in enumerate(list(owners)):
        change.at(owner, *owners.pop(owner))
        if number % _SLICE_NAMES == 0:
            yield
    if not (change.removed or change.added):
        return Repointed(zone, None, change.more, change.less)
    return (yield from _conclude(zone, change, bump(zone.serial)))


def _conclude(zone: Zone, change: "_Change", serial: int) -> Slices[Repointed]:
    soa = zone.soa
    moved = RRset(soa.owner, soa.rrtype, RRClass.IN, soa.ttl, (with_serial(soa.rdatas[0], serial),))
    removed, added = (soa, *change.removed), (moved, *change.added)
    diff = Diff(zone.origin, zone.serial, serial, removed, added)
    made = yield from diffs_of.apply(zone, diff)
    whole = yield from zonemd.renewed(made)
    if whole is not made:
        diff = yield from diffs_of.compute(zone, whole)
    return Repointed(whole, diff, change.more, change.less)


class _Change:
    """Records of a reverse zone that go and come."""

    def __init__(self, zone: Zone, ours: Set[Pointer]) -> None:
        self.removed: list[RRset] = []
        self.added: list[RRset] = []
        self.more: set[Pointer] = set()
        self.less: set[Pointer] = set()
        self._zone = zone
        self._ours = ours

    def at(self, owner: bytes, gone: Iterable[bytes], came: Mapping[bytes, int]) -> None:
        """What changes at one name."""
        packed = self._zone.nodes.get(owner)
        groups = unpack_groups(packed) if packed else {}
        group = groups.get(_PTR)
        held = group.rdatas if group is not None else {}
        less = [target for target in gone if pointer_of(owner, target) in self._ours]
        self.less.update(pointer_of(owner, target) for target in less)
        new: list[bytes] = []
        if _CNAME not in groups and not self._is_delegated(owner):
            new = [target for target in came if target not in held]
        self.more.update(pointer_of(owner, target) for target in new)
        out = [held[target] for target in less if target in held]
        kept = [target for target in held if target not in less]
        ttl = min(came.values(), default=0)
        if group is not None and kept:
            if any(pointer_of(owner, target) not in self._ours for target in kept):
                ttl = group.ttl
            else:
                rest = [] if all(target in came for target in kept) else [group.ttl]
                ttl = min([*came.values(), *rest])
        if group is not None and kept and ttl != group.ttl:
            self._take(self.removed, owner, group.ttl, held.values())
            self._take(self.added, owner, ttl, [*(held[target] for target in kept), *new])
        else:
            self._take(self.removed, owner, group.ttl if group is not None else 0, out)
            self._take(self.added, owner, ttl, new)

    def _is_delegated(self, owner: bytes) -> bool:
        return self._covers(owner) or (covering(owner, self._zone.origin, self._covers) is not None)

    def _covers(self, name: bytes) -> bool:
        packed = self._zone.nodes.get(name)
        return packed is not None and packed[0] & COVERS != 0

    def _take(self, where: list[RRset], owner: bytes, ttl: int, rdatas: Iterable[bytes]) -> None:
        found = tuple(rdatas)
        if found:
            where.append(RRset(owner, _PTR, RRClass.IN, ttl, found))


def without(zone: Zone, ours: Set[Pointer]) -> Slices[Zone]:
    """The same version but for what is ours."""
    made = yield from repoint(zone, ours, Moves(gone=dict.fromkeys(ours, 0)), bump=_same)
    return made.zone


def beside(file: Zone, served: Zone, ours: Set[Pointer]) -> Slices[tuple[Zone, set[Pointer]]]:
    """What a file holds, with those of our pointers that are served and not in it; and those that
    are in it, which are its author's from now on."""
    written: set[Pointer] = set()
    came: dict[Pointer, int] = {}
    for number, pointer in enumerate(ours):
        if _ttl(file, pointer) is not None:
            written.add(pointer)
        elif (ttl := _ttl(served, pointer)) is not None:
            came[pointer] = ttl
        if number % _SLICE_NAMES == 0:
            yield
    if file.signed or not came:
        return file, written
    left = ours - written if written else ours  # a copy of very many takes some milliseconds
    made = yield from repoint(file, left, Moves(came=came), bump=_same)
    yield from _drop(came)
    return made.zone, written


def _drop(pointers: dict[Pointer, int]) -> Slices[None]:
    """Let go of what may be very many."""
    while pointers:
        for _ in range(min(_SLICE_SCANNED, len(pointers))):
            pointers.popitem()
        yield


def compared(ours: Set[Pointer], wanted: dict[Pointer, int]) -> Slices[Moves]:
    """What leads from our pointers to those that are wanted."""
    gone: dict[Pointer, int] = {}
    for number, pointer in enumerate(ours):
        if pointer not in wanted:
            gone[pointer] = 0
        if number % _SLICE_SCANNED == 0:
            yield
    return Moves(gone, wanted)


def parts(wanted: Moves) -> Iterator[Moves]:
    """The same in parts, each of which a version is made of without anybody waiting for it; one
    part, unless there is very much, which is used up then."""
    if 0 < len(wanted.gone) + len(wanted.came) <= MAX_MOVES:
        yield wanted
        return
    for rest in (wanted.gone, wanted.came):
        while rest:
            some = dict(rest.popitem() for _ in range(min(MAX_MOVES, len(rest))))
            yield Moves(gone=some) if rest is wanted.gone else Moves(came=some)


def _ttl(zone: Zone, pointer: Pointer) -> int | None:
    """The TTL of a pointer, None when it is not there."""
    owner, target = ends(pointer)
    packed = zone.nodes.get(owner)
    group = unpack_groups(packed).get(_PTR) if packed else None
    return group.ttl if group is not None and target in group.rdatas else None


def _same(serial: int) -> int:
    return serial
