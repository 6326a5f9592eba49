"""Passes a message about a secondary zone on to its primaries.

Knows: the event loop. Does not know: what is in the message, which zones there are.
"""

import logging
from collections.abc import Callable, Iterable

from resolver import names
from resolver.net.peer_client import PeerClient
from resolver.zone.peer import Peer

_log = logging.getLogger(__name__)


async def relay(
    client: PeerClient,
    origin: bytes,
    packet: bytes,
    primaries: Iterable[Peer],
    done: Callable[[bytes | None], None],
) -> None:
    """Ask these in turn; `done` gets the first reply, None without one."""
    reply: bytes | None = None
    try:
        for peer in primaries:
            result = await client.pass_on(packet, peer)
            if isinstance(result, bytes):
                reply = result
                break
            zone = names.show(origin)
            _log.warning("zone %s: update not passed on: %s: %s", zone, peer, result.reason)
    finally:
        done(reply)
