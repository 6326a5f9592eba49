"""The edges of own zones: those that cannot be served, and cuts below which others know more.

Knows: RFC 8914 sections 4.15 and 4.25. Does not know: clients, who follows a cut.
"""

from resolver.cache.delegations import Delegation
from resolver.codes import Ede, Rcode, RRType
from resolver.iterate import scrub
from resolver.model import Answer, ExtendedError, Source
from resolver.zone.store import Withheld

# A secondary whose copy is too old, and one that has none yet (RFC 8914 sections 4.25 and 4.15).
_EXPIRED = Answer(
    Rcode.SERVFAIL,
    extended_errors=(ExtendedError(Ede.INVALID_DATA, "the zone has expired"),),
    source=Source.OWN,
)
_NOT_READY = Answer(
    Rcode.SERVFAIL,
    extended_errors=(ExtendedError(Ede.NOT_READY, "the zone has not been loaded yet"),),
    source=Source.OWN,
)


def unserved(zone: Withheld) -> Answer:
    """The answer for every name of a zone that cannot be served."""
    return _EXPIRED if zone.expired else _NOT_READY


def delegation(answer: Answer) -> Delegation | None:
    """Where a referral of ours leads, or None if the answer is none."""
    if answer.authoritative or answer.answer or not answer.authority:
        return None
    ns = answer.authority[0]
    if ns.rrtype != RRType.NS:
        return None
    servers = tuple(rdata.lower() for rdata in ns.rdatas)
    zone = ns.owner.lower()
    return Delegation(zone, servers, scrub.glue(answer.additional, servers, zone, harden=False))
