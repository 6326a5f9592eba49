"""Whether to send this server questions: zones are loaded, the root is primed, others answer.

Other servers are taken to be out of reach when there were attempts to ask and nobody has replied
for a while. Before that is believed the root is asked once more, every few seconds, and it is asked
on until somebody replies: a server that gets no questions because it is not ready would never find
out otherwise.

Knows: the parts of a server. Does not know: HTTP, the event loop.
"""

from typing import TYPE_CHECKING

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.codes import RRType
from resolver.metrics import Metrics
from resolver.model import Question

if TYPE_CHECKING:
    from resolver.app.server import Server

ROOT_NS = Question(names.ROOT, RRType.NS)
PROBE_EVERY_S = 3.0
# So many questions of ours must have gone unanswered beside those of clients.
LEAST_PROBES = 2
# Zones that are named; more are counted.
_NAMED_ZONES = 5


class Upstream:
    """Whether other servers reply at all, from what is counted anyway. `unready_after_s` 0 takes
    them to."""

    def __init__(self, unready_after_s: float) -> None:
        self.unready_after_s = unready_after_s
        self._attempts = self._replies = 0
        self._unanswered_since: float | None = None
        self._probes = 0
        self._probed_at = 0.0

    def look(self, metrics: Metrics, now: float) -> bool:
        """Look at the counters; whether somebody should be asked, to be sure."""
        replies = metrics.upstream_rtt_seconds.count
        attempts = metrics.upstream_queries_total + metrics.recursions_failed_total
        if replies != self._replies:
            self._unanswered_since = None
            self._probes = 0
        elif attempts != self._attempts and self._unanswered_since is None:
            self._unanswered_since = self._probed_at = now
        self._replies, self._attempts = replies, attempts
        if self._unanswered_since is None or not self.unready_after_s:
            return False
        if now - self._probed_at < min(PROBE_EVERY_S, self.unready_after_s / LEAST_PROBES):
            return False
        self._probed_at = now
        self._probes += 1
        return True

    def silent_s(self, now: float) -> float | None:
        """For how long nobody has replied, when that is too long; else None."""
        since = self._unanswered_since
        if since is None or not self.unready_after_s or self._probes < LEAST_PROBES:
            return None
        silent_s = now - since
        return silent_s if silent_s >= self.unready_after_s else None


class Readiness:
    """Of one server. `started` and `stopping` are set by who runs it."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.upstream = Upstream(server.config.metrics.unready_after)
        self.started = False
        self.stopping = False
        self._primed = False

    def look(self) -> bool:
        """Look at the counters, once a second; whether the root is to be asked."""
        server = self._server
        if server.recursion is None:
            return False
        self.upstream.unready_after_s = server.config.metrics.unready_after
        doubtful = self.upstream.look(server.metrics, server.clock.now())
        return doubtful or not self._is_primed()

    def reasons(self) -> list[str]:
        """Why not to send questions; none when the server is ready."""
        if self.stopping:
            return ["stopping"]
        if not self.started:
            return ["starting: zones and cache are being loaded"]
        return [*self._of_zones(), *self._of_recursion()]

    def _of_zones(self) -> list[str]:
        server = self._server
        if not server.config.metrics.ready_secondaries:
            return []
        withheld = server.store.all_withheld()
        reasons = [
            f"zone {names.show(zone.origin)} " + ("has expired" if zone.expired else "has no data")
            for zone in withheld[:_NAMED_ZONES]
        ]
        if len(withheld) > _NAMED_ZONES:
            reasons.append(f"{len(withheld) - _NAMED_ZONES} more zones cannot be served")
        return reasons

    def _of_recursion(self) -> list[str]:
        server = self._server
        if server.recursion is None:
            return []
        reasons = [] if self._is_primed() else ["the root is not primed"]
        silent_s = self.upstream.silent_s(server.clock.now())
        if silent_s is not None:
            reasons.append(f"no other server has replied for {silent_s:.0f} s")
        return reasons

    def _is_primed(self) -> bool:
        """Whether the root was ever learned, or need not be: forwarders walk for us, or hints are
        all that is wanted."""
        recursion = self._server.recursion
        assert recursion is not None
        if not self._primed:
            known: Delegation | None = recursion.delegations.closest(
                names.ROOT, self._server.clock.now()
            )
            self._primed = (
                not recursion.priming
                or recursion.routes.find(names.ROOT) is not None
                or known is not None
            )
        return self._primed
