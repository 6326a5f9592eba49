"""Denial by NSEC: which names' NSEC records prove that something is not there.

An NSEC record matches its own name, whose types it lists, and covers all names up to the next one.
As every name of the zone with records of its own is in the ring, "the last at or before" a name is
the one record that has something to say of it.

Knows: RFC 4034 sections 4 and 6.1, RFC 4035 section 3.1.3. Does not know: signatures, messages, the
records themselves.
"""

from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone.content import OCCLUDED
from resolver.zone.groups import types_in
from resolver.zone.ring import Key, Ring
from resolver.zone.table import Table

_NSEC: Final = int(RRType.NSEC)
_SCANNED: Final = 500


class NsecDenial:
    """The NSEC records of one version, by the names that own them."""

    __slots__ = ("ring",)

    rrtype: Final = _NSEC
    order: Final[Key] = staticmethod(names.canonical_key)

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

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
