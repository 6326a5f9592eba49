"""Fast readers for the records of signed zones, which are most of such a zone.

As in zone/rdata.py a reader takes the words after the type and a Scope, returns the rdata and
raises ValueError with a reason for people. Spellings that no signer uses (algorithms by name) are
left to the slow way by returning None.

Knows: RFC 4034 sections 2.2, 3.2 and 4, RFC 5155 sections 3.2, 3.3 and 4.3. Does not know: whether
a signature is any good.
"""

from base64 import b32hexdecode
from binascii import Error, a2b_base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

from resolver import codes
from resolver.wire.bitmap import write_types
from resolver.zone.tokens import read_number, read_ttl

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_TIME_DIGITS: Final = 14
_MAX_SALT_OCTETS: Final = 255


class NameReader(Protocol):
    """Who knows the origin (zone/rdata.py)."""

    def name(self, text: str) -> bytes:
        """The wire form of a name."""


def rrsig(words: list[str], scope: NameReader) -> bytes | None:
    """RFC 4034 section 3.2."""
    if len(words) < 9:
        raise ValueError("a covered type, six numbers, a signer and a signature should be here")
    before = before_signature(words, scope)
    return None if before is None else before + _base64(words[8:], "signature")


def before_signature(words: list[str], scope: NameReader) -> bytes | None:
    """What stands before the last field of an RRSIG, from its first eight words."""
    if not words[1].isdigit():
        return None
    return _signature_head(tuple(words[:7])) + scope.name(words[7])


def dnskey(words: list[str], _scope: NameReader) -> bytes | None:
    """RFC 4034 section 2.2."""
    if len(words) < 4:
        raise ValueError("flags, protocol, algorithm and a key should be here")
    if not words[2].isdigit():
        return None
    return b"".join(
        (
            read_number(words[0], _U16, "flags").to_bytes(2, "big"),
            read_number(words[1], _U8, "protocol").to_bytes(1, "big"),
            read_number(words[2], _U8, "algorithm").to_bytes(1, "big"),
            _base64(words[3:], "key"),
        )
    )


def nsec(words: list[str], scope: NameReader) -> bytes:
    """RFC 4034 section 4.2."""
    if not words:
        raise ValueError("the next name and types should be here")
    return scope.name(words[0]) + _bitmap(tuple(words[1:]))


def nsec3(words: list[str], _scope: NameReader) -> bytes:
    """RFC 5155 section 3.3."""
    if len(words) < 5:
        raise ValueError("algorithm, flags, iterations, salt, next hash and types should be here")
    text = words[4].upper()
    try:
        digest = b32hexdecode(text + "=" * (-len(text) % 8))
    except (Error, ValueError):
        raise ValueError("next hash is not in base 32 with extended hex alphabet") from None
    return (
        _parameters(tuple(words[:4])) + bytes((len(digest),)) + digest + _bitmap(tuple(words[5:]))
    )


def nsec3param(words: list[str], _scope: NameReader) -> bytes:
    """RFC 5155 section 4.3."""
    if len(words) != 4:
        raise ValueError("algorithm, flags, iterations and salt should be here")
    return _parameters(tuple(words))


# A file has few sets of types, of times and of NSEC3 parameters, each many times.


@lru_cache(maxsize=1024)
def _signature_head(words: tuple[str, ...]) -> bytes:
    """What is before the signer of an RRSIG."""
    original_ttl = read_ttl(words[3])
    if original_ttl is None:
        raise ValueError(f"original TTL {words[3][:40]!r} is no time")
    return b"".join(
        (
            _type(words[0]).to_bytes(2, "big"),
            read_number(words[1], _U8, "algorithm").to_bytes(1, "big"),
            read_number(words[2], _U8, "labels").to_bytes(1, "big"),
            original_ttl.to_bytes(4, "big"),
            _instant(words[4]),
            _instant(words[5]),
            read_number(words[6], _U16, "key tag").to_bytes(2, "big"),
        )
    )


@lru_cache(maxsize=16)
def _parameters(words: tuple[str, ...]) -> bytes:
    salt = words[3]
    try:
        octets = b"" if salt == "-" else bytes.fromhex(salt)
    except ValueError:
        raise ValueError("salt is not in hexadecimal") from None
    if len(octets) > _MAX_SALT_OCTETS:
        raise ValueError(f"salt of {len(octets)} octets, more than {_MAX_SALT_OCTETS}")
    return b"".join(
        (
            read_number(words[0], _U8, "hash algorithm").to_bytes(1, "big"),
            read_number(words[1], _U8, "flags").to_bytes(1, "big"),
            read_number(words[2], _U16, "iterations").to_bytes(2, "big"),
            bytes((len(octets),)),
            octets,
        )
    )


@lru_cache(maxsize=1024)
def _bitmap(words: tuple[str, ...]) -> bytes:
    return write_types(map(_type, words))


@lru_cache(maxsize=256)
def _type(word: str) -> int:
    rrtype = codes.read_type(word)
    if rrtype is None:
        raise ValueError(f"{word[:60]!r} is no record type")
    return rrtype


@lru_cache(maxsize=256)
def _instant(text: str) -> bytes:
    """YYYYMMDDHHmmSS, or seconds since 1970 (RFC 4034 section 3.2)."""
    if len(text) != _TIME_DIGITS or not text.isdigit():
        return read_number(text, _U32, "time of a signature").to_bytes(4, "big")
    try:
        seconds = int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError(f"{text} is no time of a signature: YYYYMMDDHHmmSS is") from None
    return (seconds & _U32).to_bytes(4, "big")


def _base64(words: list[str], what: str) -> bytes:
    try:
        return a2b_base64("".join(words).encode(), strict_mode=True)
    except (Error, ValueError):
        raise ValueError(f"{what} is not in base 64") from None
