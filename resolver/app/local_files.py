"""The files behind local data: read at start, watched, and read again when they change.

A file that cannot be read at start stops the start; one that cannot be read later, or goes away,
changes nothing. A changed file is read in slices beside the queries, once it has stayed the same
for one look, so that a list is not read while it is being written.

Knows: files and their settings. Does not know: loops, caches.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from resolver.config.entries import LocalSettings
from resolver.errors import ConfigError, Finding
from resolver.policy.blocklist import BlockList, no_block_list, read_block_list
from resolver.policy.hosts import Hosts, read_hosts
from resolver.policy.lines import Complaints
from resolver.policy.local import Blocking, Overlay, Records, read_local_records
from resolver.slices import Slices, finish

_CHUNK_OCTETS = 65_536

_log = logging.getLogger(__name__)

# What tells one state of a file from another: time of change, size, and which file it is.
Stamp: TypeAlias = tuple[int, int, int]


@dataclass(slots=True)
class ListFile:
    """A list on disk. `read` reads its chunks and puts the list in its place."""

    path: Path
    read: Callable[[Iterator[bytes], Complaints], Slices[int]]
    watched: bool
    stamp: Stamp | None = None
    seen: Stamp | None = None
    complaints: Complaints = field(init=False)

    def __post_init__(self) -> None:
        self.complaints = Complaints(str(self.path))

    def has_changed(self) -> bool:
        """Whether it is another file than was read, and has been so for two looks."""
        stamp, self.seen = _stamp(self.path), self.seen or self.stamp
        settled, self.seen = stamp == self.seen, stamp
        return settled and stamp is not None and stamp != self.stamp

    def load(self) -> Slices[int]:
        """Read it; how many entries it has. Raises OSError."""
        self.complaints = Complaints(str(self.path))
        stamp = _stamp(self.path)
        with self.path.open("rb") as file:
            count = yield from self.read(
                iter(lambda: file.read(_CHUNK_OCTETS), b""), self.complaints
            )
        self.stamp = stamp
        return count


class LocalFiles:
    """The local data of a configuration. `overlay` is always complete and current."""

    def __init__(self, entries: Sequence[LocalSettings]) -> None:
        """Touches no disk; `load` must follow."""
        self.overlay = Overlay()
        self.files: list[ListFile] = []
        self.warnings: list[Finding] = []
        self._entries = entries
        for entry in entries:
            self.files += [self._hosts(path, watched=entry.watch) for path in entry.hosts]
            self.files += [self._block(path, entry) for path in entry.block]

    def is_still(self, entries: Sequence[LocalSettings]) -> bool:
        """Whether these entries and their files would give what is here."""
        return tuple(entries) == tuple(self._entries) and not any(
            _stamp(file.path) != file.stamp for file in self.files
        )

    def load(self) -> None:
        """Read everything. Raises ConfigError with every fault of records and files."""
        faults = finish(self.load_slices())
        if faults:
            raise ConfigError(faults)

    def load_slices(self) -> Slices[list[Finding]]:
        """The same in slices; every fault of records and files."""
        faults: list[Finding] = []
        rrsets = []
        for i, entry in enumerate(self._entries, 1):
            where = f"[[local]] {i}: records"
            read, errors = read_local_records(entry.records, where)
            faults += errors
            rrsets += read
        self.overlay.records = Records(rrsets)
        faults += self.overlay.records.faults("[[local]]")
        for file in self.files:
            try:
                yield from file.load()
            except OSError as error:
                faults.append(Finding(str(file.path), 0, f"cannot be read: {error.strerror}"))
            self.warnings += file.complaints.told()
        return faults

    def changed(self) -> list[ListFile]:
        """The watched files that are to be read again."""
        return [file for file in self.files if file.watched and file.has_changed()]

    def _hosts(self, path: Path, *, watched: bool) -> ListFile:
        hosts = self.overlay.hosts
        at = len(hosts)

        def read(chunks: Iterator[bytes], complaints: Complaints) -> Slices[int]:
            made: Hosts = yield from read_hosts(chunks, complaints)
            hosts[at] = made
            return made.ipv4.count + made.ipv6.count

        hosts.append(finish(read_hosts((), Complaints(""))))
        return ListFile(path, read, watched)

    def _block(self, path: Path, entry: LocalSettings) -> ListFile:
        blocking = Blocking(no_block_list(path.name), entry.block_answer, entry.allow)
        self.overlay.blocks.append(blocking)

        def read(chunks: Iterator[bytes], complaints: Complaints) -> Slices[int]:
            made: BlockList = yield from read_block_list(chunks, path.name, complaints)
            blocking.names = made
            return made.blocked.count

        return ListFile(path, read, entry.watch)


def reload(file: ListFile) -> Slices[bool]:
    """Read a changed file again and log how that went; whether the list is another one now."""
    try:
        count = yield from file.load()
    except OSError as error:
        _log.error("%s: cannot be read, its old list stays: %s", file.path, error.strerror)
        file.stamp = file.seen  # not again before it changes once more
        return False
    for finding in file.complaints.told():
        _log.warning("%s", finding)
    _log.info("%s: read again, %d entries", file.path, count)
    return True


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
