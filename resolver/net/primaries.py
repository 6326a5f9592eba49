"""All primary zones: those that are configured, and those whose files lie in a folder.

Once a second it looks whether files have changed and what the folders hold. A new file in a folder
is a new zone, a removed one ends its zone; a change is taken up when it has been the same twice in
a row, for somebody may still be writing. A folder that cannot be read changes nothing.

Knows: the event loop, which file is which zone. Does not know: what becomes of a file
(net/primary.py), who may transfer or change a zone (whoever gives us `admit` does).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from resolver import names
from resolver.codes import Rcode
from resolver.errors import JournalError, NameSyntaxError
from resolver.net.maintain import Keeper
from resolver.net.primary import Primary, PrimaryZone
from resolver.net.zone_files import Signature, signatures, zone_files
from resolver.zone.content import Zone
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

    async def open(self, files: Iterable[Zone]) -> None:
        """Serve everything there is, before any query comes. `files` are the configured zones as
        their files hold them."""
        held: Mapping[bytes, Zone] = {zone.origin: zone for zone in files}
        for plan in self._plans:
            primary = self.zones[plan.origin] = Primary(plan, self._keeper, self._store)
            await primary.open(held.get(plan.origin))
        await self._look(at_once=True)

    def start(self) -> None:
        """Begin to look for changes."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more, and finish the updates that have begun."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._updates, return_exceptions=True)
        for primary in self.zones.values():
            await primary.close()

    async def reload(self) -> None:
        """Read every file again that has changed, or could not be read the last time."""
        async with self._looking:
            known = list(self.zones.values())
            found = await asyncio.to_thread(signatures, [primary.files for primary in known])
            for primary, seen in zip(known, found, strict=True):
                if seen != primary.seen or primary.is_faulty:
                    await primary.reload()
        await self._look(at_once=True)

    def perform(self, update: Update, may: Rights, done: Callable[[Outcome], None]) -> None:
        """Make a change; `done` gets the outcome when it is durable, or refused."""
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

    async def _look(self, *, at_once: bool = False) -> None:
        """Take up what has changed since the last look; `at_once` without a second look."""
        async with self._looking:
            if not at_once:
                await self._look_at_files()
            for folder, looked in self._folders:
                await self._look_into(folder, looked, at_once=at_once)

    async def _look_at_files(self) -> None:
        watched = [primary for primary in self.zones.values() if primary.plan.watch]
        found = await asyncio.to_thread(signatures, [primary.files for primary in watched])
        for primary, now in zip(watched, found, strict=True):
            if now == primary.seen:
                continue
            if now != primary.pending:
                primary.pending = now
            elif now[0] is not None:
                await primary.reload()

    async def _look_into(self, folder: Folder, looked: _Looked, *, at_once: bool) -> None:
        try:
            paths = await asyncio.to_thread(zone_files, folder.path)
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != looked.fault:
                _log.error("%s: %s; its zones stay as they are", folder.path, reason)
            looked.fault = reason
            return
        looked.fault = ""
        here = set(paths)
        looked.odd = set() if at_once else looked.odd & here
        for path in [path for path in looked.zones if path not in here]:
            if path in looked.gone or at_once:
                await self._remove(folder, looked, path)
            else:
                looked.gone.add(path)
        looked.gone &= looked.zones.keys() - here
        new = [path for path in paths if path not in looked.zones and path not in looked.odd]
        found = await asyncio.to_thread(signatures, [(path,) for path in new])
        for path, now in zip(new, found, strict=True):
            if at_once or looked.new.get(path) == now:
                await self._add(folder, looked, path)
        looked.new = dict(zip(new, found, strict=True))

    async def _add(self, folder: Folder, looked: _Looked, path: Path) -> None:
        """Serve a new file. One that holds no zone is looked at again when it changes."""
        try:
            origin = origin_of(path)
        except NameSyntaxError as error:
            looked.odd.add(path)
            _log.warning("%s: not served, the file is not named after a zone: %s", path, error)
            return
        if origin in self.zones or origin in self._keeper.primaries:
            looked.odd.add(path)
            _log.warning("%s: not served, there is another zone of that name", path)
            return
        primary = Primary(replace(folder.like, origin=origin, path=path), self._keeper, self._store)
        looked.zones[path] = origin
        self.zones[origin] = primary
        folder.admit(origin)
        if not await primary.open():
            self._store.withhold(origin, expired=False)
        zone = self._store.get(origin)
        if zone is not None:
            _log.info("zone %s: added with serial %d, %s", names.show(origin), zone.serial, path)
            self._keeper.announce(zone)
        self._tell_change()

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
