"""A secondary and its primary: transfers that go well, and in how many ways they go wrong."""

import asyncio
import socket
import struct
from collections import Counter
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from fake_primary import (
    NAME,
    Behaviour,
    FakePrimary,
    ask,
    secondary,
    soa,
    until,
    until_version,
    version,
)

from resolver import names
from resolver.app.control.verbs import zones
from resolver.config.secondary import SecondarySettings
from resolver.model import Question
from resolver.net import soa_query, transfer_client
from resolver.net.maintain import Places
from resolver.zone.file import read_zone_text
from resolver.zone.transfer_out import Request, axfr

pytestmark = pytest.mark.loopback
ORIGIN = names.read(NAME)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent primary is given up soon."""
    monkeypatch.setattr(soa_query, "WAITS_S", (0.2, 0.2))
    monkeypatch.setattr(transfer_client, "RATE_WINDOW_S", 0.2)


async def test_zone_is_transferred_and_followed(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        await until_version(server, "1")
        primary.serial = 2
        await until_version(server, "2")
        assert primary.queries[:2] == ["SOA", "AXFR"]
        assert "IXFR" in primary.queries


async def test_changes_are_put_on(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        await until_version(server, "1")
        primary.behave = primary.send_changes
        for serial in (2, 3, 4):
            primary.serial = serial
            await until_version(server, str(serial))
        assert primary.queries.count("AXFR") == 1


async def test_nothing_is_answered_before_the_first_transfer(tmp_path: Path) -> None:
    async with FakePrimary() as primary:
        primary.silent = True
        async with secondary(tmp_path, primary.address) as server:
            reply = await ask(server)
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert reply.extended_errors()[0].code == 14
            primary.silent = False
            await until_version(server, "1")


async def test_primary_that_is_down_at_the_start_is_tried_again_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
    async with secondary(tmp_path, address) as server:

        async def failed_twice() -> bool:
            return server.keeper.status()[0].failures >= 2

        await until(failed_twice)
        (status,) = server.keeper.status()
        assert status.state == "not ready"
        assert "no reply" in status.primaries[0].note or "refused" in status.primaries[0].note
    warnings = [r for r in caplog.records if r.name.endswith("secondary") and r.levelno >= 30]
    assert len(warnings) == 1


async def test_next_primary_is_asked_when_the_first_has_nothing(tmp_path: Path) -> None:
    async with FakePrimary() as dead, FakePrimary() as primary:
        dead.silent = True
        primary.serial = 5
        async with secondary(tmp_path, dead.address, primary.address) as server:
            await until_version(server, "5")


async def test_best_serial_of_several_primaries_wins(tmp_path: Path) -> None:
    async with FakePrimary() as old, FakePrimary() as new:
        old.serial, new.serial = 4, 5
        async with secondary(tmp_path, old.address, new.address) as server:
            await until_version(server, "5")
            assert "AXFR" not in old.queries


async def stall(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def trickle(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x7f")
        await writer.drain()
        await asyncio.sleep(0.02)


async def reset(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def half_a_frame(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff\xff" + query.to_wire())
    writer.close()


async def refuse(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.REFUSED)
    packet = response.to_wire()
    writer.write(struct.pack("!H", len(packet)) + packet)


async def garbage(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\x40" + bytes(range(64)))


async def empty_frames(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(2) * 100)


async def another_id(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    query.id ^= 1
    await half_of_it(query, writer)


async def half_of_it(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    """Broken off in the middle of the zone."""
    primary = FakePrimary()
    response = primary.reply(query, soa(2), *primary.lines(2))
    await primary.send(writer, response)
    writer.close()


async def endless(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    primary = FakePrimary()
    await primary.send(writer, primary.reply(query, soa(2), *primary.lines(2)))
    filler = [f"n{n}.{NAME} 300 IN TXT {'x' * 200}" for n in range(20)]
    packet = primary.reply(query, *filler).to_wire(max_size=65535)
    while True:
        writer.write(struct.pack("!H", len(packet)) + packet)
        await writer.drain()


async def out_of_zone(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    primary = FakePrimary()
    lines = [soa(2), *primary.lines(2), "www.other.test. 300 IN A 192.0.2.1", soa(2)]
    await primary.send(writer, primary.reply(query, *lines))


async def absent_removed(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
    primary = FakePrimary()
    lines = [soa(2), soa(1), f"gone.{NAME} 300 IN TXT x", soa(2), soa(2)]
    await primary.send(writer, primary.reply(query, *lines))


FAULTS: dict[Behaviour, str] = {
    stall: "silent for 0.3 s",
    trickle: "slower than 200000 octets a minute",
    reset: "broken off: ",
    half_a_frame: "broken off: connection closed",
    refuse: "the primary says REFUSED",
    garbage: "does not answer the query",
    empty_frames: "does not answer the query",
    another_id: "does not answer the query",
    half_of_it: "broken off: connection closed",
    endless: "more than 30000 octets",
    out_of_zone: "www.other.test. is outside the zone",
    absent_removed: "has an SOA of serial 1",
}


@pytest.mark.parametrize(
    ("fault", "note"), FAULTS.items(), ids=[fault.__name__ for fault in FAULTS]
)
async def test_faulty_transfer_leaves_the_old_version_and_the_next_one_succeeds(
    tmp_path: Path, fault: Behaviour, note: str
) -> None:
    bounds = {"idle_timeout": 0.3, "max_time": 20, "min_rate": 200_000, "max_size": 30_000}
    async with FakePrimary() as primary, secondary(tmp_path, primary.address, **bounds) as server:
        await until_version(server, "1")
        primary.behave = fault
        primary.serial = 2

        async def failed() -> bool:
            return server.keeper.status()[0].failures >= 1

        await until(failed)
        assert note in server.keeper.status()[0].primaries[0].note
        assert await version(server) == "1"
        assert "AXFR" in primary.queries[primary.queries.index("IXFR") :]
        primary.behave = primary.send_whole
        await until_version(server, "2")
        assert server.metrics.exceptions_total == 0


@pytest.mark.parametrize(
    ("bound", "note"),
    [
        ({"max_size": 30_000}, "more than 30000 octets"),
        ({"max_records": 500}, "more than 500 records"),
    ],
)
async def test_transfer_that_stops_at_a_bound_is_told_and_counted(
    tmp_path: Path, bound: dict[str, int], note: str
) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address, **bound) as server:
        await until_version(server, "1")
        assert server.metrics.transfers_in_failed_total == 0
        primary.behave = endless
        primary.serial = 2

        async def told() -> bool:
            (by,) = (await zones.status(server, {"zone": ORIGIN}))["primaries"]
            return note in by["note"]

        await until(told)
        # IXFR, and AXFR instead.
        assert server.metrics.transfers_in_failed_total >= 2
        assert server.metrics.transfers_in_total == 1


async def test_queries_during_a_long_transfer_see_one_version(tmp_path: Path) -> None:
    """X02: whatever is asked while the new version comes is answered from the old one, whole."""
    hosts = 20_000
    arriving, go_on = asyncio.Event(), asyncio.Event()

    def lines(serial: int) -> str:
        made = (f"h{number}.{NAME} 300 IN TXT {serial}" for number in range(hosts))
        return "\n".join((soa(serial), f"{NAME} 300 IN NS ns1.else.where.", *made))

    async def send_slowly(query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        report = read_zone_text(lines(primary.serial), ORIGIN)
        assert report.zone is not None
        request = Request(query.id, Question(ORIGIN, query.question[0].rdtype))
        for number, packet in enumerate(axfr(report.zone, request)):
            writer.write(struct.pack("!H", len(packet)) + packet)
            await writer.drain()
            if primary.serial == 2 and number == 10:
                arriving.set()
                await go_on.wait()

    def seen() -> set[bytes]:
        """What it says at the same moment of the first, of the last and of some names between."""
        found: set[bytes] = set()
        for number in (0, 1, hosts // 2, hosts - 1):
            query = dns.message.make_query(f"h{number}.{NAME}", "TXT").to_wire()
            reply = server.service.respond(query, bytes((127, 0, 0, 1)), stream=False)
            assert isinstance(reply, bytes)
            answer = dns.message.from_wire(reply).answer
            found |= {answer[0][0].strings[0] if answer else b""}
        return found

    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.behave = send_slowly
        async with asyncio.timeout(60):
            while seen() != {b"1"}:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
            primary.serial = 2
            await arriving.wait()
            assert seen() == {b"1"}
            go_on.set()
            while (found := seen()) != {b"2"}:
                assert found == {b"1"}
                await asyncio.sleep(0)


async def test_transfers_wait_for_their_places() -> None:
    """Never more under way than allowed, in all and from one address; all get their turn."""
    places = Places(SecondarySettings(transfers=3, transfers_per_primary=2))
    under_way: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def work(ip: str) -> None:
        async with places.transfer(ip):
            for key in (ip, "all"):
                under_way[key] += 1
                most[key] = max(most[key], under_way[key])
            await asyncio.sleep(0.001)
            under_way.subtract((ip, "all"))

    await asyncio.gather(*(work(ip) for ip in ("192.0.2.1", "192.0.2.2") for _ in range(20)))
    assert most == {"192.0.2.1": 2, "192.0.2.2": 2, "all": 3}


async def test_status_tells_how_the_zone_is(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        await until_version(server, "1")

        async def confirmed() -> bool:
            return server.keeper.status()[0].expires_in_s is not None

        await until(confirmed)
        (status,) = server.keeper.status()
        assert (status.state, status.serial, status.saved) == ("serving", 1, True)
        assert status.primaries[0].serial == 1
        assert status.facts()["primaries"][0]["note"] in ("serial 1", "serial 1 by AXFR")
        first, second = status.lines()
        assert first.startswith("zone example.test. serving serial 1, confirmed ")
        assert second.startswith(f"  primary 127.0.0.1#{primary.port}: serial 1")


async def test_zone_is_transferred_anew_on_request(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.timers = "1000 1000 9000 1"
        primary.serial = 9
        await until_version(server, "9")
        primary.serial = 3
        assert server.keeper.refresh(ORIGIN, whole=True)
        await until_version(server, "3")
        assert not server.keeper.refresh(names.read("other.test."))
