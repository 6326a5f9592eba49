"""What stands between the owner and the data of a record in a master file: TTL, class, type.

TTL and class may be left out and may come in either order.

Knows: RFC 1035 section 5.1, RFC 3597 section 5 (TYPE1234). Does not know: owners, data, what a TTL
is when there is none.
"""

from functools import lru_cache
from typing import Final

from resolver import codes
from resolver.codes import META_TYPES, RRClass, RRType
from resolver.zone import tokens

_KNOWN_WORDS: Final = 64
_KNOWN_PAIRS: Final = 1024

# Spelled as they usually are; any other spelling goes through codes.read_type.
COMMON_TYPES: Final = {t.name.replace("_", "-"): int(t) for t in RRType if t not in META_TYPES}


def read_head(words: list[str], at: int) -> tuple[int, int | None, int]:
    """Type, TTL if there is one, and the index of the type's word. Raises ValueError."""
    if at + 2 < len(words):
        rrtype = COMMON_TYPES.get(words[at + 2])
        if rrtype is not None:
            ttl = _ttl_of(words[at], words[at + 1])
            if ttl is not None:
                return rrtype, ttl, at + 2
    return _read_words(words, at)


@lru_cache(_KNOWN_PAIRS)
def _ttl_of(one: str, other: str) -> int | None:
    """The TTL of a TTL and a class in either order; None when the words are anything else."""
    if one in COMMON_TYPES or other in COMMON_TYPES:
        return None
    try:
        _, ttl, at = _read_words([one, other, "A"], 0)
    except ValueError:
        return None  # will be told where the words stand
    return ttl if at == 2 else None


def _read_words(words: list[str], at: int) -> tuple[int, int | None, int]:
    ttl: int | None = None
    class_seen = False
    while at < len(words):
        word = words[at]
        rrtype = COMMON_TYPES.get(word)
        if rrtype is not None:
            return rrtype, ttl, at
        if ttl is None and word[0].isdigit() and (ttl := tokens.read_ttl(word)) is not None:
            at += 1
        elif not class_seen and _is_class(word):
            class_seen = True
            at += 1
        else:
            return _rare_type(word), ttl, at
    raise ValueError("no record type")


@lru_cache(_KNOWN_WORDS)
def _is_class(word: str) -> bool:
    rrclass = codes.read_class(word)
    if rrclass is None or word.upper() == "ANY":
        return False
    if rrclass != RRClass.IN:
        raise ValueError(f"class {word}: only class IN is served")
    return True


def _rare_type(word: str) -> int:
    rrtype = codes.read_type(word)
    if rrtype is None:
        raise ValueError(f"{word[:60]!r} is no record type")
    if rrtype in META_TYPES or rrtype == 0:
        raise ValueError(f"{word} is no type that a zone can hold (RFC 6895 section 3.1)")
    return rrtype
