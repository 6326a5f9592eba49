"""The control socket as the server sees it: reads requests, runs verbs, writes results.

Nothing that comes through it can bring the server down: what makes no sense gets an error, what is
too long or too slow is cut off, and a verb that raises is our mistake, told in the log.

Knows: the event loop, who may change things. Does not know: any verb.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from resolver.app.control.doors import Door, DoorError, doors_of, identity_of, open_door
from resolver.app.control.protocol import (
    MAX_REQUEST_OCTETS,
    CommandError,
    Facts,
    failure,
    item,
    read_request,
    success,
)
from resolver.app.control.table import find_verb
from resolver.app.control.verb import read_arguments
from resolver.errors import ConfigError, Finding

if TYPE_CHECKING:
    from resolver.app.server import Server

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one may ask for, and how long it may take."""

    connections: int = 32
    idle_s: float = 60.0
    verb_s: float = 600.0
    write_s: float = 30.0  # for the reader to take what was written


class ControlListener:
    """Serves every door of a server's configuration: `async with ControlListener(server): …`."""

    def __init__(
        self, server: "Server", doors: Sequence[Door] | None = None, limits: Limits | None = None
    ) -> None:
        self._server = server
        self._doors = doors_of(server.config) if doors is None else doors
        self._limits = limits or Limits()
        self._listening: list[tuple[Door, tuple[int, int] | None, asyncio.Server]] = []
        self._open: list[tuple[Door, socket.socket]] = []
        self._connections: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Take the places; nobody is answered yet. Raises ConfigError for one that is configured;
        the default one is done without if it cannot be had."""
        for door in self._doors:
            try:
                self._open.append((door, open_door(door)))
            except DoorError as error:
                if door.asked_for:
                    self._close_open()
                    raise ConfigError([Finding("control", 0, str(error))]) from error
                _log.warning("no control socket: %s", error)

    async def start(self) -> None:
        """Answer from now on."""
        while self._open:
            door, sock = self._open.pop()
            served = await asyncio.start_unix_server(
                partial(self._accept, door), sock=sock, limit=MAX_REQUEST_OCTETS
            )
            self._listening.append((door, identity_of(door.path), served))

    async def stop(self) -> None:
        """Listen no more, end what is under way, and take the files away that are still ours."""
        self._close_open()
        for door, identity, served in self._listening:
            served.close()
            if identity is not None and identity_of(door.path) == identity:
                door.path.unlink(missing_ok=True)
        self._listening.clear()
        connections = [*self._connections]
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def __aenter__(self) -> "ControlListener":
        self.open()
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _close_open(self) -> None:
        for door, sock in self._open:
            sock.close()
            door.path.unlink(missing_ok=True)
        self._open.clear()

    def _accept(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.ensure_future(self._converse(door, reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(
        self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection, from its first request to its end."""
        try:
            if len(self._connections) > self._limits.connections:
                many = CommandError("too many control connections are open", kind="busy")
                await self._write(writer, failure(many))
                return
            while line := await self._read(reader):
                await self._respond(door, line, writer)
        except CommandError as error:  # what cannot be told from the next request
            await self._write(writer, failure(error))
        except (OSError, TimeoutError):
            pass  # the client has gone, or reads nothing
        except Exception:
            self._server.metrics.exceptions_total += 1
            _log.exception("a control connection failed")
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """The next request; empty at the end."""
        try:
            async with asyncio.timeout(self._limits.idle_s):
                line = await reader.readline()
        except ValueError:
            long = f"a request has more than {MAX_REQUEST_OCTETS} octets"
            raise CommandError(long, kind="usage") from None
        return line if line.endswith(b"\n") else b""

    async def _respond(self, door: Door, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            result = await self._perform(door, line, writer)
        except CommandError as error:
            await self._write(writer, failure(error))
        else:
            await self._write(writer, success(result))

    async def _perform(self, door: Door, line: bytes, writer: asyncio.StreamWriter) -> Facts:
        """Do what a request asks for. Raises CommandError."""
        asked = read_request(line)
        verb = find_verb(asked.verb)
        if verb.changes and not door.changes:
            raise CommandError(f"{verb.name}: this socket is for looking only", kind="forbidden")
        arguments = read_arguments(verb, asked.arguments)
        if verb.changes:
            _log.info("control: %s%s", verb.name, _show_arguments(asked.arguments))
        try:
            work = verb.run(self._server, arguments)
            if isinstance(work, AsyncIterator):
                return await self._stream(work, writer)
            async with asyncio.timeout(self._limits.verb_s):
                return await work
        except TimeoutError:
            raise CommandError(f"{verb.name}: not done in time") from None
        except (CommandError, OSError):
            raise
        except Exception as error:
            self._server.metrics.exceptions_total += 1
            _log.exception("control: %s failed", verb.name)
            raise CommandError(f"{verb.name}: {error!r}", kind="internal") from error

    async def _stream(self, items: AsyncIterator[Facts], writer: asyncio.StreamWriter) -> Facts:
        count = 0
        async for facts in items:
            writer.write(item(facts))
            count += 1
            await self._drain(writer)
        return {"items": count}

    async def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        try:
            writer.write(line)
            await self._drain(writer)
        except OSError:
            pass

    async def _drain(self, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._limits.write_s):
            await writer.drain()


def _show_arguments(arguments: object) -> str:
    """Arguments as a line of the log has them; long ones cut."""
    if not isinstance(arguments, dict):
        return ""
    shown = [f" {name}={value!r}" for name, value in arguments.items() if value]
    return "".join(each if len(each) <= 100 else f"{each[:96]}..." for each in shown)
