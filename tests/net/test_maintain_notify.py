"""NOTIFY in, which brings a check forward, and NOTIFY out, which tells others."""

from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from fake_primary import NAME, PATIENCE_S, FakePrimary, rrs, secondary, soa, until, until_version

from resolver import names
from resolver.app.material import Material
from resolver.app.server import Server
from resolver.config.schema import Config
from resolver.net.notifier import Notifier
from resolver.net.primary_plan import FileRead
from resolver.slices import finish
from resolver.zone import notify
from resolver.zone.diff import compute
from resolver.zone.file import read_zone_text

pytestmark = pytest.mark.loopback
LONG = "3600 3600 100000 1"
STRANGER = "127.0.0.9"
TEXT = f"{{soa}}\n{NAME} 300 IN NS ns1.{NAME}\nns1.{NAME} 300 IN A 127.0.0.1\n"


async def notify_server(
    server: Server,
    zone: str = NAME,
    *,
    serial: int | None = None,
    source: str = "127.0.0.1",
    qtype: str = "SOA",
    qclass: str = "IN",
) -> dns.message.Message:
    query = dns.message.make_query(zone, qtype, qclass)
    query.set_opcode(dns.opcode.NOTIFY)
    query.flags = dns.flags.AA | (dns.opcode.NOTIFY << 11)
    if serial is not None:
        query.answer = rrs(soa(serial))
    address = server.addresses[0]
    return await dns.asyncquery.udp(
        query, address.ip, port=address.port, source=source, timeout=PATIENCE_S
    )


async def test_notify_from_a_primary_is_acknowledged_and_followed(tmp_path: Path) -> None:
    """The response is the request with QR set, its answer section left out (RFC 1996)."""
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.timers = LONG
        await until_version(server, "1")
        primary.serial = 2
        reply = await notify_server(server, serial=2)
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.opcode() == dns.opcode.NOTIFY
        assert reply.flags & dns.flags.AA
        assert not reply.answer
        await until_version(server, "2")


async def test_notify_without_a_serial_is_followed(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.timers = LONG
        await until_version(server, "1")
        primary.serial = 2
        await notify_server(server)
        await until_version(server, "2")


async def test_notify_of_what_we_have_asks_nobody(tmp_path: Path) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.timers = LONG
        await until_version(server, "1")
        asked = len(primary.queries)
        for _ in range(3):
            assert (await notify_server(server, serial=1)).rcode() == dns.rcode.NOERROR
        assert len(primary.queries) == asked


async def test_notify_from_a_stranger_is_refused_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        primary.timers = LONG
        await until_version(server, "1")
        asked = len(primary.queries)
        reply = await notify_server(server, serial=2, source=STRANGER)
        assert reply.rcode() == dns.rcode.REFUSED
        assert reply.opcode() == dns.opcode.NOTIFY
        assert len(primary.queries) == asked
        assert server.metrics.notifies_refused_total == 1
    assert f"{STRANGER}: refused: NOTIFY of {NAME}" in caplog.text


async def test_notify_from_whom_the_list_names_is_followed(tmp_path: Path) -> None:
    access = {"notify": [STRANGER]}
    async with FakePrimary() as primary:
        primary.timers = LONG
        async with secondary(tmp_path, primary.address, access=access) as server:
            await until_version(server, "1")
            primary.serial = 2
            reply = await notify_server(server, serial=2, source=STRANGER)
            assert reply.rcode() == dns.rcode.NOERROR
            await until_version(server, "2")


@pytest.mark.parametrize(
    ("zone", "qtype", "qclass", "rcode"),
    [
        ("other.test.", "SOA", "IN", dns.rcode.NOTAUTH),
        (f"sub.{NAME}", "SOA", "IN", dns.rcode.NOTAUTH),
        (NAME, "SOA", "CH", dns.rcode.NOTAUTH),
        (NAME, "A", "IN", dns.rcode.NOTIMP),
    ],
)
async def test_notify_about_anything_else_is_answered_with_why(
    tmp_path: Path, zone: str, qtype: str, qclass: str, rcode: int
) -> None:
    async with FakePrimary() as primary, secondary(tmp_path, primary.address) as server:
        await until_version(server, "1")
        reply = await notify_server(server, zone, qtype=qtype, qclass=qclass)
        assert reply.rcode() == rcode


async def test_primary_zone_takes_a_notify_and_does_nothing() -> None:
    config = Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"]},
            "recursion": {"enabled": False},
            "access": {"notify": ["localhost"]},
        }
    )
    zone = read_zone_text(TEXT.format(soa=soa(1)), names.read(NAME)).zone
    assert zone is not None
    async with Server(config, zones=[zone]) as server:
        assert (await notify_server(server, serial=9)).rcode() == dns.rcode.NOERROR


async def test_transferred_change_is_told_on(tmp_path: Path) -> None:
    async with FakePrimary() as primary, FakePrimary() as listener:
        zone = {"also_notify": [listener.address]}
        async with secondary(tmp_path, primary.address, zone=zone) as server:
            await until_version(server, "1")
            primary.serial = 2
            await until_version(server, "2")

            async def told() -> bool:
                return listener.notifies[-1:] == [2]

            await until(told)
    assert listener.notifies == sorted(listener.notifies)


async def test_own_change_is_told_until_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "WAITS_S", (0.05,) * 60)
    first, second = (
        read_zone_text(TEXT.format(soa=soa(serial)), names.read(NAME)) for serial in (1, 2)
    )
    old, new = first.zone, second.zone
    assert old is not None
    assert new is not None
    read = {names.read(NAME): FileRead(first, (None,))}
    async with FakePrimary() as listener:
        listener.answer_notifies = False
        config = Config.model_validate(
            {
                "server": {"listen": ["127.0.0.1:0"], "state_dir": str(tmp_path)},
                "recursion": {"enabled": False},
                "zone": [{"name": NAME, "file": "none", "also_notify": [listener.address]}],
            }
        )
        async with Server(config, material=Material(reads=read)) as server:

            async def told(serial: int, times: int) -> bool:
                return listener.notifies.count(serial) >= times

            await until(lambda: told(1, 3))
            await server.keeper.publish(new, finish(compute(old, new)))
            await until(lambda: told(2, 3))
            listener.answer_notifies = True
            seen = len(listener.notifies) + 2

            async def quiet() -> bool:
                return not server.keeper.telling

            await until(quiet)
            assert len(listener.notifies) <= seen
            assert listener.notifies == sorted(listener.notifies)


@pytest.mark.parametrize("wanted", [True, False])
async def test_name_servers_of_a_zone_are_told_unless_that_is_off(
    tmp_path: Path, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXT.format(soa=soa(1)) + f"{NAME} 300 IN NS ns2.{NAME}\nns2.{NAME} 300 IN A 127.0.0.7\n"
    zone = read_zone_text(text, names.read(NAME)).zone
    assert zone is not None
    told: list[str] = []
    monkeypatch.setattr(
        Notifier, "tell", lambda self, zone, peers: told.extend(str(p.address) for p in peers)
    )
    config = Config.model_validate(
        {
            "server": {
                "listen": ["127.0.0.1:0"],
                "state_dir": str(tmp_path),
                "notify_name_servers": wanted,
            },
            "recursion": {"enabled": False},
        }
    )
    async with Server(config) as server:
        await server.keeper.publish(zone, None)

        async def done() -> bool:
            return bool(told) or not wanted

        await until(done)
    assert told == (["127.0.0.7#53"] if wanted else [])
