"""What verbs tell of a zone, and how they find it.

Knows: who keeps which zone. Does not know: what is done with it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.columns import show_facts
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import NAME, Argument

if TYPE_CHECKING:
    from resolver.app.server import Server
    from resolver.net.primary import Primary
    from resolver.zone.content import Zone
    from resolver.zone.status import ZoneStatus

ZONE = (Argument("zone", NAME, "origin of the zone"),)
# How long a command waits for the check of a zone; the check itself goes on.
WAIT_S = 60.0


def zone_facts(server: "Server", origin: bytes, secondary: "ZoneStatus | None") -> Facts:
    """What is told of any zone."""
    zone = server.store.get(origin)
    primary = server.zoning.primaries.zones.get(origin)
    facts: Facts = {
        "zone": names.show(origin),
        "role": "primary" if secondary is None else "secondary",
        "state": "serving" if zone is not None else "not ready",
        "serial": None if zone is None else zone.serial,
        "records": None if zone is None else zone.records,
        "source": _source(server, origin),
    }
    if secondary is not None:
        facts |= {"state": secondary.state, "serial": secondary.serial}
    if primary is not None:
        facts |= {
            "file": str(primary.plan.path),
            "frozen": primary.frozen,
            "file_has_all_updates": primary.is_filed,
            "findings": [str(finding) for finding in primary.faults],
        }
    return facts


def _source(server: "Server", origin: bytes) -> str:
    if origin in server.zoning.added:
        return "command"
    if origin in server.zoning.configured:
        return "configuration"
    if origin in server.zoning.made:
        return "catalog made here"
    return "folder" if origin in server.zoning.primaries.zones else "catalog"


def show_status(facts: Facts) -> Iterable[str]:
    """Lines of `zone status`; a primary a line."""
    plain = {key: value for key, value in facts.items() if key not in ("primaries", "findings")}
    yield from show_facts(plain)
    for primary in facts.get("primaries", ()):
        when = "" if primary["age_s"] is None else f" ({primary['age_s']:.0f} s ago)"
        key = "" if primary["key"] is None else f" key {primary['key']}"
        note = primary["note"] or "not asked yet"
        yield f"primary {primary['address']}{key}: {note}{when}"
    yield from facts.get("findings", ())


def secondary_status(server: "Server", origin: bytes) -> "ZoneStatus | None":
    return server.keeper.status_of(origin)


def must_be_known(server: "Server", origin: bytes) -> None:
    known = origin in server.keeper.primaries or origin in server.zoning.primaries.zones
    if not known and server.store.get(origin) is None:
        raise CommandError(f"there is no zone {names.show(origin)} here")


def primary_of(server: "Server", origin: bytes) -> "Primary":
    primary = server.zoning.primaries.zones.get(origin)
    if primary is None:
        must_be_known(server, origin)
        raise CommandError(f"{names.show(origin)} is not from a file of this server")
    return primary


def held_zone(server: "Server", origin: bytes) -> "Zone":
    zone = server.store.get(origin)
    if zone is None:
        must_be_known(server, origin)
        raise CommandError(f"{names.show(origin)} is not served at present")
    return zone
