"""`rootward run`, told on beside: what its jobs and counters are, twice a second.

    python -m tests.bench.soak.served CONFIG SAMPLES [BREAK]

Appends to SAMPLES a line of JSON each time: moment, jobs, age of the oldest in seconds, tasks and
threads, memory in use, counters. BREAK is a fault to have (sabotage.py).

Memory in use is what has been allocated and not freed. What is resident is more: allocators keep
what a burst of questions left in pieces.
"""

import asyncio
import contextlib
import ctypes
import json
import sys
import threading
import time
from pathlib import Path

from resolver.app import cli, server
from tests.bench.soak.sabotage import BREAKS

INTERVAL_S = 0.5
# Of what Python's allocator holds: objects of up to 512 octets, about so large in the mean.
BLOCK_OCTETS = 100
SAMPLES = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("samples")


_MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _Mallinfo(ctypes.Structure):
    """struct mallinfo2 of mallinfo(3): all arenas together."""

    _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO]


def octets_in_use() -> int:
    """About what is allocated and not freed; 0 where the C library does not tell."""
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        return 0
    tell.restype = _Mallinfo
    told = tell()
    return int(told.uordblks + told.hblkhd) + sys.getallocatedblocks() * BLOCK_OCTETS


class Watched(server.Server):
    """A server that writes down how it does."""

    _task: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        await super().start()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self, drain_s: float = server.DRAIN_S) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await super().stop(drain_s)

    async def _watch(self) -> None:
        with SAMPLES.open("a") as file:
            while True:
                drivers = [d for d in (self.driver, *self._retiring) if d is not None]
                oldest_s = max((d.oldest_job_age_s for d in drivers), default=0.0)
                sample = {
                    "at": time.monotonic(),
                    "jobs": self.jobs,
                    "oldest_s": oldest_s,
                    "tasks": len(asyncio.all_tasks()),
                    "in_use": octets_in_use(),
                    "threads": threading.active_count(),
                }
                file.write(json.dumps(sample | self.metrics.read()) + "\n")
                file.flush()
                await asyncio.sleep(INTERVAL_S)


def main() -> int:
    for fault in sys.argv[3:]:
        BREAKS[fault]()
    server.Server = Watched  # type: ignore[misc]
    return cli.main(["run", "--config", sys.argv[1]])


if __name__ == "__main__":
    sys.exit(main())
