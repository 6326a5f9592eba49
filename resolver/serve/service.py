"""Bytes in, bytes out: the whole of serving one packet, without a socket.

Malformed queries get FORMERR while their header can be trusted; responses and scraps get silence
(RFC 1035 section 7.3: never answer an answer). A handler of ours that raises costs its client a
SERVFAIL and nobody else anything. Finished packets are offered to the packet cache here.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from resolver.cache.answers import Answers
from resolver.clock import Clock
from resolver.codes import Ede, Rcode
from resolver.effects import Steps
from resolver.errors import WireError
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError
from resolver.policy.acl import AccessTable
from resolver.serve.pipeline import handle
from resolver.serve.request import Handler, Identity, Request, envelope, formerr
from resolver.wire.parse import parse

HEADER_OCTETS = 12
_QR = 0x80  # in the third octet
_OUR_FAULT = Answer(Rcode.SERVFAIL, extended_errors=(ExtendedError(Ede.OTHER, "internal error"),))
# Own zones do not age: their packets are dropped when a zone changes, not before.
_OWN_ZONE_TTL_S = 86_400.0


@dataclass(slots=True)
class Service:
    """Everything that a listener needs to answer a packet."""

    order: Sequence[Handler]
    access: AccessTable
    answers: Answers
    identity: Identity
    clock: Clock
    metrics: Metrics
    recursion: bool
    on_exception: Callable[[BaseException], None]

    def respond(
        self, packet: bytes, peer: bytes, *, stream: bool
    ) -> bytes | Steps[bytes | None] | None:
        """The reply, None for silence, or steps that end in either.

        `peer` is the packed source address, 4 or 16 octets.
        """
        if len(packet) < HEADER_OCTETS or packet[2] & _QR:
            self.metrics.dropped_total += 1
            return None
        try:
            message = parse(packet)
        except WireError:
            self.metrics.malformed_total += 1
            return formerr(packet)
        request = Request(message, peer, self.access.bits(peer), stream)
        try:
            handled = handle(request, self.order)
            if isinstance(handled, Generator):
                return self._finish_later(request, packet, handled)
            return self._finish(request, packet, handled or _OUR_FAULT)
        except Exception as fault:
            self.on_exception(fault)
            return envelope(request, _OUR_FAULT, self.identity, recursion=self.recursion)

    def _finish_later(
        self, request: Request, packet: bytes, steps: Steps[Answer]
    ) -> Steps[bytes | None]:
        try:
            answer = yield from steps
            return self._finish(request, packet, answer)
        except Exception as fault:
            self.on_exception(fault)
            return envelope(request, _OUR_FAULT, self.identity, recursion=self.recursion)

    def _finish(self, request: Request, packet: bytes, answer: Answer) -> bytes:
        reply = envelope(request, answer, self.identity, recursion=self.recursion)
        if answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) and not answer.extended_errors:
            self._keep(request, packet, reply, answer)
        return reply

    def _keep(self, request: Request, packet: bytes, reply: bytes, answer: Answer) -> None:
        """Offer the finished packet to the packet cache.

        A chain from an own zone to data of others is left out: one half of it ages, the other not.
        """
        if answer.authoritative and answer.ages:
            return
        ttl_s = _OWN_ZONE_TTL_S
        if answer.ages:
            sections = (answer.answer, answer.authority, answer.additional)
            ttl_s = float(min((r.ttl for section in sections for r in section), default=0))
        self.answers.keep(
            packet,
            reply,
            bits=request.bits,
            stream=request.stream,
            now=self.clock.now(),
            ttl_s=ttl_s,
            ages=answer.ages,
        )
