"""What must survive a crash: changes of zones, whole versions, and the clocks of secondaries.

When `append` returns, the change is on the disk (SQLite, WAL, `synchronous=FULL`). A version is
kept in chunks that nothing points to until the last is there, so what can be restored is always one
version, complete. Damage is found by the seals of the rows, and by a history that must lead from
where it begins to where the zone is said to be. History is pruned to a set size.

Everything here waits for the disk: it is for a worker thread, one at a time.

Knows: RFC 1995 section 5 (purging old changes). Does not know: who changes zones, what time it is,
how the file fails (zone/database.py).
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resolver import names
from resolver.errors import DiffError, JournalError
from resolver.slices import Slices
from resolver.zone.content import Zone
from resolver.zone.database import Database, seal
from resolver.zone.denial import denial_of
from resolver.zone.diff import Diff, replay
from resolver.zone.serial import serial_gt
from resolver.zone.storage import pack_diff, pack_zone, unpack_diff, unpack_names
from resolver.zone.table import Edit

# Grows with every change of the tables or of what is in them (zone/storage.py, flags of a node).
SCHEMA_VERSION: Final = 1
MAX_HISTORY_OCTETS: Final = 64 * 1024 * 1024
MAX_HISTORY_DIFFS: Final = 5_000
# A new whole version is worth its while when the changes since the last have half its size, but not
# before they have this.
MIN_UNCOVERED_OCTETS: Final = 256 * 1024

_CHUNKS_AT_ONCE: Final = 32
_NEVER: Final = 1 << 62
_SCHEMA: Final = """
CREATE TABLE zone (
    id INTEGER PRIMARY KEY, origin BLOB NOT NULL UNIQUE,
    serial INTEGER NOT NULL, version INTEGER, seal BLOB NOT NULL);
CREATE TABLE version (
    id INTEGER PRIMARY KEY AUTOINCREMENT, origin BLOB NOT NULL, serial INTEGER NOT NULL,
    chunks INTEGER NOT NULL, octets INTEGER NOT NULL, records INTEGER NOT NULL,
    size INTEGER NOT NULL, seal BLOB NOT NULL);
CREATE TABLE chunk (
    version INTEGER NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, seal BLOB NOT NULL,
    PRIMARY KEY (version, number));
CREATE TABLE diff (
    id INTEGER PRIMARY KEY AUTOINCREMENT, zone INTEGER NOT NULL,
    from_serial INTEGER NOT NULL, to_serial INTEGER NOT NULL, octets INTEGER NOT NULL,
    data BLOB NOT NULL, seal BLOB NOT NULL);
CREATE INDEX diff_of_zone ON diff (zone, id, from_serial, octets);
CREATE TABLE clock (
    origin BLOB PRIMARY KEY, serial INTEGER NOT NULL,
    refreshed_at REAL NOT NULL, expires_at REAL NOT NULL, seal BLOB NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """When a secondary last heard that its serial is current, and until when it may serve it; in
    seconds since 1970, so that they mean something after a restart."""

    serial: int
    refreshed_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the history of a zone ends, and the whole version that it can be restored from."""

    id: int
    origin: bytes
    serial: int
    version: int | None


@dataclass(frozen=True, slots=True)
class _Version:
    id: int
    serial: int
    chunks: int
    octets: int
    records: int
    size: int


class Journal:
    """The journal in one file. Raises JournalError for all that can go wrong; what was in it before
    stays as it was."""

    def __init__(
        self,
        path: Path,
        *,
        max_octets: int = MAX_HISTORY_OCTETS,
        max_diffs: int = MAX_HISTORY_DIFFS,
    ) -> None:
        """Open the file, or make it; its directory must be there. History is pruned to these
        bounds for each zone. `db` is for tables beside ours (zone/made.py)."""
        self.db = Database(path, _SCHEMA, SCHEMA_VERSION)
        self._max_octets = max_octets
        self._max_diffs = max_diffs
        self._unfinished: set[int] = set()  # versions that are being written
        try:
            self.zones()  # a damaged one is told at once
            self._sweep()
        except BaseException:
            self.db.close()
            raise

    def close(self) -> None:
        """Let go of the file. Nothing else may be called afterwards."""
        self.db.close()

    def zones(self) -> dict[bytes, int]:
        """Every zone in the journal with the serial its history leads to."""
        rows = self.db.rows("SELECT id, origin, serial, version, seal FROM zone")
        heads = [self._read_head(row) for row in rows]
        return {head.origin: head.serial for head in heads}

    def append(self, diff: Diff) -> None:
        """Make a change durable.

        A zone whose changes are nowhere else (transferred, or updated over the network) must have
        been put in whole first (`put_version`); then a change that does not follow what is there is
        refused. Without a version to restore, the history begins anew with such a change.
        """
        if not serial_gt(diff.to_serial, diff.from_serial):
            zone = names.show(diff.origin)
            raise self.db.fault(f"{zone}: {diff.to_serial} is no newer than {diff.from_serial}")
        data = pack_diff(diff)
        serials = (diff.from_serial, diff.to_serial)
        with self.db.transaction():
            head = self._find(diff.origin) or self._insert(diff.origin, diff.from_serial)
            if head.serial != diff.from_serial:
                if head.version is not None:
                    raise self.db.fault(
                        f"{names.show(diff.origin)} is at serial {head.serial}, "
                        f"a change from {diff.from_serial} does not follow"
                    )
                self.db.rows("DELETE FROM diff WHERE zone = ?", (head.id,))
            fields = (head.id, *serials, len(data), data)
            self.db.insert(
                "INSERT INTO diff (zone, from_serial, to_serial, octets, data, seal)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*fields, seal("diff", *fields)),
            )
            self._prune(self._point(head, diff.to_serial, head.version))

    def since(self, origin: bytes, serial: int) -> list[Diff] | None:
        """The changes that lead from a serial to the newest version, none if it is that; None when
        that serial is not, or no more, in the history."""
        head = self._find(origin)
        if head is None:
            return None
        if head.serial == serial:
            return []
        first = self._diff_from(head, serial)
        return None if first is None else self._chain(head, first, serial)

    def history(self, origin: bytes) -> list[Diff]:
        """Every change that is kept, oldest first: the chain that leads to the newest version."""
        head = self._find(origin)
        if head is None:
            return []
        oldest = "SELECT id, from_serial FROM diff WHERE zone = ? ORDER BY id LIMIT 1"
        rows = self.db.rows(oldest, (head.id,))
        return [diff for first, serial in rows for diff in self._chain(head, first, serial)]

    def put_version(self, zone: Zone) -> Slices[None]:
        """Keep a whole version, so that the zone can be restored without any other source.

        Changes that lead to it or on from it stay; a history that it is not part of is dropped.
        Changes may be appended between slices. A fault, or the end before its time, leaves nothing
        behind.
        """
        version = self._new_version()
        self._unfinished.add(version)
        try:
            count = octets = 0
            batch: list[tuple[object, ...]] = []
            for count, chunk in enumerate(pack_zone(zone), 1):
                octets += len(chunk)
                batch.append((version, count, chunk, seal("chunk", version, count, chunk)))
                if len(batch) == _CHUNKS_AT_ONCE:
                    self._put_chunks(batch)
                    batch.clear()
                yield
            self._put_chunks(batch)
            self._put_pointer(
                zone, _Version(version, zone.serial, count, octets, zone.records, zone.size)
            )
        finally:
            self._unfinished.discard(version)
            with suppress(JournalError):  # what is left is dropped the next time
                self._sweep()

    def restore(self, origin: bytes) -> Slices[Zone | None]:
        """The newest version of a zone: the whole one that was kept, and the changes since. None
        when none was kept."""
        head = self._find(origin)
        if head is None or head.version is None:
            return None
        version = self._version(head)
        nodes: Edit[bytes] = Edit()
        for number in range(1, version.chunks + 1):
            unpack_names(self._chunk(head, number), nodes)
            yield
        zone = Zone(origin, nodes.seal(), records=version.records, size=version.size)
        yield from denial_of(zone)
        diffs = self.since(origin, zone.serial)
        if diffs is None:
            raise self.db.fault(f"is damaged: nothing leads on from {zone!r}")
        try:
            return (yield from replay(zone, diffs))
        except DiffError as error:
            raise self.db.fault(f"is damaged: a change of {zone!r} {error}") from error

    def wants_version(self, origin: bytes) -> bool:
        """Whether so much changed since the whole version that a new one should be kept: what
        follows it cannot be pruned, and makes a restart slow."""
        head = self._find(origin)
        if head is None or head.version is None:
            return False
        version = self._version(head)
        first = self._diff_from(head, version.serial)
        ((count, octets),) = self.db.rows(
            "SELECT COUNT(*), COALESCE(SUM(octets), 0) FROM diff WHERE zone = ? AND id >= ?",
            (head.id, _NEVER if first is None else first),
        )
        most = max(MIN_UNCOVERED_OCTETS, min(version.octets // 2, self._max_octets))
        return bool(octets > most or 2 * count > self._max_diffs)

    def put_clock(self, origin: bytes, clock: Clock) -> None:
        """Keep the clock of a secondary zone."""
        fields = (origin, clock.serial, float(clock.refreshed_at), float(clock.expires_at))
        with self.db.transaction():
            self.db.insert(
                "INSERT OR REPLACE INTO clock VALUES (?, ?, ?, ?, ?)",
                (*fields, seal("clock", *fields)),
            )

    def clock(self, origin: bytes) -> Clock | None:
        """The clock of a secondary zone, if one was kept."""
        rows = self.db.rows("SELECT * FROM clock WHERE origin = ?", (origin,))
        for row in rows:
            self.db.verify(row, "clock", f"the clock of {names.show(origin)}")
            return Clock(*row[1:4])
        return None

    def forget(self, origin: bytes) -> None:
        """Drop a zone with all that was kept of it."""
        with self.db.transaction():
            self.db.rows("DELETE FROM clock WHERE origin = ?", (origin,))
            head = self._find(origin)
            if head is not None:
                self.db.rows("DELETE FROM diff WHERE zone = ?", (head.id,))
                self.db.rows("DELETE FROM zone WHERE id = ?", (head.id,))
        self._sweep()

    def _find(self, origin: bytes) -> _Head | None:
        rows = self.db.rows(
            "SELECT id, origin, serial, version, seal FROM zone WHERE origin = ?", (origin,)
        )
        return self._read_head(rows[0]) if rows else None

    def _read_head(self, row: tuple[Any, ...]) -> _Head:
        self.db.verify(row, "zone", "the list of zones")
        return _Head(*row[:-1])

    def _insert(self, origin: bytes, serial: int) -> _Head:
        number = self.db.insert(
            "INSERT INTO zone (origin, serial, seal) VALUES (?, ?, ?)", (origin, serial, b"")
        )
        return self._point(_Head(number, origin, serial, None), serial, None)

    def _point(self, head: _Head, serial: int, version: int | None) -> _Head:
        """Say where the history of a zone ends now, and what it can be restored from."""
        fields = (head.id, head.origin, serial, version)
        self.db.rows(
            "UPDATE zone SET serial = ?, version = ?, seal = ? WHERE id = ?",
            (serial, version, seal("zone", *fields), head.id),
        )
        return _Head(*fields)

    def _diff_from(self, head: _Head, serial: int) -> int | None:
        """The id of the newest change from a serial: the same serial may come again after 2^32."""
        ((newest,),) = self.db.rows(
            "SELECT MAX(id) FROM diff WHERE zone = ? AND from_serial = ?", (head.id, serial)
        )
        return None if newest is None else int(newest)

    def _chain(self, head: _Head, first: int, serial: int) -> list[Diff]:
        """The changes from one on; every link must be there, up to where the zone is."""
        zone = names.show(head.origin)
        diffs = []
        rows = self.db.rows(
            "SELECT zone, from_serial, to_serial, octets, data, seal FROM diff"
            " WHERE zone = ? AND id >= ? ORDER BY id",
            (head.id, first),
        )
        for row in rows:
            self.db.verify(row, "diff", f"a change of {zone}")
            if row[1] != serial:
                raise self.db.fault(f"is damaged: {zone} lacks the change from {serial}")
            serial = row[2]
            diffs.append(unpack_diff(head.origin, row[4]))
        if serial != head.serial:
            raise self.db.fault(f"is damaged: {zone} lacks the change from {serial}")
        return diffs

    def _prune(self, head: _Head) -> None:
        """Drop the oldest changes that are too many, but none that a restart needs."""
        ((count, octets),) = self.db.rows(
            "SELECT COUNT(*), COALESCE(SUM(octets), 0) FROM diff WHERE zone = ?", (head.id,)
        )
        if count <= self._max_diffs and octets <= self._max_octets:
            return
        keep = self._diff_from(head, self._version(head).serial) if head.version else None
        last = -1
        for number, size in self.db.rows(
            "SELECT id, octets FROM diff WHERE zone = ? AND id < ? ORDER BY id",
            (head.id, _NEVER if keep is None else keep),
        ):
            if count <= self._max_diffs and octets <= self._max_octets:
                break
            last = number
            count -= 1
            octets -= size
        self.db.rows("DELETE FROM diff WHERE zone = ? AND id <= ?", (head.id, last))

    def _put_chunks(self, batch: list[tuple[object, ...]]) -> None:
        with self.db.transaction():
            self.db.run_all("INSERT INTO chunk VALUES (?, ?, ?, ?)", batch)

    def _put_pointer(self, zone: Zone, version: _Version) -> None:
        """Make a version whose chunks are all there the one to be restored."""
        fields = (
            version.id,
            zone.origin,
            version.serial,
            version.chunks,
            version.octets,
            version.records,
            version.size,
        )
        with self.db.transaction():
            head = self._find(zone.origin) or self._insert(zone.origin, zone.serial)
            self.db.insert(
                "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*fields, seal("version", *fields)),
            )
            serial = head.serial
            if serial != zone.serial and self._diff_from(head, zone.serial) is None:
                serial = zone.serial
                self.db.rows("DELETE FROM diff WHERE zone = ?", (head.id,))
            self._prune(self._point(head, serial, version.id))

    def _version(self, head: _Head) -> _Version:
        """The whole version that a zone is restored from."""
        rows = self.db.rows("SELECT * FROM version WHERE id = ?", (head.version,))
        if not rows or rows[0][1] != head.origin:
            raise self.db.fault(f"is damaged: {names.show(head.origin)} lacks its version")
        self.db.verify(rows[0], "version", f"the version of {names.show(head.origin)}")
        number, _, *fields, _ = rows[0]
        return _Version(number, *fields)

    def _chunk(self, head: _Head, number: int) -> bytes:
        rows = self.db.rows(
            "SELECT * FROM chunk WHERE version = ? AND number = ?", (head.version, number)
        )
        about = f"part {number} of {names.show(head.origin)}"
        if not rows:
            raise self.db.fault(f"is damaged: {about} is missing")
        self.db.verify(rows[0], "chunk", about)
        data: bytes = rows[0][2]
        return data

    def _new_version(self) -> int:
        ((chunk,),) = self.db.rows("SELECT COALESCE(MAX(version), 0) FROM chunk")
        ((version,),) = self.db.rows("SELECT COALESCE(MAX(id), 0) FROM version")
        return int(max(chunk, version, *self._unfinished) + 1)

    def _sweep(self) -> None:
        """Drop versions and chunks that no zone points to."""
        used = {version for (version,) in self.db.rows("SELECT version FROM zone")}
        kept = self.db.rows("SELECT id FROM version UNION SELECT DISTINCT version FROM chunk")
        stray = [row for row in kept if row[0] not in used | self._unfinished]
        if stray:
            with self.db.transaction():
                self.db.run_all("DELETE FROM chunk WHERE version = ?", stray)
                self.db.run_all("DELETE FROM version WHERE id = ?", stray)
