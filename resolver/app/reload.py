"""A new configuration for a server that is running.

Everything is read and made beside what serves, in slices or in a thread: configuration, keys, local
data, routes, access lists, zone files. If anything is wrong with it, nothing changes and every
fault is told. Otherwise it takes the place of the old in one step; from then on no query is
answered by the old one, while replies that are being worked on still go out. Caches, sockets,
connections and transfers stay. Only names that other servers are now asked for are forgotten.

Files in folders of zones are apart from the rest, as they are while the server runs: each counts by
itself, and a fault in one holds back no other.

Knows: what a server is made of. Does not know: who wants a reload.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.build import make_recursion, make_service, make_signers, snapshot_plan
from resolver.app.differences import asks_otherwise, changes, keep_fixed, rerouted
from resolver.app.material import Material, gather
from resolver.app.sockets import Pair
from resolver.app.tending import Tending
from resolver.app.zone_plans import ZonesPlan, plan_zones
from resolver.app.zoning import Settling
from resolver.cache.caches import PACKETS_SHARE
from resolver.cache.flush import flush
from resolver.config.schema import Config
from resolver.errors import ConfigError, Finding
from resolver.model import Address
from resolver.net.interfaces import local_networks
from resolver.net.turns import in_turns
from resolver.resolve import Recursion
from resolver.serve.service import Service
from resolver.zone.content import Zone
from resolver.zone.signer import Signer
from resolver.zone.store import ZoneStore

if TYPE_CHECKING:
    from resolver.app.server import Server

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload.

    `ok`: all of it is in force. Otherwise `findings` says why; with no `changes` beside them
    everything is as it was. `notes` are what an operator should know all the same.
    """

    ok: bool
    changes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _New:
    """What is about to take the place of the old."""

    config: Config
    material: Material
    zones: ZonesPlan
    recursion: Recursion | None
    service: Service
    signers: Mapping[bytes, Signer]
    rerouted: list[bytes]  # names whose servers are others now


async def reload(server: "Server", reread: Callable[[], Config] | None) -> Reloaded:
    """Reload a server that has been started. Faults and changes are written to the log, too."""
    if server.driver is None:
        raise RuntimeError("the server does not run")
    before = server.config
    try:
        config = before if reread is None else await asyncio.to_thread(reread)
        config, notes = keep_fixed(before, config)
        async with server.zoning.still():
            new = await _prepare(server, config)
            opened = server.listeners.open_new(config.server)
            try:
                await _forget(server.recursion, new.rerouted)
            except BaseException:
                for pair in opened.values():
                    pair.close()
                raise
            held = [server.store.get(origin) for origin in new.material.reads]
            settling, tending = _swap(server, new, opened)
            faults = await server.zoning.settle(settling, new.material.reads)
    except ConfigError as error:
        return _told(Reloaded(ok=False, findings=tuple(error.findings)))
    await _settle(server, before, tending)
    for note in notes:
        _log.warning("%s", note)
    notes += map(str, new.material.warnings)
    told = (*changes(before, config), *_new_versions(server, held))
    return _told(Reloaded(not faults, told, tuple(faults), tuple(notes)))


async def _prepare(server: "Server", config: Config) -> _New:
    """Read and make everything. Raises ConfigError with every fault."""
    networks = await asyncio.to_thread(local_networks)
    zoning = server.zoning
    plan = await asyncio.to_thread(plan_zones, config, networks, zoning.there())
    wanted = await zoning.primaries.to_read(plan.primaries)
    material = await in_turns(gather(config, server.material, [plan.primaries[o] for o in wanted]))
    if material.faults:
        raise ConfigError(material.faults)
    signers = make_signers(config, material, server.clock)
    unread = {o: signer for o, signer in signers.items() if o not in material.reads}
    if faults := list(_key_faults(unread, server.store)):
        raise ConfigError(faults)

    def make() -> _New:
        recursion = None
        if config.recursion.enabled:
            caches = None if server.recursion is None else server.recursion.caches
            recursion = make_recursion(
                config, material, server.clock, server.metrics, caches=caches
            )
        service = make_service(
            config,
            server.store,
            recursion,
            clock=server.clock,
            metrics=server.metrics,
            on_exception=server.service.on_exception,
            material=material,
            zoning=zoning,
            roster=plan.roster,
            networks=networks,
            kept=server.service.answers,
        )
        suffixes = rerouted(server.config, config)
        if material.hints != server.material.hints:
            suffixes = [names.ROOT]
        return _New(config, material, plan, recursion, service, signers, suffixes)

    return await asyncio.to_thread(make)


def _key_faults(signers: Mapping[bytes, Signer], store: ZoneStore) -> Iterator[Finding]:
    """What keeps keys from signing for the versions that are served and stay so."""
    for origin, signer in signers.items():
        if (zone := store.get(origin)) is not None:
            yield from (Finding(fault.file, 0, fault.reason) for fault in signer.faults(zone))


async def _forget(recursion: Recursion | None, suffixes: list[bytes]) -> None:
    """Drop what was learned below these names, and learn nothing of them by the old ways again."""
    if recursion is not None:
        recursion.recall.outdated.extend(suffixes)
        for name in suffixes:
            await in_turns(flush(recursion.caches, name, tree=True))


def _swap(
    server: "Server", new: _New, opened: Mapping[Address, Pair]
) -> tuple[Settling, Tending | None]:
    """The one step: nothing in here waits or may fail. What is still to be done for zones, and who
    tended the recursion that is no more."""
    before, server.config = server.config, new.config
    server.material = new.material
    server.store.signers = new.signers
    had, server.recursion = server.recursion, new.recursion
    server.service.turn_to(new.service)
    _turn_driver(server, new, before, opened)
    settling = server.zoning.turn_to(new.zones)
    server.keeper.reach(server.peer_client(), server.addresses, server.resolver())
    if new.recursion is not None:
        new.recursion.caches.turn_to(new.config.cache)
        new.recursion.servers.max_in_flight = new.config.recursion.max_asks_per_server
        new.recursion.servers.max_rate = new.config.recursion.max_ask_rate_per_server
        new.recursion.servers.configured = new.recursion.routes.addresses
    ended = None
    if new.recursion is None or had is None or server.tending is None:
        ended, server.tending = server.tending, server.tend(new.recursion, new.material)
        if server.tending is not None:
            server.tending.start()
    else:
        server.tending.turn_to(
            new.recursion,
            new.material.local,
            snapshot_plan(new.config) if server.keeps_cache else None,
        )
    if new.config.recorder != before.recorder:
        server.recorder.set_up(new.config.recorder)
    server.query_log.turn_to(new.config.log, new.config.recorder.slow)
    if new.config.cache.size != before.cache.size:
        server.service.answers.resize(int(new.config.cache.size * PACKETS_SHARE))
    server.drop_answers()
    return settling, ended


def _turn_driver(
    server: "Server", new: _New, before: Config, opened: Mapping[Address, Pair]
) -> None:
    """Questions that have begun are finished by the driver that they have begun with; where other
    servers are asked now, nobody joins them any more."""
    driver = server.driver
    assert driver is not None
    if new.rerouted or asks_otherwise(before, new.config):
        server.retire(driver)
        driver = server.driver = server.make_driver(
            new.config, {**server.listeners.pairs, **opened}
        )
    server.listeners.turn_to(new.config.server, opened, driver)


async def _settle(server: "Server", before: Config, ended: Tending | None) -> None:
    """What may take its time."""
    if ended is not None:
        await ended.stop()
    if server.recursion is not None and server.config.cache.size != before.cache.size:
        caches = server.recursion.caches
        await in_turns(caches.resize(server.config.cache, server.clock.now()))


def _new_versions(server: "Server", held: Iterable[Zone | None]) -> Iterator[str]:
    """Which of the zones that were held are served in another version now."""
    for old in held:
        now = server.store.get(old.origin) if old is not None else None
        if now is not None and now is not old:
            yield f"zone {names.show(now.origin)} has serial {now.serial}"


def _told(result: Reloaded) -> Reloaded:
    """Write to the log what came of it."""
    for finding in result.findings:
        _log.error("%s", finding)
    for change in result.changes:
        _log.info("%s", change)
    if result.ok:
        _log.info("reloaded, %d changes", len(result.changes))
    elif result.changes:
        _log.error("reloaded, but for %d faults", len(result.findings))
    else:
        _log.error("not reloaded, %d faults; everything stays as it is", len(result.findings))
    return result
