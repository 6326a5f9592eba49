"""Block lists: names that do not exist for our clients, with everything below them.

A line is a name (`ads.example`, `*.ads.example`), or a line of a hosts file (`0.0.0.0 ads.example`,
where names of one label, such as `localhost`, are left alone), or a rule of an ad blocker that a
name server can obey: `||ads.example^` blocks, `@@||ads.example^` excepts. Rules with options or
paths are meant for browsers; they are counted and left out.

Knows: lines and names. Does not know: files, answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resolver.policy.hashed import HashDraft, HashIndex, empty
from resolver.policy.lines import (
    AddressReader,
    Complaints,
    are_names,
    between,
    key_of,
    name_of,
    pairs,
    read_name,
    split,
)
from resolver.slices import Slices

# First octets of a line with nothing in it, of comments, and of the title of an ad blocker's list.
_NOTHING = (b"", b"#", b"!", b"[")


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
        piece.take(reader.take_all, reader.take, complaints)
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

    def take_all(self, lines: list[bytes]) -> bool:
        """Add lines that are all a name, or all an address and a name, or all the rule that blocks
        a name; False when there are others."""
        keys: list[bytes] | None = lines
        if b" " in lines[0] or b"\t" in lines[0]:
            keys = self._sunk(lines)
        else:
            if lines[0].startswith(b"||"):
                keys = between(lines, b"||", b"^")
            if keys is None or not are_names(keys):
                return False
        if keys is None:
            return False
        self.blocked.add_all(keys)
        return True

    def _sunk(self, lines: list[bytes]) -> list[bytes] | None:
        """The names of more than one label that are given an address."""
        if (rows := pairs(lines)) is None or self._addresses.read_all(list(set(rows[0]))) is None:
            return None
        return [key for key in rows[1] if b"." in key]

    def take(self, line: bytes) -> None:
        """Add the names of one line. Raises ValueError."""
        first = line[:1]
        if first in _NOTHING:
            return
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
