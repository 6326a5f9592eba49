"""How many sockets each part may hold open, from the process's limit of descriptors.

Listeners, files and the event loop itself come first; what is left is shared so that neither
clients nor other servers can take the descriptors of the other side. A part that has used its share
waits or refuses, which it can do in an orderly way; EMFILE out of the blue it can only survive.

Knows: RLIMIT_NOFILE. Does not know: sockets.
"""

import resource
from dataclasses import dataclass

# Standard streams, log and state files, epolls, listeners, control sockets.
RESERVE_DESCRIPTORS = 32
# Nobody needs more, whatever the limit; and it bounds memory.
MOST_DATAGRAM_SOCKETS = 4096
MOST_UPSTREAM_CONNECTIONS = 512
WANTED_DESCRIPTORS = 16384


@dataclass(frozen=True, slots=True)
class Shares:
    """Numbers of descriptors: UDP sockets for asks, connections to servers and from clients."""

    datagram_sockets: int
    upstream_connections: int
    client_connections: int


def shares(limit: int | None = None) -> Shares:
    """Divide `limit` descriptors (None: the soft RLIMIT_NOFILE of this process)."""
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = WANTED_DESCRIPTORS
    free = max(16, limit - RESERVE_DESCRIPTORS)
    datagram_sockets = min(MOST_DATAGRAM_SOCKETS, free * 3 // 8)
    upstream_connections = min(MOST_UPSTREAM_CONNECTIONS, free // 8)
    return Shares(
        datagram_sockets,
        upstream_connections,
        client_connections=free - datagram_sockets - upstream_connections,
    )


def raise_limit(client_connections: int) -> int:
    """Raise the soft limit to what serves so many clients, as far as the hard one allows; returns
    what it is."""
    others = RESERVE_DESCRIPTORS + MOST_DATAGRAM_SOCKETS + MOST_UPSTREAM_CONNECTIONS
    wanted = max(WANTED_DESCRIPTORS, client_connections + others)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return target
