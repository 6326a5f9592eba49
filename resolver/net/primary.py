"""The life of one primary zone: read from its file, changed by updates, written back.

One thing at a time: a reload and an update of the same zone wait for each other. An update is
durable in the journal before anybody is told of it; from the first one on the journal holds the
whole zone, and after a restart file and journal are held against each other (zone/reconcile.py).

Knows: the event loop, the life of a zone. Does not know: when files change (net/primaries.py), what
an update may do, how a version is announced (net/maintain.py).
"""

import asyncio
import logging
from functools import partial
from pathlib import Path

from resolver import names
from resolver.codes import Rcode
from resolver.errors import Finding, JournalError
from resolver.net.ledger import Kept
from resolver.net.maintain import Keeper
from resolver.net.pointing import Pointing
from resolver.net.primary_plan import FileRead, PrimaryZone, read_file
from resolver.net.turns import in_turns
from resolver.net.zone_files import Signature, replace_file, signature
from resolver.zone import update as updates
from resolver.zone.content import Zone
from resolver.zone.dump import dump
from resolver.zone.journal import Clock
from resolver.zone.pointers import Moves, parts
from resolver.zone.reconcile import Keep, Take, reconcile, rolled_back
from resolver.zone.serial import next_serial
from resolver.zone.store import ZoneStore
from resolver.zone.update import Changed, Outcome, Rejected, Rights, Update

_log = logging.getLogger(__name__)


class Primary:
    """One zone. `files` are those it was read from, `seen` what they were known by then."""

    def __init__(self, plan: PrimaryZone, keeper: Keeper, store: ZoneStore) -> None:
        self.plan = plan
        self.files: tuple[Path, ...] = (plan.path,)
        self.seen: Signature = ()
        self.faults: list[Finding] = []  # why they held no zone
        self.frozen = False  # whether the files are an operator's to edit, and updates are refused
        # What the files were known by when they were last looked at: a change is taken up when it
        # has been the same twice, since somebody may still be writing.
        self.pending: Signature = ()
        self.pointing = Pointing(plan.origin, keeper)  # PTR records that we made in it
        self._keeper = keeper
        self._store = store
        self._name = names.show(plan.origin)
        self._lock = asyncio.Lock()
        self._filed: Zone | None = None  # what the file held when it was last read or written
        self._kept = False  # whether the journal can bring the zone back
        self.is_settled = False  # whether it has been seen to that the journal has what it should
        self._sync: asyncio.TimerHandle | None = None
        self._syncing: asyncio.Task[bool] | None = None

    async def open(self, read: FileRead | None = None) -> bool:
        """Begin to serve the zone: what the journal has, or the file, which may have been `read`
        already. Whether there is anything to serve."""
        async with self._lock:
            kept = await self._restore()
            if self.frozen and kept.zone is not None:
                file = None
            elif read is None:
                file = await self._read()
            else:
                file = read.report.zone
                self.files = read.report.files or self.files
                self.seen = self.pending = read.seen
            if kept.zone is None and file is not None:
                self._filed = file
            zone = kept.zone or file
            if zone is None:
                return False
            self._keeper.resume(zone)
            if kept.history and kept.history[-1].to_serial == zone.serial:
                self._keeper.history.add(zone, kept.history)
            if kept.zone is not None and file is not None:
                await self._reconcile(kept.zone, file)
            return True

    async def reload(self, read: FileRead | None = None) -> list[Finding]:
        """Read the file again, or take up what was `read`; all that stands against it. A file that
        is no zone is logged, and the zone stays as it is."""
        async with self._lock:
            file = await self._read() if read is None else self._note(read)
            if file is None:
                return self.faults
            held = self._store.get(self.plan.origin)
            if held is not None:
                return await self._reconcile(held, file)
            self._filed = file
            self.is_settled = False
            self._keeper.show(file)
            _log.info("zone %s: serial %d from %s", self._name, file.serial, self.plan.path)
            return []

    def is_outdated(self, plan: PrimaryZone, seen: Signature) -> bool:
        """Whether the files are to be read, to be as this plan says; `seen` is what they are known
        by now."""
        stricter = plan.check_digest and not self.plan.check_digest
        other_keys = plan.alias_keys != self.plan.alias_keys
        return self.is_faulty or stricter or other_keys or seen != self.seen

    def turn_to(self, plan: PrimaryZone) -> None:
        """Be configured in another way from now on; another file is still to be read."""
        if plan.path != self.plan.path:
            self.files, self.seen, self.pending = (plan.path,), (), ()
        if plan.kept_records != self.plan.kept_records:
            self.is_settled = False
        self.plan = plan

    async def settle(self) -> None:
        """See to it that the journal has a zone that is only changed by its file, so that after a
        restart it is known what has changed."""
        async with self._lock:
            self.is_settled = True
            zone = self._store.get(self.plan.origin)
            if zone is not None and zone.records <= self.plan.kept_records:
                await self._keep(zone)

    async def _keep(self, zone: Zone) -> bool:
        """Put all of a version, which is that of the file, into the journal once; whether it is
        there."""
        if self._kept:
            return True
        try:
            await self._keeper.save(zone)
        except JournalError as error:
            _log.warning("zone %s: not kept for a restart: %s", self._name, error)
            return False
        self._kept = True
        await self._note_filed(zone)
        return True

    async def update(self, update: Update, may: Rights) -> Outcome:
        """Make a change, whole or not at all; durable when this returns."""
        async with self._lock:
            held = self._store.get(self.plan.origin)
            if held is None:
                return Rejected(Rcode.SERVFAIL, "the zone is not served")
            if self.frozen:
                return Rejected(Rcode.REFUSED, "the zone is frozen")
            outcome = await in_turns(updates.perform(held, update, may=may, bump=self._next_serial))
            if not isinstance(outcome, Changed):
                return outcome
            try:
                await self._keeper.publish(outcome.zone, outcome.diff, whole=not self._kept)
            except JournalError as error:
                _log.error("zone %s: update refused: %s", self._name, error)
                return Rejected(Rcode.SERVFAIL, "the change could not be made durable")
            if not self._kept:
                self._kept = True
                await self._note_filed(held)
            self._plan_sync()
            return outcome

    async def repoint(self, wanted: Moves, *, whole: bool = False) -> bool:
        """Have PTR records for addresses of other zones; with `whole` no others but these. False
        when it is to be tried again, since the zone is frozen or the journal cannot be written."""
        if whole:
            wanted = await self.pointing.compared(wanted)
        for part in parts(wanted):
            if not await self._repoint(part):
                return False
        return True

    async def _repoint(self, wanted: Moves) -> bool:
        async with self._lock:
            held = self._store.get(self.plan.origin)
            if held is None or held.signed:
                return True
            if self.frozen:
                return False
            served = await self.pointing.publish(held, wanted, self._next_serial, self._keep)
            if served is None:
                return False
            if held is self._filed:
                self._filed = served
                if served is not held:
                    await self._note_filed(served)
            elif self._filed is not None:
                self._filed = await self.pointing.beside(self._filed, served)
            return True

    async def flush(self) -> bool:
        """Write the file anew if updates are ahead of it. Whether the file is as the zone is."""
        async with self._lock:
            zone = self._store.get(self.plan.origin)
            if zone is None or zone is self._filed:
                return zone is not None
            if await asyncio.to_thread(signature, self.files) != self.seen:
                _log.error("zone %s: %s was edited: not written over", self._name, self.plan.path)
                return False
            try:
                await replace_file(self.plan.path, partial(dump, await self.pointing.strip(zone)))
            except OSError as error:
                _log.error("zone %s: %s: %s", self._name, self.plan.path, error.strerror)
                return False
            self.files = (self.plan.path,)
            self.seen = await asyncio.to_thread(signature, self.files)
            self._filed = zone
            await self._note_filed(zone)
            _log.info("zone %s: serial %d written to file", self._name, zone.serial)
            return True

    async def freeze(self) -> bool:
        """Refuse updates and leave the file alone until `thaw`. The file is written before; False
        when it could not be, and nothing is frozen then."""
        was, self.frozen = self.frozen, True
        if not was:
            self.frozen = await self.flush()
        zone = self._store.get(self.plan.origin)
        if self.frozen and zone is not None:
            async with self._lock:
                await self._keep(zone)
        return self.frozen

    async def thaw(self) -> list[Finding]:
        """Take up what was edited and allow updates again; what stands against the file."""
        findings = await self.reload()
        self.frozen = False
        return findings

    @property
    def is_filed(self) -> bool:
        """Whether the file has all updates."""
        return self._store.get(self.plan.origin) is self._filed

    async def close(self) -> None:
        """End what is under way; a change that is being written is written."""
        if self._sync is not None:
            self._sync.cancel()
            self._sync = None
        if self._syncing is not None:
            self._syncing.cancel()
            await asyncio.gather(self._syncing, return_exceptions=True)

    async def _restore(self) -> Kept:
        """What the journal has, and what the file held at its last reading."""
        ledger = self._keeper.ledger
        if ledger is None or not ledger.is_there:
            return Kept()
        diffs = None
        try:
            kept = await ledger.restore(self.plan.origin)
            await self.pointing.load()
            if kept.zone is None:
                return kept
            if kept.clock is not None:
                diffs = await ledger.since(self.plan.origin, kept.clock.serial)
        except JournalError as error:
            _log.error("zone %s: no updates from the journal: %s", self._name, error)
            return Kept()
        self._kept = True
        if diffs is not None:
            self._filed = await in_turns(rolled_back(kept.zone, diffs)) if diffs else kept.zone
        return kept

    async def _read(self) -> Zone | None:
        """What the file holds, None with everything logged that keeps it from being a zone."""
        keys = self._store.alias_keys(self.plan.origin)
        steps = read_file(self.plan, self._keeper.clock.wall(), self.files, alias_keys=keys)
        return self._note(await in_turns(steps))

    def _note(self, read: FileRead) -> Zone | None:
        report = read.report
        self.files = report.files or (self.plan.path,)
        self.seen = self.pending = read.seen
        self.faults = report.errors
        for level, findings in (
            (logging.ERROR, report.errors),
            (logging.WARNING, report.warnings),
        ):
            for finding in findings:
                _log.log(level, "zone %s: %s", self._name, finding)
        if report.zone is None:
            _log.error(
                "zone %s: %s is not read, the zone stays as it is", self._name, self.plan.path
            )
        return report.zone

    @property
    def is_faulty(self) -> bool:
        """Whether the files held no zone when they were read."""
        return bool(self.faults)

    async def _reconcile(self, held: Zone, file: Zone) -> list[Finding]:
        """Take up what is new in the file; what stands against it."""
        bump = None if self.plan.serial == "file" else self._next_serial
        file = await self.pointing.read_beside(file, held)
        filed = self._filed and await self.pointing.beside(self._filed, held)
        match await in_turns(reconcile(held, file, filed, bump=bump)):
            case Keep(conflict, same):
                if same:
                    self._filed = held
                if conflict:
                    _log.warning("zone %s: %s %s", self._name, self.plan.path, conflict)
                    return [Finding(str(self.plan.path), 0, conflict)]
            case Take() as take:
                return await self._take(take)
        return []

    async def _take(self, take: Take) -> list[Finding]:
        if take.warning:
            _log.warning("zone %s: %s %s", self._name, self.plan.path, take.warning)
        whole = take.bumped and not self._kept
        try:
            if take.diff is None and not (self._kept or take.bumped):
                self._keeper.show(take.zone)  # the file is all there is to keep
            else:
                await self._keeper.publish(take.zone, take.diff, whole=whole)
                self._kept = self._kept or whole
        except JournalError as error:
            _log.error("zone %s: %s", self._name, error)
            if take.bumped:
                _log.error("zone %s: the file is not taken up without a journal", self._name)
                return [Finding(str(self.plan.path), 0, f"not taken up: {error}")]
            # The file itself is durable, and newer than what is in the journal; only the history of
            # the zone is lost with a restart.
            self._kept = False
            self._keeper.show(take.zone, None if take.diff is None else (take.diff,))
        self.is_settled = False
        self._filed = take.zone
        await self._note_filed(take.zone)
        _log.info(
            "zone %s: serial %d from %s, %s records differ",
            self._name,
            take.zone.serial,
            self.plan.path,
            "very many" if take.diff is None else take.diff.records - 2,
        )
        return []

    async def _note_filed(self, zone: Zone) -> None:
        """Keep in mind over a restart that the file held what was served under this serial."""
        if not self._kept:
            return
        try:
            clock = Clock(zone.serial, self._keeper.clock.wall(), 0.0)
            await self._keeper.save_clock(self.plan.origin, clock)
        except JournalError as error:
            _log.warning("zone %s: %s", self._name, error)

    def _next_serial(self, serial: int) -> int:
        policy = self.plan.serial
        wall = self._keeper.clock.wall()
        return next_serial(serial, "increment" if policy == "file" else policy, wall)

    def _plan_sync(self) -> None:
        """Have the file written some time after the first update that it lacks."""
        if self.plan.sync_s is not None and self._sync is None:
            loop = asyncio.get_running_loop()
            self._sync = loop.call_later(self.plan.sync_s, self._begin_sync)

    def _begin_sync(self) -> None:
        self._sync = None
        self._syncing = asyncio.ensure_future(self.flush())
