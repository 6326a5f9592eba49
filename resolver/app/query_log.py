"""The query log: a line for each query, or for a sample of them.

Off unless `log.queries` is set, and then costs nothing: nobody observes. When it is on, it observes
the full path (serve/observe.py) and what finished packets answer (serve/tally.py). With a sample,
failures and slow answers are written all the same, since they are what somebody looks for.

Knows: settings, what is worth a line. Does not know: what a line looks like, how it gets out.
"""

import logging
from collections.abc import Collection

from resolver.app.line_writer import LineWriter
from resolver.clock import Clock
from resolver.codes import Rcode
from resolver.config.schema import LogSettings
from resolver.errors import ConfigError, Finding
from resolver.metrics import Metrics
from resolver.model import Answer, Source
from resolver.serve.observe import Observers
from resolver.serve.query_line import Entry, entry_of, entry_of_packet, show_json, show_text
from resolver.serve.report import show_wall
from resolver.serve.request import Request
from resolver.serve.tally import Replies, Tally

_SERVFAIL = int(Rcode.SERVFAIL)

_log = logging.getLogger(__name__)


class QueryLog:
    """Writes while it is open."""

    def __init__(self, clock: Clock, metrics: Metrics, observers: Observers, tally: Tally) -> None:
        self._clock = clock
        self._metrics = metrics
        self._observers = observers
        self._tally = tally
        self._writer: LineWriter | None = None
        self._settings = LogSettings()
        self._show = show_json
        self._slow_s = float("inf")
        self._count = 0
        self._dropped = 0

    def open(self, settings: LogSettings, slow_s: float) -> None:
        """Begin, if these settings want it. Answers that took `slow_s` are slow, with 0 none.
        Raises ConfigError when the file cannot be written."""
        self._let_go()
        if not settings.queries:
            return
        try:
            self._writer = LineWriter(settings.query_file)
        except OSError as error:
            reason = f"{settings.query_file}: {error.strerror}"
            raise ConfigError([Finding("log.query_file", 0, reason)]) from error
        self._settings = settings
        self._show = show_json if settings.format == "json" else show_text
        self._slow_s = slow_s or float("inf")
        self._dropped = 0
        self._observers.add(self)
        self._tally.witness = self

    def turn_to(self, settings: LogSettings, slow_s: float) -> None:
        """Go by these settings from now on. A file that cannot be written is told in the log."""
        same_file = settings.queries and settings.query_file == self._settings.query_file
        if self._writer is not None and same_file:
            self._settings = settings
            self._show = show_json if settings.format == "json" else show_text
            self._slow_s = slow_s or float("inf")
            return
        try:
            self.open(settings, slow_s)
        except ConfigError as error:
            _log.error("%s; queries are not logged", error)

    def reopen(self) -> None:
        """The file has been moved away: begin another."""
        if self._writer is not None:
            self._writer.reopen()

    def close(self) -> None:
        """Write what there is, and end. May take a moment."""
        writer = self._let_go()
        if writer is not None:
            writer.close()
            self._count_dropped(writer)

    def _let_go(self) -> LineWriter | None:
        """Put in no more lines."""
        self._observers.remove(self)
        if self._tally.witness is self:
            self._tally.witness = None
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.finish()
        return writer

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """A query on the full path has ended (Observer)."""
        if self._is_sampled() or (
            self._settings.query_failures
            and (
                answer.rcode == _SERVFAIL
                or seconds >= self._slow_s
                or answer.source is Source.STALE
            )
        ):
            self._write(entry_of(request, answer, seconds, self._time()))

    def saw_replies(
        self, batch: Replies, count: int, missed: Collection[int], seconds: float
    ) -> None:
        """All but `missed` of the `count` datagrams of a batch were answered by finished packets
        (Witness)."""
        for slot in range(count):
            if slot not in missed and self._is_sampled():
                self._saw(batch.reply(slot), batch.peer(slot), seconds, stream=False)

    def saw_reply(self, reply: bytes, peer: bytes, seconds: float) -> None:
        """A query over a stream was answered by a finished packet (Witness)."""
        if self._is_sampled():
            self._saw(reply, peer, seconds, stream=True)

    def _saw(self, reply: bytes, peer: bytes, seconds: float, *, stream: bool) -> None:
        entry = entry_of_packet(reply, peer, seconds, self._time(), stream=stream)
        if entry is not None:
            self._write(entry)

    def _is_sampled(self) -> bool:
        self._count += 1
        return self._count % self._settings.query_sample == 0

    def _time(self) -> str:
        return show_wall(self._clock.wall())

    def _write(self, entry: Entry) -> None:
        writer = self._writer
        if writer is None:
            return
        writer.write(self._show(entry))
        if writer.dropped != self._dropped:
            self._count_dropped(writer)
        self._metrics.query_log_lines_total += 1

    def _count_dropped(self, writer: LineWriter) -> None:
        self._metrics.query_log_dropped_total += writer.dropped - self._dropped
        self._dropped = writer.dropped
