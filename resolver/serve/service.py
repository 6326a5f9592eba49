"""Bytes in, bytes out: the whole of serving one packet, without a socket.

Malformed queries get FORMERR while their header can be trusted; responses and scraps get silence
(RFC 1035 section 7.3: never answer an answer). A handler of ours that raises costs its client a
SERVFAIL and nobody else anything. Finished packets are offered to the packet cache here.

Signatures are looked at before anything else and made after everything else (RFC 8945 sections 5.2
and 5.3): what is signed by an unknown key or wrongly gets no further than here.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

from resolver import names
from resolver.cache.answers import Answers
from resolver.clock import Clock
from resolver.codes import Ede, Rcode, RRType
from resolver.effects import Steps
from resolver.errors import WireError
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError, Message
from resolver.policy.acl import AccessTable
from resolver.serve.pipeline import handle
from resolver.serve.request import (
    Handler,
    Identity,
    Messages,
    NoNotes,
    Notes,
    Relayed,
    Request,
    envelope,
    formerr,
)
from resolver.wire.parse import parse
from resolver.wire.tsig import Key, TsigError, Valid, verify_request

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
    keys: Mapping[bytes, Key] = field(default_factory=dict)  # by lower-case name
    notes: Notes = field(default_factory=NoNotes)
    passes_on: Callable[[Request], bool] = lambda request: False

    @overload
    def respond(
        self, packet: bytes, peer: bytes, *, stream: Literal[False]
    ) -> bytes | Steps[bytes | None] | None: ...
    @overload
    def respond(
        self, packet: bytes, peer: bytes, *, stream: Literal[True]
    ) -> bytes | Steps[bytes | None] | Messages | None: ...
    def respond(
        self, packet: bytes, peer: bytes, *, stream: bool
    ) -> bytes | Steps[bytes | None] | Messages | None:
        """The reply, None for silence, steps that end in either, or on a stream a reply in many
        packets.

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
        request = Request(message, peer, self.access.bits(peer), stream, packet=packet)
        if _has_tsig(message) and (refusal := self._verify(request, packet)) is not None:
            return refusal
        try:
            handled = handle(request, self.order)
            if isinstance(handled, Generator):
                return self._finish_later(request, packet, handled)
            if isinstance(handled, Messages):
                handled.map(lambda message: self._sign(request, message))
                return handled
            return self._finish(request, packet, handled or _OUR_FAULT)
        except Exception as fault:
            self.on_exception(fault)
            return self._seal(request, _OUR_FAULT)

    def _verify(self, request: Request, packet: bytes) -> bytes | None:
        """Note who signed a request, or return the reply that its signature deserves."""
        try:
            verdict = verify_request(packet, self.keys, self.clock.wall())
        except WireError:
            self.metrics.malformed_total += 1
            return formerr(packet)
        if isinstance(verdict, Valid):
            message = request.message
            message.additional = [r for r in message.additional if r.rrtype != RRType.TSIG]
            request.key = verdict.key.name
            request.signer = verdict.signer()
            request.bits |= self.access.key_bits(verdict.key.name)
            return None
        if verdict is None:
            return formerr(packet)
        if verdict.error == TsigError.BADKEY and self.passes_on(request):
            return None  # another server may know the key
        self.metrics.tsig_rejected_total += 1
        error = TsigError(verdict.error).name
        self.notes.refused(request, f"signed by {names.show(verdict.tsig.name)}: {error}")
        reply = envelope(request, Answer(Rcode.NOTAUTH), self.identity, recursion=self.recursion)
        return verdict.seal(reply, self.clock.wall())

    def _finish_later(
        self, request: Request, packet: bytes, steps: Steps[Answer]
    ) -> Steps[bytes | None]:
        try:
            answer = yield from steps
            if isinstance(answer, Relayed):
                return answer.packet
            return self._finish(request, packet, answer)
        except Exception as fault:
            self.on_exception(fault)
            return self._seal(request, _OUR_FAULT)

    def _seal(self, request: Request, answer: Answer) -> bytes:
        reply = envelope(request, answer, self.identity, recursion=self.recursion)
        return self._sign(request, reply)

    def _sign(self, request: Request, reply: bytes) -> bytes:
        """Who signs a request gets a signed reply (RFC 8945 section 5.3)."""
        if request.signer is None:
            return reply
        return request.signer.sign(reply, self.clock.wall())

    def _finish(self, request: Request, packet: bytes, answer: Answer) -> bytes:
        reply = self._seal(request, answer)
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
            if answer.renew_in_s is not None:
                # The rest of its life goes by where it can be seen to be popular.
                ttl_s = min(ttl_s, float(answer.renew_in_s))
        self.answers.keep(
            packet,
            reply,
            bits=request.bits,
            stream=request.stream,
            now=self.clock.now(),
            ttl_s=ttl_s,
            ages=answer.ages,
        )


def _has_tsig(message: Message) -> bool:
    """Whether there is a TSIG record anywhere, be it where none may be."""
    return any(
        rrset.rrtype == RRType.TSIG
        for section in (message.additional, message.authority, message.answer)
        for rrset in section
    )
