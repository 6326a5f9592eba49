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

from resolver.native import mypyc_attr

IPV4_NETWORK_OCTETS: Final = 3  # /24
IPV6_NETWORK_OCTETS: Final = 7  # /56
# So many that wait together are a crowd, and stay one until none of them waits any more.
CROWD: Final = 50


@mypyc_attr(acyclic=True)
class Network:
    """How many questions of one network wait, and whether they are, or were, a crowd."""

    __slots__ = ("crowded", "key", "waiting")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.waiting = 0
        self.crowded = False


@mypyc_attr(acyclic=True)
class Client:
    """How many questions of one address wait."""

    __slots__ = ("network", "peer", "waiting")

    def __init__(self, peer: bytes, network: Network) -> None:
        self.peer = peer
        self.network = network
        self.waiting = 0


class Waiting:
    """Who waits. At most `per_network` may, and of a crowd nobody longer than `discard_after_s`
    seconds, 0.0 for as long as it takes. Holds nothing for networks where nobody waits."""

    __slots__ = (
        "_clients",
        "_discard_after_s",
        "_last",
        "_last_peer",
        "_networks",
        "_per_network",
    )

    def __init__(self, *, per_network: int = 1000, discard_after_s: float = 1.9) -> None:
        self._per_network = per_network
        self._discard_after_s = discard_after_s
        self._networks: dict[bytes, Network] = {}
        self._clients: dict[bytes, Client] = {}
        # Questions that come together are mostly of one client, and the address is one object.
        self._last_peer = b""
        self._last: Client | None = None

    def __len__(self) -> int:
        return len(self._networks)

    @property
    def clients(self) -> int:
        """How many clients have a question that waits."""
        return len(self._clients)

    def turn_to(self, *, per_network: int, discard_after_s: float) -> None:
        """Have other bounds from now on."""
        self._per_network = per_network
        self._discard_after_s = discard_after_s

    def is_full(self, peer: bytes) -> bool:
        """Whether a client of this packed address has no place left to wait in."""
        client = self._clients.get(peer)
        if client is not None:
            return client.waiting >= self._per_network - client.network.waiting
        network = self._networks.get(_network(peer))
        return network is not None and network.waiting >= self._per_network

    def enter(self, peer: bytes) -> Client | None:
        """Let a question of the client of this packed address wait: what to hand to `leave`, None
        if too many of its network, or of its own, wait already."""
        client = self._last
        if client is None or peer is not self._last_peer or not client.waiting:
            client = self._clients.get(peer)
            if client is None:
                client = self._newcomer(peer)
            self._last_peer, self._last = peer, client
        network = client.network
        if client.waiting >= self._per_network - network.waiting:
            self._forget_idle(client)
            return None
        client.waiting += 1
        network.waiting += 1
        if network.waiting > CROWD:
            network.crowded = True
        return client

    def leave(self, client: Client, waited_s: float) -> bool:
        """A question waits no longer; whether its client still gets its reply."""
        network = client.network
        client.waiting -= 1
        network.waiting -= 1
        if not client.waiting:
            self._forget_idle(client)
        return not (network.crowded and 0.0 < self._discard_after_s < waited_s)

    def _newcomer(self, peer: bytes) -> Client:
        key = _network(peer)
        network = self._networks.get(key)
        if network is None:
            network = self._networks[key] = Network(key)
        client = self._clients[peer] = Client(peer, network)
        return client

    def _forget_idle(self, client: Client) -> None:
        """Let go of a client, and its network, if they have nothing that waits."""
        if not client.waiting:
            del self._clients[client.peer]
            if not client.network.waiting:
                del self._networks[client.network.key]


def _network(peer: bytes) -> bytes:
    return peer[:IPV4_NETWORK_OCTETS] if len(peer) == 4 else peer[:IPV6_NETWORK_OCTETS]
