"""Clients over UDP that wait for other servers, counted by the network they are in.

Whoever makes many questions wait for a slow server of his own, all in the name of one network, has
the replies leave together: a pulse that is worth more than what it cost (DNSBomb, CVE-2024-33655).
So the questions of one network that may wait are bounded, and once a crowd of them waits, whoever
has waited too long gets no reply. Its question is still finished, for the cache, so that asking
again helps. A few who wait long are no pulse, and get their replies.

Nobody has more of the places of a network than are free in it: one client that asks for too much
leaves half of them to its neighbours, two leave a third. Whoever has no place left is told by
`is_full` before any work is done for it.

Unbound knows the two as wait-limit and discard-timeout; there the latter is for everybody. Here dig
and most stub resolvers, which wait five seconds, get what a slow zone took three seconds for.

Knows: packed addresses, instants. Does not know: sockets, messages.
"""

from typing import Final

IPV4_NETWORK_OCTETS: Final = 3  # /24
IPV6_NETWORK_OCTETS: Final = 7  # /56
# So many that wait together are a crowd, and stay one until none of them waits any more.
CROWD: Final = 50


class Network:
    """The waiting clients of one network."""

    __slots__ = ("clients", "crowded", "key", "waiting")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.clients: dict[bytes, int] = {}  # those of each address
        self.waiting = 0
        self.crowded = False


class Waiting:
    """Who waits. At most `per_network` may, and of a crowd nobody longer than `discard_after_s`
    seconds, 0.0 for as long as it takes. Holds nothing for networks where nobody waits."""

    __slots__ = ("_discard_after_s", "_networks", "_per_network")

    def __init__(self, *, per_network: int = 1000, discard_after_s: float = 1.9) -> None:
        self._per_network = per_network
        self._discard_after_s = discard_after_s
        self._networks: dict[bytes, Network] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def turn_to(self, *, per_network: int, discard_after_s: float) -> None:
        """Have other bounds from now on."""
        self._per_network = per_network
        self._discard_after_s = discard_after_s

    def is_full(self, peer: bytes) -> bool:
        """Whether a client of this packed address has no place left to wait in."""
        network = self._networks.get(_network(peer))
        if network is None:
            return False
        return network.clients.get(peer, 0) >= self._per_network - network.waiting

    def enter(self, peer: bytes) -> Network | None:
        """Let a client of this packed address wait: what to hand to `leave`, None if too many of
        its network, or of its own, wait already."""
        key = _network(peer)
        network = self._networks.get(key)
        if network is None:
            network = self._networks[key] = Network(key)
        own = network.clients.get(peer, 0)
        if own >= self._per_network - network.waiting:
            return None
        network.clients[peer] = own + 1
        network.waiting += 1
        if network.waiting > CROWD:
            network.crowded = True
        return network

    def leave(self, network: Network, peer: bytes, waited_s: float) -> bool:
        """A client waits no longer; whether it still gets its reply."""
        network.waiting -= 1
        own = network.clients[peer] - 1
        if own:
            network.clients[peer] = own
        else:
            del network.clients[peer]
        if not network.waiting:
            del self._networks[network.key]
        return not (network.crowded and 0.0 < self._discard_after_s < waited_s)


def _network(peer: bytes) -> bytes:
    return peer[:IPV4_NETWORK_OCTETS] if len(peer) == 4 else peer[:IPV6_NETWORK_OCTETS]
