"""From a TOML file to a Config, or to every fault in it.

All faults are found at once, each with file, line, key path, reason and, for a misspelt key, the
nearest known one. The only module here that touches the disk; layer 7.

Knows: files and lines. Does not know: what the keys mean (config/schema.py, config/rules.py).
"""

import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from resolver.config.lines import find_lines
from resolver.config.reasons import explain, show_path
from resolver.config.rules import CONTRADICTION, KeyPath
from resolver.config.schema import Config
from resolver.config.unbuilt import unbuilt as unbuilt
from resolver.errors import ConfigError, Finding

MAX_CONFIG_OCTETS = 16 * 1024 * 1024
_TOML_PLACE = re.compile(r"(?P<reason>.*) \(at (?:line (?P<line>\d+), .*|end of document)\)", re.S)


def load(path: Path, *, only: Collection[str] | None = None) -> Config:
    """The configuration in a file; relative paths in it start from the file's folder.

    With `only`, sections of other names are left at their defaults, and faults in them unnoticed.
    Raises ConfigError with every fault found, in the order of lines.
    """
    text = _read(path)
    try:
        data = tomllib.loads(text)
        lines = find_lines(text)
    except tomllib.TOMLDecodeError as error:
        _refuse_syntax(path, text, str(error))
    except RecursionError:
        _refuse(path, 0, "nested too deeply")
    if only is not None:
        data = {name: section for name, section in data.items() if name in only}
    # Sections that are absent are read as well, so that their default paths start from the file.
    for name, field in Config.model_fields.items():
        data.setdefault(name, () if field.default == () else {})
    context = {"base": path.parent}
    try:
        return Config.model_validate(data, context=context)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    errors += _hidden_contradictions(data, errors, context)
    raise ConfigError(_findings(str(path), lines, errors))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_CONFIG_OCTETS + 1)
    except OSError as error:
        _refuse(path, 0, f"cannot be read: {error.strerror}")
    if len(octets) > MAX_CONFIG_OCTETS:
        _refuse(path, 0, f"more than {MAX_CONFIG_OCTETS} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(path, octets.count(b"\n", 0, error.start) + 1, "not UTF-8")


def _refuse(path: Path, line: int, reason: str) -> NoReturn:
    raise ConfigError([Finding(str(path), line, reason)]) from None


def _refuse_syntax(path: Path, text: str, message: str) -> NoReturn:
    found = _TOML_PLACE.fullmatch(message)
    last_line = text.count("\n", 0, len(text.rstrip())) + 1
    line = int(found["line"] or last_line) if found else 0
    reason = found["reason"] if found else message
    _refuse(path, line, f"not TOML: {reason[0].lower()}{reason[1:]}")


def _findings(file: str, lines: dict[KeyPath, int], errors: list[ErrorDetails]) -> list[Finding]:
    found = []
    for error in errors:
        path = error["loc"]
        place = path
        while place and place not in lines:
            place = place[:-1]
        reason = f"{show_path(path)}: {explain(error)}"
        found.append(Finding(file, lines.get(place, 0), reason))
    return sorted(found, key=lambda finding: finding.line)


def _hidden_contradictions(
    data: dict[str, Any], errors: list[ErrorDetails], context: dict[str, Any]
) -> list[ErrorDetails]:
    """Contradictions among what is left without the faulty keys and entries.

    Contradictions are only looked for in a configuration that is otherwise sound; this way they
    are reported together with the faults of single values. What may only follow from leaving those
    out is not reported.
    """
    broken = {error["loc"][:2] for error in errors}
    if any(error["type"] == CONTRADICTION for error in errors):
        return []
    left, kept = _without(data, broken)
    try:
        Config.model_validate(left, context=context)
    except ValidationError as error:
        hidden = error.errors(include_url=False)
    else:
        return []
    broken_sections = {path[0] for path in broken}
    found = []
    for detail in hidden:
        section, *rest = detail["loc"]
        if section in kept:
            rest[0] = kept[section][int(rest[0])]
        follows = (section, *rest[:1]) in broken or (section,) in broken
        if detail["type"] != CONTRADICTION or detail["ctx"]["reads"] in broken_sections:
            continue
        if not follows:
            found.append(ErrorDetails(**{**detail, "loc": (section, *rest)}))
    return found


def _without(
    data: dict[str, Any], broken: set[KeyPath]
) -> tuple[dict[str, Any], dict[str | int, list[int]]]:
    """The data without broken sections, keys and entries, and the entries' original indexes."""
    left: dict[str, Any] = {}
    kept: dict[str | int, list[int]] = {}
    for section, content in data.items():
        if (section,) in broken:
            continue
        if isinstance(content, dict):
            left[section] = {k: v for k, v in content.items() if (section, k) not in broken}
        else:
            kept[section] = [i for i in range(len(content)) if (section, i) not in broken]
            left[section] = [content[i] for i in kept[section]]
    return left, kept
