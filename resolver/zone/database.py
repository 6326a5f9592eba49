"""The file under the journal: an SQLite database that says in plain words what is wrong with it.

Every failure is a JournalError, and a transaction that fails leaves the file as it was. Rows carry
a seal, a digest over what they say, because SQLite itself does not notice every damaged octet.

Knows: SQLite. Does not know: zones, what the tables mean.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from resolver.errors import JournalError

# "Root": tells our file from the databases of others (PRAGMA application_id).
_APPLICATION: Final = 0x526F6F74
_BUSY_S: Final = 5.0
_SEAL_OCTETS: Final = 16
_WAL_OCTETS: Final = 16 * 1024 * 1024  # it is cut back to this when it was longer
_PRIMARY_CODE: Final = 0xFF  # the rest of an error code of SQLite goes into detail

_REASONS: Final = {
    sqlite3.SQLITE_FULL: "no space left on the disk",
    sqlite3.SQLITE_READONLY: "may not be written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: is there such a directory, and may we write in it?",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is damaged, or no journal at all",
    sqlite3.SQLITE_BUSY: "is in use by another process",
    sqlite3.SQLITE_IOERR: "the disk fails to read or write",
}


class Database:
    """One open file. `schema` makes the tables of `version`; another version is refused."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._explain(error) from error
        try:
            self._set_up(schema, version)
        except sqlite3.Error as error:
            self._db.close()
            raise self._explain(error) from error
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        try:
            self._db.close()
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; returns all its rows."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def insert(self, statement: str, values: Sequence[object]) -> int:
        """Run an INSERT; returns the id of the row."""
        try:
            return self._db.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def run_all(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each of many rows of values."""
        try:
            self._db.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._explain(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is done inside is durable when this ends, and undone when it raises."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            raise

    def fault(self, reason: str) -> JournalError:
        """An error to raise that names the file."""
        return JournalError(f"{self.path}: {reason}")

    def verify(self, row: Sequence[Any], kind: str, about: str) -> None:
        """Raise JournalError unless the last field of a row is the seal over the others."""
        if row[-1] != seal(kind, *row[:-1]):
            raise self.fault(f"is damaged: {about}")

    def _set_up(self, schema: str, version: int) -> None:
        db = self._db
        # Better to refuse a damaged page than to make sense of it.
        for pragma in ("cell_size_check = ON", "trusted_schema = OFF", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}")
        application, found = self._marks()
        if (
            not application
            and not found
            and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        ):
            self._create(schema, version)
        elif application != _APPLICATION:
            raise self.fault("is a database, but no journal of ours")
        elif found != version:
            raise self.fault(f"has form {found}, this program reads and writes {version}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_OCTETS}")
        # Not the quick one: it does not see an index that leads nowhere.
        ((verdict,),) = db.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != "ok":
            raise self.fault(f"is damaged: {verdict}")

    def _marks(self) -> tuple[int, int]:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return application, version

    def _create(self, schema: str, version: int) -> None:
        """Everything in one transaction, so that no half-made file is ever met."""
        self._db.executescript(
            f"BEGIN IMMEDIATE; {schema}; PRAGMA application_id = {_APPLICATION};"
            f" PRAGMA user_version = {version}; COMMIT;"
        )

    def _explain(self, error: sqlite3.Error) -> JournalError:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        reason = _REASONS.get(code)
        return self.fault(reason or f"cannot be used: {error}")


def seal(kind: str, *fields: object) -> bytes:
    """A digest over the fields of a row and the table they are in."""
    digest = blake2b(kind.encode(), digest_size=_SEAL_OCTETS)
    for field in fields:
        octets = field if isinstance(field, bytes) else repr(field).encode(errors="replace")
        digest.update(f"{type(field).__name__} {len(octets)} ".encode())
        digest.update(octets)
    return digest.digest()
