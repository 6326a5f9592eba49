"""Unpredictable ids, ports and letter cases for queries to other servers.

Everything comes from the system's CSPRNG, drawn in blocks so that one draw costs no system call
(RFC 5452 section 9.2: unpredictable ids and ports over their whole range). One Entropy belongs to
one process: make it after a fork, never before.

Knows: os.urandom, RFC 5452, the 0x20 bit of letters. Does not know: sockets, messages.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

BLOCK_OCTETS: Final = 4096
ID_OCTETS: Final = 2
LOWEST_PORT: Final = 1024
HIGHEST_PORT: Final = 65535

# Whether a letter's case is changed stands in the highest bit of its octet, which nearly all names
# have free, until this takes it out. Length octets (at most 63) are never letters, so a whole wire
# name can go through it.
_CHANGE: Final = 0x80
_CASES: Final = bytes(
    octet & 0x7F ^ (octet >> 2 & 0x20 if chr(octet & 0x7F).isalpha() else 0) for octet in range(256)
)
_DRAWN_BIT: Final = bytes(octet & _CHANGE for octet in range(256))


# Big-endian; to look these up each time takes as long as their work.
_number: Final = int.from_bytes
_is_ascii: Final = bytes.isascii


class Entropy:
    """Draws from blocks of octets: the system's, or in tests from some that are known. No octet is
    used twice."""

    __slots__ = (
        "_changes",
        "_changes_at",
        "_draw",
        "_ids",
        "_ids_at",
        "_numbers",
        "_usable_ports",
    )

    def __init__(
        self,
        reserved_ports: frozenset[int] = frozenset(),
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._draw = draw
        usable = bytearray(LOWEST_PORT) + bytearray(b"\1") * (HIGHEST_PORT + 1 - LOWEST_PORT)
        for port in reserved_ports:
            usable[port] = 0
        self._usable_ports = bytes(usable)
        self._numbers: list[int] = []
        # So much of these two blocks is used.
        self._ids = self._changes = b""
        self._ids_at = self._changes_at = BLOCK_OCTETS

    def number(self) -> int:
        """A uniform number of 16 bits."""
        if not self._numbers:
            self._numbers = list(memoryview(self._draw(BLOCK_OCTETS)).cast("H"))
        return self._numbers.pop()

    def id(self) -> bytes:
        """A uniform query id, as it goes out."""
        at = self._ids_at
        if at == BLOCK_OCTETS:
            self._ids = self._draw(BLOCK_OCTETS)
            at = 0
        self._ids_at = at + ID_OCTETS
        return self._ids[at : at + ID_OCTETS]

    def port(self) -> int:
        """A uniform port of 1024 to 65535 that is not reserved (our own listening ports)."""
        while True:
            port = self.number()
            if self._usable_ports[port]:
                return port

    def mix_cases(self, names: Sequence[bytes]) -> list[bytes]:
        """`mix_case` for many names: in one piece, which takes half as long."""
        together = b"".join(names)
        if len(together) > BLOCK_OCTETS or not _is_ascii(together):
            return [self.mix_case(name) for name in names]
        mixed = self.mix_case(together)
        drawn: list[bytes] = []
        at = 0
        for name in names:
            end = at + len(name)
            drawn.append(mixed[at:end])
            at = end
        return drawn

    def mix_case(self, name: bytes) -> bytes:
        """The name with the case of each letter drawn anew."""
        length, at = len(name), self._changes_at
        if at + length > BLOCK_OCTETS:
            self._changes = self._draw(BLOCK_OCTETS).translate(_DRAWN_BIT)
            at = 0
        self._changes_at = at + length
        changes = self._changes[at : at + length]
        if _is_ascii(name):
            return (_number(name) | _number(changes)).to_bytes(length, "big").translate(_CASES)
        return bytes([o if o & _CHANGE else _CASES[o | changes[i]] for i, o in enumerate(name)])
