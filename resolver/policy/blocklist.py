"""Block lists: names that do not exist for our clients, with everything below them.

A line is a name (`ads.example`, `*.ads.example`), or a line of a hosts file (`0.0.0.0 ads.example`,
where names of one label, such as `localhost`, are left alone), or a rule of an ad blocker that a
name server can obey: `||ads.example^` blocks, `@@||ads.example^` excepts. Rules with options or
paths are meant for browsers; they are counted and left out.

Knows: lines and names. Does not know: files, answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resolver.names import MAX_LABEL_OCTETS
from resolver.policy.hashed import HashDraft, HashIndex, empty
from resolver.policy.lines import (
    AddressReader,
    Complaints,
    key_of,
    name_of,
    read_name,
    split,
    strip,
)
from resolver.slices import Slices


@dataclass(frozen=True, slots=True)
class BlockList:
    """One list. `title` is what clients are told of it."""

    title: str
    blocked: HashIndex
    excepted: HashIndex

    def covering(self, name: bytes) -> bytes | None:
        """The blocked name that is a lower-case name or above it; None when there is none, or an
        exception is nearer."""
        key = key_of(name)
        while key:
            if key in self.excepted:
                return None
            if key in self.blocked:
                return name_of(key)
            key = key.partition(b".")[2]
        return None

    @property
    def octets(self) -> int:
        """Memory in use."""
        return self.blocked.octets + self.excepted.octets


def no_block_list(title: str) -> BlockList:
    """A list that blocks nothing."""
    return BlockList(title, empty(), empty())


def read_block_list(
    chunks: Iterable[bytes], title: str, complaints: Complaints
) -> Slices[BlockList]:
    """The list in the chunks of a file. What cannot be used goes to `complaints`."""
    reader = _Reader()
    for piece in split(chunks):
        for number, line in enumerate(piece.lines, piece.number):
            try:
                if not (piece.plain and reader.take_plain(line)):
                    reader.take(strip(line))
            except ValueError as error:
                complaints.add(number, str(error))
        yield
    blocked = yield from reader.blocked.seal()
    excepted = yield from reader.excepted.seal()
    return BlockList(title, blocked, excepted)


class _Reader:
    """Where the names of a list go."""

    def __init__(self) -> None:
        self.blocked = HashDraft()
        self.excepted = HashDraft()
        self._addresses = AddressReader()

    def take_plain(self, line: bytes) -> bool:
        """Add what most lines are: a name, or an address and a name, in which nothing can be wrong.
        False for all others."""
        words = line.split()
        count = len(words)
        if len(line) > MAX_LABEL_OCTETS or not 0 < count <= 2:
            return False
        if count == 2 and (self._addresses.read(words[0]) is None or b"." not in words[1]):
            return False
        self.blocked.add(words[-1].strip(b"."))
        return True

    def take(self, line: bytes) -> None:
        """Add the names of one line. Raises ValueError."""
        first = line[:1]
        if first in (b"", b"!", b"["):
            return  # empty, a comment, or the title of an ad blocker's list
        if first in (b"|", b"@"):
            self._take_rule(line)
            return
        words = line.split()
        if len(words) == 1:
            self.blocked.add(read_name(line.removeprefix(b"*").removeprefix(b".")))
            return
        if self._addresses.read(words[0]) is None:
            raise ValueError("neither a name nor an address and names")
        for word in words[1:]:
            key = read_name(word)
            if b"." in key:
                self.blocked.add(key)

    def _take_rule(self, line: bytes) -> None:
        excepted = line.startswith(b"@@")
        rule = line[2:] if excepted else line
        if not rule.startswith(b"||") or not rule.endswith(b"^"):
            raise ValueError("a rule for browsers: only ||NAME^ and @@||NAME^ can be obeyed here")
        key = read_name(rule[2:-1].removeprefix(b"*").removeprefix(b"."))
        (self.excepted if excepted else self.blocked).add(key)
