"""A TCP server on loopback for as long as a block lasts."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(
    talk: Talk,
    writers: list[asyncio.StreamWriter],
    *,
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """The port, on which `talk` is run for every connection; `writers` gets each connection, and
    whatever is in it is cut off at the end, when talks that go on are over too."""
    talks: set[asyncio.Task[None]] = set()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        going_on = asyncio.ensure_future(talk(reader, writer))
        talks.add(going_on)
        try:
            await asyncio.wait([going_on])
        finally:
            talks.discard(going_on)
        if not going_on.cancelled():
            going_on.result()

    server = await asyncio.start_server(on_connection, "127.0.0.1", port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # One that is about to connect elsewhere would otherwise leave that connection to nobody.
        for going_on in talks:
            going_on.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
