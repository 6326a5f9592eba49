"""From a configuration to whatever keeps zones: the keeper, the primary zones, and who may do what.

Who may transfer and change a zone, and who is told of changes, is looked up by origin in the tables
of the Roster: zones that come at run time, out of folders and catalogs, are put into them.

Knows: the configuration, and which part takes what of it. Does not know: how zones are kept.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
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
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.catalogs import Followed, FollowedCatalog, Made
from resolver.net.ledger import Ledger
from resolver.net.maintain import Keeper, KeeperPlan
from resolver.net.peer_client import PeerClient
from resolver.net.primaries import Folder, Primaries
from resolver.net.primary import PrimaryZone
from resolver.net.secondary import SecondaryZone
from resolver.policy.acl import Rule, ZoneRules
from resolver.policy.update_policy import UpdateRule, UpdateRules, rule_of
from resolver.serve.request import Notes
from resolver.serve.update import Updates
from resolver.zone.content import Zone
from resolver.zone.peer import Peer
from resolver.zone.status import ZoneStatus
from resolver.zone.store import ZoneStore

# In `server.state_dir`.
JOURNAL_FILE = "journal.db"

Terms: TypeAlias = ZoneSettings | ZoneDirectorySettings | CatalogSettings


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
        self.roster = Roster(config, networks)
        self.keeper = Keeper(
            KeeperPlan(
                _secondaries(config),
                self.roster.also_notify,
                config.secondary,
                config.server.notify_name_servers,
            ),
            store=store,
            changed=changed,
            ledger=Ledger(config.server.state_dir / JOURNAL_FILE),
            clock=clock,
            rng=random.SystemRandom(),
            metrics=metrics,
        )
        self.primaries = Primaries(
            _primaries(config), _folders(config, self.roster), keeper=self.keeper, store=store
        )
        self.followed = Followed(
            _followed(config, self.roster),
            keeper=self.keeper,
            store=store,
            own=self.primaries.zones.keys(),
        )
        self.made = [
            Made(
                catalog.name,
                partial(self._members, _listed(config, catalog.name), catalog.name),
                keeper=self.keeper,
                store=store,
            )
            for catalog in config.catalog
        ]
        self.primaries.changed += [made.changed for made in self.made]
        self._store = store
        self._metrics = metrics

    def _members(self, listed: Sequence[bytes], catalog: bytes) -> Iterable[bytes]:
        """The zones of a catalog made here: those in its list, and those of folders."""
        found = (p.plan.origin for p in self.primaries.zones.values() if p.plan.catalog == catalog)
        return {*listed, *found}

    async def open(self, files: Iterable[Zone]) -> None:
        """Serve all that is on disk, before there is any socket. `files` are the configured primary
        zones as their files hold them."""
        await self.keeper.open()
        await self.primaries.open(files)
        await self.followed.open()
        for made in self.made:
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
        for made in self.made:
            await made.stop()
        await self.keeper.stop()

    async def add_secondary(self, terms: ZoneSettings) -> ZoneStatus:
        """Be a secondary for one more zone until the server ends, and wait for the first check:
        how it went is in the status. Raises ValueError when the zone is served already."""
        origin = terms.name
        taken = origin in self.keeper.primaries or origin in self.primaries.zones
        if taken or self._store.get(origin) is not None:
            raise ValueError(f"{names.show(origin)} is served already")
        if terms.role != "secondary" or not terms.primaries:
            raise ValueError("a secondary zone needs servers to transfer from")
        self.roster.admit(terms, origin)
        check = terms.zonemd == "check"
        await self.keeper.add(SecondaryZone(origin, peers_of(terms.primaries), check))
        status = await self.keeper.first_check(origin)
        assert status is not None
        return status

    def updates(self, notes: Notes) -> Updates:
        """The handler of dynamic updates."""
        return Updates(
            self._store,
            self.roster.update_rules,
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
    return [
        SecondaryZone(zone.name, peers_of(zone.primaries), check_digest=zone.zonemd == "check")
        for zone in config.zone
        if zone.role != "primary"
    ]


def _primaries(config: Config) -> list[PrimaryZone]:
    return [
        replace(_plan(zone), origin=zone.name, path=zone.file)
        for zone in config.zone
        if zone.role == "primary" and zone.file is not None
    ]


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
