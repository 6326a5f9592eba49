"""The server started anew in its own place: SIGUSR1.

A child of this process runs the same command with `--take-over`: the program that is installed now,
which may be a newer one. It has our rights and our limits, and where a service manager watches over
us, it is told whom to watch from now on. A child that cannot start ends, and all goes on as it was.

Knows: how this process was started. Does not know: how sockets are handed over.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Mapping

from resolver.app.setting_up import own_command

TAKE_OVER = "--take-over"
_LOOK_S = 0.1  # how often to look whether the child has ended

_log = logging.getLogger(__name__)


class Renewal:
    """Starts the child when asked to, one at a time. `environment`: what the service manager has
    told us, for the child."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Start a child that is to take over."""
        if os.getpid() == 1:
            _log.error("process 1 cannot be replaced: a container ends with it")
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Wait for the child no longer; it goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        arguments = [word for word in sys.argv[1:] if word != TAKE_OVER]
        command = [*own_command(), *arguments, TAKE_OVER]
        try:
            child = subprocess.Popen(command, env={**os.environ, **self._environment})  # noqa: ASYNC220
        except OSError as error:
            _log.error("%s: not started: %s", command[0], error.strerror)
            return
        _log.info("process %d is to take over", child.pid)
        while (code := child.poll()) is None:  # noqa: ASYNC110 - ends us when it has taken over
            await asyncio.sleep(_LOOK_S)
        _log.error("process %d has ended with %d and not taken over: going on", child.pid, code)
