"""Verbs that add and remove zones while the server runs.

Knows: the file that keeps them over a restart. Does not know: the configuration's
own zones.
"""

import asyncio
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import FILE, FLAG, NAME, TEXT, Argument, Arguments, Verb
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
    from resolver.config.zones import ZoneSettings


async def add(server: "Server", arguments: Arguments) -> Facts:
    """Serve one more zone, now and after a restart: from a file, or from other servers."""
    from resolver.app import zone_orders
    from resolver.config.zones import ZoneSettings
    from resolver.errors import ConfigError, JournalError

    path = zone_orders.path_of(server.config)
    try:
        zone = ZoneSettings.model_validate(_terms(arguments))
        _must_make_sense(server, zone)
        async with server.changing:
            orders = zone_orders.read(path)
            kept = [each for each in orders.zones if each.name != zone.name]
            await _begin(server, zone)
            try:
                added = orders._replace(zones=(*kept, zone))
                await asyncio.to_thread(zone_orders.write, path, added)
            except OSError as error:
                await server.zoning.remove(zone.name)
                raise CommandError(f"not added: {path}: {error.strerror}") from error
    except (ValueError, ConfigError, JournalError) as error:
        raise CommandError(str(error)) from None
    if zone.role == "primary":
        return zone_facts(server, zone.name, None)
    return await _first_check(server, zone.name)


def _terms(arguments: Arguments) -> Facts:
    """What a command says of a zone, in the words of a `[[zone]]`."""
    if (arguments["file"] is None) == (not arguments["secondary"]):
        raise CommandError("zone add: either --file or --secondary, please", kind="usage")
    key = arguments["key"]

    def peers(addresses: tuple[str, ...]) -> list[Facts]:
        signed = {} if key is None else {"key": names.show(key)}
        return [{"address": address, **signed} for address in addresses]

    terms: Facts = {"name": names.show(arguments["zone"])}
    if arguments["file"] is None:
        terms |= {"role": "secondary", "primaries": peers(arguments["secondary"])}
    else:
        terms["file"] = arguments["file"]
    terms |= {name: list(arguments[name]) for name in ("transfer", "update") if arguments[name]}
    if arguments["also_notify"]:
        terms["also_notify"] = peers(arguments["also_notify"])
    if arguments["catalog"] is not None:
        terms["catalog"] = names.show(arguments["catalog"])
    terms |= {name: True for name in ("watch", "reverse") if arguments[name]}
    if arguments["zonemd"]:
        terms["zonemd"] = "check"
    return terms


def _must_make_sense(server: "Server", zone: "ZoneSettings") -> None:
    """Whether a `[[zone]]` like this might stand in the configuration. Raises ValueError."""
    from resolver.config import rules

    config = server.config
    place = len(config.zone)
    for fault in rules.find(config.model_copy(update={"zone": (*config.zone, zone)})):
        if fault.path[:2] == ("zone", place) and fault.path[2:] != ("name",):
            raise ValueError(f"{'.'.join(map(str, fault.path[2:]))}: {fault.reason}")


async def _begin(server: "Server", zone: "ZoneSettings") -> None:
    """Serve it. Raises ValueError, JournalError, and CommandError with what is wrong in a file."""
    if zone.role == "secondary":
        await server.begin_secondary(zone)
        return
    findings = await server.zoning.begin_primary(zone, server.config)
    if findings:
        raise CommandError(
            f"not added: {zone.file} has {len(findings)} errors",
            facts={"findings": [str(finding) for finding in findings]},
        )


async def remove(server: "Server", arguments: Arguments) -> Facts:
    """Serve a zone no more that was added by command."""
    from resolver.app import zone_orders
    from resolver.errors import ConfigError, JournalError

    origin, shown = arguments["zone"], names.show(arguments["zone"])
    path = zone_orders.path_of(server.config)
    async with server.changing:
        try:
            orders = zone_orders.read(path)
            left = tuple(each for each in orders.zones if each.name != origin)
            if len(left) == len(orders.zones):
                must_be_known(server, origin)
                raise CommandError(f"{shown} was not added by command: remove it where it is from")
            frozen = orders.frozen - {origin} if origin in server.zoning.added else orders.frozen
            await asyncio.to_thread(
                zone_orders.write, path, orders._replace(zones=left, frozen=frozen)
            )
            if origin in server.zoning.added:
                await server.zoning.remove(origin)
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
        "serve one more zone, from a file or as a secondary, and wait for the first transfer",
        add,
        (
            *ZONE,
            Argument("file", FILE, "be a primary: the zone's master file", option=True),
            Argument(
                "secondary",
                TEXT,
                "be a secondary: where it is transferred from; may be repeated",
                option=True,
                many=True,
            ),
            Argument(
                "key",
                NAME,
                "name of the configured TSIG key to sign transfers and NOTIFYs with",
                option=True,
            ),
            Argument(
                "transfer", TEXT, "who may transfer it; may be repeated", option=True, many=True
            ),
            Argument(
                "also_notify",
                TEXT,
                "address to notify of changes; may be repeated",
                option=True,
                many=True,
            ),
            Argument("update", TEXT, "who may update it; may be repeated", option=True, many=True),
            Argument("catalog", NAME, "the catalog made here that lists it", option=True),
            Argument("watch", FLAG, "read the file again when it changes", option=True),
            Argument("reverse", FLAG, "keep PTR records of its addresses", option=True),
            Argument("zonemd", FLAG, "refuse versions that do not fit their digest", option=True),
        ),
        changes=True,
        show=show_status,
        details="Values are those of `[[zone]]` in the configuration. The zone is kept in "
        "`zones.json` in `server.state_dir` and served again after a restart. If the configuration "
        "has it by then, the configuration counts.",
        example="zone add example.test --secondary 192.0.2.1 --key transfer",
    ),
    Verb(
        "zone remove",
        "serve a zone no more that was added by command; its file, if it has one, stays",
        remove,
        ZONE,
        changes=True,
    ),
)
