"""A server from start to stop.

`Server` can be embedded: make it inside a running event loop, `async with Server(config) as
server`, and it answers on `server.addresses` until the block ends. app/daemon.py is the process
around it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from resolver import names
from resolver.app.build import make_recursion, make_service, make_signers, make_tending
from resolver.app.clearing import Clearing
from resolver.app.listeners import Listeners
from resolver.app.material import Material, read_material, read_zone
from resolver.app.monitor.interest import Interest
from resolver.app.monitor.opening import open_monitor
from resolver.app.notes import FailureLines
from resolver.app.query_log import QueryLog
from resolver.app.reload import Reloaded, reload
from resolver.app.sockets import Pair, close, open_pairs, wanted
from resolver.app.tending import Tending
from resolver.app.zoning import Zoning
from resolver.codes import RRType
from resolver.config.schema import Config
from resolver.config.zones import ZoneSettings
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.clock import SystemClock
from resolver.net.interfaces import local_networks
from resolver.net.listen_stream import StreamListener
from resolver.net.peer_client import PeerClient
from resolver.net.run import Driver
from resolver.resolve import Recursion
from resolver.serve.observe import Observers
from resolver.serve.recorder import Recorder
from resolver.serve.tally import Tally
from resolver.trace import Trace
from resolver.zone.content import Zone
from resolver.zone.notify import show_addresses
from resolver.zone.status import ZoneStatus
from resolver.zone.store import ZoneStore

if TYPE_CHECKING:
    from resolver.app.monitor.listener import Monitor

# Ctrl-C ends within a second; replies under way get most of it.
DRAIN_S = 0.8
# Whoever is still connected when somebody else has taken over is served for so long.
LINGER_S = 10.0
_DRAIN_STEP_S = 0.02

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
        reread: Callable[[], Config] | None = None,
    ) -> None:
        """`zones` are served beside the configured ones, and so is `zone`, the text of a master
        file that begins with its $ORIGIN. With one of these and without a configuration, the server
        listens on a free port of 127.0.0.1 and does not recurse. With `keeps_cache` the snapshot in
        `server.state_dir` is read and written as configured. `reread` reads the configuration
        anew for a reload; without it only what it names is read. Raises ConfigError or ZoneError.
        """
        zones = [*zones, *([read_zone(zone)] if zone is not None else [])]
        self.config = config or (_EMBEDDED if zones else Config())
        self.material = material or read_material(self.config)
        self.clock = SystemClock()
        self.made_at = self.clock.now()
        self.ending = asyncio.Event()  # set when somebody wants the server to end
        self.metrics = Metrics()
        self.tally = Tally()
        self.recorder = Recorder(self.config.recorder, self.clock, FailureLines(self.clock))
        self.observers = Observers(tally=self.tally, recorder=self.recorder)
        self.query_log = QueryLog(self.clock, self.metrics, self.observers, self.tally)
        self.interest = Interest(self.tally, self.observers)
        self.store = ZoneStore()
        self.store.signers = make_signers(self.config, self.material, self.clock)
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
            changed=self.drop_answers,
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
            roster=self.zoning.roster,
            networks=networks,
        )
        self.service.observer = self.observers
        self.keeps_cache = keeps_cache
        self.tending = self.tend(self.recursion, self.material)
        self.listeners = Listeners(
            self.service,
            self.config.server,
            clock=self.clock,
            metrics=self.metrics,
            tally=self.tally,
        )
        self.driver: Driver | None = None
        self.monitor: Monitor | None = None
        self.after_reload: list[Callable[[], None]] = []
        self._clearing = Clearing()
        self._reread = reread
        self._handed_over = False
        self._pairs: dict[Address, Pair] = {}
        self._given: tuple[Address, ...] = ()
        self.changing = asyncio.Lock()  # held while what is configured changes
        self._retiring: dict[Driver, asyncio.Task[None]] = {}

    def tend(self, recursion: Recursion | None, material: Material) -> Tending | None:
        """What goes on beside the queries of a recursive service."""
        if recursion is None:
            return None
        return make_tending(
            self.config,
            material,
            recursion,
            keeps_cache=self.keeps_cache,
            clock=self.clock,
            dropped=self.drop_answers,
        )

    @property
    def stream(self) -> StreamListener | None:
        """What listens for TCP, while the server runs."""
        return self.listeners.stream

    @property
    def addresses(self) -> list[Address]:
        """What is listened on."""
        return self.listeners.addresses

    def adopt(self, pairs: Mapping[Address, Pair], given: Iterable[Address] = ()) -> None:
        """Listen on these sockets, which are open already, once the server starts. Those `given`
        from outside are listened on whatever is configured."""
        self._pairs = dict(pairs)
        self._given = tuple(given)

    def disown(self) -> None:
        """Close sockets that were adopted, if the server has not come to start."""
        close(self._pairs)
        self._pairs = {}

    async def start(self) -> None:
        """Open every listener; UDP and TCP share address and port. Raises ConfigError when an
        address cannot be used, and then holds no socket. Secondary zones begin with what is on
        disk; no primary is waited for."""
        self.monitor = open_monitor(self)
        try:
            if self.monitor is not None:
                await self.monitor.start()
            self.query_log.open(self.config.log, self.config.recorder.slow)
            await self._start()
        except BaseException:
            await self._clearing.stop()
            self.query_log.close()
            self._close_monitor()
            self.disown()
            raise
        if self.monitor is not None:
            self.monitor.readiness.started = True

    async def _start(self) -> None:
        self._clearing.start()
        await self.zoning.open(self.material.reads)
        if self.tending is not None:
            await self.tending.open()
        addresses = wanted(self.config.server, self._given)
        missing = [address for address in addresses if address not in self._pairs]
        pairs, self._pairs = {**self._pairs, **open_pairs(missing)}, {}
        self.driver = self.make_driver(self.config, pairs)
        self.listeners.start(pairs, self.driver, self._given)
        self.zoning.start(self.peer_client(), self.addresses, self.resolver())
        if self.tending is not None:
            self.tending.start()

    def make_driver(self, config: Config, pairs: Mapping[Address, Pair]) -> Driver:
        """What runs engines; it asks from no port that is listened on."""
        ports = frozenset(pair.address.port for pair in pairs.values())
        return Driver(config.outgoing, self.metrics, reserved_ports=ports)

    def peer_client(self) -> PeerClient:
        """What asks other servers of zones."""
        return PeerClient(self.config.outgoing, self.material.keys, clock=self.clock)

    def resolver(self) -> Callable[[bytes], Awaitable[list[str]]] | None:
        """What finds the addresses of a name server by recursion."""
        return self._find_addresses if self.recursion is not None else None

    def retire(self, driver: Driver) -> None:
        """Let a driver end what it has begun, and then close it."""
        self._retiring[driver] = asyncio.create_task(self._await_end(driver))

    async def _await_end(self, driver: Driver) -> None:
        try:
            while driver.jobs:  # noqa: ASYNC110 - jobs are no tasks
                await asyncio.sleep(_DRAIN_STEP_S)
        finally:
            driver.close()
            del self._retiring[driver]

    async def freeze(self) -> None:
        """Change nothing any more, and have on disk whatever is to outlive us; queries are answered
        all the same. For whoever has `changing`."""
        await self.zoning.freeze()
        self._close_monitor()
        if self.tending is not None:
            await self.tending.save()

    async def thaw(self) -> None:
        """Go on as before `freeze`."""
        await self.zoning.thaw()
        self.monitor = open_monitor(self)
        if self.monitor is not None:
            await self.monitor.start()
            self.monitor.readiness.started = True

    def hand_over(self) -> None:
        """Somebody else serves on our sockets: end, and leave what is on disk to him."""
        self._handed_over = True
        if self.tending is not None:
            self.tending.keep_nothing()
        self.ending.set()

    async def _linger(self) -> None:
        """Read no more sockets that are somebody else's now, but serve the connections we have."""
        self.listeners.retreat()
        until = self.clock.now() + LINGER_S
        while self.listeners.connections and self.clock.now() < until:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_STEP_S)

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Take no more queries, finish replies under way for at most `drain_s` seconds, close."""
        if self.driver is None:
            return
        if self._handed_over:
            await self._linger()
            drain_s = LINGER_S
        if self.monitor is not None:
            self.monitor.readiness.stopping = True
        await self.zoning.stop()
        self.listeners.stop()
        until = self.clock.now() + drain_s
        while self.jobs and self.clock.now() < until:  # noqa: ASYNC110 - jobs are no tasks
            await asyncio.sleep(_DRAIN_STEP_S)
        await self.listeners.drain(max(0.0, until - self.clock.now()))
        retiring = list(self._retiring.values())
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        self.driver.close()
        if self.tending is not None:
            await self.tending.stop()
        self.listeners.close()
        self.driver = None
        self.interest.end()
        await self._clearing.stop()
        await asyncio.to_thread(self.query_log.close)
        self._close_monitor()

    def _close_monitor(self) -> None:
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None

    @property
    def jobs(self) -> int:
        """Resolutions under way, those of retired drivers included."""
        drivers = [*self._retiring, *([self.driver] if self.driver is not None else [])]
        return sum(driver.jobs for driver in drivers)

    async def reload(self) -> Reloaded:
        """Read the configuration and everything it names again, and serve by it from then on; when
        something is wrong with it nothing changes. One reload waits for another."""
        async with self.changing:
            reloaded = await reload(self, self._reread)
        for act in self.after_reload:
            act()
        return reloaded

    async def add_secondary(self, terms: ZoneSettings) -> ZoneStatus:
        """Be a secondary for one more zone until the server ends; what the first transfer came to
        is in the status. Raises ValueError for a zone that is served, and for unknown keys."""
        async with self.changing:
            await self.begin_secondary(terms)
        status = await self.keeper.first_check(terms.name)
        assert status is not None
        return status

    async def begin_secondary(self, terms: ZoneSettings) -> None:
        """The same without waiting; for whoever has `changing`."""
        for peer in terms.primaries:
            if peer.key is not None and peer.key not in self.material.keys:
                raise ValueError(f"there is no key named {names.show(peer.key)}")
        await self.zoning.begin_secondary(terms)

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

    def drop_answers(self) -> None:
        """Forget every finished packet: something that they are made of has changed."""
        self.service.answers.drop_all()

    async def _find_addresses(self, host: bytes) -> list[str]:
        """The addresses of a name server by recursion."""
        assert self.recursion is not None
        found: list[str] = []
        for qtype in (RRType.A, RRType.AAAA):
            if self.driver is None:
                break
            steps = self.recursion.resolve(Question(host, qtype), Trace())
            answer = await self.driver.complete(steps)
            for rrset in answer.answer if answer is not None else ():
                if rrset.rrtype == qtype:
                    found += show_addresses(rrset)
        return found

    def _report(self, fault: BaseException) -> None:
        self.metrics.exceptions_total += 1
        _log.error("a handler raised", exc_info=fault)
