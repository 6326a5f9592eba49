"""One process in every role (O17): primary, secondary, forward zone, stub zone and recursion.

AA only for own zones, RA only for who may recurse, no cached data in answers from own zones.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver import Config, Server, names
from resolver.app.exchange import Received, ask
from resolver.codes import Flag, Rcode, RRType
from resolver.model import Address, Message, Question
from resolver.testing import Internet, Loopback, zone
from resolver.wire.build import build_query

pytestmark = pytest.mark.loopback

TRANSFERRED_S = 10.0
OWN = """$TTL 300
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
out CNAME www.example.com.
"""
COPIED = """$ORIGIN copied.test.
$TTL 300
@ SOA ns1 host 9 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.81
"""


@pytest.fixture
def internet() -> Iterator[Loopback]:
    """A fake root above example.com., and a zone that nobody delegates."""
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", "198.51.100.3", zone("example.com.", "www A 192.0.2.7"))
    # The public tree has an own zone's name too, with other data: it must never be believed.
    net.host("own.test.", "198.51.100.4", zone("own.test.", "www A 203.0.113.66"))
    net.host("lab.test.", "198.51.100.5", zone("lab.test.", "www A 192.0.2.90"))
    net.host("corp.test.", "198.51.100.6", zone("corp.test.", "www A 192.0.2.91"))
    with Loopback(net) as up:
        yield up


@asynccontextmanager
async def every_role(
    up: Loopback, directory: Path, *, recursion: str = "127.0.0.1/32"
) -> AsyncIterator[tuple[Address, Address]]:
    """The server with all roles, and the primary of its secondary zone."""
    (directory / "own.zone").write_text(OWN)
    up.write_hints(directory / "root.hints")
    primary_config = Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(directory / "primary")},
            "recursion": {"enabled": False},
            "access": {"transfer": ["localhost"]},
        }
    )
    async with Server(primary_config, zone=COPIED) as primary:
        config = Config.model_validate(
            {
                "server": {"listen": ["127.0.0.1:0"], "state_dir": str(directory / "state")},
                "access": {"recursion": [recursion], "cache": [recursion]},
                "recursion": {
                    "root_hints": str(directory / "root.hints"),
                    "do_not_query": [],
                    "special_names": False,
                },
                "outgoing": {"port": up.port},
                "cache": {"snapshot": False},
                "zone": [
                    {"name": "own.test", "role": "primary", "file": str(directory / "own.zone")},
                    {
                        "name": "copied.test",
                        "role": "secondary",
                        "primaries": [f"127.0.0.1:{primary.addresses[0].port}"],
                    },
                ],
                "stub": [{"name": "lab.test", "to": [f"{up.address('198.51.100.5')}:{up.port}"]}],
            }
        )
        async with Server(config) as server:
            yield server.addresses[0], primary.addresses[0]


async def look_up(server: Address, name: str, *, recurse: bool = True) -> Message:
    question = Question(names.read(name), RRType.A)
    packet = build_query(99, question, edns=None, recursion_desired=recurse)
    result = await asyncio.to_thread(ask, server, packet, question, stream=False)
    assert isinstance(result, Received), result
    return result.message


def last_octet(message: Message) -> int:
    return message.answer[-1].rdatas[0][-1]


async def test_every_role_in_one_process(internet: Loopback, tmp_path: Path) -> None:
    async with every_role(internet, tmp_path) as (server, _):
        copied = await transferred(server)
        own = await look_up(server, "www.own.test.")
        foreign = await look_up(server, "www.example.com.")
        cached = await look_up(server, "www.example.com.", recurse=False)
        stub = await look_up(server, "www.lab.test.")
        forwarded = await look_up(server, "www.corp.test.")
        chased = await look_up(server, "out.own.test.")

    replies = (own, copied, foreign, cached, stub, forwarded, chased)
    assert [last_octet(m) for m in replies] == [80, 81, 7, 7, 90, 91, 7]
    with_aa = [m for m in replies if m.flags & Flag.AA]
    assert with_aa == [own, copied, chased]
    assert all(m.flags & Flag.RA for m in replies)


async def test_who_may_not_recurse_gets_own_zones_without_ra(
    internet: Loopback, tmp_path: Path
) -> None:
    async with every_role(internet, tmp_path, recursion="192.0.2.0/24") as (server, _):
        own = await look_up(server, "www.own.test.")
        foreign = await look_up(server, "www.example.com.")
        out = await look_up(server, "out.own.test.")
    assert (own.rcode, foreign.rcode) == (Rcode.NOERROR, Rcode.REFUSED)
    assert [r.rrtype for r in out.answer] == [RRType.CNAME]
    assert not any(m.flags & Flag.RA for m in (own, foreign, out))
    assert internet.net.count() == 0


async def test_own_zones_hide_their_public_namesakes(internet: Loopback, tmp_path: Path) -> None:
    async with every_role(internet, tmp_path) as (server, _):
        assert last_octet(await look_up(server, "www.own.test.")) == 80
        missing = await look_up(server, "other.own.test.")
    assert missing.rcode == Rcode.NXDOMAIN
    assert missing.flags & Flag.AA
    assert internet.net.count(name="www.own.test.") == 0


async def transferred(server: Address) -> Message:
    """The copied zone's answer, once it has been transferred."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TRANSFERRED_S
    while True:
        message = await look_up(server, "www.copied.test.")
        if message.rcode == Rcode.NOERROR or loop.time() > until:
            return message
        await asyncio.sleep(0.05)
