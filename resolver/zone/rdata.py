"""Fast readers for the record types that most zones are made of; rarer ones go to wire/text.py.

A reader takes the words after the type and a Scope that knows the origin, and returns the rdata in
wire form without compression. It raises ValueError (NameSyntaxError is one) with a reason for
people.

Knows: RFC 1035 sections 3.3 and 3.4, RFC 3596 section 2, RFC 2782, RFC 4034 section 5.3, RFC 6672
section 2.1, RFC 8659 section 4, RFC 3597 section 5, RFC 4291 section 2.2, RFC 9460 section 2.1.
Does not know: owners, TTLs, files.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRType, show_type
from resolver.errors import NameSyntaxError
from resolver.zone import rdata_signed
from resolver.zone.tokens import MAX_TTL_S, read_number, read_octets, read_string, read_ttl

MAX_RDATA_OCTETS: Final = 0xFFFF
_MAX_KNOWN_NAMES: Final = 10_000

_LENGTHS: Final = [bytes((size,)) for size in range(64)]
_OCTETS: Final = {str(number): number for number in range(256)}
_U32_MAX: Final = 0xFFFFFFFF
_SERVICE_BINDINGS: Final = frozenset((int(RRType.SVCB), int(RRType.HTTPS)))


class Scope:
    """The origin in force, and names already read under it.

    Most names of a file share their tail with the one before. So only the first label is read each
    time and the rest comes from a table, which is emptied when it is full.
    """

    __slots__ = ("_tails", "origin")

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self._tails: dict[str, bytes] = {}

    def name(self, text: str) -> bytes:
        """The wire form of a name; relative ones get the origin, `@` is the origin."""
        if text == "@":
            return self.origin
        if "\\" in text or text == ".":
            return names.read(text, self.origin)
        label, dot, rest = text.partition(".")
        tail = self._tails.get(rest) if dot else self.origin
        if tail is None:
            tail = names.ROOT if not rest else names.read(rest, self.origin)
            if len(self._tails) >= _MAX_KNOWN_NAMES:
                self._tails.clear()
            self._tails[rest] = tail
        size = len(label)
        if 0 < size < 64 and size + len(tail) < 255 and label.isascii() and label[0] != '"':
            return _LENGTHS[size] + label.encode() + tail
        if label[:1] == '"':
            raise NameSyntaxError(f"{text}: a name is not written in quotes")
        return names.read(text, self.origin)


Reader: TypeAlias = Callable[[list[str], Scope], bytes]


def read_rdata(rrtype: int, words: list[str], scope: Scope) -> bytes:
    """Rdata of any type, from the words behind it; raises ValueError."""
    generic = bool(words) and words[0] == "\\#"
    reader = None if generic else READERS.get(rrtype)
    if reader is not None:
        return reader(words, scope)
    if generic and show_type(rrtype) == f"TYPE{rrtype}":
        return _unknown(words)
    return _rare(rrtype, words, scope)


def _rare(rrtype: int, words: list[str], scope: Scope) -> bytes:
    # Imported here because most zones never need it, and it is slow to import.
    from resolver.wire import text as wire_text

    joined = " ".join(words)
    if rrtype in _SERVICE_BINDINGS:
        joined = joined.replace('= "', '="')  # alpn="h2" is one word (RFC 9460 section 2.1)
    try:
        return wire_text.read_rdata(rrtype, _ascii(joined), scope.origin)
    except ValueError as error:
        raise ValueError(f"{show_type(rrtype)}: {error}") from None


def _ascii(text: str) -> str:
    """Octets above 127 written as escapes, so that no other encoding comes between."""
    if text.isascii():
        return text
    return "".join([char if char < "\x80" else f"\\{ord(char):03d}" for char in text])


def _unknown(words: list[str]) -> bytes:
    """\\# LENGTH HEX... (RFC 3597 section 5)."""
    if len(words) < 2:
        raise ValueError("\\# is followed by a length and octets in hexadecimal")
    length = read_number(words[1], MAX_RDATA_OCTETS, "length")
    octets = _hex("".join(words[2:]), "rdata")
    if len(octets) != length:
        raise ValueError(f"\\# announces {length} octets, {len(octets)} follow")
    return octets


def _hex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{what} is not in hexadecimal") from None


def _count(words: list[str], count: int, fields: str) -> None:
    if len(words) != count:
        raise ValueError(f"{len(words)} fields where {fields} should be")


def _a(words: list[str], _scope: Scope) -> bytes:
    try:
        (text,) = words
        a, b, c, d = text.split(".")
        number = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
        return number.to_bytes(4, "big")
    except (KeyError, ValueError):
        raise ValueError(f"{' '.join(words)[:60]!r} is no IPv4 address") from None


def _aaaa(words: list[str], _scope: Scope) -> bytes:
    try:
        (text,) = words
        return _ipv6(text)
    except (KeyError, ValueError):
        raise ValueError(f"{' '.join(words)[:60]!r} is no IPv6 address") from None


def _ipv6(text: str) -> bytes:
    """RFC 4291 section 2.2; any exception means that it is none."""
    head, dot, _ = text.partition(".")
    if dot:
        head = head[: head.rindex(":") + 1]
        a, b, c, d = text[len(head) :].split(".")
        text = f"{head}{_OCTETS[a] << 8 | _OCTETS[b]:x}:{_OCTETS[c] << 8 | _OCTETS[d]:x}"
    left, gap, right = text.partition("::")
    groups = left.split(":") if left else []
    if gap:
        tail = right.split(":") if right else []
        missing = 8 - len(groups) - len(tail)
        if missing < 1:
            raise ValueError
        groups += ["0"] * missing + tail
    digits = "".join([group.rjust(4, "0") if group else "?" for group in groups])
    if len(groups) != 8 or len(digits) != 32:
        raise ValueError
    return bytes.fromhex(digits)


def _one_name(words: list[str], scope: Scope) -> bytes:
    if len(words) != 1:
        _count(words, 1, "one name")
    return scope.name(words[0])


def _two_names(words: list[str], scope: Scope) -> bytes:
    _count(words, 2, "two names")
    return scope.name(words[0]) + scope.name(words[1])


def _mx(words: list[str], scope: Scope) -> bytes:
    _count(words, 2, "a preference and a name")
    return _u16(words[0], "preference") + scope.name(words[1])


def _srv(words: list[str], scope: Scope) -> bytes:
    _count(words, 4, "priority, weight, port and a name")
    numbers = _u16(words[0], "priority") + _u16(words[1], "weight") + _u16(words[2], "port")
    return numbers + scope.name(words[3])


def _u16(text: str, what: str) -> bytes:
    return read_number(text, 0xFFFF, what).to_bytes(2, "big")


def _txt(words: list[str], _scope: Scope) -> bytes:
    if not words:
        raise ValueError("no text: at least one string is needed")
    rdata = b"".join([read_string(word) for word in words])
    if len(rdata) > MAX_RDATA_OCTETS:
        raise ValueError(f"{len(rdata)} octets of text, more than {MAX_RDATA_OCTETS}")
    return rdata


def _soa(words: list[str], scope: Scope) -> bytes:
    _count(words, 7, "mname, rname, serial, refresh, retry, expire and minimum")
    rdata = scope.name(words[0]) + scope.name(words[1])
    rdata += read_number(words[2], _U32_MAX, "serial").to_bytes(4, "big")
    for text, what in zip(words[3:], ("refresh", "retry", "expire", "minimum"), strict=True):
        seconds = read_ttl(text)
        if seconds is None:
            raise ValueError(f"{what} {text[:40]!r} is no time (at most {MAX_TTL_S} s)")
        rdata += seconds.to_bytes(4, "big")
    return rdata


def _caa(words: list[str], _scope: Scope) -> bytes:
    _count(words, 3, "flags, a tag and a value")
    tag = words[1]
    if not (tag.isascii() and tag.isalnum()) or len(tag) > 255:
        raise ValueError(f"CAA tag {tag[:40]!r} is not made of letters and digits")
    flags = read_number(words[0], 255, "flags")
    return bytes((flags, len(tag))) + tag.encode() + read_octets(words[2])


def _ds(words: list[str], scope: Scope) -> bytes:
    if len(words) < 4:
        raise ValueError("key tag, algorithm, digest type and digest should be here")
    if not words[1].isdigit():
        return _rare(RRType.DS, words, scope)  # algorithms may be written as mnemonics
    numbers = (read_number(words[1], 255, "algorithm"), read_number(words[2], 255, "digest type"))
    return _u16(words[0], "key tag") + bytes(numbers) + _hex("".join(words[3:]), "digest")


def _or_rare(rrtype: int, reader: Callable[[list[str], Scope], bytes | None]) -> Reader:
    """A reader that leaves rare spellings to the slow way."""

    def read(words: list[str], scope: Scope) -> bytes:
        rdata = reader(words, scope)
        return _rare(rrtype, words, scope) if rdata is None else rdata

    return read


READERS: Final[dict[int, Reader]] = {
    RRType.A: _a,
    RRType.NS: _one_name,
    RRType.CNAME: _one_name,
    RRType.SOA: _soa,
    RRType.MB: _one_name,
    RRType.MG: _one_name,
    RRType.MR: _one_name,
    RRType.PTR: _one_name,
    RRType.MINFO: _two_names,
    RRType.MX: _mx,
    RRType.TXT: _txt,
    RRType.AAAA: _aaaa,
    RRType.SRV: _srv,
    RRType.DNAME: _one_name,
    RRType.DS: _ds,
    RRType.SPF: _txt,
    RRType.ALIAS: _one_name,
    RRType.CAA: _caa,
    RRType.RRSIG: _or_rare(RRType.RRSIG, rdata_signed.rrsig),
    RRType.DNSKEY: _or_rare(RRType.DNSKEY, rdata_signed.dnskey),
    RRType.CDNSKEY: _or_rare(RRType.CDNSKEY, rdata_signed.dnskey),
    RRType.NSEC: rdata_signed.nsec,
    RRType.NSEC3: rdata_signed.nsec3,
    RRType.NSEC3PARAM: rdata_signed.nsec3param,
}


# Types whose form is known to be right when a message with them could be read (wire/rdata.py).
_SOUND: Final = frozenset(
    map(
        int,
        (
            RRType.A,
            RRType.AAAA,
            RRType.NS,
            RRType.CNAME,
            RRType.DNAME,
            RRType.PTR,
            RRType.MX,
            RRType.SRV,
            RRType.SOA,
        ),
    )
)


def is_sound(rrtype: int, rdata: bytes) -> bool:
    """Whether the data of a record from a message has the form of its type, so that a file with it
    could be read again. Data of unknown types always has."""
    if rrtype in _SOUND or show_type(rrtype) == f"TYPE{rrtype}":
        return True
    if rrtype == RRType.TXT:
        at = 0
        while at < len(rdata):
            at += rdata[at] + 1
        return bool(rdata) and at == len(rdata)
    # Imported here for the reason above.
    from resolver.wire import text as wire_text

    try:
        return wire_text.read_rdata(rrtype, f"\\# {len(rdata)} {rdata.hex()}") == rdata
    except ValueError:
        return False
