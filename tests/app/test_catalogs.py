"""A server that makes a catalog, and one that follows it, in one process."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from resolver import names
from resolver.app.server import Server
from resolver.codes import Rcode, RRType
from resolver.config.load import load
from resolver.config.zones import ZoneSettings
from resolver.model import Address, Message, Question
from resolver.wire.build import build
from resolver.wire.parse import parse
from resolver.zone.peer import Peer

pytestmark = pytest.mark.loopback

TIMEOUT_S = 60.0
CATALOG = names.read("catalog.test.")


def run(body: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await body

    asyncio.run(bounded())


async def until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 - what is waited for are files and other servers
        await asyncio.sleep(0.05)


def text(serial: int, *lines: str) -> str:
    head = (
        f"$TTL 300\n@ SOA ns.else.where. host {serial} 3600 900 1209600 300\n@ NS ns.else.where.\n"
    )
    return head + "\n".join(lines) + "\n"


def server(folder: Path, body: str, port: int = 0) -> Server:
    folder.mkdir(exist_ok=True)
    config = folder / "config.toml"
    config.write_text(
        f'[server]\nlisten = ["127.0.0.1:{port}"]\n[recursion]\nenabled = false\n{body}'
    )
    return Server(load(config), reread=lambda: load(config))


def primary(folder: Path, notify: int) -> Server:
    (folder / "zones").mkdir(parents=True, exist_ok=True)
    return server(
        folder,
        '[access]\ntransfer = ["localhost"]\n'
        f'[[catalog]]\nname = "catalog.test"\nalso_notify = ["127.0.0.1:{notify}"]\n'
        '[[zone_directory]]\npath = "zones"\ncatalog = "catalog.test"\n',
    )


def secondary(folder: Path, port: int, *, listen: int = 0, extra: str = "") -> Server:
    return server(
        folder,
        '[access]\ntransfer = ["none"]\n'
        f'[[zone]]\nname = "catalog.test"\nrole = "catalog"\nprimaries = ["127.0.0.1:{port}"]\n'
        f"{extra}",
        listen,
    )


def rcode(server: Server, name: str, rrtype: RRType = RRType.SOA) -> str:
    query = Message(1, 0, [Question(names.read(name), rrtype)])
    reply = server.service.respond(build(query), bytes((127, 0, 0, 1)), stream=False)
    assert isinstance(reply, bytes)
    return Rcode(parse(reply).rcode).name


def test_zones_come_and_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def body() -> None:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(primary(tmp_path / "one", 1))
            port = first.addresses[0].port
            (tmp_path / "one/zones/a.test.zone").write_text(text(1))
            second = secondary(tmp_path / "two", port)
            async with second:
                listens = second.addresses[0].port
                first.zoning.roster.also_notify[CATALOG] = (Peer(Address("127.0.0.1", listens)),)
                await until(lambda: rcode(second, "a.test.") == "NOERROR")
                (tmp_path / "one/zones/b.test.zone").write_text(text(1))
                await until(lambda: rcode(second, "b.test.") == "NOERROR")
                (tmp_path / "one/zones/a.test.zone").unlink()
                await until(lambda: rcode(second, "a.test.") == "REFUSED")
                await until(lambda: "zone a.test. removed" in caplog.text)
                assert rcode(second, "b.test.") == "NOERROR"
            # Without its primary it serves what it knew.
            await first.stop()
            async with secondary(tmp_path / "two", port) as again:
                assert rcode(again, "b.test.") == "NOERROR"
                assert rcode(again, "a.test.") == "REFUSED"
                assert rcode(again, "catalog.test.") == "NOERROR"

    run(body())
    assert "catalog catalog.test.: zone b.test. added" in caplog.text
    assert "catalog catalog.test.: zone a.test. removed" in caplog.text


def test_restart_without_change_keeps_the_serial(tmp_path: Path) -> None:
    async def serial() -> int:
        async with primary(tmp_path / "one", 1) as first:
            zone = first.store.get(CATALOG)
            assert zone is not None
            return zone.serial

    async def body() -> None:
        (tmp_path / "one/zones").mkdir(parents=True)
        (tmp_path / "one/zones/a.test.zone").write_text(text(1))
        before = await serial()
        assert await serial() == before
        (tmp_path / "one/zones/b.test.zone").write_text(text(1))
        assert await serial() > before

    run(body())


def catalog_file(*lines: str, serial: int = 1, version: str = "2") -> str:
    return text(serial, f'version TXT "{version}"', *lines)


async def following(stack: AsyncExitStack, folder: Path, *catalogs: str) -> tuple[Server, Server]:
    """A primary with catalogs and zones as files, and a server that follows the catalogs."""
    for zone in ("a", "b"):
        (folder / f"{zone}.test.zone").write_text(text(1))
    zones = "".join(
        f'[[zone]]\nname = "{name}"\nfile = "{name}.zone"\nalso_notify = ["127.0.0.1:1"]\n'
        for name in ("a.test", "b.test", *catalogs)
    )
    first = await stack.enter_async_context(
        server(folder, f'[access]\ntransfer = ["localhost"]\n{zones}')
    )
    port = first.addresses[0].port
    followed = "".join(
        f'[[zone]]\nname = "{name}"\nrole = "catalog"\nprimaries = ["127.0.0.1:{port}"]\n'
        for name in catalogs
    )
    second = await stack.enter_async_context(server(folder / "two", followed))
    config = folder / "config.toml"
    told = f'"127.0.0.1:{second.addresses[0].port}"'
    config.write_text(config.read_text().replace('"127.0.0.1:1"', told))
    assert (await first.reload()).ok
    return first, second


def test_broken_catalog_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        async with AsyncExitStack() as stack:
            file = tmp_path / "c.test.zone"
            file.write_text(catalog_file("m.zones PTR a.test."))
            first, second = await following(stack, tmp_path, "c.test")
            await until(lambda: rcode(second, "a.test.") == "NOERROR")
            file.write_text(catalog_file("m.zones PTR b.test.", serial=2, version="9"))
            await first.reload()
            await until(lambda: "not followed, its version is '9', not '2'" in caplog.text)
            assert rcode(second, "a.test.") == "NOERROR"
            file.write_text(catalog_file("m.zones PTR b.test.", serial=3))
            await first.reload()
            await until(lambda: rcode(second, "b.test.") == "NOERROR")
            assert rcode(second, "a.test.") == "REFUSED"

    run(body())


def test_change_of_ownership(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def body() -> None:
        async with AsyncExitStack() as stack:
            old, new = tmp_path / "old.test.zone", tmp_path / "new.test.zone"
            old.write_text(catalog_file("m.zones PTR a.test."))
            new.write_text(catalog_file("m.zones PTR b.test."))
            first, second = await following(stack, tmp_path, "old.test", "new.test")
            await until(lambda: rcode(second, "a.test.") == rcode(second, "b.test.") == "NOERROR")
            # The other one lists it as well: that alone changes nothing.
            new.write_text(catalog_file("m.zones PTR b.test.", "n.zones PTR a.test.", serial=2))
            await first.reload()
            await until(lambda: "a.test. is served already" in caplog.text)
            listed = catalog_file("m.zones PTR a.test.", "coo.m.zones PTR new.test.", serial=2)
            old.write_text(listed)
            await first.reload()
            await until(lambda: "catalog new.test.: zone a.test. added" in caplog.text)
            # Gone from where it was, it stays where it is.
            old.write_text(catalog_file(serial=3))
            await first.reload()
            await until(lambda: second.store.get(names.read("old.test.")).serial == 3)  # type: ignore[union-attr]
            await until(lambda: rcode(second, "a.test.") == "NOERROR")

    run(body())


def test_zone_that_changes_catalogs_is_handed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The follower takes nothing anew, and the catalogs stand after a restart as they stood."""
    caplog.set_level(logging.INFO)
    new, old = names.read("new.test."), names.read("old.test.")

    def configure(catalog: str, handover: str, listens: int) -> str:
        catalogs = "".join(
            f'[[catalog]]\nname = "{name}"\nhandover = "{handover}"\nhandover_notice = "0s"\n'
            f'also_notify = ["127.0.0.1:{listens}"]\n'
            for name in ("old.test", "new.test")
        )
        return (
            '[access]\ntransfer = ["localhost"]\n' + catalogs + '[[zone]]\nname = "a.test"\n'
            f'file = "a.zone"\ncatalog = "{catalog}"\n'
        )

    def listed(first: Server, catalog: bytes) -> bool:
        zone = first.store.get(catalog)
        return zone is not None and zone.records > 3

    async def body() -> None:
        folder, config = tmp_path / "one", tmp_path / "one/config.toml"
        folder.mkdir()
        (folder / "a.zone").write_text(text(1))
        first = server(folder, configure("old.test", "1d", 1))
        followed = "".join(
            f'[[zone]]\nname = "{name}"\nrole = "catalog"\nprimaries = ["127.0.0.1:PORT"]\n'
            for name in ("old.test", "new.test")
        )
        async with first:
            port = first.addresses[0].port
            second = server(tmp_path / "two", followed.replace("PORT", str(port)))
            async with second:
                await until(lambda: rcode(second, "a.test.") == "NOERROR")
                listens = second.addresses[0].port
                changed = configure("new.test", "1d", listens)
                config.write_text(config.read_text().partition("[access]")[0] + changed)
                assert (await first.reload()).ok
                await until(lambda: "catalog new.test.: zone a.test. added" in caplog.text)
                assert listed(first, old)
                assert listed(first, new)
                await first.stop()
                # Begun anew it has not forgotten, and ends the handover when its time has come.
                changed = configure("new.test", "1s", listens)
                again = server(folder, changed, port)
                async with again:
                    await until(lambda: not listed(again, old))
                    serial = again.store.get(old).serial  # type: ignore[union-attr]
                    second.keeper.refresh(old)
                    await until(lambda: second.store.get(old).serial == serial)  # type: ignore[union-attr]
                    assert rcode(second, "a.test.") == "NOERROR"

    run(body())
    assert "catalog old.test.: zone a.test. goes to new.test." in caplog.text
    assert caplog.text.count("zone a.test.: serial 1 from 127.0.0.1") == 1
    assert "catalog new.test.: zone a.test. removed" not in caplog.text


def test_members_may_be_served_on_other_terms(tmp_path: Path) -> None:
    async def body() -> None:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(primary(tmp_path / "one", 1))
            port = first.addresses[0].port
            (tmp_path / "one/zones/a.test.zone").write_text(text(1))
            extra = (
                'transfer = ["none"]\nmembers = { transfer = ["127.0.0.1"],'
                f' primaries = ["127.0.0.1:{port}"] }}\n'
            )
            second = await stack.enter_async_context(secondary(tmp_path / "two", port, extra=extra))
            first.zoning.roster.also_notify[CATALOG] = (
                Peer(Address("127.0.0.1", second.addresses[0].port)),
            )
            await until(lambda: rcode(second, "a.test.") == "NOERROR")
            rules = second.zoning.roster.transfer_rules
            loopback = bytes((127, 0, 0, 1))
            assert rules.allows(names.read("a.test."), loopback, None)
            assert not rules.allows(CATALOG, loopback, None)

    run(body())


def test_groups_are_served_on_their_own_terms(tmp_path: Path) -> None:
    """RFC 9432 section 4.3.2, from the folder that says the group to the member that has it."""

    async def body() -> None:
        async with AsyncExitStack() as stack:
            folder = tmp_path / "one"
            for group in ("gold", "tin"):
                (folder / group).mkdir(parents=True)
                (folder / group / f"{group}.test.zone").write_text(text(1))
            groups = "".join(
                f'[[zone_directory]]\npath = "{group}"\ncatalog = "catalog.test"\n'
                f'catalog_group = "{group}"\n'
                for group in ("gold", "tin")
            )
            first = await stack.enter_async_context(
                server(
                    folder,
                    '[access]\ntransfer = ["localhost"]\n[[catalog]]\nname = "catalog.test"\n'
                    + groups,
                )
            )
            port = first.addresses[0].port
            extra = (
                'members = { transfer = ["192.0.2.1"] }\n'
                f'groups = [{{ name = "gold", transfer = ["192.0.2.2"],'
                f' primaries = ["127.0.0.1:{port}"], also_notify = ["127.0.0.1:9"] }}]\n'
            )
            second = await stack.enter_async_context(secondary(tmp_path / "two", port, extra=extra))
            told = (Peer(Address("127.0.0.1", second.addresses[0].port)),)
            first.zoning.roster.also_notify[CATALOG] = told
            await until(lambda: rcode(second, "gold.test.") == rcode(second, "tin.test."))
            await until(lambda: rcode(second, "gold.test.") == "NOERROR")

            def who_may(name: str) -> list[int]:
                rules = second.zoning.roster.transfer_rules
                origin = names.read(name)
                return [n for n in (1, 2) if rules.allows(origin, bytes((192, 0, 2, n)), None)]

            assert (who_may("gold.test."), who_may("tin.test.")) == ([2], [1])
            assert second.zoning.roster.also_notify[names.read("gold.test.")]
            assert not second.zoning.roster.also_notify[names.read("tin.test.")]
            assert (await second.reload()).ok
            assert (who_may("gold.test."), who_may("tin.test.")) == ([2], [1])
            # It goes over to the other group, and is the same zone.
            config = folder / "config.toml"
            held = second.store.get(names.read("tin.test."))
            config.write_text(config.read_text().replace('group = "tin"', 'group = "gold"'))
            version = first.store.get(CATALOG)
            assert (await first.reload()).ok
            await until(lambda: first.store.get(CATALOG) is not version)
            second.keeper.refresh(CATALOG)
            await until(lambda: who_may("tin.test.") == [2])
            assert second.store.get(names.read("tin.test.")) is held

    run(body())


class TestSecondaryAtRunTime:
    def terms(self, port: int, name: str = "a.test", **more: Any) -> ZoneSettings:
        address = {"address": f"127.0.0.1:{port}", **more}
        return ZoneSettings.model_validate(
            {"name": name, "role": "secondary", "primaries": [address]}
        )

    def test_status_tells_of_the_first_transfer(self, tmp_path: Path) -> None:
        async def body() -> None:
            (tmp_path / "one/zones").mkdir(parents=True)
            (tmp_path / "one/zones/a.test.zone").write_text(text(41))
            async with (
                primary(tmp_path / "one", 1) as first,
                server(tmp_path / "two", "") as second,
            ):
                port = first.addresses[0].port
                status = await second.add_secondary(self.terms(port))
                assert (status.state, status.serial, status.failures) == ("serving", 41, 0)
                assert rcode(second, "a.test.") == "NOERROR"
                with pytest.raises(ValueError, match="served already"):
                    await second.add_secondary(self.terms(port))
                with pytest.raises(ValueError, match="no key named k"):
                    await second.add_secondary(self.terms(port, "c.test", key="k"))
                status = await second.add_secondary(self.terms(port, "none.test"))
                assert (status.state, status.serial, status.failures) == ("not ready", None, 1)
                (known,) = status.primaries
                assert "REFUSED" in known.note

        run(body())
