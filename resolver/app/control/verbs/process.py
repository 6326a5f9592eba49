"""Verbs about the process: how it is, how much it logs, its end.

Knows: the parts of a server. Does not know: sockets of the control channel.
"""

import logging
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from resolver import __version__
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import Argument, Arguments, Verb, choice

if TYPE_CHECKING:
    from resolver.app.server import Server

LEVEL = choice("LEVEL", "error", "warning", "info", "debug")


async def status(server: "Server", arguments: Arguments) -> Facts:
    """How the server is, in few words."""
    return {
        "version": __version__,
        "python": sys.version.split()[0],
        "pid": os.getpid(),
        "uptime_s": round(server.clock.now() - server.made_at, 1),
        "listening": [str(address) for address in server.addresses],
        "zones": len(server.store),
        "recursion": server.recursion is not None,
        "log_level": logging.getLevelName(logging.getLogger().level).lower(),
    }


async def stop(server: "Server", arguments: Arguments) -> Facts:
    """Ask the server to end."""
    server.ending.set()
    return {"stopping": True, "pid": os.getpid()}


async def reload(server: "Server", arguments: Arguments) -> Facts:
    """Take up the configuration and everything it names anew."""
    reloaded = await server.reload()
    facts = {
        "ok": reloaded.ok,
        "changes": list(reloaded.changes),
        "findings": [str(finding) for finding in reloaded.findings],
        "notes": list(reloaded.notes),
    }
    if not reloaded.ok:
        left = "not all of it was taken up" if reloaded.changes else "everything stays as it was"
        raise CommandError(left, facts=facts)
    return facts


def show_reload(facts: Facts) -> Iterable[str]:
    """Lines of `reload`."""
    yield from facts["findings"]
    yield from (f"warning: {note}" for note in facts["notes"])
    yield from facts["changes"]
    if facts["ok"]:
        yield "reloaded" if facts["changes"] else "reloaded, nothing has changed"


async def set_log_level(server: "Server", arguments: Arguments) -> Facts:
    """Log more or less from now on."""
    root = logging.getLogger()
    before = logging.getLevelName(root.level).lower()
    root.setLevel(arguments["level"].upper())
    return {"level": arguments["level"], "before": before}


VERBS = (
    Verb("status", "tell how the server is", status),
    Verb(
        "reload",
        "take up the configuration, keys, lists and zone files anew, all or nothing",
        reload,
        changes=True,
        show=show_reload,
        details="Cache, sockets and connections stay. Every fault is told with file and line.",
    ),
    Verb(
        "stop",
        "end the server, after the replies under way",
        stop,
        changes=True,
        show=lambda facts: ["stopping"],
    ),
    Verb(
        "log level",
        "log more or less from now on",
        set_log_level,
        (Argument("level", LEVEL, "least important kind of message that is written"),),
        changes=True,
        show=lambda facts: [f"log level {facts['level']}, before {facts['before']}"],
        details="Holds until the server ends or is configured in another way.",
        example="log level debug",
    ),
)
