"""Putting a file in the place of another so that a crash leaves the one or the other, whole.

The new one is written beside the old one, brought to the disk, and renamed; then the folder is
brought to the disk, too, or the name may be the old one's again after a power cut.

Everything here waits for the disk: it is for a worker thread. Knows: the file system. Does not
know: what is in a file, who may read it.
"""

import os
from pathlib import Path
from typing import IO, Any


def bring_to_disk(file: IO[Any]) -> None:
    """Have what was written so far on the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def put_in_place(new: Path, path: Path) -> None:
    """Give a file that is on the disk the name of another of the same folder, which is gone then.
    Raises OSError."""
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
