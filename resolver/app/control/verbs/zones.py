"""Verbs about zones: how they are, and what is to be done with them now.

Knows: who keeps which zone. Does not know: how zones are kept.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.columns import show_table
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import Arguments, Verb
from resolver.app.control.zone_facts import (
    WAIT_S,
    ZONE,
    held_zone,
    must_be_known,
    primary_of,
    secondary_status,
    show_status,
    zone_facts,
)
from resolver.net.turns import Pace, in_turns
from resolver.zone.ring import sorted_chunks

if TYPE_CHECKING:
    from resolver.app.server import Server


async def list_zones(server: "Server", arguments: Arguments) -> Facts:
    """Every zone that is kept here."""
    held = (zone.origin for zone in server.store.unordered())
    origins = {*server.keeper.primaries, *server.zoning.primaries.zones, *held}
    pace, zones = Pace(), []
    for chunk in await in_turns(sorted_chunks(origins, names.canonical_key)):
        for origin in chunk:
            zones.append(zone_facts(server, origin, server.keeper.status_of(origin)))
            await pace.rest()
    return {"zones": zones}


async def status(server: "Server", arguments: Arguments) -> Facts:
    """One zone."""
    origin = arguments["zone"]
    secondary = secondary_status(server, origin)
    must_be_known(server, origin)
    facts = zone_facts(server, origin, secondary)
    if secondary is not None:
        facts = {**facts, **secondary.facts()}
    return facts


async def reload_zone(server: "Server", arguments: Arguments) -> Facts:
    """Read the file again, or ask the primaries."""
    origin = arguments["zone"]
    primary = server.zoning.primaries.zones.get(origin)
    if primary is None:
        return await refresh(server, arguments)
    if primary.frozen:
        raise CommandError(f"{names.show(origin)} is frozen: zone thaw reads its file")
    findings = [str(finding) for finding in await primary.reload()]
    facts = {**zone_facts(server, origin, None), "findings": findings}
    if findings:
        raise CommandError(f"zone {names.show(origin)} stays as it is", facts=facts)
    return facts


async def refresh(server: "Server", arguments: Arguments) -> Facts:
    """Ask the primaries for a newer version."""
    return await _check(server, arguments["zone"], whole=False)


async def retransfer(server: "Server", arguments: Arguments) -> Facts:
    """Transfer all of a zone anew."""
    return await _check(server, arguments["zone"], whole=True)


async def notify(server: "Server", arguments: Arguments) -> Facts:
    """Tell other servers of the version that is served."""
    zone = held_zone(server, arguments["zone"])
    server.keeper.announce(zone)
    return {"zone": names.show(zone.origin), "serial": zone.serial, "notifying": True}


async def freeze(server: "Server", arguments: Arguments) -> Facts:
    """Refuse updates, and leave the file to the operator."""
    primary = primary_of(server, arguments["zone"])
    async with server.changing:
        was = primary.frozen
        if not await primary.freeze():
            raise CommandError(
                f"{primary.plan.path} could not be written, or was edited; nothing is frozen"
            )
        fault = await _note_frozen(server)
        if fault:
            primary.frozen = was
            raise CommandError(f"{fault}; nothing is frozen")
    return {"zone": names.show(primary.plan.origin), "frozen": True, "file": str(primary.plan.path)}


async def thaw(server: "Server", arguments: Arguments) -> Facts:
    """Read the file and allow updates again."""
    primary = primary_of(server, arguments["zone"])
    async with server.changing:
        findings = [str(finding) for finding in await primary.thaw()]
        fault = await _note_frozen(server)
    facts = {**zone_facts(server, primary.plan.origin, None), "findings": findings}
    if findings:
        raise CommandError("thawed, but the file was not taken up", facts=facts)
    if fault:
        raise CommandError(f"thawed until the next restart: {fault}", facts=facts)
    return facts


async def _note_frozen(server: "Server") -> str:
    """Have a restart freeze what is frozen now; why that cannot be, if anything is in the way."""
    from resolver.app import zone_orders
    from resolver.errors import ConfigError

    path = zone_orders.path_of(server.config)
    try:
        orders = zone_orders.read(path)
        frozen = server.zoning.primaries.frozen()
        await asyncio.to_thread(zone_orders.write, path, orders._replace(frozen=frozen))
    except ConfigError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


async def sync(server: "Server", arguments: Arguments) -> Facts:
    """Write the file, if updates are ahead of it."""
    primary = primary_of(server, arguments["zone"])
    if not await primary.flush():
        raise CommandError(f"{primary.plan.path} could not be written, or was edited")
    return zone_facts(server, primary.plan.origin, None)


async def check(server: "Server", arguments: Arguments) -> Facts:
    """Read the file of a zone without taking it up."""
    from resolver.net.primary_plan import read_file

    primary = primary_of(server, arguments["zone"])
    plan = primary.plan
    keys = server.store.alias_keys(plan.origin)
    steps = read_file(plan, server.clock.wall(), primary.files, alias_keys=keys)
    read = await in_turns(steps)
    report = read.report
    facts: Facts = {
        "zone": names.show(primary.plan.origin),
        "file": str(primary.plan.path),
        "serial": None if report.zone is None else report.zone.serial,
        "records": None if report.zone is None else report.zone.records,
        "errors": [str(finding) for finding in report.errors],
        "warnings": [str(finding) for finding in report.warnings],
    }
    if report.zone is None:
        raise CommandError("this file would not be taken up", facts=facts)
    return facts


def show_check(facts: Facts) -> Iterable[str]:
    """Lines of `zone check`."""
    yield from facts["errors"]
    yield from (f"warning: {warning}" for warning in facts["warnings"])
    if facts["serial"] is not None:
        about = f"serial {facts['serial']}, {facts['records']} records"
        yield f"zone {facts['zone']} {about}: good"


async def dump(server: "Server", arguments: Arguments) -> AsyncIterator[Facts]:
    """The records that are served."""
    from resolver.zone.dump import dump as dump_slices

    zone = held_zone(server, arguments["zone"])
    chunks: list[str] = []
    slices, pace = dump_slices(zone, chunks.append), Pace()
    for _ in slices:
        for chunk in chunks:
            yield {"records": chunk.splitlines()}
        chunks.clear()
        await pace.rest()
    for chunk in chunks:
        yield {"records": chunk.splitlines()}


async def _check(server: "Server", origin: bytes, *, whole: bool) -> Facts:
    """Have a secondary zone checked, and wait for what comes of it."""
    if secondary_status(server, origin) is None:
        must_be_known(server, origin)
        raise CommandError(f"{names.show(origin)} is no secondary zone")
    try:
        async with asyncio.timeout(WAIT_S):
            server.keeper.refresh(origin, whole=whole)
            found = await server.keeper.first_check(origin)
    except TimeoutError:
        found = secondary_status(server, origin)
    if found is None:
        raise CommandError(f"{names.show(origin)} was removed meanwhile")
    facts = {**zone_facts(server, origin, found), **found.facts()}
    if found.failures or found.checking:
        reason = "not done yet" if found.checking else "no primary was of use"
        raise CommandError(f"zone {names.show(origin)}: {reason}", facts=facts)
    return facts


def show_zones(facts: Facts) -> Iterable[str]:
    """Lines of `zone list`."""
    keys = ("zone", "role", "state", "serial", "records", "source")
    yield from show_table(keys, [[zone[key] for key in keys] for zone in facts["zones"]])


VERBS = (
    Verb("zone list", "list every zone that is kept here", list_zones, show=show_zones),
    Verb(
        "zone status",
        "tell how a zone is, and how each of its primaries last behaved",
        status,
        ZONE,
        show=show_status,
        example="zone status example.test",
    ),
    Verb(
        "zone reload",
        "read the file of a zone again; of a secondary zone ask the primaries",
        reload_zone,
        ZONE,
        changes=True,
        show=show_status,
    ),
    Verb(
        "zone refresh",
        "ask the primaries of a zone for a newer version now, and wait for the result",
        refresh,
        ZONE,
        changes=True,
        show=show_status,
    ),
    Verb(
        "zone retransfer",
        "transfer all of a zone anew whatever its serial, and wait for the result",
        retransfer,
        ZONE,
        changes=True,
        show=show_status,
    ),
    Verb(
        "zone notify",
        "tell other servers of the version that is served (NOTIFY)",
        notify,
        ZONE,
        changes=True,
    ),
    Verb(
        "zone freeze",
        "write the file of a zone and refuse updates, so that it can be edited",
        freeze,
        ZONE,
        changes=True,
        details="Until `zone thaw` the file is not looked at, also after a restart, as long as the "
        "journal has the zone.",
    ),
    Verb(
        "zone thaw",
        "read the file of a frozen zone and allow updates again",
        thaw,
        ZONE,
        changes=True,
        show=show_status,
    ),
    Verb(
        "zone sync",
        "write the file of a zone, if updates are ahead of it",
        sync,
        ZONE,
        changes=True,
        show=show_status,
    ),
    Verb(
        "zone check",
        "read the file of a zone and tell what is wrong with it, without taking it up",
        check,
        ZONE,
        show=show_check,
    ),
    Verb(
        "zone dump",
        "write the records that are served, one a line, in one fixed order",
        dump,
        ZONE,
        show_item=lambda facts: facts["records"],
    ),
)
