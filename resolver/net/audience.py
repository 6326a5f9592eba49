"""Whom a new version of a zone concerns: those named by the operator, and its name servers.

Knows: our zones, our own addresses. Does not know: how somebody is told (net/notifier.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from itertools import chain

from resolver.model import Address
from resolver.net.own_addresses import OwnAddresses
from resolver.zone import notify
from resolver.zone.content import Zone
from resolver.zone.lookup import addresses
from resolver.zone.peer import Peer
from resolver.zone.store import ZoneStore


class Audience:
    """For all zones of a store. `also_notify` are the named ones by origin, `own` our addresses,
    `resolve` finds the addresses of a name server that is in none of our zones."""

    def __init__(self, store: ZoneStore) -> None:
        self.also_notify: Mapping[bytes, tuple[Peer, ...]] = {}
        self.name_servers = True  # whether they are told at all
        self.own = OwnAddresses(())
        self.resolve: Callable[[bytes], Awaitable[list[str]]] | None = None
        self._store = store

    def named(self, origin: bytes) -> tuple[Peer, ...]:
        """Those named by the operator."""
        return self.also_notify.get(origin, ())

    async def derived(self, zone: Zone) -> list[Peer]:
        """Name servers of the zone that are not us and not named."""
        if not self.name_servers:
            return []
        told = {peer.address for peer in self.named(zone.origin)}
        found = chain(*[await self._find(host) for host in notify.hosts(zone)])
        others = (a for a in map(Address, found) if a not in told and not self.own.includes(a))
        return [Peer(address) for address in others]

    async def _find(self, host: bytes) -> list[str]:
        """The addresses of a name server, from our own zones if it is in one."""
        home = self._store.find(host)
        if home is not None:
            return [ip for rrset in addresses(home, host) for ip in notify.show_addresses(rrset)]
        return await self.resolve(host) if self.resolve is not None else []
