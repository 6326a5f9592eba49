"""The TCP listener: framing, order, half-closed and stuck clients, limits, ends."""

import asyncio
import contextlib
import logging
import os
import socket
import struct

import pytest
from upstreams import descriptors_left, framed, has_ipv6, read_framed, until

from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.listen_stream import StreamListener, open_stream_socket
from resolver.net.stream_client import BATCH_QUERIES, HIGH_WATER_OCTETS
from resolver.net.stream_places import StreamLimits

pytestmark = pytest.mark.loopback

LARGE = 60_000


def query(number: int, word: bytes = b"") -> bytes:
    """A packet the listener hands on: an id, the rest of a header, and a word for the service."""
    return number.to_bytes(2, "big") + bytes(10) + word


class Service:
    """Answers by the word in the query: at once, never, later, at length, or not in a sane way.

    It is also the driver: what is to come later waits in `later` for the test to finish it.
    """

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.peers: set[bytes] = set()
        self.later: dict[int, object] = {}

    def respond(self, packet, peer, *, stream):
        assert stream
        self.seen.append(packet)
        self.peers.add(peer)
        word = packet[12:]
        if word == b"later":
            return self._steps(int.from_bytes(packet[:2], "big"))
        if word == b"silence":
            return None
        if word == b"fault":
            raise RuntimeError("spilt milk")
        return packet + bytes(LARGE) if word == b"large" else packet + b"!"

    def _steps(self, number):
        return number
        yield

    def start(self, steps, done, client):
        with contextlib.suppress(StopIteration):
            next(steps)
        self.later[len(self.later)] = done

    def finish(self, number, reply):
        self.later[number](reply)


class Served:
    """A listener with what stands behind it."""

    def __init__(self, listener, service, metrics):
        self.listener = listener
        self.service = service
        self.metrics = metrics
        self.address = listener.addresses[0]

    async def connect(self):
        return await asyncio.open_connection(*self.address)


@contextlib.asynccontextmanager
async def listening(*, hit=None, ip="127.0.0.1", **limits):
    service, metrics = Service(), Metrics()
    listener = StreamListener(
        [open_stream_socket(Address(ip, 0))],
        service,
        service,
        hit,
        bits=lambda peer: 7,
        limits=StreamLimits(**limits),
        clock=SystemClock(),
        metrics=metrics,
    )
    listener.start()
    try:
        yield Served(listener, service, metrics)
    finally:
        listener.close()
        await until(lambda: listener.connections == 0)


async def ask(reader, writer, packet):
    writer.write(framed(packet))
    return await read_framed(reader)


async def is_closed(reader) -> bool:
    """Whether the other side has closed, without anything more to say."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_reply_comes_with_its_length_in_front():
    async with listening() as served:
        reader, writer = await served.connect()
        assert await ask(reader, writer, query(1)) == query(1) + b"!"
        assert await ask(reader, writer, query(2, b"large")) == query(2, b"large") + bytes(LARGE)
        writer.close()
    assert served.service.peers == {bytes((127, 0, 0, 1))}
    counted = served.metrics
    assert (counted.tcp_accepted_total, counted.queries_tcp_total, counted.replies_total) == (
        1,
        2,
        2,
    )


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
async def test_peer_of_ipv6_is_sixteen_octets():
    async with listening(ip="::1") as served:
        reader, writer = await served.connect()
        await ask(reader, writer, query(1))
        writer.close()
    assert served.service.peers == {bytes(15) + b"\1"}


async def test_query_in_pieces_is_put_together():
    async with listening() as served:
        reader, writer = await served.connect()
        for octet in framed(query(1)):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        assert await read_framed(reader) == query(1) + b"!"
        writer.close()


async def test_many_queries_in_one_write_are_all_answered():
    count = BATCH_QUERIES * 5 + 3
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(b"".join(framed(query(n)) for n in range(count)))
        replies = [await read_framed(reader) for _ in range(count)]
        writer.close()
    assert replies == [query(n) + b"!" for n in range(count)]


async def test_reply_that_is_ready_does_not_wait_for_a_slow_one():
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, b"later")) + framed(query(2)))
        assert await read_framed(reader) == query(2) + b"!"
        served.service.finish(0, b"at last")
        assert await read_framed(reader) == b"at last"
        writer.close()


async def test_hit_is_answered_without_the_service():
    seen = []

    def hit(packet, peer, bits, now, *, stream):
        seen.append((peer, bits, stream))
        return packet + b"hit" if packet[1] == 1 else None

    async with listening(hit=hit) as served:
        reader, writer = await served.connect()
        assert await ask(reader, writer, query(1)) == query(1) + b"hit"
        assert await ask(reader, writer, query(2)) == query(2) + b"!"
        writer.close()
    assert seen == [(b"\x7f\0\0\1", 7, True)] * 2
    assert served.service.seen == [query(2)]
    assert served.metrics.packet_hits_total == 1


async def test_silence_leaves_the_connection_open():
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, b"silence")) + framed(query(2, b"later")))
        await until(lambda: bool(served.service.later))
        served.service.finish(0, None)
        assert await ask(reader, writer, query(3)) == query(3) + b"!"
        writer.close()
    assert served.metrics.dropped_total == 2


async def test_our_mistake_costs_one_reply(caplog):
    async with listening() as served:
        reader, writer = await served.connect()
        with caplog.at_level(logging.ERROR):
            writer.write(framed(query(1, b"fault")))
            assert await ask(reader, writer, query(2)) == query(2) + b"!"
        writer.close()
    assert "spilt milk" in caplog.text
    assert served.metrics.exceptions_total == 1


@pytest.mark.parametrize("scrap", [b"", b"GET / HTTP"])
async def test_message_without_a_header_closes_the_connection(scrap):
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1)) + framed(scrap) + framed(query(2)))
        assert await read_framed(reader) == query(1) + b"!"
        assert await is_closed(reader)
        writer.close()
    assert served.service.seen == [query(1)]


async def test_half_closed_client_gets_every_reply():
    async with listening() as served:
        reader, writer = await served.connect()
        for n in range(3):
            writer.write(framed(query(n, b"later")))
        writer.write(framed(query(3)))
        writer.write_eof()
        assert await read_framed(reader) == query(3) + b"!"
        await until(lambda: len(served.service.later) == 3)
        for n in (2, 0, 1):
            served.service.finish(n, query(n) + b"?")
            assert await read_framed(reader) == query(n) + b"?"
        assert await is_closed(reader)
        writer.close()


async def test_half_closed_client_gets_replies_to_more_than_may_be_under_way():
    async with listening(in_flight=2) as served:
        reader, writer = await served.connect()
        for n in range(5):
            writer.write(framed(query(n, b"later")))
        writer.write_eof()
        for n in range(5):
            await until(lambda n=n: n in served.service.later)
            served.service.finish(n, query(n) + b"?")
            assert await read_framed(reader) == query(n) + b"?"
        assert await is_closed(reader)
        writer.close()


async def test_half_closed_client_without_queries_is_closed():
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write_eof()
        assert await is_closed(reader)
        writer.close()


async def test_client_that_has_left_is_no_trouble():
    async with listening() as served:
        _, writer = await served.connect()
        writer.write(framed(query(1, b"later")))
        await until(lambda: bool(served.service.later))
        # Without this it would close in order, as a client that still wants its replies may do.
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await until(lambda: served.listener.connections == 0)
        served.service.finish(0, b"too late")
    assert served.metrics.replies_total == 0


async def test_queries_under_way_on_a_connection_are_bounded():
    async with listening(in_flight=3) as served:
        reader, writer = await served.connect()
        writer.write(b"".join(framed(query(n, b"later")) for n in range(10)))
        other_reader, other_writer = await served.connect()
        assert await ask(other_reader, other_writer, query(99)) == query(99) + b"!"
        assert len(served.service.later) == 3
        served.service.finish(1, query(1) + b"?")
        assert await read_framed(reader) == query(1) + b"?"
        assert len(served.service.later) == 4
        for n in (0, *range(2, 10)):
            served.service.finish(n, query(n) + b"?")
            assert await read_framed(reader) == query(n) + b"?"
        writer.close()
        other_writer.close()


def slow_reader(address: Address) -> socket.socket:
    """A client with small buffers, so that little is hidden in the kernel."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(address)
    sock.setblocking(False)
    return sock


async def write_all(sock: socket.socket, data: bytes) -> None:
    """Write what is taken; a listener that no longer reads ends it."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(loop.sock_sendall(sock, data), 0.3)


async def test_client_that_does_not_read_is_not_answered_further_and_then_cut():
    count = 5000
    async with listening(stall_s=0.4) as served:
        with slow_reader(served.address) as sock:
            queries = b"".join(framed(query(n, b"large")) for n in range(count))
            await write_all(sock, queries)
            await until(lambda: any(c.stuck for c in served.listener._clients))
            # What the kernel takes is some megabytes at most; all replies would be 300.
            assert len(served.service.seen) < 200
            (client,) = served.listener._clients
            assert client._transport.get_write_buffer_size() < HIGH_WATER_OCTETS + 2 * LARGE
            reader, writer = await served.connect()
            assert await ask(reader, writer, query(1)) == query(1) + b"!"
            writer.close()
            await until(lambda: served.listener.connections == 0)


async def test_client_that_reads_late_gets_everything():
    count = 200
    async with listening(stall_s=60.0) as served:
        reader, writer = await served.connect()
        writer.write(b"".join(framed(query(n, b"large")) for n in range(count)))
        await until(lambda: any(c.stuck for c in served.listener._clients))
        for n in range(count):
            assert (await read_framed(reader))[:12] == query(n)
        assert await ask(reader, writer, query(1)) == query(1) + b"!"
        writer.close()


async def test_late_replies_to_a_client_that_does_not_read_are_bounded():
    async with listening(stall_s=60.0, in_flight=200) as served:
        with slow_reader(served.address) as sock:
            await write_all(sock, b"".join(framed(query(n, b"later")) for n in range(200)))
            await until(lambda: len(served.service.later) == 200)
            for n in range(200):
                served.service.finish(n, bytes(LARGE))
            await until(lambda: served.listener.connections == 0)


async def test_client_that_half_closes_and_does_not_read_is_cut():
    async with listening(stall_s=0.2, in_flight=200) as served:
        with slow_reader(served.address) as sock:
            await write_all(sock, b"".join(framed(query(n, b"large")) for n in range(100)))
            sock.shutdown(socket.SHUT_WR)
            await until(lambda: served.listener.connections == 0)


async def test_octet_now_and_then_does_not_keep_a_connection():
    async with listening(idle_s=0.2) as served:
        reader, writer = await served.connect()
        closed = asyncio.ensure_future(is_closed(reader))
        for octet in framed(query(1) + bytes(1000)):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0.02)
            if closed.done():
                break
        assert closed.done()
        writer.close()
    assert served.service.seen == []


async def test_idle_connection_is_closed_and_one_with_work_under_way_is_not():
    async with listening(idle_s=0.2) as served:
        idle_reader, idle_writer = await served.connect()
        reader, writer = await served.connect()
        writer.write(framed(query(1, b"later")))
        assert await is_closed(idle_reader)
        await asyncio.sleep(0.3)
        served.service.finish(0, b"long after that")
        assert await read_framed(reader) == b"long after that"
        assert await is_closed(reader)
        idle_writer.close()
        writer.close()


async def test_connection_over_the_limit_is_refused_and_the_others_are_served():
    async with listening(connections=3) as served:
        pairs = [await served.connect() for _ in range(3)]
        for n, (reader, writer) in enumerate(pairs):
            assert await ask(reader, writer, query(n)) == query(n) + b"!"
            writer.write(framed(query(n, b"later")))
        await until(lambda: len(served.service.later) == 3)
        reader, writer = await served.connect()
        assert await is_closed(reader)
        writer.close()
        assert served.metrics.tcp_refused_total == 1
        for n, (reader, _) in enumerate(pairs):
            served.service.finish(n, query(n) + b"?")
            assert await read_framed(reader) == query(n) + b"?"
        pairs[0][1].close()
        await until(lambda: served.listener.connections == 2)
        reader, writer = await served.connect()
        assert await ask(reader, writer, query(9)) == query(9) + b"!"
        for _, other in (*pairs, (reader, writer)):
            other.close()


async def test_full_house_makes_room_by_sending_the_idle_home():
    async with listening(connections=4, idle_s=600.0) as served:
        idle = [await served.connect() for _ in range(4)]
        for reader, _ in idle:
            assert await is_closed(reader)
            break
        await until(lambda: served.listener.connections < 4)
        reader, writer = await served.connect()
        assert await ask(reader, writer, query(1)) == query(1) + b"!"
        for _, other in (*idle, (reader, writer)):
            other.close()


async def test_accepting_goes_on_when_descriptors_are_there_again(caplog):
    async with listening() as served:
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(socket.socket()) for _ in range(4)]
            for sock in socks:
                sock.setblocking(False)
            fillers = stack.enter_context(descriptors_left(2))
            for sock in socks:
                await loop.sock_connect(sock, served.address)
            await until(lambda: served.listener.connections == 2)
            await until(lambda: "accepting TCP connections pauses" in caplog.text)
            for _ in range(4):
                os.close(fillers.pop())
            await until(lambda: served.listener.connections == 4)
            for sock in socks:
                await loop.sock_sendall(sock, framed(query(1)))
                assert await loop.sock_recv(sock, 100) == framed(query(1) + b"!")


async def test_drain_finishes_what_is_under_way():
    async with listening() as served:
        reader, writer = await served.connect()
        idle_reader, idle_writer = await served.connect()
        writer.write(framed(query(1, b"later")))
        await until(lambda: bool(served.service.later))
        draining = asyncio.ensure_future(served.listener.drain(10.0))
        assert await is_closed(idle_reader)
        with pytest.raises(ConnectionRefusedError):
            await served.connect()
        served.service.finish(0, b"at last")
        assert await read_framed(reader) == b"at last"
        assert await is_closed(reader)
        await draining
        idle_writer.close()
        writer.close()


async def test_drain_does_not_wait_for_ever():
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, b"later")))
        await until(lambda: bool(served.service.later))
        await served.listener.drain(0.05)
        assert await is_closed(reader)
        served.service.finish(0, b"too late")
        writer.close()


async def test_address_that_is_taken_is_an_error():
    with (
        open_stream_socket(Address("127.0.0.1", 0)) as sock,
        pytest.raises(OSError, match="in use"),
    ):
        open_stream_socket(Address("127.0.0.1", sock.getsockname()[1]))
