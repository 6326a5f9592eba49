"""One server takes the place of another one without a datagram lost: it is given its sockets.

The server that runs has a Unix socket beside its state. Whoever starts to take over asks through
it; then the old server changes nothing any more, brings everything to the disk, hands over its
listening sockets (SCM_RIGHTS, unix(7)) and goes on answering. The new one reads what is on disk and
begins to answer on the same sockets, so that what lies in them is answered by the one or the other.
Then it says so, and the old one answers what it has received, serves its TCP connections to their
end, and ends. If the new one ends before that, the old one goes on as if nothing had been.

    new: take-over 1                       old: {"sockets": [[address, kind], …], …}, descriptors
    new: serving                           old: released (the control socket is free)

Knows: sockets, what may be handed over. Does not know: what is served.
"""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from resolver.app.control.doors import (
    Door,
    DoorError,
    close_door,
    identity_of,
    open_door,
    reachable,
)
from resolver.app.sockets import Pair, Pairs, close, prepare
from resolver.config.schema import Config
from resolver.errors import ConfigError, Finding
from resolver.model import Address

if TYPE_CHECKING:
    from resolver.app.server import Server

SOCKET_FILE = "handover.sock"  # in `server.state_dir`
# A large cache takes a while to be written, and large zones to be read.
PATIENCE_S = 600.0
_ASKED = b"take-over 1\n"
_SERVING = b"serving\n"
_RELEASED = b"released\n"
_MOST_DESCRIPTORS = 200  # of one message; the system takes 253
_MAX_LINE_OCTETS = 1 << 20

_log = logging.getLogger(__name__)


class Predecessor:
    """A server that is to be taken over from: its sockets, and the line to it."""

    def __init__(self, line: socket.socket, pairs: Pairs, given: Sequence[Address]) -> None:
        self._line = line
        self.pairs = pairs
        self.given = given

    async def release(self) -> None:
        """Tell it that we serve, and wait until it has let go of everything but its replies."""
        loop = asyncio.get_running_loop()
        self._line.setblocking(False)
        with suppress(OSError, TimeoutError):
            await loop.sock_sendall(self._line, _SERVING)
            async with asyncio.timeout(PATIENCE_S):
                await loop.sock_recv(self._line, len(_RELEASED))
        self.close()

    def close(self) -> None:
        """Hang up. Before `release` it goes on as it was."""
        self._line.close()


def take_over(config: Config) -> Predecessor | None:
    """Ask the server with the same state folder for its sockets; None when none runs there. It
    changes nothing from then on. Raises ConfigError when it runs and gives none."""
    path = config.server.state_dir / SOCKET_FILE
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(PATIENCE_S)
    try:
        with reachable(path) as place:
            line.connect(place)
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    except OSError as error:
        line.close()
        raise _fault(path, str(error.strerror)) from error
    try:
        line.sendall(_ASKED)
        return Predecessor(line, *_receive(line))
    except (OSError, ValueError, KeyError) as error:
        line.close()
        raise _fault(path, f"nothing was handed over: {error}") from error


def _receive(line: socket.socket) -> tuple[Pairs, list[Address]]:
    """The sockets. Raises OSError, ValueError, KeyError."""
    text, descriptors = b"", list[int]()
    try:
        while True:
            data, more, _, _ = socket.recv_fds(line, 65536, _MOST_DESCRIPTORS)
            text += data
            descriptors += more
            told, newline, _ = text.partition(b"\n")
            if newline and len(descriptors) == len(json.loads(told)["sockets"]):
                break
            if not data or len(text) > _MAX_LINE_OCTETS:
                raise OSError("the line was cut")
        facts = json.loads(told)
        pairs: Pairs = {}
        for (ip, port, kind), descriptor in zip(facts["sockets"], descriptors, strict=True):
            sock = socket.socket(fileno=descriptor)
            prepare(sock)
            setattr(pairs.setdefault(Address(ip, port), Pair()), kind, sock)
    except BaseException:
        for descriptor in descriptors:
            with suppress(OSError):
                socket.close(descriptor)
        raise
    return pairs, [Address(ip, port) for ip, port in facts["given"]]


class HandoverDoor:
    """Where a server can be taken over from: `async with HandoverDoor(server): …`, around whatever
    else has to be let go before another one begins. `leave_to` is told who it is."""

    def __init__(self, server: "Server", leave_to: Callable[[int], None]) -> None:
        self._server = server
        self._leave_to = leave_to
        self._door = Door(server.config.server.state_dir / SOCKET_FILE, asked_for=False)
        self._sock: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._heir: socket.socket | None = None

    async def __aenter__(self) -> "HandoverDoor":
        try:
            self._sock = open_door(self._door)
        except DoorError as error:
            _log.warning("nobody can take over from this server: %s", error)
        else:
            self._identity = identity_of(self._door.path)
            self._task = asyncio.create_task(self._listen(self._sock))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._sock is not None:
            close_door(self._door, self._sock, self._identity)
        if self._heir is not None:
            with suppress(OSError):
                self._heir.send(_RELEASED)
            self._heir.close()

    async def _listen(self, sock: socket.socket) -> None:
        """One after the other: who asks while another one takes over waits."""
        loop = asyncio.get_running_loop()
        while self._heir is None:
            line, _ = await loop.sock_accept(sock)
            line.setblocking(False)
            try:
                if await self._hand_over(line):
                    self._heir = line
            except Exception:
                _log.exception("the sockets were not handed over")
            finally:
                if self._heir is not line:
                    line.close()
        self._server.hand_over()

    async def _hand_over(self, line: socket.socket) -> bool:
        """Whether somebody else serves now."""
        if await _heard(line) != _ASKED:
            return False
        server = self._server
        _log.info("handing over: nothing is changed from now on")
        async with server.changing:
            await server.freeze()
            try:
                _send(line, server.listeners.pairs, list(server.listeners.given))
                if await _heard(line) == _SERVING:
                    self._leave_to(_process_of(line))
                    return True
            except OSError as error:
                _log.error("not handed over: %s", error.strerror or error)
            except BaseException:
                await server.thaw()
                raise
            await server.thaw()
        _log.error("nobody has taken over: going on")
        return False


def _process_of(line: socket.socket) -> int:
    """Who is at the other end (SO_PEERCRED of unix(7)). Raises OSError."""
    credentials = struct.Struct("3i")  # process, user, group
    given = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    process, _, _ = credentials.unpack(given)
    assert isinstance(process, int)
    return process


async def _heard(line: socket.socket) -> bytes:
    """The next line; what there is of it when the other side hangs up or says nothing more."""
    loop = asyncio.get_running_loop()
    text = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not text.endswith(b"\n") and (data := await loop.sock_recv(line, 64)):
                text += data
    return text


def _send(line: socket.socket, pairs: Mapping[Address, Pair], given: Sequence[Address]) -> None:
    """Hand over the sockets; they stay ours, too. Raises OSError."""
    named = [
        (address, kind, sock)
        for address, pair in pairs.items()
        for kind, sock in (("udp", pair.udp), ("stream", pair.stream))
        if sock is not None
    ]
    facts = {
        "sockets": [[address.ip, address.port, kind] for address, kind, _ in named],
        "given": [[address.ip, address.port] for address in given],
    }
    descriptors = [sock.fileno() for _, _, sock in named]
    text = json.dumps(facts).encode() + b"\n"
    for start in range(0, len(descriptors), _MOST_DESCRIPTORS):
        part = descriptors[start : start + _MOST_DESCRIPTORS]
        socket.send_fds(line, [text if start == 0 else b" "], part)


def chosen(pairs: Pairs, addresses: Sequence[Address]) -> Pairs:
    """Those of the handed over sockets that are wanted; the others are closed."""
    close({address: pair for address, pair in pairs.items() if address not in addresses})
    return {address: pairs[address] for address in addresses if address in pairs}


def _fault(path: Path, reason: str) -> ConfigError:
    return ConfigError([Finding(str(path), 0, reason)])
