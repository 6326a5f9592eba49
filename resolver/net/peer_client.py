"""Single questions to other servers of our zones: SOA queries and NOTIFYs, signed or not.

Over UDP from a random port, again after each wait; over TCP when the answer is truncated or when
somebody on the way seems to guess ids. These are few and slow, so each is a coroutine with a socket
of its own; questions of clients go another way (net/run.py).

Knows: sockets, retries, TSIG of a single answer (RFC 8945 section 5.3). Does not know: what is
asked, zones, whole transfers (net/transfer_client.py).
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from resolver.clock import Clock
from resolver.errors import WireError
from resolver.model import Message
from resolver.net.entropy import Entropy
from resolver.net.outbound import Outgoing
from resolver.net.outbound_udp import PORT_DRAWS, RECEIVE_OCTETS, reason_of
from resolver.net.sources import Sources
from resolver.wire.build import build
from resolver.wire.framing import Framer, frame
from resolver.wire.parse import parse
from resolver.wire.tsig import Key, Signer, Verifier
from resolver.zone.peer import Peer

CONNECT_S = 10.0
STREAM_REPLY_S = 10.0
PASSED_ON_S = 5.0
HEADER_OCTETS = 12
_TC = 0x02
_QR = 0x80
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer, rightly signed if the question was."""

    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer that can be used, and why."""

    reason: str


class Sealed:
    """A query as it goes out, signed when there is a key, and the judge of what comes back."""

    __slots__ = ("_key", "_mac", "message", "packet")

    def __init__(self, message: Message, key: Key | None, wall_s: float) -> None:
        self.message = message
        self.packet = build(message)
        self._key = key
        self._mac = b""
        if key is not None:
            signer = Signer(key)
            self.packet = signer.sign(self.packet, wall_s)
            self._mac = signer.mac

    def verifier(self) -> Verifier | None:
        """For the answers to this query, in their order; None when it was not signed."""
        return None if self._key is None else Verifier(self._key, self._mac)

    def is_answered_by(self, packet: bytes) -> bool:
        """Whether a packet is a response with our id."""
        return is_reply_to(self.packet, packet)


def is_reply_to(query: bytes, packet: bytes) -> bool:
    """Whether a packet is a response with the id of the query."""
    return len(packet) >= HEADER_OCTETS and packet[:2] == query[:2] and bool(packet[2] & _QR)


class _GuessedError(Exception):
    """A datagram with a wrong id came: somebody may be guessing."""


class PeerClient:
    """Asks other servers. Make it in the process and loop that use it."""

    def __init__(self, outgoing: Outgoing, keys: Mapping[bytes, Key], *, clock: Clock) -> None:
        """`keys` by lower-case name; every key of a peer must be among them."""
        self.entropy = Entropy()
        self._sources = Sources(
            outgoing.source, entropy=self.entropy, ipv4=outgoing.ipv4, ipv6=outgoing.ipv6
        )
        self._keys = keys
        self._clock = clock

    def seal(self, message: Message, peer: Peer) -> Sealed:
        """The query for this peer."""
        key = None if peer.key is None else self._keys[peer.key]
        return Sealed(message, key, self._clock.wall())

    def flaw(self, verifier: Verifier | None, packet: bytes) -> str | None:
        """What is wrong with the signature of the next answer to a query."""
        if verifier is None:
            return None
        flaw = verifier.verify(packet, self._clock.wall())
        return None if flaw is None else f"TSIG: {flaw.reason}"

    async def ask(
        self,
        make: Callable[[int], Message],
        peer: Peer,
        *,
        waits_s: Sequence[float],
        matches: Callable[[Message, Message], bool],
    ) -> Replied | Failed:
        """Ask over UDP, once for each wait. `make` gets the id; `matches` says whether a response
        with the right id answers the query."""
        result: Replied | Failed = Failed("no reply")
        for wait_s in waits_s:
            sealed = self.seal(make(self.entropy.number()), peer)
            try:
                async with asyncio.timeout(wait_s):
                    result = await self._ask_datagram(sealed, peer, matches)
            except TimeoutError:
                continue
            except OSError as error:
                result = Failed(reason_of(error))
                # Nobody listens there at the moment, or there is no way: that may change.
                if wait_s is not waits_s[-1]:
                    await asyncio.sleep(wait_s)
                continue
            except _GuessedError:
                return await self._ask_stream(sealed, peer, matches)
            if isinstance(result, Replied) and result.message.flags & _TC << 8:
                return await self._ask_stream(sealed, peer, matches)
            return result
        return result

    async def pass_on(self, packet: bytes, peer: Peer) -> bytes | Failed:
        """Send somebody else's message as it is, over TCP since its id is known to others; the
        reply as it is."""
        try:
            async with asyncio.timeout(PASSED_ON_S):
                with closing(await self.connect(peer)) as sock:
                    loop = asyncio.get_running_loop()
                    await loop.sock_sendall(sock, frame(packet))
                    framer = Framer()
                    while data := await loop.sock_recv(sock, RECEIVE_OCTETS):
                        for reply in framer.feed(data):
                            if is_reply_to(packet, reply):
                                return reply
                    return Failed("connection closed before the answer")
        except TimeoutError:
            return Failed("no reply over TCP")
        except OSError as error:
            return Failed(f"over TCP: {reason_of(error)}")

    async def _ask_datagram(
        self, sealed: Sealed, peer: Peer, matches: Callable[[Message, Message], bool]
    ) -> Replied | Failed:
        loop = asyncio.get_running_loop()
        with closing(self._datagram_socket(peer.address.ip)) as sock:
            sock.connect(peer.address)
            await loop.sock_sendall(sock, sealed.packet)
            while True:
                packet = await loop.sock_recv(sock, RECEIVE_OCTETS)
                if packet[:2] != sealed.packet[:2]:
                    raise _GuessedError
                result = self._judge(sealed, packet, matches)
                if result is not None:
                    return result

    async def _ask_stream(
        self, sealed: Sealed, peer: Peer, matches: Callable[[Message, Message], bool]
    ) -> Replied | Failed:
        try:
            async with asyncio.timeout(STREAM_REPLY_S):
                with closing(await self.connect(peer)) as sock:
                    return await self._ask_connected(sock, sealed, matches)
        except TimeoutError:
            return Failed("no reply over TCP")
        except OSError as error:
            return Failed(f"over TCP: {reason_of(error)}")

    async def _ask_connected(
        self,
        sock: socket.socket,
        sealed: Sealed,
        matches: Callable[[Message, Message], bool],
    ) -> Replied | Failed:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, frame(sealed.packet))
        framer = Framer()
        while data := await loop.sock_recv(sock, RECEIVE_OCTETS):
            for packet in framer.feed(data):
                return self._judge(sealed, packet, matches) or Failed("another answer over TCP")
        return Failed("connection closed before the answer")

    def _judge(
        self, sealed: Sealed, packet: bytes, matches: Callable[[Message, Message], bool]
    ) -> Replied | Failed | None:
        """What a packet gives; None when it is no answer to our query."""
        if not sealed.is_answered_by(packet):
            return None
        flaw = self.flaw(sealed.verifier(), packet)
        if flaw is not None:
            return Failed(flaw)
        try:
            reply = parse(packet)
        except WireError as error:
            return Failed(f"malformed answer: {error}")
        return Replied(reply) if matches(sealed.message, reply) else None

    async def connect(self, peer: Peer) -> socket.socket:
        """A TCP connection. Raises OSError, TimeoutError after CONNECT_S."""
        ip, port = peer.address
        six = ":" in ip
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.bind((self._sources.pick(six=six), 0))
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(sock, (ip, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _datagram_socket(self, ip: str) -> socket.socket:
        """A UDP socket on a random port. Raises OSError."""
        six = ":" in ip
        source = self._sources.pick(six=six)
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for draws_left in range(PORT_DRAWS, 0, -1):
            try:
                sock.bind((source, self.entropy.port()))
                break
            except OSError as error:
                if draws_left == 1 or error.errno not in _TAKEN:
                    sock.close()
                    raise
        return sock
