"""The keeper: every change of every zone goes through it, and secondaries live in it.

A change, whoever made it, is first made durable, then served, then told on: `publish`. The latest
changes are held in memory as well, so that an IXFR is answered without the disk. For each secondary
zone there is one coroutine (net/secondary.py); queries and transfers of all of them share places.

Knows: the event loop, who is told of what. Does not know: when a zone is checked and with whom
(zone/refresh.py, zone/primaries.py), what is in messages.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from resolver import names
from resolver.clock import Clock
from resolver.errors import JournalError
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.audience import Audience
from resolver.net.ending import Ending
from resolver.net.keeper_plan import KeeperPlan as KeeperPlan
from resolver.net.ledger import Kept, Ledger
from resolver.net.notifier import Notifier
from resolver.net.own_addresses import OwnAddresses
from resolver.net.peer_client import PeerClient
from resolver.net.relaying import relay
from resolver.net.secondary import Secondary, SecondaryZone
from resolver.net.soa_query import ask_serial
from resolver.net.transfer_client import Patience, Wanted, transfer
from resolver.net.transfer_places import Places
from resolver.net.turns import Pace
from resolver.net.turnstile import Turnstile
from resolver.rng import Rng
from resolver.zone import journal
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.history import History
from resolver.zone.peer import Peer
from resolver.zone.primaries import Fetch, Heard, Silent, Unreached
from resolver.zone.refresh import Clamps
from resolver.zone.status import ZoneStatus
from resolver.zone.store import ZoneStore
from resolver.zone.transfer_in import Bounds, Refused, Result

# Changes of a zone that small are put on step by step however small the zone is.
MIN_CHANGES = 10_000
# Steps of checks in each turn of the loop, a fraction of a millisecond each.
CHECKS_AT_ONCE = 8

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the zones of one store. Made before there is a loop; lives between `open` and `stop`.

    `changed` is called after every change of what is served. `ledger` None keeps nothing on disk.
    """

    def __init__(
        self,
        plan: KeeperPlan,
        *,
        store: ZoneStore,
        changed: Callable[[], None],
        ledger: Ledger | None,
        clock: Clock,
        rng: Rng,
        metrics: Metrics,
    ) -> None:
        self.clock = clock
        self.rng = rng
        self.metrics = metrics
        self.history = History()
        # For the handler of NOTIFY: packed addresses of the primaries of each secondary zone.
        self.primaries: dict[bytes, frozenset[bytes]] = {}
        self._store = store
        self.key_faults = store.key_faults
        self._changed = changed
        self._audience = Audience(store)
        self.ledger = ledger
        self._secondaries: dict[bytes, Secondary] = {}
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._ending = Ending()
        self.turnstile = Turnstile(CHECKS_AT_ONCE)
        self._locks: dict[bytes, asyncio.Lock] = {}
        self._client: PeerClient | None = None
        self._notifier: Notifier | None = None
        # Told of every version that is served from now on.
        self.listeners: list[Callable[[Zone], None]] = []
        self._take(plan)

    def _take(self, plan: KeeperPlan) -> None:
        settings = plan.settings
        self._plan = plan
        self._settings = settings
        self._audience.also_notify = plan.also_notify
        self._audience.name_servers = plan.tell_name_servers
        self.clamps = Clamps(
            settings.min_refresh, settings.max_refresh, settings.min_retry, settings.max_retry
        )
        self._patience = Patience(settings.max_time, settings.idle_timeout, settings.min_rate)
        self._places = Places(settings)

    def turn_to(self, plan: KeeperPlan, others: Collection[bytes]) -> list[SecondaryZone]:
        """Be configured in another way from now on, in one step. Secondary zones that are no more
        are served no more, unless they are among the `others` that somebody else keeps from now on;
        those that are new are returned, and to be added. Checks and transfers under way go on."""
        before = {zone.origin: zone for zone in self._plan.secondaries}
        wanted = {zone.origin: zone for zone in plan.secondaries}
        self._take(plan)
        for origin in before.keys() - wanted.keys():
            self.drop(origin, serve=origin in others)
        for secondary in self._secondaries.values():
            secondary.refresh.clamps = self.clamps
            zone = wanted.get(secondary.origin)
            if zone is not None and zone != before.get(zone.origin):
                self.change(zone)
        return [zone for origin, zone in wanted.items() if origin not in self._secondaries]

    def change(self, zone: SecondaryZone) -> None:
        """Have a secondary zone be configured in another way from now on."""
        secondary = self._secondaries[zone.origin]
        secondary.turn_to(zone)
        self.primaries[zone.origin] = secondary.addresses

    async def open(self) -> None:
        """Serve what is on disk of the secondary zones that are configured. Touches no socket."""
        for zone in self._plan.secondaries:
            await self.add(zone)

    async def add(self, zone: SecondaryZone) -> None:
        """Be a secondary for a zone; its copy on disk, if there is one, is served from now on."""
        secondary = Secondary(zone, self)
        self._secondaries[zone.origin] = secondary
        self.primaries[zone.origin] = secondary.addresses
        kept = Kept()
        if self.ledger is not None:
            try:
                kept = await self.ledger.restore(zone.origin)
            except JournalError as error:
                _log.error("zone %s: no copy from disk: %s", names.show(zone.origin), error)
        secondary.restore(kept.zone, kept.clock)
        if kept.zone is not None:
            self.history.add(kept.zone, kept.history)
        if self._client is not None:
            self._run(secondary)

    async def remove(self, origin: bytes, *, forget: bool = True) -> None:
        """Serve this zone no more, whoever kept it. With `forget` nothing of it is left on disk.
        Raises JournalError."""
        self.drop(origin)
        if forget and self.ledger is not None and self.ledger.is_there:
            await self.ledger.forget(origin)

    def drop(self, origin: bytes, *, serve: bool = False) -> None:
        """Keep this zone no more, and unless told to `serve` it as it is, serve it no more, at
        once. What is kept of it on disk stays."""
        self.primaries.pop(origin, None)
        secondary = self._secondaries.pop(origin, None)
        task = self._tasks.pop(origin, None)
        if secondary is not None:
            secondary.end(task, self._ending)
        self._locks.pop(origin, None)
        self.history.forget(origin)
        if not serve:
            self.withdraw((origin,))

    def withdraw(self, origins: Collection[bytes]) -> None:
        """Serve these zones no more, at once; to `drop` them is for later."""
        self._store.remove_all(origins)
        self._changed()

    def start(
        self,
        client: PeerClient,
        listening: Iterable[Address],
        resolve: Callable[[bytes], Awaitable[list[str]]] | None = None,
    ) -> None:
        """Begin to ask primaries, and tell the servers that are named in `also_notify` which
        versions we begin with. Call it inside the loop."""
        self.reach(client, listening, resolve)
        self._notifier = Notifier(client, self.metrics)
        for secondary in self._secondaries.values():
            self._run(secondary)
        self._chore(self._tell_all())

    def reach(
        self,
        client: PeerClient,
        listening: Iterable[Address],
        resolve: Callable[[bytes], Awaitable[list[str]]] | None = None,
    ) -> None:
        """Ask and notify in this way from now on; what is under way goes on as it was."""
        self._client = client
        self._audience.resolve = resolve
        self._audience.own = OwnAddresses(listening)
        if self._notifier is not None:
            self._notifier.client = client

    async def pause(self) -> None:
        """Ask no primary until told to `go_on`; a change that is being written is written."""
        tasks = [*self._tasks.values(), *self._chores]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        await self._ending.finish()

    def go_on(self) -> None:
        """Ask primaries again."""
        for secondary in self._secondaries.values():
            self._run(secondary)

    async def stop(self) -> None:
        """End everything that is under way; a change that is being written is written."""
        await self.pause()
        if self._notifier is not None:
            await self._notifier.close()
        if self.ledger is not None:
            await self.ledger.close()

    async def publish(
        self, zone: Zone, changes: Diff | Sequence[Diff] | None, *, whole: bool = False
    ) -> None:
        """Make a new version durable, then serve it, then tell it on.

        `changes` led to it from the version before, oldest first; None when they are not known.
        `whole` keeps all of it on disk as well. Raises JournalError before anything has changed.
        """
        diffs = (changes,) if isinstance(changes, Diff) else changes
        async with self._locks.setdefault(zone.origin, asyncio.Lock()):
            wants_version = False
            if self.ledger is not None:
                if diffs is None or whole:
                    await self.ledger.put_version(zone, diffs or ())
                else:
                    wants_version = await self.ledger.append(diffs)
            self.show(zone, diffs)
        if wants_version:
            self._chore(self._put_version(zone))

    def show(self, zone: Zone, changes: Sequence[Diff] | None = None) -> None:
        """Serve a new version, durable or not, and tell it on."""
        if changes is None:
            self.history.forget(zone.origin)
        else:
            self.history.add(zone, changes)
        self.resume(zone)
        self.announce(zone)

    def resume(self, zone: Zone) -> None:
        """Serve a version that is no news: from disk, or after it had expired."""
        self._store.swap(zone)
        self._changed()
        for listener in self.listeners:
            listener(zone)

    def announce(self, zone: Zone) -> None:
        """Tell on a version that is served already."""
        if self._notifier is not None:
            self._chore(self._tell(zone))

    def withhold(self, origin: bytes, *, expired: bool) -> None:
        """Answer nothing from this zone until a version of it is shown."""
        self._store.withhold(origin, expired=expired)
        self._changed()

    async def save(self, zone: Zone) -> None:
        """Put a version on disk that is served already. Raises JournalError."""
        if self.ledger is not None:
            await self.ledger.put_version(zone)

    async def save_clock(self, origin: bytes, clock: journal.Clock) -> None:
        """Put the clock of a secondary on disk. Raises JournalError."""
        if self.ledger is not None:
            await self.ledger.put_clock(origin, clock)

    def notified(self, origin: bytes, packed_address: bytes, serial: int | None) -> None:
        """A NOTIFY that is believed has come."""
        secondary = self._secondaries.get(origin)
        if secondary is not None:
            secondary.notified(packed_address, serial)

    def relay(self, origin: bytes, packet: bytes, done: Callable[[bytes | None], None]) -> None:
        """Pass a message about a secondary zone on to its primaries, in turn; `done` gets the first
        reply, None without one."""
        assert self._client is not None
        secondary = self._secondaries.get(origin)
        primaries = () if secondary is None else secondary.primaries
        self._chore(relay(self._client, origin, packet, primaries, done))

    async def first_check(self, origin: bytes) -> ZoneStatus | None:
        """How a secondary zone is once its first check is over; None when it is none."""
        secondary = self._secondaries.get(origin)
        if secondary is None:
            return None
        await secondary.checked.wait()
        return secondary.status()

    def refresh(self, origin: bytes, *, whole: bool = False) -> bool:
        """Have a zone checked now; `whole` transfers it anew. False when it is no secondary."""
        secondary = self._secondaries.get(origin)
        if secondary is not None:
            secondary.hurry(whole=whole)
        return secondary is not None

    def life_s(self, origin: bytes) -> float | None:
        """How many seconds our copy of a secondary zone lives on; None when it is none."""
        secondary = self._secondaries.get(origin)
        return None if secondary is None else secondary.life_s

    @property
    def telling(self) -> int:
        """NOTIFYs that have not been answered yet."""
        return 0 if self._notifier is None else self._notifier.under_way

    def secondaries(self) -> list[Secondary]:
        """Every secondary zone, in no order."""
        return list(self._secondaries.values())

    def status_of(self, origin: bytes) -> ZoneStatus | None:
        """How a secondary zone is; None when it is none."""
        secondary = self._secondaries.get(origin)
        return None if secondary is None else secondary.status()

    def status(self) -> list[ZoneStatus]:
        """How every secondary zone is, in canonical order."""
        ordered = sorted(self._secondaries, key=names.canonical_key)
        return [self._secondaries[origin].status() for origin in ordered]

    async def ask_serials(self, origin: bytes, peers: Sequence[Peer]) -> list[Heard | Silent]:
        """The SOAs of all these, asked at the same time as far as there are places."""
        client = self._client
        assert client is not None

        async def ask(peer: Peer) -> Heard | Silent:
            async with self._places.queries:
                await self.turnstile.enter()
                self.metrics.soa_queries_total += 1
                return await ask_serial(client, origin, peer)

        return list(await asyncio.gather(*map(ask, peers)))

    async def transfer(self, origin: bytes, fetch: Fetch, base: Zone | None) -> Result | Unreached:
        """One transfer, once there is a place for it."""
        assert self._client is not None
        settings = self._settings
        changes = max(MIN_CHANGES, base.records if base is not None else 0)
        bounds = Bounds(settings.max_size, settings.max_records, changes=changes)
        soa = base.soa if base is not None and fetch.incremental else None
        signs = origin in self._store.signers
        wanted = Wanted(origin, fetch.held, soa, bounds, signs_aliases=signs)
        async with self._places.transfer(fetch.primary.address.ip):
            result = await transfer(
                self._client, fetch.primary, wanted, self._patience, clock=self.clock
            )
        self.metrics.transfers_in_failed_total += isinstance(result, Refused)
        return result

    def _run(self, secondary: Secondary) -> None:
        self._tasks[secondary.origin] = asyncio.create_task(secondary.run())

    def _chore(self, work: Awaitable[None]) -> None:
        """Something to be done soon that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._chores.add(task)
        task.add_done_callback(self._chore_done)

    def _chore_done(self, task: "asyncio.Task[None]") -> None:
        self._chores.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.metrics.exceptions_total += 1
            _log.error("work in the background failed", exc_info=fault)

    async def _put_version(self, zone: Zone) -> None:
        """Shorten what a restart would have to put together."""
        try:
            await self.save(zone)
        except JournalError as error:
            _log.warning("zone %s: %s", names.show(zone.origin), error)

    async def _tell_all(self) -> None:
        """NOTIFY whom the operator has named of every zone."""
        pace = Pace()
        for zone in self._store.unordered():
            peers = self._audience.named(zone.origin)
            if peers and self._notifier is not None and self._store.get(zone.origin) is zone:
                self._notifier.tell(zone, peers)
            await pace.rest()

    async def _tell(self, zone: Zone) -> None:
        """NOTIFY whom it concerns."""
        notifier = self._notifier
        assert notifier is not None
        notifier.tell(zone, self._audience.named(zone.origin))
        notifier.tell(zone, await self._audience.derived(zone))
