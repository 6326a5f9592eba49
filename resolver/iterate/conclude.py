"""From what was found to what is told: the end of one question.

Knows: chains, denials, the reasons that go with an answer (RFC 8914). Does not know: where things
were found.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Final, TypeAlias

from resolver import names
from resolver.cache.negative import negative_ttl
from resolver.cache.rrsets import renewal_margin_s
from resolver.codes import Ede, Rcode, RRType
from resolver.effects import Finished, Outcome
from resolver.iterate import steps
from resolver.iterate.budget import MAX_ALIASES
from resolver.iterate.response import Answered
from resolver.iterate.work import Work
from resolver.model import Answer, ExtendedError, Question, RRset, Source
from resolver.trace import Trace

_CNAME: Final = int(RRType.CNAME)
_NOERROR: Final = int(Rcode.NOERROR)
_SERVFAIL: Final = int(Rcode.SERVFAIL)

# What is answered here instead of being asked for; None is for everything else.
Local: TypeAlias = Callable[[Question], Answer | None]


def conclude(found: Answered, chain: list[RRset], *, max_negative_ttl: int) -> Answer:
    """The answer that ends a chain; a denial comes with its SOA (RFC 2308 section 3)."""
    if found.data:
        return Answer(_NOERROR, [*chain, *found.data] if chain else found.data)
    authority: list[RRset] = []
    if found.soa is not None:
        ttl = min(negative_ttl(found.soa), max_negative_ttl)
        authority = [replace(found.soa, ttl=ttl)]
    return Answer(found.rcode, chain, authority)


def renew_in_s(answer: Answer, renew_at: float, now: float) -> int:
    """When to ask anew for an answer with data. `renew_at` is the earliest instant for what was in
    the cache, inf when all of it came from servers and is measured by its TTL."""
    if renew_at == inf:
        return min([rrset.ttl - renewal_margin_s(rrset.ttl) for rrset in answer.answer])
    return int(renew_at - now)


def at_home(local: Local | None, question: Question, chain: list[RRset]) -> Answer | bytes | None:
    """What is answered here, behind `chain`, to which it is added: the answer, or the next name of
    the chain. `question` is for a name in lower case."""
    found = local(question) if local is not None else None
    if found is None:
        return None
    is_all = not chain
    chain += found.answer
    if error := chain_fault(chain):
        return servfail(error)
    if found.chase is not None:
        return found.chase
    ours = is_all and found.authoritative
    return replace(found, answer=chain, authoritative=ours, ages=found.ages or not is_all)


def chain_fault(chain: Sequence[RRset]) -> ExtendedError | None:
    """Why a chain of aliases cannot be followed further, if so."""
    if not chain:
        return None
    owners = [rrset.owner.lower() for rrset in chain if rrset.rrtype == _CNAME]
    if len(set(owners)) < len(owners):
        looped = next(o for i, o in enumerate(owners) if o in owners[:i])
        return ExtendedError(Ede.OTHER, f"alias loop at {names.show(looped)}")
    if len(owners) > MAX_ALIASES:
        return ExtendedError(Ede.OTHER, f"more than {MAX_ALIASES} aliases")
    return None


def given_up(error: ExtendedError, work: Work) -> Answer:
    """What is told when a bound is reached."""
    work.note(steps.GIVEN_UP, error.text)
    return servfail(error)


def told(answer: Answer, work: Work) -> Answer:
    """An answer as it leaves the work that it comes of."""
    if answer.source is Source.SERVER:
        answer.source = Source.RECURSION
        if answer.extended_errors and work.depth == 0:
            work.note_told(answer.extended_errors)
    answer.trace = work.trace
    return answer


def fetched(question: Question, outcome: Outcome, stale: Answer | None, work: Work) -> Answer:
    """What the outcome of a fetch means for a client."""
    trace = work.trace
    if isinstance(outcome, Finished) and isinstance(outcome.result, Answer):
        answer = outcome.result
        if answer.trace is not None and answer.trace is not trace:
            work.tick()
            work.note(steps.JOINED, question, answer.trace.number)
        if answer.rcode != _SERVFAIL or stale is None:
            return answer
        return as_stale(stale, answer.extended_errors, trace=answer.trace)
    if stale is not None:
        late = ExtendedError(Ede.NETWORK_ERROR, "the servers take too long")
        work.tick()
        work.note(steps.STALE, question, late.text)
        return as_stale(stale, (late,), trace=trace)
    text = "no result: too many questions in flight, or an internal error"
    return servfail(ExtendedError(Ede.OTHER, text))


def servfail(*errors: ExtendedError, cause: int = 0) -> Answer:
    """No answer, and why; `cause` is the number of the record of an earlier failure."""
    return Answer(Rcode.SERVFAIL, extended_errors=errors, cause=cause)


def as_stale(
    stale: Answer,
    errors: tuple[ExtendedError, ...],
    *,
    trace: Trace | None = None,
    cause: int = 0,
) -> Answer:
    """A stale answer with the reason for it (RFC 8914 sections 4.4 and 4.20), and the record of
    that, or the number of an earlier one."""
    code = Ede.STALE_NXDOMAIN_ANSWER if stale.rcode == Rcode.NXDOMAIN else Ede.STALE_ANSWER
    first = ExtendedError(code, f"expired, but {errors[0].text}" if errors else "expired")
    told_all = (first, *errors[1:], *stale.extended_errors)
    return replace(stale, extended_errors=told_all, source=Source.STALE, trace=trace, cause=cause)
