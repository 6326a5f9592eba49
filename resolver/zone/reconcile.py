"""A zone file that was read again, beside the version that is served: what shall be served now.

The file is the truth about a zone until an update has changed it over the network; from then on the
journal is, and the file is behind. So an edit of the file counts when its serial is newer than what
is served, updates or not, since that is how its author says so; or when nothing but the file has
changed since it was last read. What is in the file and has not got a newer serial gets one, by the
policy of the zone, because secondaries would not take it otherwise.

Knows: RFC 1982, RFC 1912 section 2.2. Does not know: files, the journal, what time it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from resolver.codes import RRClass
from resolver.errors import DiffError
from resolver.model import RRset
from resolver.slices import Slices
from resolver.zone import diff as diffs_of
from resolver.zone import zonemd
from resolver.zone.amend import with_serial
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.history import MIN_RECORDS
from resolver.zone.serial import serial_gt


@dataclass(frozen=True, slots=True)
class Keep:
    """What is served goes on being served; `conflict` says what is wrong with that, if anything.
    `same`: it is what the file holds."""

    conflict: str = ""
    same: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """A new version, what leads to it, and what its author should know. No `diff` when that would
    be longer than the zone. With `bumped` its serial is not that of the file, so the file alone
    could not bring it back."""

    zone: Zone
    diff: Diff | None
    warning: str = ""
    bumped: bool = False


Verdict: TypeAlias = Keep | Take


def reconcile(
    served: Zone, file: Zone, filed: Zone | None, *, bump: Callable[[int], int] | None
) -> Slices[Verdict]:
    """What to make of a file.

    `filed` is what the file held when it was last read or written, None if nobody knows. `bump`
    gives a newer serial; None when an edit without one is not to be served.
    """
    change = yield from _difference(served, file)
    newer = serial_gt(file.serial, served.serial)
    if change is not None and is_same_but_serial(change):
        return Take(file, change) if newer else Keep(same=True)
    updated = filed is not None and filed is not served
    if updated:
        assert filed is not None
        updated = not (yield from _hold_the_same(filed, served))
    if newer:
        warning = "it replaces what updates have changed since it was read" if updated else ""
        return Take(file, change, warning)
    if filed is None:
        return Keep(
            f"differs from the journal and has no newer serial ({file.serial}, {served.serial} is"
            " served): the journal counts"
        )
    if (yield from _hold_the_same(filed, file)):
        return Keep()  # updates are ahead of it
    if updated:
        return Keep(
            f"was edited, and so was the zone by updates: not read. Give it a serial newer than"
            f" {served.serial} to have it replace them"
        )
    return (yield from _bump(served, file, bump=bump))


def _difference(served: Zone, file: Zone) -> Slices[Diff | None]:
    """What leads from one to the other; None when the new version itself is shorter: nobody would
    be sent that (zone/history.py)."""
    try:
        most = max(MIN_RECORDS, file.records)
        return (yield from diffs_of.compute(served, file, max_records=most))
    except DiffError:
        return None


def _hold_the_same(one: Zone, other: Zone) -> Slices[bool]:
    """Whether two versions hold the same but for the serial."""
    try:
        return is_same_but_serial((yield from diffs_of.compute(one, other, max_records=0)))
    except DiffError:
        return False


def is_same_but_serial(change: Diff) -> bool:
    """Whether two versions hold the same but for the serial."""
    if len(change.removed) > 1 or len(change.added) > 1:
        return False
    old, new = change.removed[0], change.added[0]
    return old.ttl == new.ttl and _unnumbered(old) == _unnumbered(new)


def rolled_back(zone: Zone, diffs: list[Diff]) -> Slices[Zone | None]:
    """The version that a chain of differences led to this one from; None when they do not fit."""
    try:
        return (yield from diffs_of.replay(zone, map(diffs_of.invert, reversed(diffs))))
    except DiffError:
        return None


def _bump(served: Zone, file: Zone, *, bump: Callable[[int], int] | None) -> Slices[Verdict]:
    """The file's content under a serial of our own."""
    said = f"has changed and its serial has not moved on ({file.serial}, {served.serial} is served)"
    if bump is None:
        return Keep(f"{said}: not served")
    if file.signed:
        return Keep(f"{said}: not served, since the zone is signed and not by this server")
    serial = bump(served.serial)
    soa = file.soa
    moved = RRset(soa.owner, soa.rrtype, RRClass.IN, soa.ttl, (with_serial(soa.rdatas[0], serial),))
    step = Diff(file.origin, file.serial, serial, (soa,), (moved,))
    zone = yield from zonemd.renewed((yield from diffs_of.apply(file, step)))
    change = yield from _difference(served, zone)
    return Take(zone, change, f"{said}: served as {serial}", bumped=True)


def _unnumbered(soa: RRset) -> bytes:
    return with_serial(soa.rdatas[0], 0).lower()
