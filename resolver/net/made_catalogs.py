"""Catalogs made here: the list of member zones is made into a zone, which is published like any
other.

A zone that goes from one of them to another is handed over (change of ownership), so that whoever
follows both keeps what it has of the zone. First the old catalog says where it goes; some time
later, when that is known, the new one lists it: a server that hears of the new one first would take
it for a clash of names. Nobody tells us when all have followed, so the old catalog keeps the zone
for long enough that every follower has come back for it. Some time after it has gone from there the
new one is published once more, to be transferred whole: followers that know of no change of
ownership (Knot DNS 3.2), or have missed it, take the zone up then.

What is under way stands in the catalogs themselves, and goes on after a restart.

Knows: RFC 9432 sections 4.3.1, 5.2 and 5.5, the event loop. Does not know: what a catalog looks
like (zone/catalog.py), which zones are in it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from resolver import names
from resolver.errors import JournalError
from resolver.net.maintain import Keeper
from resolver.net.turns import in_turns
from resolver.zone import catalog as catalogs
from resolver.zone import diff as diffs
from resolver.zone.catalog import Entry, Leaving
from resolver.zone.serial import next_serial
from resolver.zone.store import ZoneStore

# Zones that come together are put into one version.
GATHER_S = 0.2

_log = logging.getLogger(__name__)


class Handover(NamedTuple):
    """How a zone leaves a catalog for another one made here: how long after it is told of that is
    listed, and how long it stays in the old one, in seconds. With nothing for the second it leaves
    at once, without a word."""

    notice_s: float = 60.0
    kept_s: float = 86_400.0


@dataclass(slots=True)
class _Outlook:
    """What a catalog is to list at present, in how many seconds that may be something else, and to
    which other catalogs zones have gone that are in it no more."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    gone_to: set[bytes] = field(default_factory=set)


class Made:
    """One catalog. `members` tells which zones are to be in it, and their groups; `entries` are
    those that are, as published. `all_made` are this one and the others."""

    def __init__(
        self,
        origin: bytes,
        members: Callable[[], Mapping[bytes, str]],
        handover: Handover,
        *,
        all_made: Mapping[bytes, "Made"],
        keeper: Keeper,
        store: ZoneStore,
    ) -> None:
        self.origin = origin
        self.members = members
        self.handover = handover
        self.entries: Mapping[bytes, Entry] = {}
        self._all_made = all_made
        self._keeper = keeper
        self._store = store
        self._timer: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
        self._repeat_at: float | None = None  # seconds since 1970
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def restore(self) -> None:
        """Serve the catalog as it was."""
        ledger = self._keeper.ledger
        if ledger is not None and ledger.is_there:
            try:
                kept = await ledger.restore(self.origin)
            except JournalError as error:
                _log.error("catalog %s: %s", names.show(self.origin), error)
            else:
                if kept.zone is not None:
                    self._keeper.history.add(kept.zone, kept.history)
                    self._keeper.resume(kept.zone)
                    self.entries = await in_turns(catalogs.read_made(kept.zone))
                    self._resume_repeating(kept.zone.serial)

    def _resume_repeating(self, changed_at: int) -> None:
        """Have the others published once more if something may have gone to them just before the
        server was stopped."""
        at = changed_at + self.handover.notice_s
        if at > self._keeper.clock.wall():
            for other in self._others():
                other.repeat(at)

    def changed(self) -> None:
        """A zone has come or gone: make the catalog anew, soon."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_S, self._begin)

    def repeat(self, at: float) -> None:
        """Publish the catalog once more at this time, in seconds since 1970, as it is then."""
        self._repeat_at = at
        self.changed()

    async def stop(self) -> None:
        """Make it no more."""
        for timer in (self._timer, self._due):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.ensure_future(self.renew())

    async def renew(self) -> None:
        """Publish the list as it is now, unless it is served already; with the serial it had if
        nothing has changed."""
        async with self._lock:
            wall = self._keeper.clock.wall()
            outlook = self._outlook(wall)
            again = self._repeat_at is not None and self._repeat_at <= wall
            if again:
                self._repeat_at = None
            self._look_again(outlook.waits, wall)
            await self._publish(outlook.entries, wall, again=again)
            before, self.entries = self.entries, outlook.entries
            self._tell(before)
        if before != outlook.entries:
            for other in self._others():
                other.changed()
        for catalog in outlook.gone_to:
            self._all_made[catalog].repeat(wall + self.handover.notice_s)

    async def _publish(self, entries: Mapping[bytes, Entry], wall: float, *, again: bool) -> None:
        """`again`: also if it is what is served, and without the way there from before."""
        held = self._store.get(self.origin)
        serial = int(wall) if held is None else next_serial(held.serial, "unixtime", wall)
        made = catalogs.make(self.origin, entries, serial)
        change = None
        if held is not None and not again:
            change = await in_turns(diffs.compute(held, made))
            if len(change.removed) == len(change.added) == 1:
                return
        try:
            await self._keeper.publish(made, change, whole=True)
        except JournalError as error:
            _log.error("catalog %s: not on disk: %s", names.show(self.origin), error)
            self._keeper.show(made, None if change is None else (change,))
        _log.info("catalog %s: serial %d", names.show(self.origin), made.serial)

    def _outlook(self, now: float) -> _Outlook:
        found = _Outlook()
        members = self.members()
        for zone, group in members.items():
            held = self.entries.get(zone)
            wait_s = 0.0 if held is not None and held.leaving is None else self._wait(zone, now)
            if wait_s is not None and wait_s <= 0:
                found.entries[zone] = Entry(group)
            elif wait_s is not None:
                found.waits.append(wait_s)
        gone = self.entries.keys() - members.keys()
        takers = self._takers() if gone else {}
        for zone in gone & takers.keys():
            held, taker = self.entries[zone], takers[zone]
            leaving = held.leaving
            if leaving is None or leaving.catalog != taker:
                leaving = Leaving(taker, ceil(now))
            left_s = leaving.since + self.handover.kept_s - now
            if left_s > 0 and self.handover.kept_s:
                found.entries[zone] = Entry(held.group, leaving)
                found.waits.append(left_s)
            else:
                found.gone_to.add(taker)
        return found

    def _wait(self, zone: bytes, now: float) -> float | None:
        """In how many seconds a zone may be listed here; None as long as another catalog has not
        said that it comes here."""
        wait_s = 0.0
        for other in self._others():
            entry = other.entries.get(zone)
            if entry is None:
                continue
            if entry.leaving is None or entry.leaving.catalog != self.origin:
                return None
            wait_s = max(wait_s, entry.leaving.since + other.handover.notice_s - now)
        return wait_s

    def _takers(self) -> dict[bytes, bytes]:
        """Which other catalog each zone is to be in."""
        return {zone: other.origin for other in self._others() for zone in other.members()}

    def _others(self) -> Iterable["Made"]:
        return [made for made in self._all_made.values() if made is not self]

    def _look_again(self, waits: Iterable[float], wall: float) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        repeat = () if self._repeat_at is None else (self._repeat_at - wall,)
        wait_s = min((*waits, *repeat), default=None)
        if wait_s is not None:
            self._due = asyncio.get_running_loop().call_later(wait_s, self.changed)

    def _tell(self, before: Mapping[bytes, Entry]) -> None:
        for zone, entry in self.entries.items():
            leaving = entry.leaving
            if leaving is not None and (zone not in before or before[zone].leaving != leaving):
                shown = map(names.show, (self.origin, zone, leaving.catalog))
                _log.info("catalog %s: zone %s goes to %s", *shown)
