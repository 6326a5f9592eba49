"""Verbs that add and remove zones while the server runs.

Knows: secondary zones, the file that keeps them over a restart. Does not know: the configuration's
own zones.
"""

import asyncio
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import FLAG, NAME, TEXT, Argument, Arguments, Verb
from resolver.app.control.zone_facts import (
    WAIT_S,
    ZONE,
    must_be_known,
    secondary_status,
    show_status,
    zone_facts,
)

if TYPE_CHECKING:
    from resolver.app.server import Server


async def add(server: "Server", arguments: Arguments) -> Facts:
    """Be a secondary for one more zone, now and after a restart."""
    from resolver.app import added_zones
    from resolver.config.zones import ZoneSettings
    from resolver.errors import ConfigError, JournalError

    key = arguments["key"]
    peers = [
        {"address": address, **({} if key is None else {"key": names.show(key)})}
        for address in arguments["secondary"]
    ]
    terms: Facts = {"name": names.show(arguments["zone"]), "role": "secondary", "primaries": peers}
    if arguments["zonemd"]:
        terms["zonemd"] = "check"
    path = added_zones.path_of(server.config)
    try:
        zone = ZoneSettings.model_validate(terms)
        if not zone.primaries:
            raise CommandError("zone add: --secondary ADDRESS is missing", kind="usage")
        async with server.changing:
            kept = [each for each in added_zones.read(path) if each.name != zone.name]
            await server.begin_secondary(zone)
            try:
                await asyncio.to_thread(added_zones.write, path, [*kept, zone])
            except OSError as error:
                await server.zoning.remove_secondary(zone.name)
                raise CommandError(f"not added: {path}: {error.strerror}") from error
    except (ValueError, ConfigError, JournalError) as error:
        raise CommandError(str(error)) from None
    return await _first_check(server, zone.name)


async def remove(server: "Server", arguments: Arguments) -> Facts:
    """Serve a zone no more that was added by command."""
    from resolver.app import added_zones
    from resolver.errors import ConfigError, JournalError

    origin, shown = arguments["zone"], names.show(arguments["zone"])
    path = added_zones.path_of(server.config)
    async with server.changing:
        try:
            kept = added_zones.read(path)
            left = [each for each in kept if each.name != origin]
            if len(left) == len(kept):
                must_be_known(server, origin)
                raise CommandError(f"{shown} was not added by command: remove it where it is from")
            await asyncio.to_thread(added_zones.write, path, left)
            if origin in server.zoning.added:
                await server.zoning.remove_secondary(origin)
        except (ConfigError, JournalError, OSError) as error:
            raise CommandError(str(error)) from error
    return {"zone": shown, "removed": True, "served": server.store.get(origin) is not None}


async def _first_check(server: "Server", origin: bytes) -> Facts:
    try:
        async with asyncio.timeout(WAIT_S):
            found = await server.keeper.first_check(origin)
    except TimeoutError:
        found = secondary_status(server, origin)
    assert found is not None
    facts = {**zone_facts(server, origin, found), **found.facts()}
    if found.serial is None:
        reason = "has been added, but was not transferred yet; it is tried again"
        raise CommandError(f"zone {names.show(origin)} {reason}", facts=facts)
    return facts


VERBS = (
    Verb(
        "zone add",
        "be a secondary for one more zone, and wait for the first transfer",
        add,
        (
            *ZONE,
            Argument(
                "secondary",
                TEXT,
                "where it is transferred from; may be repeated",
                option=True,
                many=True,
            ),
            Argument("key", NAME, "name of the configured TSIG key to sign with", option=True),
            Argument("zonemd", FLAG, "refuse versions that do not fit their digest", option=True),
        ),
        changes=True,
        show=show_status,
        details="The zone is kept in `zones.json` in `server.state_dir` and served again after a "
        "restart. If the configuration has it by then, the configuration counts.",
        example="zone add example.test --secondary 192.0.2.1 --key transfer",
    ),
    Verb(
        "zone remove",
        "serve a zone no more that was added by command, and forget its copy",
        remove,
        ZONE,
        changes=True,
    ),
)
