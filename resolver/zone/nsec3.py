"""Denial by NSEC3: names are hashed, and the gaps between the hashes denied.

A name that does not exist is shown not to by its closest encloser, whose NSEC3 record matches, and
by the gap in which the hash of the next closer name lies. With opt-out, insecure delegations (and
empty non-terminals above only such) have no NSEC3 record: there the closest encloser that has one,
the closest provable encloser, stands for them.

The number of hashes for one answer is bounded by labels of names that are in the zone, never by
those of the question; how much one hash costs is bounded when the zone is read (zone/signing.py).

Knows: RFC 5155 sections 3, 4, 5 and 7.2. Does not know: signatures, messages, other NSEC3 chains of
the same zone.
"""

from base64 import b32hexencode
from hashlib import sha1
from typing import Final, NamedTuple

from resolver import names
from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone.content import HASHED, OCCLUDED, unpack_node
from resolver.zone.ring import Key, Ring
from resolver.zone.table import Table

SHA1: Final = 1  # the only hash there is (RFC 5155 section 11)

_NSEC3: Final = int(RRType.NSEC3)
_SCANNED: Final = 500
_HASH_LABEL_OCTETS: Final = 32  # 20 octets in base 32


class Parameters(NamedTuple):
    """How names are hashed. `iterations` are additional rounds (RFC 5155 section 3.1.3)."""

    algorithm: int
    iterations: int
    salt: bytes

    def hash(self, name: bytes) -> bytes:
        """The hash of a lower-case name (RFC 5155 section 5)."""
        salt = self.salt
        digest = sha1(name + salt, usedforsecurity=False).digest()
        for _ in range(self.iterations):
            digest = sha1(digest + salt, usedforsecurity=False).digest()
        return digest


class HashCollisionError(Exception):
    """A name that does not exist has an NSEC3 record: the hash of another name, or a record that
    should have gone (RFC 5155 section 7.2.9)."""


def read_parameters(rdata: bytes) -> tuple[Parameters, int]:
    """Parameters and flags of the data of an NSEC3PARAM or NSEC3 record, which begin alike."""
    iterations = rdata[2] << 8 | rdata[3]
    salt = rdata[5 : 5 + rdata[4]]
    return Parameters(rdata[0], iterations, salt), rdata[1]


def next_hash(rdata: bytes) -> bytes:
    """The next hashed owner name of an NSEC3 record (RFC 5155 section 3.1.7)."""
    at = 5 + rdata[4]
    return rdata[at + 1 : at + 1 + rdata[at]]


def hashed_owner(digest: bytes, origin: bytes) -> bytes:
    """The owner of the NSEC3 record of a hash, in lower case (RFC 5155 section 3)."""
    label = b32hexencode(digest).lower()
    return bytes((len(label),)) + label + origin


class Nsec3Denial:
    """The NSEC3 records of one version and one chain, by the names that own them."""

    __slots__ = ("_origin", "parameters", "ring")

    rrtype: Final = _NSEC3
    # Base 32 with the extended hex alphabet keeps the order of what it encodes.
    order: Final[Key] = bytes

    def __init__(self, ring: Ring, parameters: Parameters, origin: bytes) -> None:
        self.ring = ring
        self.parameters = parameters
        self._origin = origin

    def of_type(self, name: bytes) -> list[bytes]:
        """That a name has not the type asked (RFC 5155 sections 7.2.3 and 7.2.4)."""
        owner = self._owner(name)
        if owner in self.ring:
            return [owner]
        proof, _ = self._encloser(name, names.parent(name))
        return proof

    def of_name(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That neither the name exists nor a wildcard for it (RFC 5155 section 7.2.2)."""
        proof, provable = self._encloser(name, closest_encloser)
        return [*proof, self._covering(names.wildcard(provable))]

    def of_closer_name(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That nothing is nearer to the name than the wildcard below its closest encloser, which
        the answer itself shows to be there (RFC 5155 section 7.2.6)."""
        return [self._covering(_next_closer(name, closest_encloser))]

    def of_wildcard_type(self, name: bytes, closest_encloser: bytes) -> list[bytes]:
        """That the wildcard for the name has not the type asked (RFC 5155 section 7.2.5)."""
        proof, _ = self._encloser(name, closest_encloser)
        return [*proof, *self.of_type(names.wildcard(closest_encloser))]

    def of_ds(self, cut: bytes) -> list[bytes]:
        """That a delegation is insecure (RFC 5155 section 7.2.7)."""
        return self.of_type(cut)

    def _encloser(self, name: bytes, closest_encloser: bytes) -> tuple[list[bytes], bytes]:
        """The closest encloser proof (RFC 5155 section 7.2.1), and the encloser it is about: the
        given one, or the nearest above it that can be proven."""
        encloser = closest_encloser
        while (matching := self._owner(encloser)) not in self.ring:
            if len(encloser) <= len(self._origin):
                return [self._covering(_next_closer(name, encloser))], encloser
            encloser = names.parent(encloser)
        return [matching, self._covering(_next_closer(name, encloser))], encloser

    def _owner(self, name: bytes) -> bytes:
        return hashed_owner(self.parameters.hash(name), self._origin)

    def _covering(self, name: bytes) -> bytes:
        """The owner of the NSEC3 record in whose gap the hash of a name lies. Raises
        HashCollisionError."""
        wanted = self._owner(name)
        found = self.ring.at_or_before(wanted)
        if found == wanted:
            raise HashCollisionError(names.show(name))
        return found


def _next_closer(name: bytes, encloser: bytes) -> bytes:
    """The name one label longer than an ancestor, towards the name (RFC 5155 section 1.3)."""
    return names.suffix(name, names.count_labels(encloser) + 1)


def chain_of(packed: bytes, name: bytes) -> set[Parameters]:
    """The chains that a packed node is a member of."""
    records = unpack_node(name, packed).rrsets.get(_NSEC3)
    return set() if records is None else {read_parameters(rdata)[0] for rdata in records.rdatas}


def owners(nodes: Table[bytes], parameters: Parameters, origin: bytes) -> Slices[list[bytes]]:
    """Names whose NSEC3 record belongs to the chain with these parameters."""
    found: list[bytes] = []
    for count, (name, packed) in enumerate(nodes.items()):
        if is_member(name, packed, parameters, origin):
            found.append(name)
        if count % _SCANNED == 0:
            yield
    return found


def is_member(name: bytes, packed: bytes, parameters: Parameters, origin: bytes) -> bool:
    """Whether a packed node is the NSEC3 record of a hash in the chain with these parameters."""
    return (
        packed[0] & (HASHED | OCCLUDED) == HASHED
        and len(name) == _HASH_LABEL_OCTETS + 1 + len(origin)
        and name[0] == _HASH_LABEL_OCTETS
        and parameters in chain_of(packed, name)
    )
