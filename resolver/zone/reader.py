"""A master file, read record by record into a draft of its zone, with every fault at its line.

The only module that makes a zone and touches the disk, and it only reads.
Text comes in blocks. In a plain one (zone/blocks.py) lines are split at their blanks, and a
parenthesis takes in what stands before the next one; from where that is not so, and in every other
block, lines are read one by one with care (zone/tokens.py). Both end in the same place.

Knows: RFC 1035 section 5, RFC 2308 section 4 ($TTL), RFC 3597 section 5. Does not know: what makes
a zone, how it is stored.
"""

from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Final, TextIO

from resolver.codes import RRType
from resolver.slices import Slices
from resolver.zone import generate, tokens
from resolver.zone.alike import Alike
from resolver.zone.blocks import BLOCK_OCTETS, is_plain, read_block
from resolver.zone.content import read_soa
from resolver.zone.draft import Draft
from resolver.zone.findings import Findings, place
from resolver.zone.heads import COMMON_TYPES, read_head
from resolver.zone.rdata import READERS, Scope, read_rdata

MAX_INCLUDE_DEPTH: Final = 10
MAX_INCLUDES: Final = 1_000
# Lines between two breaks: a millisecond or two of work.
SLICE_LINES: Final = 200

_SOA: Final = int(RRType.SOA)
_RRSIG: Final = int(RRType.RRSIG)


class Reader:
    """State of RFC 1035 section 5: origin, last owner, last TTL; and where we are."""

    def __init__(self, draft: Draft, origin: bytes, default_ttl: int | None = None) -> None:
        self.draft = draft
        self.findings = Findings()
        self._scope = Scope(origin)
        self._owner: bytes | None = None
        self._owner_text = ""
        self._default_ttl = default_ttl  # $TTL, or the SOA's MINIMUM where that is missing
        self._last_ttl: int | None = None
        self._warned_of_ttl = False
        self._alike = Alike()
        self._where = 0  # the line where this record begins
        self._next = 0  # the line after the last that was read
        self._directory = Path()
        self._open: list[Path] = []
        self._include_count = 0

    def read_file(self, path: Path) -> Slices[None]:
        """Read a file as part of the zone; what goes wrong becomes a finding."""
        try:
            if not path.is_file():
                self._unreadable(path, "no such file" if not path.exists() else "not a file")
                return
            with path.open(encoding="latin-1", newline=None) as text:
                yield from self.read_stream(text, str(path), path)
        except OSError as error:
            self._unreadable(path, error.strerror or "cannot be read")

    def _unreadable(self, path: Path, reason: str) -> None:
        if self._open:
            self.findings.error(self._where, f"{path}: {reason}")
        else:
            self.findings.files.append(str(path))
            self.findings.error(place(len(self.findings.files) - 1, 0), reason)

    def read_stream(self, text: TextIO, name: str, path: Path) -> Slices[None]:
        """Read a text as part of the zone; `path` is where it is from."""
        self._begin(name, path)
        begun = ""  # a record that did not end in its block
        while True:
            more = read_block(text)
            block = begun + more
            if not block:
                break
            rest, begun = block, ""
            if is_plain(block):
                rest = self._read_plain(block)
                if more and ")" not in rest and len(rest) < BLOCK_OCTETS:
                    rest, begun = "", rest
            if rest:
                ends = rest.count("\n") if rest[-1] == "\n" else None
                yield from self._read_carefully(chain(StringIO(rest), text), ends)
            yield
        self._open.pop()

    def read_lines(self, lines: Iterable[str], name: str) -> Slices[None]:
        """Read lines that are not from a file as part of the zone."""
        self._begin(name, Path(name))
        yield from self._read_carefully(iter(lines), None)
        self._open.pop()

    def _begin(self, name: str, path: Path) -> None:
        self._open.append(path.resolve())
        self._directory = path.parent
        self.findings.files.append(name)
        self._next = place(len(self.findings.files) - 1, 1)

    def _read_plain(self, block: str) -> str:
        """Read a plain block; returns what is left of it: an entry that needs more text or care,
        and all that follows."""
        parts = block.split("(")
        if ")" in parts[0]:
            return block
        lines = parts[0].split("\n")
        for number in range(1, len(parts)):
            head = lines.pop()
            self._read_words(lines)
            inside, closed, rest = parts[number].partition(")")
            end = rest.find("\n")
            if not closed or not head or end < 0 or ")" in rest:
                return "(".join([head, *parts[number:]])
            self._read_enclosed(head, inside, rest[:end])
            lines = rest[end + 1 :].split("\n")
        if not lines[-1]:
            lines.pop()
        self._read_words(lines)
        return ""

    def _read_words(self, lines: list[str]) -> None:
        """Plain lines without parentheses."""
        where = self._next
        for line in lines:
            words = line.split()
            if words:
                self._where = where
                try:
                    self._record(words, indented=line[0] in " \t")
                except ValueError as error:
                    self.findings.error(where, str(error))
            where += 1
        self._next = where

    def _read_enclosed(self, head: str, inside: str, tail: str) -> None:
        """A plain entry: what stands before the parenthesis, in it, and behind it."""
        where = self._where = self._next
        self._next += 1 + inside.count("\n")
        try:
            known = None if tail else self._alike.find(head)
            if known is not None and self._owner is not None:
                rdata = known.rdata(inside)
                if rdata is not None:
                    self._last_ttl = known.ttl
                    self.draft.add(self._owner, _RRSIG, known.ttl, rdata, where=where)
                    return
            words = f"{head} {inside} {tail}".split()
            if words:
                self._record(words, indented=head[0] in " \t")
            if self._owner is not None:
                self._alike.learn(head, inside, scope=self._scope, default_ttl=self._default_ttl)
        except ValueError as error:
            self.findings.error(where, str(error))

    def _read_carefully(self, lines: Iterator[str], ends: int | None) -> Slices[None]:
        """Read so many lines, and further ones that belong to the last record; None for all."""
        first = self._next
        for where, line in (numbered := enumerate(lines, first)):
            self._where, self._next = where, where + 1
            try:
                if tokens.needs_care(line) is None and line[0] != "$":
                    words = line.split()
                    if words:
                        self._record(words, indented=line[0] in " \t")
                elif (included := self._careful(line, numbered)) is not None:
                    yield from self._include(included)
            except ValueError as error:
                self.findings.error(self._where, str(error))
            if ends is not None and self._next >= first + ends:
                break
            if (where - first) % SLICE_LINES == 0:
                yield

    def _careful(self, line: str, more: Iterator[tuple[int, str]]) -> list[str] | None:
        """A line that needs tokens, and the lines that its parentheses take in. Returns the words
        behind $INCLUDE if that is what it is."""
        if self._where == place(len(self.findings.files) - 1, 1) and line.startswith(
            "\xef\xbb\xbf"
        ):
            line = line[3:]
            self.findings.warning(self._where, "byte order mark skipped: other servers refuse it")
        words: list[str] = []
        depth = _split(line, words, 0)
        octets = len(line)
        while depth:
            where, following = next(more, (0, ""))
            octets += len(following)
            if not where or octets > tokens.MAX_ENTRY_OCTETS:
                raise ValueError("the parenthesis opened here is never closed")
            opened, self._where, self._next = self._where, where, where + 1
            depth = _split(following, words, depth)
            self._where = opened
        if not words:
            return None
        if words[0][0] == "$" and line[0] == "$":
            return self._directive(words)
        self._record(words, indented=line[0] in " \t")
        return None

    def _directive(self, words: list[str]) -> list[str] | None:
        name = words[0].upper()
        if name == "$GENERATE":
            for generated in generate.expand(words[1:]):
                self._record(generated, indented=False)
        elif name == "$INCLUDE" and len(words) in (2, 3):
            return words[1:]
        elif name == "$ORIGIN" and len(words) == 2:
            self._enter(self._scope.name(words[1]))
        elif name == "$TTL" and len(words) == 2:
            self._default_ttl = tokens.read_ttl(words[1])
            if self._default_ttl is None:
                raise ValueError(f"$TTL {words[1][:40]!r} is no time")
            self._alike.forget()
        elif name in ("$INCLUDE", "$ORIGIN", "$TTL"):
            raise ValueError(f"{name} with {len(words) - 1} words behind it")
        else:
            raise ValueError(f"{words[0][:40]} is no directive")
        return None

    def _include(self, words: list[str]) -> Slices[None]:
        """$INCLUDE file [origin]: changes neither our origin nor owner (RFC 1035 section 5.1)."""
        path = self._directory / tokens.read_octets(words[0]).decode("latin-1")
        if len(self._open) > MAX_INCLUDE_DEPTH:
            raise ValueError(f"$INCLUDE more than {MAX_INCLUDE_DEPTH} files deep")
        if path.resolve() in self._open:
            raise ValueError(f"{path} includes itself")
        self._include_count += 1
        if self._include_count > MAX_INCLUDES:
            raise ValueError(f"more than {MAX_INCLUDES} files included")
        kept = (self._scope, self._owner, self._owner_text, self._where, self._next)
        directory = self._directory
        if len(words) == 2:
            self._enter(self._scope.name(words[1]))
        yield from self.read_file(path)
        self._scope, self._owner, self._owner_text, self._where, self._next = kept
        self._directory = directory
        self._alike.forget()

    def _enter(self, origin: bytes) -> None:
        self._scope = Scope(origin)
        self._owner_text = ""
        self._alike.forget()

    def _record(self, words: list[str], *, indented: bool) -> None:
        """[owner] [TTL] [class] type rdata, TTL and class in either order."""
        at = 0
        if not indented:
            at = 1
            if words[0] != self._owner_text:
                self._read_owner(words[0])
        owner = self._owner
        if owner is None:
            if self._owner_text:
                return  # a record of an owner that was reported already
            raise ValueError("no owner: none was given before")
        word = words[at] if at < len(words) else ""
        rrtype = COMMON_TYPES.get(word, 0)
        ttl: int | None = None
        if not rrtype:
            rrtype, ttl, at = read_head(words, at)
        rest = words[at + 1 :]
        reader = READERS.get(rrtype)
        if reader is not None and (not rest or rest[0] != "\\#"):
            rdata = reader(rest, self._scope)
        else:
            rdata = read_rdata(rrtype, rest, self._scope)
        if ttl is None:
            ttl = self._default_ttl
            if ttl is None:
                ttl = self._implied_ttl(rrtype, rdata)
        self._last_ttl = ttl
        self.draft.add(owner, rrtype, ttl, rdata, where=self._where)

    def _read_owner(self, text: str) -> None:
        self._owner, self._owner_text = None, text
        self._owner = self._scope.name(text)

    def _implied_ttl(self, rrtype: int, rdata: bytes) -> int:
        """Without $TTL it is the last one given, else the SOA's MINIMUM (RFC 2308 section 4, RFC
        1035 section 5.1)."""
        if self._last_ttl is not None:
            if not self._warned_of_ttl:
                self._warned_of_ttl = True
                self.findings.warning(self._where, "no TTL and no $TTL: the one before is used")
            return self._last_ttl
        if rrtype != _SOA:
            raise ValueError("no TTL: neither here, nor before, nor by $TTL")
        _, minimum = read_soa(rdata)
        self._default_ttl = min(minimum, tokens.MAX_TTL_S)
        self.findings.warning(
            self._where, f"no TTL and no $TTL: the SOA's minimum, {minimum}, is used"
        )
        return self._default_ttl


def _split(line: str, words: list[str], depth: int) -> int:
    if len(line) > tokens.MAX_ENTRY_OCTETS:
        raise ValueError(f"line of {len(line)} octets, more than {tokens.MAX_ENTRY_OCTETS}")
    return tokens.split(line, words, depth)
