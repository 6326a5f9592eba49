"""Verbs about who may do what, and how much of it.

Knows: the access lists and limits of the configuration. Does not know: how lists are matched
(policy/explain.py).
"""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.columns import show_table
from resolver.app.control.protocol import Facts
from resolver.app.control.verb import ADDRESS, NAME, Argument, Arguments, Verb

if TYPE_CHECKING:
    from resolver.app.server import Server
    from resolver.config.protection import RateLimitSettings
    from resolver.config.schema import Config
    from resolver.config.units import Network

_LISTS = ("query", "recursion", "cache", "transfer", "notify", "update")


async def explain_client(server: "Server", arguments: Arguments) -> Facts:
    """What a client may do, by which entries of which lists, and how much of it."""
    from resolver.net.interfaces import local_networks
    from resolver.policy.explain import first_match

    packed, key = arguments["address"], arguments["key"]
    networks = local_networks()
    access = server.config.access
    lists = {name: getattr(access, name) for name in _LISTS}
    rights = [
        {"right": name, "list": f"access.{name}", "zone": None, "entry": entry}
        for name, items in lists.items()
        for entry in (first_match(items, networks, packed, key),)
    ]
    for zone in server.config.zone:
        for name, items in (("transfer", zone.transfer), ("update", zone.update)):
            if items is not None:
                entry = first_match(items, networks, packed, key)
                shown = names.show(zone.name)
                where = f"zone {shown}"
                rights.append({"right": name, "list": where, "zone": shown, "entry": entry})
    if not server.config.recursion.enabled:
        rights = [each for each in rights if each["right"] not in ("recursion", "cache")]
    return {
        "address": str(ip_address(packed)),
        "key": None if key is None else names.show(key),
        "recursion": server.config.recursion.enabled,
        "rights": [{**each, "allowed": each["entry"] is not None} for each in rights],
        "rate_limit": _rate_limit(server.config.rate_limit, networks, packed, key),
        "share": _share(server.config, packed),
        "limits": {
            "waiting_per_network": server.config.server.waiting_per_network,
            "discard_after_s": server.config.server.discard_after,
            "transfers_out_per_client": server.config.server.transfers_out_per_client,
        },
    }


def _rate_limit(
    settings: "RateLimitSettings", networks: "Sequence[Network]", packed: bytes, key: bytes | None
) -> Facts | None:
    """How often the client's network is told the same; None where nobody is limited. `never` says
    why this client is not."""
    from resolver.policy.explain import first_match

    usual = settings.responses_per_second
    if not usual:
        return None
    length = settings.ipv4_prefix if len(packed) == 4 else settings.ipv6_prefix
    entry = first_match(settings.exempt, networks, packed, None)
    exempt = None if entry is None else f"rate_limit.exempt has {entry}"
    return {
        "network": str(ip_network((packed, length), strict=False)),
        "never": exempt if key is None else "its queries are signed",
        "per_second": {
            kind: getattr(settings, f"{kind}_per_second") or usual
            for kind in ("responses", "nxdomains", "nodata", "referrals", "errors")
        },
        "window_s": settings.window,
        "slip": settings.slip,
        "dry_run": settings.dry_run,
    }


def _share(config: "Config", packed: bytes) -> Facts | None:
    """What the client has of the places for recursion while it is the only one that asks."""
    from resolver.net.job import Limits
    from resolver.policy.fairness import client_of, most_of_one

    if not config.recursion.enabled:
        return None
    jobs = most_of_one(Limits().client_jobs)
    return {
        "client": str(ip_network((packed, 8 * len(client_of(packed))), strict=False)),
        "under_way": jobs,
        "waiting_to_begin": jobs,
        "waiting_over_udp": most_of_one(config.server.waiting_per_network),
    }


def show_client(facts: Facts) -> Iterable[str]:
    """Lines of `explain-client`."""
    signed = f" with key {facts['key']}" if facts["key"] else ""
    yield f"client {facts['address']}{signed}"
    rows = [
        (each["right"], each["allowed"], each["list"], each["entry"] or "no entry fits")
        for each in facts["rights"]
    ]
    yield from show_table(("right", "allowed", "list", "by"), rows)
    if not facts["recursion"]:
        yield "this server does not recurse"
    yield _show_rate_limit(facts["rate_limit"])
    if (share := facts["share"]) is not None:
        yield (
            f"share of {share['client']} while nobody else asks: {share['under_way']} questions "
            f"under way, {share['waiting_to_begin']} waiting to begin, "
            f"{share['waiting_over_udp']} over UDP"
        )
    for name, value in facts["limits"].items():
        yield f"{name.replace('_', ' ')}: {value:g}"


def _show_rate_limit(limit: Facts | None) -> str:
    if limit is None:
        return "rate limit: none"
    if limit["never"]:
        return f"rate limit: none, {limit['never']}"
    rates = ", ".join(f"{kind} {rate}/s" for kind, rate in limit["per_second"].items())
    rest = f"{limit['window_s']:g} s at once, slip {limit['slip']}"
    dry = ", dry run" if limit["dry_run"] else ""
    return f"rate limit of {limit['network']} over UDP without a cookie: {rates}; {rest}{dry}"


VERBS = (
    Verb(
        "explain-client",
        "tell what a client may do, which entry of which list says so, and its limits",
        explain_client,
        (
            Argument("address", ADDRESS, "its address"),
            Argument("key", NAME, "the TSIG key that it signs with", option=True),
        ),
        show=show_client,
        example="explain-client 192.0.2.7",
    ),
)
