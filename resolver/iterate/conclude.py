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
from resolver.iterate.budget import MAX_ALIASES
from resolver.iterate.response import Answered
from resolver.model import Answer, ExtendedError, Question, RRset, Source, question_of
from resolver.trace import Trace

_CNAME: Final = int(RRType.CNAME)
_NOERROR: Final = int(Rcode.NOERROR)

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


def at_home(
    local: Local | None, name: bytes, qtype: int, chain: list[RRset]
) -> Answer | bytes | None:
    """What is answered here, behind `chain`, to which it is added: the answer, or the next name of
    the chain."""
    found = local(question_of(name, qtype)) if local is not None else None
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
    told = ExtendedError(code, f"expired, but {errors[0].text}" if errors else "expired")
    told_all = (told, *errors[1:], *stale.extended_errors)
    return replace(stale, extended_errors=told_all, source=Source.STALE, trace=trace, cause=cause)
