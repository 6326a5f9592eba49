"""What a signed zone adds to addresses that one of its ALIAS records lends, or to their absence.

Addresses are signed as if they were in the zone, with the TTL of the ALIAS as the original one:
they may then live shorter, which changes no signature (RFC 4034 section 3.1.4).

Knows: RFC 4035 sections 3.1.1 and 3.1.3, RFC 5155 section 7.2, RFC 4592 section 3.3.3. Does not
know: whose addresses they are, messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from resolver.codes import RRClass, RRType
from resolver.model import Question, RRset
from resolver.zone.alias_denials import covered, put_right
from resolver.zone.content import Zone
from resolver.zone.lookup import Found, NoData, Result
from resolver.zone.proofs import proof, with_signatures
from resolver.zone.signer import Signer

_RRSIG: Final = int(RRType.RRSIG)


@dataclass(frozen=True, slots=True)
class Lending:
    """One name with an ALIAS record with this TTL. `source` is the wildcard that it is made from,
    if any. What it gives raises CannotSignError and HashCollisionError."""

    zone: Zone
    signer: Signer
    owner: bytes
    ttl_s: int
    source: bytes | None = None

    def addresses(self, lent: RRset) -> list[RRset]:
        """Addresses with their signatures."""
        standing = replace(lent, owner=self.source or self.owner, ttl=self.ttl_s)
        signatures = self.signer.sign(self.zone, standing, self.signer.lent)
        return [lent, RRset(lent.owner, _RRSIG, RRClass.IN, lent.ttl, signatures.rdatas)]

    def presence(self, qtype: int, proven: Sequence[RRset]) -> list[RRset]:
        """What proves that the name has them, behind what is `proven` so far."""
        if self.source is None:
            return [*proven]
        more = self._proof(qtype, Found([], self.source), denied=None)
        return [*proven, *(rrset for rrset in more if rrset not in proven)]

    def absence(self, qtype: int, soa: RRset, proven: Sequence[RRset]) -> list[RRset]:
        """The SOA as it is in denials, what proves that the name has no such addresses, and what is
        `proven` so far. Nothing lives longer than the SOA."""
        denied = (self.source or self.owner.lower(), qtype)
        denial = self._proof(qtype, NoData(self.source), denied=denied)
        # Of one name there is only one such record in an answer.
        told = {_key(rrset) for rrset in denial}
        kept = [rrset for rrset in proven if _key(rrset) not in told]
        lowered = [replace(rrset, ttl=min(rrset.ttl, soa.ttl)) for rrset in denial]
        return [*with_signatures(self.zone, [soa]), *lowered, *kept]

    def _proof(
        self, qtype: int, result: Result, *, denied: tuple[bytes, int] | None
    ) -> Sequence[RRset]:
        found = proof(self.zone, Question(self.owner, qtype), result)
        return put_right(self.zone, found, self.signer, signed=True, denied=denied)


def _key(rrset: RRset) -> tuple[bytes, int]:
    """Which RRset it is, or is the signature of."""
    return rrset.owner.lower(), covered(rrset) if rrset.rrtype == _RRSIG else rrset.rrtype
