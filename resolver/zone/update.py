"""Dynamic updates: from a message and a version of a zone to the next version, or to an rcode.

Prerequisites are looked at first, then the whole update section is (rights included), and only then
is anything done, on a version that nobody sees before it is finished: an update happens whole or
not at all. Nothing here touches the zone that it is given.

Knows: RFC 2136 sections 2.3 to 2.5 and 3.2 to 3.4, RFC 3007 section 3 (rights by name and type come
after the prerequisites), RFC 8976 section 3 (a digest is about one serial). Does not know: who asks
(policy/update_policy.py), how a version is made durable, serials' policies, signing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import META_TYPES, Rcode, RRClass, RRType, show_class, show_type
from resolver.errors import DiffError
from resolver.slices import Slices
from resolver.wire.canonical import canonical_rdata
from resolver.wire.records import Envelope, Record
from resolver.zone import audit, diff, zonemd
from resolver.zone.amend import Amendment
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.rdata import is_sound

_IN: Final = int(RRClass.IN)
_ANY_CLASS: Final = int(RRClass.ANY)
_NONE: Final = int(RRClass.NONE)
_ANY: Final = int(RRType.ANY)
# Made by whoever signs the zone, never by an update.
_PROOFS: Final = frozenset(map(int, (RRType.RRSIG, RRType.NSEC, RRType.NSEC3)))
# Records between two breaks.
_MOST_RECORDS: Final = 0xFFFF  # of one section
_SLICE_RECORDS: Final = 50

# Whether who asks may change records of this type at this lower-case name.
Rights: TypeAlias = Callable[[bytes, int], bool]


@dataclass(frozen=True, slots=True)
class Update:
    """What a message asks for, in its order. `origin` is in lower case."""

    origin: bytes
    prerequisites: tuple[Record, ...]
    changes: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The next version and what led to it."""

    zone: Zone
    diff: Diff


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The zone is as the update wants it already."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing is done, and why."""

    rcode: int
    reason: str


Outcome: TypeAlias = Changed | Unchanged | Rejected


class _Rejection(Exception):  # noqa: N818 - never leaves this module
    """Ends the work from wherever it is."""

    def __init__(self, rcode: int, reason: str) -> None:
        super().__init__(reason)
        self.rcode = rcode


def read(packet: bytes) -> Update:
    """The update in a message with one question, the zone. Raises WireError."""
    envelope = Envelope(packet)
    prerequisites = tuple(envelope.answer(_MOST_RECORDS))
    changes = tuple(envelope.authority())
    return Update(envelope.questions[0].qname.lower(), prerequisites, changes)


def perform(
    zone: Zone, update: Update, *, may: Rights, bump: Callable[[int], int]
) -> Slices[Outcome]:
    """What the update makes of this version. `bump` gives a newer serial."""
    try:
        yield from _look_at_prerequisites(zone, update)
        amendment = Amendment(zone)
        for number, record in enumerate(update.changes):
            _look_at(zone, record)
            _check_rights(amendment, record, may)
            if number % _SLICE_RECORDS == 0:
                yield
        if zone.signed and update.changes:
            raise _Rejection(Rcode.REFUSED, "the zone is signed, and not by this server")
        for number, record in enumerate(update.changes):
            _change(amendment, record)
            if number % _SLICE_RECORDS == 0:
                yield
        return (yield from _finish(zone, amendment, bump))
    except _Rejection as rejection:
        return Rejected(rejection.rcode, str(rejection))
    except DiffError as error:
        return Rejected(Rcode.REFUSED, str(error))


def _finish(zone: Zone, amendment: Amendment, bump: Callable[[int], int]) -> Slices[Outcome]:
    difference = yield from amendment.difference(bump)
    if difference is None:
        return Unchanged()
    made = yield from diff.apply(zone, difference)
    broken = yield from audit.errors(made, amendment.touched)
    if broken:
        raise _Rejection(Rcode.REFUSED, broken[0])
    whole = yield from zonemd.renewed(made)
    if whole is not made:
        difference = yield from diff.compute(zone, whole)
    return Changed(whole, difference)


def _look_at_prerequisites(zone: Zone, update: Update) -> Slices[None]:
    """Section 3.2."""
    wanted: dict[tuple[bytes, int], set[bytes]] = {}
    amendment = Amendment(zone)
    for number, record in enumerate(update.prerequisites):
        if number % _SLICE_RECORDS == 0:
            yield
        owner, rrtype, rrclass, ttl, rdata = record
        if ttl:
            raise _Rejection(Rcode.FORMERR, f"prerequisite {_show(record)} with a TTL")
        _check_in_zone(zone, record)
        if rrclass == _IN:
            if rrtype in META_TYPES:
                raise _Rejection(Rcode.FORMERR, f"prerequisite {_show(record)}")
            key = (owner.lower(), rrtype)
            wanted.setdefault(key, set()).add(canonical_rdata(rrtype, rdata))
            continue
        if rrclass not in (_ANY_CLASS, _NONE):
            raise _Rejection(Rcode.FORMERR, f"prerequisite of class {show_class(rrclass)}")
        if rdata:
            raise _Rejection(Rcode.FORMERR, f"prerequisite {_show(record)} with data")
        _check_existence(record, {group.rrtype for group in amendment.groups(owner)})
    yield from _compare_values(amendment, wanted)


def _compare_values(
    amendment: Amendment, wanted: dict[tuple[bytes, int], set[bytes]]
) -> Slices[None]:
    """Whether each of these RRsets has exactly these records (section 3.2.3)."""
    for number, ((name, rrtype), rdatas) in enumerate(wanted.items()):
        if number % _SLICE_RECORDS == 0:
            yield
        groups = [group for group in amendment.groups(name) if group.rrtype == rrtype]
        if {key for group in groups for key in group.rdatas} != rdatas:
            shown = f"{names.show(name)} {show_type(rrtype)}"
            raise _Rejection(Rcode.NXRRSET, f"{shown} does not have these records")


def _check_existence(record: Record, types: set[int]) -> None:
    """Whether a name is in use (type ANY), or has an RRset; class ANY wants it, NONE does not."""
    _, rrtype, rrclass, _, _ = record
    exists = bool(types) if rrtype == _ANY else rrtype in types
    if rrclass == _ANY_CLASS and not exists:
        rcode = Rcode.NXDOMAIN if rrtype == _ANY else Rcode.NXRRSET
        raise _Rejection(rcode, f"{_show(record)} is not there")
    if rrclass == _NONE and exists:
        rcode = Rcode.YXDOMAIN if rrtype == _ANY else Rcode.YXRRSET
        raise _Rejection(rcode, f"{_show(record)} is there")


def _look_at(zone: Zone, record: Record) -> None:
    """Section 3.4.1: what is no sensible change is refused before anything is done."""
    _, rrtype, rrclass, ttl, rdata = record
    _check_in_zone(zone, record)
    if rrclass == _IN:
        if rrtype in META_TYPES or not rrtype:
            raise _Rejection(Rcode.FORMERR, f"{_show(record)} is nothing that a zone holds")
        if not is_sound(rrtype, rdata):
            raise _Rejection(Rcode.FORMERR, f"{_show(record)} has malformed data")
    elif rrclass == _ANY_CLASS:
        if ttl or rdata or (rrtype in META_TYPES and rrtype != _ANY):
            raise _Rejection(Rcode.FORMERR, f"{_show(record)} to be deleted with a TTL or data")
    elif rrclass == _NONE:
        if ttl or rrtype in META_TYPES:
            raise _Rejection(Rcode.FORMERR, f"{_show(record)} to be deleted with a TTL")
    else:
        raise _Rejection(Rcode.FORMERR, f"{_show(record)} of class {show_class(rrclass)}")
    if rrtype in _PROOFS:
        raise _Rejection(Rcode.REFUSED, f"{_show(record)} is made by whoever signs the zone")


def _check_in_zone(zone: Zone, record: Record) -> None:
    if not names.is_within(record[0].lower(), zone.origin):
        outside = f"{names.show(record[0])} is outside the zone {names.show(zone.origin)}"
        raise _Rejection(Rcode.NOTZONE, outside)


def _check_rights(amendment: Amendment, record: Record, may: Rights) -> None:
    """To delete a name takes the right to delete everything that is there."""
    owner, rrtype, _, _, _ = record
    name = owner.lower()
    types = [rrtype]
    if rrtype == _ANY:
        types = [group.rrtype for group in amendment.groups(owner)]
    for each in types:
        if not may(name, each):
            raise _Rejection(
                Rcode.REFUSED, f"{names.show(owner)} {show_type(each)}: no right to it"
            )


def _change(amendment: Amendment, record: Record) -> None:
    """Section 3.4.2."""
    owner, rrtype, rrclass, ttl, rdata = record
    if rrclass == _IN:
        amendment.add(owner, rrtype, ttl, rdata)
    elif rrclass == _NONE:
        amendment.delete_record(owner, rrtype, rdata)
    elif rrtype == _ANY:
        amendment.delete_name(owner)
    else:
        amendment.delete_rrset(owner, rrtype)


def _show(record: Record) -> str:
    return f"{names.show(record[0])} {show_type(record[1])}"
