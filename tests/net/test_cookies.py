"""DNS cookies towards servers (RFC 7873, the client's side), on real sockets."""

import dnslib
import pytest
from upstreams import Outgoing, UdpServer, ask, driver, framed, read_framed, tcp_server

from resolver.codes import EdnsOption, Rcode
from resolver.effects import Malformed, Reply, Unreachable
from resolver.metrics import Metrics
from resolver.model import Address, Edns, EdnsOptionValue
from resolver.net.cookies import MAX_SERVERS, CookieCheck, Cookies

pytestmark = pytest.mark.loopback

SERVER_COOKIE = b"s3rver-cookie-16"
FORGED = "203.0.113.66"


def cookie_of(packet: bytes) -> bytes | None:
    """The data of the COOKIE option of a query."""
    for rr in dnslib.DNSRecord.parse(packet).ar:
        if rr.rtype == dnslib.QTYPE.OPT:
            for option in rr.rdata:
                if option.code == EdnsOption.COOKIE:
                    return bytes(option.data)
    return None


def reply_with(
    packet: bytes, cookie: bytes | None, *, ip: str = "192.0.2.1", rcode: int = 0
) -> bytes:
    """A response with one A record and a COOKIE option."""
    record = dnslib.DNSRecord.parse(packet)
    reply = record.reply()
    reply.header.rcode = rcode & 0xF
    if not rcode:
        reply.add_answer(dnslib.RR(record.q.qname, dnslib.QTYPE.A, ttl=60, rdata=dnslib.A(ip)))
    options = [] if cookie is None else [dnslib.EDNSOption(EdnsOption.COOKIE, cookie)]
    reply.add_ar(dnslib.EDNS0(udp_len=1232, ext_rcode=rcode >> 4, opts=options))
    return bytes(reply.pack())


def honest(packet: bytes, **changes) -> bytes:
    """What a server that knows cookies sends."""
    sent = cookie_of(packet)
    return reply_with(packet, sent and sent[:8] + SERVER_COOKIE, **changes)


async def talk(reader, writer, make=honest):
    while True:
        writer.write(framed(make(await read_framed(reader))))


async def test_each_server_gets_a_client_cookie_of_its_own_and_always_the_same():
    with UdpServer(lambda p: [reply_with(p, None)]) as one:
        with UdpServer(lambda p: [reply_with(p, None)], "127.0.0.2") as two, driver() as made:
            for server in (one, two, one):
                assert isinstance(await ask(server.address, made), Reply)
        cookies = [cookie_of(p) for p in (*one.queries, *two.queries)]
    assert [len(c) for c in cookies] == [8, 8, 8]
    assert cookies[0] == cookies[1] != cookies[2]


async def test_two_processes_send_different_cookies():
    """The secret is drawn when a driver is made."""
    with UdpServer(lambda p: [reply_with(p, None)]) as server:
        for _ in range(2):
            with driver() as made:
                await ask(server.address, made)
        first, second = [cookie_of(p) for p in server.queries]
    assert first != second


async def test_our_own_address_is_part_of_the_cookie():
    with UdpServer(lambda p: [reply_with(p, None)]) as server:
        with driver(outgoing=Outgoing(source=("127.0.0.7", "127.0.0.8"))) as made:
            for _ in range(40):
                await ask(server.address, made)
        by_source = {
            (peer[0], cookie_of(p)) for peer, p in zip(server.peers, server.queries, strict=True)
        }
    assert len(by_source) == 2
    assert len({cookie for _, cookie in by_source}) == 2


async def test_server_cookie_is_sent_back():
    with UdpServer(lambda p: [honest(p)]) as server, driver() as made:
        for _ in range(3):
            assert isinstance(await ask(server.address, made), Reply)
        first, second, third = [cookie_of(p) for p in server.queries]
    assert len(first) == 8
    assert second == third == first + SERVER_COOKIE


async def test_server_cookie_is_learned_from_an_error_too():
    with UdpServer(lambda p: [honest(p, rcode=Rcode.BADCOOKIE)]) as server, driver() as made:
        outcome = await ask(server.address, made)
        assert outcome.message.rcode == Rcode.BADCOOKIE
        await ask(server.address, made)
        assert cookie_of(server.queries[1])[8:] == SERVER_COOKIE


async def test_no_cookie_without_edns_or_when_not_wanted():
    with UdpServer(lambda p: [reply_with(p, None)]) as server, driver() as made:
        await ask(server.address, made, edns_size=None)
        await ask(server.address, made, cookie=False)
        with driver(outgoing=Outgoing(cookies=False)) as silent:
            await ask(server.address, silent)
        assert [cookie_of(p) for p in server.queries] == [None] * 3


def without_cookie(packet):
    return reply_with(packet, None, ip=FORGED)


def with_another_cookie(packet):
    return reply_with(packet, b"guessed!" + SERVER_COOKIE, ip=FORGED)


def with_too_short_a_cookie(packet):
    return reply_with(packet, cookie_of(packet)[:7], ip=FORGED)


def with_a_cookie_cut_short(packet):
    return reply_with(packet, cookie_of(packet)[:8] + b"short", ip=FORGED)


def without_question(packet):
    return packet[:2] + b"\x80\x02" + bytes(8)


@pytest.mark.parametrize(
    "forge",
    [
        without_cookie,
        with_another_cookie,
        with_too_short_a_cookie,
        with_a_cookie_cut_short,
        without_question,
    ],
)
async def test_what_lacks_our_cookie_is_not_believed_of_a_server_that_sends_cookies(forge):
    """Id, port, question and case are right: somebody guessed, or sees half of it."""
    metrics = Metrics()
    forging = []

    def answer(packet):
        return [forge(packet), honest(packet)] if forging else [honest(packet)]

    with UdpServer(answer) as server, driver(metrics) as made:
        async with tcp_server(talk, server.address.port) as stream:
            assert isinstance(await ask(server.address, made), Reply)
            forging.append(True)
            outcome = await ask(server.address, made)
            assert stream.connections == 1
    assert isinstance(outcome, Reply)
    assert outcome.message.answer[0].rdatas == (bytes((192, 0, 2, 1)),)
    assert metrics.upstream_mismatched_total == 1


async def test_a_wrong_cookie_is_not_believed_of_anybody():
    with UdpServer(lambda p: [with_another_cookie(p)]) as server, driver() as made:
        assert isinstance(await ask(server.address, made), Unreachable)


async def test_a_server_never_seen_with_cookies_needs_none():
    with UdpServer(lambda p: [reply_with(p, None)]) as server, driver() as made:
        for _ in range(3):
            assert isinstance(await ask(server.address, made), Reply)
        with UdpServer(lambda p: [without_question(p)]) as other:
            assert isinstance(await ask(other.address, made), Malformed)


async def test_server_that_stops_sending_cookies_is_found_out_over_tcp():
    stopped = []

    def answer(packet):
        return reply_with(packet, None) if stopped else honest(packet)

    async def say(reader, writer):
        await talk(reader, writer, answer)

    metrics = Metrics()
    with UdpServer(lambda p: [answer(p)]) as server, driver(metrics) as made:
        async with tcp_server(say, server.address.port):
            await ask(server.address, made)
            stopped.append(True)
            for _ in range(5):
                assert isinstance(await ask(server.address, made), Reply)
    assert metrics.upstream_tcp_total == 1


def test_servers_are_forgotten_when_there_are_too_many():
    cookies = Cookies(bytes(32))
    for number in range(12_000):
        cookies.of(Address(f"10.0.{number >> 8}.{number & 255}"), "192.0.2.1")
        assert len(cookies) <= MAX_SERVERS
    assert len(cookies) > MAX_SERVERS // 2


def test_the_first_of_two_cookies_counts():
    """All others are ignored (RFC 7873 section 5.3)."""
    cookie = Cookies(bytes(32)).of(Address("192.0.2.53"), "192.0.2.1")
    client = cookie.option[4:]
    ours, other = EdnsOptionValue(10, client), EdnsOptionValue(10, b"another!")
    assert cookie.check(Edns(options=(ours, other)), stream=False) is CookieCheck.FINE
    assert cookie.check(Edns(options=(other, ours)), stream=False) is CookieCheck.WRONG
