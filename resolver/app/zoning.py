"""From a configuration to whatever keeps zones: the keeper, the primary zones, and who may do what.

Who may transfer and change a zone, and who is told of changes, is looked up by origin in the tables
of the Roster: zones that come at run time, out of folders and catalogs, are put into them.

Knows: the configuration, and which part takes what of it. Does not know: how zones are kept.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from resolver import names
from resolver.clock import Clock
from resolver.config.entries import PeerSettings
from resolver.config.schema import Config
from resolver.config.units import Network
from resolver.config.zones import (
    CatalogSettings,
    MemberSettings,
    ZoneDirectorySettings,
    ZoneSettings,
)
from resolver.errors import Finding
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.catalogs import Followed, FollowedCatalog, Made
from resolver.net.ledger import Ledger
from resolver.net.maintain import Keeper, KeeperPlan
from resolver.net.peer_client import PeerClient
from resolver.net.primaries import Folder, Primaries
from resolver.net.primary import FileRead, PrimaryZone
from resolver.net.secondary import SecondaryZone
from resolver.policy.acl import Rule, ZoneRules
from resolver.policy.update_policy import UpdateRule, UpdateRules, rule_of
from resolver.serve.request import Notes
from resolver.serve.update import Updates
from resolver.zone.content import Zone
from resolver.zone.peer import Peer
from resolver.zone.store import ZoneStore

# In `server.state_dir`.
JOURNAL_FILE = "journal.db"

Terms: TypeAlias = ZoneSettings | ZoneDirectorySettings | CatalogSettings


@dataclass(frozen=True, slots=True)
class Settling:
    """What is left to be done after zones were configured in another way: secondary zones to begin
    with, and catalogs made here that have ended or begun."""

    secondaries: Sequence[SecondaryZone]
    ended: Sequence[Made]
    begun: Sequence[Made]


class Roster:
    """Who may do what with which zone, and who is told of changes; by lower-case origin."""

    def __init__(self, config: Config, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._update_rest = Rule(config.access.update, networks)
        self._transfers: dict[bytes, Rule] = {}
        self._updates: dict[bytes, UpdateRule] = {}
        self.also_notify: dict[bytes, tuple[Peer, ...]] = {}
        self.transfer_rules = ZoneRules(Rule(config.access.transfer, networks), self._transfers)
        self.update_rules = UpdateRules(UpdateRule(self._update_rest), self._updates)
        for zone in config.zone:
            self.admit(zone, zone.name)
        for catalog in config.catalog:
            self.admit(catalog, catalog.name)

    def admit(self, terms: Terms, origin: bytes) -> None:
        """Note on which terms a zone is served."""
        if terms.transfer is not None:
            self._transfers[origin] = Rule(terms.transfer, self._networks)
        if not isinstance(terms, CatalogSettings):
            self._updates[origin] = rule_of(terms, self._update_rest, self._networks)
        self.also_notify[origin] = peers_of(terms.also_notify)

    def dismiss(self, origin: bytes) -> None:
        """Forget a zone."""
        self._transfers.pop(origin, None)
        self._updates.pop(origin, None)
        self.also_notify.pop(origin, None)


@dataclass(frozen=True, slots=True)
class ZonesPlan:
    """What a configuration says of zones, worked out; made without touching anything."""

    roster: Roster
    keeper: KeeperPlan
    primaries: Mapping[bytes, PrimaryZone]
    folders: Sequence[Folder]
    followed: Sequence[FollowedCatalog]
    made: Mapping[bytes, Sequence[bytes]]  # catalogs made here, and configured zones in them


@dataclass(frozen=True, slots=True)
class ZonesThere:
    """Zones that are not in the configuration by themselves: those of each folder and of each
    catalog that is followed, and those added at run time."""

    in_folders: Mapping[Path, Sequence[bytes]] = field(default_factory=dict)
    in_catalogs: Mapping[bytes, Sequence[bytes]] = field(default_factory=dict)
    added: Mapping[bytes, ZoneSettings] = field(default_factory=dict)


def plan_zones(
    config: Config, networks: Sequence[Network], there: ZonesThere | None = None
) -> ZonesPlan:
    """Work it out, for a server that has the zones `there` already."""
    there = there or ZonesThere()
    roster = Roster(config, networks)
    folders, followed = _folders(config, roster), _followed(config, roster)
    for folder in folders:
        for origin in there.in_folders.get(folder.path, ()):
            folder.admit(origin)
    for catalog in followed:
        for origin in there.in_catalogs.get(catalog.origin, ()):
            catalog.admit(origin)
    for origin, terms in there.added.items():
        roster.admit(terms, origin)
    return ZonesPlan(
        roster,
        KeeperPlan(
            _secondaries(config),
            roster.also_notify,
            config.secondary,
            config.server.notify_name_servers,
        ),
        primary_zones(config),
        folders,
        followed,
        {catalog.name: _listed(config, catalog.name) for catalog in config.catalog},
    )


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
        self.followed = Followed(
            plan.followed, keeper=self.keeper, store=store, own=self.primaries.zones.keys()
        )
        self.made = {origin: self._make(origin, listed) for origin, listed in plan.made.items()}
        self.primaries.changed.append(self._members_changed)
        self._added: dict[bytes, ZoneSettings] = {}
        self._configured = {*(zone.name for zone in config.zone), *plan.made}

    def _make(self, catalog: bytes, listed: Sequence[bytes]) -> Made:
        members = partial(self._members, listed, catalog)
        return Made(catalog, members, keeper=self.keeper, store=self._store)

    def _members(self, listed: Sequence[bytes], catalog: bytes) -> Iterable[bytes]:
        """The zones of a catalog made here: those in its list, and those of folders."""
        found = (p.plan.origin for p in self.primaries.zones.values() if p.plan.catalog == catalog)
        return {*listed, *found}

    def _members_changed(self) -> None:
        for made in self.made.values():
            made.changed()

    async def open(self, files: Iterable[Zone]) -> None:
        """Serve all that is on disk, before there is any socket. `files` are the configured primary
        zones as their files hold them."""
        await self.keeper.open()
        for terms in self._added.values():
            await self.keeper.add(_secondary(terms))
        await self.primaries.open(files)
        await self.followed.open()
        for made in self.made.values():
            await made.open()

    def start(
        self,
        client: PeerClient,
        listening: Iterable[Address],
        resolve: Callable[[bytes], Awaitable[list[str]]] | None,
    ) -> None:
        """Begin to ask primaries, to notify and to look for changed files."""
        self.keeper.start(client, listening, resolve)
        self.primaries.start()

    async def stop(self) -> None:
        """End everything; a change that is being written is written."""
        await self.primaries.stop()
        await self.followed.stop()
        for made in self.made.values():
            await made.stop()
        await self.keeper.stop()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """No zone comes or goes by itself meanwhile: not out of folders, not out of catalogs."""
        async with self.primaries.still(), self.followed.still():
            yield

    def there(self) -> ZonesThere:
        """What is here and not in the configuration by itself."""
        return ZonesThere(self.primaries.held(), self.followed.held(), dict(self._added))

    def turn_to(self, plan: ZonesPlan) -> Settling:
        """Be configured in another way from now on, in one step; to be called while all is `still`.
        What is returned is to be done next."""
        self.roster = plan.roster
        secondaries = {zone.origin for zone in plan.keeper.secondaries}
        self.primaries.turn_to(plan.primaries, plan.folders, secondaries)
        new = self.keeper.turn_to(plan.keeper, plan.primaries.keys())
        self.followed.turn_to(plan.followed)
        ended = [self.made.pop(origin) for origin in self.made.keys() - plan.made.keys()]
        for made in ended:
            self.keeper.drop(made.origin, serve=made.origin in plan.primaries.keys() | secondaries)
        begun = []
        for origin, listed in plan.made.items():
            if origin in self.made:
                self.made[origin].members = partial(self._members, listed, origin)
            else:
                begun.append(self.made.setdefault(origin, self._make(origin, listed)))
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
            await made.open()
        return faults

    async def begin_secondary(self, terms: ZoneSettings) -> None:
        """Be a secondary for one more zone until the server ends. What is on disk of a zone of that
        name is of another time and forgotten. Raises ValueError when the zone is served already,
        and JournalError."""
        origin = terms.name
        if self._is_taken(origin) or self._store.get(origin) is not None:
            raise ValueError(f"{names.show(origin)} is served already")
        if terms.role != "secondary" or not terms.primaries:
            raise ValueError("a secondary zone needs servers to transfer from")
        await self.keeper.remove(origin)
        self._added[origin] = terms
        self.roster.admit(terms, origin)
        await self.keeper.add(_secondary(terms))

    def bring_back(self, terms: ZoneSettings) -> bool:
        """Begin with a zone that was added before the server was started anew; False when the
        configuration has it by now, which then counts. To be called before `open`."""
        if terms.name in self._configured:
            return False
        self._added[terms.name] = terms
        self.roster.admit(terms, terms.name)
        return True

    async def remove_secondary(self, origin: bytes) -> None:
        """Serve a zone no more that was added, and keep nothing of it. Raises ValueError for any
        other, and JournalError."""
        if origin not in self._added:
            raise ValueError(f"{names.show(origin)} was not added by command")
        del self._added[origin]
        self.roster.dismiss(origin)
        await self.keeper.remove(origin)

    @property
    def added(self) -> Mapping[bytes, ZoneSettings]:
        """The zones that are served beside the configured ones."""
        return self._added

    def _is_taken(self, origin: bytes) -> bool:
        return origin in self.keeper.primaries or origin in self.primaries.zones

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


def peers_of(settings: Iterable[PeerSettings]) -> tuple[Peer, ...]:
    """Servers as they are configured."""
    return tuple(Peer(peer.address, peer.key) for peer in settings)


def _secondaries(config: Config) -> list[SecondaryZone]:
    return [_secondary(zone) for zone in config.zone if zone.role != "primary"]


def _secondary(terms: ZoneSettings) -> SecondaryZone:
    check = terms.zonemd == "check"
    return SecondaryZone(terms.name, peers_of(terms.primaries), check_digest=check)


def primary_zones(config: Config) -> dict[bytes, PrimaryZone]:
    """The zones that are read from files, by lower-case origin."""
    return {
        zone.name: replace(_plan(zone), origin=zone.name, path=zone.file)
        for zone in config.zone
        if zone.role == "primary" and zone.file is not None
    }


def _folders(config: Config, roster: Roster) -> list[Folder]:
    return [
        Folder(entry.path, _plan(entry), partial(roster.admit, entry), roster.dismiss)
        for entry in config.zone_directory
    ]


def _listed(config: Config, catalog: bytes) -> list[bytes]:
    """Configured zones of a catalog, secondary ones too."""
    return [zone.name for zone in config.zone if zone.catalog == catalog]


def _followed(config: Config, roster: Roster) -> list[FollowedCatalog]:
    found = []
    for zone in config.zone:
        if zone.role != "catalog":
            continue
        members = zone.members or MemberSettings()
        told = members.model_fields_set
        terms = zone.model_copy(
            update={
                "transfer": members.transfer if "transfer" in told else zone.transfer,
                "also_notify": members.also_notify if "also_notify" in told else zone.also_notify,
            }
        )
        found.append(
            FollowedCatalog(
                zone.name,
                peers_of(members.primaries or zone.primaries),
                check_digest=zone.zonemd == "check",
                admit=partial(roster.admit, terms),
                dismiss=roster.dismiss,
            )
        )
    return found


def _plan(terms: ZoneSettings | ZoneDirectorySettings) -> PrimaryZone:
    """What is configured of a zone but for its name and file."""
    return PrimaryZone(
        b"",
        Path(),
        serial=terms.serial,
        watch=terms.watch,
        sync_s=terms.zonefile_sync,
        catalog=terms.catalog,
        check_digest=terms.zonemd == "check",
    )
