"""What is done to zones while the loop is measured: large ones, and very many.

Knows: which files and peers each takes. Does not know: how turns are measured.
"""

import asyncio
import shutil
from collections.abc import Iterator

import dns.update

from resolver import names
from resolver.app.server import Server
from tests.bench.scene import LOOPBACK, Scene, hosts, serves, until, write_zone

_BIG = "big.test."
_HEADER_OCTETS = 14


def _zone(name: str, file: object, more: str = "") -> str:
    return f'[[zone]]\nname = "{name}"\nfile = "{file}"\n{more}\n'


async def reloads(scene: Scene) -> None:
    """A large zone comes, changes in several ways, is written out and sent, and goes."""
    count, file, small = scene.records, scene.folder / "big", scene.folder / "small"
    write_zone(small, ())
    write_zone(file, hosts(count))
    others = _zone("small.test", small)
    scene.configure(others)
    async with scene.server() as server:
        scene.configure(others + _zone(_BIG, file))
        async with scene.during("load of a zone"):
            await scene.reload(server)
        write_zone(file, hosts(count), serial=2)
        async with scene.during("reload, nothing new but the serial"):
            await scene.reload(server)
        write_zone(file, hosts(count, every=1000), serial=3)
        async with scene.during("reload, a thousandth is new"):
            await scene.reload(server)
        write_zone(file, hosts(count), serial=4, ttl=7200)
        async with scene.during("reload, all is new"):
            await scene.reload(server)
        file.write_text(file.read_text() + "h0 CNAME x\n")
        async with scene.during("reload of a file with a fault"):
            await server.reload()
        async with scene.during("dump of a zone"):
            await scene.ctl("zone", "dump", _BIG)
        async with scene.during("four transfers to others (AXFR)"):
            await _digs(server, 4)
        scene.configure(others)
        async with scene.during("removal of a zone"):
            await scene.reload(server)


async def _digs(server: Server, count: int) -> None:
    dig = shutil.which("dig")
    if dig is None:
        return
    words = (f"@{LOOPBACK}", "-p", str(server.addresses[0].port), _BIG, "AXFR")
    nowhere = asyncio.subprocess.DEVNULL
    running = [
        await asyncio.create_subprocess_exec(dig, *words, stdout=nowhere) for _ in range(count)
    ]
    for process in running:
        await process.wait()


async def transfers(scene: Scene) -> None:
    """A large zone comes from a primary, and changes of a tenth of it."""
    count, file = scene.records, scene.folder / "big"
    write_zone(file, hosts(count))
    scene.configure()
    async with scene.peer(_zone(_BIG, file)) as peer, scene.server() as server:
        primary = f'primaries = ["{LOOPBACK}:{peer.port}"]'
        scene.configure(f'[[zone]]\nname = "{_BIG}"\nrole = "secondary"\n{primary}\n')
        async with scene.during("transfer of a zone to us (AXFR)"):
            await scene.reload(server)
            await serves(server, _BIG, 1)
        for serial, every in ((2, 10), (3, 0)):
            write_zone(file, hosts(count, every=every), serial=serial)
            await peer.take_up(_BIG)
            async with scene.during(f"{count // 10:,} changes by transfer (IXFR)"):
                server.keeper.refresh(names.read(_BIG))
                await serves(server, _BIG, serial)
        async with scene.during("another transfer of the same zone"):
            await scene.ctl("zone", "retransfer", _BIG)
        scene.configure()
        async with scene.during("removal of a secondary zone"):
            await scene.reload(server)


async def updates(scene: Scene) -> None:
    """Dynamic updates of a zone, one after the other."""
    file = scene.folder / "u"
    write_zone(file, hosts(scene.records // 10))
    scene.configure(_zone("u.test", file))
    async with scene.server() as server:
        messages = list(_update_messages(10, 1_000))
        async with scene.during("ten updates of 1,000 records"):
            for message in messages:
                await _send(server, message)
        (large,) = _update_messages(1, 2_500, "x")
        async with scene.during("an update of 2,500 records"):
            await _send(server, large)
        async with scene.during("writing of a zone file"):
            await scene.ctl("zone", "sync", "u.test")


def _update_messages(count: int, records: int, mark: str = "n") -> Iterator[bytes]:
    for number in range(count):
        message = dns.update.UpdateMessage("u.test.")
        for i in range(records):
            message.add(f"{mark}{number * records + i}", 300, "A", "192.0.2.9")
        yield message.to_wire()


async def _send(server: Server, message: bytes) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.addresses[0].port)
    writer.write(len(message).to_bytes(2, "big") + message)
    reply = await reader.readexactly(_HEADER_OCTETS)
    writer.close()
    if reply[5] & 15:
        raise RuntimeError(f"update: RCODE {reply[5] & 15}")


async def pointers(scene: Scene) -> None:
    """PTR records for all addresses of a zone."""
    file, reverse, count = scene.folder / "p", scene.folder / "r", scene.records // 10
    write_zone(file, hosts(count))
    write_zone(reverse, ())
    zones = _zone("10.in-addr.arpa", reverse) + _zone("p.test", file)
    scene.configure(zones)
    async with scene.server() as server:
        idle = server.zoning.pointers.idle
        await idle.wait()
        scene.configure(zones + "reverse = true\n")
        async with scene.during(f"{count:,} PTR records begin"):
            await scene.reload(server)
            await _settled(server)
        write_zone(file, hosts(count, "x"), serial=2)
        async with scene.during(f"{count:,} PTR records change"):
            await scene.reload(server)
            await _settled(server)
        write_zone(reverse, ["7.7.7 PTR a.p.test.\n"], serial=2)
        async with scene.during("another file of their zone"):
            await scene.reload(server)
            await _settled(server)


async def _settled(server: Server) -> None:
    await asyncio.sleep(0.5)
    await server.zoning.pointers.idle.wait()


async def catalog(scene: Scene) -> None:
    """Very many secondary zones come and go with a catalog."""
    file, count = scene.folder / "c", scene.records // 100
    write_zone(file, _members(0))
    async with scene.peer(_zone("c.test", file)) as peer:
        primary = f'primaries = ["{LOOPBACK}:{peer.port}"]'
        scene.configure(f'[[zone]]\nname = "c.test"\nrole = "catalog"\n{primary}\n')
        async with scene.server() as server:
            await serves(server, "c.test.", 1)
            for serial, members in ((2, count), (3, 0)):
                write_zone(file, _members(members), serial=serial)
                await peer.take_up("c.test.")
                what = "come" if members else "go"
                async with scene.during(f"{count:,} zones {what} with a catalog"):
                    server.keeper.refresh(names.read("c.test."))
                    await serves(server, "c.test.", serial)
                    await until(lambda n=members: len(server.keeper.primaries) == n + 1)  # type: ignore[misc]
                if members:
                    async with scene.during(f"list of {count:,} secondary zones"):
                        await scene.ctl("zone", "list")


def _members(count: int) -> Iterator[str]:
    yield "version TXT 2\n"
    for i in range(count):
        yield f"m{i}.zones PTR z{i}.test.\n"


async def folder(scene: Scene) -> None:
    """Very many zones of a folder come and go."""
    files, count = scene.folder / "zones", scene.records // 100
    files.mkdir()
    for i in range(count):
        write_zone(files / f"z{i}.test.zone", ())
    scene.configure()
    async with scene.server() as server:
        scene.configure(f'[[zone_directory]]\npath = "{files}"\n')
        async with scene.during(f"{count:,} zones come in a folder"):
            await scene.reload(server)
        async with scene.during(f"list of {count:,} zones"):
            await scene.ctl("zone", "list")
        async with scene.during(f"reload with {count:,} zones, nothing new"):
            await scene.reload(server)
        scene.configure()
        async with scene.during(f"{count:,} zones of a folder go"):
            await scene.reload(server)
