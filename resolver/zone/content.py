"""One immutable version of a zone, as the lookup wants it: every node already classified.

A node is kept as one bytes object (flags, then its RRsets, packed) under its lower-case name, so a
zone of a million names is a million small strings that the garbage collector never visits; the
table they are in is shared by versions that differ little. `node`
unpacks one when it is asked for. What a name is (cut, glue, empty non-terminal, occluded, ...) is
decided once, when the version is made (zone/draft.py), and never changes: readers keep the version
they hold while another one takes its place.

Knows: RFC 1034 section 4.2, RFC 2308 sections 3 and 5, RFC 4034 section 6.1, RFC 9499 (the words).
Does not know: files, questions, other zones.
"""

from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING, Final

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.zone.table import Table

if TYPE_CHECKING:
    from resolver.zone.denial import Denial
    from resolver.zone.relations import Relations

# What a node is. A name may be several of these at once.
APEX: Final = 0x01
CUT: Final = 0x02  # NS below the apex: the child's side begins here (RFC 1034 section 4.2.1)
ENT: Final = 0x04  # empty non-terminal: it exists because of a name below it (RFC 4592 section 2.2)
OCCLUDED: Final = 0x08  # below a cut or a DNAME: part of the file, never an answer
GLUE: Final = 0x10  # an occluded address that some NS of this zone needs
HASHED: Final = 0x20  # the owner of NSEC3: a record, but no name (RFC 5155 section 7.2.8)
DNAME: Final = 0x40  # everything below is redirected (RFC 6672)
CASED: Final = 0x80  # the owner was written with capitals; it is stored in the node

PACKED_ENT: Final = bytes((ENT,))

_OCTETS: Final = [bytes((octet,)) for octet in range(256)]
_GROUP: Final = Struct(">HIH")  # type, TTL, number of records
_LENGTH: Final = Struct(">H")
_U32: Final = Struct(">I")
_RRSIG: Final = int(RRType.RRSIG)
_SOA: Final = int(RRType.SOA)
_NO_RRSETS: Final[dict[int, RRset]] = {}


class Node:
    """One name of a zone and its RRsets.

    `owner` keeps the case of the file. `rrsets` are by type; signatures are apart in `signatures`,
    by the type they cover, so that an answer and its proof are one look-up each.
    """

    __slots__ = ("flags", "owner", "rrsets", "signatures")

    def __init__(self, flags: int, owner: bytes) -> None:
        self.flags = flags
        self.owner = owner
        self.rrsets: dict[int, RRset] = {}
        self.signatures: dict[int, RRset] = _NO_RRSETS

    def of_type(self, rrtype: int) -> list[RRset]:
        """The RRsets that answer this type: one, none, or for RRSIG one for each covered type."""
        if rrtype == _RRSIG:
            return list(self.signatures.values())
        found = self.rrsets.get(rrtype)
        return [] if found is None else [found]

    def all(self) -> list[RRset]:
        """Every RRset, signatures last."""
        return [*self.rrsets.values(), *self.signatures.values()]


def pack_group(rrtype: int, ttl: int, rdatas: list[bytes]) -> bytes:
    """One RRset inside a node. Signatures are one group for each type they cover."""
    parts = [_GROUP.pack(rrtype, ttl, len(rdatas))]
    for rdata in rdatas:
        parts.append(_LENGTH.pack(len(rdata)))
        parts.append(rdata)
    return b"".join(parts)


def pack_node(flags: int, owner: bytes | None, groups: bytes) -> bytes:
    """A node for the table; `owner` only when its case differs from the key."""
    if owner is None:
        return _OCTETS[flags] + groups
    return bytes((flags | CASED, len(owner))) + owner + groups


def unpack_node(name: bytes, packed: bytes) -> Node:
    """The node that `pack_node` wrote under this lower-case name."""
    flags = packed[0]
    at = 1
    owner = name
    if flags & CASED:
        at = 2 + packed[1]
        owner = packed[2:at]
    node = Node(flags & ~CASED, owner)
    end = len(packed)
    while at < end:
        rrtype, ttl, count = _GROUP.unpack_from(packed, at)
        at += 8
        rdatas = []
        for _ in range(count):
            start = at + 2
            at = start + (packed[at] << 8 | packed[at + 1])
            rdatas.append(packed[start:at])
        rrset = RRset(owner, rrtype, RRClass.IN, ttl, tuple(rdatas))
        if rrtype == _RRSIG:
            if node.signatures is _NO_RRSETS:
                node.signatures = {}
            node.signatures[rdatas[0][0] << 8 | rdatas[0][1]] = rrset
        else:
            node.rrsets[rrtype] = rrset
    return node


class Zone:
    """A version of a zone. Nothing of it changes after it is made.

    `origin` is in lower case. `records` counts resource records, `size` names that have some.
    """

    __slots__ = (
        "_canonical",
        "apex",
        "denial",
        "denial_soa",
        "nodes",
        "ns",
        "origin",
        "records",
        "relations",
        "serial",
        "signed",
        "size",
        "soa",
    )

    def __init__(self, origin: bytes, nodes: Table[bytes], *, records: int, size: int) -> None:
        """`nodes` maps lower-case names to packed nodes; the apex must hold SOA and NS."""
        self.origin = origin
        self.records = records
        self.size = size
        self.nodes = nodes
        # Counted when the first change is made (zone/relations.py), and kept with the version.
        self.relations: Relations | None = None
        # How absence is proven (zone/denial.py): made with the version, or on first use.
        self.denial: Denial | None = None
        self._canonical: tuple[bytes, ...] | None = None
        self.apex = unpack_node(origin, nodes.get(origin) or PACKED_ENT)
        self.soa = self.apex.rrsets[RRType.SOA]
        self.ns = self.apex.rrsets[RRType.NS]
        self.signed = _SOA in self.apex.signatures
        serial, minimum = read_soa(self.soa.rdatas[0])
        self.serial = serial
        # The SOA as it goes into denials: its TTL says how long to remember them
        # (RFC 2308 section 3).
        self.denial_soa = RRset(
            self.soa.owner,
            RRType.SOA,
            RRClass.IN,
            min(self.soa.ttl, minimum),
            self.soa.rdatas,
        )

    def __repr__(self) -> str:
        return f"Zone({names.show(self.origin)} serial {self.serial}, {self.records} records)"

    def node(self, name: bytes) -> Node | None:
        """The node of a lower-case name, or None when the zone has no such name."""
        packed = self.nodes.get(name)
        if packed is None:
            return None
        return self.apex if name == self.origin else unpack_node(name, packed)

    def flags(self, name: bytes) -> int | None:
        """What a lower-case name is, without unpacking it; None when it does not exist."""
        packed = self.nodes.get(name)
        return None if packed is None else packed[0]

    def names(self) -> tuple[bytes, ...]:
        """Every name in canonical order (RFC 4034 section 6.1), empty non-terminals and occluded
        ones included. Sorted on first use and kept."""
        if self._canonical is None:
            self._canonical = tuple(sorted(self.nodes, key=names.canonical_key))
        return self._canonical

    def rrsets(self) -> Iterator[RRset]:
        """Every RRset of the zone, glue and occluded data included, the SOA first; names in the
        order of the file."""
        yield self.soa
        for name, packed in self.nodes.items():
            for rrset in unpack_node(name, packed).all():
                if rrset.rrtype != RRType.SOA:
                    yield rrset

    def packed_rrsets(self, most_octets: int) -> Iterator[tuple[bytes, bytes, int]]:
        """Every RRset but the SOA, in the order of the file, as groups (`pack_group`): the owner in
        its case, octets, and where in them its groups begin. A name with more than `most_octets`
        comes one record at a time."""
        for name, packed in self.nodes.items():
            at = 1
            owner = name
            if packed[0] & CASED:
                at = 2 + packed[1]
                owner = packed[2:at]
            if len(packed) > most_octets or name == self.origin:
                for record in _records_of(packed, at):
                    yield owner, record, 0
            elif len(packed) > at:
                yield owner, packed, at


def _records_of(packed: bytes, at: int) -> Iterator[bytes]:
    """Each record of a packed node but the SOA as a group of its own."""
    end = len(packed)
    while at < end:
        rrtype, ttl, count = _GROUP.unpack_from(packed, at)
        at += 8
        for _ in range(count):
            start = at + 2
            at = start + (packed[at] << 8 | packed[at + 1])
            if rrtype != _SOA:
                yield pack_group(rrtype, ttl, [packed[start:at]])


def read_soa(rdata: bytes) -> tuple[int, int]:
    """Serial and MINIMUM of an SOA's rdata (RFC 1035 section 3.3.13)."""
    serial: int = _U32.unpack_from(rdata, len(rdata) - 20)[0]
    minimum: int = _U32.unpack_from(rdata, len(rdata) - 4)[0]
    return serial, minimum
