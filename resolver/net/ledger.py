"""The journal in a thread of its own: durable writes that nobody has to wait for but who asks.

A journal that cannot be opened or written is an error for that change alone; each later change
tries again, so a full disk or a missing folder heals by itself.

Knows: threads. Does not know: what is in the journal (zone/journal.py), who serves what.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from resolver.errors import JournalError
from resolver.slices import finish
from resolver.zone import made
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.journal import Clock, Journal
from resolver.zone.pointers import Pointer

T = TypeVar("T")


class Kept(NamedTuple):
    """What is on disk of a zone: its newest version, its clock, the changes that led there."""

    zone: Zone | None = None
    clock: Clock | None = None
    history: Sequence[Diff] = ()


class Ledger:
    """One journal file and the thread that works on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def restore(self, origin: bytes) -> Kept:
        """What was kept of a zone. Raises JournalError."""
        return await self._do(self._restore, origin)

    async def since(self, origin: bytes, serial: int) -> list[Diff] | None:
        """The changes from a serial on, oldest first; None when they are not known. Raises
        JournalError."""
        return await self._do(lambda: self._open().since(origin, serial))

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept."""
        return self._path.exists()

    async def append(self, diffs: Sequence[Diff]) -> bool:
        """Make changes durable, oldest first. Whether the version that they led to should soon be
        put in whole (`put_version`). Raises JournalError."""
        return await self._do(self._append, diffs)

    async def put_version(self, zone: Zone, diffs: Sequence[Diff] = ()) -> None:
        """Make a whole version durable, and first the changes that led to it if they are known.
        Raises JournalError."""
        await self._do(self._put_version, zone, diffs)

    async def put_clock(self, origin: bytes, clock: Clock) -> None:
        """Keep the clock of a secondary. Raises JournalError."""
        await self._do(self._put_clock, origin, clock)

    async def forget(self, origin: bytes) -> None:
        """Drop all that is kept of a zone. Raises JournalError."""
        await self._do(self._forget, origin)

    async def made(self, origin: bytes) -> set[Pointer]:
        """The pointers that we made in a zone. Raises JournalError."""
        return await self._do(lambda: made.made_in(self._open().db, origin))

    async def note_made(
        self, origin: bytes, more: Iterable[Pointer], less: Iterable[Pointer]
    ) -> None:
        """Note pointers that we make in a zone, and that we made no more. Raises JournalError."""
        await self._do(lambda: made.note(self._open().db, origin, more, less))

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        # A change that is being written is written to its end, whoever stops waiting for it.
        return await asyncio.shield(loop.run_in_executor(self._thread, work, *arguments))

    def _open(self) -> Journal:
        if self._journal is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JournalError(f"{self._path.parent}: {error.strerror}") from error
            self._journal = Journal(self._path)
        return self._journal

    def _restore(self, origin: bytes) -> Kept:
        journal = self._open()
        zone = finish(journal.restore(origin))
        return Kept(zone, journal.clock(origin), journal.history(origin))

    def _append(self, diffs: Sequence[Diff]) -> bool:
        journal = self._open()
        for diff in diffs:
            journal.append(diff)
        return any(journal.wants_version(diff.origin) for diff in diffs[-1:])

    def _put_version(self, zone: Zone, diffs: Sequence[Diff]) -> None:
        journal = self._open()
        with suppress(JournalError):  # changes to what was never written: the version will do
            for diff in diffs:
                journal.append(diff)
        finish(journal.put_version(zone))

    def _put_clock(self, origin: bytes, clock: Clock) -> None:
        self._open().put_clock(origin, clock)

    def _forget(self, origin: bytes) -> None:
        journal = self._open()
        journal.forget(origin)
        made.forget(journal.db, origin)

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
