"""A small HTTP listener for machines that look after this one: one short request, one reply, close.

Everything is bounded: connections, octets of a request, its time from the first octet of a
connection to the last of the header (so an octet now and then gains nothing), and the time a client
may take to read. When all places are taken, whoever has waited longest for its own request goes. A
body that comes with a request is never read.

Knows: HTTP/1.1 through h11, sockets. Does not know: what is at which path.

Sources: RFC 9110 sections 9.1 and 15.5 (methods, errors of clients), RFC 9112 section 9.6 (close).
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import h11

from resolver.clock import Clock
from resolver.model import Address

BACKLOG = 64
_LOG_EVERY_S = 1.0
_TEXT = "text/plain; charset=utf-8"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """`request_s` is for the whole request, `reply_s` for making and taking the whole reply."""

    connections: int = 16
    request_octets: int = 8192
    request_s: float = 5.0
    reply_s: float = 20.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What was asked for with GET or HEAD. `path` has no query behind it; `accept` is the header of
    that name, empty without one."""

    path: str
    accept: str = ""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What is sent for it."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = _TEXT


Responder = Callable[[HttpRequest], Awaitable[HttpReply]]


def text_reply(text: str, status: HTTPStatus = HTTPStatus.OK) -> HttpReply:
    """A line for people."""
    return HttpReply(text.encode() + b"\n", status)


class HttpListener:
    """A listening TCP socket and its connections. Owns the socket from here on."""

    def __init__(
        self,
        sock: socket.socket,
        respond: Responder,
        *,
        clock: Clock,
        limits: HttpLimits | None = None,
    ) -> None:
        self.respond = respond
        self.limits = limits or HttpLimits()
        self.address = Address(*sock.getsockname()[:2])
        self._sock = sock
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._clients: dict[HttpClient, None] = {}  # in the order of arrival
        self._next_log_at = 0.0

    async def start(self) -> None:
        """Accept from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HttpClient(self), sock=self._sock, backlog=BACKLOG
        )

    def close(self) -> None:
        """Accept no more, and end every connection."""
        if self._server is not None:
            self._server.close()
        self._sock.close()
        for client in list(self._clients):
            client.abort()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._clients)

    def enter(self, client: "HttpClient") -> bool:
        """Take a place, perhaps that of somebody who only waits; False when there is none."""
        if len(self._clients) >= self.limits.connections:
            slowest = next((c for c in self._clients if c.is_waiting), None)
            if slowest is None:
                return False
            self._clients.pop(slowest)
            slowest.abort()
        self._clients[client] = None
        return True

    def leave(self, client: "HttpClient") -> None:
        """Give the place back."""
        self._clients.pop(client, None)

    def report(self) -> None:
        """Log our own mistake, which is being handled, but not once for every request."""
        now = self._clock.now()
        if now >= self._next_log_at:
            self._next_log_at = now + _LOG_EVERY_S
            _log.exception("%s: a request over HTTP failed", self.address)


class HttpClient(asyncio.Protocol):
    """One connection: a request, a reply, the end. `is_waiting` until the request is there."""

    def __init__(self, listener: HttpListener) -> None:
        self._listener = listener
        self._http = h11.Connection(
            h11.SERVER, max_incomplete_event_size=listener.limits.request_octets
        )
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_waiting = True
        self._wants_body = True
        self._octets = 0

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        if not self._listener.enter(self):
            self._transport.abort()
            return
        self._set_deadline(self._listener.limits.request_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever made it."""
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        if self._task is not None:
            self._task.cancel()
        self._listener.leave(self)

    def data_received(self, data: bytes) -> None:
        """Octets of a request."""
        if not self.is_waiting:
            return
        # h11 bounds what is incomplete, not what comes at once.
        self._octets += len(data)
        if self._octets > self._listener.limits.request_octets:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            self._refuse(HTTPStatus(error.error_status_hint))
            return
        if isinstance(event, h11.Request):
            self._begin(event)

    def eof_received(self) -> bool:
        """The client sends no more; True keeps our side open for the reply."""
        return not self.is_waiting

    def _refuse(self, status: HTTPStatus) -> None:
        self._reply(text_reply(f"{status.value} {status.phrase}", status))

    def _begin(self, event: h11.Request) -> None:
        if event.method not in (b"GET", b"HEAD"):
            status = HTTPStatus.METHOD_NOT_ALLOWED
            self._reply(text_reply("only GET and HEAD", status), [(b"Allow", b"GET, HEAD")])
            return
        self.is_waiting = False
        self._wants_body = event.method == b"GET"
        self._set_deadline(self._listener.limits.reply_s)
        path = event.target.partition(b"?")[0].decode("ascii", "replace")
        accept = next((value for name, value in event.headers if name == b"accept"), b"")
        request = HttpRequest(path, accept.decode("latin-1"))
        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: HttpRequest) -> None:
        try:
            reply = await self._listener.respond(request)
        except Exception:
            self._listener.report()
            reply = text_reply("internal error", HTTPStatus.INTERNAL_SERVER_ERROR)
        self._reply(reply)

    def _reply(self, reply: HttpReply, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        """Send it, and close once it has been taken."""
        transport = self._transport
        if transport is None:
            return
        self.is_waiting = False
        self._set_deadline(self._listener.limits.reply_s)
        head = h11.Response(
            status_code=reply.status.value,
            reason=reply.status.phrase.encode(),
            headers=[
                (b"Content-Type", reply.content_type.encode()),
                (b"Content-Length", str(len(reply.body)).encode()),
                (b"Cache-Control", b"no-store"),
                (b"Connection", b"close"),
                *(headers or []),
            ],
        )
        with contextlib.suppress(h11.LocalProtocolError):  # nothing can be said to half a request
            transport.write(self._http.send(head) or b"")
            if self._wants_body:
                transport.write(self._http.send(h11.Data(reply.body)) or b"")
        transport.close()

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.abort)
