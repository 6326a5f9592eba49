"""What the doctor says: findings in plain sentences, and what to do about each.

Does not know: how anything is found out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How bad it is. ERROR: somebody gets no answer or a wrong one. WARNING: it will come to that,
    or has for some. NOTE: worth knowing."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding about `subject`, a zone or this machine. `code` never changes its meaning, so
    that programs can tell findings apart."""

    level: Level
    code: str
    subject: str
    says: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """All of it as text."""
        return asdict(self) | {"level": self.level.name.lower()}


class Findings:
    """Diagnoses about one subject, each said once."""

    __slots__ = ("_said", "found", "subject")

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.found: list[Diagnosis] = []
        self._said: set[tuple[str, str]] = set()

    def add(self, level: Level, code: str, says: str, remedy: str) -> None:
        """Note something; the same sentence twice is noted once."""
        if (code, says) not in self._said:
            self._said.add((code, says))
            self.found.append(Diagnosis(level, code, self.subject, says, remedy))

    def error(self, code: str, says: str, remedy: str) -> None:
        self.add(Level.ERROR, code, says, remedy)

    def warning(self, code: str, says: str, remedy: str) -> None:
        self.add(Level.WARNING, code, says, remedy)

    def note(self, code: str, says: str, remedy: str) -> None:
        self.add(Level.NOTE, code, says, remedy)


def as_facts(found: Sequence[Diagnosis]) -> dict[str, Any]:
    """All findings, and how many there are of each level."""
    counts = {
        f"{level.name.lower()}s": sum(each.level == level for each in found) for level in Level
    }
    return {**counts, "findings": [each.as_json() for each in found]}


def as_lines(facts: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    lines = []
    for each in facts["findings"]:
        lines += [
            f"{each['level']}: {each['subject']}: {each['says']}",
            f"    {each['remedy']}  [{each['code']}]",
        ]
    if not lines:
        return ["nothing is wrong"]
    return [*lines, f"{facts['errors']} errors, {facts['warnings']} warnings"]
