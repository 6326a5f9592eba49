"""One question, answered as a client would have it answered, with every step noted.

The same handlers in the same order as for a packet, so access control, own zones, local data, block
lists, cache and recursion all have their say; only finished packets and what is done about floods
are left out. What is found here at once, without any work that notes its steps, is noted after the
fact.

Knows: the service, kinds of steps. Does not know: who asks, how it is shown (report.py).
"""

from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import ip_address

from resolver.codes import Rcode, show_type
from resolver.effects import Steps
from resolver.iterate import steps
from resolver.model import Answer, Edns, Question, Source
from resolver.policy.acl import CACHE, QUERY, RECURSION
from resolver.serve.pipeline import handle
from resolver.serve.request import Messages, Request
from resolver.serve.service import Service
from resolver.trace import Trace
from resolver.wire.build import build_query
from resolver.wire.parse import parse

_RIGHTS = ((QUERY, "own zones"), (RECURSION, "recursion"), (CACHE, "the cache"))
_HERE = frozenset((Source.LOCAL, Source.SPECIAL, Source.POLICY))


@dataclass(slots=True)
class Explained:
    """An answer, how long it took, and the record of it. `joined` is the record of the work
    that it is the result of, if that was begun for another client."""

    question: Question
    answer: Answer
    seconds: float
    trace: Trace
    joined: Trace | None


def explain(service: Service, question: Question, peer: bytes) -> Steps[Explained]:
    """The answer to a question of the client with this packed address."""
    clock = service.clock
    began = clock.now()
    packet = build_query(0, question, edns=Edns(), recursion_desired=True)
    trace = Trace()
    bits = service.access.bits(peer)
    request = Request(parse(packet), peer, bits, True, packet=packet, since=began, trace=trace)
    trace.note(began, steps.ACCESS, str(ip_address(peer)), show_rights(request.bits))
    handled = handle(request, service.order)
    if isinstance(handled, Generator):
        handled = yield from handled
    if isinstance(handled, Messages):
        handled.close()
        handled = None
    answer = handled or Answer(Rcode.NOERROR)
    _note_finding(trace, clock.now(), question, answer)
    joined = answer.trace if answer.trace is not trace else None
    return Explained(question, answer, clock.now() - began, trace, joined)


def show_rights(bits: int) -> str:
    """What access bits allow, in words."""
    return ", ".join(word for bit, word in _RIGHTS if bits & bit) or "nothing"


def _note_finding(trace: Trace, now: float, question: Question, answer: Answer) -> None:
    """Note what was found without asking anybody."""
    trace.depth = 0
    name = question.qname
    if answer.source is Source.OWN:
        trace.note(now, steps.OWN, name)
    elif answer.source is Source.REFUSED:
        trace.note(now, steps.REFUSED, "; ".join(e.text for e in answer.extended_errors))
    elif answer.source in _HERE and not trace.sent:
        trace.note(now, steps.LOCAL, name, steps.Ours(answer))
    elif answer.source is Source.CACHE:
        _note_cached(trace, now, question, answer)


def _note_cached(trace: Trace, now: float, question: Question, answer: Answer) -> None:
    if answer.rcode == Rcode.SERVFAIL:
        first, *more = (error.text for error in answer.extended_errors)
        name, qtype = question.qname, show_type(question.qtype)
        trace.note(now, steps.CACHED_FAILURE, name, qtype, "; ".join(more), first, answer.cause)
        return
    for rrset in (*answer.answer, *answer.authority):
        kind = show_type(rrset.rrtype)
        trace.note(now, steps.CACHED_DATA, rrset.owner, kind, rrset.ttl)
