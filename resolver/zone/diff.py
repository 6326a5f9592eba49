"""Differences between two versions of a zone.

Knows: RFC 1995 section 4 (what a difference sequence says).
"""

from dataclasses import dataclass

from resolver.model import RRset


@dataclass(frozen=True, slots=True)
class Diff:
    """What leads from one version to the next: records to remove, then records to add.

    The first RRset of each is the SOA, the old one and the new one (RFC 1995 section 4). An RRset
    here holds only the records that go or come, not all of that name and type. A change of TTL is
    the removal of every record of an RRset and the addition of each with the new one.
    """

    origin: bytes
    from_serial: int
    to_serial: int
    removed: tuple[RRset, ...]
    added: tuple[RRset, ...]
