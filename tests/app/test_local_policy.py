"""What a server answers by itself, whom it hands questions to, and what it remembers over a
restart, on real sockets (R15, R17, R24, R28, C04, C06)."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from resolver import Config, Server, names
from resolver.codes import RRType
from resolver.errors import ConfigError
from resolver.testing import Internet, Loopback, zone
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse

pytestmark = pytest.mark.loopback

ROOT, COM, EXAMPLE, FORWARDER = (
    "198.51.100.1",
    "198.51.100.2",
    "198.51.100.3",
    "203.0.113.1",
)
TEXT = "www 600 A 192.0.2.7\nmail 600 A 192.0.2.8\nads 600 A 192.0.2.66\nshop 600 CNAME ads"


def tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", TEXT))
    net.resolver(FORWARDER)
    return net


def configured(up: Loopback, folder: Path, **sections: Any) -> Config:
    recursion = {"root_hints": str(up.write_hints(folder / "root.hints")), "do_not_query": []}
    made: dict[str, Any] = {
        "server": {"listen": ["127.0.0.1:0"], "state_dir": str(folder / "var")},
        "outgoing": {"port": up.port},
    }
    made |= sections
    made["recursion"] = recursion | sections.get("recursion", {})
    return Config.model_validate(made)


class Reply:
    """A reply in the words of tests."""

    def __init__(self, packet: bytes) -> None:
        self.message = dns.message.from_wire(packet)
        self.status = dns.rcode.to_text(self.message.rcode())
        self.records = [line for rrset in self.message.answer for line in _lines(rrset)]
        edns = parse(packet).edns
        self.errors = extended_errors(edns) if edns is not None else []
        self.is_authoritative = bool(self.message.flags & dns.flags.AA)


def _lines(rrset: dns.rrset.RRset) -> list[str]:
    return rrset.to_text().splitlines()


async def ask(server: Server, name: str, rrtype: str = "A", *, recurse: bool = True) -> Reply:
    query = dns.message.make_query(name, rrtype, use_edns=0)
    if not recurse:
        query.flags &= ~dns.flags.RD
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[bytes] = loop.create_future()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            if not reply.done():
                reply.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(
        Client, remote_addr=tuple(server.addresses[0])
    )
    try:
        transport.sendto(query.to_wire())
        return Reply(await asyncio.wait_for(reply, 20))
    finally:
        transport.close()


async def until(holds: Callable[[Reply], bool], server: Server, name: str) -> Reply:
    """The first reply that is as wanted; the test's time limit ends it."""
    while not holds(reply := await ask(server, name)):  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(0.05)
    return reply


def change(path: Path, text: str) -> None:
    """Write the file so that nobody can take it for the one before."""
    path.write_text(text)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 5_000_000_000))


async def test_special_names_send_no_packet(tmp_path: Path) -> None:
    net = tree()
    with Loopback(net) as up:
        async with Server(configured(up, tmp_path)) as server:
            for name, rrtype, status in (
                ("localhost", "A", "NOERROR"),
                ("a.localhost", "AAAA", "NOERROR"),
                ("localhost", "MX", "NOERROR"),
                ("1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN"),
                ("1.0.0.10.in-addr.arpa", "PTR", "NXDOMAIN"),
                ("1.0.0.127.in-addr.arpa", "PTR", "NOERROR"),
                ("www.invalid", "A", "NXDOMAIN"),
                ("www.test", "A", "NXDOMAIN"),
                ("xyz.onion", "A", "NXDOMAIN"),
                ("printer.local", "A", "NXDOMAIN"),
                ("nas.home.arpa", "A", "NXDOMAIN"),
                ("ipv4only.arpa", "A", "NOERROR"),
                ("x.alt", "A", "NXDOMAIN"),
            ):
                for recurse in (True, False, True):
                    reply = await ask(server, name, rrtype, recurse=recurse)
                    assert (name, reply.status) == (name, status)
                    assert reply.is_authoritative
            assert (await ask(server, "localhost")).records == ["localhost. 10800 IN A 127.0.0.1"]
        assert net.count() == 0


async def test_special_names_that_are_left_out_are_asked_for(tmp_path: Path) -> None:
    net = tree()
    with Loopback(net) as up:
        config = configured(up, tmp_path, recursion={"special_names": ["test", "localhost"]})
        async with Server(config) as server:
            assert (await ask(server, "www.test")).status == "NXDOMAIN"
            assert (await ask(server, "www.invalid")).status == "NXDOMAIN"
        assert net.count(ROOT)
        assert not [seen for seen in net.log if "invalid" in seen.question]


async def test_own_zones_go_before_special_names(tmp_path: Path) -> None:
    net = tree()
    text = "$ORIGIN home.arpa.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
    with Loopback(net) as up:
        async with Server(configured(up, tmp_path), zone=text) as server:
            reply = await ask(server, "ns.home.arpa")
            assert reply.records == ["ns.home.arpa. 60 IN A 192.0.2.1"]


async def test_an_overlay_with_an_alias_and_a_block_list(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("ads.example.com\n")
    local = {
        "records": ["www.example.com. 300 CNAME mail.example.com."],
        "block": [str(tmp_path / "list.txt")],
    }
    with Loopback(tree()) as up:
        async with Server(configured(up, tmp_path, local=[local])) as server:
            for _ in range(2):
                reply = await ask(server, "www.example.com")
                # What ages in the answer makes all of it age, from the second time on.
                alias, address = reply.records
                assert alias.startswith("www.example.com. ")
                assert alias.endswith(" IN CNAME mail.example.com.")
                assert address.endswith(" A 192.0.2.8")
                for name in ("ads.example.com", "x.ads.example.com", "shop.example.com"):
                    reply = await ask(server, name)
                    assert reply.status == "NXDOMAIN"
                    ((code, text),) = reply.errors
                    assert (code, text) == (15, "ads.example.com. is on the block list list.txt")


@pytest.mark.timeout(60)
async def test_changed_lists_are_live_without_a_restart(tmp_path: Path) -> None:
    blocks, hosts = tmp_path / "list.txt", tmp_path / "hosts"
    blocks.write_text("nothing.example\n")
    hosts.write_text("192.0.2.50 nas.corp\n")
    local = {"block": [str(blocks)], "hosts": [str(hosts)]}
    with Loopback(tree()) as up:
        async with Server(configured(up, tmp_path, local=[local])) as server:
            for _ in range(2):
                assert (await ask(server, "www.example.com")).status == "NOERROR"
                assert (await ask(server, "nas.corp")).records == ["nas.corp. 60 IN A 192.0.2.50"]
            change(blocks, "www.example.com\n")
            change(hosts, "192.0.2.51 nas.corp\n")
            reply = await until(lambda r: r.status == "NXDOMAIN", server, "www.example.com")
            assert reply.errors[0].code == 15
            await until(lambda r: r.records == ["nas.corp. 60 IN A 192.0.2.51"], server, "nas.corp")
            blocks.unlink()
            await asyncio.sleep(1.5)
            assert (await ask(server, "www.example.com")).status == "NXDOMAIN", "the old list stays"
            change(blocks, "")
            await until(lambda r: r.status == "NOERROR", server, "www.example.com")


def test_a_list_that_is_not_there_at_start_is_an_error(tmp_path: Path) -> None:
    local = {"block": [str(tmp_path / "absent.txt")], "records": ["a.corp. A nonsense"]}
    with Loopback(tree()) as up, pytest.raises(ConfigError) as raised:
        Server(configured(up, tmp_path, local=[local]))
    text = str(raised.value)
    assert "absent.txt: cannot be read: No such file" in text
    assert "[[local]] 1: records:1: " in text


async def test_a_suffix_is_forwarded_and_a_dead_forwarder_named(tmp_path: Path) -> None:
    net = tree()
    with Loopback(net) as up:
        to = [f"{up.address(FORWARDER)}:{up.port}"]
        config = configured(up, tmp_path, forward=[{"name": "example.com", "to": to}])
        async with Server(config) as server:
            assert (await ask(server, "www.example.com")).records[0].endswith("A 192.0.2.7")
            assert net.count() == net.count(FORWARDER) == 1
            net.dead(FORWARDER)
            reply = await ask(server, "mail.example.com")
            assert reply.status == "SERVFAIL"
            assert reply.errors[0].code == 22
            assert "example.com." in reply.errors[0].text
            assert up.address(FORWARDER) in reply.errors[0].text
        assert net.count() == net.count(FORWARDER)


async def test_a_restart_is_warm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C06: a name cached before is answered with upstream blocked."""
    net = tree()
    with Loopback(net) as up:
        config = configured(up, tmp_path)
        async with Server(config, keeps_cache=True) as server:
            assert (await ask(server, "www.example.com")).records
        net.dead("*")
        asked = net.count()
        async with Server(config, keeps_cache=True) as server:
            assert (await ask(server, "www.example.com")).records[0].endswith("A 192.0.2.7")
        assert net.count() == asked
        file = tmp_path / "var" / "cache.snapshot"
        file.write_bytes(file.read_bytes()[:-20])
        caplog.clear()
        async with Server(config, keeps_cache=True) as server:
            assert server.recursion is not None
            assert len(server.recursion.rrsets) == 0
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert "cache.snapshot: not used, the cache begins empty" in lines[0]


async def test_a_cache_that_is_not_to_be_kept_is_not_written(tmp_path: Path) -> None:
    with Loopback(tree()) as up:
        for config, keeps_cache in (
            (configured(up, tmp_path), False),
            (configured(up, tmp_path, cache={"snapshot": False}), True),
        ):
            async with Server(config, keeps_cache=keeps_cache) as server:
                await ask(server, "www.example.com")
            assert not (tmp_path / "var" / "cache.snapshot").exists()


@pytest.mark.timeout(60)
async def test_a_snapshot_is_written_while_the_server_runs(tmp_path: Path) -> None:
    with Loopback(tree()) as up:
        config = configured(up, tmp_path, cache={"snapshot_interval": "100ms"})
        async with Server(config, keeps_cache=True) as server:
            await ask(server, "www.example.com")
            while not (tmp_path / "var" / "cache.snapshot").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_flushed_name_is_asked_for_again(tmp_path: Path) -> None:
    """C04, down to the finished packets."""
    net = tree()
    with Loopback(net) as up:
        async with Server(configured(up, tmp_path)) as server:
            assert server.tending is not None
            for _ in range(3):
                await ask(server, "www.example.com")
                await ask(server, "mail.example.com")
            assert net.count(EXAMPLE, "www.example.com.", "A") == 1
            flushed = await server.tending.flush(names.read("www.example.com."), rrtype=RRType.A)
            assert flushed.total == 1
            await ask(server, "www.example.com")
            await ask(server, "mail.example.com")
            assert net.count(EXAMPLE, "www.example.com.", "A") == 2
            assert net.count(EXAMPLE, "mail.example.com.", "A") == 1
            assert (await server.tending.flush_all()).total > 2
            await ask(server, "mail.example.com")
            assert net.count(EXAMPLE, "mail.example.com.", "A") == 2
