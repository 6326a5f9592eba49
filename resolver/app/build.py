"""From a configuration to the parts of a server, without opening a socket.

`check` and `run` share this code, so that what one accepts the other accepts too.
"""

import random
from collections.abc import Callable, Sequence

from resolver import __version__, names
from resolver.app.forwarders import forwarders
from resolver.app.material import Material
from resolver.app.notes import LogNotes
from resolver.app.tending import SNAPSHOT_FILE, SnapshotPlan, Tending
from resolver.app.zone_plans import Roster
from resolver.app.zoning import Zoning
from resolver.cache.answers import Answers
from resolver.cache.caches import PACKETS_SHARE, Caches
from resolver.clock import Clock
from resolver.codes import RRType
from resolver.config.schema import Config
from resolver.config.units import Network
from resolver.errors import ConfigError, Finding
from resolver.iterate.route import Route, Routes
from resolver.metrics import Metrics
from resolver.policy.acl import AccessTable, Rule
from resolver.policy.cookies import ServerCookies
from resolver.policy.rate_limit import RateLimiter
from resolver.policy.special import special_zones
from resolver.resolve import Recursion
from resolver.serve.cookies import CookieCheck
from resolver.serve.expire import Expire
from resolver.serve.home import Home
from resolver.serve.keepalive import Keepalive
from resolver.serve.notify import Notify
from resolver.serve.pipeline import handlers
from resolver.serve.rate_limit import ReplyLimits
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.serve.transfer import TransferLimits, Transfers
from resolver.zone.signer import Signatures, Signer
from resolver.zone.store import ZoneStore


def make_recursion(
    config: Config,
    material: Material,
    clock: Clock,
    metrics: Metrics | None = None,
    *,
    caches: Caches | None = None,
) -> Recursion:
    """The recursive service of a configuration, with the `caches` of one before it. Raises
    ConfigError for hints that lead nowhere."""
    routes = [
        *(Route(stub.name, stub.to, "stub") for stub in config.stub),
        *(
            Route(entry.name, forwarders(entry.to, material.authorities), entry.mode)
            for entry in config.forward
        ),
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
            caches=caches,
        )
    except ValueError as error:
        file = str(config.recursion.root_hints or "built-in root hints")
        raise ConfigError([Finding(file, 0, str(error))]) from None


def make_signers(config: Config, material: Material, clock: Clock) -> dict[bytes, Signer]:
    """Who signs what the ALIAS records of a zone lend, by origin."""
    lent, denials = Signatures(clock), Signatures(clock)
    return {
        zone.name: Signer(
            material.alias_keys[zone.name], zone.alias_validity, lent=lent, denials=denials
        )
        for zone in config.zone
        if zone.name in material.alias_keys
    }


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
    plan = snapshot_plan(config) if keeps_cache else None
    return Tending(recursion, material.local, plan, clock=clock, dropped=dropped)


def snapshot_plan(config: Config) -> SnapshotPlan | None:
    """Where the cache is kept over a restart, if it is."""
    cache = config.cache
    if not cache.snapshot:
        return None
    return SnapshotPlan(
        config.server.state_dir / SNAPSHOT_FILE,
        cache.snapshot_interval,
        cache.size,
        config.recursion.serve_stale,
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
    roster: Roster,
    networks: Sequence[Network],
    kept: Answers | None = None,
) -> Service:
    """The bytes-to-bytes service of a configuration, with the finished packets `kept` so far. Who
    keeps the zones knows the differences between versions, and takes NOTIFYs and updates."""
    server = config.server
    identity = Identity(server.udp_max_size, server.identity, server.version)
    keeper = zoning.keeper
    notes = LogNotes()
    transfers = Transfers(
        store,
        roster.transfer_rules,
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
    updates = zoning.updates(roster, notes)
    secrets, required = material.cookie_secrets, config.cookies.required
    cookies = ServerCookies(secrets, clock, required=required) if secrets else None
    limits = None
    if config.rate_limit.responses_per_second:
        limiter = RateLimiter(config.rate_limit, Rule(config.rate_limit.exempt, networks))
        limits = ReplyLimits(limiter, clock=clock, metrics=metrics, notes=notes)
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
            keepalive=Keepalive(server.tcp_idle_timeout),
            cookies=CookieCheck(cookies) if cookies is not None else None,
        ),
        access=AccessTable(config.access, networks),
        answers=Answers(int(config.cache.size * PACKETS_SHARE)) if kept is None else kept,
        identity=identity,
        clock=clock,
        metrics=metrics,
        recursion=recursion is not None,
        on_exception=on_exception,
        keys=material.keys,
        notes=notes,
        passes_on=updates.passes_on,
        cookies=cookies,
        limits=limits,
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
