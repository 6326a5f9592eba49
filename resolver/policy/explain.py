"""Why a client may do something: which entry of an access list lets it.

The verdict itself is policy/acl.py's; here the entries are gone through one by one, for people.
Knows: addresses and access lists. Does not know: what a list is for.
"""

from collections.abc import Iterable, Sequence

from resolver.config.access import AccessItem, AccessWord, show_item
from resolver.config.units import Network
from resolver.policy.acl import Rule


def first_match(
    items: Iterable[AccessItem],
    local_networks: Sequence[Network],
    packed_address: bytes,
    key: bytes | None,
) -> str | None:
    """The first entry that fits a client at this address (4 or 16 octets) that has signed with this
    key, as the configuration has it; None without one. For `localnets` the network is told, too."""
    for item in items:
        if not Rule((item,), local_networks).allows(packed_address, key):
            continue
        if item is AccessWord.LOCALNETS:
            for network in local_networks:
                if Rule((network,), ()).allows(packed_address, None):
                    return f"{item} ({network})"
        return show_item(item)
    return None
