"""What clients did that an operator wants to read, as lines of the log.

Floods are held back by the log itself (app/logging.py).
"""

import logging
from ipaddress import ip_address

from resolver import names
from resolver.clock import Clock
from resolver.codes import show_rcode
from resolver.serve.recorder import Record
from resolver.serve.report import question_facts
from resolver.serve.request import Request

FAILURES_A_SECOND = 5

_log = logging.getLogger("resolver.serve")


class LogNotes:
    """Writes notes to the log (serve/request.py, Notes)."""

    def refused(self, request: Request, reason: str) -> None:
        """A line that somebody may have to look into."""
        _log.warning("%s: refused: %s", _client(request), reason)

    def done(self, request: Request, what: str) -> None:
        """A line of what went well."""
        _log.info("%s: %s", _client(request), what)


class FailureLines:
    """Writes a line for a question that has failed, with the number of its record (`ctl why`).

    Who meets the memory of a failure writes none, and of a flood a few a second do; the next line
    tells how many there were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = 0
        self._passed = 0
        self._held = 0

    def __call__(self, record: Record) -> None:
        """Write it, unless there have been enough."""
        second = int(self._clock.now())
        if second != self._second:
            self._second, self._passed = second, 0
        self._passed += 1
        if self._passed > FAILURES_A_SECOND:
            self._held += 1
            return
        held, self._held = self._held, 0
        log_failure(record, held)


def log_failure(record: Record, held: int = 0) -> None:
    """The line for one failure; `held` others before it have none."""
    facts = question_facts(record.question)
    _log.info(
        "%s %s: %s: %s (record %d)%s",
        facts["name"],
        facts["type"],
        show_rcode(record.answer.rcode),
        record.reason,
        record.number,
        f" (and {held} others before)" if held else "",
        extra={
            "qname": facts["name"],
            "qtype": facts["type"],
            "reason": record.reason,
            "record": record.number,
        },
    )


def _client(request: Request) -> str:
    address = str(ip_address(request.peer))
    return address if request.key is None else f"{address} (key {names.show(request.key)})"
