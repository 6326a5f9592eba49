"""Verbs about the process: how it is, what it has counted, how much it logs, its end.

Knows: the parts of a server. Does not know: sockets of the control channel.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING

from resolver import __version__
from resolver.app.control.protocol import Facts
from resolver.app.control.verb import Arguments, Verb

if TYPE_CHECKING:
    from resolver.app.server import Server


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


VERBS = (
    Verb("status", "tell how the server is", status),
    Verb(
        "stop",
        "end the server, after the replies under way",
        stop,
        changes=True,
        show=lambda facts: ["stopping"],
    ),
)
