"""The control socket as the server sees it: reads requests, runs verbs, writes results.

Nothing that comes through it can bring the server down: what makes no sense gets an error, what is
too long or too slow is cut off, and a verb that raises is our mistake, told in the log.

Knows: the event loop, who may change things. Does not know: any verb.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from resolver.app.control.doors import Door, DoorError, close_door, doors_of, identity_of, open_door
from resolver.app.control.line import GoneError, Line
from resolver.app.control.protocol import (
    CommandError,
    Facts,
    failure,
    item,
    read_request,
    success,
)
from resolver.app.control.table import find_verb
from resolver.app.control.verb import Verb, read_arguments
from resolver.errors import ConfigError, Finding
from resolver.net.turns import in_turns

if TYPE_CHECKING:
    from resolver.app.server import Server

_ACCEPT_AGAIN_S = 0.5

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
        self,
        server: "Server",
        doors: Sequence[Door] | None = None,
        limits: Limits | None = None,
        find: Callable[[str], Verb] = find_verb,
    ) -> None:
        self._server = server
        self._doors = doors_of(server.config) if doors is None else doors
        self._limits = limits or Limits()
        self._find = find
        self._open: list[tuple[Door, socket.socket, tuple[int, int] | None]] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._conversations: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Take the places; nobody is answered yet. Raises ConfigError for one that is configured;
        the default one is done without if it cannot be had."""
        for door in self._doors:
            try:
                sock = open_door(door)
            except DoorError as error:
                if door.asked_for:
                    self._close()
                    raise ConfigError([Finding("control", 0, str(error))]) from error
                _log.warning("no control socket: %s", error)
            else:
                self._open.append((door, sock, identity_of(door.path)))

    def start(self) -> None:
        """Answer from now on. Call it inside the loop."""
        for door, sock, _ in self._open:
            self._accepting.append(asyncio.create_task(self._accept(door, sock)))

    async def stop(self) -> None:
        """Listen no more, end what is under way, and take the files away that are still ours."""
        for tasks in (self._accepting, self._conversations):
            ending = [*tasks]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
        self._close()

    async def __aenter__(self) -> "ControlListener":
        self.open()
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _close(self) -> None:
        for door, sock, identity in self._open:
            close_door(door, sock, identity)
        self._open.clear()

    async def _accept(self, door: Door, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(sock)
            except OSError as error:
                _log.warning("control: no connection accepted: %s", error)
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            task = asyncio.create_task(self._converse(door, self._line(client)))
            self._conversations.add(task)
            task.add_done_callback(self._conversations.discard)
            # Also of one that was cancelled before it began.
            task.add_done_callback(lambda _, client=client: client.close())  # type: ignore[misc]

    def _line(self, client: socket.socket) -> Line:
        client.setblocking(False)
        return Line(client, idle_s=self._limits.idle_s, write_s=self._limits.write_s)

    async def _converse(self, door: Door, line: Line) -> None:
        """One connection, from its first request to its end."""
        try:
            if len(self._conversations) > self._limits.connections:
                many = CommandError("too many control connections are open", kind="busy")
                await line.write(failure(many))
                return
            while (asked := await line.read()) is not None:
                await self._respond(door, asked, line)
        except CommandError as error:  # what cannot be told from the next request
            with suppress(GoneError):
                await line.write(failure(error))
                await line.discard()
        except GoneError:
            pass  # the client has gone, or reads nothing
        except Exception:
            self._server.metrics.exceptions_total += 1
            _log.exception("a control connection failed")

    async def _respond(self, door: Door, asked: bytes, line: Line) -> None:
        try:
            result = await self._perform(door, asked, line)
        except CommandError as error:
            await line.write(failure(error))
        else:
            await line.write(await in_turns(success(result)))

    async def _perform(self, door: Door, line: bytes, to: Line) -> Facts:
        """Do what a request asks for. Raises CommandError."""
        asked = read_request(line)
        verb = self._find(asked.verb)
        if verb.changes and not door.changes:
            raise CommandError(f"{verb.name}: this socket is for looking only", kind="forbidden")
        arguments = read_arguments(verb, asked.arguments)
        if verb.changes:
            _log.info("control: %s%s", verb.name, _show_arguments(asked.arguments))
        work = verb.run(self._server, arguments)
        try:
            if isinstance(work, AsyncIterator):
                return await _stream(work, to)
            async with asyncio.timeout(self._limits.verb_s):
                return await work
        except (CommandError, GoneError):
            raise
        except TimeoutError:
            raise CommandError(f"{verb.name}: not done in time") from None
        except Exception as error:
            self._server.metrics.exceptions_total += 1
            _log.exception("control: %s failed", verb.name)
            raise CommandError(f"{verb.name}: {error!r}", kind="internal") from error


async def _stream(items: AsyncIterator[Facts], to: Line) -> Facts:
    count = 0
    try:
        async for facts in items:
            await to.write(item(facts))
            count += 1
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
    return {"items": count}


def _show_arguments(arguments: object) -> str:
    """Arguments as a line of the log has them; long ones cut."""
    if not isinstance(arguments, dict):
        return ""
    shown = [f" {name}={value!r}" for name, value in arguments.items() if value]
    return "".join(each if len(each) <= 100 else f"{each[:96]}..." for each in shown)
