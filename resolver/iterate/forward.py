"""Questions that are handed to other resolvers instead of being walked (RFC 9499: forwarding).

The reply of a forwarder is believed as that of a server of its forward zone and no further: what
goes on outside that zone is resolved anew, and nothing outside it is kept (MaginotDNS). It need not
be authoritative. A forwarder that does not answer is remembered in the server table like any other
server, and the others are asked first.

Knows: routes, replies. Does not know: caches of answers, clients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from resolver import names
from resolver.cache.servers import Servers
from resolver.codes import Flag, Rcode, RRType, show_rcode
from resolver.effects import Steps
from resolver.iterate import scrub, steps
from resolver.iterate.ask import Asker, Missed, Unusable, credit
from resolver.iterate.iterator import Found
from resolver.iterate.recall import Failed
from resolver.iterate.response import Aliased, Answered, Broken, add_proof
from resolver.iterate.route import Route
from resolver.iterate.selection import Contest
from resolver.iterate.work import Work
from resolver.model import Message, Question
from resolver.rng import Rng

# Share of a question's time that forwarders or the walk may take when the other may still follow.
FIRST_SHARE: Final = 0.5
_CONCLUSIVE: Final = (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN)


@dataclass(slots=True)
class Forwarder:
    """Asks the resolvers of a route. `asker` must set RD; `in_use` tells whether the family of an
    address is switched on."""

    asker: Asker
    servers: Servers
    rng: Rng
    in_use: Callable[[str], bool]

    def forward(self, question: Question, route: Route, work: Work) -> Steps[Found]:
        """The answer of the first forwarder that has one, to a question for a name in lower case.
        Raises OutOfBudget."""
        work.note(steps.ROUTE, route.zone, question)
        until = work.budget.deadline
        if route.mode == "first":
            until = work.now + (until - work.now) * FIRST_SHARE
        contest = Contest(route.zone, self.servers, self.rng)
        contest.enter([address for address in route.to if self.in_use(address.ip)], work.now)
        while work.now < until and (server := contest.pick(work.now)):
            asked = yield from self.asker.ask(server, question, work)
            if isinstance(asked, Missed):
                contest.missed(server)
                continue
            if isinstance(asked, Unusable):
                broken = Broken(asked.reason)
            else:
                message = asked.message
                response = classify(message, question.qname, question.qtype, route.zone)
                if work.dnssec_ok:
                    add_proof(response, message, scrub.index(message.answer), route.zone)
                if not isinstance(response, Broken):
                    credit(asked, response, server)
                    return response
                broken = response
            work.note(steps.REJECTED, server.address, broken.reason)
            contest.rule_out(server, broken.reason, work.now)
        failure = contest.failure(work.now)
        work.note(steps.NO_SERVER, failure.text)
        return Failed((failure,), lasting=not contest.left_busy(work.now))


def classify(
    message: Message, qname: bytes, qtype: int, zone: bytes
) -> Answered | Aliased | Broken:
    """What a forwarder of `zone` says about lower-case `qname`."""
    if message.rcode not in _CONCLUSIVE:
        return Broken(f"rcode {show_rcode(message.rcode)}", message.rcode)
    authoritative = bool(message.flags & Flag.AA)
    answer = scrub.index(message.answer)
    chain, name = scrub.follow_chain(answer, qname, qtype, zone)
    if chain and chain[-1].rrtype == RRType.DNAME:
        return Answered(chain, name, [], Rcode.YXDOMAIN, authoritative=authoritative)
    if not names.is_within(name, zone):
        return Aliased(chain, name, authoritative)
    owned = [rrset for (owner, _), rrset in answer.items() if owner == name]
    if data := [r for r in owned if qtype in (r.rrtype, RRType.ANY)]:
        return Answered(chain, name, data, authoritative=authoritative)
    soa = scrub.denial_soa(message.authority, name, zone)
    if message.rcode == Rcode.NXDOMAIN or soa is not None:
        return Answered(chain, name, [], message.rcode, soa, authoritative)
    if message.rcode == Rcode.YXDOMAIN:
        return Broken("YXDOMAIN without a DNAME", message.rcode)
    if chain:
        return Aliased(chain, name, authoritative)
    if scrub.referral_ns(message.authority, name) is not None and not authoritative:
        return Broken("a referral: this server does not recurse")
    return Answered([], name, [])  # NODATA without SOA (RFC 2308 section 2.2, type 3)
