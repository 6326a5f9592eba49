"""The UDP listener on real loopback sockets, with both ways of receiving."""

import asyncio
import os
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from resolver.cache.answers import Answers
from resolver.effects import Steps
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net import listen_udp, mmsg
from resolver.net.batch_udp import open_batch
from resolver.net.clock import SystemClock
from resolver.net.listen_udp import ENOUGH_WORK, MOST_WORK, UdpListener, open_udp_socket
from resolver.net.slots import SLOT_OCTETS, SLOTS
from resolver.policy.waiting import CROWD, Waiting
from resolver.serve.fast import FastPath
from resolver.serve.responder import Responder
from resolver.serve.tally import Tally
from resolver.wire.peek import Peek

pytestmark = pytest.mark.loopback

Done = Callable[[bytes | None], None]


def query(label: bytes, id: int = 1) -> bytes:
    name = bytes((len(label),)) + label + b"\7example\0"
    return struct.pack("!HHHHHH", id, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1"


def reply(to: bytes, octets: int = 4) -> bytes:
    end = to.index(b"\0", 12) + 5
    record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c" + octets.to_bytes(2, "big") + bytes(octets)
    return to[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + to[12:end] + record


class Service(Responder):
    """Does what the first label says, and plays the driver too."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, bytes, bool]] = []
        self.waiting: list[tuple[bytes, Done]] = []

    def respond(
        self, packet: bytes, peer: bytes, look: Peek | None, since: float, *, stream: bool
    ) -> bytes | Steps[bytes | None] | None:
        self.seen.append((packet, peer, stream))
        label = packet[13 : 13 + packet[12]]
        if label == b"silent":
            return None
        if label == b"broken":
            raise RuntimeError("a mistake of ours")
        if label == b"huge":
            return reply(packet, SLOT_OCTETS + 1)
        if label.startswith(b"later"):
            return self._steps(packet)
        return reply(packet)

    def _steps(self, packet: bytes) -> Steps[bytes | None]:
        yield from ()
        return reply(packet)

    def start(self, steps: Steps[bytes | None], done: Done, client: bytes) -> None:
        try:
            next(steps)
        except StopIteration as end:
            self.waiting.append((end.value, done))

    def finish(self) -> None:
        for value, done in self.waiting:
            done(value)
        self.waiting.clear()


class Site:
    """A listener, what is behind it, and clients to ask it."""

    def __init__(self) -> None:
        self.service = Service()
        self.metrics = Metrics()
        self.clock = SystemClock()
        self.waiting = Waiting()
        self.answers = Answers(1 << 20)
        self.fast = FastPath(self.answers, lambda _: 7)
        self.tally = Tally()
        self.listeners: list[UdpListener] = []
        self.clients: list[socket.socket] = []

    def listen(self, ip: str = "127.0.0.1") -> Address:
        sock = open_udp_socket(Address(ip, 0))
        listener = UdpListener(
            sock,
            self.service,
            self.service,
            self.fast,
            clock=self.clock,
            metrics=self.metrics,
            tally=self.tally,
            waiting=self.waiting,
        )
        listener.start()
        self.listeners.append(listener)
        return listener.address

    def keep(self, label: bytes) -> None:
        to = query(label)
        self.keep_packet(to, reply(to))

    def keep_packet(self, to: bytes, packet: bytes) -> None:
        # Its TTL stands still: these tests compare octets, and may take more than a second.
        self.answers.keep(
            to, packet, bits=7, stream=False, now=self.clock.now(), ttl_s=300, ages=False
        )

    def client(self, to: Address) -> socket.socket:
        """Connected, so that only replies from the address asked get through."""
        sock = socket.socket(socket.AF_INET6 if ":" in to.ip else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((to.ip, to.port))
        self.clients.append(sock)
        return sock

    async def ask(self, to: Address, packet: bytes) -> bytes:
        sock = self.client(to)
        sock.send(packet)
        return await receive(sock)

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()
        for sock in self.clients:
            sock.close()


async def receive(sock: socket.socket, *, within_s: float = 5.0) -> bytes:
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(loop.sock_recv(sock, 65536), within_s)


async def nothing_for(sock: socket.socket) -> bool:
    try:
        await receive(sock, within_s=0.05)
    except TimeoutError:
        return True
    return False


async def until(true: Callable[[], bool]) -> None:
    for _ in range(5000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


@pytest.fixture(params=["mmsg", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(mmsg, "recvmmsg", None)
    elif mmsg.recvmmsg is None:
        pytest.skip("no recvmmsg here")
    return str(request.param)


@pytest.fixture
async def site(way: str) -> AsyncIterator[Site]:
    made = Site()
    yield made
    made.close()


async def test_hits_misses_and_late_replies_reach_their_askers(site: Site) -> None:
    at = site.listen()
    site.keep(b"www")
    asked = [query(b"www", 1), query(b"mail", 2), query(b"later", 3), query(b"wWw", 4)]
    clients = [site.client(at) for _ in asked]
    for sock, packet in zip(clients, asked, strict=True):
        sock.send(packet)
    await until(lambda: bool(site.service.waiting))
    site.service.finish()
    assert [await receive(sock) for sock in clients] == [reply(packet) for packet in asked]
    assert site.metrics.queries_udp_total == 4
    assert site.metrics.packet_hits_total == 2
    assert site.metrics.replies_total == 4
    assert site.metrics.dropped_total == 0


async def test_many_batches_in_one_wake_up(site: Site) -> None:
    """More than one batch, hits and misses mixed: every reply goes to its own asker."""
    at = site.listen()
    kinds = (b"www", b"mail", b"later")
    site.keep(b"www")
    clients = [site.client(at) for _ in range(8)]
    sent: dict[socket.socket, set[bytes]] = {sock: set() for sock in clients}
    total = 3 * SLOTS
    for i in range(total):
        packet = query(kinds[i * i % 3], i)
        clients[i % 8].send(packet)
        sent[clients[i % 8]].add(reply(packet))
    await until(lambda: site.metrics.queries_udp_total == total)
    site.service.finish()
    for sock, replies in sent.items():
        assert {await receive(sock) for _ in replies} == replies
    assert site.metrics.replies_total == total


async def test_short_and_long_hits_and_misses_of_one_batch(site: Site) -> None:
    """Each reply is whole, whatever lies in the slots beside it; and so are those of the next."""
    at = site.listen()
    opt = b"\0\0\x29\4\xd0\0\0\0\0\0\0"
    found: dict[bytes, bytes] = {}
    for number, octets in enumerate((4, 200, 300, 1000, 4)):
        label = bytes((97 + number,)) * 60
        asked = query(label)[:-5] + b"\x3c" + label + query(label)[-5:]  # longer than a front
        asked = asked[:11] + b"\1" + asked[12:] + opt
        found[asked] = reply(asked, octets)[:11] + b"\1" + reply(asked, octets)[12:] + opt
        site.keep_packet(asked, found[asked])
    for label in (b"mail", b"www"):
        found[query(label)] = reply(query(label))
    site.keep(b"www")
    sock = site.client(at)
    for size in (7, 3):
        for packet in list(found)[-size:] * 2:
            sock.send(packet)
        replies = [await receive(sock) for _ in range(2 * size)]
        assert sorted(replies) == sorted(list(found.values())[-size:] * 2)
    assert site.service.seen == [(query(b"mail"), b"\x7f\0\0\1", False)] * 4
    assert site.metrics.replies_total == 20


async def test_finished_packets_are_counted_by_rcode_and_queries_are_not(site: Site) -> None:
    at = site.listen()
    denied = reply(query(b"none"))
    site.keep_packet(query(b"none"), denied[:3] + b"\x83" + denied[4:])
    sock = site.client(at)
    # A client may send any rcode in its query.
    odd = query(b"mail")
    for packet in (odd[:3] + b"\3" + odd[4:], query(b"none"), query(b"none")):
        sock.send(packet)
    for _ in range(3):
        await receive(sock)
    assert site.tally.rcodes() == {("packets", 0): 0, ("packets", 3): 2}


async def test_the_service_learns_the_address_of_the_asker(site: Site) -> None:
    at = site.listen()
    await site.ask(at, query(b"mail"))
    assert site.service.seen == [(query(b"mail"), b"\x7f\0\0\1", False)]


async def test_ipv6(site: Site) -> None:
    at = site.listen("::1")
    site.keep(b"www")
    assert await site.ask(at, query(b"www", 1)) == reply(query(b"www", 1))
    assert await site.ask(at, query(b"mail", 2)) == reply(query(b"mail", 2))
    assert [peer for _, peer, _ in site.service.seen] == [bytes(15) + b"\1"]


def test_an_ipv6_socket_is_for_ipv6_alone() -> None:
    """So that IPv4 and IPv6 can be served side by side on one port."""
    with open_udp_socket(Address("::", 0)) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.parametrize("label", [b"www", b"mail", b"later"])
@pytest.mark.parametrize("ip", ["127.0.0.1", "127.0.0.2", "127.9.8.7"])
async def test_a_wildcard_bind_replies_from_the_address_asked(
    site: Site, ip: str, label: bytes
) -> None:
    port = site.listen("0.0.0.0").port
    site.keep(b"www")
    sock = site.client(Address(ip, port))
    sock.send(query(label))
    if label == b"later":
        await until(lambda: bool(site.service.waiting))
        # Another address is asked meanwhile; the slot is used again.
        assert await site.ask(Address("127.0.0.3", port), query(b"mail")) == reply(query(b"mail"))
        site.service.finish()
    assert await receive(sock) == reply(query(label))


async def test_an_ipv6_wildcard_bind_replies_from_the_address_asked(site: Site) -> None:
    port = site.listen("::").port
    site.keep(b"www")
    for label in (b"www", b"mail"):
        assert await site.ask(Address("::1", port), query(label)) == reply(query(label))


async def test_the_route_of_a_reply_is_the_systems_choice(way: str) -> None:
    """The interface a query came by is not where its reply must leave (asymmetric routes)."""
    asked, interface = b"\x7f\0\0\5", bytes(4)
    with open_udp_socket(Address("0.0.0.0", 0)) as sock:
        batch = open_batch(sock, wildcard=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", (socket.inet_ntoa(asked), sock.getsockname()[1]))
        await until(lambda: batch.receive() == 1)
        path = batch.return_path(0)
        assert (path[1][0][2] if way == "plain" else path[48:60]) == interface + asked * 2


@pytest.mark.peer
@pytest.mark.skipif(not shutil.which("dig"), reason="no dig")
async def test_dig_takes_the_reply_of_a_wildcard_bind(site: Site) -> None:
    port = site.listen("0.0.0.0").port
    dig = await asyncio.create_subprocess_exec(
        *("dig", "@127.0.0.2", "-p", str(port), "+noedns", "+tries=1", "mail.example"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await dig.communicate()
    assert b"status: NOERROR" in out
    assert b"unexpected source" not in out
    assert f"127.0.0.2#{port}".encode() in out


@pytest.mark.parametrize(
    "packet",
    [b"", b"x", query(b"mail")[:11], reply(query(b"mail"))],
    ids=["empty", "octet", "eleven", "response"],
)
async def test_what_is_no_query_gets_silence(site: Site, packet: bytes) -> None:
    at = site.listen()
    sock = site.client(at)
    sock.send(packet)
    assert await nothing_for(sock)
    assert site.service.seen == []
    assert site.metrics.dropped_total == 1
    assert site.metrics.replies_total == 0


async def test_silence_of_the_service_is_silence(site: Site) -> None:
    at = site.listen()
    sock = site.client(at)
    sock.send(query(b"silent"))
    assert await nothing_for(sock)
    assert len(site.service.seen) == 1


async def test_steps_that_fail_are_silence(site: Site) -> None:
    at = site.listen()
    sock = site.client(at)
    sock.send(query(b"later"))
    await until(lambda: bool(site.service.waiting))
    site.service.waiting[0][1](None)
    assert await nothing_for(sock)
    assert site.metrics.dropped_total == 1


async def ask_and_wait(site: Site, questions: int) -> socket.socket:
    sock = site.client(site.listen())
    for id in range(questions):
        sock.send(query(b"later", id))
    await until(lambda: site.metrics.queries_udp_total == questions)
    await asyncio.sleep(0.01)
    return sock


async def test_a_crowd_that_has_waited_too_long_gets_no_replies(site: Site) -> None:
    site.waiting = Waiting(discard_after_s=0.001)
    sock = await ask_and_wait(site, CROWD + 10)
    site.service.finish()
    assert await nothing_for(sock)
    assert site.metrics.replies_discarded_total == CROWD + 10
    assert len(site.waiting) == 0


async def test_a_few_who_have_waited_long_get_theirs(site: Site) -> None:
    site.waiting = Waiting(discard_after_s=0.001)
    sock = await ask_and_wait(site, CROWD)
    site.service.finish()
    assert {(await receive(sock))[:2] for _ in range(CROWD)} == {
        query(b"later", id)[:2] for id in range(CROWD)
    }


async def test_too_many_of_one_network_do_not_get_to_wait(site: Site) -> None:
    site.waiting = Waiting(per_network=40)  # one client has half of that
    sock = await ask_and_wait(site, 30)
    assert len(site.service.waiting) == 20
    assert site.metrics.waiting_refused_total == site.metrics.dropped_total == 10
    site.service.finish()
    for _ in range(20):
        await receive(sock)
    sock.send(query(b"later"))
    await until(lambda: bool(site.service.waiting))


async def test_who_has_no_place_to_wait_is_looked_at_while_there_is_little_to_do(
    site: Site,
) -> None:
    """What needs no waiting is answered; of a heap of it, nothing is looked at."""
    site.waiting = Waiting(per_network=2)
    sock = await ask_and_wait(site, 1)
    sock.send(query(b"mail"))
    assert await receive(sock) == reply(query(b"mail"))
    site.service.seen.clear()
    for id in range(ENOUGH_WORK + 1):
        sock.send(query(b"mail", id))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.9", 0))  # a neighbour, for whom there is a place
        other.connect(sock.getpeername())
        other.setblocking(False)
        other.send(query(b"mail", 77))
        site.listeners[0]._drain()
        assert [packet[:2] for packet, _, _ in site.service.seen] == [query(b"mail", 77)[:2]]
        assert site.metrics.waiting_refused_total == ENOUGH_WORK + 1
        assert await receive(other) == reply(query(b"mail", 77))
    site.service.finish()
    await receive(sock)


async def test_our_own_mistake_costs_one_reply_only(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    at = site.listen()
    sock = site.client(at)
    for id in range(5):
        sock.send(query(b"broken", id))
    sock.send(query(b"mail", 6))
    assert await receive(sock) == reply(query(b"mail", 6))
    assert site.metrics.exceptions_total == 5
    assert len(caplog.records) == 1


async def test_a_reply_larger_than_a_slot_is_sent(site: Site) -> None:
    at = site.listen()
    asked = query(b"huge")
    assert await site.ask(at, asked) == reply(asked, SLOT_OCTETS + 1)


async def test_one_reply_that_cannot_be_sent_does_not_hold_up_the_others(site: Site) -> None:
    """A raw datagram from port 0 cannot be answered; its neighbours are."""
    at = site.listen()
    site.keep(b"www")
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("raw sockets need privileges")
    payload = query(b"www", 2)
    datagram = struct.pack("!HHHH", 0, at.port, 8 + len(payload), 0) + payload
    first, last = site.client(at), site.client(at)
    with raw:
        first.send(query(b"www", 1))
        raw.sendto(datagram, (at.ip, 0))
        raw.sendto(datagram.replace(b"www", b"ww2"), (at.ip, 0))
        last.send(query(b"www", 3))
    assert await receive(first) == reply(query(b"www", 1))
    assert await receive(last) == reply(query(b"www", 3))
    assert site.service.seen == []
    assert site.metrics.replies_total == 2
    assert site.metrics.dropped_total == 2


async def test_the_event_loop_gets_its_turn_under_load(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wake-up receives a bounded number of batches, and no more once there was enough work."""
    monkeypatch.setattr(listen_udp, "MAX_BATCHES", 2)
    at = site.listen()
    site.keep(b"www")
    sock = site.client(at)
    (listener,) = site.listeners
    listener.stop()
    for id in range(3 * SLOTS):
        sock.send(query(b"www", id))
    listener._drain()
    assert site.metrics.queries_udp_total == 2 * SLOTS
    listener._drain()
    monkeypatch.setattr(listen_udp, "MAX_BATCHES", 8)
    monkeypatch.setattr(listen_udp, "WORK_S", 3600.0)
    for id in range(MOST_WORK + 2 * SLOTS):
        sock.send(query(b"mail", id))
    listener._drain()
    assert site.metrics.queries_udp_total == 3 * SLOTS + MOST_WORK
    monkeypatch.setattr(listen_udp, "WORK_S", 0.0)
    listener._drain()
    assert site.metrics.queries_udp_total == 4 * SLOTS + MOST_WORK, "the time was over"


async def test_who_is_behind_a_flood_in_the_socket_is_received_in_the_same_turn(
    site: Site,
) -> None:
    """What is turned away for want of places is no work."""
    site.waiting = Waiting(per_network=2)
    sock = await ask_and_wait(site, 1)
    site.keep(b"www")
    for id in range(3 * SLOTS):
        sock.send(query(b"later", id))
    sock.send(query(b"www", 77))
    site.listeners[0]._drain()
    assert await receive(sock) == reply(query(b"www", 77))
    assert site.metrics.waiting_refused_total == 3 * SLOTS
    site.service.finish()
    await receive(sock)


async def test_stopping_takes_no_more_queries_but_lets_replies_out(site: Site) -> None:
    at = site.listen()
    early, late = site.client(at), site.client(at)
    early.send(query(b"later"))
    await until(lambda: bool(site.service.waiting))
    (listener,) = site.listeners
    listener.stop()
    late.send(query(b"mail"))
    assert await nothing_for(late)
    site.service.finish()
    assert await receive(early) == reply(query(b"later"))


async def test_closing_sends_nothing_any_more(site: Site) -> None:
    at = site.listen()
    sock = site.client(at)
    sock.send(query(b"later"))
    await until(lambda: bool(site.service.waiting))
    fd = site.listeners[0]._sock.fileno()
    site.listeners[0].close()
    # The number soon belongs to somebody else, who must not be spoken for.
    os.dup2(sock.fileno(), fd)
    try:
        site.service.finish()
    finally:
        os.close(fd)
    assert site.metrics.dropped_total == 1
    assert site.metrics.replies_total == 0


@pytest.fixture
def full_buffers(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending fails as it does when the system's buffers are full."""

    def refuse(*_: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    if way == "mmsg":
        monkeypatch.setattr(mmsg, "sendmmsg", lambda *_: -1)
        monkeypatch.setattr(mmsg, "get_errno", lambda: 11)
    else:
        monkeypatch.setattr(socket.socket, "sendmsg", refuse)


@pytest.mark.usefixtures("full_buffers")
async def test_replies_the_system_does_not_take_are_dropped_and_counted(site: Site) -> None:
    at = site.listen()
    site.keep(b"www")
    for label in (b"www", b"www", b"mail", b"later"):
        site.client(at).send(query(label))
    await until(lambda: bool(site.service.waiting))
    site.service.finish()
    await until(lambda: site.metrics.dropped_total == 4)
    assert site.metrics.replies_total == 0
    assert site.metrics.exceptions_total == 0


def test_an_address_in_use_is_an_error() -> None:
    first = open_udp_socket(Address("127.0.0.1", 0))
    with first, pytest.raises(OSError, match="in use"):
        open_udp_socket(Address("127.0.0.1", first.getsockname()[1]))


def test_processes_may_share_an_address_on_purpose() -> None:
    first = open_udp_socket(Address("127.0.0.1", 0), reuse_port=True)
    with first, open_udp_socket(Address(*first.getsockname()), reuse_port=True) as second:
        assert first.getsockname() == second.getsockname()


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_sockets_ignore_forged_path_mtus(ip: str) -> None:
    level, option = (socket.IPPROTO_IP, 10) if "." in ip else (socket.IPPROTO_IPV6, 23)
    with open_udp_socket(Address(ip, 0)) as sock:
        assert sock.getsockopt(level, option) == 5
