"""Where zones are served, as their parents say.

A delegation is the NS set of a referral with its glue. It is kept apart from the RRset cache for
two reasons: glue and parent-side NS records must never answer a client (RFC 2181 section 5.4.1),
and what the child says about itself must never lengthen the life of the delegation (ghost
domains).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from resolver.cache.shards import SHARD_SHIFT
from resolver.cache.store import BoundedMap
from resolver.model import Address
from resolver.native import i64

_DELEGATION_OVERHEAD_OCTETS: Final = 600
_SERVER_OVERHEAD_OCTETS: Final = 150
_ADDRESS_OVERHEAD_OCTETS: Final = 140  # in `glue` and again in `roster`


@dataclass(slots=True, init=False, eq=False)
class Delegation:
    """Servers of a zone. `zone` and name server names in lower case; not to be changed.

    `glue` holds the addresses that came with the delegation. `configured` ones (hints, stubs) may
    lead to addresses that learned ones may not, and `addresses` then gives them with their ports.
    `expires_at` is the instant until which the parent's word holds. `roster` is what a walk has
    worked out of all this, kept because it stays the same.
    """

    zone: bytes
    servers: tuple[bytes, ...]
    glue: Mapping[bytes, tuple[str, ...]]
    addresses: tuple[Address, ...]
    configured: bool
    expires_at: float
    roster: Any

    def __init__(
        self,
        zone: bytes,
        servers: tuple[bytes, ...] = (),
        glue: Mapping[bytes, tuple[str, ...]] | None = None,
        addresses: tuple[Address, ...] = (),
        configured: bool = False,
        expires_at: float = inf,
        roster: Any = None,
    ) -> None:
        self.zone = zone
        self.servers = servers
        self.glue = {} if glue is None else glue
        self.addresses = addresses
        self.configured = configured
        self.expires_at = expires_at
        self.roster = roster


class Delegations:
    """The delegation cache. `max_ttl` in seconds."""

    __slots__ = ("_map", "max_ttl")

    def __init__(self, max_octets: int, *, max_ttl: int) -> None:
        self._map: BoundedMap[Delegation] = BoundedMap(max_octets)
        self.max_ttl = max_ttl

    def __len__(self) -> int:
        return len(self._map)

    @property
    def octets(self) -> int:
        """Estimated memory in use."""
        return self._map.octets

    @property
    def map(self) -> BoundedMap[Delegation]:
        """What is kept, for flushing and snapshots."""
        return self._map

    def closest(self, name: bytes, now: float, top: bytes = b"") -> Delegation | None:
        """The delegation of the longest known zone that holds the lower-case `name`, and is below
        `top`."""
        if not len(self._map):
            return None
        shards = self._map.shards
        least = len(top)
        while len(name) > least:
            place: i64 = hash(name)
            entry = shards[place >> SHARD_SHIFT].get(name)
            if entry is not None and entry.expires_at > now:
                entry.used = True
                delegation: Delegation = entry.value
                return delegation
            if not (octets := name[0]):
                break
            name = name[octets + 1 :]
        return None

    def learn(
        self, delegation: Delegation, ttl: int, *, now: float, parent: Delegation | None = None
    ) -> None:
        """Keep a delegation for `ttl` seconds, as given by the parent zone's servers.

        It does not outlive the parent's own delegation: otherwise a revoked domain could go on for
        ever by delegating new children in time ("phoenix domains"). The root and the zones
        right below it are not revoked in this way, so all they delegate need not end when they do.
        """
        ttl = min(ttl, self.max_ttl)
        expires_at = int(now) + ttl
        if parent is not None and _is_revocable(parent.zone):
            expires_at = int(min(expires_at, parent.expires_at))
        delegation.expires_at = float(expires_at)
        self.restore(delegation, now=now)

    def restore(self, delegation: Delegation, *, now: float) -> None:
        """Keep a delegation until the instant it says, which must be a whole second."""
        expires_at = int(delegation.expires_at)
        if expires_at <= now:
            return
        octets = _DELEGATION_OVERHEAD_OCTETS + sum(
            len(s) + _SERVER_OVERHEAD_OCTETS for s in delegation.servers
        )
        octets += sum(len(a) * _ADDRESS_OVERHEAD_OCTETS for a in delegation.glue.values())
        self._map.put(delegation.zone, delegation, octets, now=now, expires_at=expires_at)

    def forget(self, zone: bytes) -> bool:
        """Drop one delegation; whether it was there."""
        return self._map.remove(zone)

    def clear(self) -> int:
        """Drop everything; how many delegations there were."""
        return self._map.clear()


def _is_revocable(zone: bytes) -> bool:
    """Whether a zone has at least two labels."""
    first = zone[0]
    return first != 0 and zone[first + 1] != 0
