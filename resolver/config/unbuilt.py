"""Which keys are read but not obeyed yet.

One table, which shrinks as work lands. A key in it that a file sets to something is told once at
start, so that nobody trusts in a setting that does nothing. Does not know: who prints.
"""

from typing import Any, NamedTuple

from resolver.config.schema import Config
from resolver.config.units import show_name


class Unbuilt(NamedTuple):
    """What happens instead. `off` is the value that asks for nothing beside that; an `idle` key
    means nothing by itself, so its default is not worth a word."""

    instead: str
    off: Any = None
    idle: bool = False


NOT_BUILT: dict[str, Unbuilt] = {
    "server.workers": Unbuilt("one process serves", 1),
    "dnssec.validation": Unbuilt("nothing is validated", "off"),
    "dnssec.trust_anchors": Unbuilt("nothing is validated", ()),
    "dnssec.negative_trust_anchors": Unbuilt("nothing is validated", ()),
}


def unbuilt(config: Config) -> list[str]:
    """A sentence for each key that was set to something but does nothing yet, and one for all
    those left at a default that does nothing yet."""
    told: list[str] = []
    defaults: list[str] = []
    for path, entry in NOT_BUILT.items():
        section_name, _, key = path.partition(".")
        section = getattr(config, section_name)
        if isinstance(section, tuple):
            told += [
                f"{_show_entry(section_name, i, item, key)} is not built yet: {entry.instead}"
                for i, item in enumerate(section)
                if not key or _is_asked_for(item, key, entry.off)
            ]
        elif _is_asked_for(section, key, entry.off):
            told.append(f"{path} is not built yet: {entry.instead}")
        elif _is_default(section, key) and getattr(section, key) != entry.off and not entry.idle:
            defaults.append(path)
    if defaults:
        told.append(f"Not built yet, whatever their defaults say: {', '.join(defaults)}")
    return told


def _is_default(section: Any, key: str) -> bool:
    return key not in section.model_fields_set


def _is_asked_for(section: Any, key: str, off: object) -> bool:
    return not _is_default(section, key) and getattr(section, key) != off


def _show_entry(section: str, index: int, item: Any, key: str) -> str:
    name = getattr(item, "name", None)
    shown = f"[[{section}]] {show_name(name) if name else index + 1}"
    return f"{shown}: {key}" if key else shown
