"""From a configuration to the parts of a server, without opening a socket.

`check` and `run` share this code, so that what one accepts the other accepts too.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resolver import __version__, names
from resolver.app.cookie_secrets import read_cookie_secrets
from resolver.app.key_files import read_keys
from resolver.app.local_files import LocalFiles
from resolver.app.notes import LogNotes
from resolver.app.tending import SNAPSHOT_FILE, SnapshotPlan, Tending
from resolver.app.zoning import Zoning
from resolver.cache.answers import Answers
from resolver.clock import Clock
from resolver.codes import RRType
from resolver.config.schema import Config
from resolver.config.units import Network
from resolver.errors import ConfigError, Finding, ZoneError
from resolver.iterate.priming import builtin_hints
from resolver.iterate.route import Route, Routes
from resolver.metrics import Metrics
from resolver.model import RRset
from resolver.policy.acl import AccessTable, Rule
from resolver.policy.cookies import ServerCookies
from resolver.policy.special import special_zones
from resolver.resolve import PACKETS_SHARE, Recursion
from resolver.serve.cookies import CookieCheck
from resolver.serve.expire import Expire
from resolver.serve.home import Home
from resolver.serve.notify import Notify
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.serve.transfer import TransferLimits, Transfers
from resolver.wire.tsig import Key
from resolver.zone.content import Zone
from resolver.zone.file import read_hints, read_zone_file, read_zone_text
from resolver.zone.store import ZoneStore


@dataclass(slots=True)
class Material:
    """Everything that was read from disk for a configuration."""

    zones: list[Zone] = field(default_factory=list)
    hints: list[RRset] = field(default_factory=builtin_hints)
    keys: dict[bytes, Key] = field(default_factory=dict)  # by lower-case name
    cookie_secrets: tuple[bytes, ...] = ()  # none: cookies are off
    local: LocalFiles = field(default_factory=lambda: LocalFiles(()))
    warnings: list[Finding] = field(default_factory=list)


def read_material(config: Config) -> Material:
    """Keys, secrets, local data, zones and root hints. Raises ConfigError for keys, secrets and
    local data, ZoneError with the errors of all other files together."""
    material = Material()
    material.keys, material.warnings = read_keys(config.key)
    if config.cookies.enabled:
        material.cookie_secrets = read_cookie_secrets(config.cookies.secret_file)
    if config.recursion.enabled:
        material.local = LocalFiles(config.local)
        material.local.load()
        material.warnings += material.local.warnings
    errors: list[Finding] = []
    for entry in config.zone:
        if entry.role != "primary" or entry.file is None:
            continue  # secondaries: their copies are read by the keeper (net/maintain.py)
        report = read_zone_file(
            entry.file, entry.name, now=time.time(), check_digest=entry.zonemd == "check"
        )
        material.warnings += report.warnings
        errors += report.errors
        if report.zone is not None:
            material.zones.append(report.zone)
    if config.recursion.enabled and config.recursion.root_hints is not None:
        try:
            material.hints = read_hints(config.recursion.root_hints)
        except ZoneError as error:
            errors += error.findings
    if errors:
        raise ZoneError(errors)
    return material


def read_zone(text: str) -> Zone:
    """The zone of a master file's text that begins with its $ORIGIN. Raises ZoneError."""
    match text.split(maxsplit=2):
        case ["$ORIGIN", origin, _]:
            report = read_zone_text(text, names.read(origin).lower())
        case _:
            raise ZoneError([Finding("zone", 1, "must begin with $ORIGIN and a name")])
    if report.zone is None:
        raise ZoneError(report.errors)
    return report.zone


def make_recursion(
    config: Config, material: Material, clock: Clock, metrics: Metrics | None = None
) -> Recursion:
    """The recursive service of a configuration. Raises ConfigError for hints that lead nowhere."""
    routes = [
        *(Route(stub.name, stub.to, "stub") for stub in config.stub),
        *(Route(entry.name, entry.to, entry.mode) for entry in config.forward),
    ]
    try:
        return Recursion(
            recursion=config.recursion,
            outgoing=config.outgoing,
            cache=config.cache,
            hints=material.hints,
            clock=clock,
            rng=random.SystemRandom(),
            routes=routes,
            local=make_home(config, material, routes),
            metrics=metrics,
        )
    except ValueError as error:
        file = str(config.recursion.root_hints or "built-in root hints")
        raise ConfigError([Finding(file, 0, str(error))]) from None


def make_home(config: Config, material: Material, routes: Sequence[Route]) -> Home:
    """What is answered before anybody is asked: local data and special names."""
    left_out = config.recursion.special_names
    special = ZoneStore()
    if left_out is not False:
        named = left_out if isinstance(left_out, tuple) else ()
        for zone in special_zones(named, [route.zone for route in routes]):
            special.swap(zone)
    return Home(material.local.overlay, special, Routes(routes))


def make_tending(
    config: Config,
    material: Material,
    recursion: Recursion,
    *,
    keeps_cache: bool,
    clock: Clock,
    dropped: Callable[[], None],
) -> Tending:
    """What goes on beside the queries of a recursive service."""
    cache = config.cache
    plan = SnapshotPlan(
        config.server.state_dir / SNAPSHOT_FILE,
        cache.snapshot_interval,
        cache.size,
        config.recursion.serve_stale,
    )
    keeps_cache = keeps_cache and cache.snapshot
    return Tending(
        recursion, material.local, plan if keeps_cache else None, clock=clock, dropped=dropped
    )


def make_service(
    config: Config,
    store: ZoneStore,
    recursion: Recursion | None,
    *,
    clock: Clock,
    metrics: Metrics,
    on_exception: Callable[[BaseException], None],
    material: Material,
    zoning: Zoning,
    networks: Sequence[Network],
) -> Service:
    """The bytes-to-bytes service of a configuration. Who keeps the zones knows the differences
    between versions, and takes NOTIFYs and updates."""
    server = config.server
    identity = Identity(server.udp_max_size, server.identity, server.version)
    keeper = zoning.keeper
    notes = LogNotes()
    transfers = Transfers(
        store,
        zoning.roster.transfer_rules,
        keeper.history.since,
        limits=TransferLimits(server.transfers_out, server.transfers_out_per_client),
        identity=identity,
        clock=clock,
        metrics=metrics,
        notes=notes,
    )
    notify = Notify(
        store,
        keeper.primaries,
        Rule(config.access.notify, networks),
        keeper.notified,
        metrics=metrics,
        notes=notes,
    )
    updates = zoning.updates(notes)
    secrets, required = material.cookie_secrets, config.cookies.required
    cookies = ServerCookies(secrets, clock, required=required) if secrets else None
    return Service(
        order=handlers(
            store,
            recursion,
            identity=identity,
            metrics=metrics,
            minimal=server.minimal_responses,
            any_answer=server.any,
            transfers=transfers,
            notify=notify,
            updates=updates,
            expire=Expire(store, keeper.life_s),
            cookies=CookieCheck(cookies) if cookies is not None else None,
        ),
        access=AccessTable(config.access, networks),
        answers=Answers(int(config.cache.size * PACKETS_SHARE)),
        identity=identity,
        clock=clock,
        metrics=metrics,
        recursion=recursion is not None,
        on_exception=on_exception,
        keys=material.keys,
        notes=notes,
        passes_on=updates.passes_on,
        cookies=cookies,
    )


def example_name(store: ZoneStore) -> str:
    """A name worth trying on this server: a host of an own zone if there is one."""
    for zone in store.zones():
        for label in ("www", "ns1"):
            name = names.read(label)[:-1] + zone.origin
            if (node := zone.node(name)) is not None and node.of_type(RRType.A):
                return names.show(name)
    zones = store.zones()
    return f"{names.show(zones[0].origin)} SOA" if zones else "example.com."


def banner(store: ZoneStore, listening: list[str], *, recursion: bool) -> list[str]:
    """What an operator wants to see at start."""
    lines = [f"rootward {__version__}"]
    lines += [f"listening on {address} (UDP and TCP)" for address in listening]
    lines += [f"zone {names.show(z.origin)} serial {z.serial}" for z in store.zones()]
    lines.append("recursion from the root hints" if recursion else "no recursion")
    return lines
