"""One recursive question from end to end: cache, walk, aliases, cache again.

The joint of cache and iterate (and later of validate). Implements RFC 1034 section 5.3.3 around the
walk itself, RFC 2308 for denials, RFC 6672 section 3.4.1 for cached DNAMEs, RFC 8020. Knows nothing
of clients, sockets or own zones.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from resolver import names
from resolver.cache.delegations import Delegation, Delegations
from resolver.cache.negative import Denial, Negatives, negative_ttl
from resolver.cache.rrsets import RRsets
from resolver.cache.servers import Servers
from resolver.clock import Clock
from resolver.codes import Ede, Rcode, RRType, show_type
from resolver.config.schema import CacheSettings, OutgoingSettings, RecursionSettings
from resolver.effects import Steps, Sub
from resolver.iterate import priming, scrub
from resolver.iterate.ask import Asker
from resolver.iterate.budget import MAX_ALIASES, Budget, OutOfBudget
from resolver.iterate.forward import Forwarder
from resolver.iterate.iterator import Failed, Found, Iterator
from resolver.iterate.private import PrivateAddresses
from resolver.iterate.response import Aliased, Answered
from resolver.iterate.route import Route, Routes, cut_chain
from resolver.iterate.work import Work
from resolver.model import Answer, ExtendedError, Question, Rank, RRset
from resolver.rng import Rng
from resolver.trace import Trace

_CNAME = int(RRType.CNAME)
_DNAME = int(RRType.DNAME)
_ANY = int(RRType.ANY)
_ROOT_NS = Question(names.ROOT, RRType.NS)

# How the octets of `cache.size` are shared out; the rest is for finished packets.
_RRSETS_SHARE = 0.45
_NEGATIVES_SHARE = 0.1
_DELEGATIONS_SHARE = 0.1
PACKETS_SHARE = 1 - _RRSETS_SHARE - _NEGATIVES_SHARE - _DELEGATIONS_SHARE

PRIMING_RETRY_S = 10.0

# What is answered here instead of being asked for; None is for everything else.
Local: TypeAlias = Callable[[Question], Answer | None]


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
    ) -> None:
        """`routes` are stub and forward zones, `local` has the first word on clients' questions and
        on the targets of aliases. Raises ValueError for hints without servers or addresses."""
        self.clock = clock
        self.max_time_s = recursion.max_time
        self.max_asks = recursion.max_upstream_queries
        self.priming = recursion.priming
        self.hints = priming.hinted_delegation(hints)
        self.routes = Routes(routes)
        self.local = local
        self.private = PrivateAddresses(recursion)
        self.fallbacks = 0
        self.rrsets = RRsets(
            int(cache.size * _RRSETS_SHARE), min_ttl=int(cache.min_ttl), max_ttl=int(cache.max_ttl)
        )
        self.negatives = Negatives(
            int(cache.size * _NEGATIVES_SHARE), max_ttl=int(cache.max_negative_ttl)
        )
        self.delegations = Delegations(
            int(cache.size * _DELEGATIONS_SHARE), max_ttl=int(cache.max_ttl)
        )
        self.servers = Servers()
        self.iterator = Iterator(
            recursion=recursion,
            outgoing=outgoing,
            clock=clock,
            rng=rng,
            delegations=self.delegations,
            rrsets=self.rrsets,
            servers=self.servers,
            resolve=self._resolve,
        )
        self.iterator.rules.trust(ip for texts in self.hints.glue.values() for ip in texts)
        self.iterator.rules.trust(address.ip for route in self.routes for address in route.to)
        self.forwarder = Forwarder(
            Asker(self.servers, outgoing.edns_size, recursion.case_mixing, recursion_desired=True),
            self.servers,
            rng,
            self.iterator.rules.in_use,
        )
        self._next_priming_at = clock.now()

    def resolve(
        self, question: Question, trace: Trace, start: Delegation | None = None
    ) -> Steps[Answer]:
        """The answer to a question of class IN; SERVFAIL with an extended error if there is none.

        `start` is where to begin the walk when it is known better than the cache knows it (a cut of
        an own zone). Never raises on account of what servers do.
        """
        if start is not None and (route := self._route(question.qname.lower(), question.qtype)):
            start = start if len(route.zone) < len(start.zone) else None
        budget = Budget(self.clock.now() + self.max_time_s, self.max_asks)
        return self._resolve(question, Work(budget, trace, self.clock), start)

    def cached(self, question: Question) -> Answer | None:
        """The answer if the cache holds all of it; nothing is asked and nothing changes."""
        name = question.qname.lower()
        chain: list[RRset] = []
        while True:
            match self._at_home(name, question.qtype, chain):
                case Answer() as answer:
                    return answer
                case bytes(target):
                    name = target
                    continue
            found = self._recall(name, question.qtype, self.routes.find(name))
            if found is None:
                return None
            chain += found.chain
            if error := _chain_fault(chain):
                return _servfail(error)
            if isinstance(found, Answered):
                return self.private.screen(self._conclude(found, chain))
            name = found.target

    def _resolve(
        self, question: Question, work: Work, start: Delegation | None = None
    ) -> Steps[Answer]:
        try:
            return (yield from self._follow_aliases(question, work, start))
        except OutOfBudget as end:
            work.note("given up: %s", end.error.text)
            return _servfail(end.error)

    def _follow_aliases(
        self, question: Question, work: Work, start: Delegation | None
    ) -> Steps[Answer]:
        name = question.qname.lower()
        chain: list[RRset] = []
        at_home = work.depth == 0  # what hides names from clients hides no name server from us
        while True:
            match self._at_home(name, question.qtype, chain) if at_home else None:
                case Answer() as answer:
                    work.note("%s is answered here", names.show(name))
                    return answer
                case bytes(target):
                    work.note("%s is an alias here, to %s", names.show(name), names.show(target))
                    name = target
                    continue
            found = yield from self._find(name, question.qtype, work, start)
            if isinstance(found, Failed):
                return _servfail(found.error)
            chain += found.chain
            if error := _chain_fault(chain):
                work.note("given up: %s", error.text)
                return _servfail(error)
            if isinstance(found, Answered):
                answer = self._conclude(found, chain)
                return self.private.screen(answer) if at_home else answer
            work.note("alias leads to %s", found.target)
            name, start = found.target, None

    def _at_home(self, name: bytes, qtype: int, chain: list[RRset]) -> Answer | bytes | None:
        """What is answered here, behind `chain`: the answer, or the next name of the chain."""
        local = self.local(Question(name, qtype)) if self.local is not None else None
        if local is None:
            return None
        is_all = not chain
        chain += local.answer
        if error := _chain_fault(chain):
            return _servfail(error)
        if local.chase is not None:
            return local.chase
        ours = is_all and local.authoritative
        return replace(local, answer=chain, authoritative=ours, ages=local.ages or not is_all)

    def _find(self, name: bytes, qtype: int, work: Work, start: Delegation | None) -> Steps[Found]:
        """One link of the chain: from the cache, or from the servers of the zone."""
        known = self._recall(name, qtype, self.routes.find(name))
        if known is not None:
            work.note("%s %s is in the cache", names.show(name), show_type(qtype))
            return known
        found = yield from self._fetch(name, qtype, self._route(name, qtype), work, start)
        if isinstance(found, Failed):
            return found
        route = self.routes.find(name)
        at_home = self.local if work.depth == 0 else None
        found = cut_chain(
            found,
            lambda target: (
                self.routes.find(target) is not route
                or (at_home is not None and at_home(Question(target, qtype)) is not None)
            ),
        )
        self._learn(found, qtype)
        return found

    def _fetch(
        self, name: bytes, qtype: int, route: Route | None, work: Work, start: Delegation | None
    ) -> Steps[Found]:
        """From forwarders or by walking, as the route of the name has it."""
        if route is None or route.is_stub or start is not None:
            if start is None:
                start = yield from self._closest_delegation(name, qtype, route, work)
            return (yield from self.iterator.iterate(name, qtype, start, work))
        found: Found | None = None
        if route.forwards_first:
            found = yield from self.forwarder.forward(name, qtype, route, work)
            if not isinstance(found, Failed) or route.mode == "only":
                return found
        # What would be done without this route.
        without = yield from self._fetch(name, qtype, self.routes.above(route), work, None)
        if found is None and isinstance(without, Failed):
            without = yield from self.forwarder.forward(name, qtype, route, work)
        if not isinstance(without, Failed):
            self.fallbacks += 1
        return without

    def _route(self, name: bytes, qtype: int) -> Route | None:
        """The route of a question. DS is the parent's (RFC 4035 section 3.1.4.1)."""
        if not name[0] or qtype != RRType.DS:
            return self.routes.find(name)
        return self.routes.find(names.parent(name))

    def _closest_delegation(
        self, name: bytes, qtype: int, route: Route | None, work: Work
    ) -> Steps[Delegation]:
        """The deepest known zone to start from. DS is the parent's (RFC 4035 section 3.1.4.1)."""
        if qtype == RRType.DS:
            name = names.parent(name)
        delegation = self.delegations.closest(name, self.clock.now())
        if route is not None and (delegation is None or len(route.zone) >= len(delegation.zone)):
            return route.delegation
        if delegation is not None:
            return delegation
        is_priming = name == names.ROOT and qtype == RRType.NS
        if self.priming and not is_priming and self.clock.now() >= self._next_priming_at:
            self._next_priming_at = self.clock.now() + PRIMING_RETRY_S
            work.note("priming")
            yield Sub(_ROOT_NS.key, lambda: self._resolve(_ROOT_NS, work.deeper()))
            delegation = self.delegations.closest(name, self.clock.now())
        return delegation or self.hints

    def _recall(self, name: bytes, qtype: int, route: Route | None) -> Answered | Aliased | None:
        """What the cache says about a name, as if a server had said it."""
        now = self.clock.now()
        if rrset := self.rrsets.lookup(name, qtype, now):
            return Answered([], name, [rrset])
        if qtype not in (_CNAME, _ANY) and (cname := self.rrsets.lookup(name, _CNAME, now)):
            return Aliased([cname], cname.rdatas[0].lower())
        if denial := self.negatives.lookup(name, qtype, now):
            return _denied(denial, name)
        # What denies or redirects the tree above says nothing about a stub or forward zone in it.
        top = route.zone if route is not None else names.ROOT
        above = [a for a in names.ancestors(names.parent(name)) if names.is_within(a, top)]
        if denial := self.negatives.lookup_cut(above, now):
            return _denied(denial, name)
        return self._recall_dname(name, above, now)

    def _recall_dname(
        self, name: bytes, above: Iterable[bytes], now: float
    ) -> Answered | Aliased | None:
        for ancestor in above:
            if dname := self.rrsets.lookup(ancestor, _DNAME, now):
                cname = scrub.synthesize_cname(dname, name)
                if cname is None:
                    return Answered([dname], name, [], Rcode.YXDOMAIN)
                return Aliased([dname, cname], cname.rdatas[0].lower())
        return None

    def _learn(self, found: Answered | Aliased, qtype: int) -> None:
        """Keep what a server said. CNAMEs that follow from a DNAME are made anew each time."""
        now = self.clock.now()
        rank = Rank.AUTHORITATIVE_ANSWER if found.authoritative else Rank.NON_AUTHORITATIVE_ANSWER
        implied = False
        for rrset in found.chain:
            if not implied:
                self.rrsets.learn(rrset, rank, now=now)
            implied = rrset.rrtype == _DNAME
        if isinstance(found, Aliased):
            return
        for rrset in found.data:
            self.rrsets.learn(rrset, rank, now=now)
        if not found.data and found.soa is not None:
            self.negatives.learn(found.name, qtype, found.rcode, found.soa, now=now)
        if found.name == names.ROOT and qtype == RRType.NS:
            self._learn_root(found)

    def _learn_root(self, found: Answered) -> None:
        """The answer to priming is where the root is from now on, if it leads anywhere."""
        primed = priming.primed_delegation(found)
        if primed is None:
            return
        delegation, ttl = primed
        texts = [ip for texts in delegation.glue.values() for ip in texts]
        if self.iterator.rules.allowed(texts):
            self.delegations.learn(delegation, ttl, now=self.clock.now())

    def _conclude(self, found: Answered, chain: list[RRset]) -> Answer:
        if found.data:
            return Answer(Rcode.NOERROR, [*chain, *found.data])
        authority: list[RRset] = []
        if found.soa is not None:
            ttl = min(negative_ttl(found.soa), self.negatives.max_ttl)
            authority = [replace(found.soa, ttl=ttl)]
        return Answer(Rcode(found.rcode), chain, authority)


def _denied(denial: Denial, name: bytes) -> Answered:
    return Answered([], name, [], denial.rcode, denial.soa)


def _chain_fault(chain: Sequence[RRset]) -> ExtendedError | None:
    """Why a chain of aliases cannot be followed further, if so."""
    owners = [rrset.owner.lower() for rrset in chain if rrset.rrtype == _CNAME]
    if len(set(owners)) < len(owners):
        looped = next(o for i, o in enumerate(owners) if o in owners[:i])
        return ExtendedError(Ede.OTHER, f"alias loop at {names.show(looped)}")
    if len(owners) > MAX_ALIASES:
        return ExtendedError(Ede.OTHER, f"more than {MAX_ALIASES} aliases")
    return None


def _servfail(error: ExtendedError) -> Answer:
    return Answer(Rcode.SERVFAIL, extended_errors=(error,))
