"""Keeps reverse zones in step with the addresses of zones that ask for it.

It hears of every version that is served. What differs from the version before in addresses becomes
one change of each reverse zone that they lie in, several if there is very much. All is compared
anew at the start, when zones come or go, when somebody else changes a reverse zone, and, until it
works, after a change that could not be made. The zones with the addresses are never held up.

Knows: the event loop, which zones are ours. Does not know: what a pointer is made of
(zone/pointers.py), what was made (net/pointing.py).
"""

import asyncio
import logging
from contextlib import suppress

from resolver.codes import RRType
from resolver.net.maintain import Keeper
from resolver.net.primaries import Primaries
from resolver.net.primary import Primary
from resolver.net.turns import in_turns
from resolver.slices import Slices
from resolver.zone.content import Zone
from resolver.zone.pointers import IN_THE_WAY, MAX_MOVES, Moves, Pointer, ends, is_reverse, moves
from resolver.zone.store import ZoneStore

# After a change that could not be made.
RETRY_S = 30.0
# Zones often come many at a time.
GATHER_S = 0.1
_SLICE_ZONES = 1_000
_SLICE_POINTERS = 100

_log = logging.getLogger(__name__)


class PointerKeeper:
    """One for all zones. `idle` is set when nothing is left to be done at present."""

    def __init__(self, primaries: Primaries, keeper: Keeper, store: ZoneStore) -> None:
        self.idle = asyncio.Event()
        self._primaries = primaries
        self._keeper = keeper
        self._store = store
        self._seen: dict[bytes, Zone] = {}  # versions whose addresses have been taken up
        self._serials: dict[bytes, int] = {}  # of reverse zones
        self._changed: set[bytes] = set()
        self._all = True
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        keeper.listeners.append(self._heard)
        primaries.changed.append(self.look)

    def start(self) -> None:
        """Begin, with a look at everything."""
        self.look()
        self._stopping = False
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Change nothing any more; a change that has begun is made."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping = True
            self._wake.set()
            await task

    def look(self) -> None:
        """Compare everything anew, soon."""
        self._all = True
        self._rouse()

    def _rouse(self) -> None:
        self.idle.clear()
        self._wake.set()

    def _heard(self, zone: Zone) -> None:
        primary = self._primaries.zones.get(zone.origin)
        if primary is None:
            return
        if is_reverse(zone.origin):
            before = self._serials.get(zone.origin)
            self._serials[zone.origin] = zone.serial
            if zone is not primary.pointing.latest and self._concerns_us(zone.origin, before):
                self.look()
        if primary.plan.reverse:
            self._changed.add(zone.origin)
            self._rouse()

    def _concerns_us(self, origin: bytes, before: int | None) -> bool:
        """Whether what somebody else did to a reverse zone makes a difference: it took away a
        pointer that we want, or what was in the way of one."""
        diffs = None if before is None else self._keeper.history.since(origin, before)
        if not diffs or sum(diff.records for diff in diffs) > MAX_MOVES:
            return True
        return any(
            rrset.rrtype in IN_THE_WAY or any(map(self._is_asked_for, rrset.rdatas))
            for diff in diffs
            for rrset in diff.removed
            if rrset.rrtype in IN_THE_WAY or rrset.rrtype == RRType.PTR
        )

    def _is_asked_for(self, target: bytes) -> bool:
        zone = self._store.find(target.lower())
        primary = self._primaries.zones.get(zone.origin) if zone is not None else None
        return primary is not None and primary.plan.reverse

    async def _run(self) -> None:
        while True:
            behind = False
            if self._all:
                await asyncio.sleep(GATHER_S)
            self._wake.clear()
            try:
                behind = not await self._turn()
            except Exception:
                self._keeper.metrics.exceptions_total += 1
                _log.exception("keeping PTR records failed")
                behind = True
            self._all = self._all or behind
            if self._stopping:
                return
            if not self._wake.is_set():
                self.idle.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if behind else None):
                    await self._wake.wait()

    async def _turn(self) -> bool:
        """Do what there is to do; whether all of it was done."""
        everything, self._all = self._all, False
        changed, self._changed = self._changed, set()
        if everything:
            return await self._bring_into_step()
        done = True
        for origin in changed:
            primary = self._primaries.zones.get(origin)
            zone = self._store.get(origin)
            if primary is None or zone is None or not primary.plan.reverse:
                continue  # whoever took it away has all compared anew
            found = await in_turns(moves(self._seen.get(origin), zone))
            self._seen[origin] = zone
            for reverse, part in (await in_turns(self._shared_out(found))).items():
                done = not self._stopping and await reverse.repoint(part) and done
        return done

    async def _bring_into_step(self) -> bool:
        """Compare every address with every pointer."""
        zones, wanted = await in_turns(self._involved())
        self._seen = {zone.origin: zone for zone in zones}
        for zone in zones:
            found = await in_turns(moves(None, zone))
            for reverse, part in (await in_turns(self._shared_out(found))).items():
                held = wanted.setdefault(reverse, part)
                if held is not part:
                    held.came.update(part.came)
        done = True
        for reverse, part in wanted.items():
            done = not self._stopping and await reverse.repoint(part, whole=True) and done
        return done

    def _involved(self) -> Slices[tuple[list[Zone], dict[Primary, Moves]]]:
        """Zones whose addresses shall have pointers, and reverse zones that have some."""
        zones: list[Zone] = []
        wanted: dict[Primary, Moves] = {}
        for number, (origin, primary) in enumerate(list(self._primaries.zones.items())):
            zone = self._store.get(origin) if primary.plan.reverse else None
            if zone is not None:
                zones.append(zone)
            if primary.pointing.made:
                wanted[primary] = Moves()
            if number % _SLICE_ZONES == 0:
                yield
        return zones, wanted

    def _shared_out(self, found: Moves) -> Slices[dict[Primary, Moves]]:
        """What of it lies in which reverse zone; addresses in none of ours are left out. It is used
        up, for to let go of very much at once takes long."""
        shares: dict[Primary, Moves] = {}
        while found.gone or found.came:
            for _ in range(min(_SLICE_POINTERS, len(found.gone))):
                pointer, ttl = found.gone.popitem()
                primary = self._home(pointer)
                if primary is not None:
                    shares.setdefault(primary, Moves()).gone[pointer] = ttl
            for _ in range(min(_SLICE_POINTERS, len(found.came))):
                pointer, ttl = found.came.popitem()
                primary = self._home(pointer)
                if primary is not None:
                    shares.setdefault(primary, Moves()).came[pointer] = ttl
            yield
        return shares

    def _home(self, pointer: Pointer) -> Primary | None:
        zone = self._store.find(ends(pointer)[0])
        return self._primaries.zones.get(zone.origin) if zone is not None else None
