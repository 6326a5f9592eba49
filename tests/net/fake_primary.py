"""A primary that misbehaves on request, and a Rootward that is secondary to it.

The primary speaks through dnspython. What it does over TCP is one coroutine, `behave`, that a test
may replace; over UDP it answers SOA queries and takes NOTIFYs.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from resolver.app.server import Server
from resolver.config.schema import Config

NAME = "example.test."
PATIENCE_S = 60.0
Behaviour = Callable[[dns.message.Message, asyncio.StreamWriter], Awaitable[None]]


def soa(serial: int, timers: str = "0 0 60 1") -> str:
    return f"{NAME} 300 IN SOA ns1.{NAME} admin.{NAME} {serial} {timers}"


def rrs(*lines: str) -> list[dns.rrset.RRset]:
    found = []
    for line in lines:
        owner, ttl, rrclass, rrtype, rdata = line.split(" ", 4)
        found.append(dns.rrset.from_text(owner, int(ttl), rrclass, rrtype, rdata))
    return found


class FakePrimary:
    """`queries` lists what came: "SOA", "IXFR" and so on, in order; `notifies` the serials."""

    def __init__(self) -> None:
        self.serial = 1
        self.timers = "0 0 60 1"
        self.silent = False
        self.queries: list[str] = []
        self.notifies: list[int] = []
        self.answer_notifies = True
        self.behave: Behaviour = self.send_whole
        self.expire_option: int | None = None

    async def __aenter__(self) -> "FakePrimary":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        await self._open_udp()
        return self

    async def _open_udp(self) -> None:
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", self.port)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), address)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._udp.close()
        await asyncio.sleep(0)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def lines(self, serial: int | None = None) -> list[str]:
        """The zone without its SOA; what it says of its serial is at `v`."""
        serial = self.serial if serial is None else serial
        return [
            f"{NAME} 300 IN NS ns1.{NAME}",
            f"ns1.{NAME} 300 IN A 127.0.0.1",
            f"v.{NAME} 300 IN TXT {serial}",
        ]

    def soa(self) -> str:
        return soa(self.serial, self.timers)

    def reply(self, query: dns.message.Message, *lines: str) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        response.answer = rrs(*lines)
        return response

    async def send(self, writer: asyncio.StreamWriter, message: dns.message.Message) -> None:
        packet = message.to_wire(max_size=65535)
        writer.write(struct.pack("!H", len(packet)) + packet)
        await writer.drain()

    async def send_whole(self, query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        """The whole zone, whatever was asked."""
        await self.send(writer, self.reply(query, self.soa(), *self.lines(), self.soa()))

    async def send_changes(self, query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        """What has changed since the serial before; the whole zone to AXFR."""
        if query.question[0].rdtype != dns.rdatatype.IXFR:
            await self.send_whole(query, writer)
            return
        old = soa(self.serial - 1, self.timers)
        removed, added = (f"v.{NAME} 300 IN TXT {n}" for n in (self.serial - 1, self.serial))
        lines = [self.soa(), old, removed, self.soa(), added, self.soa()]
        await self.send(writer, self.reply(query, *lines))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                query = dns.message.from_wire(await reader.readexactly(length))
                self.queries.append(dns.rdatatype.to_text(query.question[0].rdtype))
                await self.behave(query, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def datagram(self, packet: bytes) -> bytes | None:
        query = dns.message.from_wire(packet)
        if query.opcode() == dns.opcode.NOTIFY:
            self.notifies.append(query.answer[0][0].serial)
            return dns.message.make_response(query).to_wire() if self.answer_notifies else None
        self.queries.append(dns.rdatatype.to_text(query.question[0].rdtype))
        if self.silent:
            return None
        response = self.reply(query, self.soa())
        if self.expire_option is not None:
            option = dns.edns.GenericOption(9, struct.pack("!I", self.expire_option))
            response.use_edns(0, options=[option])
        return response.to_wire()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, primary: FakePrimary) -> None:
        self.primary = primary

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self.primary.datagram(data)
        if reply is not None:
            self.transport.sendto(reply, addr)


def secondary(
    directory: Path, *primaries: str, zone: dict[str, Any] | None = None, **more: Any
) -> Server:
    """A server with one secondary zone that is quick in everything it does."""
    return Server(
        Config.model_validate(
            {
                "server": {"listen": ["127.0.0.1:0"], "state_dir": str(directory / "state")},
                "recursion": {"enabled": False},
                "access": more.pop("access", {}),
                "secondary": {"min_refresh": 0.2, "min_retry": 0.2, "idle_timeout": 5} | more,
                "zone": [
                    {"name": NAME, "role": "secondary", "primaries": list(primaries)} | (zone or {})
                ],
            }
        )
    )


async def ask(server: Server, qname: str = f"v.{NAME}", qtype: str = "TXT") -> dns.message.Message:
    address = server.addresses[0]
    query = dns.message.make_query(qname, qtype, use_edns=0)
    return await dns.asyncquery.udp(query, address.ip, port=address.port, timeout=PATIENCE_S)


async def version(server: Server) -> str:
    """What the server says of its zone: the text at `v`, or the rcode."""
    reply = await ask(server)
    if reply.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(reply.rcode())
    return str(reply.answer[0][0].strings[0].decode())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Poll until it holds; fail after PATIENCE_S."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def until_version(server: Server, wanted: str) -> None:
    async def holds() -> bool:
        return await version(server) == wanted

    await until(holds)
