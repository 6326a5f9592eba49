"""A server in every role, for damaged requests: in this process, or on its sockets.

Its zones are small, so that a reply can be held against the length of its query.
"""

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from damaged import KEY

from resolver import Config, Server
from resolver.codes import Rcode
from resolver.effects import Steps
from resolver.serve.request import Messages
from resolver.testing import Internet, ManualClock, zone
from resolver.testing.driver import Driver
from resolver.testing.watch import Watch

FRIEND, STRANGER = bytes((127, 0, 0, 1)), bytes((203, 0, 113, 200))
OWN_ZONE = """$TTL 300
@ SOA ns host 5 7200 900 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
to CNAME www
*.wild A 192.0.2.3
sub NS ns.sub
ns.sub A 192.0.2.4
tree DNAME o.
"""
# So many times as long as the query may a reply be for who has not shown that he is where he seems
# to be: one without data, and one with the data of the zones here (an alias and a SOA record).
MOST_AMPLIFIED, MOST_WITH_DATA = 3, 4
HEADER_OCTETS = 12
_TURNS = 500
_SETTLE_S = 60.0


def hierarchy() -> Internet:
    """What is asked for foreign names: it loses, delays and garbles some of it."""
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    text = "www A 192.0.2.7\nloop CNAME loop\ndeep.a.b.c TXT deep\nmail MX 10 www"
    net.host("example.com.", "198.51.100.3", "198.51.100.4", zone("example.com.", text))
    net.lose("198.51.100.3", share=0.1)
    net.error("198.51.100.4", "SERVFAIL", share=0.2)
    return net


def configuration(folder: Path, hints: str, port: int = 53) -> Config:
    """All roles on a free port of 127.0.0.1."""
    (folder / "own.zone").write_text(OWN_ZONE)
    (folder / "root.hints").write_text(hints)
    secret = folder / "admin.key"
    secret.write_text(base64.b64encode(KEY.secret).decode())
    secret.chmod(0o600)
    nobody = "127.0.0.1:9"
    return Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(folder / "state")},
            "access": {"recursion": ["127.0.0.0/8"], "cache": ["127.0.0.0/8"]},
            "recursion": {"root_hints": str(folder / "root.hints"), "do_not_query": []},
            "outgoing": {"port": port},
            "cache": {"snapshot": False, "size": 8 << 20},
            "control": {"socket": ""},
            "key": [{"name": "admin", "secret_file": str(secret)}],
            "zone": [
                {
                    "name": "own.test",
                    "file": str(folder / "own.zone"),
                    "update": ["key:admin"],
                    "transfer": ["key:admin"],
                },
                {
                    "name": "copied.test",
                    "role": "secondary",
                    "primaries": [nobody],
                    "update": ["key:admin"],
                },
            ],
        }
    )


class Target:
    """The server's Service, fed in this process; its questions go to a fake Internet."""

    def __init__(self, server: Server, net: Internet) -> None:
        self.server = server
        self._driver = Driver(net, ManualClock())
        self._pending = 0
        self._fed = 0
        self.kinds: Counter[str] = Counter()
        self.amplified: list[tuple[bytes, bytes]] = []
        self.worst = 0.0

    async def feed(self, packet: bytes, peer: bytes, *, stream: bool) -> None:
        """One packet, as a listener would hand it over."""
        reply = self.server.service.respond(packet, peer, stream=stream)  # type: ignore[call-overload]
        if isinstance(reply, Messages):
            self.kinds["transfer"] += 1
            while reply.take() is not None:
                pass
        elif reply is None or isinstance(reply, bytes):
            self._judge(packet, peer, reply, stream)
        else:
            self._start(packet, peer, reply, stream)
        self._fed += 1
        if self._fed % _TURNS == 0:
            await self._turn()

    def _start(self, packet: bytes, peer: bytes, steps: Steps[bytes | None], stream: bool) -> None:
        def done(reply: bytes | None) -> None:
            self._pending -= 1
            self._judge(packet, peer, reply, stream)

        self._pending += 1
        self._driver.start(steps, done, Watch())

    def _judge(self, packet: bytes, peer: bytes, reply: bytes | None, stream: bool) -> None:
        if reply is None:
            self.kinds["silence"] += 1
            return
        self.kinds[f"rcode {reply[3] & 15}"] += 1
        assert reply[:2] == packet[:2]
        assert reply[2] & 0x80
        assert len(packet) >= HEADER_OCTETS
        if peer == STRANGER and not stream:
            self.worst = max(self.worst, len(reply) / len(packet))
            has_data = reply[3] & 15 in (Rcode.NOERROR, Rcode.NXDOMAIN)
            most = MOST_WITH_DATA if has_data else MOST_AMPLIFIED
            if len(reply) > most * len(packet):
                self.amplified.append((packet, reply))

    async def _turn(self) -> None:
        self._driver.run()
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Until everything fed has been answered. Raises TimeoutError."""
        async with asyncio.timeout(_SETTLE_S):
            await self._turn()
            while self._pending:
                await asyncio.sleep(0.005)
                await self._turn()


@contextlib.asynccontextmanager
async def target(folder: Path) -> AsyncIterator[Target]:
    """A server that is fed in this process."""
    net = hierarchy()
    async with Server(configuration(folder, net.hints_text)) as server:
        yield Target(server, net)
