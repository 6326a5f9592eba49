"""The same Internet on real sockets: each server gets a loopback address, all share one port.

    with Loopback(net) as up:
        ...  # up.hints for a hints file, up.port for outgoing.port

A server 198.51.100.2 listens on 127.51.100.2 (or on another 127.x.y.z when that is taken), UDP and
TCP; every address record of the tree that names a server says the new address. IPv6 servers too get
an address from 127.0.0.0/8, and their AAAA records become A records, for ::1 is the only IPv6
loopback address there is. Faults and log keep the old addresses. In a network namespace of your
own, where every address can be made local, servers can have the addresses they are named by.
Runs in a thread of its own, so that synchronous tests can use it; needs no privileges.

Knows: sockets, threads. Does not know: what the servers say.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from resolver.testing.internet import Internet

MAX_CONNECTIONS = 1000
MAX_UNSENT_OCTETS = 1 << 20
_BATCH = 64
_READ_OCTETS = 65_536
_PORT_TRIES = 20
_STOP_S = 5.0
_NO_DELAY_S = 0.0005


@dataclass(slots=True, eq=False)
class _Connection:
    """A TCP connection to one of the servers."""

    server: str
    socket: socket.socket
    read: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)


class Loopback:
    """Serves `net` from start to stop, or inside `with`. Servers added later are not bound.

    `port` 0 takes a free one. With `moved` false servers are bound to the very addresses that the
    tree names, which must be addresses of this machine.
    """

    def __init__(self, net: Internet, *, port: int = 0, moved: bool = True) -> None:
        self.net = net
        self.port = port
        self.addresses = map_addresses(net.servers) if moved else {s: s for s in net.servers}
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, int, Callable[[bytes], None], bytes]] = []
        self._sequence = 0
        self._connections: set[_Connection] = set()
        self._wake, self._woken = socket.socketpair()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def hints(self) -> str:
        """The content of a hints file."""
        return self.net.hints_text

    def write_hints(self, path: Path | str) -> Path:
        """Write a hints file; its path."""
        path = Path(path)
        path.write_text(self.hints, encoding="ascii")
        return path

    def address(self, server: str) -> str:
        """Where a server of the tree is found now. Raises KeyError."""
        return self.addresses[str(ip_address(server))]

    def start(self) -> None:
        """Bind everything and serve. Raises OSError when there is no port free on all addresses."""
        self.net.move({s: a for s, a in self.addresses.items() if s != a})
        udp, tcp = self._bind()
        for server, bound in udp.items():
            self._selector.register(bound, selectors.EVENT_READ, ("udp", server))
        for server, bound in tcp.items():
            self._selector.register(bound, selectors.EVENT_READ, ("accept", server))
        self._selector.register(self._woken, selectors.EVENT_READ, ("stop", None))
        self._thread = threading.Thread(target=self._serve, name="fake-internet", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything. Raises what went wrong in the thread, if anything did."""
        if self._thread is None:
            return
        self._wake.send(b"x")
        self._thread.join(_STOP_S)
        self._thread = None
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._wake.close()
        self.net.move({})
        if self._failure is not None:
            raise self._failure

    def _bind(self) -> tuple[dict[str, socket.socket], dict[str, socket.socket]]:
        wanted = {s: a for s, a in self.addresses.items() if self.net.is_reachable(s)}
        for attempt in range(_PORT_TRIES):
            udp: dict[str, socket.socket] = {}
            tcp: dict[str, socket.socket] = {}
            port = self.port
            try:
                for server, address in wanted.items():
                    udp[server] = _bound(socket.SOCK_DGRAM, address, port)
                    port = udp[server].getsockname()[1]
                    tcp[server] = _bound(socket.SOCK_STREAM, address, port)
            except OSError:
                for bound in (*udp.values(), *tcp.values()):
                    bound.close()
                if self.port or attempt == _PORT_TRIES - 1:
                    raise
            else:
                self.port = port
                break
        return udp, tcp

    def _serve(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:
            self._failure = error

    def _turn(self) -> bool:
        """One wake-up; False at the end."""
        wait_s = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
        for key, events in self._selector.select(wait_s):
            kind, what = key.data
            if kind == "udp":
                self._read_datagrams(key.fileobj, what)  # type: ignore[arg-type]
            elif kind == "accept":
                self._accept(key.fileobj, what)  # type: ignore[arg-type]
            elif kind == "stream":
                self._turn_connection(what, events)
            else:
                return False
        while self._later and self._later[0][0] <= time.monotonic():
            _, _, send, packet = heappop(self._later)
            send(packet)
        return True

    def _respond(
        self, server: str, packet: bytes, send: Callable[[bytes], None], *, stream: bool
    ) -> None:
        now = time.monotonic()
        for sent in self.net.exchange(server, packet, stream=stream, at=now):
            # The tree's round-trip time is for the virtual clock; sockets have their own.
            delay_s = sent.after_s - self.net.rtt_s
            if delay_s < _NO_DELAY_S:
                send(sent.packet)
            else:
                self._sequence += 1
                heappush(self._later, (now + delay_s, self._sequence, send, sent.packet))

    def _read_datagrams(self, bound: socket.socket, server: str) -> None:
        for _ in range(_BATCH):
            try:
                packet, peer = bound.recvfrom(_READ_OCTETS)
            except OSError:
                return

            def send(reply: bytes, peer: tuple[str, int] = peer) -> None:
                with suppress(OSError):
                    bound.sendto(reply, peer)

            self._respond(server, packet, send, stream=False)

    def _accept(self, listener: socket.socket, server: str) -> None:
        with suppress(OSError):
            accepted, _ = listener.accept()
            if len(self._connections) >= MAX_CONNECTIONS:
                accepted.close()
                return
            accepted.setblocking(False)
            connection = _Connection(server, accepted)
            self._connections.add(connection)
            self._selector.register(accepted, selectors.EVENT_READ, ("stream", connection))

    def _turn_connection(self, connection: _Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush(connection)
        if not events & selectors.EVENT_READ:
            return
        try:
            data = connection.socket.recv(_READ_OCTETS)
        except OSError:
            data = b""
        if not data or len(connection.unsent) > MAX_UNSENT_OCTETS:
            self._close(connection)
            return
        read = connection.read
        read += data
        while len(read) >= 2 and len(read) >= (end := 2 + int.from_bytes(read[:2], "big")):
            packet = bytes(read[2:end])
            del read[:end]

            def send(reply: bytes) -> None:
                connection.unsent += len(reply).to_bytes(2, "big") + reply
                self._flush(connection)

            self._respond(connection.server, packet, send, stream=True)

    def _flush(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        del connection.unsent[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        self._selector.modify(connection.socket, events, ("stream", connection))

    def _close(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._selector.unregister(connection.socket)
            connection.socket.close()


def map_addresses(servers: list[str]) -> dict[str, str]:
    """A loopback address of its own for each server; 127.0.0.0/24 is left to others."""
    mapped: dict[str, str] = {}
    taken = set()
    spare = iter(f"127.{a}.{b}.{c}" for a in (6, 7) for b in range(256) for c in range(1, 255))
    for server in servers:
        address = "127." + server.partition(".")[2] if "." in server else ""
        while not address or address in taken or address.startswith("127.0.0."):
            address = next(spare)
        taken.add(address)
        mapped[server] = address
    return mapped


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        bound.bind((address, port))
        if kind == socket.SOCK_STREAM:
            bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound
