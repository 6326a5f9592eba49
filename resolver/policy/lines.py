"""Lists that others publish: lines out of chunks, names out of text, and what could not be read.

A name is kept as its text in lower case without the final dot, its key: most of a list's time goes
by reading, and this needs the least. Lists come in any quality; a bad line is left out and told of,
and never keeps the rest from being used.

Knows: hosts(5), the habits of published lists. Does not know: files, what a name is for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from resolver import names
from resolver.errors import Finding
from resolver.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS

SLICE_LINES: Final = 500  # between two breaks: a millisecond or so
MAX_LINE_OCTETS: Final = 4096
MAX_FINDINGS: Final = 10
_MAX_KNOWN_ADDRESSES: Final = 1000

_ZERO: Final = ord("0")
# What most lines of a list are made of, and what names may be made of otherwise.
_PLAIN: Final = b"abcdefghijklmnopqrstuvwxyz0123456789-_.: \t\r"
_PRINTABLE: Final = bytes(o for o in range(33, 127) if o not in b"\\/*#|^$@!")
_LENGTHS: Final = [bytes((n,)) for n in range(MAX_LABEL_OCTETS + 1)]


@dataclass(slots=True)
class Complaints:
    """Lines of one file that were left out: the first few, and how many there were."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, reason: str) -> None:
        """Note a line that is left out."""
        self.count += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(self.file, line, reason))

    def told(self) -> list[Finding]:
        """What to tell the operator."""
        more = self.count - len(self.findings)
        rest = [Finding(self.file, 0, f"… and {more} more lines left out")] if more > 0 else []
        return self.findings + rest


@dataclass(slots=True)
class Piece:
    """Some lines of a file in lower case, and the number of the first. `plain` when there is
    nothing in them but names, addresses and blanks."""

    number: int
    lines: list[bytes]
    plain: bool


def split(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The lines of a file, SLICE_LINES at a time or fewer. A line of more than MAX_LINE_OCTETS is
    cut, and its rest is dropped."""
    number = 1
    rest = b""
    for chunk in chunks:
        if number == 1 and not rest:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        *lines, rest = (rest + chunk.lower()).split(b"\n")
        for start in range(0, len(lines), SLICE_LINES):
            yield _piece(number + start, lines[start : start + SLICE_LINES])
        number += len(lines)
        rest = rest[: MAX_LINE_OCTETS + 1]
    if rest:
        yield _piece(number, [rest])


def _piece(number: int, lines: list[bytes]) -> Piece:
    text = b" ".join(lines)
    return Piece(number, lines, not text.translate(None, _PLAIN) and b".." not in text)


def strip(line: bytes) -> bytes:
    """The line without its comment and blanks around it. Raises ValueError for one that is too
    long."""
    if len(line) > MAX_LINE_OCTETS:
        raise ValueError(f"line of more than {MAX_LINE_OCTETS} octets")
    return line.partition(b"#")[0].strip()


def read_name(text: bytes) -> bytes:
    """The key of a lower-case absolute name, final dot or not. Raises ValueError."""
    text = text.removesuffix(b".")
    labels = text.split(b".")
    if b"" in labels:
        raise ValueError(f"{_show(text)}: empty label")
    if max(map(len, labels)) > MAX_LABEL_OCTETS:
        raise ValueError(f"{_show(text)}: a label is longer than {MAX_LABEL_OCTETS} octets")
    if len(text) + 2 > MAX_NAME_OCTETS:
        raise ValueError(f"{_show(text)}: longer than a name may be")
    if text.translate(None, _PRINTABLE):
        raise ValueError(f"{_show(text)} is no name of a host (write IDNs in their xn-- form)")
    return text


def key_of(name: bytes) -> bytes | None:
    """The key of a lower-case name on the wire: its labels with dots between them. None for one
    with a dot in a label, which is in no list."""
    labels = names.labels(name)
    key = b".".join(labels)
    return key if key.count(b".") == len(labels) - 1 else None


def name_of(key: bytes) -> bytes:
    """The name on the wire that a key stands for."""
    return b"".join([_LENGTHS[len(label)] + label for label in key.split(b".")]) + b"\0"


class AddressReader:
    """Addresses from text; lists repeat few of them a million times."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, bytes | None] = {}

    def read(self, text: bytes) -> bytes | None:
        """The packed address, or None for anything else."""
        if text in self._known:
            return self._known[text]
        packed = _read_address(text)
        if len(self._known) >= _MAX_KNOWN_ADDRESSES:
            self._known.clear()
        self._known[text] = packed
        return packed


def _read_address(text: bytes) -> bytes | None:
    parts = text.split(b".")
    try:
        if len(parts) == 4 and all(part.isdigit() and part[0] != _ZERO for part in parts):
            return bytes(map(int, parts))
        # Not every text with a zero in it is what it seems.
        return ip_address(text.decode("ascii")).packed
    except ValueError:
        return None


def _show(text: bytes) -> str:
    return repr(text[:60].decode("ascii", "backslashreplace"))
