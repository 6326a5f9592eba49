"""Lines over a socket, with bounds: how long they may be, how long one may wait.

Knows: sockets. Does not know: what is in the lines.
"""

import asyncio
import socket
from contextlib import suppress

from resolver.app.control.protocol import MAX_REQUEST_OCTETS, CommandError

_READ_OCTETS = 65_536
_DISCARDED_READS = 64
_DISCARD_S = 0.5


class GoneError(OSError):
    """The client has hung up, or takes nothing."""


class Line:
    """One connection. `idle_s` is how long a request may take to come, `write_s` how long what was
    written may take to be read."""

    def __init__(self, sock: socket.socket, *, idle_s: float, write_s: float) -> None:
        self._socket = sock
        self._idle_s = idle_s
        self._write_s = write_s
        self._read = bytearray()

    async def read(self) -> bytes | None:
        """The next line; None at the end. Raises CommandError for one that is too long, and
        GoneError."""
        loop = asyncio.get_running_loop()
        searched = 0
        try:
            async with asyncio.timeout(self._idle_s):
                while (end := self._read.find(b"\n", searched)) < 0:
                    searched = len(self._read)
                    if searched > MAX_REQUEST_OCTETS:
                        long = f"a request has more than {MAX_REQUEST_OCTETS} octets"
                        raise CommandError(long, kind="usage")
                    data = await loop.sock_recv(self._socket, _READ_OCTETS)
                    if not data:
                        return None
                    self._read += data
        except (OSError, TimeoutError) as error:
            raise GoneError(str(error)) from error
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        return line

    async def write(self, line: bytes) -> None:
        """Send a line. Raises GoneError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._write_s):
                await loop.sock_sendall(self._socket, line)
        except (OSError, TimeoutError) as error:
            raise GoneError(str(error)) from error

    async def discard(self) -> None:
        """Read on for a moment: closing before all is read would take back what was written."""
        loop = asyncio.get_running_loop()
        with suppress(OSError, TimeoutError):
            for _ in range(_DISCARDED_READS):
                async with asyncio.timeout(_DISCARD_S):
                    if not await loop.sock_recv(self._socket, _READ_OCTETS):
                        return
