"""Connections that are over leave nothing for a search for garbage."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from resolver.model import Address
from resolver.net.circles import end_circle

pytestmark = pytest.mark.loopback

CONNECTIONS = 20
WITHIN_S = 60.0


@pytest.fixture
def no_search() -> Iterator[None]:
    """Only what nobody refers to is freed."""
    gc.disable()
    yield
    gc.enable()


class Side(asyncio.Protocol):
    """One side of a connection."""

    def __init__(self, transports: "list[weakref.ref[asyncio.BaseTransport]]") -> None:
        self._transports = transports
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transports.append(weakref.ref(transport))

    def connection_lost(self, exc: Exception | None) -> None:
        end_circle(self._transport)
        self._transport = None


@pytest.mark.usefixtures("no_search")
async def test_a_transport_is_freed_when_its_connection_is_lost() -> None:
    """That of who closes and that of who is left."""
    loop = asyncio.get_running_loop()
    transports: list[weakref.ref[asyncio.BaseTransport]] = []
    server = await loop.create_server(lambda: Side(transports), "127.0.0.1", 0)
    at = Address(*server.sockets[0].getsockname())
    async with server, asyncio.timeout(WITHIN_S):
        for _ in range(CONNECTIONS):
            transport, _ = await loop.create_connection(lambda: Side(transports), *at)
            transport.close()
            del transport
        while len(transports) < 2 * CONNECTIONS or any(ref() for ref in transports):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_what_is_no_transport_of_asyncio_is_left_alone() -> None:
    end_circle(None)
    end_circle(asyncio.BaseTransport())
