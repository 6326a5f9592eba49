"""Asks over UDP: ports, ids and case; what is accepted, what is ignored, what ends an ask."""

import asyncio
import os
import socket
from dataclasses import replace

import dnslib
import pytest
from upstreams import (
    Outgoing,
    UdpServer,
    ask,
    descriptors_left,
    driver,
    echo,
    has_ipv6,
    once,
    question,
    reply_to,
    tcp_server,
    turn,
    until,
)

from resolver.codes import Flag
from resolver.effects import Ask, Malformed, Reply, Timeout, Unreachable, WrongCase
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.descriptors import Shares
from resolver.net.outbound_udp import BATCH_SOCKETS

pytestmark = pytest.mark.loopback

QNAME = slice(12, 12 + 17)  # of www.example.org.
MANY = BATCH_SOCKETS + 5


def answering(change=lambda reply: reply) -> UdpServer:
    """A server that sends one reply to each query, changed by `change`."""
    return UdpServer(lambda packet: [change(reply_to(packet))])


def both(change) -> UdpServer:
    """A server that sends a changed reply before the true one."""
    return UdpServer(lambda packet: [change(bytearray(reply_to(packet))), reply_to(packet)])


async def test_reply_carries_the_message_and_its_time():
    with answering() as server, driver() as made:
        outcome = await ask(server.address, made)
    assert isinstance(outcome, Reply)
    assert outcome.message.answer[0].rdatas == (bytes((192, 0, 2, 1)),)
    assert 0 < outcome.rtt_s < 2


async def test_thousand_queries_use_the_whole_range_of_ports_and_ids():
    metrics, results = Metrics(), []
    with answering() as server, driver(metrics) as made:
        for _ in range(1000):
            made.start(once(Ask(server.address, question(), 5.0)), results.append)
        await until(lambda: len(results) == 1000)
        ports = [port for _, port in server.peers]
        ids = [packet[:2] for packet in server.queries]
    assert all(isinstance(r, Reply) for r in results)
    assert metrics.upstream_queries_total == 1000
    assert len(set(ports)) > 900
    assert len(set(ids)) > 900
    assert min(ports) >= 1024
    # The kernel's own choice would lie between 32768 and 60999.
    assert sum(port < 32768 for port in ports) > 350
    assert sum(port > 60999 for port in ports) > 20


async def test_clients_get_their_turn_between_many_replies():
    """One wake-up reads so many replies at most, and the next one goes on."""
    results, held = [], []
    server = UdpServer(lambda packet: held.append(reply_to(packet)) or [])
    shares = Shares(datagram_sockets=MANY, upstream_connections=1, client_connections=1)
    with server, driver(sockets=shares) as made:
        for _ in range(MANY):
            made.start(once(Ask(server.address, question(), 60.0)), results.append)
        await until(lambda: len(held) == MANY)
        for reply, peer in zip(held, server.peers, strict=True):
            server.sock.sendto(reply, peer)
        while len(made.outbound.udp._epoll.poll(1.0, MANY)) < MANY:
            pass
        made.outbound.udp._on_readable()
        made._work()
        assert len(results) == BATCH_SOCKETS
        await until(lambda: len(results) == MANY)
    assert all(isinstance(r, Reply) for r in results)


async def test_case_of_the_name_is_drawn_anew_for_each_query():
    with answering() as server, driver() as made:
        for _ in range(20):
            assert isinstance(await ask(server.address, made), Reply)
        sent = [packet[QNAME] for packet in server.queries]
    assert {name.lower() for name in sent} == {question().qname}
    assert len(set(sent)) > 10


async def test_name_goes_out_as_given_without_case_mixing():
    with answering() as server, driver() as made:
        named = question("WwW.example.org.")
        for _ in range(5):
            outcome = await ask(server.address, made, question=named, mix_case=False)
            assert isinstance(outcome, Reply)
        assert {packet[QNAME] for packet in server.queries} == {named.qname}


async def test_query_says_what_the_ask_says():
    with answering() as server, driver() as made:
        await ask(server.address, made, edns_size=1400, recursion_desired=True)
        await ask(server.address, made, edns_size=None)
        first, second = [dnslib.DNSRecord.parse(packet) for packet in server.queries]
    assert first.header.rd == 1
    assert second.header.rd == 0
    assert [rr.rclass for rr in first.ar if rr.rtype == 41] == [1400]
    assert second.ar == []


def with_wrong_type(reply: bytearray) -> bytes:
    reply[QNAME.stop + 1] = 28
    return bytes(reply)


def with_wrong_class(reply: bytearray) -> bytes:
    reply[QNAME.stop + 3] = 3
    return bytes(reply)


def with_wrong_name(reply: bytearray) -> bytes:
    reply[QNAME.start + 1] ^= 0x01
    return bytes(reply)


def with_two_questions(reply: bytearray) -> bytes:
    reply[5] = 2
    return bytes(reply)


def that_is_a_query(reply: bytearray) -> bytes:
    reply[2] &= 0x7F
    return bytes(reply)


def with_another_opcode(reply: bytearray) -> bytes:
    reply[2] |= 4 << 3
    return bytes(reply)


def that_is_a_scrap(reply: bytearray) -> bytes:
    return bytes(reply[:11])


def that_is_empty(reply: bytearray) -> bytes:
    return b""


def without_question_or_error(reply: bytearray) -> bytes:
    return bytes(reply[:4]) + bytes(8)


@pytest.mark.parametrize(
    "change",
    [
        with_wrong_type,
        with_wrong_class,
        with_wrong_name,
        with_two_questions,
        that_is_a_query,
        with_another_opcode,
        that_is_a_scrap,
        that_is_empty,
        without_question_or_error,
    ],
)
async def test_packet_that_does_not_match_is_ignored_and_counted(change):
    metrics = Metrics()
    with both(change) as server, driver(metrics) as made:
        outcome = await ask(server.address, made)
    assert isinstance(outcome, Reply)
    assert metrics.upstream_mismatched_total == 1
    assert metrics.upstream_tcp_total == 0


async def test_type_is_not_taken_for_another_in_the_other_case():
    """Types 65 and 97 differ as A and a do."""

    def other_type(reply):
        reply[QNAME.stop + 1] ^= 0x20
        return bytes(reply)

    metrics = Metrics()
    with both(other_type) as server, driver(metrics) as made:
        asked = replace(question(), qtype=65)
        assert isinstance(await ask(server.address, made, question=asked), Reply)
    assert metrics.upstream_mismatched_total == 1


async def test_wrong_case_is_an_outcome_of_its_own_and_counted():
    def lower(reply):
        return reply[:12] + reply[QNAME].lower() + reply[QNAME.stop :]

    metrics = Metrics()
    named = question("the-longer-the-name-the-surer-is-some-upper-case.example.")
    length = len(named.qname)

    def lower_all(reply):
        return reply[:12] + reply[12 : 12 + length].lower() + reply[12 + length :]

    with answering(lower_all) as server, driver(metrics) as made:
        assert await ask(server.address, made, question=named) == WrongCase()
        assert metrics.upstream_mismatched_total == 1
    with answering(lower) as server, driver() as made:
        named = question("WWW.example.org.")
        outcome = await ask(server.address, made, question=named, mix_case=False)
        assert isinstance(outcome, Reply)


def with_wrong_id(reply: bytearray) -> bytes:
    reply[0] ^= 0xFF
    return bytes(reply)


async def test_first_wrong_id_moves_the_ask_to_tcp():
    metrics = Metrics()
    with both(with_wrong_id) as server, driver(metrics) as made:
        async with tcp_server(echo, server.address.port) as stream:
            outcome = await ask(server.address, made)
            assert stream.connections == 1
        assert made.outbound.udp.in_flight == 0
    assert isinstance(outcome, Reply)
    assert metrics.upstream_mismatched_total == 1
    assert metrics.upstream_tcp_total == 1


async def test_wrong_id_from_a_server_without_tcp_is_unreachable():
    with both(with_wrong_id) as server, driver() as made:
        assert await ask(server.address, made) == Unreachable("Connection refused")


async def test_packet_from_another_port_is_not_even_read():
    """The socket is connected: the kernel drops it."""
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.1", 0))
    metrics = Metrics()

    def forge(packet):
        other.sendto(reply_to(packet, "203.0.113.66"), server.peers[-1])
        return [reply_to(packet)]

    with other, UdpServer(forge) as server, driver(metrics) as made:
        outcome = await ask(server.address, made)
    assert outcome.message.answer[0].rdatas == (bytes((192, 0, 2, 1)),)


async def test_no_reply_in_time_is_a_timeout():
    metrics = Metrics()
    with UdpServer(lambda packet: []) as server, driver(metrics) as made:
        assert await ask(server.address, made, timeout_s=0.05) == Timeout()
        assert made.outbound.udp.in_flight == 0
    assert metrics.upstream_timeouts_total == 1


async def test_lost_reply_can_be_asked_for_again():
    def lose_first(packet):
        return [reply_to(packet)] if len(server.queries) > 1 else []

    def insist(address):
        outcome = yield Ask(address, question(), 0.05)
        if isinstance(outcome, Timeout):
            outcome = yield Ask(address, question(), 2.0)
        return outcome

    with UdpServer(lose_first) as server, driver() as made:
        assert isinstance(await made.complete(insist(server.address)), Reply)
        assert len(set(server.peers)) == 2


async def test_closed_port_is_unreachable():
    with UdpServer(lambda packet: []) as server:
        address = server.address
    with driver() as made:
        assert await ask(address, made) == Unreachable("Connection refused")


async def test_family_that_is_switched_off_is_unreachable():
    with driver(outgoing=Outgoing(ipv6=False)) as made:
        assert isinstance(await ask(Address("::1", 53), made), Unreachable)
        assert isinstance(await ask(Address("::1", 53), made, stream=True), Unreachable)


async def test_source_address_that_is_not_ours_is_unreachable():
    with driver(outgoing=Outgoing(source=("203.0.113.7",))) as made:
        outcome = await ask(Address("127.0.0.1", 53), made)
    assert outcome == Unreachable("Cannot assign requested address")


async def test_asks_leave_from_the_configured_source():
    outgoing = Outgoing(source=("127.0.0.5",))
    with answering() as server, driver(outgoing=outgoing) as made:
        assert isinstance(await ask(server.address, made), Reply)
        assert server.peers[0][0] == "127.0.0.5"


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
async def test_asks_over_ipv6():
    with UdpServer(lambda packet: [reply_to(packet)], "::1") as server, driver() as made:
        assert isinstance(await ask(server.address, made), Reply)


async def test_garbage_with_the_right_id_is_malformed():
    def cut(reply):
        return reply[:-3]

    with answering(cut) as server, driver() as made:
        outcome = await ask(server.address, made)
    assert isinstance(outcome, Malformed)
    assert outcome.rcode == 0


async def test_bare_header_with_an_error_is_malformed_with_its_rcode():
    def formerr(reply):
        return reply[:2] + b"\x80\x01" + bytes(8)

    with answering(formerr) as server, driver() as made:
        outcome = await ask(server.address, made)
    assert isinstance(outcome, Malformed)
    assert outcome.rcode == 1


async def test_truncated_reply_is_delivered_with_tc():
    def truncate(reply):
        return reply[:2] + bytes((reply[2] | 0x02,)) + reply[3:]

    with answering(truncate) as server, driver() as made:
        outcome = await ask(server.address, made)
    assert outcome.message.flags & Flag.TC
    assert outcome.message.answer


async def test_reply_cut_inside_a_record_with_tc_still_says_tc():
    def cut(reply):
        return reply[:2] + bytes((reply[2] | 0x02,)) + reply[3:-3]

    with answering(cut) as server, driver() as made:
        outcome = await ask(server.address, made)
    assert outcome.message.flags & Flag.TC
    assert outcome.message.questions[0].key == question().key
    assert not outcome.message.answer


async def test_sockets_are_closed_after_use():
    with answering() as server, driver() as made:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            await ask(server.address, made)
        assert len(os.listdir("/proc/self/fd")) == before


async def test_query_that_cannot_be_written_costs_no_other_ask(caplog):
    metrics, results = Metrics(), []
    impossible = Question(question().qname, 70_000)
    with answering() as server, driver(metrics) as made:
        for asked in (question("one."), impossible, question("two.")):
            made.start(once(Ask(server.address, asked, 2.0)), results.append)
        await until(lambda: len(results) == 3)
        assert made.outbound.in_flight == made.outbound.udp.in_flight == 0
    assert results.count(Unreachable("could not be asked")) == 1
    assert sum(isinstance(result, Reply) for result in results) == 2
    assert metrics.exceptions_total == 1
    assert "writing a query failed" in caplog.text


async def test_asks_wait_when_the_system_has_no_descriptor_left():
    results = []
    shares = Shares(datagram_sockets=1000, upstream_connections=1, client_connections=1)
    with answering() as server, driver(sockets=shares) as made, descriptors_left(2):
        for _ in range(100):
            made.start(once(Ask(server.address, question(), 5.0)), results.append)
        await turn()
        assert made.outbound.udp.queued == 98
        await until(lambda: len(results) == 100)
    assert all(isinstance(r, Reply) for r in results)


async def test_asks_wait_when_others_hold_every_descriptor():
    """None of our own sockets is about to be closed, so only looking again helps."""
    with answering() as server, driver() as made, descriptors_left(0) as fillers:
        asking = asyncio.ensure_future(ask(server.address, made))
        await until(lambda: made.outbound.udp.queued == 1)
        os.close(fillers.pop())
        assert isinstance(await asking, Reply)
