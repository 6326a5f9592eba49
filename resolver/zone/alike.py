"""Signatures that are like the one before but for the last field.

A signer writes two or three lines for each signature, of which all but the signature itself are
mostly those of the last one of that type: the same times, key and signer. So what was made of these
words is kept by their text, and only the rest is read.

Knows: RFC 4034 section 3.2. Does not know: files, owners.
"""

from binascii import Error, a2b_base64
from typing import Final

from resolver.codes import RRType
from resolver.zone import rdata_signed
from resolver.zone.heads import read_head
from resolver.zone.rdata import Scope

_RRSIG: Final = int(RRType.RRSIG)
_FIELDS_BEFORE: Final = 8  # from the covered type to the signer
_MAX_KNOWN: Final = 256


class Known:
    """A signature without its last field: TTL, the text in parentheses up to there, the octets."""

    __slots__ = ("_octets", "_text", "ttl")

    def __init__(self, ttl: int, text: str, octets: bytes) -> None:
        self.ttl = ttl
        self._text = text
        self._octets = octets

    def rdata(self, inside: str) -> bytes | None:
        """The data of a signature with this text in parentheses; None when it is not alike, or not
        right."""
        if not inside.startswith(self._text):
            return None
        words = inside[len(self._text) :].split()
        try:
            return self._octets + a2b_base64("".join(words), strict_mode=True) if words else None
        except Error:
            return None


class Alike:
    """What is known of signatures, by what stands before the parenthesis when it begins with a
    blank. To be forgotten when origin or default TTL change."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def find(self, head: str) -> Known | None:
        """What a record that begins like this may be like."""
        return self._known.get(head)

    def forget(self) -> None:
        """Whatever was read under another origin or default TTL."""
        self._known.clear()

    def learn(self, head: str, inside: str, *, scope: Scope, default_ttl: int | None) -> None:
        """Take note of a record without fault; `head` is what stands before the parenthesis."""
        words = head.split()
        if "RRSIG" not in words or head[0] not in " \t":
            return
        rrtype, ttl, at = read_head(words, 0)
        ttl = default_ttl if ttl is None else ttl
        before = words[at + 1 :]
        missing = _FIELDS_BEFORE - len(before)
        if rrtype != _RRSIG or ttl is None or missing < 0:
            return
        fields = inside.split(None, missing)
        if len(fields) <= missing:
            return
        octets = rdata_signed.before_signature(before + fields[:missing], scope)
        if octets is not None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            text = inside[: len(inside) - len(fields[missing])]
            self._known[head] = Known(ttl, text, octets)
