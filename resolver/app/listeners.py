"""The sockets of a server: opened for its addresses, kept over changes of configuration.

UDP and TCP share address and port. When the addresses change, new sockets are opened before the old
ones are let go, and those that stay are not touched. An old socket answers what it has received.

Knows: addresses, sockets. Does not know: what a query is answered with.
"""

import asyncio
import errno
import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolver.clock import Clock
from resolver.config.schema import ServerSettings
from resolver.errors import ConfigError, Finding
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.listen_stream import StreamListener, open_stream_socket
from resolver.net.listen_udp import UdpListener, open_udp_socket
from resolver.net.run import Driver
from resolver.net.stream_places import StreamLimits
from resolver.policy.waiting import Waiting
from resolver.serve.fast import FastPath
from resolver.serve.service import Service
from resolver.serve.tally import Tally

# Port 0 takes a free UDP port, which may be taken for TCP.
_PORT_ATTEMPTS = 16
# Steps for a listener that is let go may still end, and their replies are sent.
LAST_REPLIES_S = 16.0


class Pair(NamedTuple):
    """The sockets of one address."""

    udp: socket.socket
    stream: socket.socket

    def close(self) -> None:
        """Close both."""
        self.udp.close()
        self.stream.close()


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
        self.fast = FastPath(service.answers, service.access.bits, service.cookies)
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

    @property
    def addresses(self) -> list[Address]:
        """What is listened on."""
        return [listener.address for listener in self._udp.values()]

    @property
    def pairs(self) -> Mapping[Address, Pair]:
        """The sockets, by address as configured."""
        return self._pairs

    def start(self, pairs: Mapping[Address, Pair], driver: Driver) -> None:
        """Answer on these from now on. To be called in the event loop."""
        self._pairs = dict(pairs)
        self._udp = {address: self._listen(pair, driver) for address, pair in pairs.items()}
        self.stream = StreamListener(
            [pair.stream for pair in pairs.values()],
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

    def open_new(self, wanted: Iterable[Address]) -> dict[Address, Pair]:
        """Sockets for the addresses that are not listened on yet. Raises ConfigError."""
        return open_pairs(address for address in wanted if address not in self._udp)

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
        self.fast.turn_to(self._service.cookies)
        self.waiting.turn_to(
            per_network=settings.waiting_per_network, discard_after_s=settings.discard_after
        )
        self.stream.turn_to(driver, StreamLimits.of(settings))
        for listener in self._udp.values():
            listener.turn_to(driver)
        for address, pair in opened.items():
            self._pairs[address] = pair
            self._udp[address] = self._listen(pair, driver)
            self._udp[address].start()
            self.stream.add(pair.stream)
        for address in [address for address in self._udp if address not in settings.listen]:
            self._let_go(address)

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

    def _listen(self, pair: Pair, driver: Driver) -> UdpListener:
        return UdpListener(
            pair.udp,
            self._service,
            driver,
            self.fast,
            clock=self._clock,
            metrics=self._metrics,
            tally=self._tally,
            waiting=self.waiting,
        )

    def _let_go(self, address: Address) -> None:
        assert self.stream is not None
        listener = self._udp.pop(address)
        listener.finish()
        self.stream.remove(self._pairs.pop(address).stream)
        self._leaving.add(listener)
        asyncio.get_running_loop().call_later(LAST_REPLIES_S, self._close, listener)

    def _close(self, listener: UdpListener) -> None:
        if listener in self._leaving:
            self._leaving.discard(listener)
            listener.close()


def open_pairs(addresses: Iterable[Address]) -> dict[Address, Pair]:
    """Sockets for each address, all or none. Raises ConfigError with every one that is not to be
    had."""
    pairs: dict[Address, Pair] = {}
    faults: list[Finding] = []
    for address in addresses:
        try:
            pairs[address] = _open_pair(address)
        except OSError as error:
            faults.append(Finding("server.listen", 0, _explain(address, error)))
    if faults:
        for pair in pairs.values():
            pair.close()
        raise ConfigError(faults)
    return pairs


def _open_pair(address: Address) -> Pair:
    """UDP and TCP on one address; with port 0 on a port that is free for both. Raises OSError."""
    for attempt in range(_PORT_ATTEMPTS):
        udp = open_udp_socket(address)
        try:
            return Pair(udp, open_stream_socket(address._replace(port=udp.getsockname()[1])))
        except OSError:
            udp.close()
            if address.port or attempt == _PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("the loop above returns or raises")


def _explain(address: Address, error: OSError) -> str:
    text = f"{address}: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM) and address.port < 1024:
        text += (
            "; ports below 1024 need a privilege: sysctl net.ipv4.ip_unprivileged_port_start=53,"
            " or AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit, or another port"
        )
    return text
