"""The walk from the closest known delegation down to an answer (RFC 1034 section 5.3.3).

A generator of effects: it asks servers and, for name servers without a known address, questions of
its own. Servers see no more of a name than they need (minimise.py). Knows: delegations, servers,
replies. Does not know: aliases across zones, clients, who performs its effects.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from resolver.cache.delegations import Delegation, Delegations
from resolver.cache.servers import Server, Servers
from resolver.codes import Ede, Rcode, RRType
from resolver.config.schema import OutgoingSettings, RecursionSettings
from resolver.effects import Finished, Spawn, Steps, Sub, at_once
from resolver.iterate import budget, priming, steps
from resolver.iterate.addresses import AddressRules
from resolver.iterate.ask import Asked, Asker, Missed, Unusable, credit
from resolver.iterate.budget import OutOfBudget
from resolver.iterate.minimise import Disclosure, is_next_to
from resolver.iterate.quota import ZoneQuota
from resolver.iterate.recall import Failed, Recall
from resolver.iterate.response import (
    Aliased,
    Answered,
    Broken,
    Lame,
    Referred,
    classify,
    is_conclusive,
)
from resolver.iterate.roster import (
    Search,
    is_above_reproach,
    known_addresses,
    roster_of,
    search_for,
    texts_of,
)
from resolver.iterate.selection import MAX_REJECTIONS_PER_CONTEST, Contest
from resolver.iterate.work import Work
from resolver.model import Answer, ExtendedError, Question
from resolver.rng import Rng

# Shortened questions that get no reply at all may be what a filter on the way takes offence at.
MAX_SHORT_TIMEOUTS: Final = 3  # Unbound's MAX_MINIMISE_TIMEOUT_COUNT
_REJECTIONS_TO_SPARE: Final = 2
_SHARED: Final = 0  # stands for the class in the keys of shared steps, which no question has

Found: TypeAlias = Answered | Aliased | Failed
Resolve: TypeAlias = Callable[[Question, Work], Steps[Answer]]


class Puzzled:
    """A server, or all of them, had nothing for a shortened question: ask the whole one."""


class Iterator:
    """Walks for any question. `resolve` answers a sub-question, in a fetch of its own."""

    def __init__(
        self,
        *,
        recursion: RecursionSettings,
        outgoing: OutgoingSettings,
        rng: Rng,
        delegations: Delegations,
        recall: Recall,
        servers: Servers,
        resolve: Resolve,
    ) -> None:
        self.harden_glue = recursion.harden_glue
        self.minimises = recursion.qname_minimisation != "off"
        self.strict = recursion.qname_minimisation == "strict"
        self.short_type = int(RRType[recursion.minimised_type])
        self.rules = AddressRules(recursion, outgoing)
        self.asker = Asker(
            servers, outgoing.edns_size, recursion.case_mixing, cookies=outgoing.cookies
        )
        self.rng = rng
        self.delegations = delegations
        self.recall = recall
        self.servers = servers
        self.resolve = resolve
        self.quota = ZoneQuota(recursion.max_fetches_per_zone, recursion.max_fetch_rate_per_zone)

    def iterate(self, question: Question, start: Delegation, work: Work) -> Steps[Found]:
        """The zone's own word on a question for a name in lower case, walking down from `start`.

        For a name that does not exist it may be the word on an ancestor of it. Every step is to a
        zone strictly below the last (see classify), so the walk ends. Raises OutOfBudget.
        """
        delegation = start
        disclosure: Disclosure | None = None
        while True:
            zone = delegation.zone
            if (
                not self.minimises
                or is_next_to(question.qname, zone)
                or self.servers.is_literal(zone, work.now)
            ):
                result = yield from self._ask_zone(question, delegation, work)
            else:
                disclosure = disclosure or Disclosure(question, self.short_type)
                result = yield from self._disclose(disclosure, delegation, work)
            if type(result) is not Referred:
                assert not isinstance(result, (Referred, Puzzled))
                return result
            delegation = self._learn_delegation(result, delegation, work.now)

    def learn_root(self, found: Answered, now: float) -> None:
        """The answer to priming is where the root is from now on, if it leads anywhere."""
        primed = priming.primed_delegation(found)
        if primed is None:
            return
        delegation, ttl = primed
        texts = [ip for texts in delegation.glue.values() for ip in texts]
        if self.rules.allowed(texts):
            self.delegations.learn(delegation, ttl, now=now)

    def _learn_delegation(self, referred: Referred, parent: Delegation, now: float) -> Delegation:
        delegation = Delegation(
            referred.zone, referred.servers[: budget.MAX_SERVERS_USED], referred.glue
        )
        if not self.recall.is_outdated(delegation.zone):
            self.delegations.learn(delegation, referred.ns.ttl, now=now, parent=parent)
        return delegation

    def _disclose(
        self, disclosure: Disclosure, delegation: Delegation, work: Work
    ) -> Steps[Found | Referred]:
        """Show the zone's servers one label more each time, until they have something to say."""
        zone = delegation.zone
        whole = disclosure.whole
        believed = self.strict or is_above_reproach(delegation)
        spent = 0
        question = disclosure.toward(zone)
        while question is not whole:
            if not self.recall.is_known(question.qname, question.qtype, work.now):
                disclosure.steps += 1
                result = yield from self._share(question, delegation, work, hesitant=not believed)
                if isinstance(result, Puzzled):
                    spent = 1
                    break
                if isinstance(result, (Referred, Failed)):
                    return result
                denied = isinstance(result, Answered) and result.rcode == Rcode.NXDOMAIN
                if denied and not result.chain:
                    if believed:
                        return result
                    work.note(steps.WHOLE_NAME)
                    break
                self.recall.learn(result, question.qtype, work.now)
            question = disclosure.further()
        found = yield from self._ask_zone(whole, delegation, work, spent=spent)
        assert not isinstance(found, Puzzled)
        if question is not whole and is_conclusive(found):
            # Servers that get short questions wrong are asked whole ones for a while.
            self.servers.take_literally(zone, work.now)
        return found

    def _share(
        self, question: Question, delegation: Delegation, work: Work, *, hesitant: bool
    ) -> Steps[Found | Referred | Puzzled]:
        """Ask a shortened question once for all who are on the same way: a hundred names of one
        zone need its delegation only once."""

        def step() -> Steps[tuple[Found | Referred | Puzzled | None, int]]:
            number = work.trace.number
            try:
                result = yield from self._ask_zone(question, delegation, work, hesitant=hesitant)
            except OutOfBudget:
                return None, number
            return result, number

        key = (question.qname + delegation.zone, question.qtype, _SHARED)
        outcome = yield Sub(key, step)
        work.tick()
        result: Found | Referred | Puzzled | None = None
        if isinstance(outcome, Finished) and outcome.result is not None:
            result, number = outcome.result
            if number != work.trace.number:
                work.note(steps.JOINED, question, number)
        if isinstance(result, (Answered, Aliased, Referred, Puzzled)):
            return result
        if isinstance(result, Failed) and result.lasting:
            return result
        # What stopped somebody else need not stop us.
        return (yield from self._ask_zone(question, delegation, work, hesitant=hesitant))

    def _ask_zone(
        self,
        question: Question,
        delegation: Delegation,
        work: Work,
        *,
        hesitant: bool = False,
        spent: int = 0,
    ) -> Steps[Found | Referred | Puzzled]:
        """Ask the zone's servers one after the other until one has something to say.

        `hesitant`: give up early, for there is another way to ask. `spent` tries count already.
        """
        excess = self.quota.excess(delegation, work.now)
        if excess is not None and not is_above_reproach(delegation):
            return at_once(Failed((ExtendedError(Ede.OTHER, excess),), lasting=False))
        contest = self._open_contest(question, delegation, work)
        contest.max_rejections -= spent
        contest.hesitant = hesitant
        return self._hold(contest, question, delegation, work)

    def _open_contest(self, question: Question, delegation: Delegation, work: Work) -> Contest:
        """All servers of the zone whose addresses are known."""
        now = work.now
        # Further addresses of a name lead to servers that are set up alike.
        most = max(budget.MAX_ADDRESSES_PER_SERVER, len(delegation.servers) + _REJECTIONS_TO_SPARE)
        contest = Contest(
            delegation.zone,
            self.servers,
            self.rng,
            max_rejections=min(most, MAX_REJECTIONS_PER_CONTEST),
        )
        contest.question = question
        contest.delegation = delegation
        contest.at = now
        contest.depth = work.depth
        work.trace.keep(contest)
        roster = roster_of(delegation, self.rules)
        contest.enter(roster.addresses, now)
        for server in roster.unglued:
            known = known_addresses(server, self.recall.rrsets, self.rules, now)[0]
            if known:
                texts = [address.ip for address in known]
                work.note(steps.ADDRESSES, server, steps.Listed(texts))
                contest.enter(known, now)
        for address in roster.barred:
            contest.leave_out(address, "not asked (recursion.do_not_query)")
            work.note(steps.BARRED, address)
        return contest

    def _hold(
        self, contest: Contest, question: Question, delegation: Delegation, work: Work
    ) -> Steps[Found | Referred | Puzzled]:
        """The contest itself."""
        search: Search | None = None
        server: Server | None = None
        first = manner = 0
        load = self.quota.begin(delegation.zone, work.now)
        try:
            while True:
                if server is None:
                    stuck = contest.timeouts > 0 and contest.is_stuck
                    server = None if stuck else contest.pick(work.now)
                    if server is None:
                        search = search or search_for(delegation, self.rules, self.recall.rrsets)
                        server = yield from self._look_further(search, contest, work)
                    if server is None:
                        return contest.second_hand or self._give_up(contest, work)
                    if len(contest.seats) > 1:
                        yield from self._probe(contest, server, question, work)
                    first = manner = self.asker.manner(server, work.now)
                ask = self.asker.put(server, question, manner, work, hurried=contest.is_wide)
                try:
                    outcome = yield ask
                finally:
                    server.in_flight -= 1
                asked = self.asker.hear(server, ask, outcome, work, first=first, manner=manner)
                if isinstance(asked, int):
                    manner = asked
                    continue
                found = self._weigh(asked, question, contest, server, work)
                if found is not None:
                    return found
                server = None
        except OutOfBudget as end:
            raise OutOfBudget(contest.blame(end.error, work.now)) from None
        finally:
            load.end()

    def _weigh(
        self, asked: Asked, question: Question, contest: Contest, server: Server, work: Work
    ) -> Answered | Aliased | Referred | Puzzled | None:
        """What a server has come up with, if that is something; else it is the turn of another."""
        if isinstance(asked, Missed):
            contest.missed(server)
            return (
                Puzzled() if contest.hesitant and contest.timeouts >= MAX_SHORT_TIMEOUTS else None
            )
        if isinstance(asked, Unusable):
            return self._reject(Broken(asked.reason), contest, server, work)
        response = classify(
            asked.message,
            question.qname,
            question.qtype,
            contest.zone,
            harden=self.harden_glue,
            signed=work.dnssec_ok,
        )
        if isinstance(response, (Lame, Broken)):
            return self._reject(response, contest, server, work)
        self.servers.forgive(contest.zone, server.address)
        credit(asked, response, server)
        return response

    def _reject(
        self, response: Lame | Broken, contest: Contest, server: Server, work: Work
    ) -> Puzzled | None:
        work.note(steps.REJECTED, server.address, response.reason)
        if contest.hesitant:
            return Puzzled()
        contest.second_hand = response.second_hand or contest.second_hand
        contest.rule_out(server, response.reason, work.now, lame=isinstance(response, Lame))
        return None

    def _give_up(self, contest: Contest, work: Work) -> Failed:
        failure = contest.failure(work.now)
        work.note(steps.NO_SERVER, failure.text)
        return Failed((failure,), lasting=not (work.curtailed or contest.left_busy(work.now)))

    def _probe(
        self, contest: Contest, asked: Server, question: Question, work: Work
    ) -> Steps[None]:
        """See beside this question whether a server that was silent is back."""
        server = contest.probe(asked, work.now)
        if server is not None:
            ip, port = server.address
            work.note(steps.PROBE, server.address)
            key = (ip.encode(), 0, port)  # no question has type 0
            yield Spawn(key, lambda: self.asker.probe(server, question, work))

    def _look_further(self, search: Search, contest: Contest, work: Work) -> Steps[Server | None]:
        """A server when those at hand lead nowhere: of names not looked up yet, or, as a last
        resort, a lame one. None when nothing is left to try."""
        yield from self._find_more(search, contest, work)
        while (server := contest.pick(work.now)) is None:
            found = yield from self._find_more(search, contest, work)
            if not found and not contest.last_resort(work.now):
                return None
        return server

    def _find_more(self, search: Search, contest: Contest, work: Work) -> Steps[bool]:
        """Let further servers compete: look up the next name server. False when there is none."""
        while search.queue and not contest.is_over:
            server, wanted = search.queue.popleft()
            now = work.now
            addresses, unknown = known_addresses(server, self.recall.rrsets, self.rules, now)
            types = tuple(t for t in unknown if t in wanted)
            if contest.enter(addresses, now):
                search.later(server, types)
                return True
            if not types:
                continue
            if search.looked_up >= budget.MAX_LOOK_UPS_PER_ZONE:
                break
            if work.depth >= budget.MAX_DEPTH:
                work.note(steps.NOT_LOOKED_UP, server, work.depth)
                work.curtailed = True
                break
            search.looked_up += 1
            asks = work.budget.asks
            found = False
            for i, rrtype in enumerate(types):
                texts = yield from self._look_up(server, rrtype, work)
                found = found or bool(texts)
                if contest.enter(self.rules.allowed(texts), work.now):
                    search.later(server, types[i + 1 :])
                    return True
            if found or work.budget.asks == asks:
                continue  # what cost nothing is not counted
            if not work.budget.spend_unresolved_server():
                break
        search.queue.clear()
        return False

    def _look_up(self, server: bytes, rrtype: int, work: Work) -> Steps[tuple[str, ...]]:
        question = Question(server, rrtype)
        if not work.budget.spend_look_up():
            work.note(steps.ONE_TOO_MANY, question)
            work.curtailed = True
            return ()
        work.note(steps.LOOK_UP, question)
        outcome = yield Sub(question.key, lambda: self.resolve(question, work.deeper()))
        work.tick()
        if not isinstance(outcome, Finished) or not isinstance(outcome.result, Answer):
            work.note(steps.CIRCLE, question)
            work.curtailed = True
            return ()
        answer = outcome.result
        if answer.trace is not None and answer.trace is not work.trace:
            work.note(steps.JOINED, question, answer.trace.number)
        if answer.rcode == Rcode.SERVFAIL:
            # A failure that is not remembered has its reason in some question above.
            if self.recall.failures.lookup(server, rrtype, work.now) is None:
                work.curtailed = True
            return ()
        texts = texts_of([r for r in answer.answer if r.rrtype == rrtype])
        if texts:
            work.note(steps.ADDRESSES, server, steps.Listed(texts))
        return texts
