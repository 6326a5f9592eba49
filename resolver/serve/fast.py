"""The hit path: bytes in, bytes out, no parse, no task, nothing that waits.

Ties the peek at a query to the cache of finished packets. Access control was applied when a packet
was kept: it lies in the table of the asker's access bits, and which bits an address has is
remembered here. Packets are kept without a cookie; a client that has sent one gets its own put in.
Everything that is not found takes the full path in service.py.

The loop in `answer_batch` is the most expensive code of the server per line, because it runs for
every datagram; it does one copy and one dictionary look-up. What it looks into holds the packets
asked for in the present second and nothing about them, so that a hit touches as little memory as
possible: most of its time goes by waiting for memory. Nothing is added to it without a number from
tests/bench.

Knows addresses as opaque keys and packets as bytes. Does not know sockets, records or zones.
"""

from collections.abc import Callable
from typing import Final, Protocol

from resolver.cache.answers import Answers, Table
from resolver.cache.shards import SHARD_SHIFT
from resolver.native import i64
from resolver.policy.cookies import ServerCookies
from resolver.policy.rate_limit import RateLimiter
from resolver.serve.crowds import Crowds
from resolver.wire.patch import with_option
from resolver.wire.peek import HEADER_OCTETS, ID_OCTETS, Peek, peek, reply_octets

# So many octets of every datagram lie beside those of the others: most queries are no longer, those
# with a cookie among them.
FRONT_OCTETS: Final = 128
# Which table an address uses is kept for so many addresses, then forgotten at once: asking again
# costs a microsecond, and spoofed sources must not cost memory.
MAX_KNOWN_PEERS: Final = 16384
# Packets at hand for the present second, per view. Beyond that a hit costs one look-up more; all of
# them are let go at once when the second is over, which takes some 2 ms for so many.
MAX_READY = 32768


# The end of an OPT record with one option, a client cookie or a whole one: length of all options,
# code, length; and the octets of the cookie behind it.
_LONE_COOKIES: Final = ((b"\0\x0c\0\x0a\0\x08", 8), (b"\0\x1c\0\x0a\0\x18", 24))
_NO_OPTIONS: Final = b"\0\0"
_ANY_ID: Final = bytes(ID_OCTETS)  # where it is of no interest

# What is kept for a packet: its tail, the cookie in it or none, and how long a reply may be.
_Seen = tuple[bytes, bytes, int]


class Datagrams(Protocol):
    """Packets and where they came from, each in a slot."""

    def packet(self, slot: int) -> bytes:
        """A copy of the packet."""
        ...

    def peer(self, slot: int) -> bytes:
        """The packed address of its sender."""
        ...


class Batch(Datagrams, Protocol):
    """Datagrams that were received together, one at least.

    `lengths` and `peers` have one item per datagram: octets, and something hashable that stands for
    the address it came from. `fronts` has the first FRONT_OCTETS octets of each; behind a shorter
    one is anything.
    """

    fronts: bytes
    lengths: list[int]
    peers: list[int | bytes]

    def fill(self, tails: list[bytes]) -> None:
        """Take the reply to each datagram, without its id; empty for one that has none yet."""
        ...


class _Lone:
    """A packet that came alone."""

    __slots__ = ("_packet", "_peer")

    def __init__(self, packet: bytes, peer: bytes) -> None:
        self._packet = packet
        self._peer = peer

    def packet(self, slot: int) -> bytes:
        """The packet (Datagrams)."""
        return self._packet

    def peer(self, slot: int) -> bytes:
        """The packed address (Datagrams)."""
        return self._peer


class _View:
    """What clients with the same access bits see on one transport: the packets kept for them, those
    of them asked for in this second, `ready` to be sent, and those `told` to one client in answer
    to these very octets, with his cookie perhaps. For a crowd there is only the first, so that each
    is counted (crowds.py)."""

    __slots__ = ("bits", "crowd", "ready", "stream", "table", "told")

    def __init__(self, table: Table, bits: int, *, stream: bool, crowd: bool) -> None:
        self.table = table
        self.bits = bits
        self.stream = stream
        self.crowd = crowd
        self.ready: dict[bytes, bytes] = {}
        self.told: dict[tuple[bytes, bytes], bytes] = {}

    def forget(self) -> None:
        """What was ready is not to be sent any more."""
        self.ready = {}
        self.told = {}


class FastPath:
    """Answers from finished packets. `bits` tells the access bits of a packed address. Without
    `cookies` those of clients are passed over, without `limiter` nothing is limited. `looks` has,
    for each slot of the last batch without a reply, what is known of a plain query, and anything
    for the others."""

    __slots__ = (
        "_answers",
        "_bits",
        "_cookies",
        "_crowds",
        "_generation",
        "_look",
        "_now",
        "_peers",
        "_second",
        "_views",
        "looks",
    )

    def __init__(
        self,
        answers: Answers,
        bits: Callable[[bytes], int],
        cookies: ServerCookies | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._answers = answers
        self._bits = bits
        self._cookies = cookies
        self._crowds = None if limiter is None else Crowds(limiter)
        self._views: dict[tuple[int, bool, bool], _View] = {}
        self._peers: dict[int | bytes, _View] = {}
        self._generation = answers.generation
        self._now = 0.0
        self._second = -1
        self._look: Peek | None = None  # at what was looked for last, and was not found
        self.looks: list[Peek | None] = []

    def turn_to(self, cookies: ServerCookies | None, limiter: RateLimiter | None) -> None:
        """Make and check cookies and limit rates in this way from now on; access control may be
        another, too."""
        self._cookies = cookies
        self._crowds = None if limiter is None else Crowds(limiter)
        self.forget_peers()
        for view in self._views.values():
            view.forget()

    def forget_peers(self) -> None:
        """Ask for the access bits of every address again: access control has changed."""
        self._peers.clear()

    def hit(
        self, packet: bytes, peer: bytes, bits: int, now: float, *, stream: bool
    ) -> bytes | None:
        """The finished reply to one query from the packed address `peer`, or None when it takes the
        full path."""
        self._keep_up(now)
        view = self._view(bits, stream=stream)
        key = packet[ID_OCTETS:]
        tail = view.ready.get(key) or self._look_up(view, key, _Lone(packet, peer), 0)
        return None if tail is None else packet[:ID_OCTETS] + tail

    def answer_batch(self, batch: Batch, now: float) -> list[int]:
        """Leave a reply to each datagram that has one; the slots that have none."""
        self._keep_up(now)
        fronts, peers = batch.fronts, batch.peers
        tails: list[bytes] = []
        missed: list[int] = []
        last_peer = peers[0]
        view = self._peers.get(last_peer) or self._learn_peer(batch, 0)
        ready = view.ready
        at = ID_OCTETS
        for slot, length in enumerate(batch.lengths):
            peer = peers[slot]
            if peer is not last_peer and peer != last_peer:
                view = self._peers.get(peer) or self._learn_peer(batch, slot)
                ready = view.ready
                last_peer = peer
            if ID_OCTETS <= length <= FRONT_OCTETS:
                key = fronts[at : at + length - ID_OCTETS]
            else:
                key = batch.packet(slot)[ID_OCTETS:]
            tail = ready.get(key)
            if tail is None:
                tail = self._look_up(view, key, batch, slot)
                if tail is None:
                    missed.append(slot)
                    self._hand_on(slot)
                    tail = b""
            tails.append(tail)
            at += FRONT_OCTETS
        if len(missed) < len(tails):
            batch.fill(tails)
        if self._crowds is not None:
            self._count(self._crowds, batch)
        return missed

    def _hand_on(self, slot: int) -> None:
        """Let others know of the query in a slot what is known since it was looked for."""
        looks = self.looks
        if slot >= len(looks):
            looks += [None] * (slot + 1 - len(looks))
        looks[slot] = self._look

    def _count(self, crowds: Crowds, batch: Batch) -> None:
        for sender in crowds.count(batch.peers):
            view = self._peers.get(sender)
            if view is not None and not view.crowd:
                self._peers[sender] = self._view(view.bits, stream=False, crowd=True)

    def _keep_up(self, now: float) -> None:
        """Let go of what is not to be sent any more: another second, or other packets."""
        self._now = now
        second = int(now)
        if second != self._second:
            self._second = second
            for view in self._views.values():
                view.forget()
            if self._crowds is not None and self._crowds.next_second():
                self._peers.clear()
        if self._generation != self._answers.generation:
            self._generation = self._answers.generation
            self._views.clear()
            self._peers.clear()

    def _view(self, bits: int, *, stream: bool, crowd: bool = False) -> _View:
        view = self._views.get((bits, stream, crowd))
        if view is None:
            table = self._answers.table(bits, stream=stream)
            view = _View(table, bits, stream=stream, crowd=crowd)
            self._views[bits, stream, crowd] = view
        return view

    def _learn_peer(self, batch: Batch, slot: int) -> _View:
        if len(self._peers) >= MAX_KNOWN_PEERS:
            self._peers.clear()
        sender, peer = batch.peers[slot], batch.peer(slot)
        crowd = self._crowds is not None and self._crowds.learn(sender, peer)
        view = self._peers[sender] = self._view(self._bits(peer), stream=False, crowd=crowd)
        return view

    def _look_up(self, view: _View, key: bytes, datagrams: Datagrams, slot: int) -> bytes | None:
        """The tail for a packet that was not asked for in this second, or in this spelling; `key`
        is the packet behind its id."""
        self._look = None
        if not self._answers.entries:
            return None
        at: i64 = hash(key)
        entry = view.table[at >> SHARD_SHIFT].get(key)
        if view.crowd:
            return self._find(view, key, datagrams, slot)
        if entry is None:
            if view.told and (told := view.told.get((datagrams.peer(slot), key))) is not None:
                return told
            told = self._find(view, key, datagrams, slot)
            if told is not None and len(view.told) < MAX_READY:
                view.told[datagrams.peer(slot), key] = told
            return told
        tail = self._answers.tail(entry, self._second)
        if tail is not None and len(view.ready) < MAX_READY:
            view.ready[key] = tail
        return tail

    def _find(self, view: _View, key: bytes, datagrams: Datagrams, slot: int) -> bytes | None:
        """The tail for a packet whose octets are not those that are kept, or that is counted."""
        packet = _ANY_ID + key
        seen = self._past_cookie(view, packet) or self._by_peek(view, key, packet)
        if seen is None:
            return None
        tail, cookie, max_octets = seen
        verdict = None
        if cookie and self._cookies is not None:
            verdict = self._cookies.judge(cookie, datagrams.peer(slot))
        is_known = view.stream or (verdict is not None and verdict.valid)
        if view.crowd and not is_known and not self._may_send(packet, tail, datagrams.peer(slot)):
            return None
        if verdict is None or self._cookies is None:
            return tail
        if self._cookies.required and not is_known:
            return None
        whole = with_option(tail, verdict.option)
        if whole is None or len(whole) + ID_OCTETS > max_octets:
            return None
        return whole

    def _may_send(self, packet: bytes, tail: bytes, peer: bytes) -> bool:
        return self._crowds is None or self._crowds.may_send(peer, packet, tail, self._now)

    def _by_peek(self, view: _View, key: bytes, packet: bytes) -> _Seen | None:
        self._look = look = peek(packet, stream=view.stream)
        # Of a crowd only, what is kept for the very octets has not been looked for.
        if look is None:
            return None
        if look.key == key:
            look.key = key  # the one whose hash is known
            if not view.crowd:
                return None
        tail = self._answers.find(view.table, packet, look, self._second)
        return None if tail is None else (tail, look.cookie, look.max_octets)

    def _past_cookie(self, view: _View, packet: bytes) -> _Seen | None:
        """What is kept for a packet but for the cookie at its end, which spares most clients with
        cookies the peek. What is kept without options, and ends with the length of none, is a query
        with just this option when the length is of one."""
        if len(packet) < HEADER_OCTETS or not packet[HEADER_OCTETS - 1]:
            return None  # nothing behind the question
        for end, octets in _LONE_COOKIES:
            if packet[-octets - len(end) : -octets] == end:
                key = packet[ID_OCTETS : -octets - len(end)] + _NO_OPTIONS
                entry = view.table[hash(key) >> SHARD_SHIFT].get(key)
                if entry is None:
                    return None
                tail = self._answers.tail(entry, self._second)
                if tail is None:
                    return None
                return tail, packet[-octets:], reply_octets(key, stream=view.stream)
        return None
