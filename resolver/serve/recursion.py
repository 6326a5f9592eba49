"""The handler of everything else: recursion for those who may, refusal for all others.

RD=1 needs access.recursion; RD=0 needs access.cache and is answered from the cache alone, without a
single packet sent. Identical questions in flight are one resolution (the driver joins them by key).
"""

from resolver.codes import Ede, Rcode
from resolver.effects import Steps
from resolver.iterate.work import Unknown
from resolver.metrics import Metrics
from resolver.model import Answer, ExtendedError, Source
from resolver.policy.acl import CACHE, RECURSION
from resolver.resolve import Recursion
from resolver.serve.request import Handled, Request, Stage
from resolver.trace import Trace


class Recurse(Stage):
    """Resolves for clients."""

    def __init__(self, recursion: Recursion, metrics: Metrics) -> None:
        self._recursion = recursion
        self._metrics = metrics

    def handle(self, request: Request) -> Handled:
        """An answer from the cache, the steps of a resolution, or None for who may not ask."""
        if request.recursion_desired:
            if not request.bits & RECURSION:
                return None
            known = self._recursion.look_up(request.question, request.since)
            if isinstance(known, Unknown):
                return self._fetch(request, known)
            return self._renew(request, known) if known.is_renewal_due else known
        if not request.bits & CACHE:
            return None
        return self._recursion.cached(request.question) or Answer(
            Rcode.REFUSED,
            extended_errors=(ExtendedError(Ede.NOT_AUTHORITATIVE, "not in the cache"),),
            source=Source.REFUSED,
        )

    def _renew(self, request: Request, answer: Answer) -> Steps[Answer]:
        yield self._recursion.renewal(request.question)
        return answer

    def _fetch(self, request: Request, unknown: Unknown) -> Steps[Answer]:
        self._metrics.recursions_total += 1
        request.trace = trace = request.trace or Trace()
        return self._recursion.fetch(request.question, unknown, trace, counted=True)


class Refuse(Stage):
    """The end of the list: whoever gets here is told why."""

    def __init__(self, metrics: Metrics, *, recursion: bool) -> None:
        self._metrics = metrics
        self._error = (
            ExtendedError(Ede.PROHIBITED, "not in access.recursion or access.cache")
            if recursion
            else ExtendedError(Ede.NOT_AUTHORITATIVE, "no zone of this server, and no recursion")
        )

    def handle(self, request: Request) -> Handled:
        """REFUSED, whatever was asked."""
        self._metrics.refused_total += 1
        return Answer(Rcode.REFUSED, extended_errors=(self._error,), source=Source.REFUSED)
