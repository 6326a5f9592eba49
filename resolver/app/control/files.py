"""Files of the client: what a verb reads or writes on this side of the socket.

A file that is written is put in its place when it is whole; nobody but its owner may read it, for
it tells what clients have asked for.

Knows: files, how much fits into a request. Does not know: what is in the lines.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

STANDARD = "-"
BATCH_OCTETS = 131_072  # half of what a request may have
BATCH_LINES = 500  # some tens of milliseconds for the server


class FileError(Exception):
    """A file of the client that cannot be read or written; the text says which and why."""


@contextlib.contextmanager
def open_file(name: str, mode: str) -> Iterator[IO[str]]:
    """A file to read ("r") or write ("w"); `-` is standard input or output. Raises FileError."""
    if name == STANDARD:
        yield sys.stdin if mode == "r" else sys.stdout
        return
    path = Path(name)
    try:
        with _reading(path) if mode == "r" else _writing(path) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: {error}") from error


def _reading(path: Path) -> IO[str]:
    return path.open(encoding="utf-8")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[IO[str]]:
    if path.exists() and not path.is_file():  # a pipe or a device
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def batches(file: Iterable[str]) -> Iterator[list[str]]:
    """The lines of a file, as many at a time as fit into a request; empty ones are left out."""
    lines: list[str] = []
    octets = 0
    for line in file:
        text = line.strip()
        if not text:
            continue
        # JSON writes a character in at most 12 octets, what is in such files in hardly more than 1.
        size = len(text.encode()) + 8
        if lines and (octets + size > BATCH_OCTETS or len(lines) >= BATCH_LINES):
            yield lines
            lines, octets = [], 0
        lines.append(text)
        octets += size
    if lines:
        yield lines
