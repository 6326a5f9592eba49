"""What is answered here before anybody is asked: local data, special names, block lists.

This is no handler of its own: resolution asks it for the name of a question and again for the
target of every alias, so that no chain leads around it. Own zones have been looked at before.

Knows: the order of the three. Does not know: clients, caches.
"""

from dataclasses import dataclass, field
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.iterate.route import Routes
from resolver.model import Answer, Question, Source
from resolver.policy.local import Overlay
from resolver.serve import authority
from resolver.zone.store import ZoneStore

_ARPA: Final = names.read("arpa.")


@dataclass(slots=True)
class Home:
    """`special` holds the built-in zones; `routes` go before those that hold them."""

    overlay: Overlay = field(default_factory=Overlay)
    special: ZoneStore = field(default_factory=ZoneStore)
    routes: Routes = field(default_factory=Routes)

    def __call__(self, question: Question) -> Answer | None:
        """The answer to a question of class IN, or None when it is for others to answer."""
        if (answer := self.overlay.answer(question)) is not None:
            answer.source = Source.LOCAL
        elif (answer := self._special(question)) is not None:
            answer.source = Source.SPECIAL
        elif (answer := self.overlay.blocked(question)) is not None:
            answer.source = Source.POLICY
        return answer

    def _special(self, question: Question) -> Answer | None:
        name = question.name
        zone = self.special.find(name)
        if zone is None:
            return None
        route = self.routes.find(name)
        if route is not None and len(route.zone) > len(zone.origin):
            return None
        # DS is the parent's, and arpa. does delegate these zones: whoever validates behind us
        # needs its word that they are unsigned (RFC 8375 section 4).
        is_at_cut = name == zone.origin and names.is_below(name, _ARPA)
        if question.qtype == RRType.DS and is_at_cut:
            return None
        answer = authority.answer(self.special, question, minimal=True)
        if answer is not None:
            answer.ages = False
        return answer
