"""Records of a zone being added and deleted one by one, as the update section of an UPDATE says.

Nothing of it touches the zone: what has changed in the end is told as a difference, which is put on
the version as any other. Names are opened when they are first looked at.

Knows: RFC 2136 sections 1.1.5 and 3.4.2, RFC 6672 section 5.2, RFC 2181 section 5.2 (one TTL for an
RRset). Does not know: messages, who may change what (zone/update.py).
"""

from collections.abc import Callable, Iterable
from typing import Final

from resolver.codes import RRClass, RRType
from resolver.leftovers import LEFTOVERS
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.canonical import canonical_rdata
from resolver.zone.check import BESIDE_CNAME
from resolver.zone.content import CASED, Zone, read_soa
from resolver.zone.diff import Diff
from resolver.zone.groups import Group, group_key, unpack_groups
from resolver.zone.serial import serial_gt

_SOA: Final = int(RRType.SOA)
_NS: Final = int(RRType.NS)
_CNAME: Final = int(RRType.CNAME)
_WKS: Final = int(RRType.WKS)
# A new one takes the place of the old one (RFC 2136 section 1.1.5, RFC 6672 section 5.2).
_SINGLE: Final = frozenset((_SOA, _CNAME, int(RRType.DNAME), int(RRType.ALIAS)))
# Names between two breaks: a millisecond or two of work.
_SLICE_NAMES: Final = 200
_WKS_KEY_OCTETS: Final = 5  # address and protocol
_SERIAL_AT: Final = -20  # from the end of an SOA


def with_serial(rdata: bytes, serial: int) -> bytes:
    """An SOA's rdata with another serial."""
    return rdata[:_SERIAL_AT] + serial.to_bytes(4, "big") + rdata[_SERIAL_AT + 4 :]


class _Name:
    """A name as it was and as it is by now; RRsets by group_key."""

    __slots__ = ("after", "before", "owner")

    def __init__(self, name: bytes, packed: bytes | None) -> None:
        self.owner = name
        self.before: dict[int, Group] = {}
        self.after: dict[int, Group] = {}
        if packed is not None:
            self.before = unpack_groups(packed)
            self.after = unpack_groups(packed)
            if packed[0] & CASED:
                self.owner = packed[2 : 2 + packed[1]]


class Amendment:
    """Changes of one version. Names are in any case; whatever the rules ignore is ignored here."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._names: dict[bytes, _Name] = {}
        self._soa_is_set = False

    def __del__(self) -> None:
        if LEFTOVERS.attended:
            LEFTOVERS.leave(list(self._names.values()), _SLICE_NAMES)

    def groups(self, owner: bytes) -> list[Group]:
        """The RRsets of a name as they are by now."""
        return list(self._name(owner).after.values())

    @property
    def touched(self) -> Iterable[bytes]:
        """Lower-case names that were looked at."""
        return self._names.keys()

    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes) -> None:
        """Add a record (RFC 2136 section 3.4.2.2). The RRset gets its TTL."""
        name = self._name(owner)
        if not self._may_stand(name, rrtype):
            return
        if rrtype == _SOA and not self._is_newer(owner, rdata):
            return
        if not name.after:
            name.owner = owner
        key = group_key(rrtype, rdata)
        group = name.after.get(key)
        if group is None:
            group = name.after[key] = Group(rrtype, ttl)
        elif rrtype in _SINGLE:
            group.rdatas.clear()
        elif rrtype == _WKS:
            same = [k for k, d in group.rdatas.items() if _wks_key(d) == _wks_key(rdata)]
            for old in same:
                del group.rdatas[old]
        group.ttl = ttl
        group.rdatas.setdefault(canonical_rdata(rrtype, rdata), rdata)

    def delete_name(self, owner: bytes) -> None:
        """Delete every RRset of a name; the apex keeps SOA and NS (section 3.4.2.3)."""
        name = self._name(owner)
        kept = (_SOA, _NS) if self._is_apex(owner) else ()
        name.after = {key: group for key, group in name.after.items() if group.rrtype in kept}

    def delete_rrset(self, owner: bytes, rrtype: int) -> None:
        """Delete an RRset; not SOA and NS of the apex (section 3.4.2.3)."""
        name = self._name(owner)
        if self._is_apex(owner) and rrtype in (_SOA, _NS):
            return
        name.after = {key: group for key, group in name.after.items() if group.rrtype != rrtype}

    def delete_record(self, owner: bytes, rrtype: int, rdata: bytes) -> None:
        """Delete one record; not an SOA, nor the last NS of the apex (section 3.4.2.4)."""
        name = self._name(owner)
        key = group_key(rrtype, rdata)
        group = name.after.get(key)
        if group is None or rrtype == _SOA:
            return
        if rrtype == _NS and self._is_apex(owner) and len(group.rdatas) == 1:
            return
        group.rdatas.pop(canonical_rdata(rrtype, rdata), None)
        if not group.rdatas:
            del name.after[key]

    def difference(self, bump: Callable[[int], int]) -> Slices[Diff | None]:
        """All changes together, None if there are none. `bump` gives a newer serial, which is used
        unless the update set one itself (RFC 2136 section 3.6)."""
        removed: list[RRset] = []
        added: list[RRset] = []
        for number, name in enumerate(self._names.values()):
            _compare(name, removed, added)
            if number % _SLICE_NAMES == 0:
                yield
        if not (removed or added or self._soa_is_set):
            return None
        old = self._zone.soa
        serial = self._zone.serial
        new = RRset(
            old.owner, _SOA, RRClass.IN, old.ttl, (with_serial(old.rdatas[0], bump(serial)),)
        )
        if self._soa_is_set:
            group = self._name(self._zone.origin).after[_SOA]
            new = RRset(old.owner, _SOA, RRClass.IN, group.ttl, tuple(group.rdatas.values()))
        reached, _ = read_soa(new.rdatas[0])
        return Diff(self._zone.origin, serial, reached, (old, *removed), (new, *added))

    def _name(self, owner: bytes) -> _Name:
        key = owner.lower()
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = _Name(key, self._zone.nodes.get(key))
        return name

    def _is_apex(self, owner: bytes) -> bool:
        return owner.lower() == self._zone.origin

    def _may_stand(self, name: _Name, rrtype: int) -> bool:
        """A CNAME stands alone: what does not go with what is there is ignored."""
        if rrtype == _CNAME:
            return all(group.rrtype in BESIDE_CNAME for group in name.after.values())
        return rrtype in BESIDE_CNAME or _CNAME not in name.after

    def _is_newer(self, owner: bytes, soa: bytes) -> bool:
        """Whether this SOA takes the place of the one that is there."""
        if not self._is_apex(owner):
            return False
        (held,) = self._name(owner).after[_SOA].rdatas.values()
        newer = serial_gt(read_soa(soa)[0], read_soa(held)[0])
        self._soa_is_set = self._soa_is_set or newer
        return newer


def _compare(name: _Name, removed: list[RRset], added: list[RRset]) -> None:
    """Put what differs into the two lists, but for the SOA."""
    for key in name.before.keys() | name.after.keys():
        before, after = name.before.get(key), name.after.get(key)
        group = before or after
        if group is None or group.rrtype == _SOA:
            continue
        same_ttl = before is not None and after is not None and before.ttl == after.ttl
        _take(removed, name.owner, before, after if same_ttl else None)
        _take(added, name.owner, after, before if same_ttl else None)


def _take(into: list[RRset], owner: bytes, group: Group | None, but: Group | None) -> None:
    if group is None:
        return
    kept = but.rdatas if but is not None else ()
    rdatas = tuple(rdata for key, rdata in group.rdatas.items() if key not in kept)
    if rdatas:
        into.append(RRset(owner, group.rrtype, RRClass.IN, group.ttl, rdatas))


def _wks_key(rdata: bytes) -> bytes:
    return rdata[:_WKS_KEY_OCTETS]
