"""Results for people: facts one below the other, and tables with a head.

Knows: text. Does not know: what the facts are about.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def show_facts(facts: dict[str, Any]) -> Iterator[str]:
    """One fact a line; what is inside a fact follows below it, indented."""
    width = max((len(_label(key)) for key in facts), default=0)
    for key, value in facts.items():
        if isinstance(value, dict) and value:
            yield f"{_label(key)}:"
            yield from (f"  {line}" for line in show_facts(value))
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            yield f"{_label(key)}:"
            for each in value:
                yield from (f"  {line}" for line in show_facts(each))
        else:
            yield f"{_label(key):<{width}}  {show_value(value)}".rstrip()


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Columns as wide as what is in them, the last one as it comes."""
    shown = [list(head), *([show_value(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def show_value(value: object) -> str:
    """A value the way people write it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case list() | tuple():
            return ", ".join(map(show_value, value)) or "-"
        case _:
            return str(value)


def _label(key: str) -> str:
    return key.replace("_", " ")
