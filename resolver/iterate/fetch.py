"""Where a question goes: to forwarders, or on a walk from the closest zone that is known.

Knows: routes, delegations, priming (RFC 9609). Does not know: caches of answers, aliases, clients.
"""

from dataclasses import dataclass
from typing import Final

from resolver import names
from resolver.cache.delegations import Delegation, Delegations
from resolver.codes import RRType
from resolver.effects import Steps, Sub
from resolver.iterate import steps
from resolver.iterate.budget import OutOfBudget
from resolver.iterate.forward import FIRST_SHARE, Forwarder
from resolver.iterate.iterator import Found, Iterator, Resolve
from resolver.iterate.recall import Failed
from resolver.iterate.route import Route, Routes
from resolver.iterate.work import Work
from resolver.metrics import Metrics
from resolver.model import Question, question_of

PRIMING_RETRY_S: Final = 10.0

_DS: Final = int(RRType.DS)
_ROOT_NS: Final = Question(names.ROOT, RRType.NS)


@dataclass(slots=True)
class Fetcher:
    """Asks for one link of a chain. `hints` is where the root is until priming has told;
    `resolve` answers a sub-question, in a fetch of its own."""

    routes: Routes
    forwarder: Forwarder
    iterator: Iterator
    delegations: Delegations
    hints: Delegation
    metrics: Metrics
    resolve: Resolve
    priming: bool
    next_priming_at: float = 0.0

    def fetch(
        self, name: bytes, qtype: int, work: Work, start: Delegation | None = None
    ) -> Steps[Found]:
        """What there is to be found out about lower-case `name`, as its route has it, or by walking
        from `start`. Raises OutOfBudget."""
        if start is None:
            unknown = work.unknown
            if unknown is not None and unknown.name == name and qtype != _DS:
                return self._along(unknown.route, unknown.question, work)
            return self._along(self.route(name, qtype), question_of(name, qtype), work)
        return self.iterator.iterate(question_of(name, qtype), start, work)

    def route(self, name: bytes, qtype: int) -> Route | None:
        """The route of a question. DS is the parent's (RFC 4035 section 3.1.4.1)."""
        if qtype == _DS:
            name = names.parent(name)
        return self.routes.find(name)

    def _along(self, route: Route | None, question: Question, work: Work) -> Steps[Found]:
        if route is not None and not route.is_stub:
            return self._forward(route, question, work)
        delegation = self._closest_delegation(route, question, work.now)
        if delegation is None:
            return self._walk_from_root(question, work)
        return self.iterator.iterate(question, delegation, work)

    def _forward(self, route: Route, question: Question, work: Work) -> Steps[Found]:
        """From forwarders, or not, as their mode has it."""
        found: Found | None = None
        if route.forwards_first:
            found = yield from self.forwarder.forward(question, route, work)
            if not isinstance(found, Failed) or route.mode == "only":
                return found
        without = yield from self._without(route, question, work)
        if found is None:
            if not isinstance(without, Failed):
                return without
            without = yield from self.forwarder.forward(question, route, work)
        if not isinstance(without, Failed):
            self.metrics.fallback_used_total += 1
        return without

    def _without(self, route: Route, question: Question, work: Work) -> Steps[Found]:
        """What would be done without this route, leaving time for it when it is the second path."""
        above = self.routes.above(route)
        if route.forwards_first:
            return (yield from self._along(above, question, work))
        budget, now = work.budget, work.now
        until = budget.deadline
        budget.deadline = now + (until - now) * FIRST_SHARE
        try:
            return (yield from self._along(above, question, work))
        except OutOfBudget as over:
            work.note(steps.NO_SERVER, over.error.text)
            return Failed((over.error,), lasting=False)
        finally:
            budget.deadline = until

    def _closest_delegation(
        self, route: Route | None, question: Question, now: float
    ) -> Delegation | None:
        """The deepest known zone to start from. DS is the parent's (RFC 4035 section 3.1.4.1)."""
        name = question.qname
        if question.qtype == _DS:
            name = names.parent(name)
        if route is None:
            return self.delegations.closest(name, now)
        return self.delegations.closest(name, now, route.zone) or route.delegation

    def _walk_from_root(self, question: Question, work: Work) -> Steps[Found]:
        """By walking from the root, whose servers are to be asked for first (RFC 9609)."""
        delegation: Delegation | None = None
        is_priming = question.qname == names.ROOT and question.qtype == RRType.NS
        if self.priming and not is_priming and work.now >= self.next_priming_at:
            self.next_priming_at = work.now + PRIMING_RETRY_S
            work.note(steps.PRIMING)
            yield Sub(_ROOT_NS.key, lambda: self.resolve(_ROOT_NS, work.deeper()))
            work.tick()
            delegation = self._closest_delegation(None, question, work.now)
        return (yield from self.iterator.iterate(question, delegation or self.hints, work))
