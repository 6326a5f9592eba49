"""The process around a server: signals, what is told at start and end, how it ends.

SIGTERM and SIGINT end it, SIGHUP reloads it, SIGUSR1 starts it anew in its place, SIGUSR2 opens the
file of the query log again.
Knows: the process. Does not know: what is served.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

from resolver.app.build import banner, example_name
from resolver.app.control.listener import ControlListener
from resolver.app.exits import BAD_CONFIGURATION, OK
from resolver.app.garbage import Garbage
from resolver.app.handover import HandoverDoor, Predecessor, chosen, take_over
from resolver.app.logging import complain, set_up
from resolver.app.privileges import become
from resolver.app.renewal import Renewal
from resolver.app.server import Server
from resolver.app.sockets import complete, open_pairs, paired, passed, wanted
from resolver.app.supervisor import Supervisor
from resolver.app.zone_orders import bring_back
from resolver.config.schema import Config
from resolver.errors import ResolverError
from resolver.net.descriptors import raise_limit

# How long a thread of ours that is at work keeps the event loop waiting each time the loop has
# looked at a socket: some looks with 5 ms each, which is the default, are a wait that is felt.
SWITCH_S = 0.0005

_log = logging.getLogger(__name__)


def run(config: Config, reread: Callable[[], Config], *, takes_over: bool = False) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code. `reread` reads the configuration again.
    `takes_over`: in the place of a server that runs with the same state folder."""
    sys.setswitchinterval(SWITCH_S)
    try:
        raise_limit(config.server.tcp_connections)
        supervisor = Supervisor()
        server = Server(config, keeps_cache=True, reread=reread)
        bring_back(server.config, server.zoning, server.material.keys)
        predecessor = take_over(config) if takes_over else None
        try:
            for note in find_sockets(server, predecessor):
                _log.warning("%s", note)
            _drop_privileges(config)
            return asyncio.run(_serve(server, supervisor, predecessor))
        finally:
            server.disown()
            if predecessor is not None:
                predecessor.close()
    except ResolverError as error:
        complain(error)
        return BAD_CONFIGURATION


def find_sockets(server: Server, predecessor: Predecessor | None) -> list[str]:
    """Have the server listen on what it is given, and open what is missing while we may; a sentence
    for each thing worth a word. Raises ConfigError."""
    settings = server.config.server
    if predecessor is not None:
        given = list(predecessor.given)
        pairs = chosen(predecessor.pairs, wanted(settings, given))
        notes = []
    else:
        pairs = paired(passed(), settings.listen)
        given = list(pairs)
        notes = complete(pairs)
        if "listen" in settings.model_fields_set:
            notes += [
                f"{address}: passed to us and not in server.listen; served all the same"
                for address in given
                if address not in settings.listen
            ]
    server.adopt(pairs, given)
    missing = [address for address in wanted(settings, given) if address not in pairs]
    server.adopt({**pairs, **open_pairs(missing)}, given)
    return notes


def _drop_privileges(config: Config) -> None:
    if config.server.user:
        become(config.server.user, config.server.state_dir)
    elif os.geteuid() == 0:
        _log.warning("running as root; server.user names whom to become instead")


class Reloads:
    """Reloads when a signal says so; some that come while one is under way give one more."""

    def __init__(self, server: Server, supervisor: Supervisor) -> None:
        self._server = server
        self._supervisor = supervisor
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
            self._supervisor.reloading()
            try:
                await self._server.reload()
            except Exception:
                _log.exception("a reload failed")
            if self._server.config.log != before:
                set_up(self._server.config.log)
            self._supervisor.ready(_status(self._server))


def _status(server: Server) -> str:
    """One line about a server that runs."""
    kinds = [f"{len(server.store)} zones", *(["recursion"] if server.recursion is not None else [])]
    return f"{' and '.join(kinds)} on {', '.join(map(str, server.addresses))}"


async def _serve(
    server: Server, supervisor: Supervisor, predecessor: Predecessor | None = None
) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ending.set)
    reloads = Reloads(server, supervisor)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)
    renewal = Renewal(supervisor.environment)
    loop.add_signal_handler(signal.SIGUSR1, renewal.ask)
    loop.add_signal_handler(signal.SIGUSR2, server.query_log.reopen)
    garbage = Garbage(server.metrics)
    server.after_reload.append(garbage.note_reload)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        if predecessor is not None:
            await predecessor.release()
        await stack.enter_async_context(HandoverDoor(server, supervisor.leave_to))
        await stack.enter_async_context(ControlListener(server))
        garbage.start()
        garbage.tend()
        _tell_start(server)
        supervisor.ready(_status(server))
        await server.ending.wait()
        supervisor.stopping()
        supervisor.close()
        await reloads.stop()
        await renewal.stop()
        garbage.stop()
    return OK


def _tell_start(server: Server) -> None:
    for warning in server.material.warnings:
        _log.warning("%s", warning)
    listening = [str(a) for a in server.addresses]
    for line in banner(server.store, listening, recursion=server.recursion is not None):
        print(line, file=sys.stderr)
    if server.addresses:
        first = server.addresses[0]
        name = example_name(server.store)
        print(f"try: dig @{first.ip} -p {first.port} {name}", file=sys.stderr)
    print(f"ready: {' '.join(listening)}", file=sys.stderr, flush=True)
