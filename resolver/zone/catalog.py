"""Catalog zones: a zone that lists other zones, read and made.

A catalog that breaks a rule is broken as a whole and must not be acted upon (section 5.1), however
much of it could be read; properties that we do not know are ignored (section 4.4).

Knows: RFC 9432 sections 3, 4 and 5.1. Does not know: who follows a catalog, where member zones come
from, when one may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from resolver import names
from resolver.codes import RRType
from resolver.model import RRset
from resolver.slices import Slices, finish
from resolver.zone.content import Zone
from resolver.zone.draft import Draft
from resolver.zone.findings import Findings

VERSION: Final = b"2"
MAX_MEMBERS: Final = 1_000_000

_PTR: Final = int(RRType.PTR)
_TXT: Final = int(RRType.TXT)
_ZONES: Final = b"\5zones"
_VERSION_NAME: Final = b"\7version"
_GROUP: Final = b"\5group"
_COO: Final = b"\3coo"
_INVALID: Final = b"\7invalid\0"
# Refresh, retry, expire and minimum of what we make: as in the example of RFC 9432 appendix A.
_TIMERS: Final = (3600, 600, 2_147_483_646, 0)
_ID_OCTETS: Final = 16
_SLICE_NAMES: Final = 500


class Member(NamedTuple):
    """One zone of a catalog; the origin in lower case. `label` tells this instance of the zone from
    an earlier one; `coo` is the catalog that may take it over."""

    origin: bytes
    label: bytes
    groups: tuple[bytes, ...] = ()
    coo: bytes | None = None


class Leaving(NamedTuple):
    """That a zone goes to another catalog (section 4.3.1). `since` in seconds since 1970."""

    catalog: bytes
    since: int


class Entry(NamedTuple):
    """A zone in a catalog made here. Its group must fit into a string of a TXT record."""

    group: str = ""
    leaving: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The members by lower-case origin."""

    members: dict[bytes, Member]


@dataclass(frozen=True, slots=True)
class Broken:
    """Not to be acted upon, and why."""

    reason: str


Reading: TypeAlias = Catalog | Broken


class _Fault(Exception):  # noqa: N818 - never leaves this module
    """Ends the reading from wherever it is."""


def read(zone: Zone) -> Slices[Reading]:
    """What a zone lists."""
    try:
        _check_version(zone)
        return Catalog((yield from _members(zone)))
    except _Fault as fault:
        return Broken(str(fault))


def make(origin: bytes, entries: Mapping[bytes, Entry], serial: int) -> Zone:
    """A catalog of these zones. The same zone always gets the same label (section 4.1), in another
    catalog, too: so it keeps what belongs to it when it goes there (section 4.3.1)."""
    draft = Draft(origin)
    numbers = b"".join(number.to_bytes(4, "big") for number in (serial, *_TIMERS))
    draft.add(origin, int(RRType.SOA), 0, _INVALID + _INVALID + numbers)
    draft.add(origin, int(RRType.NS), 0, _INVALID)
    draft.add(_VERSION_NAME + origin, _TXT, 0, bytes((len(VERSION),)) + VERSION)
    for member, (group, leaving) in sorted(entries.items()):
        name = label_of(member) + _ZONES + origin
        draft.add(name, _PTR, 0, member)
        if group:
            octets = group.encode()
            draft.add(_GROUP + name, _TXT, 0, bytes((len(octets),)) + octets)
        if leaving is not None:
            draft.add(_COO + name, _PTR, 0, leaving.catalog)
    zone = finish(draft.finish(Findings()))
    assert zone is not None, "what we make keeps the rules"
    return zone


def read_made(zone: Zone) -> Slices[dict[bytes, Entry]]:
    """The zones of a catalog that was made here, under the time as its serial; none of one that was
    not. Since when a zone leaves is not in it: not for longer than it has been as it is."""
    reading = yield from read(zone)
    if isinstance(reading, Broken):
        return {}
    return {origin: _entry(member, zone.serial) for origin, member in reading.members.items()}


def _entry(member: Member, since: int) -> Entry:
    leaving = None if member.coo is None else Leaving(member.coo, since)
    return Entry(b"".join(member.groups[:1]).decode(errors="replace"), leaving)


def label_of(member: bytes) -> bytes:
    """The label of a zone in catalogs made here."""
    text = sha256(member.lower()).digest()[:_ID_OCTETS].hex().encode()
    return bytes((len(text),)) + text


def _check_version(zone: Zone) -> None:
    """Section 4.2.1."""
    rrset = _rrset(zone, _VERSION_NAME + zone.origin, _TXT)
    if rrset is None:
        raise _Fault("it has no version")
    if len(rrset.rdatas) != 1:
        raise _Fault("it has several versions")
    if rrset.rdatas[0] != bytes((len(VERSION),)) + VERSION:
        shown = rrset.rdatas[0][1:].decode("latin-1")
        raise _Fault(f"its version is {shown!r}, not {VERSION.decode()!r}")


def _members(zone: Zone) -> Slices[dict[bytes, Member]]:
    base = _ZONES + zone.origin
    depth = names.count_labels(base) + 1
    members: dict[bytes, Member] = {}
    for count, name in enumerate(zone.nodes):
        if count % _SLICE_NAMES == 0:
            yield
        if not name.endswith(base) or names.count_labels(name) != depth:
            continue
        rrset = _rrset(zone, name, _PTR)
        if rrset is None:
            continue
        origin = _only(rrset).lower()
        if origin in members:
            raise _Fault(f"it lists {names.show(origin)} twice")
        if len(members) >= MAX_MEMBERS:
            raise _Fault(f"it lists more than {MAX_MEMBERS} zones")
        members[origin] = _member(zone, name, origin)
    return members


def _member(zone: Zone, name: bytes, origin: bytes) -> Member:
    """A member and its properties (sections 4.3.1 and 4.3.2)."""
    groups = _rrset(zone, _GROUP + name, _TXT)
    coo = _rrset(zone, _COO + name, _PTR)
    return Member(
        origin,
        name[: name[0] + 1],
        tuple(_string(rdata) for rdata in groups.rdatas) if groups is not None else (),
        None if coo is None else _only(coo).lower(),
    )


def _only(rrset: RRset) -> bytes:
    if len(rrset.rdatas) != 1:
        raise _Fault(f"{names.show(rrset.owner)} has several PTR records")
    return rrset.rdatas[0]


def _string(rdata: bytes) -> bytes:
    """The strings of a TXT record, joined."""
    joined = b""
    at = 0
    while at < len(rdata):
        joined += rdata[at + 1 : at + 1 + rdata[at]]
        at += rdata[at] + 1
    return joined


def _rrset(zone: Zone, name: bytes, rrtype: int) -> RRset | None:
    node = zone.node(name)
    return None if node is None else node.rrsets.get(rrtype)
