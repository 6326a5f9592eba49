"""Replies of many packets over TCP: in turns, under back-pressure, to their end or cut off."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from upstreams import framed, read_framed, until

from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.listen_stream import StreamListener, open_stream_socket
from resolver.net.stream_client import HIGH_WATER_OCTETS
from resolver.net.stream_places import StreamLimits
from resolver.serve.request import Messages

pytestmark = pytest.mark.loopback

PACKET_OCTETS = 16_000
# Far more than two sockets on loopback hold between them.
ENDLESS = 4_000


def query(number: int, count: int = 0) -> bytes:
    """A query for a reply of so many packets; 0 is a plain reply."""
    return number.to_bytes(2, "big") + bytes(10) + count.to_bytes(4, "big")


class Service:
    """Replies with as many packets as the query says. `ends` tells which were complete."""

    def __init__(self) -> None:
        self.made: dict[int, int] = {}
        self.ends: list[tuple[int, bool]] = []
        self.order: list[int] = []
        self.fault_after = ENDLESS * 2

    def respond(self, packet: bytes, peer: bytes, *, stream: bool) -> bytes | Messages:
        number, count = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[12:], "big")
        if not count:
            return packet
        return Messages(self._packets(number, count), self._ended(number))

    def _packets(self, number: int, count: int) -> Iterator[bytes]:
        for i in range(count):
            if i == self.fault_after:
                raise RuntimeError("spilt milk")
            self.made[number] = i + 1
            self.order.append(number)
            yield number.to_bytes(2, "big") + i.to_bytes(4, "big") + bytes(PACKET_OCTETS)

    def _ended(self, number: int) -> Callable[[bool], None]:
        return lambda complete: self.ends.append((number, complete))

    def start(self, steps: object, done: object, client: object) -> None:
        raise AssertionError("no steps here")


class Served:
    def __init__(self, listener: StreamListener, service: Service, metrics: Metrics) -> None:
        self.listener = listener
        self.service = service
        self.metrics = metrics
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self.listener.addresses[0]
        reader, writer = await asyncio.open_connection(*address, limit=PACKET_OCTETS)
        self.writers.append(writer)
        return reader, writer


@contextlib.asynccontextmanager
async def listening(**limits: float) -> AsyncIterator[Served]:
    service, metrics = Service(), Metrics()
    listener = StreamListener(
        [open_stream_socket(Address("127.0.0.1", 0))],
        service,
        service,
        bits=lambda peer: 7,
        limits=StreamLimits(**limits),  # type: ignore[arg-type]
        clock=SystemClock(),
        metrics=metrics,
    )
    listener.start()
    served = Served(listener, service, metrics)
    try:
        yield served
    finally:
        for writer in served.writers:
            writer.transport.abort()  # type: ignore[attr-defined]
        listener.close()
        await until(lambda: listener.connections == 0)


async def read_numbers(reader: asyncio.StreamReader, count: int) -> list[tuple[int, int]]:
    """Number of the query and of the packet."""
    packets = [await read_framed(reader) for _ in range(count)]
    return [(int.from_bytes(p[:2], "big"), int.from_bytes(p[2:6], "big")) for p in packets]


async def test_packets_come_in_order_and_the_connection_stays() -> None:
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(5, 300)))
        assert await read_numbers(reader, 300) == [(5, i) for i in range(300)]
        await until(lambda: served.service.ends == [(5, True)])
        writer.write(framed(query(6)))
        assert await read_framed(reader) == query(6)
    assert served.metrics.replies_total == 2


async def test_other_replies_of_the_connection_do_not_wait_for_the_end() -> None:
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, 200)) + framed(query(2)))
        numbers = await read_numbers(reader, 201)
        assert numbers.index((2, 0)) < 5


async def test_several_at_once_take_turns() -> None:
    async with listening() as served:
        streams = [await served.connect() for _ in range(3)]
        for number, (_, writer) in enumerate(streams, 1):
            writer.write(framed(query(number, 30)) + framed(query(number + 10, 30)))
        for reader, _ in streams:
            await read_numbers(reader, 60)
        order = served.service.order
        # Nobody is served to the end before the others have begun.
        for number in (1, 2, 3, 11, 12, 13):
            assert order.index(number) < len(order) - 1 - order[::-1].index(1)


async def test_one_packet_a_turn_of_the_loop() -> None:
    """Between any two packets, whoever they are for, other work gets its turn."""
    async with listening() as served:
        seen = []

        def watch() -> None:
            seen.append(len(served.service.order))
            loop.call_soon(watch)

        loop = asyncio.get_running_loop()
        streams = [await served.connect() for _ in range(3)]
        loop.call_soon(watch)
        for number, (_, writer) in enumerate(streams, 1):
            writer.write(framed(query(number, 20)))
        for reader, _ in streams:
            await read_numbers(reader, 20)
        steps = [b - a for a, b in itertools.pairwise(seen)]
        assert max(steps) == 1


async def test_client_that_does_not_read_stops_the_making_and_is_cut_off() -> None:
    async with listening(stall_s=0.3, idle_s=0.3) as served:
        reader, writer = await served.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(framed(query(1, ENDLESS)))
        await until(lambda: 1 in served.service.made)
        made = 0
        while made != served.service.made[1]:
            made = served.service.made[1]
            await asyncio.sleep(0.05)
        assert made < ENDLESS
        await until(lambda: served.service.ends == [(1, False)])
        await until(lambda: served.listener.connections == 0)
        # What was made and not taken is bounded by what the sockets hold.
        assert served.service.made[1] == made
        del reader


async def test_slow_reader_gets_everything() -> None:
    part = 20 * HIGH_WATER_OCTETS // PACKET_OCTETS
    count = 6 * part
    async with listening(stall_s=5, idle_s=0.2) as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, count)))
        numbers = []
        for _ in range(6):
            await asyncio.sleep(0.1)  # longer in all than an idle connection may live
            numbers += await read_numbers(reader, part)
        assert numbers == [(1, i) for i in range(count)]


async def test_client_that_goes_away_ends_it() -> None:
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, ENDLESS)) + framed(query(2, ENDLESS)))
        await read_numbers(reader, 5)
        writer.transport.abort()  # type: ignore[attr-defined]
        await until(lambda: sorted(served.service.ends) == [(1, False), (2, False)])


async def test_fault_in_the_middle_cuts_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        async with listening() as served:
            served.service.fault_after = 3
            reader, writer = await served.connect()
            writer.write(framed(query(1, 10)))
            got = b""
            with contextlib.suppress(ConnectionResetError):
                got = await reader.read(1 << 20)
                while more := await reader.read(1 << 20):
                    got += more
            assert len(got) <= 3 * (PACKET_OCTETS + 8)
            assert served.service.ends == [(1, False)]
            assert served.metrics.exceptions_total == 1


async def test_half_closed_client_gets_everything() -> None:
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, 100)))
        writer.write_eof()
        assert len(await read_numbers(reader, 100)) == 100
        assert await reader.read() == b""


async def test_stopping_lets_replies_under_way_finish() -> None:
    async with listening() as served:
        reader, writer = await served.connect()
        writer.write(framed(query(1, 100)))
        await read_numbers(reader, 1)
        drained = asyncio.create_task(served.listener.drain(5.0))
        assert len(await read_numbers(reader, 99)) == 99
        await drained
        assert served.service.ends == [(1, True)]
