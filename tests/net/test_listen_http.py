"""HTTP for those who look after a server: small, and bounded whatever clients do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest

from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.listen_http import (
    HttpLimits,
    HttpListener,
    HttpReply,
    HttpRequest,
    text_reply,
)
from resolver.net.listen_stream import open_stream_socket

pytestmark = pytest.mark.loopback

WAIT_S = 60.0
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def echo(request: HttpRequest) -> HttpReply:
    if request.path == "/missing":
        return text_reply("no", HTTPStatus.NOT_FOUND)
    return HttpReply(f"{request.path} {request.accept}".encode(), content_type="text/x-test")


@asynccontextmanager
async def listening(
    respond: Callable[[HttpRequest], Awaitable[HttpReply]] = echo,
    limits: HttpLimits | None = None,
) -> AsyncIterator[HttpListener]:
    listener = HttpListener(
        open_stream_socket(Address("127.0.0.1", 0)), respond, clock=SystemClock(), limits=limits
    )
    await listener.start()
    try:
        yield listener
    finally:
        listener.close()
        await until(lambda: listener.connections == 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


class Client:
    """A connection to a listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> bytes:
        """Everything until the end of the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT_S)
        except ConnectionResetError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(listener: HttpListener) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(*listener.address))
    try:
        yield client
    finally:
        await client.close()


async def exchange(listener: HttpListener, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the reply to these octets."""
    async with connected(listener) as client:
        client.writer.write(sent)
        head, _, body = (await client.read()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


async def test_get_is_answered_and_the_connection_closed() -> None:
    async with listening() as listener:
        sent = b"GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nAccept: text/html;q=1\r\n\r\n"
        status, headers, body = await exchange(listener, sent)
    assert (status, body) == (200, b"/a/b text/html;q=1")
    assert headers["content-type"] == "text/x-test"
    assert headers["content-length"] == str(len(body))
    assert headers["connection"] == "close"


async def test_head_gets_the_same_without_the_body() -> None:
    async with listening() as listener:
        status, headers, body = await exchange(listener, GET.replace(b"GET", b"HEAD"))
    assert (status, headers["content-length"], body) == (200, "2", b"")


async def test_http_1_0_will_do() -> None:
    async with listening() as listener:
        assert (await exchange(listener, b"GET / HTTP/1.0\r\n\r\n"))[0] == 200


async def test_status_of_the_reply() -> None:
    async with listening() as listener:
        assert (await exchange(listener, GET.replace(b"/ ", b"/missing ")))[0] == 404


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"BREW"])
async def test_other_methods_are_refused(method: bytes) -> None:
    async with listening() as listener:
        sent = method + b" / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        status, headers, _ = await exchange(listener, sent)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # HTTP/1.1 wants a Host
    ],
)
async def test_garbage_gets_an_error_and_harms_nobody(garbage: bytes) -> None:
    async with listening() as listener:
        status, _, _ = await exchange(listener, garbage)
        assert 400 <= status < 600
        assert (await exchange(listener, GET))[0] == 200


async def test_long_headers_are_refused() -> None:
    async with listening(limits=HttpLimits(request_octets=1000)) as listener:
        long = GET[:-2] + b"X: " + b"y" * 2000 + b"\r\n\r\n"
        assert (await exchange(listener, long))[0] == 431


async def test_headers_that_never_end_are_refused() -> None:
    async with listening(limits=HttpLimits(request_octets=1000)) as listener:
        assert (await exchange(listener, GET[:-2] + b"X: " + b"y" * 2000))[0] == 431


async def test_octets_now_and_then_gain_no_time() -> None:
    async with listening(limits=HttpLimits(request_s=0.3)) as listener, connected(listener) as slow:
        ended = asyncio.ensure_future(slow.read())
        for octet in GET[:-1] * 100:
            if ended.done():
                break
            slow.writer.write(bytes((octet,)))
            await asyncio.sleep(0.02)
        assert await ended == b""


async def test_full_listener_gives_up_who_waits_longest_for_himself() -> None:
    limits = HttpLimits(connections=2, request_s=60.0)
    async with listening(limits=limits) as listener, connected(listener) as oldest:
        await until(lambda: listener.connections == 1)
        async with connected(listener) as other:
            await until(lambda: listener.connections == 2)
            assert (await exchange(listener, GET))[0] == 200
            assert await oldest.read() == b""
            other.writer.write(GET)
            assert b" 200 " in await other.read()


async def test_who_is_being_answered_is_not_given_up() -> None:
    may_reply = asyncio.Event()

    async def respond(request: HttpRequest) -> HttpReply:
        await may_reply.wait()
        return text_reply("late")

    async with (
        listening(respond, HttpLimits(connections=1)) as listener,
        connected(listener) as first,
    ):
        first.writer.write(GET)
        await asyncio.sleep(0)
        await until(lambda: any(not client.is_waiting for client in listener._clients))
        async with connected(listener) as second:
            assert await second.read() == b""
        may_reply.set()
        assert b"late" in await first.read()


async def test_mistake_of_ours_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def respond(request: HttpRequest) -> HttpReply:
        raise ValueError("ours")

    async with listening(respond) as listener:
        assert (await exchange(listener, GET))[0] == 500
        assert (await exchange(listener, GET))[0] == 500
    assert len(caplog.records) == 1  # not once for every request


async def test_reply_that_takes_too_long_is_not_waited_for() -> None:
    cancelled = asyncio.Event()

    async def respond(request: HttpRequest) -> HttpReply:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return text_reply("never")

    async with listening(respond, HttpLimits(reply_s=0.2)) as listener:
        async with connected(listener) as client:
            client.writer.write(GET)
            assert await client.read() == b""
        await asyncio.wait_for(cancelled.wait(), WAIT_S)


async def test_reader_that_takes_nothing_is_cut_off() -> None:
    async def respond(request: HttpRequest) -> HttpReply:
        return HttpReply(bytes(50_000_000))

    async with (
        listening(respond, HttpLimits(reply_s=0.3)) as listener,
        connected(listener) as client,
    ):
        client.writer.write(GET)
        await until(lambda: listener.connections == 1)
        await until(lambda: listener.connections == 0)


async def test_client_that_has_closed_its_side_gets_its_reply() -> None:
    async def respond(request: HttpRequest) -> HttpReply:
        await asyncio.sleep(0.05)
        return text_reply("here")

    async with listening(respond) as listener, connected(listener) as client:
        client.writer.write(GET)
        client.writer.write_eof()
        assert b"here" in await client.read()


async def test_client_that_goes_at_once_leaves_nothing_behind() -> None:
    async with listening() as listener:
        for _ in range(20):
            async with connected(listener) as client:
                client.writer.write(GET[:5])
        await until(lambda: listener.connections == 0)
        assert (await exchange(listener, GET))[0] == 200
