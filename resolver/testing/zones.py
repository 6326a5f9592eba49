"""Zones of the fake Internet: a small master-file reader and the data it makes.

Reads the part of RFC 1035 section 5.1 that tests need: `@`, inherited owners, optional TTL and
class, parentheses, quoted strings, comments, $ORIGIN and $TTL, and RFC 3597 `\\#` rdata. Rdata is
read by dnslib. Independent of resolver.zone on purpose: a server must not grade itself.

Does not know: servers, delegations between zones, messages.
"""

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Any, TypeAlias

import dnslib

from resolver.codes import RRType, read_type, show_type

# Lower-case labels from left to right; the root is the empty tuple.
Key: TypeAlias = tuple[bytes, ...]

DEFAULT_TTL_S = 300
SOA_TTL_S = 3600
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")|([()])|;[^\n]*|(\n)|([^\s;()"]+)|([ \t]+)')
_TTL = re.compile(r"\d+[smhdw]?", re.IGNORECASE)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RDATA = {
    **dnslib.RDMAP,
    "SVCB": dnslib.RDMAP["HTTPS"],
    "SPF": dnslib.TXT,
    "CDS": dnslib.DS,
    "CDNSKEY": dnslib.DNSKEY,
}
# Names in rdata that dnslib reads without the origin, by position.
_ABSOLUTE_AT = {"SRV": 3, "HTTPS": 1, "SVCB": 1}


def key_of(name: Any) -> Key:
    """The key of a name: text or a dnslib label."""
    label = name if isinstance(name, dnslib.DNSLabel) else dnslib.DNSLabel(name)
    return tuple([part.lower() for part in label.label])


def show_key(key: Key) -> str:
    """The text of a key, with its final dot."""
    return str(dnslib.DNSLabel(key)) if key else "."


def is_within(key: Key, origin: Key) -> bool:
    """Whether `key` is `origin` or below it."""
    return not origin or key[-len(origin) :] == origin


class Zone:
    """The records of one zone by owner and type, in dnslib's objects."""

    def __init__(self, origin: str) -> None:
        self.origin = key_of(origin)
        self.nodes: dict[Key, dict[int, list[Any]]] = {}
        self._names: set[Key] = {self.origin}
        self._records: set[tuple[Key, int, str]] = set()

    def __str__(self) -> str:
        return show_key(self.origin)

    def add(self, *rrs: Any) -> None:
        """Add dnslib records; what stands already is not added twice. Raises ValueError."""
        for rr in rrs:
            key = key_of(rr.rname)
            if not is_within(key, self.origin):
                raise ValueError(f"{rr.rname} is not in the zone {self}")
            record = (key, rr.rtype, str(rr.rdata))
            if record in self._records:
                continue
            self._records.add(record)
            self.nodes.setdefault(key, {}).setdefault(rr.rtype, []).append(rr)
            for cut in range(len(key) - len(self.origin)):
                self._names.add(key[cut:])

    def rrset(self, key: Key, rrtype: int) -> list[Any]:
        """The records there; empty if there are none."""
        return self.nodes.get(key, {}).get(rrtype, [])

    def has_name(self, key: Key) -> bool:
        """Whether the name exists, be it as an empty non-terminal (RFC 4592 section 2.2.2)."""
        return key in self._names

    def addresses(self, key: Key) -> list[Any]:
        """A and AAAA records of a name."""
        return self.rrset(key, RRType.A) + self.rrset(key, RRType.AAAA)

    def copy(self) -> "Zone":
        """A zone of the same records that can be added to."""
        twin = Zone(show_key(self.origin))
        for node in self.nodes.values():
            for rrset in node.values():
                twin.add(*rrset)
        return twin


def zone(origin: str, text: str = "", *, ttl: int = DEFAULT_TTL_S) -> Zone:
    """A zone from master-file text; `ttl` in seconds is for records without one.

    SOA and apex NS may be left out: they are made when the zone is hosted. Raises ValueError with
    the line.
    """
    made = Zone(origin)
    made.add(*records(text, origin=origin, ttl=ttl))
    return made


def records(text: str, *, origin: str = ".", ttl: int = DEFAULT_TTL_S) -> list[Any]:
    """dnslib records from master-file text. Raises ValueError with the line."""
    found = []
    owner = dnslib.DNSLabel(origin)
    base = dnslib.DNSLabel(origin)
    for number, tokens, indented in _entries(dedent(text.strip("\n"))):
        try:
            if tokens[0] == "$ORIGIN":
                base = _name(tokens[1], base)
            elif tokens[0] == "$TTL":
                ttl = _seconds(tokens[1])
            else:
                owner = owner if indented else _name(tokens.pop(0), base)
                found.append(_record(owner, tokens, base, ttl))
        except (ValueError, IndexError, TypeError, dnslib.DNSError) as error:
            raise ValueError(f"line {number} of records at {base}: {error}") from error
    return found


def _entries(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Line number, tokens, and whether the entry starts with blanks, of each entry."""
    tokens: list[str] = []
    indented = False
    depth = 0
    line = start = 1
    for quoted, paren, newline, plain, blanks in _TOKEN.findall(text + "\n"):
        if newline:
            line += 1
            if depth == 0:
                if tokens:
                    yield start, tokens, indented
                tokens, indented, start = [], False, line
        elif paren:
            depth += 1 if paren == "(" else -1
        elif blanks:
            indented = indented or (not tokens and depth == 0)
        elif plain:
            tokens.append(plain)
        elif quoted:
            tokens.append(re.sub(r"\\(.)", r"\1", quoted[1:-1]))
    if depth or tokens:
        raise ValueError(f"line {start}: parenthesis not closed")


def _record(owner: Any, tokens: list[str], base: Any, ttl: int) -> Any:
    while tokens and (tokens[0].upper() == "IN" or _TTL.fullmatch(tokens[0])):
        token = tokens.pop(0)
        ttl = ttl if token.upper() == "IN" else _seconds(token)
    if not tokens:
        raise ValueError("no record type")
    rrtype = read_type(tokens[0])
    if rrtype is None:
        raise ValueError(f"{tokens[0]} is no record type")
    rdata = _rdata(show_type(rrtype), tokens[1:], base)
    return dnslib.RR(owner, rrtype, ttl=ttl, rdata=rdata)


def _rdata(mnemonic: str, tokens: list[str], base: Any) -> Any:
    if tokens[:1] == ["\\#"]:
        return dnslib.RD(bytes.fromhex("".join(tokens[2:])))
    if not tokens:
        raise ValueError(f"{mnemonic} without data")
    if mnemonic == "DNAME":
        # Never compressed (RFC 6672 section 2.5), which dnslib's own class would do.
        return dnslib.RD(wire_of(_name(tokens[0], base)))
    if (at := _ABSOLUTE_AT.get(mnemonic)) is not None:
        tokens[at] = str(_name(tokens[at], base))
    reader = _RDATA.get(mnemonic)
    if reader is None:
        raise ValueError(f"{mnemonic} can only be given as \\# octets hex")
    return reader.fromZone(tokens, base)


def _name(text: str, base: Any) -> Any:
    if text == "@":
        return base
    return dnslib.DNSLabel(text) if text.endswith(".") else base.add(text)


def wire_of(label: Any) -> bytes:
    """A dnslib label as uncompressed octets."""
    return b"".join([bytes((len(part),)) + part for part in label.label]) + b"\0"


def target_of_dname(rr: Any) -> Any:
    """The target of a DNAME record as a dnslib label."""
    return dnslib.DNSBuffer(rr.rdata.data).decode_name()


def _seconds(text: str) -> int:
    unit = _UNIT_S.get(text[-1].lower())
    return int(text[:-1]) * unit if unit else int(text)


def show_rdata(rrtype: int, rdata: bytes) -> str:
    """Presentation format of uncompressed rdata, in dnslib's words."""
    mnemonic = show_type(rrtype)
    buffer = dnslib.DNSBuffer(rdata)
    if mnemonic == "DNAME":
        return str(buffer.decode_name())
    reader = _RDATA.get(mnemonic, dnslib.RD)
    return str(reader.parse(buffer, len(rdata)).toZone())
