"""All primary zones: those that are configured, and those whose files lie in a folder.

Once a second it looks whether files have changed and what the folders hold. A new file in a folder
is a new zone, a removed one ends its zone; a change is taken up when it has been the same twice in
a row, for somebody may still be writing. A folder that cannot be read changes nothing.

Knows: the event loop, which file is which zone. Does not know: what becomes of a file
(net/primary.py), who may transfer or change a zone (whoever gives us `admit` does).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from resolver import names
from resolver.codes import Rcode
from resolver.errors import Finding, JournalError, NameSyntaxError
from resolver.net.maintain import Keeper
from resolver.net.primary import Primary
from resolver.net.primary_plan import FileRead, PrimaryZone
from resolver.net.turns import Pace
from resolver.net.zone_files import Signature, look_into, signatures
from resolver.zone.file import origin_of
from resolver.zone.store import ZoneStore
from resolver.zone.update import Outcome, Rejected, Rights, Update

LOOK_EVERY_S = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of zones as it is configured. `like` is what they all have in common; `admit` is
    told of each zone before it is served, `dismiss` when it is no more."""

    path: Path
    like: PrimaryZone
    admit: Callable[[bytes], None] = lambda origin: None
    dismiss: Callable[[bytes], None] = lambda origin: None


@dataclass(slots=True)
class _Looked:
    """What a folder held when it was last looked at: new files that may be half written, the
    zones, and those without a file. `fault` is what was wrong with it."""

    new: dict[Path, Signature] = field(default_factory=dict)
    zones: dict[Path, bytes] = field(default_factory=dict)
    gone: set[Path] = field(default_factory=set)
    odd: set[Path] = field(default_factory=set)  # files that are no zones of ours
    fault: str = ""
    turned: bool = False  # whether its zones are to be configured in another way


class Primaries:
    """The primary zones of a server. `zones` is by lower-case origin; `changed` is called when one
    comes or goes."""

    def __init__(
        self,
        plans: Iterable[PrimaryZone],
        folders: Iterable[Folder],
        *,
        keeper: Keeper,
        store: ZoneStore,
    ) -> None:
        self.zones: dict[bytes, Primary] = {}
        self.changed: list[Callable[[], None]] = []
        self._plans = list(plans)
        self._folders = [(folder, _Looked()) for folder in folders]
        self._keeper = keeper
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._updates: set[asyncio.Task[None]] = set()
        self._looking = asyncio.Lock()
        self._ended: list[Primary] = []
        self._handed_on: list[Primary] = []  # their zones are kept by somebody else
        self._paused = False
        self._to_freeze: frozenset[bytes] = frozenset()
        self._settling: asyncio.Task[None] | None = None

    def expect(self, plan: PrimaryZone) -> None:
        """Have one more zone among those to open."""
        self._plans.append(plan)

    def stay_frozen(self, origins: frozenset[bytes]) -> None:
        """Which zones were frozen when the server ended; to be called before `open`."""
        self._to_freeze = origins

    def frozen(self) -> frozenset[bytes]:
        """Which zones are frozen."""
        return frozenset(origin for origin, primary in self.zones.items() if primary.frozen)

    def _make(self, plan: PrimaryZone) -> Primary:
        primary = Primary(plan, self._keeper, self._store)
        primary.frozen = plan.origin in self._to_freeze
        self._to_freeze -= {plan.origin}
        self.zones[plan.origin] = primary
        return primary

    async def open(self, reads: Mapping[bytes, FileRead]) -> None:
        """Serve everything there is, before any query comes. `reads` are files of configured zones,
        by origin, that were read already."""
        for plan in self._plans:
            if not await self._make(plan).open(reads.get(plan.origin)):
                self._store.withhold(plan.origin, expired=False)
        await self._look(at_once=True)

    def start(self) -> None:
        """Begin to look for changes."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more, and finish the updates that have begun."""
        tasks = [task for task in (self._task, self._settling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._updates, return_exceptions=True)
        for primary in self.zones.values():
            await primary.close()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Looks at no file and no folder meanwhile."""
        async with self._looking:
            yield

    async def to_read(self, plans: Mapping[bytes, PrimaryZone]) -> list[bytes]:
        """Which of these zones have files that are to be read: new ones, changed ones, and those
        that held no zone the last time."""
        known = {
            origin: self.zones[origin].files
            if origin in self.zones and self.zones[origin].plan.path == plan.path
            else (plan.path,)
            for origin, plan in plans.items()
        }
        found = await asyncio.to_thread(signatures, list(known.values()))
        wanted = []
        for plan, seen in zip(plans.values(), found, strict=True):
            primary = self.zones.get(plan.origin)
            if primary is None or (not primary.frozen and primary.is_outdated(plan, seen)):
                wanted.append(plan.origin)
        return wanted

    async def add(self, plan: PrimaryZone, read: FileRead) -> None:
        """One more zone, whose file has been read and is good."""
        self._plans.append(plan)
        await self._begin(plan, read)
        self._tell_change()

    async def remove(self, origin: bytes) -> None:
        """Serve a zone no more, and forget all of it but its file. Raises JournalError."""
        self._plans = [plan for plan in self._plans if plan.origin != origin]
        await self.zones.pop(origin).close()
        try:
            await self._keeper.remove(origin)
        finally:
            self._tell_change()

    def held(self) -> dict[Path, list[bytes]]:
        """The zones of each folder."""
        return {folder.path: list(looked.zones.values()) for folder, looked in self._folders}

    def turn_to(
        self,
        plans: Mapping[bytes, PrimaryZone],
        folders: Iterable[Folder],
        others: Collection[bytes],
    ) -> None:
        """Be configured in another way from now on, in one step; `settle` must follow, which
        begins with zones that are new. Zones that are no more are served no more, unless they are
        among the `others` that somebody else keeps from now on."""
        before = {folder.path: (folder, looked) for folder, looked in self._folders}
        wanted = set(plans)
        self._folders = []
        for folder in folders:
            held, looked = before.get(folder.path, (folder, _Looked()))
            looked.turned = looked.turned or folder.like != held.like
            looked.zones = {p: o for p, o in looked.zones.items() if o not in plans}
            looked.odd.clear()
            wanted.update(looked.zones.values())
            self._folders.append((folder, looked))
        self._plans = list(plans.values())
        ended = self.zones.keys() - wanted
        gone = ended.difference(others)
        self._handed_on += map(self.zones.pop, ended - gone)
        self._ended += map(self.zones.pop, gone)
        self._keeper.withdraw(gone)

    async def _turn(self) -> None:
        """What is left of `turn_to` for each zone."""
        pace = Pace()
        while self._handed_on:
            await self._handed_on.pop().close()
            await pace.rest()
        while self._ended:
            primary = self._ended.pop()
            await primary.close()
            self._keeper.drop(primary.plan.origin, serve=True)
            await pace.rest()
        for plan in self._plans:
            if plan.origin in self.zones:
                self.zones[plan.origin].turn_to(plan)
            await pace.rest()
        for folder, looked in self._folders:
            for path, origin in list(looked.zones.items()) if looked.turned else ():
                self.zones[origin].turn_to(replace(folder.like, origin=origin, path=path))
                await pace.rest()
            looked.turned = False

    async def _begin(self, plan: PrimaryZone, read: FileRead | None) -> None:
        await self._make(plan).open(read)
        zone = self._store.get(plan.origin)
        if zone is not None:
            _log.info("zone %s: added with serial %d", names.show(zone.origin), zone.serial)
            self._keeper.announce(zone)

    async def settle(self, reads: Mapping[bytes, FileRead]) -> list[Finding]:
        """Begin with zones that are new, take up files that were read, look into folders; all that
        stands against one of them."""
        await self._turn()
        pace = Pace()
        faults: list[Finding] = []
        for plan in self._plans:
            read = reads.get(plan.origin)
            if plan.origin not in self.zones:
                await self._begin(plan, read)
            elif read is not None:
                faults += await self.zones[plan.origin].reload(read)
            await pace.rest()
        for folder, looked in self._folders:
            known = [self.zones[origin] for origin in looked.zones.values()]
            found = await asyncio.to_thread(signatures, [primary.files for primary in known])
            for primary, seen in zip(known, found, strict=True):
                if primary.frozen or seen[0] is None:
                    continue
                if seen != primary.seen or primary.is_faulty:
                    await primary.reload()
                faults += primary.faults
                await pace.rest()
            faults += await self._look_into(folder, looked, at_once=True)
        self._tell_change()
        return faults

    async def pause(self) -> None:
        """Take no updates until told to `go_on`; those that have begun are finished."""
        self._paused = True
        settling = [self._settling] if self._settling is not None else []
        await asyncio.gather(*self._updates, *settling, return_exceptions=True)

    def go_on(self) -> None:
        """Take updates again."""
        self._paused = False

    def perform(self, update: Update, may: Rights, done: Callable[[Outcome], None]) -> None:
        """Make a change; `done` gets the outcome when it is durable, or refused."""
        if self._paused:
            done(Rejected(Rcode.SERVFAIL, "the server is about to be another one"))
            return
        task = asyncio.ensure_future(self._perform(update, may, done))
        self._updates.add(task)
        task.add_done_callback(self._updates.discard)

    async def _perform(self, update: Update, may: Rights, done: Callable[[Outcome], None]) -> None:
        outcome: Outcome = Rejected(Rcode.SERVFAIL, "internal error")
        try:
            primary = self.zones.get(update.origin)
            if primary is not None:
                outcome = await primary.update(update, may)
        except Exception:
            self._keeper.metrics.exceptions_total += 1
            _log.exception("zone %s: an update failed", names.show(update.origin))
        finally:
            done(outcome)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except Exception:
                self._keeper.metrics.exceptions_total += 1
                _log.exception("looking for changed zone files failed")
            if not self._paused and (self._settling is None or self._settling.done()):
                unsettled = [p for p in self.zones.values() if not p.is_settled]
                if unsettled:
                    self._settling = asyncio.create_task(self._settle(unsettled))
                del unsettled  # by then some of them may be no more

    async def _settle(self, primaries: list[Primary]) -> None:
        """Bring to the journal what it should have, one zone at a time: updates come in between."""
        pace = Pace()
        while primaries and not self._paused:
            primary = primaries.pop()
            if self.zones.get(primary.plan.origin) is primary:
                await primary.settle()
            await pace.rest()

    async def _look(self, *, at_once: bool = False) -> None:
        """Take up what has changed since the last look; `at_once` without a second look."""
        async with self._looking:
            if not at_once:
                await self._look_at_files()
            for folder, looked in self._folders:
                await self._look_into(folder, looked, at_once=at_once)

    async def _look_at_files(self) -> None:
        watched = [p for p in self.zones.values() if p.plan.watch and not p.frozen]
        found = await asyncio.to_thread(signatures, [primary.files for primary in watched])
        for primary, now in zip(watched, found, strict=True):
            if now == primary.seen:
                continue
            if now != primary.pending:
                primary.pending = now
            elif now[0] is not None:
                await primary.reload()

    async def _look_into(self, folder: Folder, looked: _Looked, *, at_once: bool) -> list[Finding]:
        """What a folder holds now; what is wrong with it and with files that are new in it."""
        odd: set[Path] = set() if at_once else looked.odd
        try:
            gone, new, looked.odd = await asyncio.to_thread(
                look_into, folder.path, looked.zones, odd
            )
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != looked.fault:
                _log.error("%s: %s; its zones stay as they are", folder.path, reason)
            looked.fault = reason
            return [Finding(str(folder.path), 0, reason)]
        looked.fault = ""
        pace = Pace()
        for path in gone:
            if path in looked.gone or at_once:
                await self._remove(folder, looked, path)
                await pace.rest()
            else:
                looked.gone.add(path)
        looked.gone.intersection_update(gone, looked.zones)
        found = await asyncio.to_thread(signatures, [(path,) for path in new])
        faults: list[Finding] = []
        for path, now in zip(new, found, strict=True):
            if at_once or looked.new.get(path) == now:
                faults += await self._add(folder, looked, path)
                await pace.rest()
        looked.new = dict(zip(new, found, strict=True))
        return faults

    async def _add(self, folder: Folder, looked: _Looked, path: Path) -> list[Finding]:
        """Serve a new file; what is wrong with it. One that holds no zone is looked at again when
        it changes."""
        try:
            origin = origin_of(path)
        except NameSyntaxError as error:
            return self._pass_over(looked, path, f"the file is not named after a zone: {error}")
        if origin in self.zones or origin in self._keeper.primaries:
            return self._pass_over(looked, path, "there is another zone of that name")
        primary = self._make(replace(folder.like, origin=origin, path=path))
        looked.zones[path] = origin
        folder.admit(origin)
        if not await primary.open():
            self._store.withhold(origin, expired=False)
        zone = self._store.get(origin)
        if zone is not None:
            _log.info("zone %s: added with serial %d, %s", names.show(origin), zone.serial, path)
            self._keeper.announce(zone)
        self._tell_change()
        return primary.faults

    def _pass_over(self, looked: _Looked, path: Path, reason: str) -> list[Finding]:
        looked.odd.add(path)
        _log.warning("%s: not served, %s", path, reason)
        return [Finding(str(path), 0, f"not served, {reason}")]

    async def _remove(self, folder: Folder, looked: _Looked, path: Path) -> None:
        origin = looked.zones.pop(path)
        primary = self.zones.pop(origin)
        await primary.close()
        folder.dismiss(origin)
        try:
            await self._keeper.remove(origin)
        except JournalError as error:
            _log.error("zone %s: %s", names.show(origin), error)
        _log.info("zone %s: removed, %s is gone", names.show(origin), path)
        self._tell_change()

    def _tell_change(self) -> None:
        for listener in self.changed:
            listener()
