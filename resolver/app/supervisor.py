"""What the service manager is told: ready, reloading, stopping, still alive (sd_notify(3)).

One datagram with lines to the socket that $NOTIFY_SOCKET names. Without it nobody is told. The
watchdog is fed by the event loop: when the loop hangs, nothing is fed.

Knows: the environment, the event loop. Does not know: what is ready or alive.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import MutableMapping

# As often as this within the time after which the manager gives us up.
_FEEDINGS = 3

_log = logging.getLogger(__name__)


class Supervisor:
    """Whoever started us and watches over us, if there is one. What told of it is taken out of the
    environment: it is not for our children, but for one who takes our place (`environment`)."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        place = environment.pop("NOTIFY_SOCKET", "")
        limit = environment.pop("WATCHDOG_USEC", "")
        process = environment.pop("WATCHDOG_PID", "") or str(os.getpid())
        # An abstract socket is written with @ for the zero octet that it begins with.
        self._place = "\0" + place[1:] if place.startswith("@") else place
        self.environment = {
            name: text
            for name, text in (("NOTIFY_SOCKET", place), ("WATCHDOG_USEC", limit))
            if text
        }
        self._every_s = 0.0
        if limit.isdigit() and process == str(os.getpid()):
            self._every_s = int(limit) / 1e6 / _FEEDINGS
        self._feeding: asyncio.TimerHandle | None = None

    def tell(self, *lines: str) -> None:
        """Send these lines; that nobody listens is no mistake of ours."""
        if not self._place:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), self._place)
        except OSError as error:
            _log.warning("the service manager was not told: %s", error)

    def ready(self, status: str) -> None:
        """Queries are answered; `status` is one line for people."""
        self.tell("READY=1", f"STATUS={status}")
        if self._feeding is None and self._every_s:
            self._feed(asyncio.get_running_loop())

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now_us}", "STATUS=reloading")

    def stopping(self, status: str = "stopping") -> None:
        """The end has begun."""
        self.tell("STOPPING=1", f"STATUS={status}")

    def leave_to(self, process: int) -> None:
        """Somebody else serves in our place: he is who is watched from now on, and who tells."""
        self.tell(f"MAINPID={process}")
        self.close()
        self._place = ""

    def close(self) -> None:
        """Feed no more."""
        if self._feeding is not None:
            self._feeding.cancel()
            self._feeding = None

    def _feed(self, loop: asyncio.AbstractEventLoop) -> None:
        self.tell("WATCHDOG=1")
        self._feeding = loop.call_later(self._every_s, self._feed, loop)
