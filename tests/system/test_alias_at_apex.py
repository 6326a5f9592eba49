"""An ALIAS at the apex over real sockets: addresses for strangers, from a primary and from the
secondary that copied the record (A08)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolver import Config, Server, names
from resolver.app.exchange import Received, ask
from resolver.codes import Flag, Rcode, RRType
from resolver.model import Address, Message, Question
from resolver.testing import Internet, Loopback, zone
from resolver.wire.build import build_query

pytestmark = pytest.mark.loopback

TRANSFERRED_S = 60.0
OWN = """$ORIGIN own.test.
$TTL 3600
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
@ 300 ALIAS www.example.com.
"""


@pytest.fixture
def internet() -> Iterator[Loopback]:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", "198.51.100.3", zone("example.com.", "www 200 A 192.0.2.7"))
    with Loopback(net) as up:
        yield up


def config(up: Loopback, directory: Path, **more: Any) -> Config:
    """Nobody who asks here may recurse."""
    up.write_hints(directory / "root.hints")
    return Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(directory / "state")},
            "access": {"recursion": ["none"], "cache": ["none"], "transfer": ["localhost"]},
            "recursion": {
                "root_hints": str(directory / "root.hints"),
                "do_not_query": [],
                "special_names": False,
            },
            "outgoing": {"port": up.port},
            "cache": {"snapshot": False},
            **more,
        }
    )


async def look_up(server: Address, qtype: int, name: str = "own.test.") -> Message:
    question = Question(names.read(name), qtype)
    packet = build_query(99, question, edns=None, recursion_desired=False)
    result = await asyncio.to_thread(ask, server, packet, question, stream=False)
    assert isinstance(result, Received), result
    return result.message


async def assert_lent(server: Address) -> None:
    for _ in range(2):
        reply = await look_up(server, RRType.A)
        assert (reply.rcode, reply.flags & (Flag.AA | Flag.RA)) == (Rcode.NOERROR, Flag.AA)
        (addresses,) = reply.answer
        assert addresses.owner == names.read("own.test.")
        assert addresses.rdatas == (bytes((192, 0, 2, 7)),)
        assert 0 < addresses.ttl <= 200
    absent = await look_up(server, RRType.AAAA)
    assert absent.rcode == Rcode.NOERROR
    assert not absent.answer
    assert [rrset.rrtype for rrset in absent.authority] == [RRType.SOA]
    alias = await look_up(server, RRType.ALIAS)
    assert alias.answer[0].rdatas == (names.read("www.example.com."),)
    foreign = await look_up(server, RRType.A, "www.example.com.")
    assert foreign.rcode == Rcode.REFUSED


async def test_strangers_get_the_addresses_of_the_target(
    internet: Loopback, tmp_path: Path
) -> None:
    for directory in ("primary", "secondary"):
        (tmp_path / directory).mkdir()
    async with Server(config(internet, tmp_path / "primary"), zone=OWN) as primary:
        await assert_lent(primary.addresses[0])
        assert internet.net.count(name="www.example.com.", server="198.51.100.3") >= 1
        copy = {
            "name": "own.test",
            "role": "secondary",
            "primaries": [f"127.0.0.1:{primary.addresses[0].port}"],
        }
        settings = config(internet, tmp_path / "secondary", zone=[copy])
        async with Server(settings) as secondary:
            await transferred(secondary.addresses[0])
            await assert_lent(secondary.addresses[0])


async def transferred(server: Address) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + TRANSFERRED_S
    while (await look_up(server, RRType.SOA)).rcode != Rcode.NOERROR:
        assert loop.time() < until, "no transfer"
        await asyncio.sleep(0.05)
