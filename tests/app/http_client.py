"""A client of the HTTP listener of a server in the same process."""

import asyncio
from collections.abc import Callable

from resolver import Server

WAIT_S = 30.0


async def get(server: Server, path: str, accept: str = "") -> tuple[int, str, str]:
    """Status, content type and body."""
    assert server.monitor is not None
    reader, writer = await asyncio.open_connection(*server.monitor.address)
    try:
        lines = f"GET {path} HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\n\r\n"
        writer.write(lines.encode())
        head, _, body = (await asyncio.wait_for(reader.read(), WAIT_S)).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    first, *headers = head.decode().split("\r\n")
    types = [line.partition(": ")[2] for line in headers if line.lower().startswith("content-type")]
    return int(first.split()[1]), types[0], body.decode()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)
