"""How many transfers and queries for secondary zones are under way at the same time.

Knows: the event loop, settings. Does not know: zones, what is asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resolver.config.secondary import SecondarySettings


class Places:
    """How much may be under way at the same time."""

    def __init__(self, settings: SecondarySettings) -> None:
        self.queries = asyncio.Semaphore(settings.queries)
        self._transfers = asyncio.Semaphore(settings.transfers)
        self._per_primary = settings.transfers_per_primary
        self._primaries: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def transfer(self, ip: str) -> AsyncIterator[None]:
        """A place for a transfer from this address."""
        primary = self._primaries.setdefault(ip, asyncio.Semaphore(self._per_primary))
        async with primary, self._transfers:
            yield
