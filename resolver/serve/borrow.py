"""Addresses for a name with an ALIAS record: those of the target, as if they were its own.

The target is looked for in our own zones first and then wherever it is, by the server for its own
sake: whether the client may recurse does not matter. What is told lives no longer than the ALIAS
record, any alias on the way, or the addresses. Whatever goes wrong on the way is a failure and
never the absence of addresses. In a signed zone what is told is signed (zone/lending.py).

Knows: that a name with data cannot be NXDOMAIN (RFC 8020 section 2), whatever its target is. Does
not know: clients. There is no RFC about ALIAS; this is what PowerDNS calls so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from resolver import names
from resolver.codes import Ede, Rcode, RRClass
from resolver.effects import Steps
from resolver.model import Answer, ExtendedError, Question, RRset, Source
from resolver.resolve import Recursion
from resolver.serve import authority
from resolver.serve.authority import MAX_ALIASES, Borrowing
from resolver.serve.beyond import delegation, unserved
from resolver.trace import Trace
from resolver.zone.nsec3 import HashCollisionError
from resolver.zone.signer import CannotSignError
from resolver.zone.store import ZoneStore


class Borrower:
    """Looks in `zones`, then with `recursion`; None means that nothing is looked up outside."""

    def __init__(self, zones: ZoneStore, recursion: Recursion | None) -> None:
        self._zones = zones
        self._recursion = recursion

    def answer(self, borrowing: Borrowing, qtype: int, trace: Trace) -> Steps[Answer]:
        """The answer to an address question that an ALIAS stands in the way of."""
        target = borrowing.lender
        ttl_s = borrowing.ttl_s
        seen = {borrowing.owner.lower()}
        if not target:
            return borrowing
        while True:
            key = target.lower()
            if key in seen or len(seen) > MAX_ALIASES:
                error = ExtendedError(Ede.OTHER, f"ALIAS loop, or more than {MAX_ALIASES} aliases")
                return _failed(borrowing, Answer(Rcode.SERVFAIL, source=Source.OWN), error)
            seen.add(key)
            found = yield from self._look_up(Question(target, qtype), trace)
            ttl_s = _least_ttl(found.answer, ttl_s)
            if isinstance(found, Borrowing) and found.lender:
                ttl_s = min(ttl_s, found.ttl_s)
                seen.add(found.owner.lower())
                target = found.lender
            elif found.chase is not None:
                target = found.chase
            else:
                return self._end(borrowing, found, Question(target, qtype), ttl_s)

    def _end(self, borrowing: Borrowing, found: Answer, asked: Question, ttl_s: int) -> Answer:
        try:
            return _lent(borrowing, found, asked, ttl_s)
        except CannotSignError as fault:
            return _failed(borrowing, found, ExtendedError(Ede.OTHER, str(fault)))
        except HashCollisionError as collision:
            reason = f"there is an NSEC3 record for {collision}"
            return _failed(borrowing, found, ExtendedError(Ede.OTHER, reason))

    def _look_up(self, question: Question, trace: Trace) -> Steps[Answer]:
        """One step: what our zones say, or the end of it from elsewhere."""
        name = question.name
        if (withheld := self._zones.withheld(name)) is not None:
            return unserved(withheld)
        recursion = self._recursion
        ours = None
        if not self._is_routed(name):
            ours = authority.answer(self._zones, question, minimal=True)
        cut = None if ours is None else delegation(ours)
        if ours is not None and cut is None:
            ours.source = Source.OWN
            return ours
        if recursion is None:
            error = ExtendedError(Ede.NOT_SUPPORTED, "this server does not look up others' names")
            return Answer(Rcode.SERVFAIL, extended_errors=(error,), source=Source.OWN)
        if cut is not None:
            return (yield from recursion.resolve(question, trace, cut))
        return (yield from recursion.answer(question, trace))

    def _is_routed(self, name: bytes) -> bool:
        """Whether a stub or forward zone is closer to the name than any zone of ours."""
        zone = self._zones.find(name)
        if zone is None or self._recursion is None:
            return False
        route = self._recursion.routes.find(name)
        return route is not None and len(route.zone) > len(zone.origin)


def _least_ttl(rrsets: Iterable[RRset], ttl_s: int) -> int:
    return min([ttl_s, *(rrset.ttl for rrset in rrsets)])


def _lent(borrowing: Borrowing, found: Answer, asked: Question, ttl_s: int) -> Answer:
    """What the last name of the way means for the owner of the ALIAS."""
    qtype = asked.qtype
    if found.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return _failed(borrowing, found)
    rdatas = dict.fromkeys(
        rdata for rrset in found.answer if rrset.rrtype == qtype for rdata in rrset.rdatas
    )
    lending = borrowing.lending
    proven = borrowing.authority
    if rdatas and found.rcode == Rcode.NOERROR:
        lent = [RRset(borrowing.owner, qtype, RRClass.IN, ttl_s, tuple(rdatas))]
        if lending is not None:
            lent, proven = lending.addresses(lent[0]), lending.presence(qtype, proven)
        return _told(borrowing, found, [*borrowing.answer, *lent], proven)
    assert borrowing.denial is not None
    ttl_s = _least_ttl(found.authority, min(ttl_s, borrowing.denial.ttl))
    soa = replace(borrowing.denial, ttl=ttl_s)
    authority_section = [soa, *proven]
    if lending is not None:
        authority_section = lending.absence(qtype, soa, proven)
    errors = found.extended_errors
    if found.rcode == Rcode.NXDOMAIN:
        text = f"the target of the ALIAS, {names.show(asked.qname)}, does not exist"
        errors = (ExtendedError(Ede.OTHER, text), *errors)
    told = _told(borrowing, found, borrowing.answer, authority_section)
    told.extended_errors = errors
    return told


def _told(
    borrowing: Borrowing,
    found: Answer,
    answer: Sequence[RRset],
    authority_section: Sequence[RRset],
) -> Answer:
    """`ages`, although it is from an own zone: whoever keeps such a thing must not keep it for as
    long as the zone stays the same."""
    return Answer(
        answer=answer,
        authority=authority_section,
        authoritative=True,
        extended_errors=found.extended_errors,
        ages=True,
        made_from=borrowing.made_from,
        source=found.source,
        trace=found.trace,
        cause=found.cause,
    )


def _failed(borrowing: Borrowing, found: Answer, *errors: ExtendedError) -> Answer:
    """No way to the addresses; who asks is told why."""
    owner, lender = names.show(borrowing.owner), names.show(borrowing.lender)
    text = f"no addresses for {owner}, whose ALIAS leads to {lender}"
    told = _told(borrowing, found, borrowing.answer, borrowing.authority)
    told.rcode = Rcode.SERVFAIL
    told.extended_errors = (*errors, *found.extended_errors, ExtendedError(Ede.OTHER, text))
    return told
