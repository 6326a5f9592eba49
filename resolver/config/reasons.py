"""Why a value was refused, in words for operators.

Turns pydantic's error details into one sentence that says what to write instead, with the nearest
known key or word. Knows: the schema and pydantic's kinds of error. Does not know: files and lines.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic_core import ErrorDetails

from resolver.config.entries import Section
from resolver.config.rules import CONTRADICTION, KeyPath
from resolver.config.schema import Config
from resolver.config.units import show_toml


def explain(error: ErrorDetails) -> str:
    """The reason of one error, without the key path."""
    kind = error["type"]
    known = _REASONS.get(kind)
    return known(error) if known else error["msg"]


def show_path(path: KeyPath) -> str:
    """A key path the way operators count: `zone[0].name`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            plain = part.replace("_", "").replace("-", "")
            key = part if plain.isascii() and plain.isalnum() else show_toml(part)
            shown += f".{key}" if shown else key
    return shown


def section_of(annotation: object) -> type[Section] | None:
    """The section class that a field's annotation speaks of, directly or as items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (section_of(arg) for arg in get_args(annotation))
    return next((section for section in found if section), None)


def _unknown(error: ErrorDetails) -> str:
    *parents, key = error["loc"]
    section: type[Section] | None = Config
    for part in parents:
        if section and isinstance(part, str):
            field = section.model_fields.get(part)
            section = section_of(field.annotation) if field else None
    what = "unknown key" if parents else "unknown section"
    near = _nearest(str(key), section.model_fields if section else ())
    if near:
        return f"{what}, did you mean '{near}'?"
    homes = [
        name
        for name, field in Config.model_fields.items()
        if (home := section_of(field.annotation)) and key in home.model_fields
    ]
    if homes:
        return f"{what} here, does it belong in {' or '.join(f'[{home}]' for home in homes)}?"
    return what


def _nearest(word: str, known: Iterable[str]) -> str | None:
    found = get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _not_a_word(error: ErrorDetails) -> str:
    expected: str = error["ctx"]["expected"]
    value = error["input"]
    reason = f"must be {expected.replace(chr(39), chr(34))}, not {show_toml(value)}"
    near = _nearest(value, expected.split("'")[1::2]) if isinstance(value, str) else None
    return f'{reason}; did you mean "{near}"?' if near else reason


def _not_a_list(error: ErrorDetails) -> str:
    section = error["loc"][0]
    if len(error["loc"]) == 1:
        return f"occurs many times, so it is written [[{section}]]"
    return f"must be a list, not {show_toml(error['input'])}"


def _not_a(what: str) -> Callable[[ErrorDetails], str]:
    return lambda error: f"must be {what}, not {show_toml(error['input'])}"


def _bound(words: str, name: str) -> Callable[[ErrorDetails], str]:
    return lambda error: f"must be {words} {error['ctx'][name]}, not {show_toml(error['input'])}"


def _context(name: str) -> Callable[[ErrorDetails], str]:
    return lambda error: str(error["ctx"][name])


_REASONS: dict[str, Callable[[Any], str]] = {
    CONTRADICTION: _context("reason"),
    "value_error": _context("error"),
    "extra_forbidden": _unknown,
    "missing": lambda error: "missing",
    "literal_error": _not_a_word,
    "tuple_type": _not_a_list,
    "too_short": lambda error: "must not be empty",
    "model_type": _not_a("a table"),
    "bool_type": _not_a("true or false"),
    "int_type": _not_a("a whole number"),
    "string_type": _not_a("text"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
}
