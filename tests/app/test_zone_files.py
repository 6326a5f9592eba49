"""Zone files that change under a running server, and folders of them."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from file_zones import asked, perform, run, text

from resolver import names
from resolver.app.cli import main
from resolver.app.exits import FAILED, OK
from resolver.app.server import Server
from resolver.codes import Rcode, RRType
from resolver.config.load import load
from resolver.errors import JournalError
from resolver.net.turns import Pace
from resolver.zone.diff import Diff
from resolver.zone.journal import Journal
from resolver.zone.update import Changed, Outcome

pytestmark = pytest.mark.loopback

ORIGIN = names.read("example.test.")


class Place:
    """A configuration with one zone, and one with a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "example.test.zone"
        self.more = folder / "more"
        self.more.mkdir()
        self.file.write_text(text(5, "www A 192.0.2.1"))

    def server(self, extra: str = "") -> Server:
        config = self.folder / "config.toml"
        config.write_text(
            '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
            '[[zone_directory]]\npath = "more"\n'
            f'[[zone]]\nname = "example.test"\nfile = "example.test.zone"\n{extra}'
        )
        return Server(load(config))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def address(server: Server, name: str = "www.example.test.") -> str:
    reply = asked(server, name)
    if reply.rcode:
        return Rcode(reply.rcode).name
    return ".".join(map(str, reply.answer[0].rdatas[0])) if reply.answer else "NODATA"


def serial(server: Server) -> int | None:
    zone = server.store.get(ORIGIN)
    return None if zone is None else zone.serial


async def until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 - what is waited for are files and threads
        await asyncio.sleep(0.05)


async def update(server: Server, owner: str, rrtype: RRType, rdata: bytes) -> Outcome:
    return await perform(server, ORIGIN, owner, rrtype, rdata)


class TestEdits:
    def test_newer_serial_is_served_and_the_difference_known(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                assert address(server) == "192.0.2.1"
                place.file.write_text(text(6, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
                (diff,) = server.keeper.history.since(ORIGIN, 5) or ()
                assert diff.records == 4

        run(body())

    def test_serial_that_has_not_moved_is_bumped(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                place.file.write_text(text(5, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
                assert "serial has not moved on (5, 5 is served): served as 6" in caplog.text
                (diff,) = server.keeper.history.since(ORIGIN, 5) or ()
                assert diff.records == 4
                # Once more, and back to what it was: an edit is an edit.
                place.file.write_text(text(5, "www A 192.0.2.1"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.1", 7)
            # The file says 5 still; secondaries must not see the serial go back.
            async with place.server() as server:
                assert (address(server), serial(server)) == ("192.0.2.1", 7)
                assert len(server.keeper.history.since(ORIGIN, 5) or ()) == 2
            # An edit while nobody looked.
            place.file.write_text(text(5, "www A 192.0.2.3"))
            async with place.server() as server:
                assert (address(server), serial(server)) == ("192.0.2.3", 8)

        run(body())

    def test_policy_file_takes_no_edit_without_a_serial(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server('serial = "file"\n') as server:
                place.file.write_text(text(4, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.1", 5)
                assert "not served" in caplog.text

        run(body())

    @pytest.mark.parametrize(
        ("policy", "least"), [("date", 2026010100), ("unixtime", 1_700_000_000)]
    )
    def test_policies(self, place: Place, policy: str, least: int) -> None:
        async def body() -> None:
            async with place.server(f'serial = "{policy}"\n') as server:
                place.file.write_text(text(5, "www A 192.0.2.2"))
                await server.reload()
                assert (serial(server) or 0) >= least

        run(body())

    def test_bad_file_changes_nothing_and_every_error_is_told(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                place.file.write_text(
                    text(6, "www A 192.0.2.999", "x B 1", "www CNAME a", "www A 1.2.3.4")
                )
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.1", 5)
                for line in (4, 5, 7):
                    assert f"{place.file}:{line}: " in caplog.text
                # It is looked at again though it is not what it was before.
                place.file.write_text(text(6, "www A 192.0.2.2"))
                await server.reload()
                assert address(server) == "192.0.2.2"
                place.file.unlink()
                await server.reload()
                assert address(server) == "192.0.2.2"

        run(body())

    def test_watched_file_and_what_it_includes(self, place: Place) -> None:
        async def body() -> None:
            part = place.folder / "part"
            part.write_text("www A 192.0.2.1\n")
            place.file.write_text(text(5, "$INCLUDE part"))
            async with place.server("watch = true\n") as server:
                place.file.write_text(text(6, "$INCLUDE part", "a A 192.0.2.1"))
                await until(lambda: serial(server) == 6)
                part.write_text("www A 192.0.2.77\n")
                await until(lambda: address(server) == "192.0.2.77")
                assert serial(server) == 7

        run(body())

    def test_unchanged_file_is_not_read(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                held = server.store.get(ORIGIN)
                os.utime(place.file)
                await server.reload()
                assert server.store.get(ORIGIN) is held

        run(body())


class TestEditsWhileStopped:
    """A19: what is done to a file while nobody looks reaches secondaries as a difference, too."""

    OPEN = 'transfer = ["localhost"]\n'

    async def kept(self, server: Server) -> None:
        ledger = server.keeper.ledger
        assert ledger is not None
        # There is no event to wait for.
        while not ledger.is_there or (await ledger.restore(ORIGIN)).clock is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def test_newer_serial(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        async def body() -> None:
            async with place.server(self.OPEN) as server:
                await self.kept(server)
            place.file.write_text(text(6, "www A 192.0.2.2"))
            async with place.server(self.OPEN) as server:
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
                (diff,) = server.keeper.history.since(ORIGIN, 5) or ()
                assert diff.records == 4
                # And once more, with an edit that is seen between.
                place.file.write_text(text(7, "www A 192.0.2.3"))
                await server.reload()
            place.file.write_text(text(9, "www A 192.0.2.4"))
            async with place.server(self.OPEN) as server:
                assert (address(server), serial(server)) == ("192.0.2.4", 9)
                assert len(server.keeper.history.since(ORIGIN, 5) or ()) == 3
            assert not [r for r in caplog.records if r.levelno >= logging.WARNING]

        run(body())

    def test_serial_that_has_not_moved_is_bumped(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server(self.OPEN) as server:
                await self.kept(server)
            place.file.write_text(text(5, "www A 192.0.2.2"))
            async with place.server(self.OPEN) as server:
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
                assert len(server.keeper.history.since(ORIGIN, 5) or ()) == 1
            assert "serial has not moved on (5, 5 is served): served as 6" in caplog.text

        run(body())

    @pytest.mark.parametrize("terms", ["", OPEN], ids=["nobody may transfer it", "too large"])
    def test_nothing_is_kept_without_need(self, place: Place, terms: str) -> None:
        async def body() -> None:
            async with self.small(place, terms) as server:
                primary = server.zoning.primaries.zones[ORIGIN]
                await until(lambda: primary.is_settled)
                assert not (place.folder / "var" / "journal.db").exists()
            # It is the file that counts, whatever was served.
            place.file.write_text(text(3, "www A 192.0.2.2"))
            async with self.small(place, terms) as server:
                assert (address(server), serial(server)) == ("192.0.2.2", 3)

        run(body())

    def small(self, place: Place, terms: str) -> Server:
        server = place.server(terms)
        config = place.folder / "config.toml"
        config.write_text(config.read_text().replace("[rec", "keep_file_versions = 2\n[rec"))
        return Server(load(config)) if terms else server

    def test_disk_that_fails_keeps_no_edit_from_being_served(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def body() -> None:
            async with place.server(self.OPEN) as server:
                await self.kept(server)

                def full(journal: Journal, diff: Diff) -> None:
                    raise JournalError("no space")

                with monkeypatch.context() as patch:
                    patch.setattr(Journal, "append", full)
                    place.file.write_text(text(6, "www A 192.0.2.2"))
                    await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
                # From then on everything is kept again.
                changed = await update(server, "a.example.test.", RRType.A, bytes((192, 0, 2, 9)))
                assert isinstance(changed, Changed)
            async with place.server(self.OPEN) as server:
                assert serial(server) == 7
                assert address(server, "a.example.test.") == "192.0.2.9"

        run(body())


class TestEditsBesideUpdates:
    def test_journal_counts_until_the_file_is_newer(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                changed = await update(server, "new.example.test.", RRType.A, bytes((192, 0, 2, 9)))
                assert isinstance(changed, Changed)
                place.file.write_text(text(5, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.1", 6)
                assert "was edited, and so was the zone by updates" in caplog.text
            async with place.server() as server:
                assert (address(server), serial(server)) == ("192.0.2.1", 6)
                assert address(server, "new.example.test.") == "192.0.2.9"
                caplog.clear()
                place.file.write_text(text(7, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.2", 7)
                assert address(server, "new.example.test.") == "NXDOMAIN"
                assert "replaces what updates have changed" in caplog.text
                assert len(server.keeper.history.since(ORIGIN, 5) or ()) == 2

        run(body())

    def test_untouched_file_says_nothing(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                await update(server, "new.example.test.", RRType.A, bytes((192, 0, 2, 9)))
                os.utime(place.file, (1, 1))
                await server.reload()
            async with place.server() as server:
                assert serial(server) == 6
            assert not [r for r in caplog.records if r.levelno >= logging.WARNING]

        run(body())

    def test_file_is_not_written_over_an_edit(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                await update(server, "new.example.test.", RRType.A, bytes((192, 0, 2, 9)))
                edited = text(5, "www A 192.0.2.2")
                place.file.write_text(edited)
                assert not await server.zoning.primaries.zones[ORIGIN].flush()
                assert place.file.read_text() == edited
                assert "not written over" in caplog.text

        run(body())

    def test_update_without_a_disk_is_refused_and_the_zone_served(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            (place.folder / "var").write_text("no folder")
            async with place.server() as server:
                refused = await update(server, "new.example.test.", RRType.A, bytes((1, 2, 3, 4)))
                assert getattr(refused, "rcode", None) == Rcode.SERVFAIL
                assert (address(server), serial(server)) == ("192.0.2.1", 5)
                # A file needs no journal to be taken up.
                place.file.write_text(text(6, "www A 192.0.2.2"))
                await server.reload()
                assert (address(server), serial(server)) == ("192.0.2.2", 6)
            assert "update refused" in caplog.text

        run(body())

    def test_updates_at_the_same_time_all_count(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                rdatas = [bytes((192, 0, 2, n)) for n in range(20)]
                await asyncio.gather(
                    *(
                        update(server, f"h{n}.example.test.", RRType.A, r)
                        for n, r in enumerate(rdatas)
                    )
                )
                assert serial(server) == 25
                assert address(server, "h19.example.test.") == "192.0.2.19"

        run(body())


class TestFolders:
    def test_zones_come_and_go(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        (place.more / "there.test.zone").write_text(text(1, "www A 192.0.2.10"))

        async def body() -> None:
            async with place.server() as server:
                assert address(server, "www.there.test.") == "192.0.2.10"
                assert address(server, "www.new.test.") == "REFUSED"
                (place.more / "new.test.zone").write_text(text(1, "www A 192.0.2.11"))
                await until(lambda: address(server, "www.new.test.") == "192.0.2.11")
                (place.more / "new.test.zone").write_text(text(2, "www A 192.0.2.12"))
                await until(lambda: address(server, "www.new.test.") == "192.0.2.12")
                (place.more / "new.test.zone").unlink()
                await until(lambda: address(server, "www.new.test.") == "REFUSED")
                assert address(server, "www.there.test.") == "192.0.2.10"

        run(body())
        assert "zone new.test.: added" in caplog.text
        assert "zone new.test.: removed" in caplog.text

    def test_bad_file_is_told_and_mended(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                bad = place.more / "bad.test.zone"
                bad.write_text("www A 192.0.2.1\n")
                (place.more / "two..dots.zone").write_text(text(1))
                (place.more / "example.test.zone").write_text(text(9))
                await server.reload()
                assert address(server, "www.bad.test.") == "SERVFAIL"
                assert (address(server), serial(server)) == ("192.0.2.1", 5)
                assert f"{bad}:1: " in caplog.text
                assert "not named after a zone" in caplog.text
                assert "there is another zone of that name" in caplog.text
                bad.write_text(text(1, "www A 192.0.2.13"))
                await until(lambda: address(server, "www.bad.test.") == "192.0.2.13")

        run(body())

    def test_folder_that_vanishes_takes_no_zones_with_it(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        (place.more / "there.test.zone").write_text(text(1, "www A 192.0.2.10"))

        async def body() -> None:
            async with place.server() as server:
                place.more.rename(place.folder / "elsewhere")
                await server.reload()
                await server.reload()
                assert address(server, "www.there.test.") == "192.0.2.10"

        run(body())
        assert caplog.text.count("its zones stay as they are") == 1


class TestCheck:
    """`rootward check` looks into folders as well."""

    def checked(self, place: Place) -> int:
        place.server()
        return main(["check", "--config", str(place.folder / "config.toml")])

    def test_good_folder(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        (place.more / "there.test.zone").write_text(text(4))
        assert self.checked(place) == OK
        assert "zone there.test. serial 4: 2 records" in capsys.readouterr().out

    def test_every_fault_is_told(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        (place.more / "a..b.zone").write_text(text(4))
        (place.more / "bad.test.zone").write_text("www A 1\n")
        assert self.checked(place) == FAILED
        out = capsys.readouterr().out
        assert "not named after a zone" in out
        assert f"{place.more / 'bad.test.zone'}:1: " in out

    def test_missing_folder(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.more.rmdir()
        assert self.checked(place) == FAILED
        assert f"{place.more}: " in capsys.readouterr().out


def test_others_are_served_between_each_two_zones_of_a_folder_that_come_or_go(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a small zone waits for nothing, and thousands may come at once."""
    rests: list[None] = []

    class Counting(Pace):
        async def rest(self) -> None:
            rests.append(None)
            await super().rest()

    monkeypatch.setattr("resolver.net.primaries.Pace", Counting)
    many = 30

    async def body() -> None:
        async with place.server() as server:
            for number in range(many):
                (place.more / f"z{number}.test.zone").write_text(text(1))
            rests.clear()
            assert (await server.reload()).ok
            assert len(server.store) == many + 1
            assert len(rests) >= many
            for file in place.more.iterdir():
                file.unlink()
            rests.clear()
            assert (await server.reload()).ok
            assert len(server.store) == 1
            assert len(rests) >= many

    run(body())
