"""Text of a master file in blocks of whole lines, which most often can be read without care.

A block is plain when it has no quotes, escapes, comments or directives, and nothing but printable
ASCII: then its words are what stands between blanks, and a parenthesis is one. What programs write
that sign zones or store them is nearly all plain.

Knows: RFC 1035 section 5.1. Does not know: records, what to do with what is not plain
(zone/tokens.py).
"""

from typing import Final, TextIO

# About as much as is read between two breaks: a millisecond or two of work.
BLOCK_OCTETS: Final = 8_192

# The last four count as blanks for `split` alone. Each is looked for by itself: that takes far less
# time than a regular expression for all of them.
_NEEDS_CARE: Final = ('"', "\\", ";", "\0", "\n$", "\x1c", "\x1d", "\x1e", "\x1f")


def read_block(text: TextIO) -> str:
    """The next lines, the last of them whole unless the text ends there; empty at its end."""
    block = text.read(BLOCK_OCTETS)
    if block and block[-1] != "\n":
        block += text.readline()
    return block


def is_plain(block: str) -> bool:
    """Whether it can be read without care, but for its parentheses."""
    if not block.isascii() or block[0] == "$":
        return False
    for mark in _NEEDS_CARE:  # noqa: SIM110 - a generator would cost more than it looks for
        if mark in block:
            return False
    return True
