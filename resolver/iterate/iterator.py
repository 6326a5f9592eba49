"""The walk from the closest known delegation down to an answer (RFC 1034 section 5.3.3).

A generator of effects: it asks servers and, for name servers without a known address, questions of
its own. Knows: delegations, servers, replies. Does not know: aliases across zones, clients, answers
kept in the cache (resolve.py joins those), and who performs its effects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from resolver import names
from resolver.cache.delegations import Delegation, Delegations
from resolver.cache.rrsets import RRsets
from resolver.cache.servers import Servers
from resolver.clock import Clock
from resolver.config.schema import OutgoingSettings, RecursionSettings
from resolver.effects import Finished, Steps, Sub
from resolver.iterate import scrub
from resolver.iterate.addresses import AddressRules
from resolver.iterate.ask import Asker, Missed, Unusable
from resolver.iterate.budget import MAX_ADDRESSES_PER_SERVER, MAX_DEPTH, MAX_SERVERS_USED
from resolver.iterate.response import Aliased, Answered, Broken, Lame, Referred, classify
from resolver.iterate.selection import Contest
from resolver.iterate.work import Work
from resolver.model import Address, Answer, ExtendedError, Question, RRset
from resolver.rng import Rng


@dataclass(slots=True)
class Failed:
    """No server of some zone on the way had a usable answer."""

    error: ExtendedError


Found: TypeAlias = Answered | Aliased | Failed
Resolve: TypeAlias = Callable[[Question, Work], Steps[Answer]]


class Iterator:
    """Walks for any question. `resolve` answers a sub-question, in a fetch of its own."""

    def __init__(
        self,
        *,
        recursion: RecursionSettings,
        outgoing: OutgoingSettings,
        clock: Clock,
        rng: Rng,
        delegations: Delegations,
        rrsets: RRsets,
        servers: Servers,
        resolve: Resolve,
    ) -> None:
        self.harden_glue = recursion.harden_glue
        self.rules = AddressRules(recursion, outgoing)
        self.asker = Asker(servers, outgoing.edns_size, recursion.case_mixing)
        self.clock = clock
        self.rng = rng
        self.delegations = delegations
        self.rrsets = rrsets
        self.servers = servers
        self.resolve = resolve

    def iterate(self, qname: bytes, qtype: int, start: Delegation, work: Work) -> Steps[Found]:
        """The zone's own word on lower-case `qname`, walking down from `start`.

        Raises OutOfBudget.
        """
        delegation = start
        question = Question(qname, qtype)
        while True:
            work.note("servers of %s for %s", Shown(delegation.zone), question)
            result = yield from self._ask_zone(question, delegation, work)
            if not isinstance(result, Referred):
                return result
            delegation = self._learn_delegation(result)

    def _learn_delegation(self, referred: Referred) -> Delegation:
        """Every step is strictly deeper than the last (see classify), so the walk ends."""
        delegation = Delegation(referred.zone, referred.servers[:MAX_SERVERS_USED], referred.glue)
        self.delegations.learn(delegation, referred.ns.ttl, now=self.clock.now())
        return delegation

    def _ask_zone(
        self, question: Question, delegation: Delegation, work: Work
    ) -> Steps[Found | Referred]:
        """Ask the zone's servers one after the other until one has something to say."""
        contest = Contest(delegation.zone, self.servers, self.rng)
        contest.enter(self._known_addresses(delegation), self.clock.now())
        unknown = [s for s in delegation.servers if not self._addresses_of(s, delegation)]
        while True:
            address = contest.pick(self.clock.now())
            if address is None:
                if not unknown or not (yield from self._find_more(unknown, contest, work)):
                    work.note("  %s", contest.failure().text)
                    return Failed(contest.failure())
                continue
            asked = yield from self.asker.ask(address, question, work)
            match asked:
                case Missed():
                    contest.missed(address, self.clock.now())
                    continue
                case Unusable(reason):
                    work.note("  %s: %s", address, reason)
                    contest.rule_out(address, reason)
                    continue
            response = classify(
                asked, question.qname, question.qtype, delegation.zone, harden=self.harden_glue
            )
            match response:
                case Lame(reason) | Broken(reason):
                    work.note("  %s: %s", address, reason)
                    contest.rule_out(address, reason)
                    if isinstance(response, Lame):
                        self.servers.mark_lame(delegation.zone, address, self.clock.now())
                case _:
                    work.note("  %s", Shown(response))
                    return response

    def _known_addresses(self, delegation: Delegation) -> list[Address]:
        addresses = list(delegation.addresses)
        for server in delegation.servers:
            addresses += self._addresses_of(server, delegation)
        return addresses

    def _addresses_of(self, server: bytes, delegation: Delegation) -> list[Address]:
        """Addresses of a name server that need no asking: glue, or what the cache has learned."""
        texts = delegation.glue.get(server)
        if texts is None:
            now = self.clock.now()
            found = [self.rrsets.lookup(server, t, now) for t in self.rules.types]
            texts = _addresses([rrset for rrset in found if rrset is not None])
        return self.rules.allowed(texts, configured=delegation.configured)

    def _find_more(self, unknown: list[bytes], contest: Contest, work: Work) -> Steps[bool]:
        """Look up the next name server that has no address; False when none can be found."""
        while unknown:
            server = unknown.pop(0)
            if work.depth >= MAX_DEPTH:
                work.note("  %s not looked up: %d levels deep", Shown(server), work.depth)
                return False
            addresses: list[Address] = []
            for rrtype in self.rules.types:
                texts = yield from self._look_up(server, rrtype, work)
                addresses = self.rules.allowed(texts)
                if addresses:
                    break
            contest.enter(addresses, self.clock.now())
            if addresses:
                return True
            if not work.budget.spend_unresolved_server():
                return False
        return False

    def _look_up(self, server: bytes, rrtype: int, work: Work) -> Steps[tuple[str, ...]]:
        question = Question(server, rrtype)
        work.note("  look up %s", question)
        outcome = yield Sub(question.key, lambda: self.resolve(question, work.deeper()))
        if not isinstance(outcome, Finished) or not isinstance(outcome.result, Answer):
            work.note("  %s would wait for itself", question)
            return ()
        return _addresses([r for r in outcome.result.answer if r.rrtype == rrtype])


def _addresses(rrsets: list[RRset]) -> tuple[str, ...]:
    texts: list[str] = []
    for rrset in rrsets:
        rdatas = rrset.rdatas[:MAX_ADDRESSES_PER_SERVER]
        texts += [t for rdata in rdatas if (t := scrub.show_address(rdata))]
    return tuple(texts)


class Shown:
    """Turns into text only when a trace is read."""

    __slots__ = ("fact",)

    def __init__(self, fact: bytes | Answered | Aliased | Referred) -> None:
        self.fact = fact

    def __str__(self) -> str:
        match self.fact:
            case bytes(name):
                return names.show(name)
            case Referred(zone, _, servers, glue):
                return f"referral to {names.show(zone)} ({len(servers)} servers, {len(glue)} glued)"
            case Aliased(_, target):
                return f"alias to {names.show(target)}"
            case Answered(_, name, data):
                what = "answer" if data else "NODATA" if not self.fact.rcode else "NXDOMAIN"
                return f"{what} at {names.show(name)}"
