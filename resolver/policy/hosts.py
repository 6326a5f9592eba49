"""Hosts files: addresses for names, and names for addresses.

`192.0.2.1 www.example.net www` gives both names the address, and the address the first name
(RFC 1035 section 3.5, RFC 3596 section 2.5). A name may stand on several lines; an address has the
name of its first line. A million lines take some 30 MB: see hashed.py.

Knows: hosts(5). Does not know: files, messages, what a name is beside this.
"""

import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import accumulate

from resolver import names
from resolver.codes import RRType
from resolver.policy.hashed import HashDraft, HashIndex
from resolver.policy.lines import (
    AddressReader,
    Complaints,
    key_of,
    name_of,
    pairs,
    read_name,
    split,
)
from resolver.slices import Slices

_IPV4_TREE = names.read("in-addr.arpa.")
_IPV6_TREE = names.read("ip6.arpa.")
_UNSPECIFIED = (bytes(4), bytes(16))
_MAX_BLOB_OCTETS = 2**32 - 1  # offsets have 32 bits


@dataclass(frozen=True, slots=True)
class Hosts:
    """One hosts file. Names in lower case."""

    ipv4: HashIndex  # key of a name (lines.py) -> address
    ipv6: HashIndex  # likewise -> number of the address in `ipv6_addresses`
    ipv6_addresses: bytearray
    reverse: HashIndex  # packed address -> offset of its name in `names`
    names: bytearray  # keys of names, with a newline behind each

    def lookup(self, name: bytes, rrtype: int) -> list[bytes] | None:
        """The rdatas at a lower-case name, none for a type it does not have; None when the name is
        not in the file."""
        if (address := reversed_address(name)) is not None and address in self.reverse:
            if rrtype != RRType.PTR:
                return []
            return [self._name_at(self.reverse.find(address)[0])]
        key = key_of(name)
        if key is None or (key not in self.ipv4 and key not in self.ipv6):
            return None
        if rrtype == RRType.A:
            return [n.to_bytes(4, "big") for n in dict.fromkeys(self.ipv4.find(key))]
        if rrtype == RRType.AAAA:
            found = dict.fromkeys(self.ipv6.find(key))
            return [bytes(self.ipv6_addresses[16 * n : 16 * n + 16]) for n in found]
        return []

    def _name_at(self, start: int) -> bytes:
        return name_of(bytes(self.names[start : self.names.index(b"\n", start)]))

    @property
    def octets(self) -> int:
        """Memory in use."""
        indexes = (self.ipv4, self.ipv6, self.reverse)
        return sum(i.octets for i in indexes) + len(self.ipv6_addresses) + len(self.names)


def reversed_address(name: bytes) -> bytes | None:
    """The packed address whose reverse name this lower-case name is, if it is one."""
    if name.endswith(_IPV4_TREE):
        labels = names.labels(name)[3::-1]
        numeric = all(label.isdigit() and len(label) <= 3 for label in labels)
        if names.count_labels(name) == 6 and numeric and max(map(int, labels)) < 256:
            return bytes(map(int, labels))
    elif name.endswith(_IPV6_TREE) and names.count_labels(name) == 34:
        digits = b"".join(names.labels(name)[31::-1])
        if len(digits) == 32 and all(digit in b"0123456789abcdef" for digit in digits):
            return bytes.fromhex(digits.decode())
    return None


def read_hosts(chunks: Iterable[bytes], complaints: Complaints) -> Slices[Hosts]:
    """The hosts file in these chunks. What cannot be used goes to `complaints`."""
    reader = _Reader()
    for piece in split(chunks):
        piece.take(reader.take_all, reader.take, complaints)
        yield
    ipv4 = yield from reader.ipv4.seal()
    ipv6 = yield from reader.ipv6.seal()
    reverse = yield from reader.reverse.seal()
    return Hosts(ipv4, ipv6, reader.ipv6_addresses, reverse, reader.names)


class _Reader:
    """Where the lines of a file go."""

    def __init__(self) -> None:
        self.ipv4 = HashDraft()
        self.ipv6 = HashDraft()
        self.ipv6_addresses = bytearray()
        self.reverse = HashDraft()
        self.names = bytearray()
        self._addresses = AddressReader()
        self._last_name: bytes | None = None

    def take_all(self, lines: list[bytes]) -> bool:
        """Add lines of an address and a name each; False when there are others."""
        if (rows := pairs(lines)) is None:
            return False
        texts, keys = rows
        distinct = list(dict.fromkeys(texts))
        addresses = self._addresses.read_all(distinct)
        if addresses is None:
            return False
        self._add_names(texts, keys, dict(zip(distinct, addresses, strict=True)))
        first = dict(zip(reversed(texts), reversed(keys), strict=True))
        # Two texts may be one address; the line that comes first is put in last.
        last_first = zip(reversed(addresses), reversed(distinct), strict=True)
        self._add_addresses({a: first[text] for a, text in last_first if a not in _UNSPECIFIED})
        return True

    def _add_names(
        self, texts: list[bytes], keys: list[bytes], addresses: dict[bytes, bytes]
    ) -> None:
        for octets, index in ((4, self.ipv4), (16, self.ipv6)):
            of_family = {text: a for text, a in addresses.items() if len(a) == octets}
            numbers = dict(zip(of_family, self._numbers(of_family.values(), octets), strict=True))
            if len(numbers) == len(addresses):
                index.add_pairs(keys, map(numbers.__getitem__, texts))
            else:
                rows = [
                    (key, text) for key, text in zip(keys, texts, strict=True) if text in numbers
                ]
                index.add_pairs([key for key, _ in rows], [numbers[text] for _, text in rows])

    def _numbers(self, addresses: Collection[bytes], octets: int) -> Iterable[int]:
        packed = b"".join(addresses)
        if octets == 4:
            return struct.unpack(f"!{len(addresses)}I", packed)
        start = len(self.ipv6_addresses) // 16
        self.ipv6_addresses += packed
        return range(start, start + len(addresses))

    def _add_addresses(self, named: dict[bytes, bytes]) -> None:
        if not named or len(self.names) >= _MAX_BLOB_OCTETS:
            return
        keys = named.values()
        ends = accumulate((len(key) + 1 for key in keys), initial=len(self.names))
        self.reverse.add_pairs(named, list(ends)[:-1])
        self.names += b"\n".join(keys) + b"\n"

    def take(self, line: bytes) -> None:
        """Add one line. Raises ValueError."""
        words = line.split()
        if not words:
            return
        # A scope (fe80::1%eth0) is of no meaning to others.
        address = self._addresses.read(words[0]) if b"%" not in words[0] else None
        if address is None:
            raise ValueError("does not begin with an address")
        if len(words) < 2:
            raise ValueError("an address without a name")
        keys = [read_name(word) for word in words[1:]]
        self._add_names([words[0]] * len(keys), keys, {words[0]: address})
        if address not in _UNSPECIFIED:
            self._add_addresses({address: keys[0]})
