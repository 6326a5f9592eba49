"""One recursive question from end to end: cache, walk, aliases, cache again.

The joint of cache and iterate (and later of validate). Implements RFC 1034 section 5.3.3 around the
walk itself, RFC 2308 for denials, RFC 9520 for failures, RFC 8767 for stale answers. Knows nothing
of clients, sockets or own zones.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import Final

from resolver import names
from resolver.cache.caches import Caches
from resolver.cache.delegations import Delegation
from resolver.cache.failures import FIRST_MEMORY_S
from resolver.cache.rrsets import key_of
from resolver.cache.servers import Servers
from resolver.clock import Clock
from resolver.codes import Rcode, RRType
from resolver.config.schema import CacheSettings, OutgoingSettings, RecursionSettings
from resolver.effects import Spawn, Steps, Sub
from resolver.iterate import priming, steps
from resolver.iterate.ask import Asker
from resolver.iterate.budget import Budget, OutOfBudget
from resolver.iterate.conclude import (
    Local,
    as_stale,
    at_home,
    chain_fault,
    conclude,
    fetched,
    given_up,
    renew_in_s,
    servfail,
    told,
)
from resolver.iterate.fetch import Fetcher
from resolver.iterate.forward import Forwarder
from resolver.iterate.iterator import Found, Iterator
from resolver.iterate.private import PrivateAddresses
from resolver.iterate.recall import Failed, Recall
from resolver.iterate.response import Aliased, Answered
from resolver.iterate.route import Route, Routes, cut_chain
from resolver.iterate.work import Unknown, Work
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError, Question, RRset, Source, question_of
from resolver.native import mypyc_attr
from resolver.rng import Rng
from resolver.trace import Trace

# How long a client waits when there is a stale answer for it (RFC 8767 section 5), and how long
# after a failure it need not wait at all (the failure recheck timer of the same section).
CLIENT_PATIENCE_S: Final = 1.8
STALE_RECHECK_S: Final = 30.0
_SERVFAIL: Final = int(Rcode.SERVFAIL)


class Recursion:
    """The recursive service: one cache, one server table, any number of questions."""

    def __init__(
        self,
        *,
        recursion: RecursionSettings,
        outgoing: OutgoingSettings,
        cache: CacheSettings,
        hints: Sequence[RRset],
        clock: Clock,
        rng: Rng,
        routes: Iterable[Route] = (),
        local: Local | None = None,
        metrics: Metrics | None = None,
        caches: Caches | None = None,
    ) -> None:
        """`routes` are stub and forward zones, `local` has the first word on clients' questions and
        on the targets of aliases, `caches` are those of a service before this one. Raises
        ValueError for hints without servers or addresses."""
        self.clock = clock
        self._now = clock.now  # a clock is not to be looked up by name for each reading
        self.max_time_s = recursion.max_time
        self.max_asks = recursion.max_upstream_queries
        self.priming = recursion.priming
        self.hints = priming.hinted_delegation(hints)
        self.routes = Routes(routes)
        self.local = local
        self.private = PrivateAddresses(recursion)
        self.metrics = metrics or Metrics()
        self.caches = caches or Caches.of(
            cache,
            Servers(
                max_in_flight=recursion.max_asks_per_server,
                max_rate=recursion.max_ask_rate_per_server,
                configured=self.routes.addresses,
            ),
        )
        self.rrsets = self.caches.rrsets
        self.negatives = self.caches.negatives
        self.delegations = self.caches.delegations
        self.servers = self.caches.servers
        self.prefetches = recursion.prefetch
        self.recall = Recall(
            self.rrsets, self.negatives, self.caches.failures, recursion.serve_stale
        )
        self.iterator = Iterator(
            recursion=recursion,
            outgoing=outgoing,
            rng=rng,
            delegations=self.delegations,
            recall=self.recall,
            servers=self.servers,
            resolve=self._resolve,
        )
        self.iterator.rules.trust(ip for texts in self.hints.glue.values() for ip in texts)
        self.iterator.rules.trust(address.ip for address in self.routes.addresses)
        forwarder = Forwarder(
            Asker(
                self.servers,
                outgoing.edns_size,
                recursion.case_mixing,
                recursion_desired=True,
                cookies=outgoing.cookies,
            ),
            self.servers,
            rng,
            self.iterator.rules.in_use,
        )
        self.fetcher = Fetcher(
            self.routes,
            forwarder,
            self.iterator,
            self.delegations,
            self.hints,
            self.metrics,
            self._resolve,
            recursion.priming,
        )

    def resolve(
        self, question: Question, trace: Trace, start: Delegation | None = None
    ) -> Steps[Answer]:
        """The answer to a question of class IN; SERVFAIL with an extended error if there is none.

        `start` is where to begin the walk when it is known better than the cache knows it (a cut of
        an own zone). Never raises on account of what servers do.
        """
        if start is not None and (route := self.fetcher.route(question.name, question.qtype)):
            start = start if len(route.zone) < len(start.zone) else None
        return self._resolve(question, self._work(trace), start)

    def answer(self, question: Question, trace: Trace) -> Steps[Answer]:
        """What a client gets: from the cache, or fetched; renewed when that is due."""
        known = self.look_up(question)
        if isinstance(known, Unknown):
            return (yield from self.fetch(question, known, trace))
        if known.is_renewal_due:
            yield self.renewal(question)
        return known

    def fetch(
        self, question: Question, unknown: Unknown, trace: Trace, *, counted: bool = False
    ) -> Steps[Answer]:
        """What a client gets when `look_up` has just found a name unknown: as `resolve`, joined
        with whoever asks the same, but a stale answer rather than none or a late one (RFC 8767).
        A failure is `counted` as that of a client's question."""
        work = self._work(trace)
        work.unknown = unknown
        is_new = unknown.is_new and unknown.name == question.name
        stale = None if is_new else self._stale(question, work.now)
        outcome = yield Sub(
            question.key,
            _Start(self, question, work),
            patience_s=None if stale is None else CLIENT_PATIENCE_S,
        )
        answer = fetched(question, outcome, stale, work)
        if counted and answer.rcode == _SERVFAIL:
            self.metrics.recursions_failed_total += 1
        return answer

    def renewal(self, question: Question, *, due: bool = True) -> Spawn:
        """Work that fetches anew, shortly before it expires, what the answer stands on. When that
        is not `due`, the cache is not looked into for the name."""
        work = self._work(Trace())
        work.renewing = True
        if not due:
            key = key_of(question.name, question.qtype)
            route = self.routes.find(question.name)
            work.unknown = Unknown(question.plain, key, route, is_new=False)
        return Spawn(question.key, _Start(self, question, work))

    def cached(self, question: Question) -> Answer | None:
        """The answer if the cache holds all of it, or knows that there is none at the moment;
        nothing is asked and nothing changes."""
        known = self.look_up(question)
        return None if isinstance(known, Unknown) else known

    def look_up(self, question: Question, now: float | None = None) -> Answer | Unknown:
        """The same, or the first name of the chain that nothing is known of. `now`: for who knows
        already what time it is."""
        known = self._recall_chain(question, self._now() if now is None else now)
        if type(known) is Answer and known.source is Source.SERVER:
            known.source = Source.CACHE
        return known

    def _recall_chain(self, question: Question, now: float) -> Answer | Unknown:
        asked, qtype = question.plain, question.qtype
        chain: list[RRset] = []
        renew_at = inf
        while True:
            ours = None if self.local is None else at_home(self.local, asked, chain)
            if isinstance(ours, Answer):
                return ours
            if ours is not None:
                asked = question_of(ours, qtype)
                continue
            name = asked.qname
            route = self.routes.find(name)
            top = names.ROOT if route is None else route.zone
            key = key_of(name, qtype)
            is_new = self.recall.is_new(name, key)
            found = self.recall.fresh(name, qtype, top, now, is_new=is_new)
            if found is None:
                return Unknown(asked, key, route, is_new=is_new)
            if isinstance(found, Failed):
                stale = self._stale(question, now)
                if stale is None:
                    return servfail(*found.errors, cause=found.cause)
                return as_stale(stale, found.errors, cause=found.cause)
            chain += found.chain
            renew_at = min(renew_at, found.renew_at)
            if error := chain_fault(chain):
                return servfail(error)
            if isinstance(found, Answered):
                answer = self._conclude(found, chain, now, renew_at)
                return self.private.screen(answer)
            asked = question_of(found.target, qtype)

    def _stale(self, question: Question, now: float) -> Answer | None:
        """An answer that has expired, at least a link of it."""
        name = question.name
        chain: list[RRset] = []
        while True:
            found = self.recall.stale(name, question.qtype, now)
            if found is None:
                return None
            if self.local is not None and self.local(Question(name, question.qtype)) is not None:
                return None  # it has become local data since
            chain += found.chain
            if chain_fault(chain) is not None:
                return None
            if isinstance(found, Answered):
                return self.private.screen(self._conclude(found, chain, now))
            name = found.target

    def _work(self, trace: Trace) -> Work:
        now = self._now()
        budget = Budget(now + self.max_time_s, self.max_asks)
        return Work(budget, trace, self._now, now=now)

    def _resolve(
        self, question: Question, work: Work, start: Delegation | None = None
    ) -> Steps[Answer]:
        """The whole of one question, from alias to alias."""
        name, qtype = question.name, question.qtype
        chain: list[RRset] = []
        renew_at = inf
        while True:
            ours = self._at_home(name, qtype, chain, work)
            if isinstance(ours, Answer):
                work.note(steps.LOCAL, name, steps.Ours(ours))
                return told(ours, work)
            if ours is not None:
                work.note(steps.LOCAL_ALIAS, name, ours)
                name = ours
                continue
            found = self._find(name, qtype, work)
            if found is None:
                work.note_not_cached(name, qtype)
                try:
                    reply = yield from self.fetcher.fetch(name, qtype, work, start)
                except OutOfBudget as end:
                    if work.depth == 0:
                        self._remember_failure(question.name, qtype, end.error, work)
                    return told(given_up(end.error, work), work)
                found = self._keep(reply, name, qtype, work)
            if isinstance(found, Failed):
                return told(servfail(*found.errors), work)
            chain += found.chain
            renew_at = min(renew_at, found.renew_at)
            if error := chain_fault(chain):
                return told(given_up(error, work), work)
            if isinstance(found, Answered):
                answer = self._conclude(found, chain, work.now, renew_at)
                screened = self.private.screen(answer) if work.depth == 0 else answer
                return told(screened, work)
            work.note(steps.ALIAS, found.target)
            name, start = found.target, None

    def _at_home(
        self, name: bytes, qtype: int, chain: list[RRset], work: Work
    ) -> Answer | bytes | None:
        """What is answered here; `look_up` has asked for that of a name that is unknown. What hides
        names from clients hides no name server from us."""
        if work.depth or (not work.renewing and work.is_unknown(name)):
            return None
        return at_home(self.local, question_of(name, qtype), chain)

    def _find(self, name: bytes, qtype: int, work: Work) -> Found | None:
        """One link of the chain, if the cache has it."""
        if work.is_unknown(name):
            return None
        route = self.routes.find(name)
        top = names.ROOT if route is None else route.zone
        is_new = self.recall.is_new(name, key_of(name, qtype))
        known = self.recall.fresh(name, qtype, top, work.now, renewing=work.renewing, is_new=is_new)
        if known is not None:
            work.note(*steps.known(name, qtype, known))
        return known

    def _keep(self, found: Found, name: bytes, qtype: int, work: Work) -> Found:
        """Learn what was fetched; as much of it as is to be used."""
        if isinstance(found, Failed):
            if found.lasting or (work.depth == 0 and work.curtailed):
                self._remember_failure(name, qtype, found.errors[0], work)
            return found
        if found.chain:
            found = self._cut_chain(found, name, qtype, work)
        self._learn(found, name, qtype, work)
        return found

    def _cut_chain(
        self, found: Answered | Aliased, name: bytes, qtype: int, work: Work
    ) -> Answered | Aliased:
        route = self.routes.find(name)
        local = self.local if work.depth == 0 else None
        return cut_chain(
            found,
            lambda target: (
                self.routes.find(target) is not route
                or (local is not None and local(Question(target, qtype)) is not None)
            ),
        )

    def _remember_failure(self, name: bytes, qtype: int, error: ExtendedError, work: Work) -> None:
        if self.recall.is_outdated(name):
            return
        now = work.now
        is_stale = self.recall.stale(name, qtype, now) is not None
        least_s = STALE_RECHECK_S if is_stale else FIRST_MEMORY_S
        self.recall.failures.learn(
            name, qtype, error, now=now, least_s=least_s, cause=work.trace.number
        )

    def _learn(self, found: Answered | Aliased, name: bytes, qtype: int, work: Work) -> None:
        """Keep what a server said of a name."""
        now = work.now
        literal = (
            isinstance(found, Answered)
            and found.soa is not None
            and self.servers.is_literal(found.soa.owner.lower(), now)
        )
        key = work.key_at(found.name) if isinstance(found, Answered) else None
        self.recall.learn(found, qtype, now, below=not literal, key=key)
        self.recall.failures.forget(name, qtype)
        if isinstance(found, Answered) and name == names.ROOT and qtype == RRType.NS:
            self.iterator.learn_root(found, now)

    def _conclude(
        self, found: Answered, chain: list[RRset], now: float, renew_at: float = inf
    ) -> Answer:
        """`renew_at` is of what was in the cache."""
        answer = conclude(found, chain, max_negative_ttl=self.negatives.max_ttl)
        if found.data and self.prefetches:
            answer.renew_in_s = renew_in_s(answer, renew_at, now)
        return answer


@mypyc_attr(acyclic=True)
class _Start:
    """Begins the resolution of a question, when its turn comes."""

    __slots__ = ("_question", "_recursion", "_work")

    def __init__(self, recursion: Recursion, question: Question, work: Work) -> None:
        self._recursion = recursion
        self._question = question
        self._work = work

    def __call__(self) -> Steps[Answer]:
        return self._recursion._resolve(self._question, self._work)
