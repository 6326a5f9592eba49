"""The keys that sign what an ALIAS lends, from their files to the answer: at start, over reloads,
and in a secondary (A08)."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest
import zone_signing
from zone_signing import Pair, pair

from resolver import names
from resolver.app.cli import main
from resolver.app.server import Server
from resolver.clock import Clock
from resolver.config.load import load
from resolver.errors import ConfigError, ZoneError
from resolver.net.clock import SystemClock

pytestmark = pytest.mark.loopback

TIMEOUT_S = 60.0
ORIGIN = names.read("signed.test.")
TARGET = names.read("www.plain.test.")
ALIAS = f"TYPE65401 \\# {len(TARGET)} {TARGET.hex()}"
HEAD = "$TTL 300\n@ SOA ns host {serial} 1 1 100000 60\n@ NS ns\nns A 192.0.2.1\n"
KSK, ZSK, NEXT = pair(13, 257), pair(13), pair(13)
CLOCK: Clock = SystemClock()


class Site:
    """A folder with a signed zone that has an ALIAS, a plain one with its target, and keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "plain.zone").write_text(HEAD.format(serial=1) + "www A 192.0.2.7\n")
        for name, key in (("zsk", ZSK), ("next", NEXT), ("ksk", KSK)):
            file = folder / f"{name}.private"
            file.write_text(key.private)
            file.chmod(0o600)

    def sign(self, serial: int, *keys: Pair) -> None:
        text = HEAD.format(serial=serial).replace("ns", "ns.signed.test.")
        text = text.replace("host", "host.signed.test.") + f"w {ALIAS}\n"
        signed = zone_signing.sign(text, "signed.test.", KSK, *keys, at_s=CLOCK.wall())
        (self.folder / "signed.zone").write_text(signed)

    def configure(self, *keys: str, file: str = 'file = "signed.zone"') -> None:
        named = ", ".join(f'"{key}.private"' for key in keys)
        (self.folder / "config.toml").write_text(
            '[server]\nlisten = ["127.0.0.1:0"]\nstate_dir = "var"\n'
            '[recursion]\nenabled = false\n[access]\ntransfer = ["localhost"]\n'
            '[control]\nsocket = ""\n'
            '[[zone]]\nname = "plain.test"\nfile = "plain.zone"\n'
            f'[[zone]]\nname = "signed.test"\n{file}\nalias_keys = [{named}]\n'
        )

    def load(self) -> Server:
        config = self.folder / "config.toml"
        return Server(load(config), reread=lambda: load(config))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "one")
    made.sign(1, ZSK)
    made.configure("zsk")
    return made


async def lent(server: Server) -> dns.message.Message:
    query = dns.message.make_query("w.signed.test.", "A", want_dnssec=True)
    port = server.addresses[0].port
    return await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", TIMEOUT_S, port)


async def assert_lent(server: Server, by: Pair) -> None:
    reply = await lent(server)
    assert zone_signing.verify(reply, "signed.test.", by, now=CLOCK.wall()) == ["w.signed.test. A"]


def faults_of(site: Site) -> list[str]:
    with pytest.raises((ConfigError, ZoneError)) as caught:
        site.load()
    return str(caught.value).splitlines()


def test_without_keys_it_is_refused(site: Site) -> None:
    site.configure()
    (fault,) = faults_of(site)
    assert "ALIAS at w.signed.test. in a signed zone" in fault
    assert "`alias_keys`" in fault


def test_key_that_is_open_to_everybody_is_refused(site: Site) -> None:
    (site.folder / "zsk.private").chmod(0o644)
    (fault,) = faults_of(site)
    assert fault.startswith(f"{site.folder}/zsk.private: open to every user (mode 644)")


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (("next",), "next.private: not the key of any DNSKEY record of signed.test."),
        (("ksk",), "ksk.private: a key signing key of signed.test."),
        (("zsk", "gone"), "gone.private: cannot be read: No such file"),
    ],
)
def test_key_that_cannot_sign_for_the_zone_is_refused(
    site: Site, keys: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.configure(*keys)
    (fault,) = faults_of(site)
    assert reason in fault
    assert main(["check", "--config", str(site.folder / "config.toml")]) != 0
    assert reason in capsys.readouterr().out
    zone = ["zone", "check", str(site.folder / "signed.zone"), "--origin", "signed.test"]
    assert main([*zone, *(f"--alias-key={site.folder}/{key}.private" for key in keys)]) != 0
    assert reason in capsys.readouterr().out
    site.configure("zsk")
    assert main(["check", "--config", str(site.folder / "config.toml")]) == 0
    assert main([*zone, f"--alias-key={site.folder}/zsk.private"]) == 0


async def test_keys_are_changed_by_reloads_and_never_away_from_the_zone(site: Site) -> None:
    async with asyncio.timeout(TIMEOUT_S), site.load() as server:
        await assert_lent(server, ZSK)
        # The key leaves the zone: the old version stays.
        file = site.folder / "signed.zone"
        before = file.read_text()
        site.sign(2, NEXT)
        told = await server.reload()
        assert not told.ok
        assert "zsk.private: not the key of any DNSKEY" in str(told.findings[0])
        assert server.store.get(ORIGIN).serial == 1  # type: ignore[union-attr]
        await assert_lent(server, ZSK)
        # A key that is not there yet: the old one goes on.
        file.write_text(before)
        assert (await server.reload()).ok
        site.configure("next")
        told = await server.reload()
        assert not told.ok
        assert "next.private: not the key of any DNSKEY" in str(told.findings[0])
        await assert_lent(server, ZSK)
        # With both in the zone it is changed, and then the old one may go.
        site.sign(3, ZSK, NEXT)
        assert (await server.reload()).ok
        await assert_lent(server, NEXT)
        site.sign(4, NEXT)
        assert (await server.reload()).ok
        assert server.store.get(ORIGIN).serial == 4  # type: ignore[union-attr]
        await assert_lent(server, NEXT)
        # Without any key there can be no ALIAS, so the server does not forget its key.
        site.configure()
        assert not (await server.reload()).ok
        await assert_lent(server, NEXT)


async def test_secondary_signs_by_itself(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It takes no zone for which it has no key."""
    async with asyncio.timeout(TIMEOUT_S), AsyncExitStack() as stack:
        primary = await stack.enter_async_context(site.load())
        other = Site(site.folder.parent / "two")
        port = primary.addresses[0].port
        from_there = f'role = "secondary"\nprimaries = ["127.0.0.1:{port}"]'
        other.configure("next", file=from_there)
        copy = await stack.enter_async_context(other.load())
        while "next.private: not the key of any DNSKEY" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert copy.store.get(ORIGIN) is None
        other.configure("zsk", file=from_there)
        assert (await copy.reload()).ok
        while copy.store.get(ORIGIN) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await assert_lent(copy, ZSK)
        other.configure("next", file=from_there)
        told = await copy.reload()
        assert "next.private: not the key of any DNSKEY" in str(told.findings[0])
        await assert_lent(copy, ZSK)
        await copy.stop()
        # Begun with the wrong key it serves what it has, but for what it cannot sign.
        caplog.clear()
        again = await stack.enter_async_context(other.load())
        assert (await lent(again)).rcode() == dns.rcode.SERVFAIL
        assert "no ALIAS is answered" in caplog.text
