"""What a configuration says of zones: which there are, and who may do what with each.

Who may transfer and change a zone, and who is told of changes, is looked up by origin in the tables
of the Roster: zones that come at run time, out of folders and catalogs, are put into them.

Knows: the configuration, and which part takes what of it. Does not know: how zones are kept.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from resolver.config.access import AccessWord
from resolver.config.entries import PeerSettings
from resolver.config.schema import Config
from resolver.config.units import Network
from resolver.config.zones import (
    CatalogSettings,
    MemberSettings,
    ZoneDirectorySettings,
    ZoneSettings,
)
from resolver.net.catalogs import FollowedCatalog, MemberTerms
from resolver.net.keeper_plan import KeeperPlan
from resolver.net.made_catalogs import Handover
from resolver.net.primaries import Folder
from resolver.net.primary_plan import PrimaryZone
from resolver.net.secondary import SecondaryZone
from resolver.policy.acl import Rule, ZoneRules
from resolver.policy.update_policy import UpdateRule, UpdateRules, rule_of
from resolver.zone.catalog import Member
from resolver.zone.peer import Peer

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


@dataclass(frozen=True, slots=True)
class MadeCatalog:
    """A catalog made here: its configured zones with their groups, and how they leave it."""

    listed: Mapping[bytes, str]
    handover: Handover


@dataclass(frozen=True, slots=True)
class ZonesPlan:
    """What a configuration says of zones, worked out; made without touching anything."""

    roster: Roster
    keeper: KeeperPlan
    primaries: Mapping[bytes, PrimaryZone]
    folders: Sequence[Folder]
    followed: Sequence[FollowedCatalog]
    made: Mapping[bytes, MadeCatalog]  # catalogs made here
    added: Mapping[bytes, ZoneSettings]  # those added at run time that the configuration lacks
    configured: Set[bytes]  # zones that the configuration names


@dataclass(frozen=True, slots=True)
class ZonesThere:
    """Zones that are not in the configuration by themselves: those of each folder and of each
    catalog that is followed, and those added at run time."""

    in_folders: Mapping[Path, Sequence[bytes]] = field(default_factory=dict)
    in_catalogs: Mapping[bytes, Sequence[Member]] = field(default_factory=dict)
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
        for member in there.in_catalogs.get(catalog.origin, ()):
            catalog.terms_of(member).admit(member.origin)
    configured = {zone.name for zone in config.zone}
    added = {name: terms for name, terms in there.added.items() if name not in configured}
    for origin, terms in added.items():
        roster.admit(terms, origin)
    return ZonesPlan(
        roster,
        KeeperPlan(
            _secondaries(config),
            roster.also_notify,
            config.secondary,
            config.server.notify_name_servers,
        ),
        {**_primary_zones(added.values(), config), **primary_zones(config)},
        folders,
        followed,
        {catalog.name: _made(catalog, config) for catalog in config.catalog},
        added,
        configured,
    )


def peers_of(settings: Iterable[PeerSettings]) -> tuple[Peer, ...]:
    """Servers as they are configured."""
    return tuple(Peer(peer.address, peer.key) for peer in settings)


def _secondaries(config: Config) -> list[SecondaryZone]:
    return [secondary_zone(zone) for zone in config.zone if zone.role != "primary"]


def secondary_zone(terms: ZoneSettings) -> SecondaryZone:
    check = terms.zonemd == "check"
    return SecondaryZone(
        terms.name, peers_of(terms.primaries), check_digest=check, alias_keys=terms.alias_keys
    )


def primary_zones(config: Config) -> dict[bytes, PrimaryZone]:
    """The zones that are read from files, by lower-case origin."""
    return _primary_zones(config.zone, config)


def _primary_zones(zones: Iterable[ZoneSettings], config: Config) -> dict[bytes, PrimaryZone]:
    plans = (primary_zone(terms, config) for terms in zones)
    return {plan.origin: plan for plan in plans if plan is not None}


def primary_zone(terms: ZoneSettings, config: Config) -> PrimaryZone | None:
    """A zone that is read from a file; None for any other."""
    if terms.role != "primary" or terms.file is None:
        return None
    return replace(
        _plan(terms, config), origin=terms.name, path=terms.file, alias_keys=terms.alias_keys
    )


def _folders(config: Config, roster: Roster) -> list[Folder]:
    return [
        Folder(entry.path, _plan(entry, config), partial(roster.admit, entry), roster.dismiss)
        for entry in config.zone_directory
    ]


def _made(catalog: CatalogSettings, config: Config) -> MadeCatalog:
    """A catalog with its configured zones, secondary ones too."""
    listed = {z.name: z.catalog_group for z in config.zone if z.catalog == catalog.name}
    return MadeCatalog(listed, Handover(catalog.handover_notice, catalog.handover))


def _followed(config: Config, roster: Roster) -> list[FollowedCatalog]:
    return [
        FollowedCatalog(
            zone.name,
            _member_terms(members := _differing(zone, zone.members or MemberSettings()), roster),
            {g.name.encode(): _member_terms(_differing(members, g), roster) for g in zone.groups},
            check_digest=zone.zonemd == "check",
            dismiss=roster.dismiss,
        )
        for zone in config.zone
        if zone.role == "catalog"
    ]


def _differing(terms: ZoneSettings, members: MemberSettings) -> ZoneSettings:
    """The terms of a catalog, or of its members, but for what is told of these."""
    told = members.model_fields_set & {"transfer", "also_notify"}
    update: dict[str, object] = {key: getattr(members, key) for key in told}
    if members.primaries:
        update["primaries"] = members.primaries
    return terms.model_copy(update=update)


def _member_terms(terms: ZoneSettings, roster: Roster) -> MemberTerms:
    return MemberTerms(peers_of(terms.primaries), partial(roster.admit, terms))


def _plan(terms: ZoneSettings | ZoneDirectorySettings, config: Config) -> PrimaryZone:
    """What is configured of a zone but for its name and file."""
    transfer = config.access.transfer if terms.transfer is None else terms.transfer
    closed = all(entry == AccessWord.NONE for entry in transfer)
    return PrimaryZone(
        b"",
        Path(),
        serial=terms.serial,
        watch=terms.watch,
        sync_s=terms.zonefile_sync,
        catalog=terms.catalog,
        catalog_group=terms.catalog_group,
        check_digest=terms.zonemd == "check",
        kept_records=0 if closed else config.server.keep_file_versions,
        reverse=terms.reverse,
    )
