"""Networks that ask for so much that some reply to them may be one too many.

Finished packets leave without a look at what they are; so nothing can be counted but how many there
are. While a network asks less in a second than any rate limit lets through, that is enough. One
that asks more is a crowd until it asks less again: then each packet for it is looked at, and those
with data are counted like the replies of the full path, which counts the others.

Knows: networks, seconds. Does not know: packets but for their question and rcode.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from resolver.policy.rate_limit import Kind, RateLimiter
from resolver.wire.peek import question

# Beyond that counting begins anew: forged sources must not cost memory.
MAX_NETWORKS = 16384

Sender: TypeAlias = int | bytes
Network: TypeAlias = tuple[int, int]


class Crowds:
    """Who asks how much in the present second. A sender is whatever stands for an address."""

    __slots__ = ("_asked", "_crowds", "_least", "_limiter", "_networks")

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._least = limiter.least_per_second
        self._networks: dict[Sender, Network] = {}
        self._asked: dict[Network, int] = {}
        self._crowds: set[Network] = set()

    def learn(self, sender: Sender, peer: bytes) -> bool:
        """Note the network of a sender; whether it is a crowd."""
        network = self._limiter.network(peer)
        if network is None:
            return False
        if len(self._networks) >= MAX_NETWORKS:
            self._networks.clear()
        self._networks[sender] = network
        return network in self._crowds

    def count(self, senders: Sequence[Sender]) -> list[Sender]:
        """Count one query for each sender, one at least; those whose network is a crowd."""
        crowded = []
        first = senders[0]
        alone = senders.count(first)
        # Most batches are of one sender; a Counter costs as much as a hit.
        numbers = {first: alone} if alone == len(senders) else Counter(senders)
        for sender, number in numbers.items():
            network = self._networks.get(sender)
            if network is None:
                continue  # exempt
            asked = self._asked[network] = self._asked.get(network, 0) + number
            if asked > self._least:
                self._crowds.add(network)
                crowded.append(sender)
        if len(self._asked) > MAX_NETWORKS:
            self._asked.clear()
        return crowded

    def next_second(self) -> bool:
        """Begin another second; whether some network is a crowd no more."""
        staying = {n for n in self._crowds if self._asked.get(n, 0) > self._least}
        ended = len(staying) < len(self._crowds)
        self._crowds = staying
        self._asked = {}
        return ended

    def may_send(self, peer: bytes, packet: bytes, tail: bytes, now: float) -> bool:
        """Whether a finished packet, of which `tail` is all but the id, may answer a query of a
        crowd. It is counted then. Packets without data are left to the full path."""
        if tail[1] & 0x0F or tail[4:6] == b"\0\0":
            return False
        network = self._limiter.network(peer)
        if network is None:
            return True
        return self._limiter.may_send(network, Kind.ANSWER, question(packet), now)
