"""What clients did that an operator wants to read, as lines of the log.

Floods are held back by the log itself (app/logging.py).
"""

import logging
from ipaddress import ip_address

from resolver import names
from resolver.codes import show_rcode
from resolver.serve.recorder import Record
from resolver.serve.report import question_facts
from resolver.serve.request import Request

_log = logging.getLogger("resolver.serve")


class LogNotes:
    """Writes notes to the log (serve/request.py, Notes)."""

    def refused(self, request: Request, reason: str) -> None:
        """A line that somebody may have to look into."""
        _log.warning("%s: refused: %s", _client(request), reason)

    def done(self, request: Request, what: str) -> None:
        """A line of what went well."""
        _log.info("%s: %s", _client(request), what)


def log_failure(record: Record) -> None:
    """A line for a question that has failed, with the number of its record (`ctl why`). Those that
    meet the memory of it write none."""
    facts = question_facts(record.question)
    _log.info(
        "%s %s: %s: %s (record %d)",
        facts["name"],
        facts["type"],
        show_rcode(record.answer.rcode),
        record.reason,
        record.number,
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
