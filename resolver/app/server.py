"""A server from start to stop.

`Server` can be embedded: make it inside a running event loop, `async with Server(config) as
server`, and it answers on `server.addresses` until the block ends. `run` is the daemon around it:
signals, banner, the line `ready: …`.
"""

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType

from resolver import names
from resolver.app.build import (
    Material,
    banner,
    example_name,
    make_recursion,
    make_service,
    make_tending,
    read_material,
    read_zone,
)
from resolver.app.control.listener import ControlListener
from resolver.app.exits import BAD_CONFIGURATION, OK
from resolver.app.garbage import Garbage
from resolver.app.zoning import Zoning
from resolver.codes import RRType
from resolver.config.schema import Config
from resolver.config.zones import ZoneSettings
from resolver.errors import ConfigError, Finding, ResolverError
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.clock import SystemClock
from resolver.net.descriptors import raise_limit
from resolver.net.interfaces import local_networks
from resolver.net.listen_stream import StreamListener, open_stream_socket
from resolver.net.listen_udp import UdpListener, open_udp_socket
from resolver.net.peer_client import PeerClient
from resolver.net.run import Driver
from resolver.net.stream_places import StreamLimits
from resolver.policy.waiting import Waiting
from resolver.serve.fast import FastPath
from resolver.trace import Trace
from resolver.zone.content import Zone
from resolver.zone.notify import show_addresses
from resolver.zone.status import ZoneStatus
from resolver.zone.store import ZoneStore

# Ctrl-C ends within a second; replies under way get most of it.
DRAIN_S = 0.8
_DRAIN_STEP_S = 0.02
# Port 0 takes a free UDP port, which may be taken for TCP.
_PORT_ATTEMPTS = 16

_EMBEDDED = Config.model_validate(
    {"server": {"listen": ["127.0.0.1:0"]}, "recursion": {"enabled": False}}
)

_log = logging.getLogger(__name__)


class Server:
    """All roles in one process. Reads its files when made, opens sockets in `start`."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        zone: str | None = None,
        zones: Iterable[Zone] = (),
        material: Material | None = None,
        keeps_cache: bool = False,
    ) -> None:
        """`zones` are served beside the configured ones, and so is `zone`, the text of a master
        file that begins with its $ORIGIN. With one of these and without a configuration, the server
        listens on a free port of 127.0.0.1 and does not recurse. With `keeps_cache` the snapshot in
        `server.state_dir` is read and written as configured. Raises ConfigError or ZoneError.
        """
        zones = [*zones, *([read_zone(zone)] if zone is not None else [])]
        self.config = config or (_EMBEDDED if zones else Config())
        self.material = material or read_material(self.config)
        self.clock = SystemClock()
        self.made_at = self.clock.now()
        self.ending = asyncio.Event()  # set when somebody wants the server to end
        self.metrics = Metrics()
        self.store = ZoneStore()
        for version in (*self.material.zones, *zones):
            self.store.swap(version)
        self.recursion = (
            make_recursion(self.config, self.material, self.clock, self.metrics)
            if self.config.recursion.enabled
            else None
        )
        networks = local_networks()
        self.zoning = Zoning(
            self.config,
            self.store,
            networks,
            clock=self.clock,
            metrics=self.metrics,
            changed=self._zones_changed,
        )
        self.keeper = self.zoning.keeper
        self.service = make_service(
            self.config,
            self.store,
            self.recursion,
            clock=self.clock,
            metrics=self.metrics,
            on_exception=self._report,
            material=self.material,
            zoning=self.zoning,
            networks=networks,
        )
        self.tending = (
            make_tending(
                self.config,
                self.material,
                self.recursion,
                keeps_cache=keeps_cache,
                clock=self.clock,
                dropped=self._zones_changed,
            )
            if self.recursion is not None
            else None
        )
        self.addresses: list[Address] = []
        self._udp: list[UdpListener] = []
        self._stream: StreamListener | None = None
        self._driver: Driver | None = None

    async def start(self) -> None:
        """Open every listener; UDP and TCP share address and port. Raises ConfigError when an
        address cannot be used, and then holds no socket. Secondary zones begin with what is on
        disk; no primary is waited for."""
        await self.zoning.open(self.material.zones)
        if self.tending is not None:
            await self.tending.open()
        pairs = _open_sockets(self.config.server.listen)
        service = self.service
        fast = FastPath(service.answers, service.access.bits, service.cookies)
        self._driver = driver = Driver(
            self.config.outgoing,
            self.metrics,
            reserved_ports=frozenset(udp.getsockname()[1] for udp, _ in pairs),
        )
        waiting = Waiting(
            per_network=self.config.server.waiting_per_network,
            discard_after_s=self.config.server.discard_after,
        )
        self._udp = [
            UdpListener(
                udp,
                service,
                driver,
                fast,
                clock=self.clock,
                metrics=self.metrics,
                waiting=waiting,
            )
            for udp, _ in pairs
        ]
        self._stream = StreamListener(
            [stream for _, stream in pairs],
            service,
            driver,
            fast.hit,
            bits=service.access.bits,
            limits=StreamLimits.of(self.config.server),
            clock=self.clock,
            metrics=self.metrics,
        )
        for listener in self._udp:
            listener.start()
        self._stream.start()
        self.addresses = [listener.address for listener in self._udp]
        client = PeerClient(self.config.outgoing, self.material.keys, clock=self.clock)
        resolve = self._find_addresses if self.recursion is not None else None
        self.zoning.start(client, self.addresses, resolve)
        if self.tending is not None:
            self.tending.start()

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Take no more queries, finish replies under way for at most `drain_s` seconds, close."""
        if self._driver is None or self._stream is None:
            return
        await self.zoning.stop()
        for udp in self._udp:
            udp.stop()
        self._stream.stop()
        until = self.clock.now() + drain_s
        while self._driver.jobs and self.clock.now() < until:  # noqa: ASYNC110 - jobs are no tasks
            await asyncio.sleep(_DRAIN_STEP_S)
        await self._stream.drain(max(0.0, until - self.clock.now()))
        self._driver.close()
        if self.tending is not None:
            await self.tending.stop()
        for udp in self._udp:
            udp.close()
        self._udp, self._stream, self._driver = [], None, None

    async def reload(self) -> None:
        """Read zone files again that have changed, and look into the folders of zones."""
        await self.zoning.primaries.reload()

    async def add_secondary(self, terms: ZoneSettings) -> ZoneStatus:
        """Be a secondary for one more zone until the server ends; what the first transfer came to
        is in the status. Raises ValueError for a zone that is served, and for unknown keys."""
        for peer in terms.primaries:
            if peer.key is not None and peer.key not in self.material.keys:
                raise ValueError(f"there is no key named {names.show(peer.key)}")
        return await self.zoning.add_secondary(terms)

    async def __aenter__(self) -> "Server":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _zones_changed(self) -> None:
        self.service.answers.drop_all()

    async def _find_addresses(self, host: bytes) -> list[str]:
        """The addresses of a name server by recursion."""
        assert self.recursion is not None
        found: list[str] = []
        for qtype in (RRType.A, RRType.AAAA):
            if self._driver is None:
                break
            steps = self.recursion.resolve(Question(host, qtype), Trace())
            answer = await self._driver.complete(steps)
            for rrset in answer.answer if answer is not None else ():
                if rrset.rrtype == qtype:
                    found += show_addresses(rrset)
        return found

    def _report(self, fault: BaseException) -> None:
        self.metrics.exceptions_total += 1
        _log.error("a handler raised", exc_info=fault)


def _open_sockets(addresses: Iterable[Address]) -> list[tuple[socket.socket, socket.socket]]:
    """A UDP and a TCP socket for each address, all or none. Raises ConfigError."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    for address in addresses:
        try:
            pairs.append(_open_pair(address))
        except OSError as error:
            for sock in (sock for pair in pairs for sock in pair):
                sock.close()
            finding = Finding("server.listen", 0, _explain(address, error))
            raise ConfigError([finding]) from error
    return pairs


def _open_pair(address: Address) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP on one address; with port 0 on a port that is free for both. Raises OSError."""
    for attempt in range(_PORT_ATTEMPTS):
        udp = open_udp_socket(address)
        try:
            return udp, open_stream_socket(address._replace(port=udp.getsockname()[1]))
        except OSError:
            udp.close()
            if address.port or attempt == _PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("the loop above returns or raises")


def _explain(address: Address, error: OSError) -> str:
    text = f"{address}: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM) and address.port < 1024:
        text += (
            "; ports below 1024 need a privilege: sysctl net.ipv4.ip_unprivileged_port_start=53,"
            " or AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit, or another port"
        )
    return text


def run(config: Config) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code."""
    try:
        raise_limit()
        return asyncio.run(_serve(Server(config, keeps_cache=True)))
    except ResolverError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION


class _Reloads:
    """Reloads one after the other; asking for some while one is under way gives one more."""

    def __init__(self, reload: Callable[[], Awaitable[None]]) -> None:
        self._reload = reload
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Reload soon."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            _log.info("reloading zones")
            try:
                await self._reload()
            except Exception:
                _log.exception("a reload failed")
            else:
                _log.info("reloaded zones")


async def _serve(server: Server) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ending.set)
    reloads = _Reloads(server.reload)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)
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
        garbage.stop()
    return OK
