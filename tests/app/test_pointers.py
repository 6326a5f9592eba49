"""A05: PTR records in our reverse zones follow the addresses of zones that ask for it."""

from pathlib import Path

import dns.reversename
import pytest
from file_zones import IN, NONE, asked, perform, run, text

from resolver import names
from resolver.app.server import Server
from resolver.codes import Rcode, RRType
from resolver.config.load import load
from resolver.config.zones import ZoneSettings
from resolver.errors import JournalError
from resolver.zone.diff import Diff
from resolver.zone.journal import Journal
from resolver.zone.update import Changed

pytestmark = pytest.mark.loopback

FORWARD = names.read("example.test.")
REVERSE = names.read("2.0.192.in-addr.arpa.")


class Place:
    """A zone that wants pointers, and three reverse zones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(1, "www 60 A 192.0.2.1")
        self.write_reverse(5)
        (folder / "ip6.zone").write_text(text(5))
        (folder / "far.zone").write_text(text(5))

    def write(self, serial: int, *lines: str) -> None:
        (self.folder / "forward.zone").write_text(text(serial, *lines))

    def write_reverse(self, serial: int, *lines: str) -> None:
        (self.folder / "reverse.zone").write_text(text(serial, *lines))

    def server(self, *, reverse: bool = True, extra: str = "") -> Server:
        config = self.folder / "config.toml"
        zones = {
            "2.0.192.in-addr.arpa": "reverse",
            "8.b.d.0.1.0.0.2.ip6.arpa": "ip6",
            "100.51.198.in-addr.arpa": "far",
        }
        config.write_text(
            '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
            '[[zone]]\nname = "example.test"\nfile = "forward.zone"\n'
            f"reverse = {str(reverse).lower()}\n"
            + "".join(
                f'[[zone]]\nname = "{zone}"\nfile = "{file}.zone"\n' for zone, file in zones.items()
            )
            + extra
        )
        return Server(load(config))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def pointers(server: Server, address: str) -> list[str]:
    """Where an address points to, sorted; the rcode's name when it is not NOERROR."""
    message = asked(server, dns.reversename.from_address(address).to_text(), RRType.PTR)
    if message.rcode:
        return [Rcode(message.rcode).name]
    return sorted(names.show(rdata) for rrset in message.answer for rdata in rrset.rdatas)


def ttl(server: Server, owner: str) -> int:
    zone = server.store.get(REVERSE)
    node = zone.node(names.read(owner)) if zone is not None else None
    assert node is not None
    return node.rrsets[RRType.PTR].ttl


def serial(server: Server, origin: bytes = REVERSE) -> int:
    zone = server.store.get(origin)
    return -1 if zone is None else zone.serial


async def settled(server: Server) -> None:
    await server.zoning.pointers.idle.wait()


async def update(
    server: Server,
    owner: str,
    rrtype: RRType,
    rdata: bytes,
    *,
    origin: bytes = FORWARD,
    rrclass: int = IN,
) -> None:
    assert isinstance(await perform(server, origin, owner, rrtype, rdata, rrclass), Changed)
    await settled(server)


async def reload(server: Server) -> None:
    await server.reload()
    await settled(server)


class TestAddresses:
    def test_by_file(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.1") == ["www.example.test."]
                assert ttl(server, "1.2.0.192.in-addr.arpa.") == 60
                place.write(
                    2,
                    "www A 192.0.2.2",
                    "v6 AAAA 2001:db8::a5",
                    "far A 198.51.100.7",
                    "no A 10.1.1.1",
                )
                await reload(server)
                assert pointers(server, "192.0.2.1") == ["NXDOMAIN"]
                assert pointers(server, "192.0.2.2") == ["www.example.test."]
                assert pointers(server, "2001:db8::a5") == ["v6.example.test."]
                assert pointers(server, "198.51.100.7") == ["far.example.test."]

        run(body())

    def test_by_update(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                before = serial(server)
                address = bytes((192, 0, 2, 9))
                await update(server, "New.example.test.", RRType.A, address)
                assert pointers(server, "192.0.2.9") == ["new.example.test."]
                # The way there is one difference, of nothing but this record and the SOA.
                (diff,) = server.keeper.history.since(REVERSE, before) or ()
                assert diff.records == 3
                await update(server, "new.example.test.", RRType.A, address, rrclass=NONE)
                assert pointers(server, "192.0.2.9") == ["NXDOMAIN"]
                assert len(server.keeper.history.since(REVERSE, before) or ()) == 2

        run(body())

    def test_several_names_of_one_address(self, place: Place) -> None:
        async def body() -> None:
            place.write(1, "a 60 A 192.0.2.1", "b 30 A 192.0.2.1")
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.1") == ["a.example.test.", "b.example.test."]
                assert ttl(server, "1.2.0.192.in-addr.arpa.") == 30
                place.write(2, "a 60 A 192.0.2.1")
                await reload(server)
                assert pointers(server, "192.0.2.1") == ["a.example.test."]
                assert ttl(server, "1.2.0.192.in-addr.arpa.") == 60

        run(body())

    def test_wildcards_and_names_below_a_cut_have_none(self, place: Place) -> None:
        async def body() -> None:
            glue = ("sub NS ns.sub", "ns.sub A 192.0.2.3")
            place.write(1, "* A 192.0.2.2", *glue)
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.2") == ["NXDOMAIN"]
                assert pointers(server, "192.0.2.3") == ["NXDOMAIN"]
                # The delegation goes, the name stays: now it is ours.
                place.write(2, glue[1])
                await reload(server)
                assert pointers(server, "192.0.2.3") == ["ns.sub.example.test."]
                place.write(3, *glue)
                await reload(server)
                assert pointers(server, "192.0.2.3") == ["NXDOMAIN"]

        run(body())

    def test_nothing_is_done_unless_asked(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                assert serial(server) == 6
            async with place.server(reverse=False) as server:
                await settled(server)
                # What was made before goes with the wish for it.
                assert pointers(server, "192.0.2.1") == ["NXDOMAIN"]
                assert serial(server) == 7
                place.write(2, "www A 192.0.2.2")
                await reload(server)
                assert serial(server) == 7

        run(body())

    def test_aliases_and_delegations_in_the_reverse_zone_stay_alone(self, place: Place) -> None:
        async def body() -> None:
            place.write_reverse(5, "1 CNAME 1.0-127", "2 NS ns.else.where.")
            place.write(1, "a A 192.0.2.1", "b A 192.0.2.2", "c A 192.0.2.3")
            async with place.server() as server:
                await settled(server)
                zone = server.store.get(REVERSE)
                assert zone is not None
                assert [names.show(r.owner) for r in zone.rrsets() if r.rrtype == RRType.PTR] == [
                    "3.2.0.192.in-addr.arpa."
                ]

        run(body())


class TestOfOthers:
    def test_hand_written_pointer_is_kept(self, place: Place) -> None:
        async def body() -> None:
            place.write_reverse(5, "1 900 PTR www.example.test.", "1 900 PTR byhand.else.where.")
            place.write(1, "www A 192.0.2.1", "b A 192.0.2.1", "c A 192.0.2.2")
            both = ["byhand.else.where.", "www.example.test."]
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.1") == ["b.example.test.", *both]
                assert ttl(server, "1.2.0.192.in-addr.arpa.") == 900
                www = "www.example.test."
                await update(server, www, RRType.A, bytes((192, 0, 2, 1)), rrclass=NONE)
                assert pointers(server, "192.0.2.1") == ["b.example.test.", *both]
                place.write(3)
                await reload(server)
                assert pointers(server, "192.0.2.1") == both
                assert pointers(server, "192.0.2.2") == ["NXDOMAIN"]

        run(body())

    def test_pointer_that_is_written_by_hand_later_is_its_authors(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                # With any serial: nobody but us has changed the zone since it was read.
                place.write_reverse(5, "1 60 PTR www.example.test.", "7 PTR x.else.where.")
                await reload(server)
                assert pointers(server, "192.0.2.7") == ["x.else.where."]
                assert "updates" not in caplog.text
            async with place.server() as server:
                await settled(server)
                place.write(2)
                await reload(server)
                assert pointers(server, "192.0.2.1") == ["www.example.test."]

        run(body())

    def test_newer_file_of_the_reverse_zone_loses_no_pointer(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                place.write_reverse(20, "7 PTR x.else.where.")
                await server.reload()
                # At once, and not by another change.
                assert pointers(server, "192.0.2.1") == ["www.example.test."]
                await settled(server)
                assert (serial(server), pointers(server, "192.0.2.7")) == (20, ["x.else.where."])

        run(body())

    def test_pointer_that_an_update_deletes_comes_back(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                owner = "1.2.0.192.in-addr.arpa."
                target = names.read("www.example.test.")
                await update(server, owner, RRType.PTR, target, origin=REVERSE, rrclass=NONE)
                assert pointers(server, "192.0.2.1") == ["www.example.test."]

        run(body())

    def test_what_was_in_the_way_goes(self, place: Place) -> None:
        async def body() -> None:
            owner, target = "1.2.0.192.in-addr.arpa.", names.read("1.0-127.2.0.192.in-addr.arpa.")
            place.write_reverse(5, "1 CNAME 1.0-127")
            async with place.server() as server:
                await settled(server)
                assert serial(server) == 5
                await update(server, owner, RRType.CNAME, target, origin=REVERSE, rrclass=NONE)
                assert pointers(server, "192.0.2.1") == ["www.example.test."]

        run(body())

    def test_updates_that_are_no_concern_of_ours(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                looks: list[int] = []
                keeper = server.zoning.pointers
                monkeypatch.setattr(keeper, "look", lambda: looks.append(serial(server)))
                owner, target = "9.2.0.192.in-addr.arpa.", names.read("x.else.where.")
                for rrclass in (IN, NONE):
                    await update(server, owner, RRType.PTR, target, origin=REVERSE, rrclass=rrclass)
                # To compare everything would be much work for a zone with many addresses.
                assert (looks, serial(server)) == ([], 8)

        run(body())


class TestRestart:
    def test_ours_are_known_and_what_changed_meanwhile_is_taken_up(self, place: Place) -> None:
        async def body() -> None:
            place.write_reverse(5, "8 PTR byhand.else.where.")
            place.write(1, "a A 192.0.2.1", "b A 192.0.2.2")
            async with place.server() as server:
                await settled(server)
                assert serial(server) == 6
            async with place.server() as server:
                await settled(server)
                assert serial(server) == 6
            place.write(2, "b A 192.0.2.2", "c A 192.0.2.3")
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.1") == ["NXDOMAIN"]
                assert pointers(server, "192.0.2.2") == ["b.example.test."]
                assert pointers(server, "192.0.2.3") == ["c.example.test."]
                assert pointers(server, "192.0.2.8") == ["byhand.else.where."]
                assert len(server.keeper.history.since(REVERSE, 5) or ()) == 2

        run(body())

    def test_file_is_written_without_them(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                owner, target = "9.2.0.192.in-addr.arpa.", names.read("x.else.where.")
                await update(server, owner, RRType.PTR, target, origin=REVERSE)
                assert await server.zoning.primaries.zones[REVERSE].flush()
                written = (place.folder / "reverse.zone").read_text()
                assert "x.else.where." in written
                assert "www.example.test." not in written
                assert pointers(server, "192.0.2.1") == ["www.example.test."]
            place.write(2)
            async with place.server() as server:
                await settled(server)
                assert pointers(server, "192.0.2.1") == ["NXDOMAIN"]
                assert pointers(server, "192.0.2.9") == ["x.else.where."]

        run(body())


class TestHindrances:
    def test_frozen_reverse_zone_is_made_up_for(self, place: Place) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                primary = server.zoning.primaries.zones[REVERSE]
                assert await primary.freeze()
                await update(server, "b.example.test.", RRType.A, bytes((192, 0, 2, 2)))
                assert pointers(server, "192.0.2.2") == ["NXDOMAIN"]
                assert await primary.thaw() == []
                await update(server, "c.example.test.", RRType.A, bytes((192, 0, 2, 3)))
                assert pointers(server, "192.0.2.2") == ["b.example.test."]

        run(body())

    def test_disk_that_fails_is_made_up_for(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def body() -> None:
            async with place.server() as server:
                await settled(server)
                append = Journal.append

                def full(journal: Journal, diff: Diff) -> None:
                    if diff.origin == REVERSE:
                        raise JournalError("no space")
                    append(journal, diff)

                with monkeypatch.context() as patch:
                    patch.setattr(Journal, "append", full)
                    await update(server, "b.example.test.", RRType.A, bytes((192, 0, 2, 2)))
                    assert serial(server, FORWARD) == 2
                    assert pointers(server, "192.0.2.2") == ["NXDOMAIN"]
                    assert "PTR records stay as they are: no space" in caplog.text
                await reload(server)
                assert pointers(server, "192.0.2.2") == ["b.example.test."]

        run(body())

    def test_zones_that_come_and_go_by_command(self, place: Place) -> None:
        async def body() -> None:
            place.write(1, "x A 203.0.113.4")
            more = place.folder / "more.zone"
            more.write_text(text(1))
            terms = {"name": "113.0.203.in-addr.arpa", "file": str(more)}
            other = {
                "name": "other.test",
                "file": str(place.folder / "other.zone"),
                "reverse": True,
            }
            (place.folder / "other.zone").write_text(text(1, "y A 203.0.113.4"))
            async with place.server() as server:
                await settled(server)
                for each in (terms, other):
                    added = ZoneSettings.model_validate(each)
                    assert await server.zoning.begin_primary(added, server.config) == []
                await settled(server)
                assert pointers(server, "203.0.113.4") == ["x.example.test.", "y.other.test."]
                await server.zoning.remove(names.read("other.test."))
                await settled(server)
                assert pointers(server, "203.0.113.4") == ["x.example.test."]

        run(body())
