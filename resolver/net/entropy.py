"""Unpredictable ids, ports and letter cases for queries to other servers.

Everything comes from the system's CSPRNG, drawn in blocks so that one draw costs no system call
(RFC 5452 section 9.2: unpredictable ids and ports over their whole range). One Entropy belongs to
one process: make it after a fork, never before.

Knows: os.urandom, RFC 5452, the 0x20 bit of letters. Does not know: sockets, messages.
"""

import os
from collections.abc import Callable
from typing import Final

BLOCK_OCTETS: Final = 4096
# For the case of names: enough for the longest, and no more, for all of it is moved each time.
CASE_OCTETS: Final = 256
LOWEST_PORT: Final = 1024

# 0x20 at every octet that is a letter. Length octets (at most 63) are never letters, so a whole
# wire name can go through it.
_LETTER_BITS: Final = bytes(
    0x20 if 0x41 <= octet <= 0x5A or 0x61 <= octet <= 0x7A else 0 for octet in range(256)
)


# Big-endian; to look it up each time takes as long as the work.
_number: Final = int.from_bytes


class Entropy:
    """Draws from blocks of octets: the system's, or in tests from some that are known. No octet is
    used twice."""

    __slots__ = ("_case_bits", "_case_octets", "_draw", "_numbers", "_reserved_ports")

    def __init__(
        self,
        reserved_ports: frozenset[int] = frozenset(),
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._draw = draw
        self._reserved_ports = reserved_ports
        self._numbers: list[int] = []
        self._case_bits = 0
        self._case_octets = 0  # so many of them are left in those bits

    def number(self) -> int:
        """A uniform number of 16 bits: a query id."""
        if not self._numbers:
            self._numbers = list(memoryview(self._draw(BLOCK_OCTETS)).cast("H"))
        return self._numbers.pop()

    def port(self) -> int:
        """A uniform port of 1024 to 65535 that is not reserved (our own listening ports)."""
        while True:
            port = self.number()
            if port >= LOWEST_PORT and port not in self._reserved_ports:
                return port

    def mix_case(self, name: bytes) -> bytes:
        """The name with the case of each letter drawn anew."""
        length = len(name)
        if length > self._case_octets:
            self._case_bits = _number(self._draw(CASE_OCTETS))
            self._case_octets = CASE_OCTETS
        bits = self._case_bits
        self._case_bits = bits >> 8 * length
        self._case_octets -= length
        return (_number(name) ^ (_number(name.translate(_LETTER_BITS)) & bits)).to_bytes(
            length, "big"
        )
