"""What is done to the cache and to lists of names while the loop is measured.

Knows: the parts of a recursive server. Does not know: how turns are measured.
"""

import asyncio

from prometheus_client.exposition import choose_encoder

from resolver.app.garbage import MAX_CONNECTIONS
from resolver.app.monitor.listener import write_out
from resolver.app.server import Server
from resolver.cache.rrsets import RRsets
from resolver.codes import RRClass, RRType
from resolver.model import Rank, RRset
from resolver.net.turns import in_turns
from tests.bench.scene import Scene

TTL_S = 86_400
_TURN = 20


def _rrset(number: int) -> RRset:
    owner = b"\x08%08x\4test\0" % number
    return RRset(owner, RRType.A, RRClass.IN, TTL_S, (number.to_bytes(4, "big"),))


async def fill(rrsets: RRsets, first: int, count: int, now: float) -> None:
    """Learn RRsets, a few in each turn, as by queries."""
    for start in range(first, first + count, _TURN):
        for number in range(start, start + _TURN):
            rrsets.learn(_rrset(number), Rank.AUTHORITATIVE_ANSWER, now=now)
        await asyncio.sleep(0)


def _rrsets(server: Server) -> RRsets:
    assert server.recursion is not None
    return server.recursion.rrsets


async def cache(scene: Scene) -> None:
    """A large cache is filled, read out, taken back and emptied."""
    count, file = scene.records, str(scene.folder / "dump")
    scene.configure('[cache]\nsize = "2GiB"\n', recursion=True)
    async with scene.server() as server:
        async with scene.during(f"{count:,} RRsets are learned"):
            await fill(_rrsets(server), 0, count, server.clock.now())
        async with scene.during("metrics"):
            encode, _ = choose_encoder("")
            await in_turns(write_out(server, encode, ready=True))
        async with scene.during("cache show"):
            await scene.ctl("cache", "show", "00000001.test")
        async with scene.during("snapshot of the cache"):
            await scene.ctl("cache", "save")
        async with scene.during("flush of a tree"):
            await scene.ctl("flush", "test", "--tree")
        await fill(_rrsets(server), 0, count // 10, server.clock.now())
        async with scene.during("cache dump"):
            await scene.ctl("cache", "dump", file)
        async with scene.during("cache load"):
            await scene.ctl("cache", "load", file)
        await fill(_rrsets(server), 0, count, server.clock.now())
        async with scene.during("flush of all"):
            await scene.ctl("flush-all")


async def full_cache(scene: Scene) -> None:
    """New RRsets take the place of old ones."""
    count = scene.records
    scene.configure('[cache]\nsize = "64MiB"\n', recursion=True)
    async with scene.server() as server:
        await fill(_rrsets(server), 0, count, server.clock.now())
        async with scene.during("learning, with a full cache"):
            await fill(_rrsets(server), count, count, server.clock.now())
        server.metrics.tcp_accepted_total += MAX_CONNECTIONS + 1
        async with scene.during("after a million connections"):
            await fill(_rrsets(server), 0, count // 5, server.clock.now())


async def lists(scene: Scene) -> None:
    """A large block list comes, changes and goes."""
    file = scene.folder / "block"
    file.write_text("".join(f"bad{i}.example\n" for i in range(scene.records)))
    scene.configure(recursion=True)
    async with scene.server() as server:
        scene.configure(f'[[local]]\nblock = ["{file}"]\n', recursion=True)
        async with scene.during(f"a block list of {scene.records:,} names comes"):
            await scene.reload(server)
        file.write_text("".join(f"worse{i}.example\n" for i in range(scene.records)))
        async with scene.during("another block list in its place"):
            await scene.reload(server)
        scene.configure(recursion=True)
        async with scene.during("removal of the block list"):
            await scene.reload(server)
