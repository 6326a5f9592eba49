"""Domain names as wire bytes.

A name is its uncompressed wire form (RFC 1035 section 3.1): length octets, labels, a final zero.
There is no class for it. Names are compared, hashed and stored in lower case (RFC 4343);
`name.lower()` makes the key, because a length octet (at most 63) is never an upper-case letter.
Functions that compare expect lower-case names; `read` and `show` keep the case they are given.

Knows: RFC 1035 sections 3.1 and 5.1, RFC 4343, RFC 4034 section 6.1. Does not know: messages,
compression, records.
"""

from collections.abc import Iterator
from typing import Final

from resolver.errors import NameSyntaxError

ROOT: Final = b"\0"
# `name.translate(LOWER)` is `name.lower()`, and much faster in a compiled copy.
LOWER: Final = bytes(range(256)).lower()
MAX_NAME_OCTETS: Final = 255
MAX_LABEL_OCTETS: Final = 63

_PLAIN: Final = frozenset(
    b"!#%&'*+,-/0123456789:<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"
)
_SHOWN: Final = [
    chr(o) if o in _PLAIN else f"\\{chr(o)}" if 33 <= o < 127 else f"\\{o:03d}" for o in range(256)
]


def read(text: str, origin: bytes | None = None) -> bytes:
    """The wire form of a name in presentation format, case kept (RFC 1035 section 5.1).

    A relative name gets `origin` appended; without one it is taken as absolute. `@` is not special.
    Raises NameSyntaxError.
    """
    if text == ".":
        return ROOT
    if not text:
        raise NameSyntaxError("empty name")
    absolute = True
    if "\\" in text:
        labels, absolute = _split_escaped(text)
    else:
        if text[-1] == ".":
            text = text[:-1]
        else:
            absolute = False
        try:
            labels = text.encode("ascii").split(b".")
        except UnicodeEncodeError:
            raise NameSyntaxError(f"{text!r}: not ASCII; write it in its xn-- form") from None
    for label in labels:
        if not label:
            raise NameSyntaxError(f"{text!r}: empty label")
        if len(label) > MAX_LABEL_OCTETS:
            raise NameSyntaxError(
                f"{text!r}: label of {len(label)} octets, more than {MAX_LABEL_OCTETS}"
            )
    wire = b"".join([bytes((len(label),)) + label for label in labels])
    wire += ROOT if absolute or origin is None else origin
    if len(wire) > MAX_NAME_OCTETS:
        raise NameSyntaxError(
            f"{text!r}: {len(wire)} octets on the wire, more than {MAX_NAME_OCTETS}"
        )
    return wire


def _split_escaped(text: str) -> tuple[list[bytes], bool]:
    """Labels of a text with backslashes, and whether it ended in a dot."""
    labels: list[bytes] = []
    label = bytearray()
    i = 0
    ended_in_dot = False
    while i < len(text):
        char = text[i]
        ended_in_dot = False
        if char == "\\":
            octet, i = _read_escape(text, i)
            label.append(octet)
            continue
        i += 1
        if char == ".":
            labels.append(bytes(label))
            label.clear()
            ended_in_dot = True
        elif ord(char) < 128:
            label.append(ord(char))
        else:
            raise NameSyntaxError(f"{text!r}: not ASCII; write it in its xn-- form")
    if not ended_in_dot:
        labels.append(bytes(label))
    return labels, ended_in_dot


def _read_escape(text: str, i: int) -> tuple[int, int]:
    """The octet that the escape at text[i] stands for, and the index after it."""
    digits = text[i + 1 : i + 4]
    if len(digits) == 3 and digits.isascii() and digits.isdigit():
        octet = int(digits)
        if octet > 255:
            raise NameSyntaxError(f"{text!r}: \\{digits} is more than \\255")
        return octet, i + 4
    if not digits or digits[0].isdigit() or ord(digits[0]) > 127:
        raise NameSyntaxError(f"{text!r}: incomplete escape")
    return ord(digits[0]), i + 2


def show(name: bytes) -> str:
    """Presentation format with its final dot; `read(show(n)) == n` for every name."""
    if name == ROOT:
        return "."
    parts: list[str] = []
    i = 0
    while (n := name[i]) != 0:
        parts.append("".join([_SHOWN[o] for o in name[i + 1 : i + 1 + n]]))
        i += n + 1
    return ".".join(parts) + "."


def is_whole(data: bytes) -> bool:
    """Whether octets are one name in wire form, uncompressed, and nothing behind it."""
    at = 0
    while at < len(data) and data[at]:
        if data[at] > MAX_LABEL_OCTETS:
            return False
        at += data[at] + 1
    return at + 1 == len(data) <= MAX_NAME_OCTETS


def parent(name: bytes) -> bytes:
    """The name without its first label; the root is its own parent."""
    return name[name[0] + 1 :] or ROOT


def ancestors(name: bytes) -> Iterator[bytes]:
    """The name itself, then each parent up to and including the root."""
    while name[0]:
        yield name
        name = name[name[0] + 1 :]
    yield ROOT


def labels(name: bytes) -> list[bytes]:
    """The labels from left to right, without the root's empty one."""
    out = []
    i = 0
    while n := name[i]:
        out.append(name[i + 1 : i + 1 + n])
        i += n + 1
    return out


def count_labels(name: bytes) -> int:
    """Number of labels; 0 for the root."""
    count = i = 0
    while n := name[i]:
        count += 1
        i += n + 1
    return count


def suffix(name: bytes, count: int) -> bytes:
    """The ancestor of `name` that has `count` labels (the name itself if it has no more)."""
    drop = count_labels(name) - count
    i = 0
    while drop > 0:
        i += name[i] + 1
        drop -= 1
    return name[i:]


def is_within(name: bytes, zone: bytes) -> bool:
    """Whether `name` is `zone` or below it. Both in lower case."""
    if not name.endswith(zone):
        return False
    # A matching tail is only an ancestor if it starts where a label starts.
    end = len(name) - len(zone)
    i = 0
    while i < end:
        i += name[i] + 1
    return i == end


def is_below(name: bytes, zone: bytes) -> bool:
    """Whether `name` is below `zone` and not the zone itself. Both in lower case."""
    return len(name) > len(zone) and is_within(name, zone)


def wildcard(name: bytes) -> bytes:
    """The wildcard name immediately below `name` (RFC 4592 section 2.1.1)."""
    return b"\x01*" + name


def canonical_key(name: bytes) -> bytes:
    """A key whose plain byte order is the canonical order of names (RFC 4034 section 6.1).

    Labels from the right, each ended by a zero octet; zeros and ones inside labels are escaped so
    that the end of a label sorts before anything in it.
    """
    parts = labels(name.lower())
    parts.reverse()
    if name.find(0) < len(name) - 1 or 1 in name:  # numbers are found faster than octets
        parts = [p.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1") for p in parts]
    parts.append(b"")
    return b"\0".join(parts)
