"""On which line of a TOML file each key stands.

tomllib tells values but not where they were. This scanner is run on text that tomllib has already
accepted, so it checks nothing: it only finds where keys, array items and tables begin.

Knows: the shape of TOML 1.0 (keys, strings, arrays, inline tables, headers). Does not know: what
the keys mean.
"""

import re

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_VOID = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LITERAL_STRING = re.compile(r"'([^'\n]*)'")
# The closing quotes may be preceded by one or two that belong to the text.
_LONG_BASIC_STRING = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL)
_LONG_LITERAL_STRING = re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_SHORT_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def find_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every key and array item; paths hold keys and indexes of arrays.

    `text` must be valid TOML: what is found in other text means nothing.
    """
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


class _Scanner:
    """A position in the text, and what was found before it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_at = 0  # the position that _line belongs to
        self._table_counts: dict[KeyPath, int] = {}
        self.lines: dict[KeyPath, int] = {}

    def scan(self) -> None:
        table: KeyPath = ()
        while self._skip(_VOID) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        """Pass what matches (maybe nothing) and return the new position."""
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return self._at

    def _note(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._line_at, self._at)
        self._line_at = self._at
        self.lines.setdefault(path, self._line)

    def _header(self) -> KeyPath:
        """`[a.b]` or `[[a.b]]`; names of arrays of tables mean their last table."""
        is_item = self._text.startswith("[[", self._at)
        self._at += 2 if is_item else 1
        start = self._at
        keys = self._key()
        end = self._at + (2 if is_item else 1)
        path: KeyPath = ()
        for i, key in enumerate(keys):
            path = (*path, key)
            last = i == len(keys) - 1
            if last and is_item:
                self._table_counts[path] = self._table_counts.get(path, 0) + 1
            self._at = start
            self._note(path)
            if path in self._table_counts:
                path = (*path, self._table_counts[path] - 1)
                self._note(path)
        self._at = end
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        keys = self._key()
        after_keys, self._at = self._at, start
        for i in range(len(keys)):
            self._note((*table, *keys[: i + 1]))
        self._at = after_keys + 1  # the equals sign
        self._skip(_BLANK)
        self._value((*table, *keys))

    def _key(self) -> list[str]:
        """A key, maybe dotted; ends before `=` or `]`."""
        keys = []
        while True:
            self._skip(_BLANK)
            keys.append(self._key_part())
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _key_part(self) -> str:
        quoted = {'"': _BASIC_STRING, "'": _LITERAL_STRING}.get(self._text[self._at : self._at + 1])
        found = (quoted or _BARE_KEY).match(self._text, self._at)
        if not found:
            # Only text that is no TOML gets here; pass one character so that the scan ends.
            self._at += 1
            return ""
        self._at = found.end()
        if quoted is _BASIC_STRING:
            return _ESCAPE.sub(_unescape, found[1])
        return found[1] if quoted else found[0]

    def _value(self, path: KeyPath) -> None:
        match self._text[self._at : self._at + 1]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"':
                long = self._text.startswith('"""', self._at)
                self._skip(_LONG_BASIC_STRING if long else _BASIC_STRING)
            case "'":
                long = self._text.startswith("'''", self._at)
                self._skip(_LONG_LITERAL_STRING if long else _LITERAL_STRING)
            case _:
                self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while self._skip(_VOID) < len(self._text) and self._text[self._at] != "]":
            start = self._at
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._pass_comma()
            # Never twice at the same place, whatever the text.
            self._at = max(self._at, start + 1)
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._skip(_VOID) < len(self._text) and self._text[self._at] != "}":
            self._pair(path)
            self._pass_comma()
        self._at += 1

    def _pass_comma(self) -> None:
        self._skip(_VOID)
        if self._text.startswith(",", self._at):
            self._at += 1


def _unescape(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    if digits:
        return chr(int(digits, 16))
    return _SHORT_ESCAPES.get(found[3], found[3])
