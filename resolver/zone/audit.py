"""The rules of zones (zone/check.py) applied to a finished version.

A file is checked while its zone is made. A version that was made by a change has to keep the same
rules, or its file would be refused when it is read again; this looks at the names a change touched
and at the apex, whose name servers may have lost their addresses.

Knows: how a version packs its names. Does not know: what the rules are, who made the change.
"""

from collections.abc import Iterable
from typing import Final

from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone import check
from resolver.zone.classify import COVERS, covering
from resolver.zone.content import CASED, ENT, Zone
from resolver.zone.groups import Group, unpack_groups

# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 200
_CNAME: Final = int(RRType.CNAME)
_ALIAS: Final = int(RRType.ALIAS)
_ADDRESSES: Final = (int(RRType.A), int(RRType.AAAA))


class _Reasons:
    """Keeps errors, lets warnings pass."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, where: int, reason: str) -> None:
        """A broken rule."""
        self.errors.append(reason)

    def warning(self, where: int, reason: str) -> None:
        """Of no concern here."""


class _Version:
    """A version as the rules want to see it (check.Contents)."""

    def __init__(self, zone: Zone) -> None:
        self.origin = zone.origin
        self._nodes = zone.nodes

    def groups(self, key: bytes) -> list[Group]:
        packed = self._nodes.get(key)
        return [] if packed is None else list(unpack_groups(packed).values())

    def has(self, key: bytes) -> bool:
        packed = self._nodes.get(key)
        return packed is not None and not packed[0] & ENT

    def is_alias(self, key: bytes) -> bool:
        return any(group.rrtype == _CNAME for group in self.groups(key))

    def has_address(self, key: bytes) -> bool:
        return any(group.rrtype in _ADDRESSES for group in self.groups(key))

    def borrows(self, key: bytes) -> bool:
        return any(group.rrtype == _ALIAS for group in self.groups(key))

    @property
    def bars_aliases(self) -> bool:
        return check.signs(self.groups(self.origin))

    def covering(self, key: bytes) -> bytes | None:
        return covering(key, self.origin, self._covers)

    def _covers(self, key: bytes) -> bool:
        packed = self._nodes.get(key)
        return packed is not None and bool(packed[0] & COVERS)


def errors(zone: Zone, touched: Iterable[bytes]) -> Slices[list[str]]:
    """Every rule that these lower-case names or the apex break."""
    version = _Version(zone)
    found = _Reasons()
    check.apex(version, found)
    for number, key in enumerate({*touched, zone.origin}):
        if number % _SLICE_NAMES == 0:
            yield
        packed = zone.nodes.get(key)
        if packed is not None and (groups := version.groups(key)):
            check.node(version, key, packed[0] & ~CASED, groups, findings=found)
    return found.errors
