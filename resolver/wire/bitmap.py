"""Sets of record types, as NSEC and NSEC3 records list them.

Knows: RFC 4034 section 4.1.2 (and RFC 5155 section 3.2.1, which has the same form). Does not know:
records, names.
"""

from collections.abc import Iterable

_WINDOW_HEAD_OCTETS = 2


def write_types(types: Iterable[int]) -> bytes:
    """Types as windows of bits."""
    windows: dict[int, bytearray] = {}
    for rrtype in sorted(types):
        bits = windows.setdefault(rrtype >> 8, bytearray())
        octet = (rrtype & 0xFF) >> 3
        bits.extend(bytes(octet + 1 - len(bits)))
        bits[octet] |= 0x80 >> (rrtype & 7)
    return b"".join([bytes((w, len(bits))) + bits for w, bits in windows.items()])


def read_types(octets: bytes) -> set[int]:
    """The types of the windows that these octets are; whatever is cut off is left out."""
    types: set[int] = set()
    at = 0
    while at + _WINDOW_HEAD_OCTETS <= len(octets):
        window, length = octets[at] << 8, octets[at + 1]
        at += _WINDOW_HEAD_OCTETS
        for number, octet in enumerate(octets[at : at + length]):
            types.update(window | number << 3 | bit for bit in range(8) if octet & 0x80 >> bit)
        at += length
    return types
