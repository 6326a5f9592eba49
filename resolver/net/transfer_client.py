"""Transfers a zone from another server: one TCP connection, one query, messages until the end.

What the messages say is read by zone/transfer_in.py, a few records at a time, so that queries are
answered in between. The connection is bounded in every way: time to connect, silence, time in all,
and a rate below which it is not worth a place.

Knows: sockets, time, TSIG of a stream (RFC 8945 section 5.3.1). Does not know: which primary to
ask, what becomes of the zone.
"""

import asyncio
import socket
from contextlib import closing
from dataclasses import dataclass

from resolver.clock import Clock
from resolver.codes import RRType
from resolver.model import Message, Question, RRset
from resolver.net.outbound_udp import reason_of
from resolver.net.peer_client import HEADER_OCTETS, PeerClient
from resolver.net.turns import in_turns
from resolver.wire.framing import Framer, frame
from resolver.wire.tsig import Verifier
from resolver.zone.peer import Peer
from resolver.zone.primaries import Unreached
from resolver.zone.transfer_in import Bounds, Inbound, Refused, Result

READ_OCTETS = 65536
# Over so many seconds the least rate is averaged.
RATE_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transfer may take: in all, in silence (seconds), and the least rate that is put up
    with (octets a minute)."""

    total_s: float = 7200.0
    idle_s: float = 60.0
    octets_per_minute: int = 2048


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be transferred: the zone `origin`, from the version that `soa` (rdata) is of on,
    or whole when that is None. `held` is the serial that the new version must be newer than."""

    origin: bytes
    held: int | None
    soa: RRset | None
    bounds: Bounds
    signs_aliases: bool = False  # whether an ALIAS in a signed zone is welcome


async def transfer(
    client: PeerClient, peer: Peer, wanted: Wanted, patience: Patience, *, clock: Clock
) -> Result | Unreached:
    """The result of one transfer. Everything that can go wrong is in it."""
    try:
        sock = await client.connect(peer)
    except TimeoutError:
        return Unreached("no connection in time")
    except OSError as error:
        return Unreached(reason_of(error))
    with closing(sock):
        try:
            async with asyncio.timeout(patience.total_s):
                return await _Transfer(client, peer, wanted, clock=clock).run(sock, patience)
        except TimeoutError:
            return Refused(f"not done after {patience.total_s:g} s")
        except OSError as error:
            return Refused(f"broken off: {reason_of(error)}")


class _Transfer:
    """A transfer under way."""

    def __init__(self, client: PeerClient, peer: Peer, wanted: Wanted, *, clock: Clock) -> None:
        query = _query(wanted, client.entropy.number())
        self._client = client
        self._clock = clock
        self._sealed = client.seal(query, peer)
        self._verifier: Verifier | None = self._sealed.verifier()
        self._inbound = Inbound(
            wanted.origin,
            held=wanted.held,
            incremental=wanted.soa is not None,
            bounds=wanted.bounds,
            source=str(peer.address),
            signs_aliases=wanted.signs_aliases,
        )

    async def run(self, sock: socket.socket, patience: Patience) -> Result:
        """Send the query and read the answer to its end."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, frame(self._sealed.packet))
        framer = Framer()
        rate = _Rate(patience.octets_per_minute, self._clock.now())
        while True:
            try:
                async with asyncio.timeout(patience.idle_s):
                    data = await loop.sock_recv(sock, READ_OCTETS)
            except TimeoutError:
                return Refused(f"broken off: silent for {patience.idle_s:g} s")
            if not data:
                return Refused("broken off: connection closed")
            for packet in framer.feed(data):
                # A fast primary has the next octets ready before anybody else gets a turn.
                await asyncio.sleep(0)
                result = await self._take(packet)
                if result is not None:
                    return result
            if rate.is_too_low(len(data), self._clock.now()):
                return Refused(f"slower than {patience.octets_per_minute} octets a minute")

    async def _take(self, packet: bytes) -> Result | None:
        if len(packet) < HEADER_OCTETS or not self._sealed.is_answered_by(packet):
            return Refused("a message that does not answer the query")
        flaw = self._client.flaw(self._verifier, packet)
        if flaw is not None:
            return Refused(flaw)
        result = await in_turns(self._inbound.feed(packet))
        if result is None or isinstance(result, Refused) or self._verifier is None:
            return result
        # Nothing counts that no signature vouches for (RFC 8945 section 5.3.1).
        if not self._verifier.signed_to_the_end:
            return Refused("TSIG: the last message is not signed")
        return result


class _Rate:
    """Octets in a window of RATE_WINDOW_S."""

    def __init__(self, octets_per_minute: int, now: float) -> None:
        self._least = octets_per_minute * RATE_WINDOW_S / 60.0
        self._since = now
        self._octets = 0

    def is_too_low(self, octets: int, now: float) -> bool:
        """Take note of what came; whether the window that has just ended held too little."""
        self._octets += octets
        if now - self._since < RATE_WINDOW_S:
            return False
        low = self._octets < self._least
        self._since, self._octets = now, 0
        return low


def _query(wanted: Wanted, number: int) -> Message:
    """AXFR, or IXFR with our SOA in the authority section (RFC 1995 section 3)."""
    qtype = RRType.AXFR if wanted.soa is None else RRType.IXFR
    held = () if wanted.soa is None else (wanted.soa,)
    return Message(number, 0, [Question(wanted.origin, qtype)], authority=held)
