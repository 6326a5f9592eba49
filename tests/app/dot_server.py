"""A resolver behind TLS on loopback, for tests: it ends the TLS, and hands messages on over TCP.

Certificates are made by the `openssl` program; a test that needs one skips without it.
"""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from stream_server import listening


class Certificates:
    """An authority in a folder, and a certificate for 127.0.0.1 and `name`, signed by it."""

    def __init__(self, folder: Path, name: str) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.ca = folder / f"{name}-ca.pem"
        self.chain = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        ca_key, extensions = folder / f"{name}-ca.key", f"subjectAltName=DNS:{name},IP:127.0.0.1"
        _openssl(*new, "-subj", "/CN=authority", "-keyout", ca_key, "-out", self.ca)
        issuer = ("-CA", self.ca, "-CAkey", ca_key, "-addext", "basicConstraints=critical,CA:FALSE")
        subject = ("-subj", "/CN=resolver", "-addext", extensions)
        _openssl(*new, *subject, *issuer, "-keyout", self._key, "-out", self.chain)

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self._key)
        return context


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class DotServer:
    """What it saw: `connections` whose handshake succeeded, and the framed `queries`."""

    def __init__(self) -> None:
        self.connections = 0
        self.queries: list[bytes] = []
        self.port = 0


@contextlib.asynccontextmanager
async def dot_server(
    context: ssl.SSLContext | None, behind: tuple[str, int]
) -> AsyncIterator[DotServer]:
    """Serve on a free port of 127.0.0.1, handing each message to the resolver `behind`. Without a
    context it is plain TCP, and counts who comes."""
    served = DotServer()
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            from_behind, to_behind = await asyncio.open_connection(*behind)
            writers.append(to_behind)
            while True:
                served.queries.append(await _read(reader))
                to_behind.write(served.queries[-1])
                writer.write(await _read(from_behind))

    async with listening(talk, writers, context=context) as served.port:
        yield served


async def _read(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(2)
    return length + await reader.readexactly(int.from_bytes(length, "big"))
