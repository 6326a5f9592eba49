"""Lists that others publish: lines out of chunks, names out of text, and what could not be read.

A name is kept as its text in lower case without the final dot, its key: most of a list's time goes
by reading, and this needs the least. Lists come in any quality; a bad line is left out and told of,
and never keeps the rest from being used.

Nearly all lines of a list look the same. They are read hundreds at a time, by a few calls that go
over all of them (between, pairs, are_names, AddressReader.read_all); where one of them is
different these say so, and change nothing, and the lines are read one by one.

Knows: hosts(5), the habits of published lists. Does not know: files, what a name is for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from resolver import names
from resolver.errors import Finding
from resolver.names import MAX_LABEL_OCTETS, MAX_NAME_OCTETS

SLICE_LINES: Final = 500  # between two breaks: a millisecond or so
FEW_LINES: Final = 50  # that are read one by one because of one of them
MAX_LINE_OCTETS: Final = 4096
MAX_FINDINGS: Final = 10
_MAX_KNOWN_ADDRESSES: Final = 1000

_NOTHING: Final = (b"", b"#")  # first octets of lines without anything in them
_OCTETS: Final = {b"%d" % n: n for n in range(256)}
_GROUP_DIGITS: Final = 4
_IPV6_GROUPS: Final = 8
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
    """Some lines of a file in lower case, and the number of the first."""

    number: int
    lines: list[bytes]

    def take(
        self,
        together: Callable[[list[bytes]], bool],
        alone: Callable[[bytes], None],
        complaints: Complaints,
    ) -> None:
        """Give all lines to `together`, which says whether it has taken them, or else one by one
        and stripped to `alone`, which raises ValueError."""
        if together(self.lines):
            return
        for start in range(0, len(self.lines), FEW_LINES):
            few = self.lines[start : start + FEW_LINES]
            told = [line for line in few if line[:1] not in _NOTHING]
            if not told or together(told):
                continue
            for number, line in enumerate(few, self.number + start):
                try:
                    alone(strip(line))
                except ValueError as error:
                    complaints.add(number, str(error))


def split(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The lines of a file, SLICE_LINES at a time or fewer. A line of more than MAX_LINE_OCTETS is
    cut, and its rest is dropped."""
    number = 1
    rest = b""
    for chunk in chunks:
        if number == 1 and not rest:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        *lines, rest = (rest + chunk.lower()).replace(b"\r\n", b"\n").split(b"\n")
        for start in range(0, len(lines), SLICE_LINES):
            yield Piece(number + start, lines[start : start + SLICE_LINES])
        number += len(lines)
        rest = rest[: MAX_LINE_OCTETS + 1]
    if rest:
        yield Piece(number, [rest])


def between(lines: Sequence[bytes], prefix: bytes, suffix: bytes) -> list[bytes] | None:
    """What each line has between these two; None when not every line has them."""
    text = b"\n".join(lines)
    if not text.startswith(prefix) or not text.endswith(suffix):
        return None
    found = text[len(prefix) : len(text) - len(suffix)].split(suffix + b"\n" + prefix)
    return found if len(found) == len(lines) else None


def pairs(lines: Sequence[bytes]) -> tuple[list[bytes], list[bytes]] | None:
    """The first words of all lines, and the second ones, which are keys of names; None when not
    every line is such a pair."""
    if max(map(len, lines)) > MAX_LINE_OCTETS:
        return None
    first = lines[0].rpartition(b" ")[0]
    if first and b" " not in first and (keys := between(lines, first + b" ", b"")) is not None:
        return ([first] * len(lines), keys) if are_names(keys) else None
    # A # in a line ends up among what is no name or no address.
    words = b" # ".join(lines).split()
    ends = words[2::3]
    if len(words) != len(lines) * 3 - 1 or ends.count(b"#") != len(ends):
        return None
    return (words[::3], words[1::3]) if are_names(words[1::3]) else None


def are_names(words: Sequence[bytes]) -> bool:
    """Whether all of these are their own keys; False also for some that `read_name` takes."""
    text = b".%b." % b".".join(words)
    if b".." in text or text.translate(None, _PRINTABLE):
        return False
    longest = max(map(len, words))
    return longest <= MAX_LABEL_OCTETS or (
        longest + 2 <= MAX_NAME_OCTETS and max(map(len, text.split(b"."))) <= MAX_LABEL_OCTETS
    )


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

    def read_all(self, texts: Sequence[bytes]) -> list[bytes] | None:
        """The packed addresses, or None when there is anything else among them."""
        if (addresses := _read_ipv4(texts)) is not None:
            return addresses
        read = [self.read(text) for text in texts]
        found = [address for address in read if address is not None]
        return found if len(found) == len(read) else None


def _read_ipv4(texts: Sequence[bytes]) -> list[bytes] | None:
    parts = b".#.".join(texts).split(b".")
    ends = parts[4::5]
    if len(parts) != len(texts) * 5 - 1 or ends.count(b"#") != len(ends):
        return None
    del parts[4::5]
    try:
        packed = bytes(map(_OCTETS.__getitem__, parts))
    except KeyError:
        return None
    return [packed[i : i + 4] for i in range(0, len(packed), 4)]


def _read_address(text: bytes) -> bytes | None:
    try:
        if b"." in text:
            return ip_address(text.decode("ascii")).packed
        return _read_ipv6(text)
    except ValueError:
        return None


def _read_ipv6(text: bytes) -> bytes:
    """RFC 4291 section 2.2, forms 1 and 2. Raises ValueError."""
    head, gap, tail = text.partition(b"::")
    left, right = (part.split(b":") if part else [] for part in (head, tail))
    missing = _IPV6_GROUPS - len(left) - len(right)
    groups = [*left, *[b"0"] * missing, *right]
    digits = b"".join([group.rjust(_GROUP_DIGITS, b"0") for group in groups])
    # A group of more digits makes all of them more.
    if b"" in groups or (missing < 1 if gap else missing) or len(digits) != 32:
        raise ValueError("no address")
    return bytes.fromhex(digits.decode("ascii"))


def _show(text: bytes) -> str:
    return repr(text[:60].decode("ascii", "backslashreplace"))
