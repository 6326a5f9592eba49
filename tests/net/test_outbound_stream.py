"""Asks over TCP: reuse, pipelining, broken connections, bounds."""

import asyncio
import os

import pytest
from upstreams import (
    ask,
    descriptors_left,
    driver,
    echo,
    framed,
    once,
    question,
    read_framed,
    reply_to,
    tcp_server,
    turn,
    until,
)

from resolver.effects import Ask, Malformed, Reply, Timeout, Unreachable
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.descriptors import Shares
from resolver.net.upstream import MOST_MISMATCHES, PIPELINED_QUERIES

pytestmark = pytest.mark.loopback


def shares(connections: int) -> Shares:
    return Shares(datagram_sockets=8, upstream_connections=connections, client_connections=8)


def streamed(server, name="www.example.org.", timeout_s=2.0):
    return once(Ask(server.address, question(name), timeout_s, stream=True))


async def test_asks_one_after_another_share_a_connection():
    metrics = Metrics()
    with driver(metrics) as made:
        async with tcp_server(echo) as server:
            for _ in range(5):
                assert isinstance(await ask(server.address, made, stream=True), Reply)
            assert server.connections == 1
            assert made.outbound.stream.connections == 1
    assert metrics.upstream_queries_total == metrics.upstream_tcp_total == 5


async def test_responses_are_matched_out_of_order():
    count = 10

    async def backwards(reader, writer):
        packets = [await read_framed(reader) for _ in range(count)]
        assert len({packet[:2] for packet in packets}) == count
        writer.write(b"".join(framed(reply_to(packet)) for packet in reversed(packets)))
        await reader.read()

    results = {}
    with driver() as made:
        async with tcp_server(backwards) as server:
            for n in range(count):
                made.start(streamed(server, f"n{n}."), lambda r, n=n: results.update({n: r}))
            await until(lambda: len(results) == count)
            assert server.connections == 1
    assert list(results) == list(reversed(range(count)))
    for n, result in results.items():
        assert result.message.questions[0].key == question(f"n{n}.").key


async def test_response_in_pieces_is_put_together():
    async def dribble(reader, writer):
        for octet in framed(reply_to(await read_framed(reader))):
            writer.write(bytes((octet,)))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    with driver() as made:
        async with tcp_server(dribble) as server:
            assert isinstance(await ask(server.address, made, stream=True), Reply)


async def test_second_connection_only_when_the_first_is_full():
    async def silent(reader, writer):
        await reader.read()

    with driver() as made:
        async with tcp_server(silent) as server:
            for n in range(PIPELINED_QUERIES):
                made.start(streamed(server, f"n{n}."), lambda _: None)
            await turn()
            assert made.outbound.stream.connections == 1
            made.start(streamed(server), lambda _: None)
            await turn()
            assert made.outbound.stream.connections == 2


async def test_connection_that_breaks_in_use_costs_one_more_try():
    """A server that closes after the first response, as RFC 7766 section 6.2.4 allows."""

    async def answer_once(reader, writer):
        writer.write(framed(reply_to(await read_framed(reader))))
        await writer.drain()

    results = []
    with driver() as made:
        async with tcp_server(answer_once) as server:
            for n in range(4):
                made.start(streamed(server, f"n{n}."), results.append)
            await until(lambda: len(results) == 4)
            assert server.connections == 4
    assert all(isinstance(r, Reply) for r in results)


async def test_connection_that_breaks_before_any_reply_is_unreachable():
    async def refuse(reader, writer):
        await read_framed(reader)

    with driver() as made:
        async with tcp_server(refuse) as server:
            outcome = await ask(server.address, made, stream=True)
            assert server.connections == 1
    assert outcome == Unreachable("connection closed")


async def test_second_try_that_breaks_too_is_unreachable():
    async def answer_the_first(reader, writer):
        packet = await read_framed(reader)
        if server.connections == 1:
            writer.write(framed(reply_to(packet)))
            await read_framed(reader)

    with driver() as made:
        async with tcp_server(answer_the_first) as server:
            assert isinstance(await ask(server.address, made, stream=True), Reply)
            outcome = await ask(server.address, made, stream=True)
            assert server.connections == 2
    assert outcome == Unreachable("connection closed")


async def test_second_try_is_the_last_though_others_were_answered():
    async def answer_all_but(reader, writer):
        while True:
            packet = await read_framed(reader)
            if b"never" not in packet:
                writer.write(framed(reply_to(packet)))
                await writer.drain()
            if b"close" in packet:
                return

    results = {}

    def note(name):
        return lambda outcome: results.update({name: outcome})

    with driver() as made:
        async with tcp_server(answer_all_but) as server:
            made.start(streamed(server, "never."), note("never"))
            for n in (1, 2, 3):
                made.start(streamed(server, f"close{n}."), note(n))
                await until(lambda n=n: n in results)
            await until(lambda: "never" in results)
    assert results["never"] == Unreachable("connection closed")
    assert isinstance(results[1], Reply)


async def test_closed_port_is_unreachable():
    async with tcp_server(echo) as server:
        address = server.address
    with driver() as made:
        outcome = await ask(address, made, stream=True)
        assert made.outbound.stream.connections == 0
    assert outcome == Unreachable("Connection refused")


async def test_no_response_in_time_is_a_timeout_and_the_connection_stays():
    async def skip_first(reader, writer):
        await read_framed(reader)
        await echo(reader, writer)

    with driver() as made:
        async with tcp_server(skip_first) as server:
            outcome = await ask(server.address, made, stream=True, timeout_s=0.1)
            assert outcome == Timeout()
            assert isinstance(await ask(server.address, made, stream=True), Reply)
            assert server.connections == 1


async def test_connection_that_nobody_waits_for_any_more_is_given_up():
    # 192.0.2.0/24 is for documentation; where it is routed at all, nobody answers.
    with driver() as made:
        outcome = await ask(Address("192.0.2.1", 9), made, stream=True, timeout_s=0.05)
        assert isinstance(outcome, Timeout | Unreachable)
        assert made.outbound.stream.connections == 0


async def test_strays_are_counted_until_the_connection_is_cut():
    metrics = Metrics()

    async def babble(reader, writer):
        packet = await read_framed(reader)
        stray = bytes((packet[0] ^ 0xFF,)) + reply_to(packet)[1:]
        writer.write(framed(stray) * (MOST_MISMATCHES + 1))
        await reader.read()

    with driver(metrics) as made:
        async with tcp_server(babble) as server:
            outcome = await ask(server.address, made, stream=True)
    assert outcome == Unreachable("connection closed")
    assert metrics.upstream_mismatched_total == MOST_MISMATCHES + 1


async def test_response_to_another_question_is_not_taken():
    metrics = Metrics()

    async def confuse(reader, writer):
        packet = await read_framed(reader)
        reply = reply_to(packet)
        writer.write(framed(reply[:13] + b"x" + reply[14:]) + framed(reply))
        await reader.read()

    with driver(metrics) as made:
        async with tcp_server(confuse) as server:
            assert isinstance(await ask(server.address, made, stream=True), Reply)
    assert metrics.upstream_mismatched_total == 1


async def test_garbage_with_the_right_id_is_malformed():
    async def cut(reader, writer):
        writer.write(framed(reply_to(await read_framed(reader))[:-3]))
        await reader.read()

    with driver() as made:
        async with tcp_server(cut) as server:
            assert isinstance(await ask(server.address, made, stream=True), Malformed)


async def test_name_goes_out_as_given():
    seen = []

    async def note(reader, writer):
        seen.append(await read_framed(reader))
        writer.write(framed(reply_to(seen[-1])))
        await reader.read()

    with driver() as made:
        async with tcp_server(note) as server:
            assert isinstance(await ask(server.address, made, stream=True), Reply)
    assert seen[0][12:29] == question().qname


async def test_idle_connections_are_closed_in_the_end():
    closed = asyncio.Event()

    async def until_closed(reader, writer):
        writer.write(framed(reply_to(await read_framed(reader))))
        await reader.read()
        closed.set()

    with driver(upstream_idle_s=0.05) as made:
        async with tcp_server(until_closed) as server:
            assert isinstance(await ask(server.address, made, stream=True), Reply)
            await until(lambda: made.outbound.stream.connections == 0)
            await closed.wait()


async def test_idle_connection_makes_room_for_another_server():
    with driver(sockets=shares(1)) as made:
        async with tcp_server(echo) as one, tcp_server(echo) as other:
            for server in (one, other, one):
                assert isinstance(await ask(server.address, made, stream=True), Reply)
                assert made.outbound.stream.connections == 1
            assert (one.connections, other.connections) == (2, 1)


async def test_asks_over_the_bound_of_connections_wait_their_turn():
    gate = asyncio.Event()

    async def gated(reader, writer):
        packet = await read_framed(reader)
        await gate.wait()
        writer.write(framed(reply_to(packet)))
        await reader.read()

    results = []
    with driver(sockets=shares(1)) as made:
        async with tcp_server(gated) as one, tcp_server(echo) as other:
            made.start(streamed(one), results.append)
            made.start(streamed(other), results.append)
            made.start(streamed(other, timeout_s=0.05), results.append)
            await turn()
            assert made.outbound.stream.queued == 2
            await until(lambda: len(results) == 1)
            assert results == [Timeout()]
            gate.set()
            await until(lambda: len(results) == 3)
            assert made.outbound.stream.queued == 0
    assert [isinstance(r, Reply) for r in results] == [False, True, True]


async def test_connecting_waits_for_a_descriptor():
    with driver() as made:
        async with tcp_server(echo) as server:
            with descriptors_left(0) as fillers:
                asking = asyncio.ensure_future(ask(server.address, made, stream=True))
                await until(lambda: made.outbound.stream.connections == 1)
                # One for us and one for the server, which is in the same process.
                os.close(fillers.pop())
                os.close(fillers.pop())
                assert isinstance(await asking, Reply)


async def test_close_ends_connections_and_asks():
    async def silent(reader, writer):
        await reader.read()
        gone.set()

    gone, results = asyncio.Event(), []
    async with tcp_server(silent) as server:
        with driver() as made:
            made.start(streamed(server), results.append)
            await until(lambda: server.connections == 1)
        assert results == [None]
        await gone.wait()
