"""Which records of a zone were made by this server, kept in the journal beside the zone.

A pointer is noted before it is published, and its note is dropped after it was removed: after a
crash there may be a note of a pointer that is not there, but never a pointer of ours without one.

Knows: SQLite. Does not know: when pointers are made (net/pointing.py).
"""

from collections.abc import Iterable
from typing import Final

from resolver import names
from resolver.zone.database import Database, seal
from resolver.zone.pointers import Pointer, ends, pointer_of

# Beside the tables of the journal, whose form it does not change.
_TABLE: Final = """CREATE TABLE IF NOT EXISTS pointer (
    zone BLOB NOT NULL, owner BLOB NOT NULL, target BLOB NOT NULL, seal BLOB NOT NULL,
    PRIMARY KEY (zone, owner, target)) WITHOUT ROWID"""


def made_in(database: Database, origin: bytes) -> set[Pointer]:
    """Every pointer that was made in a zone. Raises JournalError."""
    database.rows(_TABLE)
    found = set()
    for row in database.rows("SELECT * FROM pointer WHERE zone = ?", (origin,)):
        database.verify(row, "pointer", f"the list of pointers in {names.show(origin)}")
        found.add(pointer_of(row[1], row[2]))
    return found


def note(
    database: Database, origin: bytes, more: Iterable[Pointer], less: Iterable[Pointer]
) -> None:
    """Note pointers that are ours, and drop those that are no more. Raises JournalError."""
    database.rows(_TABLE)
    rows = ((origin, *p, seal("pointer", origin, *p)) for p in map(ends, more))
    with database.transaction():
        database.run_all("INSERT OR REPLACE INTO pointer VALUES (?, ?, ?, ?)", rows)
        database.run_all(
            "DELETE FROM pointer WHERE zone = ? AND owner = ? AND target = ?",
            ((origin, *ends(p)) for p in less),
        )


def forget(database: Database, origin: bytes) -> None:
    """Drop all that is known of a zone. Raises JournalError."""
    database.rows(_TABLE)
    database.rows("DELETE FROM pointer WHERE zone = ?", (origin,))
