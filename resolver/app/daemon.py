"""The process around a server: signals, what is told at start and end, how it ends.

SIGTERM and SIGINT end it, SIGHUP reloads it, SIGUSR2 opens the file of the query log again.
Knows: the process. Does not know: what is served.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

from resolver.app.added_zones import bring_back
from resolver.app.build import banner, example_name
from resolver.app.control.listener import ControlListener
from resolver.app.exits import BAD_CONFIGURATION, OK
from resolver.app.garbage import Garbage
from resolver.app.logging import set_up
from resolver.app.server import Server
from resolver.config.schema import Config
from resolver.errors import ResolverError
from resolver.net.descriptors import raise_limit

_log = logging.getLogger(__name__)


def run(config: Config, reread: Callable[[], Config]) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code. `reread` reads the configuration again."""
    try:
        raise_limit()
        server = Server(config, keeps_cache=True, reread=reread)
        bring_back(server.config, server.zoning, server.material.keys)
        return asyncio.run(_serve(server))
    except ResolverError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION


class Reloads:
    """Reloads when a signal says so; some that come while one is under way give one more."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Reload soon."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End one that is under way."""
        self._wanted = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            before = self._server.config.log
            try:
                await self._server.reload()
            except Exception:
                _log.exception("a reload failed")
            if self._server.config.log != before:
                set_up(self._server.config.log)


async def _serve(server: Server) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ending.set)
    reloads = Reloads(server)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)
    loop.add_signal_handler(signal.SIGUSR2, server.query_log.reopen)
    garbage = Garbage(server.metrics)
    async with server, ControlListener(server):
        garbage.start()
        for warning in server.material.warnings:
            _log.warning("%s", warning)
        listening = [str(a) for a in server.addresses]
        recursion = server.recursion is not None
        for line in banner(server.store, listening, recursion=recursion):
            print(line, file=sys.stderr)
        if server.addresses:
            first = server.addresses[0]
            name = example_name(server.store)
            print(f"try: dig @{first.ip} -p {first.port} {name}", file=sys.stderr)
        print(f"ready: {' '.join(listening)}", file=sys.stderr, flush=True)
        await server.ending.wait()
        await reloads.stop()
        garbage.stop()
    return OK
