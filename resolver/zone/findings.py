"""What is wrong or odd about a zone that is being read, and where it stands.

Knows: nothing of DNS. Does not know: who finds it, what becomes of it.
"""

from typing import Final

from resolver.errors import Finding

MAX_FINDINGS: Final = 100

_LINE_BITS: Final = 32


def place(file: int, line: int) -> int:
    """Where a record came from, as one number: index of the file, and its line from 1."""
    return file << _LINE_BITS | line


class Findings:
    """Errors and warnings of one zone, with where they are; bounded to MAX_FINDINGS of each."""

    __slots__ = ("errors", "files", "more_errors", "more_warnings", "warnings")

    def __init__(self) -> None:
        self.files: list[str] = []
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []
        self.more_errors = 0
        self.more_warnings = 0

    def error(self, where: int, reason: str) -> None:
        """A fault for which the zone is refused."""
        if len(self.errors) < MAX_FINDINGS:
            self.errors.append(self._finding(where, reason))
        else:
            self.more_errors += 1

    def warning(self, where: int, reason: str) -> None:
        """Something that is probably not what its author wanted."""
        if len(self.warnings) < MAX_FINDINGS:
            self.warnings.append(self._finding(where, reason))
        else:
            self.more_warnings += 1

    def close(self) -> None:
        """Say how many were left out."""
        name = self.files[0] if self.files else ""
        if self.more_errors:
            self.errors.append(Finding(name, 0, f"… and {self.more_errors} more errors"))
        if self.more_warnings:
            self.warnings.append(Finding(name, 0, f"… and {self.more_warnings} more warnings"))
        self.more_errors = self.more_warnings = 0

    def _finding(self, where: int, reason: str) -> Finding:
        file = where >> _LINE_BITS
        name = self.files[file] if file < len(self.files) else ""
        return Finding(name, where & (1 << _LINE_BITS) - 1, reason)


class Unjudged(Findings):
    """For zones of our own. RFC 6303 wants what the file of an operator would be refused for: a
    name server that is the origin itself and has no address."""

    def error(self, where: int, reason: str) -> None:
        """Let it pass."""
