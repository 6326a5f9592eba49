"""Lines that leave the process without ever holding it up.

Lines are put into a bounded buffer; a thread of its own writes them, many at once, to a file or to
standard error. When whoever should take them does not (a full pipe, a slow disk), the buffer fills
up, and what is more is dropped and counted. A file is opened again on demand, so that it can be
moved away by whoever rotates logs: what was put in before still goes to one of the two, and nothing
is lost.

Knows: descriptors, threads. Does not know: what the lines say.
"""

import contextlib
import logging
import os
import select
import stat
import threading
import time
from pathlib import Path

MAX_BUFFER_OCTETS = 4 * 1024 * 1024
# Lines are gathered for so long, so that the thread does not wake for each.
GATHER_S = 0.05
CLOSE_S = 2.0
_POLL_MS = 100
# A pipe that poll finds writable takes so much without blocking (pipe(7)).
_PIPE_OCTETS = 4096
_STDERR = 2
_MODE = 0o640

_log = logging.getLogger(__name__)


class LineWriter:
    """Writes lines to `path`, to standard error when that is None. Raises OSError when the file
    cannot be opened."""

    def __init__(self, path: Path | None, max_octets: int = MAX_BUFFER_OCTETS) -> None:
        self.path = path
        self.dropped = 0  # lines that did not get out
        self._max_octets = max_octets
        self._descriptor = _open(path)
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._octets = 0
        self._asleep = True
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._reopens = False
        self._told = 0
        self._gives_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="query-log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> bool:
        """Put in one line, without its end; False when there is no room and it is dropped."""
        data = line.encode("ascii", "backslashreplace") + b"\n"
        with self._lock:
            if self._octets + len(data) > self._max_octets:
                self.dropped += 1
                return False
            self._lines.append(data)
            self._octets += len(data)
            wakes, self._asleep = self._asleep, False
        if wakes:
            self._wake.set()
        return True

    def reopen(self) -> None:
        """Write to the file of this name from now on, whichever that is."""
        self._reopens = True
        self._wake.set()

    def finish(self, wait_s: float = CLOSE_S) -> None:
        """Take no more lines, and write those that are there for so long at most; does not wait
        for that."""
        self._gives_up_at = time.monotonic() + wait_s
        self._closing.set()
        self._wake.set()

    def close(self, wait_s: float = CLOSE_S) -> None:
        """The same, and wait for it."""
        self.finish(wait_s)
        self._thread.join(wait_s + 1)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            closing = self._closing.wait(GATHER_S)
            with self._lock:
                lines, self._lines = self._lines, []
                self._octets = 0
                self._asleep = True
            if lines:
                self._put_out(lines)
            if self._reopens:
                self._reopens = False
                self._open_again()
            if closing:
                break
        if self.path is not None:
            os.close(self._descriptor)

    def _put_out(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        written = 0
        try:
            while written < len(data) and time.monotonic() <= self._gives_up_at:
                written = self._write(data, written)
        except OSError as error:
            _log.warning("query log: %s", error)
        if written < len(data):
            with self._lock:
                self.dropped += data.count(b"\n", written)
        elif self.dropped > self._told:
            _log.warning("query log: %d lines were dropped", self.dropped - self._told)
            self._told = self.dropped

    def _write(self, data: bytes, start: int) -> int:
        """Write some from `start` on; up to where. Raises OSError."""
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            return start + os.write(self._descriptor, data[start:])
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        if not poll.poll(_POLL_MS):
            return start
        end = start + _PIPE_OCTETS
        if end < len(data):
            # Whole lines, so that those of others on this pipe do not come in between.
            end = data.rfind(b"\n", start, end) + 1 or end
        with contextlib.suppress(BlockingIOError):
            return start + os.write(self._descriptor, data[start:end])
        return start

    def _open_again(self) -> None:
        if self.path is None:
            return
        try:
            opened = _open(self.path)
        except OSError as error:
            _log.error("query log: %s: %s; the old file is kept", self.path, error.strerror)
            return
        os.close(self._descriptor)
        self._descriptor = opened


def _open(path: Path | None) -> int:
    if path is None:
        return _STDERR
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
