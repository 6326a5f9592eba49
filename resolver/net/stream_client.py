"""One client's TCP connection: queries in, replies out in whatever order they are ready.

Messages carry their length in front (RFC 1035 section 4.2.2); several may be under way, and their
replies leave as they finish (RFC 7766 sections 6.2.1.1 and 7). A client that sends more than is
allowed under way, or does not take its replies, is no longer read from, so that what it can make us
hold is bounded. A client that has closed its side still gets every reply (half-closed connection).
A reply of many packets is made packet by packet, and only while the client takes them.

Knows: framing, flow control. Does not know: other connections, limits of their number, time-outs,
what is in a query.
"""

import asyncio
from collections import deque
from typing import Any, Protocol, cast

from resolver.effects import Steps
from resolver.net.circles import end_circle
from resolver.serve.request import Messages
from resolver.wire.framing import Framer, frame

HEADER_OCTETS = 12
# A socket that does not take this much at once is not being read; then nothing more is answered.
HIGH_WATER_OCTETS = 64 * 1024
LOW_WATER_OCTETS = 16 * 1024
# Replies under way when a client stops reading still come in; this much, and it is cut off.
MOST_UNSENT_OCTETS = 1024 * 1024
# So many queries in a row, then the event loop gets a turn.
BATCH_QUERIES = 64


class Desk(Protocol):
    """The listener, as a connection sees it."""

    @property
    def in_flight(self) -> int:
        """How many queries of one connection may be under way."""
        ...

    def answer(self, packet: bytes, peer: bytes) -> bytes | Steps[bytes | None] | Messages | None:
        """The reply, silence, or steps towards one. Never raises."""
        ...

    def wait_turn(self, client: "StreamClient") -> None:
        """Have `client.take_turn` called soon, after others whose turn it is."""
        ...

    def failed(self) -> None:
        """Tell of the exception that is being handled: a long reply ends in the middle."""
        ...

    def begin(self, client: "StreamClient", steps: Steps[bytes | None]) -> None:
        """Have `client.finished` called with the result of the steps."""
        ...

    def sent(self, replies: int, *, dropped: int = 0) -> None:
        """Count replies that went out, and those that could not."""
        ...

    def moved(self, client: "StreamClient") -> None:
        """The connection's state has changed, or a whole message has come or gone."""
        ...

    def gone(self, client: "StreamClient") -> None:
        """The connection has ended."""
        ...


class StreamClient(asyncio.Protocol):
    """A connection. `under_way` counts queries being worked on; `since` is when the client's time
    began, kept by whoever watches it."""

    def __init__(self, desk: Desk, peer: bytes) -> None:
        self.peer = peer
        self.under_way = 0
        self.since = 0.0
        self._desk = desk
        self._transport: asyncio.Transport | None = None
        self._framer = Framer()
        self._backlog: deque[bytes] = deque()
        self._long_replies: deque[Messages] = deque()
        self._in_line = False
        self._stalled = False
        self._leaving = False
        self._closing = False
        self._working = False
        self._scheduled = False

    @property
    def stuck(self) -> bool:
        """Whether replies wait for the client to take them, or its end for that."""
        return self._stalled or self._closing

    def finish(self) -> None:
        """Take no more queries; close once every reply has gone out."""
        self._leaving = True
        if self._transport is not None:
            self._transport.pause_reading()
        self._work()

    def shut(self) -> None:
        """Close; what has been written still goes out."""
        self._closing = True
        self._forget()
        if self._transport is not None:
            self._transport.close()
            self._desk.moved(self)

    def abort(self) -> None:
        """Close and forget what has not been sent."""
        self._closing = True
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def finished(self, reply: bytes | None) -> None:
        """A query that was under way has its result."""
        self.under_way -= 1
        transport = self._transport
        if reply is None or transport is None or self._closing:
            self._desk.sent(0, dropped=1)
        else:
            self._desk.sent(1)
            transport.write(frame(reply))
            if transport.get_write_buffer_size() > MOST_UNSENT_OCTETS:
                self.abort()
        if transport is not None:
            self._desk.moved(self)
            self._work()

    def take_turn(self) -> None:
        """Send one packet more of a long reply, of each in turn if there are several."""
        self._in_line = False
        transport = self._transport
        if transport is None or self._stalled or not self._long_replies:
            return
        reply = self._long_replies.popleft()
        try:
            packet = reply.take()
        except Exception:
            # The client sees a transfer without its end, which it must not use.
            reply.close()
            self._desk.failed()
            self.abort()
            return
        if packet is None:
            self.under_way -= 1
            self._desk.sent(1)
            self._desk.moved(self)
            self._work()
        else:
            self._long_replies.append(reply)
            transport.write(frame(packet))
        self._get_in_line()

    def _get_in_line(self) -> None:
        if self._long_replies and not (self._in_line or self._stalled):
            self._in_line = True
            self._desk.wait_turn(self)

    def _forget(self) -> None:
        self._backlog.clear()
        self.under_way -= len(self._long_replies)
        while self._long_replies:
            self._long_replies.popleft().close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(HIGH_WATER_OCTETS, LOW_WATER_OCTETS)
        if self._closing:
            self._transport.abort()
        elif self._leaving:
            self.finish()

    def data_received(self, data: bytes) -> None:
        """Octets from the client."""
        packets = self._framer.feed(data)
        if packets:
            self._backlog.extend(packets)
            self._work()

    def eof_received(self) -> bool:
        """The client sends no more; True keeps our side open for the replies."""
        self._leaving = True
        return bool(self.under_way or self._backlog or self._stalled)

    def pause_writing(self) -> None:
        """The client does not take its replies."""
        self._stalled = True
        self._desk.moved(self)

    def resume_writing(self) -> None:
        """It takes them again."""
        self._stalled = False
        self._desk.moved(self)
        self._get_in_line()
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever made it. Work under way goes on: its result is for the cache too."""
        end_circle(self._transport)
        self._transport = None
        self._forget()
        self._desk.gone(self)

    def _work(self) -> None:
        """Answer what has come, as far as the bounds allow; then read on, wait or close."""
        transport = self._transport
        if self._working or self._closing or transport is None:
            return
        self._working = True
        try:
            self._answer_backlog(transport)
        finally:
            self._working = False
        self._go_on(transport)

    def _go_on(self, transport: asyncio.Transport) -> None:
        if self._closing:
            return
        if self._backlog:
            transport.pause_reading()
            if self._may_answer() and not self._scheduled:
                self._scheduled = True
                asyncio.get_running_loop().call_soon(self._work_later)
        elif self._leaving:
            if not self.under_way:
                self.shut()
        elif self._stalled:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _work_later(self) -> None:
        self._scheduled = False
        self._work()

    def _may_answer(self) -> bool:
        return not self._stalled and self.under_way < self._desk.in_flight

    def _answer_backlog(self, transport: asyncio.Transport) -> None:
        replies: list[bytes] = []
        octets = 0
        for _ in range(min(BATCH_QUERIES, len(self._backlog))):
            if self._closing or not self._may_answer():
                break
            packet = self._backlog.popleft()
            if len(packet) < HEADER_OCTETS:
                # Not even a header: whoever sends this speaks something else.
                self._send(transport, replies)
                self.shut()
                break
            reply = self._answer(packet)
            if reply is None:
                continue
            replies.append(frame(reply))
            octets += len(reply)
            if octets >= HIGH_WATER_OCTETS:
                self._send(transport, replies)
                octets = 0
        self._send(transport, replies)
        self._desk.moved(self)

    def _answer(self, packet: bytes) -> bytes | None:
        """The reply when there is one at once."""
        result: Any = self._desk.answer(packet, self.peer)
        if result is None or isinstance(result, bytes):
            return result
        self.under_way += 1
        if isinstance(result, Messages):
            self._long_replies.append(result)
            self._get_in_line()
        else:
            self._desk.begin(self, result)
        return None

    def _send(self, transport: asyncio.Transport, replies: list[bytes]) -> None:
        if replies:
            self._desk.sent(len(replies))
            transport.write(b"".join(replies))
            replies.clear()
