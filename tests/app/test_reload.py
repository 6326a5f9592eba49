"""A new configuration for a server that is running: what changes, what stays, what is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from resolver import Config, Server, names
from resolver.app.reload import Reloaded
from resolver.config.load import load
from resolver.testing import Internet, Loopback, zone

pytestmark = pytest.mark.loopback

ROOT, COM, EXAMPLE, OTHER, FORWARDER = (
    "198.51.100.1",
    "198.51.100.2",
    "198.51.100.3",
    "198.51.100.4",
    "203.0.113.1",
)
TIMEOUT_S = 30.0


def text(serial: int, *lines: str) -> str:
    head = f"@ 300 SOA ns.else.where. host {serial} 3600 900 1209600 300\n@ 300 NS ns.else.where.\n"
    return head + "".join(f"{line}\n" for line in lines)


class Place:
    """A folder with a configuration that tests write anew, and the server that runs by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config.toml"
        self.server: Server | None = None

    def write(self, body: str = "", *, listen: str = '["127.0.0.1:0"]', server: str = "") -> None:
        self.file.write_text(f"[server]\nlisten = {listen}\n{server}\n{body}")

    def zone(self, name: str, content: str) -> Path:
        path = self.folder / f"{name}.zone"
        path.write_text(content)
        return path

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        read: Callable[[], Config] = lambda: load(self.file)  # noqa: E731
        async with asyncio.timeout(TIMEOUT_S), Server(read(), reread=read) as server:
            self.server = server
            yield server

    async def reload(self) -> Reloaded:
        assert self.server is not None
        return await self.server.reload()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def asked(
    server: Server, name: str, rrtype: str = "A", *, at: int = 0, recurse: bool = True
) -> str:
    """The status, or the first record's data."""
    query = dns.message.make_query(name, rrtype, use_edns=0)
    if not recurse:
        query.flags &= ~0x0100
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(tuple(server.addresses[at]))
        await loop.sock_sendall(sock, query.to_wire())
        reply = dns.message.from_wire(await loop.sock_recv(sock, 65_535))
    if reply.answer:
        return reply.answer[-1][0].to_text()
    return dns.rcode.to_text(reply.rcode())


OWN = '[recursion]\nenabled = false\n[[zone]]\nname = "a.test"\nfile = "a.test.zone"\n'
MORE = '[[zone]]\nname = "b.test"\nfile = "b.test.zone"\n'


class TestZones:
    async def test_come_change_and_go(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        async with place.running() as server:
            assert await asked(server, "www.b.test") == "REFUSED"
            place.zone("b.test", text(7, "www 300 A 192.0.2.2"))
            place.zone("a.test", text(2, "www 300 A 192.0.2.9"))
            place.write(OWN + MORE)
            told = ("[[zone]] b.test added", "zone a.test. has serial 2")
            assert await place.reload() == Reloaded(ok=True, changes=told)
            assert await asked(server, "www.b.test") == "192.0.2.2"
            assert await asked(server, "www.a.test") == "192.0.2.9"
            place.write(OWN)
            assert (await place.reload()).changes == ("[[zone]] b.test removed",)
            assert await asked(server, "www.b.test") == "REFUSED"
            assert await asked(server, "www.a.test") == "192.0.2.9"

    async def test_zone_out_of_another_file(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        async with place.running() as server:
            place.zone("new", text(2, "www 300 A 192.0.2.3"))
            place.write(OWN.replace("a.test.zone", "new.zone"))
            assert (await place.reload()).ok
            assert await asked(server, "www.a.test") == "192.0.2.3"

    async def test_primary_becomes_secondary_without_a_gap(self, place: Place) -> None:
        place.zone("a.test", text(5, "www 300 A 192.0.2.1"))
        place.write(f'[access]\ntransfer = ["localhost"]\n{OWN}')
        (place.folder / "two").mkdir()
        two = Place(place.folder / "two")
        async with place.running() as first:
            two.zone("a.test", text(4, "www 300 A 192.0.2.4"))
            two.write(OWN)
            async with two.running() as second:
                assert await asked(second, "www.a.test") == "192.0.2.4"
                primary = f'["127.0.0.1:{first.addresses[0].port}"]'
                role = f'role = "secondary"\nprimaries = {primary}\n'
                two.write(OWN.replace('file = "a.test.zone"\n', role))
                assert (await two.reload()).ok
                while (found := await asked(second, "www.a.test")) != "192.0.2.1":
                    assert found == "SERVFAIL"
                # And back again: what is in the file now is newer.
                two.zone("a.test", text(6, "www 300 A 192.0.2.6"))
                two.write(OWN)
                assert (await two.reload()).ok
                assert await asked(second, "www.a.test") == "192.0.2.6"

    async def test_zone_added_at_run_time_stays(self, place: Place) -> None:
        from resolver.config.zones import ZoneSettings

        place.zone("a.test", text(5))
        place.write(f'[access]\ntransfer = ["localhost"]\n{OWN}')
        (place.folder / "two").mkdir()
        two = Place(place.folder / "two")
        async with place.running() as first:
            two.write("[recursion]\nenabled = false\n")
            async with two.running() as second:
                terms = {
                    "name": "a.test",
                    "role": "secondary",
                    "primaries": [f"127.0.0.1:{first.addresses[0].port}"],
                    "transfer": ["localhost"],
                }
                await second.add_secondary(ZoneSettings.model_validate(terms))
                two.write('[recursion]\nenabled = false\n[cache]\nsize = "8MiB"\n')
                assert (await two.reload()).ok
                assert (await asked(second, "a.test", "SOA")).split()[2] == "5"
                rules = second.zoning.roster.transfer_rules
                assert rules.allows(names.read("a.test."), bytes((127, 0, 0, 1)), None)

    async def test_folders_come_and_go(self, place: Place) -> None:
        (place.folder / "more").mkdir()
        place.zone("more/c.test", text(1, "www 300 A 192.0.2.3"))
        place.zone("a.test", text(1))
        place.write(OWN)
        async with place.running() as server:
            place.write(OWN + '[[zone_directory]]\npath = "more"\ntransfer = ["localhost"]\n')
            assert (await place.reload()).ok
            assert await asked(server, "www.c.test") == "192.0.2.3"
            place.zone("more/d.test", "www A 192.0.2.4\n")
            faulty = await place.reload()
            assert not faulty.ok
            path = place.folder / "more/d.test.zone"
            assert {(f.file, f.line) for f in faulty.findings} == {(str(path), 1)}
            place.write(OWN)
            assert (await place.reload()).ok
            assert await asked(server, "www.c.test") == "REFUSED"


class TestFaults:
    async def test_every_fault_is_told_and_nothing_changes(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        async with place.running() as server:
            # Two zones, one of them gone, a key and a block list: all at fault together.
            place.zone("a.test", text(2, "www 300 A 192.0.2.2", "oops 300 A 1.2.3"))
            (place.folder / "key").write_text("=\n")
            (place.folder / "key").chmod(0o600)
            place.write(
                OWN.replace("enabled = false", "enabled = true")
                + MORE
                + '[[key]]\nname = "k"\nsecret_file = "key"\n'
                '[[local]]\nblock = ["missing"]\nrecords = ["bad A 1.2"]\n',
                server='identity = "other"\n',
            )
            before = server.service.identity
            result = await place.reload()
            assert not result.ok
            assert result.changes == ()
            places = {(Path(f.file).name, f.line) for f in result.findings}
            assert {("a.test.zone", 4), ("b.test.zone", 0), ("missing", 0)} < places
            assert any(name == "key" for name, _ in places)
            assert any(name.startswith("[[local]]") for name, _ in places)
            assert server.service.identity is before
            assert server.recursion is None
            assert await asked(server, "www.a.test") == "192.0.2.1"

    async def test_faults_in_the_configuration_have_their_line(self, place: Place) -> None:
        place.zone("a.test", text(1))
        place.write(OWN)
        async with place.running() as server:
            place.write(OWN, server='identty = "x"\nany = "some"')
            result = await place.reload()
            assert [(f.file, f.line) for f in result.findings] == [
                (str(place.file), 3),
                (str(place.file), 4),
            ]
            place.file.unlink()
            assert not (await place.reload()).ok
            assert (await asked(server, "a.test", "SOA")).startswith("ns.else.where.")

    async def test_address_that_is_taken(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            async with place.running() as server:
                place.write(
                    OWN, listen=f'["127.0.0.1:0", "127.0.0.1:{port}"]', server='version = "x"'
                )
                result = await place.reload()
                assert not result.ok
                assert "Address already in use" in result.findings[0].reason
                assert len(server.addresses) == 1
                assert server.service.identity.version == ""

    async def test_what_needs_a_restart_is_said(self, place: Place) -> None:
        place.zone("a.test", text(1))
        place.write(OWN)
        async with place.running() as server:
            kept = server.config.server.state_dir
            place.write(OWN, server='state_dir = "elsewhere"\nminimal_responses = false')
            result = await place.reload()
            assert result.ok
            assert result.notes == ("server.state_dir has changed and needs a restart",)
            assert result.changes == ("server.minimal_responses changed",)
            assert server.config.server.state_dir == kept


class TestSockets:
    async def test_listen_elsewhere_with_connections_left_open(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        async with place.running() as server:
            (old,) = server.addresses
            query = dns.message.make_query("www.a.test", "A")
            packet = query.to_wire()
            reader, writer = await asyncio.open_connection(*old)
            place.write(OWN, listen='["127.0.0.2:0", "127.0.0.3:0"]')
            assert (await place.reload()).changes == ("server.listen changed",)
            assert [address.ip for address in server.addresses] == ["127.0.0.2", "127.0.0.3"]
            for at in range(2):
                assert await asked(server, "www.a.test", at=at) == "192.0.2.1"
            # Whoever was connected is still served, nobody new is.
            writer.write(len(packet).to_bytes(2, "big") + packet)
            length = int.from_bytes(await reader.readexactly(2), "big")
            reply = dns.message.from_wire(await reader.readexactly(length))
            assert reply.answer[0][0].to_text() == "192.0.2.1"
            with pytest.raises(OSError):  # noqa: PT011 - whichever it is
                await asyncio.open_connection(*old)
            writer.close()
            await writer.wait_closed()

    async def test_sockets_that_stay_are_the_same(self, place: Place) -> None:
        place.zone("a.test", text(1, "www 300 A 192.0.2.1"))
        place.write(OWN)
        async with place.running() as server:
            before = dict(server.listeners.pairs)
            address = server.addresses[0]
            place.write(OWN, listen='["127.0.0.1:0", "127.0.0.2:0"]')
            assert (await place.reload()).ok
            assert server.addresses[0] == address
            after = server.listeners.pairs
            assert all(after[configured] is pair for configured, pair in before.items())


def tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host(
        "example.com.", EXAMPLE, zone("example.com.", "www 600 A 192.0.2.7\nb 600 A 192.0.2.8")
    )
    net.host("other.com.", OTHER, zone("other.com.", "www 600 A 192.0.2.9"))
    net.resolver(FORWARDER)
    return net


class Recursive(Place):
    """A place whose server recurses in a fake Internet."""

    def __init__(self, folder: Path, up: Loopback) -> None:
        super().__init__(folder)
        self.up = up
        self.hints = up.write_hints(folder / "root.hints")

    def write(self, body: str = "", *, recursion: str = "", **more: str) -> None:
        super().write(
            f'[recursion]\nroot_hints = "{self.hints}"\ndo_not_query = []\n{recursion}\n'
            f"[outgoing]\nport = {self.up.port}\n{body}",
            **more,
        )


class TestCaches:
    async def test_only_names_under_a_changed_route_are_asked_for_again(
        self, tmp_path: Path
    ) -> None:
        net = tree()
        with Loopback(net) as up:
            place = Recursive(tmp_path, up)
            place.write()
            async with place.running() as server:
                for name in ("www.example.com", "b.example.com", "www.other.com"):
                    assert (await asked(server, name)).startswith("192.0.2.")
                before = net.count(EXAMPLE), net.count(OTHER), net.count(FORWARDER)
                to = f'["{up.address(FORWARDER)}:{up.port}"]'
                place.write(f'[[forward]]\nname = "example.com"\nto = {to}\n')
                assert (await place.reload()).changes == ("[[forward]] example.com added",)
                # What was known below it is not in the cache any more, the rest is.
                assert await asked(server, "www.other.com", recurse=False) == "192.0.2.9"
                assert await asked(server, "b.example.com", recurse=False) == "REFUSED"
                await asked(server, "www.example.com")
                assert net.count(FORWARDER) > before[2]
                assert net.count(EXAMPLE) == before[0]
                assert await asked(server, "www.other.com") == "192.0.2.9"
                assert net.count(OTHER) == before[1]

    async def test_what_is_under_way_is_finished_and_not_kept(self, tmp_path: Path) -> None:
        net = tree()
        with Loopback(net) as up:
            place = Recursive(tmp_path, up)
            place.write()
            net.lose(EXAMPLE, first=1)  # so that the question is still under way
            async with place.running() as server:
                waiting = asyncio.create_task(asked(server, "www.example.com"))
                while not net.count(EXAMPLE):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                to = f'["{up.address(FORWARDER)}:{up.port}"]'
                place.write(f'[[forward]]\nname = "example.com"\nto = {to}\n')
                assert (await place.reload()).ok
                assert server.jobs
                assert await waiting == "192.0.2.7"
                assert await asked(server, "www.example.com", recurse=False) == "REFUSED"
                assert not net.count(FORWARDER)
                assert await asked(server, "www.example.com") == "192.0.2.7"
                assert net.count(FORWARDER)

    async def test_other_limits_and_size_keep_what_is_cached(self, tmp_path: Path) -> None:
        net = tree()
        with Loopback(net) as up:
            place = Recursive(tmp_path, up)
            place.write()
            async with place.running() as server:
                await asked(server, "www.example.com")
                before = net.count()
                place.write('[cache]\nsize = "4MiB"\n', recursion="max_time = 3\n")
                result = await place.reload()
                assert set(result.changes) == {"cache.size changed", "recursion.max_time changed"}
                assert await asked(server, "www.example.com") == "192.0.2.7"
                assert net.count() == before
                assert server.recursion is not None
                assert server.recursion.max_time_s == 3

    async def test_local_data_access_and_recursion(self, tmp_path: Path) -> None:
        net = tree()
        with Loopback(net) as up:
            place = Recursive(tmp_path, up)
            place.write()
            async with place.running() as server:
                assert await asked(server, "www.example.com") == "192.0.2.7"
                place.write('[[local]]\nrecords = ["www.example.com. 60 A 192.0.2.99"]\n')
                assert (await place.reload()).changes == ("[[local]] changed",)
                assert await asked(server, "www.example.com") == "192.0.2.99"
                place.write('[access]\nrecursion = ["none"]\ncache = ["none"]\n')
                assert (await place.reload()).ok
                assert await asked(server, "www.example.com") == "REFUSED"
                place.write(recursion="enabled = false\n")
                assert (await place.reload()).ok
                assert (server.recursion, server.tending) == (None, None)
                place.write()
                assert (await place.reload()).ok
                assert await asked(server, "www.example.com") == "192.0.2.7"
                assert await asked(server, "printer.local") == "NXDOMAIN"
                place.write(recursion="special_names = false\n")
                assert (await place.reload()).ok
                before = net.count()
                await asked(server, "printer.local")
                assert net.count() > before
