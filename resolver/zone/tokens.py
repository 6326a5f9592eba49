"""Words of a master file: how lines are cut into tokens, and what numbers and strings mean.

A token keeps its escapes and its quotes, because only the reader of a field knows whether it is a
name, a character string or a number.

Knows: RFC 1035 section 5.1, and the TTL units that every name server understands. Does not know:
directives, records, files.
"""

import re
from functools import lru_cache
from typing import Final

MAX_TTL_S: Final = 0x7FFFFFFF  # RFC 2181 section 8
MAX_STRING_OCTETS: Final = 255  # RFC 1035 section 3.3
# One record with its comments. The largest rdata has 65,535 octets; written as \DDD each takes 4.
MAX_ENTRY_OCTETS: Final = 1 << 20

# A line without any of these is nothing but blank-separated words.
needs_care = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\xff"();\\]').search

# In a line without any of these, words, quotes and brackets are what they seem to be.
_needs_more_care = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xff\\]").search
_is_more_than_words = re.compile("[();]").search

_TOKEN = re.compile(
    r"[ \t\r\n\v\f]+"
    r"|;[^\n]*"
    r"|(?P<bracket>[()])"
    r'|(?P<word>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|(?:[^\s"();\\]+|\\[^\n])(?:[^\s"();\\]|\\[^\n])*)',
    re.ASCII,
)
_KNOWN_TTLS: Final = 1_024  # a file has few different ones
_UNITS_S = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_TTL = re.compile(r"(?:[0-9]{1,10}[wdhms]){1,5}\Z", re.ASCII | re.IGNORECASE)
_TTL_PART = re.compile(r"([0-9]+)([a-z])", re.ASCII)


def split(line: str, words: list[str], depth: int) -> int:
    """Append the words of a line; returns how many parentheses are open after it.

    Raises ValueError for what cannot be cut into words.
    """
    if _needs_more_care(line) is None:
        parts = line.split('"')
        if len(parts) == 1:
            return _split_unquoted(line.partition(";")[0], words, depth)
        if len(parts) & 1 and not any(map(_is_more_than_words, parts[::2])):
            for number, part in enumerate(parts):
                if number & 1:
                    words.append(f'"{part}"')
                else:
                    words += part.split()
            return depth
    return split_carefully(line, words, depth)


def split_carefully(line: str, words: list[str], depth: int) -> int:
    """The same for any line, only slower."""
    if "\0" in line:
        raise ValueError("NUL octet: this is no text file")
    at = 0
    end = len(line)
    while at < end:
        match = _TOKEN.match(line, at)
        if match is None:
            raise ValueError(_why_not(line[at]))
        at = match.end()
        kind = match.lastgroup
        if kind == "word":
            words.append(match.group())
        elif kind == "bracket":
            depth = _deeper(match.group(), depth)
    return depth


def _split_unquoted(line: str, words: list[str], depth: int) -> int:
    if "(" in line:
        line = line.replace("(", " ( ")
    if ")" in line:
        line = line.replace(")", " ) ")
    for word in line.split():
        if word in "()":
            depth = _deeper(word, depth)
        else:
            words.append(word)
    return depth


def _deeper(bracket: str, depth: int) -> int:
    depth += 1 if bracket == "(" else -1
    if depth < 0:
        raise ValueError("closing parenthesis without an opening one")
    if depth > 1:
        raise ValueError("parentheses inside parentheses")
    return depth


def _why_not(char: str) -> str:
    if char == '"':
        return "a quoted string does not end on its line"
    return "a backslash at the end of the line"


@lru_cache(_KNOWN_TTLS)
def read_ttl(text: str) -> int | None:
    """Seconds of `3600` or `1h30m`; None when the text is neither. Raises ValueError when it is
    one, but over the limit (RFC 2181 section 8)."""
    if text.isdigit() and text.isascii():
        seconds = int(text) if len(text) < 20 else MAX_TTL_S + 1
    elif _TTL.match(text):
        parts = _TTL_PART.findall(text.lower())
        seconds = sum(int(number) * _UNITS_S[unit] for number, unit in parts)
    else:
        return None
    if seconds > MAX_TTL_S:
        raise ValueError(f"TTL {text[:40]} is more than {MAX_TTL_S} (RFC 2181 section 8)")
    return seconds


def read_number(text: str, largest: int, what: str) -> int:
    """A plain decimal number of at most `largest`; raises ValueError that names the field."""
    if not (text.isdigit() and text.isascii()) or len(text) > 20:
        raise ValueError(f"{what} {text[:40]!r} is no number")
    number = int(text)
    if number > largest:
        raise ValueError(f"{what} {number} is more than {largest}")
    return number


def read_octets(text: str) -> bytes:
    """The octets of a word or quoted string, escapes undone (RFC 1035 section 5.1)."""
    if text[0] == '"':
        text = text[1:-1]
    if "\\" not in text:
        return text.encode("latin-1")
    octets = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char != "\\":
            octets += char.encode("latin-1")
            continue
        digits = text[at : at + 3]
        if digits[0].isdigit():
            if len(digits) < 3 or not digits.isdigit() or int(digits) > 255:
                raise ValueError(f"\\{digits} is no escape: three digits up to 255 are")
            octets.append(int(digits))
            at += 3
        else:
            octets += digits[0].encode("latin-1")
            at += 1
    return bytes(octets)


def read_string(text: str) -> bytes:
    """A character string in wire form: its length, then its octets (RFC 1035 section 3.3)."""
    octets = read_octets(text)
    if len(octets) > MAX_STRING_OCTETS:
        raise ValueError(f"string of {len(octets)} octets, more than {MAX_STRING_OCTETS}")
    return bytes((len(octets),)) + octets
