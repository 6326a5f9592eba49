"""A server of zone files in the event loop of a test: what it answers, and updates of its zones."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from resolver import names
from resolver.app.server import Server
from resolver.codes import RRType
from resolver.model import Message, Question
from resolver.wire.build import build
from resolver.wire.parse import parse
from resolver.zone.update import Outcome, Update

TIMEOUT_S = 60.0
IN, NONE = 1, 254


def text(serial: int, *lines: str) -> str:
    """A zone file."""
    head = (
        f"$TTL 300\n@ SOA ns.else.where. host {serial} 3600 900 1209600 300\n@ NS ns.else.where.\n"
    )
    return head + "\n".join(lines) + "\n"


def run(body: Coroutine[Any, Any, None]) -> None:
    """All of a test."""

    async def bounded() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await body

    asyncio.run(bounded())


def asked(server: Server, name: str, rrtype: RRType = RRType.A) -> Message:
    """The reply to a client on this machine, without a socket."""
    query = Message(1, 0, [Question(names.read(name), rrtype)])
    reply = server.service.respond(build(query), bytes((127, 0, 0, 1)), stream=False)
    assert isinstance(reply, bytes)
    return parse(reply)


async def perform(
    server: Server, origin: bytes, owner: str, rrtype: RRType, rdata: bytes, rrclass: int = IN
) -> Outcome:
    """What comes of an update that adds one record, or with class NONE takes it away."""
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    record = (names.read(owner), int(rrtype), rrclass, 60 if rrclass == IN else 0, rdata)
    server.zoning.primaries.perform(
        Update(origin, (), (record,)), lambda name, kind: True, done.set_result
    )
    return await done
