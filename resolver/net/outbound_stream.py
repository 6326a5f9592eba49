"""Asks over TCP, and over TLS on it: connections that are kept for a while and shared.

One connection for each server as a rule, with queries pipelined on it; another one only when it is
full (RFC 7766 section 6.2.2). A connection without queries is closed after IDLE_S, and the idle
ones are bounded. When a connection that was already in use breaks, what was under way on it is
tried once more, each query as the first one on a fresh connection, since there are servers that
close after one response (RFC 7766 section 6.2.4). All of this holds for TLS too (RFC 7858 section
3.4); a server with a TlsAddress never gets an octet of a query before it has proved who it is.

Knows: connections, their number and age. Does not know: engines, what an answer means.
"""

import asyncio
import logging
from collections import OrderedDict

from resolver.effects import Unreachable
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.cookies import Cookies
from resolver.net.entropy import Entropy
from resolver.net.flight import End, Flight
from resolver.net.outbound_udp import OUT_OF_SOCKETS, RETRY_S, reason_of
from resolver.net.sources import ANY_IPV4, ANY_IPV6, Sources
from resolver.net.tls_context import HANDSHAKE_S, client_context
from resolver.net.upstream import Upstream
from resolver.tls import TlsAddress

IDLE_S = 10.0
IDLE_CONNECTIONS = 64
CONNECTIONS_PER_SERVER = 4

_log = logging.getLogger(__name__)


class StreamAsker:
    """Carries flights over TCP, on at most `most_connections`; more wait, in order of arrival for
    each server, with their time running."""

    def __init__(
        self,
        end: End,
        *,
        loop: asyncio.AbstractEventLoop,
        sources: Sources,
        entropy: Entropy,
        metrics: Metrics,
        cookies: Cookies | None,
        most_connections: int,
        idle_s: float = IDLE_S,
    ) -> None:
        self._end = end
        self._loop = loop
        self._sources = sources
        self._entropy = entropy
        self._metrics = metrics
        self._cookies = cookies
        self._most_connections = most_connections
        self._idle_s = idle_s
        self._connections = 0
        self._by_server: dict[Address, list[Upstream]] = {}
        self._idle: OrderedDict[Upstream, None] = OrderedDict()
        self._waiting: dict[Address, OrderedDict[Flight, None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """Connections that are open or being opened."""
        return self._connections

    @property
    def queued(self) -> int:
        """Flights that wait for a connection."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def take(self, flight: Flight) -> None:
        """Send a flight's query on a connection, or queue it."""
        flight.carrier = self
        if not self._place(flight):
            self._waiting.setdefault(flight.ask.server, OrderedDict())[flight] = None

    def release(self, flight: Flight) -> None:
        """Take the flight off its connection or out of the queue."""
        upstream = flight.upstream
        if upstream is not None:
            upstream.drop(flight)
            self._settle(upstream)
            self._feed(upstream.server)
            self._feed_others()
            return
        waiting = self._waiting.get(flight.ask.server)
        if waiting is not None:
            waiting.pop(flight, None)
            if not waiting:
                del self._waiting[flight.ask.server]

    def close(self) -> None:
        """Close every connection. Every flight must have been released."""
        if self._sweep is not None:
            self._sweep.cancel()
        for upstreams in self._by_server.values():
            for upstream in upstreams:
                upstream.close()
        self._by_server.clear()
        self._idle.clear()
        self._connections = 0

    def _place(self, flight: Flight) -> bool:
        """Put the flight on a connection; False when there can be none now."""
        server = flight.ask.server
        upstreams = self._by_server.get(server, ())
        if not flight.retried:
            for upstream in upstreams:
                if upstream.has_room:
                    self._send(upstream, flight)
                    return True
        if len(upstreams) >= CONNECTIONS_PER_SERVER or (
            self._is_full() and not self._shut_idlest()
        ):
            return False
        self._send(self._open(server), flight)
        return True

    def _send(self, upstream: Upstream, flight: Flight) -> None:
        self._idle.pop(upstream, None)
        self._metrics.upstream_queries_total += 1
        self._metrics.upstream_tcp_total += 1
        upstream.take(flight)

    def _open(self, server: Address) -> Upstream:
        upstream = Upstream(
            server,
            end=self._end,
            lost=self._lost,
            entropy=self._entropy,
            metrics=self._metrics,
            cookies=self._cookies,
        )
        self._by_server.setdefault(server, []).append(upstream)
        self._connections += 1
        task = self._loop.create_task(self._connect(upstream))
        upstream.opening = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return upstream

    async def _connect(self, upstream: Upstream) -> None:
        """Open the connection, trying again while there is no descriptor for it: the time of the
        flights that wait on it bounds how long."""
        while not upstream.closed:
            try:
                await self._connect_once(upstream)
            except OSError as error:
                if error.errno in OUT_OF_SOCKETS:
                    self._shut_idlest()
                    await asyncio.sleep(RETRY_S)
                    continue
                upstream.opening = None
                upstream.connection_lost(error)
            return

    async def _connect_once(self, upstream: Upstream) -> None:
        ip, port = upstream.server
        source = self._sources.pick(six=":" in ip)
        # Binding to "any" first would only narrow the kernel's choice of a port.
        local = None if source in (ANY_IPV4, ANY_IPV6) else (source, 0)
        server = upstream.server
        if isinstance(server, TlsAddress):
            await self._loop.create_connection(
                lambda: upstream,
                ip,
                port,
                local_addr=local,
                ssl=client_context(server.proof.authorities),
                server_hostname=server.proof.name,
                ssl_handshake_timeout=HANDSHAKE_S,
            )
        else:
            await self._loop.create_connection(lambda: upstream, ip, port, local_addr=local)
        upstream.opening = None

    def _lost(self, upstream: Upstream, error: Exception | None) -> None:
        """A connection ended by itself: its flights go elsewhere or end."""
        self._forget(upstream)
        reason = reason_of(error) if isinstance(error, OSError) else "connection closed"
        for flight in upstream.flights():
            upstream.drop(flight)
            if upstream.replies > 0 and not flight.retried:
                flight.retried = True
                self.take(flight)
            else:
                self._end(flight, Unreachable(reason))
        self._feed(upstream.server)
        self._feed_others()

    def _settle(self, upstream: Upstream) -> None:
        """See what becomes of a connection after a flight has left it."""
        if upstream.closed or upstream.busy:
            return
        if upstream.opening is not None:
            # One that is not open yet is given up: nobody has the time to wait for it.
            self._shut(upstream)
            return
        upstream.idle_since = self._loop.time()
        self._idle[upstream] = None
        if len(self._idle) > IDLE_CONNECTIONS:
            self._shut_idlest()
        elif self._sweep is None:
            self._sweep = self._loop.call_later(self._idle_s, self._sweep_idle)

    def _sweep_idle(self) -> None:
        self._sweep = None
        horizon = self._loop.time() - self._idle_s
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.idle_since > horizon:
                self._sweep = self._loop.call_at(oldest.idle_since + self._idle_s, self._sweep_idle)
                return
            self._shut(oldest)

    def _is_full(self) -> bool:
        return self._connections >= self._most_connections

    def _shut_idlest(self) -> bool:
        if not self._idle:
            return False
        self._shut(next(iter(self._idle)))
        return True

    def _shut(self, upstream: Upstream) -> None:
        self._forget(upstream)
        upstream.close()

    def _forget(self, upstream: Upstream) -> None:
        self._idle.pop(upstream, None)
        upstreams = self._by_server.get(upstream.server)
        if upstreams is None or upstream not in upstreams:
            return
        upstreams.remove(upstream)
        self._connections -= 1
        if not upstreams:
            del self._by_server[upstream.server]

    def _feed(self, server: Address) -> None:
        """Place what waits for a server, as far as there is room."""
        waiting = self._waiting.get(server)
        while waiting and self._place(next(iter(waiting))):
            waiting.popitem(last=False)
        if waiting is not None and not waiting:
            self._waiting.pop(server, None)

    def _feed_others(self) -> None:
        """Let the flights of other servers have a connection that has become free."""
        if not self._waiting or (self._is_full() and not self._idle):
            return
        for server in list(self._waiting):
            self._feed(server)
            if self._is_full() and not self._idle:
                return
