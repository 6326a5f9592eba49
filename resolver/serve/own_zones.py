"""The handler of own zones, and where recursion goes on from them.

Own zones are answered from their zone version only, never from a cache, and always with AA. For a
client that may recurse and asks for it, a chain of aliases that leaves our zones is followed, and a
name below one of our own cuts is resolved from that cut on. Where an ALIAS record leads is looked
up for every client.
"""

from dataclasses import replace

from resolver.cache.delegations import Delegation
from resolver.codes import Ede, Rcode
from resolver.effects import Steps
from resolver.model import Answer, ExtendedError, Question, Source
from resolver.policy.acl import QUERY, RECURSION
from resolver.resolve import Recursion
from resolver.serve import authority
from resolver.serve.any_type import AnyAnswer, hinfo, is_whole
from resolver.serve.authority import Borrowing
from resolver.serve.beyond import delegation, unserved
from resolver.serve.borrow import Borrower
from resolver.serve.request import Handled, Request, Stage
from resolver.trace import Trace
from resolver.zone.store import ZoneStore


class OwnZones(Stage):
    """Answers from `zones`; `recursion` None means that nothing is ever followed outside."""

    def __init__(
        self,
        zones: ZoneStore,
        recursion: Recursion | None,
        *,
        minimal: bool,
        any_answer: AnyAnswer = "minimal",
    ) -> None:
        self._zones = zones
        self._recursion = recursion
        self._borrower = Borrower(zones, recursion)
        self._minimal = minimal
        self._any_answer: AnyAnswer = any_answer

    def handle(self, request: Request) -> Handled:
        """None when the name is in no own zone, or in a stub or forward zone inside one and the
        client may recurse."""
        question = request.question
        key = question.name
        withheld = self._zones.withheld(key)
        zone = withheld or self._zones.find(key)
        if zone is None or self._is_routed(request, zone.origin):
            return None
        if not request.bits & QUERY:
            error = ExtendedError(Ede.PROHIBITED, "not in access.query")
            return Answer(Rcode.REFUSED, extended_errors=(error,), source=Source.REFUSED)
        if withheld is not None:
            return unserved(withheld)
        answer = self._answer(request)
        if answer is None:
            return None
        answer.ages = False
        answer.source = Source.OWN
        if isinstance(answer, Borrowing):
            request.trace = request.trace or Trace()
            return self._borrower.answer(answer, question.qtype, request.trace)
        return self._beyond(request, answer)

    def _beyond(self, request: Request, answer: Answer) -> Handled:
        """What a client may be told that goes on where our zones end."""
        if answer.chase is not None and (target := self._zones.withheld(answer.chase)) is not None:
            return unserved(target)
        if self._recursion is None:
            return answer
        if not (request.recursion_desired and request.bits & RECURSION):
            return answer
        if answer.chase is not None:
            asked = Question(answer.chase, request.question.qtype)
            return _chase(request, self._recursion, answer, asked)
        if (cut := delegation(answer)) is not None:
            return _below_cut(request, self._recursion, cut)
        return answer

    def _answer(self, request: Request) -> Answer | None:
        edns = request.message.edns
        answer = authority.answer(
            self._zones,
            request.question,
            minimal=self._minimal,
            whole_any=is_whole(self._any_answer, stream=request.stream),
            dnssec_ok=edns is not None and edns.dnssec_ok,
        )
        if answer is not None and self._any_answer == "hinfo":
            return hinfo(answer, request.question)
        return answer

    def _is_routed(self, request: Request, origin: bytes) -> bool:
        """Whether a stub or forward zone is closer to the name than our zone."""
        if self._recursion is None or not request.recursion_desired:
            return False
        route = self._recursion.routes.find(request.question.name)
        closer = route is not None and len(route.zone) > len(origin)
        return closer and bool(request.bits & RECURSION)


def _chase(
    request: Request, recursion: Recursion, answer: Answer, question: Question
) -> Steps[Answer]:
    request.trace = request.trace or Trace()
    rest = yield from recursion.answer(question, request.trace)
    return replace(
        rest,
        answer=[*answer.answer, *rest.answer],
        authority=[*answer.authority, *rest.authority],
        authoritative=answer.authoritative,
    )


def _below_cut(request: Request, recursion: Recursion, start: Delegation) -> Steps[Answer]:
    request.trace = request.trace or Trace()
    return (yield from recursion.resolve(request.question, request.trace, start))
