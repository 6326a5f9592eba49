"""All that one recursive service remembers, finished packets aside, and how memory is shared out.

The caches outlive what is configured about them: another size or other bounds of TTLs are put on
them while they are in use. Knows: the caches. Does not know: who asks, what is in a packet.
"""

from dataclasses import dataclass, field
from typing import Any

from resolver.cache.delegations import Delegations
from resolver.cache.failures import Failures
from resolver.cache.negative import Negatives
from resolver.cache.rrsets import RRsets
from resolver.cache.servers import Servers
from resolver.cache.store import BoundedMap
from resolver.config.schema import CacheSettings
from resolver.slices import Slices

# How the octets of `cache.size` are shared out; the rest is for finished packets.
_RRSETS_SHARE = 0.45
_NEGATIVES_SHARE = 0.1
_DELEGATIONS_SHARE = 0.1
PACKETS_SHARE = 1 - _RRSETS_SHARE - _NEGATIVES_SHARE - _DELEGATIONS_SHARE


@dataclass(frozen=True, slots=True)
class Caches:
    """What is remembered of names, and of servers."""

    rrsets: RRsets
    negatives: Negatives
    delegations: Delegations
    failures: Failures = field(default_factory=Failures)
    servers: Servers = field(default_factory=Servers)

    @classmethod
    def of(cls, cache: CacheSettings, servers: Servers) -> "Caches":
        """Empty ones."""
        size = cache.size
        return cls(
            RRsets(
                int(size * _RRSETS_SHARE), min_ttl=int(cache.min_ttl), max_ttl=int(cache.max_ttl)
            ),
            Negatives(int(size * _NEGATIVES_SHARE), max_ttl=int(cache.max_negative_ttl)),
            Delegations(int(size * _DELEGATIONS_SHARE), max_ttl=int(cache.max_ttl)),
            servers=servers,
        )

    def turn_to(self, cache: CacheSettings) -> None:
        """Keep what is learned from now on for as long as these settings say."""
        self.rrsets.min_ttl = int(cache.min_ttl)
        self.rrsets.max_ttl = self.delegations.max_ttl = int(cache.max_ttl)
        self.negatives.max_ttl = int(cache.max_negative_ttl)

    def resize(self, cache: CacheSettings, now: float) -> Slices[None]:
        """Keep to another size, in slices; `now` in monotonic seconds."""
        shares: tuple[tuple[BoundedMap[Any], float], ...] = (
            (self.rrsets.map, _RRSETS_SHARE),
            (self.negatives.map, _NEGATIVES_SHARE),
            (self.delegations.map, _DELEGATIONS_SHARE),
        )
        for held, share in shares:
            yield from held.resize(int(cache.size * share), now)
