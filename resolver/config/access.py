"""Who may ask for what, as operators write it: prefixes, four words, and keys.

Knows: the text of an entry and that "none" stands alone. Does not know: which address matches
(policy/acl.py does), which keys exist (config/rules.py checks).
"""

from enum import StrEnum
from typing import Annotated, NamedTuple, TypeAlias

from pydantic import AfterValidator, PlainSerializer, PlainValidator, Strict, WithJsonSchema

from resolver.config.units import Network, read_name, read_prefix, show_name, text_of

KEY_PREFIX = "key:"


class AccessWord(StrEnum):
    """Entries that are words."""

    ANY = "any"
    NONE = "none"
    LOCALHOST = "localhost"
    LOCALNETS = "localnets"


class AccessKey(NamedTuple):
    """Whoever signs with this TSIG key (RFC 8945); the name in lower-case wire form."""

    name: bytes


AccessItem: TypeAlias = Network | AccessWord | AccessKey


def read_item(value: object) -> AccessItem:
    """One entry from its text. Raises ValueError."""
    if not isinstance(value, str):
        if isinstance(value, (Network, AccessKey)):
            return value
        text_of(value, "a prefix, a word or a key")
    assert isinstance(value, str)
    text = value.strip()
    if text in set(AccessWord):
        return AccessWord(text)
    if text.startswith(KEY_PREFIX):
        return AccessKey(read_name(text.removeprefix(KEY_PREFIX)))
    try:
        return read_prefix(text)
    except ValueError as error:
        reason = str(error)
        if "host bits" in reason:
            raise
        raise ValueError(
            f'"{text}" is not a prefix, "any", "none", "localhost", "localnets" or "key:NAME"'
        ) from None


def show_item(item: AccessItem) -> str:
    """The text of an entry; reads back as the same."""
    if isinstance(item, AccessKey):
        return KEY_PREFIX + show_name(item.name)
    return str(item)


def _none_alone(items: tuple[AccessItem, ...]) -> tuple[AccessItem, ...]:
    if AccessWord.NONE in items and len(items) > 1:
        raise ValueError('"none" and other entries contradict each other')
    return items


_Item = Annotated[
    AccessItem,
    PlainValidator(read_item),
    PlainSerializer(show_item),
    WithJsonSchema(
        {
            "type": "string",
            "examples": ["any", "none", "localhost", "localnets", "192.0.2.0/24", "key:name"],
            "x-kind": "prefixes, words and keys",
        }
    ),
]
AccessList = Annotated[tuple[_Item, ...], Strict(False), AfterValidator(_none_alone)]

ANYBODY: tuple[AccessItem, ...] = (AccessWord.ANY,)
NOBODY: tuple[AccessItem, ...] = (AccessWord.NONE,)
NEIGHBOURS: tuple[AccessItem, ...] = (AccessWord.LOCALHOST, AccessWord.LOCALNETS)
