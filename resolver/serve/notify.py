"""The handler of NOTIFY: a primary says that its zone has changed.

It is believed from the primaries of the zone, by address, and from whom `access.notify` names, by
address or key; and all it does is bring the next check of the zone forward (RFC 1996 section 3.11),
so a forged one costs an SOA query. A server that is no secondary for the zone has nothing to do.

Knows: RFC 1996. Does not know: timers, primaries' ports, sockets.
"""

from collections.abc import Callable, Collection, Mapping

from resolver import names
from resolver.codes import Ede, Opcode, Rcode, RRClass, RRType
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError
from resolver.policy.acl import Rule
from resolver.serve.request import Handled, Notes, Request
from resolver.zone.content import read_soa
from resolver.zone.store import ZoneStore

# Told of each NOTIFY that is believed: origin, packed address, and the serial if there is a hint.
Heard = Callable[[bytes, bytes, int | None], None]

_MAPPED = bytes(10) + b"\xff\xff"
_FOR_US = Answer(authoritative=True, ages=False)


class Notify:
    """NOTIFYs about zones of ours. `secondaries` maps origins to the packed addresses of their
    primaries; it may change while we serve."""

    def __init__(
        self,
        zones: ZoneStore,
        secondaries: Mapping[bytes, Collection[bytes]],
        rule: Rule,
        heard: Heard,
        *,
        metrics: Metrics,
        notes: Notes,
    ) -> None:
        self._zones = zones
        self._secondaries = secondaries
        self._rule = rule
        self._heard = heard
        self._metrics = metrics
        self._notes = notes

    def __call__(self, request: Request) -> Handled:
        """An acknowledgement, or why there is none; None for any other opcode."""
        if request.message.opcode != Opcode.NOTIFY:
            return None
        if len(request.message.questions) != 1:
            return Answer(Rcode.FORMERR)
        question = request.question
        if question.qtype != RRType.SOA:
            # The only type that has a meaning (RFC 1996 section 3.11).
            return Answer(Rcode.NOTIMP)
        origin = question.name
        primaries = self._secondaries.get(origin)
        if question.qclass != RRClass.IN or (primaries is None and self._zones.get(origin) is None):
            return self._refuse(request, Rcode.NOTAUTH, Ede.NOT_AUTHORITATIVE, "no zone of ours")
        known = primaries is not None and _unmapped(request.peer) in primaries
        if not known and not self._rule.allows(request.peer, request.key):
            reason = "neither a primary nor in access.notify"
            return self._refuse(request, Rcode.REFUSED, Ede.PROHIBITED, reason)
        self._metrics.notifies_in_total += 1
        if primaries is not None:
            self._heard(origin, _unmapped(request.peer), _hint(request, origin))
        return _FOR_US

    def _refuse(self, request: Request, rcode: int, code: int, reason: str) -> Answer:
        self._metrics.notifies_refused_total += 1
        self._notes.refused(request, f"NOTIFY of {names.show(request.question.qname)}: {reason}")
        return Answer(rcode, extended_errors=(ExtendedError(code, reason),))


def _hint(request: Request, origin: bytes) -> int | None:
    """The serial of the SOA in the answer section, if there is one (RFC 1996 section 3.7)."""
    for rrset in request.message.answer:
        if rrset.rrtype == RRType.SOA and rrset.owner.lower() == origin:
            return read_soa(rrset.rdatas[0])[0]
    return None


def _unmapped(packed: bytes) -> bytes:
    """An IPv4-mapped IPv6 address as its IPv4 address (RFC 4291 section 2.5.5.2)."""
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed
