"""What listens on the sockets of a server, and goes on doing so when its configuration changes.

When the addresses change, new sockets are opened before the old
ones are let go, and those that stay are not touched. An old socket answers what it has received.

Knows: addresses, sockets. Does not know: what a query is answered with.
"""

import asyncio
from collections.abc import Collection, Mapping

from resolver.app.sockets import Pair, open_pairs, wanted
from resolver.clock import Clock
from resolver.config.schema import ServerSettings
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.listen_stream import StreamListener
from resolver.net.listen_udp import UdpListener
from resolver.net.run import Driver
from resolver.net.stream_places import StreamLimits
from resolver.policy.waiting import Waiting
from resolver.serve.fast import FastPath
from resolver.serve.service import Service
from resolver.serve.tally import Tally

# Steps for a listener that is let go may still end, and their replies are sent.
LAST_REPLIES_S = 16.0


class Listeners:
    """All listeners of a server. Owns the sockets that it is given."""

    def __init__(
        self,
        service: Service,
        settings: ServerSettings,
        *,
        clock: Clock,
        metrics: Metrics,
        tally: Tally,
    ) -> None:
        self.fast = FastPath(service.answers, service.access.bits, service.cookies, service.limiter)
        self.waiting = Waiting(
            per_network=settings.waiting_per_network, discard_after_s=settings.discard_after
        )
        self.stream: StreamListener | None = None
        self._service = service
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._tally = tally
        self._udp: dict[Address, UdpListener] = {}  # by address as configured
        self._pairs: dict[Address, Pair] = {}
        self._leaving: set[UdpListener] = set()
        self.given: Collection[Address] = ()

    @property
    def addresses(self) -> list[Address]:
        """What is listened on."""
        return [pair.address for pair in self._pairs.values()]

    @property
    def pairs(self) -> Mapping[Address, Pair]:
        """The sockets, by address as configured."""
        return self._pairs

    def start(
        self, pairs: Mapping[Address, Pair], driver: Driver, given: Collection[Address] = ()
    ) -> None:
        """Answer on these from now on; those `given` from outside stay whatever is configured. To
        be called in the event loop."""
        self._pairs = dict(pairs)
        self.given = given
        for address, pair in pairs.items():
            self._listen(address, pair, driver)
        self.stream = StreamListener(
            [pair.stream for pair in pairs.values() if pair.stream is not None],
            self._service,
            driver,
            self.fast.hit,
            bits=self._service.access.bits,
            limits=StreamLimits.of(self._settings),
            clock=self._clock,
            metrics=self._metrics,
            tally=self._tally,
        )
        for listener in self._udp.values():
            listener.start()
        self.stream.start()

    def open_new(self, settings: ServerSettings) -> dict[Address, Pair]:
        """Sockets for the addresses that are not listened on yet. Raises ConfigError."""
        addresses = wanted(settings, self.given)
        return open_pairs(address for address in addresses if address not in self._pairs)

    def turn_to(
        self,
        settings: ServerSettings,
        opened: Mapping[Address, Pair],
        driver: Driver,
    ) -> None:
        """Listen on the addresses of these settings from now on, and have steps run by this
        driver. Connections that are open stay."""
        assert self.stream is not None
        self._settings = settings
        self.fast.turn_to(self._service.cookies, self._service.limiter)
        self.waiting.turn_to(
            per_network=settings.waiting_per_network, discard_after_s=settings.discard_after
        )
        self.stream.turn_to(driver, StreamLimits.of(settings))
        for listener in self._udp.values():
            listener.turn_to(driver)
        for address, pair in opened.items():
            self._pairs[address] = pair
            self._listen(address, pair, driver)
            if pair.udp is not None:
                self._udp[address].start()
            if pair.stream is not None:
                self.stream.add(pair.stream)
        for address in self._pairs.keys() - wanted(settings, self.given):
            self._let_go(address)

    @property
    def connections(self) -> int:
        """TCP connections that are open."""
        return 0 if self.stream is None else self.stream.connections

    def retreat(self) -> None:
        """Leave the sockets to somebody else who has them, too. Replies under way are sent, and
        connections that are open are served."""
        for listener in self._udp.values():
            listener.stop()
        if self.stream is not None:
            self.stream.retreat()

    def stop(self) -> None:
        """Take no more queries; replies under way can be sent."""
        for listener in self._udp.values():
            listener.stop()
        if self.stream is not None:
            self.stream.stop()

    async def drain(self, grace_s: float) -> None:
        """Wait at most so long for replies over TCP that are under way."""
        if self.stream is not None:
            await self.stream.drain(grace_s)

    def close(self) -> None:
        """Close everything."""
        for listener in (*self._udp.values(), *self._leaving):
            listener.close()
        self._udp, self._pairs, self.stream = {}, {}, None
        self._leaving.clear()

    def _listen(self, address: Address, pair: Pair, driver: Driver) -> None:
        if pair.udp is not None:
            self._udp[address] = UdpListener(
                pair.udp,
                self._service,
                driver,
                self.fast,
                clock=self._clock,
                metrics=self._metrics,
                waiting=self.waiting,
                tally=self._tally,
            )

    def _let_go(self, address: Address) -> None:
        pair = self._pairs.pop(address)
        if pair.stream is not None and self.stream is not None:
            self.stream.remove(pair.stream)
        listener = self._udp.pop(address, None)
        if listener is not None:
            listener.finish()
            self._leaving.add(listener)
            asyncio.get_running_loop().call_later(LAST_REPLIES_S, self._close, listener)

    def _close(self, listener: UdpListener) -> None:
        if listener in self._leaving:
            self._leaving.discard(listener)
            listener.close()
