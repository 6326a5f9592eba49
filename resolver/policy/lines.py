"""Lists that others publish: lines out of chunks, names out of text, and what could not be read.

Lists come in any quality. A bad line is left out and told of, and never keeps the rest from being
used. Knows: hosts(5), the habits of published lists. Does not know: files, what a name is for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from resolver.errors import Finding
from resolver.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS

SLICE_LINES: Final = 400  # between two breaks: a millisecond or so
MAX_LINE_OCTETS: Final = 4096
MAX_FINDINGS: Final = 10
_MAX_KNOWN_ADDRESSES: Final = 1000

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


def split(chunks: Iterable[bytes], complaints: Complaints) -> Iterator[tuple[int, bytes]]:
    """The lines of a file and their numbers, without comments at their ends and blanks; empty ones
    and ones that are too long are left out."""
    number = 0
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number += 1
            if stripped := _strip(line, number, complaints):
                yield number, stripped
        if len(rest) > MAX_LINE_OCTETS:
            # The end of this line is still to come; what follows counts as a line of its own.
            rest = rest[: MAX_LINE_OCTETS + 1]
    if stripped := _strip(rest, number + 1, complaints):
        yield number + 1, stripped


def _strip(line: bytes, number: int, complaints: Complaints) -> bytes:
    if len(line) > MAX_LINE_OCTETS:
        complaints.add(number, f"line of more than {MAX_LINE_OCTETS} octets")
        return b""
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    comment = line.find(b"#")
    if comment >= 0:
        line = line[:comment]
    return line.strip()


def read_name(text: bytes) -> bytes:
    """The lower-case wire form of an absolute name, final dot or not. Raises ValueError."""
    labels = text.lower().removesuffix(b".").split(b".")
    try:
        wire = b"".join([_LENGTHS[len(label)] + label for label in labels]) + b"\0"
    except IndexError:
        raise ValueError(f"{_show(text)}: a label is longer than 63 octets") from None
    if len(wire) > MAX_NAME_OCTETS:
        raise ValueError(f"{_show(text)}: longer than a name may be")
    if b"" in labels:
        raise ValueError(f"{_show(text)}: empty label")
    if not text.isascii() or b"\\" in text or b"/" in text or b"*" in text:
        raise ValueError(f"{_show(text)} is no name of a host (write IDNs in their xn-- form)")
    return wire


class AddressReader:
    """Addresses from text; lists repeat few of them a million times."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, bytes | None] = {}

    def read(self, text: bytes) -> bytes | None:
        """The packed address, or None for anything else."""
        if text in self._known:
            return self._known[text]
        try:
            packed = ip_address(text.decode("ascii")).packed
        except ValueError:
            packed = None
        if len(self._known) >= _MAX_KNOWN_ADDRESSES:
            self._known.clear()
        self._known[text] = packed
        return packed


def _show(text: bytes) -> str:
    return repr(text[:60].decode("ascii", "backslashreplace"))
