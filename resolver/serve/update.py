"""The handler of UPDATE: who may change which zone, and who makes the change.

Of a primary zone the update is handed to whoever keeps it, and the reply waits until the change is
durable. Of a secondary zone the very message is passed on to a primary, with the client's signature
as it is (RFC 2136 section 6), if the client is in the zone's list; what the primary answers is the
reply.

Knows: RFC 2136 sections 3.1, 3.3, 3.8 and 6. Does not know: how a zone is changed (zone/update.py),
the journal, connections.
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

from resolver import names
from resolver.codes import Ede, Opcode, Rcode, RRClass, RRType
from resolver.effects import Await, Finished, Steps
from resolver.errors import WireError
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError
from resolver.policy.update_policy import UpdateRules
from resolver.serve.request import Handled, Notes, Relayed, Request
from resolver.zone import update as updates
from resolver.zone.store import ZoneStore
from resolver.zone.update import Changed, Outcome, Rejected, Rights, Unchanged, Update

MAX_UNDER_WAY = 100

# Called with what is to be done, and a function that takes the outcome.
Perform: TypeAlias = Callable[[Update, Rights, Callable[[Outcome], None]], None]
# Called with origin and packet, and a function that takes the primary's reply, None without one.
Relay: TypeAlias = Callable[[bytes, bytes, Callable[[bytes | None], None]], None]


class Updates:
    """Updates of zones of ours. `primaries` and `secondaries` hold the origins of zones that are
    kept here and of those that are passed on; they may change while we serve."""

    def __init__(
        self,
        zones: ZoneStore,
        rules: UpdateRules,
        *,
        primaries: Collection[bytes],
        secondaries: Collection[bytes],
        perform: Perform,
        relay: Relay,
        metrics: Metrics,
        notes: Notes,
    ) -> None:
        self._zones = zones
        self._rules = rules
        self._primaries = primaries
        self._secondaries = secondaries
        self._perform = perform
        self._relay = relay
        self._metrics = metrics
        self._notes = notes
        self._under_way = 0

    def passes_on(self, request: Request) -> bool:
        """Whether this is an update that another server has to judge, signature and all."""
        message = request.message
        if message.opcode != Opcode.UPDATE or len(message.questions) != 1:
            return False
        return request.question.name in self._secondaries

    def __call__(self, request: Request) -> Handled:
        """What becomes of an update; None for any other opcode."""
        if request.message.opcode != Opcode.UPDATE:
            return None
        edns = request.message.edns
        if edns is not None and edns.version > 0:
            return Answer(Rcode.BADVERS)
        if len(request.message.questions) != 1 or request.question.qtype != RRType.SOA:
            return Answer(Rcode.FORMERR)
        origin = request.question.name
        ours = origin in self._primaries or origin in self._secondaries
        if request.question.qclass != RRClass.IN or not ours:
            return self._refuse(request, Rcode.NOTAUTH, Ede.NOT_AUTHORITATIVE, "no zone of ours")
        rights = self._rules.rights(origin, request.peer, request.key)
        if rights is None:
            reason = "no right to change the zone"
            return self._refuse(request, Rcode.REFUSED, Ede.PROHIBITED, reason)
        if self._under_way >= MAX_UNDER_WAY:
            reason = f"{self._under_way} updates are under way"
            return self._refuse(request, Rcode.SERVFAIL, Ede.OTHER, reason)
        if origin in self._secondaries:
            return self._pass_on(request, origin)
        if self._zones.get(origin) is None:
            return self._refuse(request, Rcode.SERVFAIL, Ede.NOT_READY, "the zone is not served")
        try:
            update = updates.read(request.packet)
        except WireError:
            return Answer(Rcode.FORMERR)
        return self._change(request, update, rights)

    def _change(self, request: Request, update: Update, rights: Rights) -> Steps[Answer]:
        outcome = yield from self._wait(lambda done: self._perform(update, rights, done))
        match outcome:
            case Changed(zone, diff):
                self._metrics.updates_total += 1
                what = f"serial {zone.serial}, {diff.records - 2} records changed"
                self._notes.done(request, f"update of {names.show(update.origin)}: {what}")
            case Rejected(Rcode.REFUSED | Rcode.SERVFAIL as rcode, reason):
                code = Ede.PROHIBITED if rcode == Rcode.REFUSED else Ede.OTHER
                return self._refuse(request, rcode, code, reason)
            case Rejected(rcode, reason):  # a prerequisite, or a malformed message
                return Answer(rcode, extended_errors=(ExtendedError(Ede.OTHER, reason),))
            case Unchanged():
                self._metrics.updates_total += 1
        return Answer(Rcode.NOERROR, ages=False)

    def _pass_on(self, request: Request, origin: bytes) -> Steps[Answer]:
        packet = request.packet
        reply = yield from self._wait(lambda done: self._relay(origin, packet, done))
        if not isinstance(reply, bytes):
            reason = "no primary answers"
            return self._refuse(request, Rcode.SERVFAIL, Ede.NETWORK_ERROR, reason)
        self._metrics.updates_relayed_total += 1
        return Relayed(packet=reply)

    def _wait(self, start: Callable[[Callable[[object], None]], None]) -> Steps[object]:
        """The result of something that is done elsewhere, which has a place until it is done."""
        self._under_way += 1

        def begin(done: Callable[[object], None]) -> None:
            def end(result: object) -> None:
                self._under_way -= 1
                done(result)

            start(end)

        outcome = yield Await(begin)
        return outcome.result if isinstance(outcome, Finished) else None

    def _refuse(self, request: Request, rcode: int, code: int, reason: str) -> Answer:
        self._metrics.updates_refused_total += 1
        name = names.show(request.question.qname)
        self._notes.refused(request, f"update of {name}: {reason}")
        return Answer(rcode, extended_errors=(ExtendedError(code, reason),))
