"""What becomes of a copy: it expires and comes back, survives a restart, waits for the disk."""

import asyncio
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from fake_primary import NAME, FakePrimary, ask, secondary, until, until_version, version

from resolver import names
from resolver.app.server import Server
from resolver.net import secondary as secondary_module
from resolver.net import soa_query
from resolver.zone.journal import Clock, Journal

pytestmark = pytest.mark.loopback
ORIGIN = names.read(NAME)
# refresh, retry and expire in seconds; expire counts as refresh and retry together at least.
SHORT_LIFE = "0 0 0 1"
LONG_LIFE = "3600 3600 100000 1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soa_query, "WAITS_S", (0.1, 0.1))


async def until_saved(server: Server) -> None:
    async def holds() -> bool:
        return server.keeper.status()[0].saved

    await until(holds)


async def test_copy_expires_and_is_served_again_when_a_primary_answers(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        primary.timers = SHORT_LIFE
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            primary.silent = True
            await until_version(server, "SERVFAIL")
            reply = await ask(server)
            assert reply.extended_errors()[0].code == 24
            assert server.keeper.status()[0].state == "expired"
            transfers = primary.queries.count("AXFR")
            primary.silent = False
            await until_version(server, "1")
            assert primary.queries.count("AXFR") == transfers


async def test_expired_copy_is_what_changes_are_put_on(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        primary.timers = SHORT_LIFE
        primary.behave = primary.send_changes
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            primary.silent = True
            await until_version(server, "SERVFAIL")
            primary.serial = 2
            primary.silent = False
            await until_version(server, "2")
            assert primary.queries.count("AXFR") == 1


async def test_copy_expires_in_the_middle_of_a_long_transfer(tmp_path: Path) -> None:
    async def stall(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with FakePrimary() as primary:
        primary.timers = SHORT_LIFE
        async with secondary(tmp_path, primary.address, idle_timeout=600) as server:
            await until_version(server, "1")
            primary.behave = stall
            primary.serial = 2
            await until_version(server, "SERVFAIL")
            assert server.keeper.status()[0].checking


async def test_copy_lives_no_longer_than_that_of_the_secondary_it_came_from(
    tmp_path: Path,
) -> None:
    """EDNS EXPIRE, RFC 7314."""
    async with FakePrimary() as primary:
        primary.timers = LONG_LIFE
        primary.expire_option = 1234
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            await until_saved(server)
            left_s = server.keeper.status()[0].expires_in_s
            assert left_s is not None
            assert 1000 < left_s <= 1234


async def test_copy_is_served_at_once_after_a_restart_with_the_primary_down(
    tmp_path: Path,
) -> None:
    async with FakePrimary() as primary:
        primary.timers = LONG_LIFE
        primary.serial = 7
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "7")
            await until_saved(server)
            before = server.keeper.status()[0].expires_in_s
    async with secondary(tmp_path, primary.address) as server:
        assert await version(server) == "7"
        after = server.keeper.status()[0].expires_in_s
        assert before is not None
        assert after is not None
        assert before - 60 < after < before


async def test_copy_that_expired_while_we_were_away_is_not_served(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        primary.timers = LONG_LIFE
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            await until_saved(server)
            now = server.clock.wall()
        journal = Journal(tmp_path / "state" / "journal.db")
        journal.put_clock(ORIGIN, Clock(1, now - 200_000, now - 100_000))
        journal.close()
        primary.silent = True
        async with secondary(tmp_path, primary.address) as server:
            reply = await ask(server)
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert reply.extended_errors()[0].code == 24
            primary.silent = False
            await until_version(server, "1")


async def test_damaged_copy_is_transferred_anew(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            await until_saved(server)
        file = tmp_path / "state" / "journal.db"
        octets = bytearray(file.read_bytes())
        octets[4096:] = bytes(len(octets) - 4096)
        file.write_bytes(octets)
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")


async def test_changes_are_handed_on_after_a_restart(tmp_path: Path) -> None:
    """A secondary of ours gets an IXFR, not the whole zone."""
    async with FakePrimary() as primary:
        primary.behave = primary.send_changes
        access = {"transfer": ["localhost"]}
        async with secondary(tmp_path, primary.address, access=access) as server:
            for serial in (1, 2, 3):
                primary.serial = serial
                await until_version(server, str(serial))
        async with secondary(tmp_path, primary.address, access=access) as server:
            changes = server.keeper.history.since(ORIGIN, 1)
            assert changes is not None
            assert [(d.from_serial, d.to_serial) for d in changes] == [(1, 2), (2, 3)]


async def test_whole_transfer_is_handed_on_as_a_difference(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        lines = primary.lines
        hosts = [f"host{n}.{NAME} 300 IN A 192.0.2.{n}" for n in range(20)]
        primary.lines = lambda serial=None: lines(serial) + hosts  # type: ignore[method-assign]
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            primary.serial = 2
            await until_version(server, "2")
            changes = server.keeper.history.since(ORIGIN, 1)
            assert changes is not None
            assert changes[0].records == 4


async def test_copy_that_cannot_be_written_is_served_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secondary_module, "SAVE_AGAIN_S", 0.1)
    (tmp_path / "state").write_text("in the way")
    async with FakePrimary() as primary:
        primary.timers = LONG_LIFE
        async with secondary(tmp_path, primary.address) as server:
            await until_version(server, "1")
            assert not server.keeper.status()[0].saved
            assert "not on disk" in server.keeper.status()[0].lines()[0]
            assert "could not be saved" in caplog.text
            (tmp_path / "state").unlink()
            await until_saved(server)
    async with secondary(tmp_path, primary.address) as server:
        assert await version(server) == "1"


async def test_secondary_of_a_secondary_expires_with_it(tmp_path: Path) -> None:
    """The second asks the first with EDNS EXPIRE, and so lives no longer (RFC 7314)."""
    async with FakePrimary() as primary:
        primary.timers = LONG_LIFE
        access = {"transfer": ["localhost"]}
        async with secondary(tmp_path / "first", primary.address, access=access) as first:
            await until_version(first, "1")
            await until_saved(first)
        journal = Journal(tmp_path / "first" / "state" / "journal.db")
        now = first.clock.wall()
        journal.put_clock(ORIGIN, Clock(1, now - 90_000, now + 10_000))
        journal.close()
        primary.silent = True
        async with secondary(tmp_path / "first", primary.address, access=access) as first:
            address = f"127.0.0.1:{first.addresses[0].port}"
            async with secondary(tmp_path / "second", address) as second:
                await until_version(second, "1")
                await until_saved(second)
                left_s = second.keeper.status()[0].expires_in_s
                assert left_s is not None
                assert 9_000 < left_s <= 10_000
