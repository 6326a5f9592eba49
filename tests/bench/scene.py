"""A server of ours in this process, whose loop is measured while something is done to it.

Peers that it transfers from, and whoever asks it for something, are other processes. Knows: how to
start servers and clients. Does not know: what is done (zone_scenes.py, cache_scenes.py).
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from resolver import names
from resolver.app.control.listener import ControlListener
from resolver.app.daemon import SWITCH_S
from resolver.app.garbage import Garbage
from resolver.app.server import Server
from resolver.config.load import load
from tests.bench.turns import Gap, Turns

LOOPBACK = "127.0.0.1"
SETTLE_S = 0.5
GIVE_UP_S = 300.0
_LOOK_S = 0.02
_HEAD = "$TTL {ttl}\n@ SOA ns1 host {serial} 3600 600 864000 300\n@ NS ns1\nns1 A 192.0.2.1\n"
_READY = re.compile(r"^ready: \S+?#(\d+)", re.M)
_CONFIG = """[server]
listen = ["{ip}:0"]
state_dir = "{folder}/state"
[control]
socket = "{folder}/control"
[recursion]
enabled = {recursion}
[access]
transfer = ["localhost"]
update = ["localhost"]
notify = ["localhost"]
{more}"""


async def until(what: Callable[[], bool]) -> None:
    """Wait for something. Raises TimeoutError."""
    async with asyncio.timeout(GIVE_UP_S):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)


def hosts(count: int, mark: str = "", *, every: int = 0) -> Iterable[str]:
    """So many names with an address each; each `every`-th has another one than otherwise."""
    for i in range(count):
        first = 11 if every and not i % every else 10
        yield f"h{i}{mark} A {first}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"


def write_zone(file: Path, lines: Iterable[str], *, serial: int = 1, ttl: int = 3600) -> None:
    """Write a zone file in one step."""
    new = file.with_suffix(".new")
    with new.open("w") as out:
        out.write(_HEAD.format(serial=serial, ttl=ttl))
        out.writelines(lines)
    new.replace(file)


class Peer:
    """Another server, which ours transfers from."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, port: int) -> None:
        self.port = port
        self._process = process
        self._folder = folder

    async def take_up(self, origin: str) -> None:
        """Have it read a zone file again."""
        await command(self._folder, "zone", "reload", origin)


class Scene:
    """One server, in a folder of its own. `gaps` is what was measured so far, by what was done."""

    def __init__(self, turns: Turns, folder: Path, records: int) -> None:
        self.folder = folder
        self.records = records
        self.gaps: dict[str, Gap] = {}
        self._turns = turns

    def configure(self, more: str = "", *, recursion: bool = False) -> None:
        """Write the configuration."""
        _write_config(self.folder, more, recursion=recursion)

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Server]:
        """Our server, as the daemon has it."""
        sys.setswitchinterval(SWITCH_S)
        file = self.folder / "config.toml"
        server = Server(load(file), reread=partial(load, file), keeps_cache=True)
        garbage = Garbage(server.metrics)
        server.after_reload.append(garbage.note_reload)
        async with server, ControlListener(server):
            garbage.start()
            garbage.tend()
            try:
                yield server
            finally:
                garbage.stop()

    @asynccontextmanager
    async def peer(self, more: str) -> AsyncIterator[Peer]:
        """Another server, once it is ready."""
        folder = self.folder / "peer"
        folder.mkdir()
        _write_config(folder, more)
        log = folder / "log"
        with log.open("w") as out:
            words = ("-m", "resolver", "run", "--config", str(folder / "config.toml"))
            process = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=out)
        try:
            await until(lambda: _READY.search(log.read_text()) is not None)
            ready = _READY.search(log.read_text())
            assert ready is not None
            yield Peer(process, folder, int(ready[1]))
        finally:
            process.terminate()
            await process.wait()

    @asynccontextmanager
    async def during(self, what: str) -> AsyncIterator[None]:
        """Measure what is done inside; of what is done twice the worse counts."""
        await asyncio.sleep(SETTLE_S)
        self._turns.reset()
        yield
        await asyncio.sleep(SETTLE_S)
        gap = self._turns.reset()
        self.gaps[what] = max(gap, self.gaps.get(what, gap), key=lambda each: each.turn_s)
        print(f"  {what:48} {gap}", flush=True)

    async def reload(self, server: Server) -> None:
        """Reload, which must go well."""
        done = await server.reload()
        if not done.ok:
            raise RuntimeError(str(done))

    async def ctl(self, *words: str) -> None:
        """Have the command line do something."""
        await command(self.folder, *words)


async def command(folder: Path, *words: str) -> None:
    """`rootward ctl`. Raises RuntimeError when it fails."""
    line = ("-m", "resolver", "ctl", "--socket", str(folder / "control"), *words)
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(sys.executable, *line, stdout=nowhere)
    if await process.wait():
        raise RuntimeError(" ".join(words))


async def serves(server: Server, origin: str, serial: int) -> None:
    """Wait until a zone is served in this version."""
    name = names.read(origin)

    def is_there() -> bool:
        zone = server.store.get(name)
        return zone is not None and zone.serial == serial

    await until(is_there)


def _write_config(folder: Path, more: str, *, recursion: bool = False) -> None:
    (folder / "state").mkdir(exist_ok=True)
    enabled = "true" if recursion else "false"
    text = _CONFIG.format(ip=LOOPBACK, folder=folder, recursion=enabled, more=more)
    (folder / "config.toml").write_text(text)
