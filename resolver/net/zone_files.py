"""Zone files as they lie on the disk: whether they have changed, what a folder holds, writing one.

A file is known by time, size and inode; a zone by those of its file and of every file it includes.
Everything that waits for the disk here is for a worker thread, but for the writing of a zone, which
is done in between queries and only then brought to the disk.

Knows: the file system. Does not know: what is in a file (zone/file.py, zone/dump.py), who wants it.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from resolver.durable import bring_to_disk, put_in_place
from resolver.net.turns import in_turns
from resolver.slices import Slices

MAX_FILES = 100_000  # of one folder

# Modification time (ns), size, inode of each file; None for one that is not there.
Signature: TypeAlias = tuple[tuple[int, int, int] | None, ...]


def signature(paths: Iterable[Path]) -> Signature:
    """What these files are known by."""
    return tuple(map(_signature, paths))


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def zone_files(folder: Path) -> list[Path]:
    """The zone files in a folder. Raises OSError; also for more than MAX_FILES."""
    found: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".zone") and not entry.name.startswith(".") and entry.is_file():
                found.append(folder / entry.name)
                if len(found) > MAX_FILES:
                    raise OSError(0, f"more than {MAX_FILES} zone files")
    return sorted(found)


def look_into(
    folder: Path, known: Collection[Path], odd: Collection[Path]
) -> tuple[list[Path], list[Path], set[Path]]:
    """Which of the `known` zone files are no more in a folder, which others are there that are not
    among the `odd` ones, and which of the odd ones are. Raises OSError as `zone_files` does."""
    paths = zone_files(folder)
    here = set(paths)
    gone = [path for path in known if path not in here]
    new = [path for path in paths if path not in known and path not in odd]
    return gone, new, here.intersection(odd)


def signatures(groups: Sequence[Sequence[Path]]) -> list[Signature]:
    """What each of these groups of files is known by."""
    return [signature(group) for group in groups]


async def replace_file(path: Path, dump: Callable[[Callable[[str], object]], Slices[None]]) -> None:
    """Write a file anew, so that it is the old one or the new one whatever happens. `dump` gets a
    function that takes text. Raises OSError, and then the old one is there."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="latin-1") as file:
            await in_turns(dump(file.write))
            await asyncio.to_thread(bring_to_disk, file)
        await asyncio.to_thread(_take_over, new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _take_over(new: Path, path: Path) -> None:
    with suppress(OSError):
        new.chmod(stat.S_IMODE(path.stat().st_mode))
    put_in_place(new, path)
