"""The TCP listener: accepts connections within their bounds and hands their queries on.

One connection too many is refused and the others are left alone. When the process has no descriptor
left, accepting pauses for a moment, takes back what idle connections hold, and goes on by itself.
Hits are answered at once (serve/fast.py), other queries by the service, those that need other
servers when their steps end. Replies of many packets are made one packet a turn of the event loop,
whoever's turn it is, so that a hundred transfers hold up a query no longer than one does.

Knows: listening sockets, which errors of accept concern one connection. Does not know: what is in a
query, how messages are framed, whose time is over.

Sources: RFC 7766, accept(2).
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from resolver.clock import Clock
from resolver.effects import Steps
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.listen_udp import Starter
from resolver.net.slots import unmapped
from resolver.net.stream_client import StreamClient
from resolver.net.stream_places import LEAST_IDLE_S, Places, StreamLimits
from resolver.serve.request import Messages
from resolver.serve.tally import Tally

# Connections that wait to be accepted, and how many are accepted in one turn.
BACKLOG = 256
ACCEPT_BATCH = 64
ACCEPT_PAUSE_S = 0.1
_LOG_EVERY_S = 1.0

# Errors that concern the connection that was to be accepted and not the listener (accept(2)).
_FAULTS_OF_ONE_CONNECTION = frozenset(
    (
        errno.ECONNABORTED,
        errno.EPERM,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENONET,
    )
)

_log = logging.getLogger(__name__)


class StreamResponder(Protocol):
    """The full path: a reply in one packet or in many, None for silence, or steps."""

    def respond(
        self, packet: bytes, peer: bytes, *, stream: Literal[True]
    ) -> bytes | Steps[bytes | None] | Messages | None: ...


class Hit(Protocol):
    """The fast path: the finished reply to a query, or None (serve/fast.py)."""

    def __call__(
        self, packet: bytes, peer: bytes, bits: int, now: float, *, stream: bool
    ) -> bytes | None: ...


def open_stream_socket(address: Address, *, reuse_port: bool = False) -> socket.socket:
    """A listening, non-blocking TCP socket. Raises OSError.

    `reuse_port` lets several processes share the address. An IPv6 socket is for IPv6 alone.
    """
    ipv6 = ":" in address.ip
    sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address.ip, address.port))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class StreamListener:
    """All listening TCP sockets and their connections. Owns the sockets from here on. `bits` tells
    the access bits of a packed address, for `hit`."""

    def __init__(
        self,
        socks: Sequence[socket.socket],
        service: StreamResponder,
        driver: Starter,
        hit: Hit | None = None,
        *,
        bits: Callable[[bytes], int],
        limits: StreamLimits,
        clock: Clock,
        metrics: Metrics,
        tally: Tally | None = None,
    ) -> None:
        self._socks = list(socks)
        self._service = service
        self._driver = driver
        self._hit = hit
        self._bits = bits
        self._clock = clock
        self._metrics = metrics
        self._tally = Tally() if tally is None else tally
        self.addresses = [Address(*sock.getsockname()[:2]) for sock in socks]
        self.in_flight = limits.in_flight
        self._clients: dict[StreamClient, None] = {}
        self._places = Places(limits, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._pausing: asyncio.TimerHandle | None = None
        self._emptied = asyncio.Event()
        # Clients with a packet to be made, in the order of their turns.
        self._turns: deque[StreamClient] = deque()
        self._turning = False
        self._next_log_at = 0.0

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._places)

    def start(self) -> None:
        """Accept from now on. To be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._accept_again(self._loop)

    def turn_to(self, driver: Starter, limits: StreamLimits) -> None:
        """Have steps run by another driver, and other bounds, from now on."""
        self._driver = driver
        self._places.limits = limits

    def add(self, sock: socket.socket) -> None:
        """Accept on one more socket."""
        self._socks.append(sock)
        if self._loop is not None and self._pausing is None:
            self._loop.add_reader(sock.fileno(), self._accept, self._loop, sock)

    def remove(self, sock: socket.socket) -> None:
        """Accept what has come in on a socket and no more; its connections stay."""
        if self._loop is not None:
            self._accept(self._loop, sock)
            self._loop.remove_reader(sock.fileno())
        self._socks.remove(sock)
        sock.close()

    def retreat(self) -> None:
        """Accept no more; connections that are open go on."""
        self._stop_accepting()
        for sock in self._socks:
            sock.close()
        self._socks.clear()

    def stop(self) -> None:
        """Accept no more; replies under way still go out, and then their connections are closed."""
        self.retreat()
        for client in list(self._clients):
            client.finish()

    async def drain(self, grace_s: float) -> None:
        """Stop, wait at most `grace_s` for replies under way, and close what is left."""
        self.stop()
        if self._clients:
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), grace_s)
        self.close()

    def close(self) -> None:
        """Stop, and close every connection at once."""
        self.stop()
        for client in list(self._clients):
            client.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def answer(self, packet: bytes, peer: bytes) -> bytes | Steps[bytes | None] | Messages | None:
        """The reply, silence, or steps towards one (Desk)."""
        metrics = self._metrics
        metrics.queries_tcp_total += 1
        try:
            if self._hit is not None:
                bits, now = self._bits(peer), self._clock.now()
                reply = self._hit(packet, peer, bits, now, stream=True)
                if reply is not None:
                    metrics.packet_hits_total += 1
                    self._tally.saw_packet(reply, peer, self._clock.now() - now)
                    return reply
            result = self._service.respond(packet, peer, stream=True)
        except Exception:
            metrics.exceptions_total += 1
            if self._may_log():
                _log.exception("a query over TCP got no reply")
            return None
        if result is None:
            metrics.dropped_total += 1
        return result

    def begin(self, client: StreamClient, steps: Steps[bytes | None]) -> None:
        """Run steps and tell the client their result (Desk)."""
        self._driver.start(steps, client.finished, client.peer)

    def wait_turn(self, client: StreamClient) -> None:
        """Have the client make one packet more of a long reply, when it is its turn (Desk)."""
        self._turns.append(client)
        self._turn_later()

    def _turn_later(self) -> None:
        if self._turns and not self._turning and self._loop is not None:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._turns.popleft().take_turn()
        self._turn_later()

    def failed(self) -> None:
        """A long reply could not be made to its end; called where it was raised (Desk)."""
        self._metrics.exceptions_total += 1
        if self._may_log():
            _log.exception("a reply over TCP was broken off")

    def sent(self, replies: int, *, dropped: int = 0) -> None:
        """Count replies that went out, and those that could not (Desk)."""
        self._metrics.replies_total += replies
        self._metrics.dropped_total += dropped

    def moved(self, client: StreamClient) -> None:
        """A whole message has come or gone, or the client's state has changed (Desk)."""
        self._places.moved(client)

    def gone(self, client: StreamClient) -> None:
        """The connection has ended (Desk)."""
        self._clients.pop(client, None)
        self._places.leave(client)
        if not self._clients:
            self._emptied.set()

    def _accept(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        if self._places.end_overdue():
            # Their places are free in the next turn, and the socket will still be readable.
            return
        for _ in range(ACCEPT_BATCH):
            try:
                accepted, name = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _FAULTS_OF_ONE_CONNECTION:
                    continue
                self._pause_accepting(loop, error)
                return
            self._admit(loop, accepted, name[0])

    def _admit(self, loop: asyncio.AbstractEventLoop, accepted: socket.socket, ip: str) -> None:
        # An address with a scope carries the interface's name behind it.
        peer = unmapped(socket.inet_pton(accepted.family, ip.partition("%")[0]))
        if not self._places.offer(peer):
            self._metrics.tcp_refused_total += 1
            accepted.close()
            return
        self._metrics.tcp_accepted_total += 1
        accepted.setblocking(False)
        client = StreamClient(self, peer)
        self._clients[client] = None
        self._places.enter(client)
        self._sweep_later(loop)
        task = loop.create_task(self._adopt(loop, client, accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _adopt(
        self, loop: asyncio.AbstractEventLoop, client: StreamClient, accepted: socket.socket
    ) -> None:
        try:
            await loop.connect_accepted_socket(lambda: client, accepted)
        except OSError:
            accepted.close()
            self.gone(client)

    def _pause_accepting(self, loop: asyncio.AbstractEventLoop, error: OSError) -> None:
        self._stop_accepting()
        self._places.end_overdue(idle_s=LEAST_IDLE_S)
        if self._may_log():
            _log.warning("accepting TCP connections pauses: %s", error)
        self._pausing = loop.call_later(ACCEPT_PAUSE_S, self._accept_again, loop)

    def _stop_accepting(self) -> None:
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None
        if self._loop is not None:
            for sock in self._socks:
                self._loop.remove_reader(sock.fileno())

    def _accept_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pausing = None
        for sock in self._socks:
            loop.add_reader(sock.fileno(), self._accept, loop, sock)

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._places.sweep_s, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = None
        self._places.end_overdue()
        if self._clients:
            self._sweep_later(loop)

    def _may_log(self) -> bool:
        """Not once for every packet or connection that runs into the same trouble."""
        now = self._clock.now()
        if now < self._next_log_at:
            return False
        self._next_log_at = now + _LOG_EVERY_S
        return True
