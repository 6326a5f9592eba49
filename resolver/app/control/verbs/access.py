"""Verbs about who may do what.

Knows: the access lists of the configuration. Does not know: how they are matched
(policy/explain.py).
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.control.columns import show_table
from resolver.app.control.protocol import Facts
from resolver.app.control.verb import ADDRESS, NAME, Argument, Arguments, Verb

if TYPE_CHECKING:
    from resolver.app.server import Server

_LISTS = ("query", "recursion", "cache", "transfer", "notify", "update")


async def explain_client(server: "Server", arguments: Arguments) -> Facts:
    """What a client may do, and by which entries of which lists."""
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
        "limits": {
            "waiting_per_network": server.config.server.waiting_per_network,
            "discard_after_s": server.config.server.discard_after,
            "transfers_out_per_client": server.config.server.transfers_out_per_client,
        },
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
    for name, value in facts["limits"].items():
        yield f"{name.replace('_', ' ')}: {value:g}"


VERBS = (
    Verb(
        "explain-client",
        "tell what a client may do, and which entry of which list says so",
        explain_client,
        (
            Argument("address", ADDRESS, "its address"),
            Argument("key", NAME, "the TSIG key that it signs with", option=True),
        ),
        show=show_client,
        example="explain-client 192.0.2.7",
    ),
)
