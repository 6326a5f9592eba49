"""The journal when power, disk or somebody fails: a version comes back complete, or an error."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from histories import at, is_whole, step
from versions import ORIGIN

from resolver.errors import JournalError
from resolver.slices import finish
from resolver.zone.journal import Clock, Journal

HERE = Path(__file__).parent
WRITER = [sys.executable, str(HERE / "histories.py")]
# The writer finds what is found here, wherever Python was told to look.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
LAST = 9


def serial_after(path: Path) -> int:
    """The serial of the version that comes back, which must be complete."""
    journal = Journal(path)
    try:
        zone = finish(journal.restore(ORIGIN))
        assert zone is not None
        assert is_whole(zone)
        assert journal.zones() == {ORIGIN: zone.serial}
        return zone.serial
    finally:
        journal.close()


@pytest.mark.slow
def test_killed_at_any_moment_it_comes_back_with_all_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    rng = random.Random(1)
    known = 1
    for _ in range(40):
        command = [*WRITER, str(path), "4"]
        writer = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        known = int(writer.stdout.readline())
        time.sleep(rng.random() * 0.03)
        writer.kill()
        known = max([known, *map(int, writer.stdout.read().split())])
        writer.stdout.close()
        writer.wait()
        assert serial_after(path) in (known, known + 1)
    assert known > 80


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A journal as a crash leaves it, its log not written back; and how long the log was before
    the last change."""
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "journal")
    finish(journal.put_version(at(1)))
    journal.put_clock(ORIGIN, Clock(1, 1.0, 2.0))
    for serial in range(2, LAST):
        journal.append(step(serial))
    before = (folder / "journal-wal").stat().st_size
    journal.append(step(LAST))
    left = tmp_path_factory.mktemp("left")
    for file in folder.iterdir():
        shutil.copy(file, left / file.name)
    journal.close()
    return left / "journal", before


@pytest.fixture(scope="module")
def settled(written: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after an orderly end: everything is in one file."""
    folder = tmp_path_factory.mktemp("settled")
    for file in written[0].parent.iterdir():
        shutil.copy(file, folder / file.name)
    Journal(folder / "journal").close()
    assert [file.name for file in folder.iterdir()] == ["journal"]
    return folder / "journal"


def damaged(source: Path, target: Path, name: str, damage: Callable[[bytearray], None]) -> Path:
    """A copy of a journal with one of its files damaged."""
    for file in source.parent.iterdir():
        shutil.copy(file, target / file.name)
    octets = bytearray((target / name).read_bytes())
    damage(octets)
    (target / name).write_bytes(octets)
    return target / source.name


def test_torn_end_of_the_log_costs_the_last_change_at_most(
    written: tuple[Path, int], tmp_path: Path
) -> None:
    source, before = written
    length = source.with_name("journal-wal").stat().st_size
    assert before < length
    places = {before, before + 1, length - 1, *range(before, length, 97)}
    for place in sorted(places):
        path = damaged(source, tmp_path, "journal-wal", cut(place))
        assert serial_after(path) == LAST - 1, f"cut at {place}"
    assert serial_after(damaged(source, tmp_path, "journal-wal", cut(length))) == LAST


def flip(at: int) -> Callable[[bytearray], None]:
    def damage(octets: bytearray) -> None:
        octets[at] ^= 1 << at % 8

    return damage


def cut(at: int) -> Callable[[bytearray], None]:
    def damage(octets: bytearray) -> None:
        del octets[at:]

    return damage


def outcome(path: Path) -> str:
    """`refused`, or the serial of a version that is complete; with everything else read, too."""
    try:
        journal = Journal(path)
    except JournalError:
        return "refused"
    try:
        zone = finish(journal.restore(ORIGIN))
        diffs = journal.since(ORIGIN, 1)
        clock = journal.clock(ORIGIN)
    except JournalError:
        return "refused"
    finally:
        journal.close()
    if zone is None:
        return "empty"
    assert is_whole(zone)
    assert diffs in (None, [step(s) for s in range(2, zone.serial + 1)])
    assert clock in (None, Clock(1, 1.0, 2.0))
    return str(zone.serial)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, cut])
def test_damaged_log_gives_an_older_version_or_is_refused(
    written: tuple[Path, int], tmp_path: Path, damage: Callable[[int], Callable[[bytearray], None]]
) -> None:
    source, _ = written
    length = source.with_name("journal-wal").stat().st_size
    rng = random.Random(2)
    places = [*range(0, 64, 3), *(rng.randrange(length) for _ in range(250))]
    outcomes = {
        outcome(damaged(source, tmp_path, "journal-wal", damage(place))) for place in places
    }
    whole = {str(serial) for serial in range(1, LAST + 1)}
    # Before the first commit there was nothing in the journal.
    assert outcomes <= whole | {"refused", "empty"}
    assert len(outcomes & whole) > 4


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, cut])
def test_damaged_file_gives_the_newest_version_or_is_refused(
    settled: Path, tmp_path: Path, damage: Callable[[int], Callable[[bytearray], None]]
) -> None:
    length = settled.stat().st_size
    rng = random.Random(3)
    places = [*range(128), *(rng.randrange(length) for _ in range(500))]
    results = {p: outcome(damaged(settled, tmp_path, "journal", damage(p))) for p in places}
    assert set(results.values()) <= {str(LAST), "refused", "empty"}
    # Of a file cut to nothing nobody can tell that it ever was a journal.
    empty = {place for place, result in results.items() if result == "empty"}
    assert empty <= ({0, 1} if damage is cut else set())
    assert "refused" in results.values()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"This is a text, and has been one for a long time.\n" * 100, "no journal at all"),
        (b"SQLite format 3\0" + bytes(500), "damaged"),
    ],
)
def test_other_files_are_refused_and_left_alone(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=reason):
        Journal(path)
    assert path.read_bytes() == content


def test_other_databases_and_other_forms_are_refused(tmp_path: Path) -> None:
    import sqlite3

    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE thing (a)")
    other.close()
    with pytest.raises(JournalError, match="no journal of ours"):
        Journal(tmp_path / "other")
    Journal(tmp_path / "ours").close()
    ours = sqlite3.connect(tmp_path / "ours")
    ours.execute("PRAGMA user_version = 7")
    ours.close()
    with pytest.raises(JournalError, match="form 7, this program reads and writes 1"):
        Journal(tmp_path / "ours")


def test_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is there such a directory"):
        Journal(tmp_path / "nowhere" / "journal")


def in_own_mounts(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a program that may mount what it likes; skips where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    command = [unshare, "--mount", "sh", "-e", "-c"]
    try_it = subprocess.run(
        [*command, f"mount -t tmpfs -o size=1m none {folder}"], capture_output=True, check=False
    )
    if try_it.returncode:
        pytest.skip("no mounts of our own here (unshare --mount)")
    return subprocess.run(
        [*command, script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )


FULL_DISK = """
import sys
from pathlib import Path
from histories import at, is_whole, step
from versions import ORIGIN, version
from resolver.errors import JournalError
from resolver.slices import finish
from resolver.zone.diff import compute
from resolver.zone.journal import Journal

folder = Path(sys.argv[1])
journal = Journal(folder / "journal")
finish(journal.put_version(at(1)))
serial = 1
filler = folder / "filler"
filler.write_bytes(bytes(600_000))
try:
    while True:
        journal.append(step(serial + 1))
        serial += 1
except JournalError as error:
    print(error)
big = "".join(f"h{i} TXT {'x' * 250}\\n" for i in range(2_000))
try:
    finish(journal.put_version(version(serial, big)))
except JournalError as error:
    print(error)
zone = finish(journal.restore(ORIGIN))
assert zone.serial == serial and is_whole(zone), zone
filler.unlink()
journal.append(step(serial + 1))
journal.close()
zone = finish(Journal(folder / "journal").restore(ORIGIN))
assert zone.serial == serial + 1 and is_whole(zone), zone
print("complete")
"""


@pytest.mark.slow
def test_full_disk_refuses_the_change_and_keeps_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (tmp_path / "script.py").write_text(FULL_DISK)
    done = in_own_mounts(
        folder,
        f"mount -t tmpfs -o size=1m none {folder}; {sys.executable} {tmp_path}/script.py {folder}",
    )
    assert done.returncode == 0, done.stderr
    refused, also, complete = done.stdout.splitlines()
    assert "no space left on the disk" in refused
    assert "no space left on the disk" in also
    assert complete == "complete"


READ_ONLY = """
import sys
from pathlib import Path
from resolver.errors import JournalError
from resolver.zone.journal import Journal
try:
    Journal(Path(sys.argv[1]) / sys.argv[2])
except JournalError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["journal", "new"])
def test_read_only_directory_is_told(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    Journal(folder / "journal").close()
    (tmp_path / "script.py").write_text(READ_ONLY)
    done = in_own_mounts(
        folder,
        f"mount --bind {folder} {folder}; mount -o remount,ro,bind {folder};"
        f" {sys.executable} {tmp_path}/script.py {folder} {name}",
    )
    assert done.returncode == 0, done.stderr
    assert "may not be written" in done.stdout or "may we write in it?" in done.stdout
