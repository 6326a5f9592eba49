"""Something between two servers that can hold a transfer at an exact octet.

UDP and TCP on one loopback port are passed on to another. What the far side sends on a connection
stops after so many octets until it is let go, or either side is gone.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import peer_servers
from transfer_peers import LOOPBACK

_READ_OCTETS = 4096
_POLL_S = 0.01


class Relay:
    """One way through. `held` is set when a connection has been stopped."""

    def __init__(self, to_port: int) -> None:
        self.port = peer_servers.free_port()
        self.held = threading.Event()
        self._to_port = to_port
        self._limit: int | None = None
        self._accepted: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    def hold_after(self, octets: int) -> None:
        """Stop each connection after so many octets of answers, from now on."""
        self.held.clear()
        self._limit = octets

    def let_go(self) -> None:
        """Everything passes again."""
        self._limit = None

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._to_port), local_addr=(LOOPBACK, self.port)
        )
        server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        try:
            await loop.create_future()  # until it is cancelled
        finally:
            server.close()
            datagrams.close()
            for task in self._passing:
                task.cancel()
            await asyncio.gather(*self._passing, return_exceptions=True)
            for writer in self._accepted:
                writer.transport.abort()
            await asyncio.sleep(_POLL_S)  # transports close in a later turn

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Know a connection before its task runs, which may be cancelled earlier than that."""
        self._accepted.add(writer)
        task = asyncio.ensure_future(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._to_port)
        except OSError:
            writer.close()
            return
        ways = (
            asyncio.ensure_future(self._queries(reader, far_writer)),
            asyncio.ensure_future(self._answers(far_reader, writer)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Before anything is waited for: a cancellation may come at any wait, here too.
            for end in (writer, far_writer):
                end.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _queries(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ_OCTETS):
                to.write(data)
                await to.drain()

    async def _answers(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        passed = 0
        kept = b""
        with suppress(OSError):
            while True:
                try:
                    data = await asyncio.wait_for(reader.read(_READ_OCTETS), _POLL_S)
                    if not data:
                        return  # what is held goes down with the far side
                    kept += data
                except TimeoutError:
                    pass
                if self._limit is not None and passed + len(kept) > self._limit:
                    self.held.set()
                    continue
                passed += len(kept)
                to.write(kept)
                kept = b""
                await to.drain()


class _Datagrams(asyncio.DatagramProtocol):
    """Each query goes on from a socket of its own."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._asks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        ask = asyncio.ensure_future(self._ask(data, addr))
        self._asks.add(ask)
        ask.add_done_callback(self._asks.discard)

    async def _ask(self, data: bytes, addr: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Reply(reply), remote_addr=(LOOPBACK, self._to_port)
        )
        try:
            transport.sendto(data)
            self._transport.sendto(await asyncio.wait_for(reply, 5), addr)
        except (TimeoutError, OSError):
            pass
        finally:
            transport.close()


class _Reply(asyncio.DatagramProtocol):
    def __init__(self, reply: asyncio.Future[bytes]) -> None:
        self._reply = reply

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        if not self._reply.done():
            self._reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._reply.done():
            self._reply.set_exception(exc)


@contextmanager
def relay(to_port: int) -> Iterator[Relay]:
    """A relay in a thread of its own."""
    made = Relay(to_port)
    begun: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]]
    begun = queue.SimpleQueue()

    async def run() -> None:
        serving = asyncio.ensure_future(made.serve())
        begun.put((asyncio.get_running_loop(), serving))
        with suppress(asyncio.CancelledError):
            await serving

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, serving = begun.get(timeout=10)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()
