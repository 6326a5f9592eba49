"""SipHash-2-4: a keyed hash of short messages that nobody can guess without the key.

It is what the interoperable server cookies of RFC 9018 section 4.4 are made with. The standard
library has a SipHash, but with a key and with rounds of its own.

Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), section 2.
"""

from struct import Struct
from typing import Final

KEY_OCTETS: Final = 16

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_KEY: Final = Struct("<2Q")
_WORD: Final = Struct("<Q")
_State = tuple[int, int, int, int]


def siphash24(key: bytes, data: bytes) -> bytes:
    """The hash of `data`, 8 octets, the lowest first. `key` has 16 octets."""
    k0, k1 = _KEY.unpack(key)
    state = (
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    )
    # The last word holds what is left over, and the length in its highest octet.
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    for (word,) in _WORD.iter_unpack(padded):
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _rounds((v0, v1, v2, v3 ^ word), 2)
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _rounds((v0, v1, v2 ^ 0xFF, v3), 4)
    return _WORD.pack(v0 ^ v1 ^ v2 ^ v3)


def _rounds(state: _State, count: int) -> _State:
    v0, v1, v2, v3 = state
    for _ in range(count):
        v0 = v0 + v1 & _MASK
        v1 = (v1 << 13 & _MASK | v1 >> 51) ^ v0
        v0 = v0 << 32 & _MASK | v0 >> 32
        v2 = v2 + v3 & _MASK
        v3 = (v3 << 16 & _MASK | v3 >> 48) ^ v2
        v0 = v0 + v3 & _MASK
        v3 = (v3 << 21 & _MASK | v3 >> 43) ^ v0
        v2 = v2 + v1 & _MASK
        v1 = (v1 << 17 & _MASK | v1 >> 47) ^ v2
        v2 = v2 << 32 & _MASK | v2 >> 32
    return v0, v1, v2, v3
