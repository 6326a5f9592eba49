"""Who may change what by dynamic update: everything in a zone, or some types at some names.

Whoever is in the list of a zone may change all of it. Beside that single keys have grants, as with
BIND's `update-policy`: names, perhaps with all below them, and types. A grant without types is
good for all but those by which a zone holds together or is signed.

Knows: RFC 3007 section 3.2. Does not know: messages, what is in a zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from resolver import names
from resolver.codes import RRType
from resolver.config.units import Network
from resolver.config.zones import UpdateGrant, ZoneDirectorySettings, ZoneSettings
from resolver.policy.acl import Rule
from resolver.zone.update import Rights

Terms: TypeAlias = ZoneSettings | ZoneDirectorySettings

_NOT_BY_DEFAULT = frozenset(
    map(
        int,
        (
            RRType.SOA,
            RRType.NS,
            RRType.SIG,
            RRType.RRSIG,
            RRType.NSEC,
            RRType.NSEC3,
            RRType.NSEC3PARAM,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """Who may change one zone."""

    everything: Rule
    grants: Sequence[UpdateGrant] = ()

    def rights(self, packed_address: bytes, key: bytes | None) -> Rights | None:
        """What a client at this address, or who has signed with this key, may change; None when
        that is nothing."""
        if self.everything.allows(packed_address, key):
            return _anything
        grants = [grant for grant in self.grants if key is not None and grant.key == key]
        if not grants:
            return None
        return lambda name, rrtype: any(_covers(grant, name, rrtype) for grant in grants)


class UpdateRules:
    """Who may change which zone. `own` is by lower-case origin and may change while we serve;
    every other zone has `rest`."""

    def __init__(self, rest: UpdateRule, own: Mapping[bytes, UpdateRule]) -> None:
        self._own = own
        self._rest = rest

    def rights(self, origin: bytes, packed_address: bytes, key: bytes | None) -> Rights | None:
        """What the client may change in this zone; None when that is nothing."""
        return self._own.get(origin, self._rest).rights(packed_address, key)


def rule_of(terms: Terms, rest: Rule, networks: Sequence[Network]) -> UpdateRule:
    """The rule of one entry of the configuration. `rest`, the list for all zones, is for primary
    zones that have neither a list nor a policy: where there is a policy, nobody else is let in, and
    nothing is passed on to another server unless the zone itself says for whom."""
    if terms.update is not None:
        return UpdateRule(Rule(terms.update, networks), terms.update_policy)
    if terms.update_policy or terms.role != "primary":
        return UpdateRule(Rule((), networks), terms.update_policy)
    return UpdateRule(rest)


def _anything(name: bytes, rrtype: int) -> bool:
    return True


def _covers(grant: UpdateGrant, name: bytes, rrtype: int) -> bool:
    if rrtype not in grant.types if grant.types else rrtype in _NOT_BY_DEFAULT:
        return False
    if not grant.names or name in grant.names:
        return True
    return grant.subtree and any(names.is_within(name, above) for above in grant.names)
