"""What the keeper of zones is to do, as it is configured.

Knows: secondary zones, peers, settings. Does not know: how any of it is done (net/maintain.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resolver.config.secondary import SecondarySettings
from resolver.net.secondary import SecondaryZone
from resolver.zone.peer import Peer


@dataclass(slots=True)
class KeeperPlan:
    """What is configured: secondary zones, and by origin who is told of changes beside the name
    servers of the zone, or instead of them."""

    secondaries: Sequence[SecondaryZone] = ()
    also_notify: Mapping[bytes, tuple[Peer, ...]] = field(default_factory=dict)
    settings: SecondarySettings = field(default_factory=SecondarySettings)
    tell_name_servers: bool = True
