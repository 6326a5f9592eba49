"""The HTTP side of looking after a server: /metrics, /healthz and /ready.

Metrics are written out in slices, for one scrape at a time; who asks while that goes on, or within
a second, gets the same text. Once a second it is seen how late the event loop turns, and whether
the server is still ready.

Knows: paths, formats, the event loop. Does not know: what is measured, HTTP itself.
"""

import asyncio
import errno
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from resolver.app.monitor.collect import pieces
from resolver.app.monitor.readiness import ROOT_NS, Readiness
from resolver.effects import Spawn
from resolver.errors import ConfigError, Finding
from resolver.model import Address
from resolver.net.listen_http import HttpListener, HttpReply, HttpRequest, text_reply
from resolver.net.listen_stream import open_stream_socket
from resolver.net.turns import in_turns
from resolver.slices import Slices

if TYPE_CHECKING:
    from resolver.app.server import Server

TICK_S = 1.0
# So long a text is given to whoever asks.
FRESH_S = 1.0
_END = b"# EOF\n"

_log = logging.getLogger(__name__)

Encoder = Callable[[Collector], bytes]


class Monitor:
    """From `start` to `close`; one for a server. `address` is where it listens."""

    def __init__(self, server: "Server", address: Address) -> None:
        """Raises ConfigError when the address cannot be used."""
        self._server = server
        self.readiness = Readiness(server)
        try:
            sock = open_stream_socket(address)
        except OSError as error:
            raise ConfigError([Finding("metrics.listen", 0, _explain(address, error))]) from error
        self._http = HttpListener(sock, self._respond, clock=server.clock)
        self.address = self._http.address
        self._ticking: asyncio.TimerHandle | None = None
        self._tick_at = 0.0
        self._probing = False
        self._collecting = asyncio.Lock()
        self._texts: dict[str, tuple[float, bytes]] = {}  # by content type, with their instant

    async def start(self) -> None:
        """Reply from now on."""
        await self._http.start()
        self._tick_later()

    def close(self) -> None:
        """Reply no more."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._http.close()

    def _tick_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick_at = loop.time() + TICK_S
        self._ticking = loop.call_at(self._tick_at, self._tick)

    def _tick(self) -> None:
        late_s = asyncio.get_running_loop().time() - self._tick_at
        self._server.metrics.loop_delay_seconds.observe(max(0.0, late_s))
        self._tick_later()
        if self.readiness.started and self.readiness.look():
            self._probe()

    def _probe(self) -> None:
        """Ask for the servers of the root; what comes of it is seen in the counters."""
        driver, recursion = self._server.driver, self._server.recursion
        if driver is None or recursion is None or self._probing:
            return
        self._probing = True
        renewal: Spawn = recursion.renewal(ROOT_NS, due=False)
        driver.start(renewal.start(), self._probed)

    def _probed(self, result: object) -> None:
        self._probing = False

    async def _respond(self, request: HttpRequest) -> HttpReply:
        match request.path:
            case "/metrics":
                return await self._metrics(request.accept)
            case "/healthz":
                return text_reply("alive")  # whoever can say so has a loop that turns
            case "/ready":
                reasons = self.readiness.reasons()
                if reasons:
                    return text_reply("\n".join(reasons), HTTPStatus.SERVICE_UNAVAILABLE)
                return text_reply("ready")
        return text_reply("there are /metrics, /healthz and /ready", HTTPStatus.NOT_FOUND)

    async def _metrics(self, accept: str) -> HttpReply:
        encode, content_type = choose_encoder(accept)
        now = self._server.clock.now()
        async with self._collecting:
            written_at, text = self._texts.get(content_type, (-FRESH_S, b""))
            if written_at < now - FRESH_S or not text:
                ready = not self.readiness.reasons()
                text = await in_turns(write_out(self._server, encode, ready=ready))
                self._texts = {content_type: (self._server.clock.now(), text)}
        return HttpReply(text, content_type=content_type)


class _Piece(Collector):
    """One metric, as an encoder wants to be given it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        """The metric."""
        return [self._metric]


def write_out(server: "Server", encode: Encoder, *, ready: bool) -> Slices[bytes]:
    """All metrics as text."""
    parts: list[bytes] = []
    end = b""
    before = ""
    for metric in pieces(server, ready=ready):
        if metric is not None:
            text = encode(_Piece(metric))
            if text.endswith(_END):
                text, end = text[: -len(_END)], _END
            if metric.name == before:
                text = b"".join(
                    line for line in text.splitlines(keepends=True) if not line.startswith(b"#")
                )
            parts.append(text)
            before = metric.name
        yield
    return b"".join(parts) + end


def _explain(address: Address, error: OSError) -> str:
    text = f"{address}: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        text += "; something listens there already"
    return text
