"""From a configuration to whatever keeps zones: the keeper, primary zones, folders, catalogs.

What each is to do is worked out elsewhere (app/zone_plans.py). Knows: the parts, and how they hang
together. Does not know: the configuration, how zones are kept.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from resolver import names
from resolver.app.zone_plans import (
    MadeCatalog,
    Roster,
    ZonesPlan,
    ZonesThere,
    plan_zones,
    primary_zone,
    secondary_zone,
)
from resolver.clock import Clock
from resolver.config.schema import Config
from resolver.config.units import Network
from resolver.config.zones import ZoneSettings
from resolver.errors import Finding
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.catalogs import Followed
from resolver.net.ledger import Ledger
from resolver.net.made_catalogs import Made
from resolver.net.maintain import Keeper
from resolver.net.peer_client import PeerClient
from resolver.net.pointer_keeper import PointerKeeper
from resolver.net.primaries import Primaries
from resolver.net.primary_plan import FileRead, read_file
from resolver.net.secondary import SecondaryZone
from resolver.net.turns import in_turns
from resolver.serve.request import Notes
from resolver.serve.update import Updates
from resolver.zone.store import ZoneStore

# In `server.state_dir`.
JOURNAL_FILE = "journal.db"


@dataclass(frozen=True, slots=True)
class Settling:
    """What is left to be done after zones were configured in another way: secondary zones to begin
    with, and catalogs made here that have ended or begun."""

    secondaries: Sequence[SecondaryZone]
    ended: Sequence[Made]
    begun: Sequence[Made]


class Zoning:
    """The parts that keep the zones of one store."""

    def __init__(
        self,
        config: Config,
        store: ZoneStore,
        networks: Sequence[Network],
        *,
        clock: Clock,
        metrics: Metrics,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after every change of what is served. Touches neither disk nor
        network yet."""
        plan = plan_zones(config, networks)
        self.roster = plan.roster
        self.keeper = Keeper(
            plan.keeper,
            store=store,
            changed=changed,
            ledger=Ledger(config.server.state_dir / JOURNAL_FILE),
            clock=clock,
            rng=random.SystemRandom(),
            metrics=metrics,
        )
        self._store = store
        self._metrics = metrics
        self.primaries = Primaries(
            plan.primaries.values(), plan.folders, keeper=self.keeper, store=store
        )
        self.pointers = PointerKeeper(self.primaries, self.keeper, store)
        self.followed = Followed(
            plan.followed, keeper=self.keeper, store=store, own=self.primaries.zones.keys()
        )
        self.made: dict[bytes, Made] = {}
        for origin, catalog in plan.made.items():
            self.made[origin] = self._make(origin, catalog)
        self.primaries.changed.append(self._members_changed)
        self._added: dict[bytes, ZoneSettings] = {}
        self._frozen = AsyncExitStack()
        self.configured = plan.configured  # origins of zones that the configuration names

    def _make(self, origin: bytes, plan: MadeCatalog) -> Made:
        return Made(
            origin,
            partial(self._members, plan.listed, origin),
            plan.handover,
            all_made=self.made,
            keeper=self.keeper,
            store=self._store,
        )

    def _members(self, listed: Mapping[bytes, str], catalog: bytes) -> Mapping[bytes, str]:
        """The zones of a catalog made here with their groups: those in its list, and those of
        folders."""
        plans = (primary.plan for primary in self.primaries.zones.values())
        return {**{p.origin: p.catalog_group for p in plans if p.catalog == catalog}, **listed}

    def _members_changed(self) -> None:
        for made in self.made.values():
            made.changed()

    async def open(self, reads: Mapping[bytes, FileRead]) -> None:
        """Serve all that is on disk, before there is any socket. `reads` are the files of the
        configured primary zones, by origin."""
        await self.keeper.open()
        for terms in self._added.values():
            if terms.role == "secondary":
                await self.keeper.add(secondary_zone(terms))
        await self.primaries.open(reads)
        await self.followed.open()
        for made in self.made.values():
            await made.restore()
        for made in self.made.values():
            await made.renew()

    def start(
        self,
        client: PeerClient,
        listening: Iterable[Address],
        resolve: Callable[[bytes], Awaitable[list[str]]] | None,
    ) -> None:
        """Begin to ask primaries, to notify and to look for changed files."""
        self.keeper.start(client, listening, resolve)
        self.primaries.start()
        self.pointers.start()

    async def stop(self) -> None:
        """End everything; a change that is being written is written."""
        await self.pointers.stop()
        await self.primaries.stop()
        await self.followed.stop()
        for made in self.made.values():
            await made.stop()
        await self.keeper.stop()
        await self._frozen.aclose()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """No zone comes or goes by itself meanwhile: not out of folders, not out of catalogs."""
        async with self.primaries.still(), self.followed.still():
            yield

    async def freeze(self) -> None:
        """Change no zone any more, until `thaw`."""
        await self._frozen.enter_async_context(self.still())
        await self.pointers.stop()
        await self.primaries.pause()
        await self.keeper.pause()

    async def thaw(self) -> None:
        """Go on."""
        self.keeper.go_on()
        self.primaries.go_on()
        self.pointers.start()
        await self._frozen.aclose()

    def there(self) -> ZonesThere:
        """What is here and not in the configuration by itself."""
        return ZonesThere(self.primaries.held(), self.followed.held(), dict(self._added))

    def turn_to(self, plan: ZonesPlan) -> Settling:
        """Be configured in another way from now on, in one step; to be called while all is `still`.
        What is returned is to be done next."""
        self.roster = plan.roster
        self.configured = plan.configured
        for origin in self._added.keys() - plan.added.keys():
            if origin in plan.primaries and origin in self.keeper.primaries:
                self.keeper.drop(origin, serve=True)
        self._added = dict(plan.added)
        secondaries = {zone.origin for zone in plan.keeper.secondaries}
        self.primaries.turn_to(plan.primaries, plan.folders, secondaries)
        new = self.keeper.turn_to(plan.keeper, plan.primaries.keys())
        self.followed.turn_to(plan.followed)
        ended = [self.made.pop(origin) for origin in self.made.keys() - plan.made.keys()]
        for made in ended:
            self.keeper.drop(made.origin, serve=made.origin in plan.primaries.keys() | secondaries)
        begun = []
        for origin, catalog in plan.made.items():
            if origin in self.made:
                self.made[origin].members = partial(self._members, catalog.listed, origin)
                self.made[origin].handover = catalog.handover
            else:
                begun.append(self.made.setdefault(origin, self._make(origin, catalog)))
        return Settling(new, ended, begun)

    async def settle(self, settling: Settling, reads: Mapping[bytes, FileRead]) -> list[Finding]:
        """Begin with what is new and take up files that were `read`; all that stands against them.
        Everything else is served meanwhile."""
        for zone in settling.secondaries:
            await self.keeper.add(zone)
        faults = await self.primaries.settle(reads)
        await self.followed.settle()
        for made in settling.ended:
            await made.stop()
        for made in settling.begun:
            await made.restore()
            await made.renew()
        return faults

    async def begin_secondary(self, terms: ZoneSettings) -> None:
        """Be a secondary for one more zone until the server ends. What is on disk of a zone of that
        name is of another time and forgotten. Raises ValueError when the zone is served already,
        and JournalError."""
        origin = terms.name
        self._must_be_free(origin)
        if terms.role != "secondary" or not terms.primaries:
            raise ValueError("a secondary zone needs servers to transfer from")
        await self.keeper.remove(origin)
        self._added[origin] = terms
        self.roster.admit(terms, origin)
        await self.keeper.add(secondary_zone(terms))

    async def begin_primary(self, terms: ZoneSettings, config: Config) -> list[Finding]:
        """Serve one more zone from a file until the server ends; what stands against the file, and
        then nothing has changed. Raises ValueError when the zone is served already, and
        JournalError."""
        origin = terms.name
        plan = primary_zone(terms, config)
        if plan is None:
            raise ValueError("a primary zone needs a file")
        async with self.still():
            self._must_be_free(origin)
            read = await in_turns(read_file(plan, self.keeper.clock.wall()))
            if read.report.zone is None:
                return read.report.errors
            await self.keeper.remove(origin)
            self._added[origin] = terms
            self.roster.admit(terms, origin)
            await self.primaries.add(plan, read)
        return []

    def bring_back(self, terms: ZoneSettings, config: Config) -> bool:
        """Begin with a zone that was added before the server was started anew; False when the
        configuration has it by now, which then counts. To be called before `open`."""
        if terms.name in self.configured or terms.name in self.made:
            return False
        self._added[terms.name] = terms
        self.roster.admit(terms, terms.name)
        plan = primary_zone(terms, config)
        if plan is not None:
            self.primaries.expect(plan)
        return True

    async def remove(self, origin: bytes) -> None:
        """Serve a zone no more that was added, and keep nothing of it but its file. Raises
        ValueError for any other, and JournalError."""
        if origin not in self._added:
            raise ValueError(f"{names.show(origin)} was not added by command")
        del self._added[origin]
        self.roster.dismiss(origin)
        if origin in self.primaries.zones:
            async with self.primaries.still():
                await self.primaries.remove(origin)
        else:
            await self.keeper.remove(origin)

    @property
    def added(self) -> Mapping[bytes, ZoneSettings]:
        """The zones that are served beside the configured ones."""
        return self._added

    def _must_be_free(self, origin: bytes) -> None:
        kept = origin in self.keeper.primaries or origin in self.primaries.zones
        if kept or self._store.get(origin) is not None:
            raise ValueError(f"{names.show(origin)} is served already")

    def updates(self, roster: Roster, notes: Notes) -> Updates:
        """The handler of dynamic updates."""
        return Updates(
            self._store,
            roster.update_rules,
            primaries=self.primaries.zones.keys(),
            secondaries=self.keeper.primaries.keys(),
            perform=self.primaries.perform,
            relay=self.keeper.relay,
            metrics=self._metrics,
            notes=notes,
        )
