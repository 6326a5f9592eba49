"""The UDP listener: drains datagrams in batches, answers hits at once, hands on the rest.

A wake-up of the event loop receives a few batches at most. Of each batch the hits are answered in
place by serve/fast.py and leave with one system call; the other queries go to the service. What it
answers at once leaves together too, and so does, a turn of the event loop later, what needed other
servers and whose steps have ended, unless too many wait (policy/waiting.py). There is no task and
no future here.

Knows sockets, the event loop, and which datagrams are never answered: responses (RFC 1035 section
4.1.1, QR), fragments of a header, and whatever comes from port 0 (RFC 768: no reply is expected).
Does not know what is in a query.

Sources: RFC 1035 section 4.2.1, RFC 2181 section 4.1 (replies leave from the address asked), ip(7)
and ipv6(7) for the socket options.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Protocol

from resolver.clock import Clock
from resolver.effects import Steps
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.batch_udp import open_batch
from resolver.net.slots import SLOT_OCTETS, SLOTS, ReturnPath
from resolver.policy.waiting import Client, Waiting
from resolver.serve.fast import FastPath
from resolver.serve.responder import Responder
from resolver.serve.tally import Tally
from resolver.wire.peek import HEADER_OCTETS

# So many batches in a row, then the event loop gets a turn: replies from other servers wait there.
MAX_BATCHES = 8
# At the end so many, whoever goes on sending.
LAST_BATCHES = 64
# After a batch this full, more has probably come in the meantime: looking again is cheaper than a
# turn of the event loop.
WORTH_ANOTHER_LOOK = 2
# So many queries handed to the service are enough for a turn of the event loop; hits are no work.
ENOUGH_WORK = 8
# Unless more of them have come than were received at once: of a flood, most is turned away for want
# of places, and whoever is behind it in the socket should not wait there.
MOST_WORK = 2 * SLOTS
# And in no case more than this of a turn, for hits that have come in meanwhile wait behind it.
WORK_S = 0.002
RECEIVE_BUFFER_OCTETS = 4 << 20
_LOG_EVERY_S = 1.0

# Linux, <linux/in.h> and <linux/in6.h>: let no forged path MTU make us fragment, or not send.
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5
_SO_RCVBUFFORCE = 33

_log = logging.getLogger(__name__)


class Starter(Protocol):
    """What carries out steps and calls `done` once with their result, None if they failed. `client`
    is the packed address of who asked."""

    def start(
        self, steps: Steps[bytes | None], done: Callable[[bytes | None], None], client: bytes
    ) -> None: ...


def open_udp_socket(address: Address, *, reuse_port: bool = False) -> socket.socket:
    """A bound, non-blocking UDP socket. Raises OSError.

    `reuse_port` lets several processes share the address. An IPv6 socket is for IPv6 alone.
    """
    ipv6 = ":" in address.ip
    sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        prepare_udp_socket(sock)
        sock.bind((address.ip, address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def prepare_udp_socket(sock: socket.socket) -> None:
    """Set what is wanted of any socket that is listened on. Raises OSError."""
    _enlarge_receive_buffer(sock)
    if sys.platform == "linux":
        ipv6 = sock.family == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
        option = _IPV6_MTU_DISCOVER if ipv6 else _IP_MTU_DISCOVER
        sock.setsockopt(level, option, _PMTUDISC_OMIT)


def _enlarge_receive_buffer(sock: socket.socket) -> None:
    """As far as the system lets us: a burst must survive one slow turn of the event loop."""
    options = (_SO_RCVBUFFORCE,) if sys.platform == "linux" else ()
    for option in (*options, socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, RECEIVE_BUFFER_OCTETS)
        except OSError:
            continue
        return


class LateReply:
    """What becomes of a query whose client waits for it."""

    __slots__ = ("_listener", "client", "path", "since")

    def __init__(
        self, listener: "UdpListener", path: ReturnPath, client: Client, since: float
    ) -> None:
        self._listener = listener
        self.path = path
        self.client = client
        self.since = since

    def __call__(self, reply: bytes | None) -> None:
        """Its steps have ended."""
        self._listener.reply_late(self, reply)


class UdpListener:
    """One UDP socket that is served. The listener owns the socket from here on."""

    def __init__(
        self,
        sock: socket.socket,
        service: Responder,
        driver: Starter,
        fast: FastPath,
        *,
        clock: Clock,
        metrics: Metrics,
        tally: Tally | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """Listeners of one server share `waiting` and `tally`, which hears of finished packets."""
        self._sock = sock
        self._service = service
        self._driver = driver
        self._fast = fast
        self._clock = clock
        self._metrics = metrics
        self._tally = Tally() if tally is None else tally
        self._waiting = Waiting() if waiting is None else waiting
        name = sock.getsockname()
        self.address = Address(name[0], name[1])
        self._batch = open_batch(sock, wildcard=self.address.ip in ("0.0.0.0", "::"))
        self._loop: asyncio.AbstractEventLoop | None = None
        # Replies to be sent late, and on which paths.
        self._late: list[bytes] = []
        self._late_paths: list[ReturnPath] = []
        self._closed = False
        self._next_log_at = 0.0

    def start(self) -> None:
        """Answer from now on. To be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock.fileno(), self._drain)

    def turn_to(self, driver: Starter) -> None:
        """Have steps run by another driver from now on."""
        self._driver = driver

    def finish(self) -> None:
        """Answer what has come in and take no more; replies being worked on can be sent."""
        try:
            for _ in range(LAST_BATCHES):
                count = self._batch.receive()
                if not count:
                    break
                self._answer(count)
        except Exception:
            self._report("datagrams of one batch were lost")
        self.stop()

    def stop(self) -> None:
        """Take no more queries; replies that are still being worked on can be sent."""
        if self._loop is not None:
            self._loop.remove_reader(self._sock.fileno())
            self._loop = None

    def close(self) -> None:
        """Stop, and send nothing any more."""
        self.stop()
        self._send_late()
        self._closed = True
        self._sock.close()

    def _drain(self) -> None:
        try:
            worked = 0
            until = self._clock.now() + WORK_S
            for _ in range(MAX_BATCHES):
                count = self._batch.receive()
                if not count:
                    return
                worked += self._answer(count)
                if worked >= (MOST_WORK if count == SLOTS else ENOUGH_WORK):
                    return
                if worked and self._clock.now() >= until:
                    return
                if count < WORTH_ANOTHER_LOOK:
                    return
        except Exception:
            self._report("datagrams of one batch were lost")

    def _answer(self, count: int) -> int:
        """Answer a received batch; the number of queries that the service was asked."""
        batch = self._batch
        metrics = self._metrics
        since = self._clock.now()
        missed = self._fast.answer_batch(batch, since)
        metrics.queries_udp_total += count
        hits = count - len(missed)
        if not missed:
            self._count_sent(batch.send(), hits)
            metrics.packet_hits_total += hits
            self._tally.saw_batch(batch, count, missed, self._clock.now() - since)
            return 0
        if hits:
            rest = set(missed)
            self._count_sent(batch.send([s for s in range(count) if s not in rest]), hits)
            metrics.packet_hits_total += hits
            self._tally.saw_batch(batch, count, missed, self._clock.now() - since)
        asked = missed if len(missed) <= ENOUGH_WORK else self._with_places(missed)
        ready = [slot for slot in asked if self._respond(slot, since)]
        if ready:
            self._count_sent(batch.send(ready), len(ready))
        return len(asked)

    def _with_places(self, slots: list[int]) -> list[int]:
        """Those whose clients have places left to wait in; the others are dropped. They have asked
        for more than their share, and when there is much to do, looking into it is work, too."""
        batch, waiting = self._batch, self._waiting
        left: list[int] = []
        last: bytes | None = None
        is_full = False
        for slot in slots:
            peer = batch.peer(slot)
            if peer is not last:  # those of one client are mostly in a row
                last, is_full = peer, waiting.is_full(peer)
            if not is_full:
                left.append(slot)
        self._refuse_to_wait(len(slots) - len(left))
        return left

    def _count_sent(self, sent: int, of: int) -> None:
        self._metrics.replies_total += sent
        self._metrics.dropped_total += of - sent

    def _respond(self, slot: int, since: float) -> bool:
        """Hand a query that came at `since` to the service; True if its reply now lies in its
        slot."""
        batch = self._batch
        packet = batch.packet(slot)
        if len(packet) < HEADER_OCTETS or packet[2] & 0x80 or not batch.port(slot):
            self._metrics.dropped_total += 1
            return False
        try:
            peer = batch.peer(slot)
            look = self._fast.looks[slot]
            reply = self._service.respond(packet, peer, look, since, stream=False)
            if reply is None:
                return False  # the service has counted why
            if not isinstance(reply, bytes):
                self._let_wait(reply, slot, peer, since)
            elif len(reply) <= SLOT_OCTETS:
                batch.put(slot, reply)
                return True
            else:
                self._send(batch.return_path(slot), reply)
        except Exception:
            self._report("a query got no reply")
        return False

    def _let_wait(self, steps: Steps[bytes | None], slot: int, peer: bytes, since: float) -> None:
        client = self._waiting.enter(peer)
        if client is None:
            steps.close()
            self._refuse_to_wait(1)
            return
        late = LateReply(self, self._batch.return_path(slot), client, since)
        self._driver.start(steps, late, peer)

    def _refuse_to_wait(self, count: int) -> None:
        self._metrics.waiting_refused_total += count
        self._metrics.dropped_total += count

    def reply_late(self, late: LateReply, reply: bytes | None) -> None:
        """Send a reply, unless its client has waited too long in a crowd."""
        # For how long is asked of a crowd alone.
        crowded = late.client.network.crowded
        waited_s = self._clock.now() - late.since if crowded else 0.0
        if self._waiting.leave(late.client, waited_s):
            self._send(late.path, reply)
        else:
            self._metrics.replies_discarded_total += 1
            self._metrics.dropped_total += 1

    def _send(self, path: ReturnPath, reply: bytes | None) -> None:
        if reply is None or self._closed:
            self._metrics.dropped_total += 1
            return
        if not self._late:
            # Not now: the slots may be in use further up.
            asyncio.get_running_loop().call_soon(self._send_late)
        self._late.append(reply)
        self._late_paths.append(path)

    def _send_late(self) -> None:
        late, paths = self._late, self._late_paths
        if late:
            self._late, self._late_paths = [], []
            count = len(late)
            self._count_sent(self._batch.send_late(paths, late), count)

    def _report(self, what: str) -> None:
        """Log our own mistake, but not once for every packet that runs into it."""
        self._metrics.exceptions_total += 1
        now = self._clock.now()
        if now >= self._next_log_at:
            self._next_log_at = now + _LOG_EVERY_S
            _log.exception("%s: %s", self.address, what)
