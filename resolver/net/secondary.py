"""The life of one secondary zone: waits, asks its primaries, transfers, publishes, expires.

It runs the machines that decide (zone/refresh.py when, zone/primaries.py whom) and performs what
they want. A copy that is too old is no longer served but kept: when a primary confirms it, or sends
the changes since, it is served again. A copy that cannot be written to disk is served all the same:
the truth is with the primary, and a restart would only begin with an older one.

Knows: the event loop, the life of a zone. Does not know: the other zones, how a change is made
durable and announced (net/maintain.py).
"""

import asyncio
import logging
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from resolver import names
from resolver.errors import DiffError, JournalError
from resolver.net.ending import Ending
from resolver.net.turns import in_turns
from resolver.zone import zonemd
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, compute, replay
from resolver.zone.journal import Clock
from resolver.zone.peer import Peer
from resolver.zone.primaries import (
    AskSerials,
    Consultation,
    Effect,
    Fetch,
    Fetched,
    FetchOutcome,
    Nobody,
    Outcome,
    Renewed,
    Unchanged,
    Unreached,
    Verdict,
)
from resolver.zone.refresh import Refresh
from resolver.zone.serial import serial_gt
from resolver.zone.status import PrimaryStatus, ZoneStatus
from resolver.zone.transfer_in import Increments, NothingNewer, Refused, Whole

if TYPE_CHECKING:
    from resolver.net.maintain import Keeper

# A copy that could not be written to disk is tried again after so long.
SAVE_AGAIN_S = 60.0

_log = logging.getLogger(__name__)


class SecondaryZone(NamedTuple):
    """A zone as it is configured; the origin in lower case."""

    origin: bytes
    primaries: tuple[Peer, ...]
    check_digest: bool = False  # whether a version has to fit its ZONEMD, if it has one
    alias_keys: tuple[Path, ...] = ()  # where the keys are that every version has to have


class Secondary:
    """One zone. `zone` is our copy, kept also when it is too old to be served."""

    def __init__(self, plan: SecondaryZone, keeper: "Keeper") -> None:
        self.origin = plan.origin
        self.primaries = plan.primaries
        self.addresses = frozenset(ip_address(p.address.ip).packed for p in plan.primaries)
        self.zone: Zone | None = None
        self.refresh = Refresh(keeper.rng, keeper.clamps, now=keeper.clock.now())
        self._check_digest = plan.check_digest
        self._keeper = keeper
        self._name = names.show(plan.origin)
        self._wake = asyncio.Event()
        self._ended = False
        self._at_work = False
        self._expiry: asyncio.TimerHandle | None = None
        self._expired = False
        self._saved = False
        self._first: Peer | None = None
        self._whole = False
        self._failures = 0
        self._last_failure = ""
        self._primaries: dict[Peer, PrimaryStatus] = {}
        self._checks = {"unchanged": 0, "transferred": 0, "failed": 0}
        self.checked = asyncio.Event()  # whether a check has ended since one was wanted

    def turn_to(self, plan: SecondaryZone) -> None:
        """Be configured in another way from now on; a check that is under way goes on."""
        self.primaries = plan.primaries
        self.addresses = frozenset(ip_address(p.address.ip).packed for p in plan.primaries)
        self._check_digest = plan.check_digest
        self.hurry()

    def restore(self, zone: Zone | None, clock: Clock | None) -> None:
        """Begin with what was on disk. Without a clock nobody knows how old the copy is: then it
        is as old as it can be, and is not served before a primary has confirmed it."""
        keeper = self._keeper
        if zone is None:
            keeper.withhold(self.origin, expired=False)
            return
        wall, now = keeper.clock.wall(), keeper.clock.now()
        age_s = left_s = 0.0
        if clock is not None:
            age_s, left_s = wall - clock.refreshed_at, clock.expires_at - wall
        self.zone = zone
        self._saved = True
        for file, reason in keeper.key_faults(zone):
            _log.error("zone %s: no ALIAS is answered, %s: %s", self._name, file, reason)
        self.refresh.restored(now, zone.soa.rdatas[0], age_s=age_s, expires_in_s=left_s)
        if self.refresh.is_expired(now):
            self._expire()
        else:
            keeper.resume(zone)

    def end(self, task: "asyncio.Task[None] | None", ending: Ending) -> None:
        """Do nothing any more. `task`, which lives in `run`, ends at once if it is at work, soon
        if it only waits."""
        self._ended = True
        if self._expiry is not None:
            self._expiry.cancel()
        if task is not None:
            if self._at_work:
                task.cancel()
            else:
                ending.end(task)

    async def run(self) -> None:
        """Live until cancelled."""
        self._watch_expiry()
        clock = self._keeper.clock
        try:
            while not self._ended:
                await self._sleep()
                if self._ended or not self.refresh.is_due(clock.now()):
                    continue
                self._at_work = True
                try:
                    await self._keeper.turnstile.enter()
                    await self._check()
                except Exception:
                    self._keeper.metrics.exceptions_total += 1
                    _log.exception("zone %s: a check failed", self._name)
                    self.refresh.failed(clock.now())
                self._at_work = False
                self.checked.set()
        finally:
            if self._expiry is not None:
                self._expiry.cancel()

    def notified(self, packed_address: bytes, serial: int | None) -> None:
        """A NOTIFY came from this address (4 or 16 octets)."""
        if not self.refresh.notified(serial):
            return
        self._first = next(
            (p for p in self.primaries if ip_address(p.address.ip).packed == packed_address), None
        )
        self._wake.set()

    def hurry(self, *, whole: bool = False) -> None:
        """An operator wants a check now; `whole` transfers the zone anew whatever its serial."""
        self._whole = whole
        self.checked.clear()
        self.refresh.hurry(self._keeper.clock.now())
        self._wake.set()

    @property
    def life_s(self) -> float:
        """How many seconds our copy lives on."""
        expires_at = self.refresh.expires_at
        return 0.0 if expires_at is None else expires_at - self._keeper.clock.now()

    @property
    def is_in_trouble(self) -> bool:
        """Whether somebody should look at it: it is not served, or was not confirmed lately."""
        return self.zone is None or self._expired or self._failures > 0

    def status(self) -> ZoneStatus:
        """How the zone is."""
        now = self._keeper.clock.now()
        refresh = self.refresh
        state = "not ready" if self.zone is None else "expired" if self._expired else "serving"
        expires_at, confirmed_at = refresh.expires_at, refresh.confirmed_at
        return ZoneStatus(
            origin=self.origin,
            state=state,
            serial=None if self.zone is None else self.zone.serial,
            age_s=None if confirmed_at is None else now - confirmed_at,
            expires_in_s=None if expires_at is None else expires_at - now,
            next_check_in_s=max(0.0, refresh.check_at - now),
            checking=refresh.checking,
            failures=self._failures,
            saved=self._saved,
            primaries=tuple(self._primary_status(peer, now) for peer in self.primaries),
            checks=dict(self._checks),
        )

    def _primary_status(self, peer: Peer, now: float) -> PrimaryStatus:
        known = self._primaries.get(peer)
        if known is None or known.age_s is None:
            return PrimaryStatus(peer, None, "", None)
        return PrimaryStatus(peer, known.serial, known.note, now - known.age_s)

    async def _sleep(self) -> None:
        """Until the next check is due, perhaps brought forward; meanwhile the copy is saved."""
        while True:
            wait_s = max(0.0, self.refresh.check_at - self._keeper.clock.now())
            unsaved = self.zone is not None and not self._saved
            try:
                async with asyncio.timeout(min(wait_s, SAVE_AGAIN_S) if unsaved else wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._ended:
                return
            if unsaved:
                await self._save()
            if self.refresh.is_due(self._keeper.clock.now()):
                return

    async def _check(self) -> None:
        """Ask the primaries, and act on what comes of it."""
        clock = self._keeper.clock
        first, self._first = self._first, None
        whole, self._whole = self._whole, False
        self.refresh.begin(clock.now())
        held = None if self.zone is None else self.zone.serial
        consultation = Consultation(self.primaries, held, first=first, whole=whole)
        verdict = await self._perform_all(consultation)
        self._remember(consultation)
        match verdict:
            case Unchanged():
                assert self.zone is not None
                self._checks["unchanged"] += 1
                await self._confirm(self.zone, verdict.heard.expire_option_s)
                if self._expired:
                    self._expired = False
                    self._keeper.resume(self.zone)
            case Renewed():
                self._checks["transferred"] += 1
                await self._renew(verdict)
            case Nobody(reason):
                self._failures += 1
                self._checks["failed"] += 1
                self._keeper.metrics.refreshes_failed_total += 1
                self.refresh.failed(clock.now())
                self._tell_failure(reason)

    async def _perform_all(self, consultation: Consultation) -> Verdict:
        steps = consultation.run()
        outcome: Outcome | None = None
        try:
            while True:
                # A generator that has not started takes only None; its type has no word for it.
                effect = steps.send(outcome)  # type: ignore[arg-type]
                outcome = await self._perform(effect)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict

    async def _perform(self, effect: Effect) -> Outcome:
        if isinstance(effect, AskSerials):
            return await self._keeper.ask_serials(self.origin, effect.primaries)
        return await self._fetch(effect)

    async def _fetch(self, fetch: Fetch) -> FetchOutcome:
        """Transfer, and make a version of what came."""
        base = self.zone
        result = await self._keeper.transfer(self.origin, fetch, base)
        match result:
            case Whole():
                made = await in_turns(result.finish())
                if isinstance(made, Refused):
                    return made
                return await self._checked(
                    Fetched(made, await self._difference(base, made), whole=True)
                )
            case Increments(diffs) if base is not None:
                try:
                    made = await in_turns(replay(base, diffs))
                    return await self._checked(Fetched(made, diffs, whole=False))
                except DiffError as error:
                    return Refused(f"changes that do not fit: {error}")
            case Refused() | NothingNewer() | Unreached():
                return result
        return Refused(f"no transfer at all: {result}")

    async def _checked(self, fetched: Fetched) -> Fetched | Refused:
        """What was transferred, unless it is not what its ZONEMD says (RFC 8976 section 4), or a
        key that signs for it is gone from it."""
        faults = self._keeper.key_faults(fetched.zone)
        if faults:
            return Refused("; ".join(f"{fault.file}: {fault.reason}" for fault in faults))
        if self._check_digest:
            verdict = await in_turns(zonemd.verify(fetched.zone))
            if isinstance(verdict, zonemd.Wrong):
                return Refused(verdict.reason)
        return fetched

    async def _difference(self, old: Zone | None, new: Zone) -> tuple[Diff, ...] | None:
        """What a whole transfer changed, so that our own secondaries need not transfer all of it;
        None when that is not worth it."""
        if old is None or not serial_gt(new.serial, old.serial):
            return None
        try:
            return (await in_turns(compute(old, new, max_records=new.records // 2)),)
        except DiffError:
            return None

    async def _renew(self, renewed: Renewed) -> None:
        """Take a new version: on disk, then served, then told on."""
        zone, diffs = renewed.fetched.zone, renewed.fetched.diffs
        whole = renewed.fetched.whole or not self._saved
        self._keeper.metrics.transfers_in_total += 1
        try:
            await self._keeper.publish(zone, diffs, whole=whole)
            self._saved = True
        except JournalError as error:
            self._saved = False
            _log.error("zone %s: the copy could not be saved: %s", self._name, error)
            self._keeper.show(zone, diffs)
        self.zone = zone
        self._expired = False
        _log.info(
            "zone %s: serial %d from %s by %s",
            self._name,
            zone.serial,
            renewed.primary.address,
            "AXFR" if renewed.fetched.whole else "IXFR",
        )
        await self._confirm(zone, renewed.expire_option_s)

    async def _confirm(self, zone: Zone, expire_option_s: float | None) -> None:
        """A primary has this very version."""
        keeper, refresh = self._keeper, self.refresh
        now, wall = keeper.clock.now(), keeper.clock.wall()
        refresh.confirmed(now, zone.soa.rdatas[0], expire_option_s)
        self._watch_expiry()
        if self._last_failure:
            _log.info("zone %s: a primary answers again", self._name)
        self._failures, self._last_failure = 0, ""
        expires_at = refresh.expires_at or now
        if self._saved:
            await self._save_clock(Clock(zone.serial, wall, wall + expires_at - now))

    async def _save(self) -> None:
        """Try again to bring our copy to the disk."""
        keeper, zone, refresh = self._keeper, self.zone, self.refresh
        if zone is None:
            return
        try:
            await keeper.save(zone)
        except JournalError as error:
            _log.error("zone %s: the copy could not be saved: %s", self._name, error)
            return
        self._saved = True
        now, wall = keeper.clock.now(), keeper.clock.wall()
        confirmed_at, expires_at = refresh.confirmed_at or now, refresh.expires_at or now
        await self._save_clock(
            Clock(zone.serial, wall + confirmed_at - now, wall + expires_at - now)
        )

    async def _save_clock(self, clock: Clock) -> None:
        try:
            await self._keeper.save_clock(self.origin, clock)
        except JournalError as error:
            _log.error("zone %s: its age could not be saved: %s", self._name, error)

    def _watch_expiry(self) -> None:
        """Have the copy expire in time, also in the middle of a long transfer."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        expires_at = self.refresh.expires_at
        if expires_at is not None and not self._expired:
            wait_s = expires_at - self._keeper.clock.now()
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(max(0.0, wait_s), self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._keeper.withhold(self.origin, expired=True)
        _log.error("zone %s: expired, no primary has confirmed it in time", self._name)

    def _remember(self, consultation: Consultation) -> None:
        now = self._keeper.clock.now()
        for peer, note in consultation.notes.items():
            self._primaries[peer] = PrimaryStatus(peer, consultation.serials.get(peer), note, now)

    def _tell_failure(self, reason: str) -> None:
        """One line when something begins to fail or fails in another way, not one for every try."""
        level = logging.DEBUG if reason == self._last_failure else logging.WARNING
        wait_s = self.refresh.check_at - self._keeper.clock.now()
        _log.log(
            level, "zone %s: no primary of use, next try in %.0f s: %s", self._name, wait_s, reason
        )
        self._last_failure = reason
