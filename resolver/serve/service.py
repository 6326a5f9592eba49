"""Bytes in, bytes out: the whole of serving one packet, without a socket.

Malformed queries get FORMERR while their header can be trusted; responses and scraps get silence
(RFC 1035 section 7.3: never answer an answer). A handler of ours that raises costs its client a
SERVFAIL and nobody else anything. Finished packets are offered to the packet cache here.

Signatures are looked at before anything else and made after everything else (RFC 8945 sections 5.2
and 5.3): what is signed by an unknown key or wrongly gets no further than here.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Final, Literal, overload

from resolver import names
from resolver.cache.answers import Answers
from resolver.clock import Clock
from resolver.codes import Ede, Rcode, RRType
from resolver.effects import Steps
from resolver.errors import WireError
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError, Message, Source
from resolver.policy.acl import AccessTable
from resolver.policy.cookies import ServerCookies
from resolver.policy.rate_limit import Fate, RateLimiter
from resolver.serve.observe import Observers
from resolver.serve.pipeline import handle
from resolver.serve.rate_limit import ReplyLimits, instead
from resolver.serve.request import (
    Identity,
    Messages,
    NoNotes,
    Notes,
    Relayed,
    Request,
    Stage,
    envelope,
    formerr,
    read_query,
)
from resolver.serve.responder import Responder
from resolver.wire.patch import truncated, without_option
from resolver.wire.peek import Peek, peek
from resolver.wire.tsig import Key, TsigError, Valid, verify_request

HEADER_OCTETS: Final = 12
_QR: Final = 0x80  # in the third octet
_OUR_FAULT: Final = Answer(
    Rcode.SERVFAIL, extended_errors=(ExtendedError(Ede.OTHER, "internal error"),)
)
_MALFORMED: Final = Answer(Rcode.FORMERR, source=Source.MALFORMED)
_UNANSWERED: Final = Answer(Rcode.SERVFAIL, source=Source.DROPPED)
_RELAYED: Final = Answer()
_NOERROR: Final = int(Rcode.NOERROR)
_NXDOMAIN: Final = int(Rcode.NXDOMAIN)
# Own zones do not age: their packets are dropped when a zone changes, not before.
_OWN_ZONE_TTL_S: Final = 86_400.0


class Service(Responder):
    """Everything that a listener needs to answer a packet."""

    __slots__ = (
        "_now",
        "access",
        "answers",
        "clock",
        "cookies",
        "identity",
        "keys",
        "limits",
        "metrics",
        "notes",
        "observer",
        "on_exception",
        "order",
        "passes_on",
        "recursion",
    )

    def __init__(
        self,
        *,
        order: list[Stage],
        access: AccessTable,
        answers: Answers,
        identity: Identity,
        clock: Clock,
        metrics: Metrics,
        recursion: bool,
        on_exception: Callable[[BaseException], None],
        keys: Mapping[bytes, Key] | None = None,
        notes: Notes | None = None,
        passes_on: Callable[[Request], bool] = lambda request: False,
        cookies: ServerCookies | None = None,
        limits: ReplyLimits | None = None,
        observer: Observers | None = None,
    ) -> None:
        """`keys` are by lower-case name, `cookies` those that `order` gives out."""
        # These stay as they are when the configuration is replaced.
        self.access = access
        self.answers = answers
        self.clock = clock
        self._now = clock.now  # a clock is not to be looked up by name for each reading
        self.metrics = metrics
        self.on_exception = on_exception
        self.observer = observer
        # These do not.
        self.order = order
        self.identity = identity
        self.recursion = recursion
        self.keys: Mapping[bytes, Key] = {} if keys is None else keys
        self.notes: Notes = NoNotes() if notes is None else notes
        self.passes_on = passes_on
        self.cookies = cookies
        self.limits = limits

    @property
    def limiter(self) -> RateLimiter | None:
        """The table of rate limits."""
        return None if self.limits is None else self.limits.limiter

    def turn_to(self, other: "Service") -> None:
        """Serve as another service would from now on. Whoever holds this one, its access table or
        its packets need not know; replies under way end as they have begun."""
        self.order = other.order
        self.identity = other.identity
        self.recursion = other.recursion
        self.keys = other.keys
        self.notes = other.notes
        self.passes_on = other.passes_on
        self.cookies = other.cookies
        self.limits = other.limits
        self.access.turn_to(other.access)

    @overload
    def respond(
        self,
        packet: bytes,
        peer: bytes,
        look: Peek | None = None,
        since: float | None = None,
        *,
        stream: Literal[False],
    ) -> bytes | Steps[bytes | None] | None: ...
    @overload
    def respond(
        self,
        packet: bytes,
        peer: bytes,
        look: Peek | None = None,
        since: float | None = None,
        *,
        stream: Literal[True],
    ) -> bytes | Steps[bytes | None] | Messages | None: ...
    def respond(
        self,
        packet: bytes,
        peer: bytes,
        look: Peek | None = None,
        since: float | None = None,
        *,
        stream: bool,
    ) -> bytes | Steps[bytes | None] | Messages | None:
        """The reply, None for silence, steps that end in either, or on a stream a reply in many
        packets.

        `peer` is the packed source address, 4 or 16 octets; `look` the peek of the packet and
        `since` the instant it came, if they are known.
        """
        if len(packet) < HEADER_OCTETS or packet[2] & _QR:
            self.metrics.dropped_total += 1
            return None
        if look is None:
            look = peek(packet, stream=stream)
        try:
            message = read_query(packet, look)
        except WireError:
            self._note_malformed(packet, peer, stream=stream)
            if self.limits is None or stream or self.limits.may_tell_malformed(peer):
                return formerr(packet)
            self.metrics.dropped_total += 1
            return None
        request = Request(message, peer, self.access.bits(peer), stream, packet=packet)
        request.look = look
        request.since = self._now() if since is None else since
        # What is plain is not signed.
        if look is None and (refusal := self._verify(request, packet)) is not None:
            return refusal
        try:
            handled = handle(request, self.order)
            if handled is None or isinstance(handled, Answer):
                reply = self._finish(request, packet, handled or _OUR_FAULT)
                if reply is None:
                    self.metrics.dropped_total += 1
                return reply
            if not isinstance(handled, Messages):
                return self._finish_later(request, packet, handled)
            return self._in_many(request, handled)
        except Exception as fault:
            return self._own_up(request, fault)

    def _in_many(self, request: Request, messages: Messages) -> Messages:
        """A reply in many packets, seen to. (A function in `respond` would have every query make
        a place for what it refers to.)"""
        messages.map(lambda message: self._sign(request, message))
        messages.on_end(lambda complete: self._tell(request, _transferred(complete)))
        return messages

    def _verify(self, request: Request, packet: bytes) -> bytes | None:
        """Note who signed a request, or return the reply that its signature deserves."""
        if not _has_tsig(request.message):
            return None
        try:
            verdict = verify_request(packet, self.keys, self.clock.wall())
        except WireError:
            self.metrics.malformed_total += 1
            self._tell(request, _MALFORMED)
            return formerr(packet)
        if isinstance(verdict, Valid):
            message = request.message
            message.additional = [r for r in message.additional if r.rrtype != RRType.TSIG]
            request.key = verdict.key.name
            request.signer = verdict.signer()
            request.bits |= self.access.key_bits(verdict.key.name)
            return None
        if verdict is None:
            self._tell(request, _MALFORMED)
            return formerr(packet)
        if verdict.error == TsigError.BADKEY and self.passes_on(request):
            return None  # another server may know the key
        self.metrics.tsig_rejected_total += 1
        error = TsigError(verdict.error).name
        self.notes.refused(request, f"signed by {names.show(verdict.tsig.name)}: {error}")
        answer = Answer(Rcode.NOTAUTH, source=Source.REFUSED)
        self._tell(request, answer)
        reply = envelope(request, answer, self.identity, recursion=self.recursion)
        return verdict.seal(reply, self.clock.wall())

    def _finish_later(
        self, request: Request, packet: bytes, steps: Steps[Answer]
    ) -> Steps[bytes | None]:
        generation = self.answers.generation
        try:
            answer = yield from steps
            if isinstance(answer, Relayed):
                self._tell(request, _RELAYED)
                return answer.packet
            # What has begun before a zone or the configuration changed is not kept any more.
            kept = generation == self.answers.generation
            return self._finish(request, packet, answer, keep=kept)
        except GeneratorExit:
            self._tell(request, _UNANSWERED)
            raise
        except Exception as fault:
            return self._own_up(request, fault)

    def _own_up(self, request: Request, fault: Exception) -> bytes:
        """The reply to a query on which a handler of ours raised."""
        self.on_exception(fault)
        self._tell(request, _OUR_FAULT)
        return self._seal(request, _OUR_FAULT)

    def _note_malformed(self, packet: bytes, peer: bytes, *, stream: bool) -> None:
        self.metrics.malformed_total += 1
        if self.observer is not None:
            # Its header is all that is known of it.
            message_id, flags = (int.from_bytes(packet[i : i + 2], "big") for i in (0, 2))
            header = Message(message_id, flags)
            request = Request(header, peer, 0, stream, packet=packet, since=self.clock.now())
            self._tell(request, _MALFORMED)

    def _tell(self, request: Request, answer: Answer, now: float | None = None) -> None:
        """Let whoever observes know how a query ended. What goes wrong there costs no reply."""
        if self.observer is not None:
            if now is None:
                now = self.clock.now()
            try:
                self.observer.saw(request, answer, now - request.since)
            except Exception as fault:
                self.on_exception(fault)

    def _seal(self, request: Request, answer: Answer) -> bytes:
        reply = envelope(request, answer, self.identity, recursion=self.recursion)
        return self._sign(request, reply)

    def _sign(self, request: Request, reply: bytes) -> bytes:
        """Who signs a request gets a signed reply (RFC 8945 section 5.3)."""
        if request.signer is None:
            return reply
        return request.signer.sign(reply, self.clock.wall())

    def _finish(
        self, request: Request, packet: bytes, answer: Answer, *, keep: bool = True
    ) -> bytes | None:
        fate = Fate.SEND if self.limits is None else self.limits.fate(request, answer)
        if fate is not Fate.SEND:
            return self._hold_back(request, answer, fate)
        reply = self._seal(request, answer)
        now = self._now()
        rcode = answer.rcode
        is_whole = rcode in (_NOERROR, _NXDOMAIN)
        if keep and is_whole and not answer.extended_errors:
            self._keep(request, packet, reply, answer, now)
        self._tell(request, answer, now)
        return reply

    def _hold_back(self, request: Request, answer: Answer, fate: Fate) -> bytes | None:
        """Silence, or a short reply, in the place of one too many."""
        if fate is Fate.DROP:
            self._tell(request, _UNANSWERED)
            return None
        short = instead(request, answer)
        self._tell(request, short)
        reply = self._seal(request, short)
        return reply if short.rcode == Rcode.BADCOOKIE else truncated(reply)

    def _keep(
        self, request: Request, packet: bytes, reply: bytes, answer: Answer, now: float
    ) -> None:
        """Offer the finished packet to the packet cache.

        A chain from an own zone to data of others is left out: one half of it ages, the other not.
        """
        if request.cookie is not None:
            reply = without_option(reply, request.cookie.option)
        if answer.authoritative and answer.ages:
            return
        if answer.made_from is not None and self.limits is not None:
            return  # limits hold for all names together that it stands for
        ttl_s = _OWN_ZONE_TTL_S
        if answer.ages:
            # The lowest TTL is found there. The rest of the life of what is to be renewed goes by
            # where it can be seen to be popular.
            ttl_s = inf if answer.renew_in_s is None else float(answer.renew_in_s)
        self.answers.keep(
            packet,
            reply,
            bits=request.bits,
            stream=request.stream,
            now=now,
            ttl_s=ttl_s,
            ages=answer.ages,
            look=request.look,
        )


def _transferred(complete: bool) -> Answer:
    return Answer(Rcode.NOERROR if complete else Rcode.SERVFAIL, source=Source.TRANSFER)


def _has_tsig(message: Message) -> bool:
    """Whether there is a TSIG record anywhere, be it where none may be."""
    if not (message.additional or message.authority or message.answer):
        return False
    return any(
        rrset.rrtype == RRType.TSIG
        for section in (message.additional, message.authority, message.answer)
        for rrset in section
    )
