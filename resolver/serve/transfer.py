"""The handler of AXFR and IXFR: who gets which transfer, and how many at once.

Closed unless the zone's own list or access.transfer opens it, for addresses or for keys. A transfer
over a stream holds the version of the zone that it began with and is made as the client takes it;
so its place is counted until its end, and only after the client has been found to have a right.

Knows: RFC 5936 sections 2.2.1, 4.1 and 5, RFC 1995 sections 2 and 4. Does not know: messages on
the wire (zone/transfer_out.py), where history comes from, sockets.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from resolver import names
from resolver.clock import Clock
from resolver.codes import Ede, Flag, Rcode, RRType, show_type
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError, RRset
from resolver.policy.acl import ZoneRules
from resolver.serve.request import (
    Handled,
    Identity,
    Messages,
    Notes,
    Request,
    reply_edns,
    reply_octets,
    signature_octets,
)
from resolver.zone import transfer_out
from resolver.zone.content import Zone, read_soa
from resolver.zone.diff import Diff
from resolver.zone.serial import serial_gt
from resolver.zone.store import ZoneStore

# The differences of a zone since a serial, oldest first, or None when they are not known.
History: TypeAlias = Callable[[bytes, int], Sequence[Diff] | None]

_TRANSFER_TYPES = (RRType.AXFR, RRType.IXFR)


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """Transfers under way at the same time: in all, and to one address."""

    total: int = 10
    per_client: int = 5


class Places:
    """Who has a transfer under way."""

    __slots__ = ("_clients", "_limits", "taken")

    def __init__(self, limits: TransferLimits) -> None:
        self._limits = limits
        self._clients: Counter[bytes] = Counter()
        self.taken = 0

    def enter(self, peer: bytes) -> str:
        """Take a place; the reason when there is none."""
        if self.taken >= self._limits.total:
            return f"{self.taken} transfers are under way"
        if self._clients[peer] >= self._limits.per_client:
            return f"{self._clients[peer]} transfers to this address are under way"
        self.taken += 1
        self._clients[peer] += 1
        return ""

    def leave(self, peer: bytes) -> None:
        """Give a place back."""
        self.taken -= 1
        self._clients[peer] -= 1
        if not self._clients[peer]:
            del self._clients[peer]


class Transfers:
    """Transfers of the zones in a store."""

    def __init__(
        self,
        zones: ZoneStore,
        rules: ZoneRules,
        history: History,
        *,
        limits: TransferLimits,
        identity: Identity,
        clock: Clock,
        metrics: Metrics,
        notes: Notes,
    ) -> None:
        self.places = Places(limits)
        self._zones = zones
        self._rules = rules
        self._history = history
        self._identity = identity
        self._clock = clock
        self._metrics = metrics
        self._notes = notes

    def __call__(self, request: Request) -> Handled:
        """The transfer, or why there is none; None for any other type of question."""
        question = request.question
        if question.qtype not in _TRANSFER_TYPES:
            return None
        origin = question.name
        zone = self._zones.get(origin)
        withheld = None if zone is not None else self._zones.withheld(origin)
        if zone is None and (withheld is None or withheld.origin != origin):
            return self._refuse(request, Rcode.NOTAUTH, Ede.NOT_AUTHORITATIVE, "no zone of ours")
        if not self._rules.allows(origin, request.peer, request.key):
            return self._refuse(request, Rcode.REFUSED, Ede.PROHIBITED, "not in the transfer list")
        if zone is None:
            reason = "the zone has expired or has not been loaded yet"
            return self._refuse(request, Rcode.SERVFAIL, Ede.NOT_READY, reason)
        if question.qtype == RRType.IXFR:
            return self._ixfr(request, zone)
        if not request.stream:
            # RFC 5936 section 4.2: there is no AXFR over UDP.
            return self._refuse(request, Rcode.NOTIMP, Ede.NOT_SUPPORTED, "AXFR needs TCP")
        return self._send(request, zone, None)

    def _ixfr(self, request: Request, zone: Zone) -> Handled:
        """RFC 1995 section 2: the client's SOA is in the authority section."""
        serial = _client_serial(request, zone)
        if serial is None:
            return Answer(Rcode.FORMERR)
        if serial == zone.serial or serial_gt(serial, zone.serial):
            return _current(zone)
        steps = transfer_out.steps_to(zone, self._history(zone.origin, serial), serial)
        if request.stream:
            return self._send(request, zone, steps)
        # What does not fit in a datagram is asked for again over TCP when the SOA comes alone.
        return _current(zone) if steps is None else self._datagram(request, zone, steps)

    def _datagram(self, request: Request, zone: Zone, steps: Sequence[Diff]) -> Answer:
        octets = reply_octets(request, self._identity) - signature_octets(request)
        packets = transfer_out.ixfr(zone, steps, self._common(request), message_octets=octets)
        first, *rest = islice(packets, 2)
        if rest or len(first) > octets:
            return _current(zone)
        changes = [r for step in steps for part in (step.removed, step.added) for r in part]
        return _current(zone, [*changes, zone.soa])

    def _send(self, request: Request, zone: Zone, steps: Sequence[Diff] | None) -> Handled:
        if reason := self.places.enter(request.peer):
            return self._refuse(request, Rcode.SERVFAIL, Ede.OTHER, reason)
        began = self._clock.now()
        common = self._common(request)
        if steps is None:
            packets = transfer_out.axfr(zone, common)
        else:
            packets = transfer_out.ixfr(zone, steps, common)

        def ended(complete: bool) -> None:
            self.places.leave(request.peer)
            metrics = self._metrics
            metrics.transfers_out_total += complete
            metrics.transfers_out_failed_total += not complete
            kind = "AXFR" if steps is None else "IXFR"
            self._notes.done(
                request,
                f"{kind} of {names.show(zone.origin)} serial {zone.serial}"
                f"{'' if complete else ' broken off'}: {messages.count} messages,"
                f" {messages.octets} octets, {self._clock.now() - began:.3f} s",
            )

        messages = Messages(packets, ended)
        return messages

    def _common(self, request: Request) -> transfer_out.Request:
        query = request.message
        return transfer_out.Request(
            query.id,
            request.question,
            query.flags & Flag.RD,
            reply_edns(request, Answer(), self._identity),
            signature_octets(request),
        )

    def _refuse(self, request: Request, rcode: int, code: int, reason: str) -> Answer:
        self._metrics.transfers_out_refused_total += 1
        asked = request.question
        what = f"{show_type(asked.qtype)} of {names.show(asked.qname)}"
        self._notes.refused(request, f"{what}: {reason}")
        return Answer(rcode, extended_errors=(ExtendedError(code, reason),))


def _current(zone: Zone, more: Sequence[RRset] = ()) -> Answer:
    """The SOA of this version, and what follows it."""
    return Answer(answer=[zone.soa, *more], authoritative=True, ages=False)


def _client_serial(request: Request, zone: Zone) -> int | None:
    for rrset in request.message.authority:
        if rrset.rrtype == RRType.SOA and rrset.owner.lower() == zone.origin:
            return read_soa(rrset.rdatas[0])[0]
    return None
