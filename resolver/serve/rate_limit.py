"""What replies count as for rate limiting, and what is sent instead of one too many.

Who has shown that the address is his is never limited: over TCP, with a valid cookie, with a
signature. A client with a cookie that is not valid gets BADCOOKIE where another gets a truncated
reply: it is as short and leads to the answer without TCP.

Knows: kinds of answers. Does not know: tables and rates (policy/rate_limit.py).
"""

from typing import Final

from resolver import names
from resolver.clock import Clock
from resolver.codes import Opcode, Rcode, RRType, show_type
from resolver.metrics import Metrics
from resolver.model import Answer, Question
from resolver.policy.rate_limit import Fate, Kind, RateLimiter
from resolver.serve.request import Notes, Request

_CUT_SHORT: Final = Answer(Rcode.BADCOOKIE)
_NO_NAME: Final = b""


class ReplyLimits:
    """Rate limits on the replies of a service."""

    __slots__ = ("_clock", "_metrics", "_notes", "limiter")

    def __init__(
        self, limiter: RateLimiter, *, clock: Clock, metrics: Metrics, notes: Notes
    ) -> None:
        self.limiter = limiter
        self._clock = clock
        self._metrics = metrics
        self._notes = notes

    def fate(self, request: Request, answer: Answer) -> Fate:
        """What becomes of the reply to a request."""
        if _is_known(request) or request.message.opcode != Opcode.QUERY:
            return Fate.SEND
        network = self.limiter.network(request.peer)
        if network is None:
            return Fate.SEND
        kind, name = account(request, answer)
        fate, first = self.limiter.judge(network, kind, name, self._clock.now())
        if fate is Fate.SEND:
            return fate
        if first:
            self._notes.refused(request, f"too many replies: {_show(kind, name)}")
        return self._count(fate)

    def may_tell_malformed(self, peer: bytes) -> bool:
        """Whether a client may be told that its query cannot be read."""
        network = self.limiter.network(peer)
        if network is None:
            return True
        if self.limiter.may_send(network, Kind.ERROR, _NO_NAME, self._clock.now()):
            return True
        return self._count(Fate.DROP) is Fate.SEND

    def _count(self, fate: Fate) -> Fate:
        metrics = self._metrics
        metrics.rate_limited_total += 1
        if self.limiter.dry_run:
            return Fate.SEND
        if fate is Fate.DROP:
            metrics.rate_limited_dropped_total += 1
        return fate


def instead(request: Request, answer: Answer) -> Answer:
    """The empty answer that is sent in place of one too many; TC is to be set in it unless it is
    BADCOOKIE."""
    if request.cookie is not None:
        return _CUT_SHORT
    return Answer(answer.rcode, authoritative=answer.authoritative, source=answer.source)


def question_key(question: Question) -> bytes:
    """A question as the name of an account: as it stands in a query, in lower case."""
    numbers = question.qtype << 16 | question.qclass
    return question.name + numbers.to_bytes(4, "big")


def account(request: Request, answer: Answer) -> tuple[Kind, bytes]:
    """What a reply counts as."""
    if answer.rcode == Rcode.NXDOMAIN:
        return Kind.NXDOMAIN, _zone(answer)
    if answer.rcode != Rcode.NOERROR or not request.message.questions:
        return Kind.ERROR, _NO_NAME
    if answer.answer:
        if answer.made_from is not None:
            return Kind.ANSWER, answer.made_from
        return Kind.ANSWER, question_key(request.question)
    for rrset in answer.authority:
        if rrset.rrtype == RRType.NS and not answer.authoritative:
            return Kind.REFERRAL, rrset.owner.lower()
    return Kind.NODATA, _zone(answer)


def _zone(answer: Answer) -> bytes:
    """The zone that a denial is of."""
    for rrset in answer.authority:
        if rrset.rrtype == RRType.SOA:
            return rrset.owner.lower()
    return _NO_NAME


def _show(kind: Kind, name: bytes) -> str:
    """An account without its network, for people."""
    if not name:
        return kind.name
    end = _name_end(name)
    shown = names.show(name[:end])
    if end == len(name):
        return f"{kind.name} {shown}"
    return f"{kind.name} {shown} {show_type(int.from_bytes(name[end : end + 2], 'big'))}"


def _name_end(name: bytes) -> int:
    """Where a name in wire form ends that something may follow."""
    at = 0
    while length := name[at]:
        at += length + 1
    return at + 1


def _is_known(request: Request) -> bool:
    cookie = request.cookie
    return request.stream or request.key is not None or (cookie is not None and cookie.valid)
