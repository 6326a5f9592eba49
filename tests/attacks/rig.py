"""A whole server on loopback sockets before the fake Internet, and clients that count replies."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from resolver import Config, Server, names
from resolver.codes import RRType
from resolver.model import Address, Message, Question
from resolver.testing import Internet, Loopback
from resolver.wire.build import build_query
from resolver.wire.parse import parse

ROOT, TLD, VICTIM, OTHER = "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"


@contextlib.asynccontextmanager
async def server(
    net: Internet, directory: Path, **sections: dict[str, Any]
) -> AsyncIterator[Server]:
    """A resolver whose hints lead into `net`, in this event loop. `sections` of the configuration
    are merged into what that takes."""
    with Loopback(net) as up:
        settings: dict[str, dict[str, Any]] = {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(directory)},
            "recursion": {
                "root_hints": str(up.write_hints(directory / "root.hints")),
                "do_not_query": [],
            },
            "outgoing": {"port": up.port},
            "cache": {"snapshot": False},
            "control": {"socket": ""},
        }
        for name, section in sections.items():
            settings.setdefault(name, {}).update(section)
        async with Server(Config.model_validate(settings)) as made:
            yield made


def query(name: str, number: int = 0, rrtype: int = RRType.A) -> bytes:
    """A client's query, RD set, no EDNS."""
    question = Question(names.read(name), rrtype)
    return build_query(number, question, edns=None, recursion_desired=True)


class Client:
    """Sends queries from one socket and keeps the replies as they come."""

    def __init__(self, to: Address, ip: str = "127.0.0.1") -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.setblocking(False)
        self._sock.bind((ip, 0))
        self._sock.connect(tuple(to))
        self.replies: dict[int, Message] = {}
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._read)

    def close(self) -> None:
        """Listen no more."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    def send(self, packet: bytes) -> None:
        """Send whatever it is."""
        self._sock.send(packet)

    async def flood(self, packets: list[bytes], *, burst: int = 100) -> None:
        """Send them all, with turns of the event loop in between."""
        for start in range(0, len(packets), burst):
            for packet in packets[start : start + burst]:
                self._sock.send(packet)
            await asyncio.sleep(0)

    async def ask(self, name: str, number: int = 0xFFFF, *, tries: int = 3) -> Message:
        """The reply to one question; asks again after five seconds, as stub resolvers do."""
        self.replies.pop(number, None)
        for _ in range(tries):
            self._sock.send(query(name, number))
            with contextlib.suppress(TimeoutError):
                await until(lambda: number in self.replies, 5.0)
                return self.replies[number]
        raise TimeoutError(f"no reply to {name}")

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                message = parse(self._sock.recv(65535))
                self.replies[message.id] = message


@contextlib.contextmanager
def client(to: Address, ip: str = "127.0.0.1") -> Iterator[Client]:
    """A client that is closed at the end."""
    made = Client(to, ip)
    try:
        yield made
    finally:
        made.close()


async def until(condition: Any, within_s: float = 60.0) -> None:
    """Wait for something to become true. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)
