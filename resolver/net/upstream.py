"""One TCP connection to another server, with several queries under way on it.

Queries are pipelined, each with an id that is free on this connection, and responses are matched by
id and question in whatever order they come (RFC 7766 sections 6.2.1.1 and 7).

Knows: framing, ids. Does not know: which connections there are, engines, time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.circles import end_circle, with_socket
from resolver.net.cookies import Cookies
from resolver.net.entropy import Entropy
from resolver.net.flight import End, Flight
from resolver.net.match import Miss, QueryMaker, read_response
from resolver.wire.framing import Framer, frame

# More packets than this that match nothing, and the connection is of no use.
MOST_MISMATCHES = 16
PIPELINED_QUERIES = 64


Lost = Callable[["Upstream", Exception | None], None]


class Upstream(asyncio.Protocol):
    """A connection, from before it is open to after it is closed. `replies` counts responses that
    matched. `lost` is told when it has ended by itself, with its flights still on it."""

    def __init__(
        self,
        server: Address,
        *,
        end: End,
        lost: Lost,
        entropy: Entropy,
        metrics: Metrics,
        cookies: Cookies | None,
    ) -> None:
        self.server = server
        self.replies = 0
        self.idle_since = 0.0
        self.opening: asyncio.Task[None] | None = None
        self._end = end
        self._lost = lost
        self._metrics = metrics
        self._entropy = entropy
        self._queries = QueryMaker(entropy, cookies)
        self._framer = Framer()
        self._flights: dict[int, Flight] = {}
        self._transport: asyncio.Transport | None = None
        self._circle: asyncio.BaseTransport | None = None
        self._own = ""
        self._mismatches = 0
        self._paused = False
        self.closed = False

    @property
    def busy(self) -> int:
        """Flights under way."""
        return len(self._flights)

    @property
    def has_room(self) -> bool:
        """Whether another query may go on this connection."""
        return not (self.closed or self._paused or self.busy >= PIPELINED_QUERIES)

    def flights(self) -> list[Flight]:
        """The flights under way, oldest first."""
        return list(self._flights.values())

    def take(self, flight: Flight) -> None:
        """Send a flight's query, as soon as the connection is open."""
        number = self._entropy.number()
        while number in self._flights:
            number = self._entropy.number()
        flight.sent = None
        flight.upstream = self
        flight.number = number
        self._flights[number] = flight
        if self._transport is not None:
            self._transport.write(self._query(flight))

    def _query(self, flight: Flight) -> bytes:
        """The framed query of a flight that goes out now."""
        # No case mixing: a forger would have to be on the path to get into the stream at all.
        sent = self._queries.make_with_id(flight.ask, self._own, flight.number)
        flight.sent = sent
        flight.sent_at = time.monotonic()
        return frame(sent.packet)

    def drop(self, flight: Flight) -> None:
        """Forget a flight; a late response to it will count as a mismatch."""
        if flight.upstream is self:
            flight.upstream = None
            self._flights.pop(flight.number, None)

    def close(self) -> None:
        """End the connection at once. Tells nobody."""
        self.closed = True
        if self.opening is not None:
            self.opening.cancel()
            self.opening = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open: send what has waited for it."""
        self._transport = cast(asyncio.Transport, transport)
        self._circle = with_socket(transport)
        if self.closed:
            self._transport.abort()
            return
        self._own = self._transport.get_extra_info("sockname")[0]
        if self._flights:
            self._transport.write(b"".join([self._query(f) for f in self._flights.values()]))

    def data_received(self, data: bytes) -> None:
        """Octets from the server."""
        for packet in self._framer.feed(data):
            if self.closed:
                return
            self._receive(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever made it."""
        end_circle(self._circle)
        if not self.closed:
            self.closed = True
            self._lost(self, exc)

    def pause_writing(self) -> None:
        """The server does not read: give it no more queries."""
        self._paused = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._paused = False

    def _receive(self, packet: bytes) -> None:
        flight = self._flights.get(int.from_bytes(packet[:2], "big"))
        if flight is None or flight.sent is None:
            self._metrics.upstream_mismatched_total += 1
            self._mismatch()
            return
        rtt_s = time.monotonic() - flight.sent_at
        verdict = read_response(flight.sent, packet, rtt_s, self._metrics, stream=True)
        if isinstance(verdict, Miss):
            self._mismatch()
            return
        self.replies += 1
        self._end(flight, verdict)

    def _mismatch(self) -> None:
        self._mismatches += 1
        if self._mismatches > MOST_MISMATCHES and self._transport is not None:
            self._transport.abort()
