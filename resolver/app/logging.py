"""What the process writes to standard error: text or JSON, without floods.

The standard library's logging with two formatters and one filter. A message that repeats is written
a few times, then counted, and the count is told with its next appearance: a broken zone or a
hostile client can neither fill the disk nor hide what else happens. Where standard error is the
journal of systemd, each line begins with its priority as sd-daemon(3) has it, for `journalctl -p`.

Knows: log records and `log.level`, `log.format`. Does not know: what is logged, or the event loop.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from resolver.config.schema import LogSettings

# A message may be written BURST times in WINDOW_S seconds; what is more is only counted.
BURST = 10
WINDOW_S = 60.0
MAX_TRACKED = 1000
# What these tell is the doing of operators, not of clients: every fault in every file is to be
# told, so only equal lines are the same message.
TOLD_IN_FULL = frozenset(
    ("resolver.app.reload", *(f"resolver.net.{n}" for n in ("primary", "primaries", "catalogs")))
)

# Of syslog (RFC 5424 section 6.2.1): what is at least of this level has the priority beside it.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7

# Fields that every record has; what `extra=` adds beside them belongs into the JSON object.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "held"}


def set_up(log: LogSettings, stream: TextIO | None = None) -> None:
    """Send records of `log.level` and above to `stream`, by default standard error. A second call
    replaces what the first one did."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log.format == "json" else TextFormatter())
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(log.level.upper())


def complain(error: object) -> None:
    """Tell on standard error why the process ends; nothing may have been set up."""
    text = str(error)
    print(_with_priority(text, logging.ERROR) if is_journal(sys.stderr) else text, file=sys.stderr)


def is_journal(stream: TextIO) -> bool:
    """Whether what is written there goes to the journal ($JOURNAL_STREAM of systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it is closed, or no file
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _with_priority(text: str, level: int) -> str:
    """The journal has an entry for every line."""
    priority = next((x for least, x in _PRIORITIES if level >= least), _DEBUG_PRIORITY)
    return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._is_journal = is_journal(stream)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return _with_priority(text, record.levelno) if self._is_journal else text


class TextFormatter(logging.Formatter):
    """`2026-01-02T03:04:05.678Z warning net.run: text`, one line a record; a traceback follows on
    lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, _, rest = text.partition("\n")
        name = record.name.removeprefix("resolver.")
        shown = f"{_show_time(record.created)} {record.levelname.lower()} {name}: {head}"
        if held := getattr(record, "held", 0):
            shown += f" (and {held} times more since the last line)"
        return f"{shown}\n{rest}" if rest else shown


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what callers pass as `extra` becomes keys of it."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _show_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("resolver."),
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if held := getattr(record, "held", 0):
            entry["held"] = held
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class RepeatFilter(logging.Filter):
    """Lets a message pass BURST times in WINDOW_S seconds.

    Messages are the same when logger, level and format are: their arguments differ with every
    client. Those of TOLD_IN_FULL are the same when their text is. The first to pass after some were
    held carries their number as `held`.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._seen: dict[tuple[str, int, str], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage() if record.name in TOLD_IN_FULL else str(record.msg)
        key = (record.name, record.levelno, text)
        now = self._now()
        window = self._seen.get(key)
        if window is None:
            if len(self._seen) >= MAX_TRACKED:
                self._seen.clear()
            window = self._seen[key] = _Window(now)
        if now - window.since >= WINDOW_S:
            window.since, window.passed = now, 0
        if window.passed >= BURST:
            window.held += 1
            return False
        window.passed += 1
        record.held = window.held
        window.held = 0
        return True


class _Window:
    """What passed since a moment, and what did not."""

    __slots__ = ("held", "passed", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.passed = 0
        self.held = 0


def _show_time(created: float) -> str:
    """Wall time in UTC with milliseconds (RFC 3339)."""
    milliseconds = int(created * 1000)
    shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{shown}.{milliseconds % 1000:03d}Z"
