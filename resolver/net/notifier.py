"""Tells other servers that a zone has changed, and again until they answer.

One coroutine for each zone and server; a newer version takes the place of what is still being told
of an older one. So many are under way at the same time and no more.

Knows: who is being told what. Does not know: whom to tell (zone/notify.py, net/maintain.py).
"""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

from resolver import names
from resolver.codes import Rcode, show_rcode
from resolver.metrics import Metrics
from resolver.net.peer_client import Failed, PeerClient
from resolver.zone import notify
from resolver.zone.content import Zone
from resolver.zone.peer import Peer

MOST_UNDER_WAY = 100

_log = logging.getLogger(__name__)


class Notifier:
    """NOTIFYs under way. Make it inside the event loop."""

    def __init__(self, client: PeerClient, metrics: Metrics) -> None:
        self.client = client
        self._metrics = metrics
        self._places = asyncio.Semaphore(MOST_UNDER_WAY)
        self._tasks: dict[tuple[bytes, Peer], asyncio.Task[None]] = {}

    @property
    def under_way(self) -> int:
        """Servers that are being told of something and have not answered yet."""
        return len(self._tasks)

    def tell(self, zone: Zone, peers: Iterable[Peer]) -> None:
        """Begin to tell these of this version."""
        for peer in dict.fromkeys(peers):
            key = (zone.origin, peer)
            before = self._tasks.get(key)
            if before is not None:
                before.cancel()
            task = asyncio.create_task(self._tell(zone, peer))
            self._tasks[key] = task
            task.add_done_callback(partial(self._done, key))

    async def close(self) -> None:
        """Stop telling."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, key: tuple[bytes, Peer], task: "asyncio.Task[None]") -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._metrics.exceptions_total += 1
            _log.error("telling %s failed", key[1], exc_info=fault)

    async def _tell(self, zone: Zone, peer: Peer) -> None:
        self._metrics.notifies_out_total += 1
        async with self._places:
            result = await self.client.ask(
                lambda number: notify.notification(zone, number),
                peer,
                waits_s=notify.WAITS_S,
                matches=notify.is_answer,
            )
        name = names.show(zone.origin)
        if isinstance(result, Failed):
            self._metrics.notifies_failed_total += 1
            _log.warning("zone %s: NOTIFY to %s: %s", name, peer.address, result.reason)
        elif result.message.rcode != Rcode.NOERROR:
            self._metrics.notifies_failed_total += 1
            answer = show_rcode(result.message.rcode)
            _log.warning("zone %s: NOTIFY to %s: it answers %s", name, peer.address, answer)
        else:
            _log.debug("zone %s: %s knows of serial %d", name, peer.address, zone.serial)
