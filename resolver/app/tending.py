"""What a recursive service has done for it beside the queries: its cache kept over restarts and
flushed on demand, its lists read again when their files change.

Everything long goes in slices between the turns of the loop, and what blocks goes into a thread.
Knows: when. Does not know: how any of it is done.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from resolver.app.local_files import LocalFiles, reload
from resolver.cache import snapshot
from resolver.cache.flush import Flushed, flush, flush_all
from resolver.clock import Clock
from resolver.errors import SnapshotError
from resolver.net.turns import in_turns
from resolver.resolve import Recursion
from resolver.slices import Slices, finish

WATCH_S = 0.5  # a change is seen after two looks
SNAPSHOT_FILE = "cache.snapshot"  # in `server.state_dir`
# A snapshot is smaller than what it is of; anything much larger is none of ours.
_MAX_SNAPSHOT_SHARE = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """Where and how often. `interval_s` 0 is at the end only; `size_octets` is that of the cache,
    `max_stale_s` for how long expired data may still be of use."""

    path: Path
    interval_s: float
    size_octets: int
    max_stale_s: float


class Tending:
    """`dropped` is called whenever finished packets are no longer right."""

    def __init__(
        self,
        recursion: Recursion,
        files: LocalFiles,
        plan: SnapshotPlan | None,
        *,
        clock: Clock,
        dropped: Callable[[], None],
    ) -> None:
        self._recursion = recursion
        self._files = files
        self._plan = plan
        self._clock = clock
        self._dropped = dropped
        self._tasks: list[asyncio.Task[None]] = []
        self._origin = _origin_of(recursion)

    def turn_to(self, recursion: Recursion, files: LocalFiles, plan: SnapshotPlan | None) -> None:
        """Tend another service from now on, which has taken over the caches."""
        self._recursion, self._files, self._plan = recursion, files, plan
        self._origin = _origin_of(recursion)

    def keep_nothing(self) -> None:
        """Write no snapshot any more."""
        self._plan = None

    async def open(self) -> None:
        """Take back what was in the cache; whatever is wrong with the file costs one line."""
        if self._plan is None:
            return
        path = self._plan.path
        most = self._plan.size_octets * _MAX_SNAPSHOT_SHARE
        try:
            data = await asyncio.to_thread(snapshot.read, path, most)
            if data is not None:
                _log.info("%s: %d entries", path, await self._restore(data))
        except (OSError, SnapshotError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("%s: not used, the cache begins empty: %s", path, reason)

    async def _restore(self, data: bytes) -> int:
        # Millions of new objects that all stay: looking for garbage among them, then and later,
        # would take as long as making them.
        gc.disable()
        try:
            steps = snapshot.restore(data, self._recursion.caches, self._moment())
            return await in_turns(steps)
        finally:
            gc.freeze()
            gc.enable()

    def start(self) -> None:
        """Begin with what is to be done from time to time."""
        self._begin(self._watch())
        self._begin(self._save_at_times())

    async def stop(self) -> None:
        """End all of that, and write the last snapshot."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._plan is not None:
            # Nobody waits for an answer any more.
            self._write(self._plan, finish(self._dump(self._plan)))

    async def flush(self, name: bytes, *, rrtype: int | None = None, tree: bool = False) -> Flushed:
        """Forget a lower-case name, one type of it, or everything below it (cache/flush.py)."""
        caches = self._recursion.caches
        flushed = await in_turns(flush(caches, name, rrtype=rrtype, tree=tree))
        # Its records may be in packets of any name that leads to it, so all packets go; the caches
        # below make them again.
        self._dropped()
        return flushed

    async def flush_all(self) -> Flushed:
        """Forget everything that was learned."""
        flushed = await in_turns(flush_all(self._recursion.caches))
        self._dropped()
        return flushed

    async def save(self) -> bool:
        """Write a snapshot now; whether there is one to be written."""
        if self._plan is None:
            return False
        blocks = await in_turns(self._dump(self._plan))
        await asyncio.to_thread(self._write, self._plan, blocks)
        return True

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(_tell)
        self._tasks.append(task)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for file in self._files.changed():
                if await in_turns(reload(file)):
                    self._dropped()

    async def _save_at_times(self) -> None:
        saved_at = self._clock.now()
        while True:
            await asyncio.sleep(WATCH_S)  # the plan may be another one by now
            interval_s = self._plan.interval_s if self._plan is not None else 0.0
            if interval_s and self._clock.now() - saved_at >= interval_s:
                await self.save()
                saved_at = self._clock.now()

    def _dump(self, plan: SnapshotPlan) -> Slices[list[bytes]]:
        return snapshot.dump(self._recursion.caches, self._moment(), max_stale_s=plan.max_stale_s)

    def _write(self, plan: SnapshotPlan, blocks: list[bytes]) -> None:
        try:
            snapshot.write(plan.path, blocks)
        except OSError as error:
            _log.warning("%s: not written: %s", plan.path, error.strerror)

    def _moment(self) -> snapshot.Moment:
        return snapshot.Moment(self._clock.now(), self._clock.wall(), self._origin)


def _origin_of(recursion: Recursion) -> int:
    """Stands for where the data comes from: a snapshot of other servers' is of no use."""
    return crc32(repr((recursion.hints, list(recursion.routes))).encode())


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        _log.error("work beside the queries has ended", exc_info=fault)
