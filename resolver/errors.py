"""Every exception of the package.

An exception is our own mistake or unusable input. What a peer does is a value (see effects.py),
never one of these, with one exception: WireError, which the callers of wire.parse turn into a
value.
"""

from dataclasses import dataclass


class ResolverError(Exception):
    """Root of the tree."""


class NameSyntaxError(ResolverError, ValueError):
    """Text that is not a domain name (RFC 1035 section 5.1), or a name over its limits."""


class WireError(ResolverError, ValueError):
    """Bytes that are not a DNS message. `offset` counts octets from the start of the message."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"octet {offset}: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault in a file: where, and what. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.reason}"


class ZoneError(ResolverError):
    """A zone that cannot be served. Carries every fault found, not only the first."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = findings


class DiffError(ResolverError, ValueError):
    """Differences that do not fit the version of a zone they are put on."""


class JournalError(ResolverError):
    """A journal that cannot be read or written. What it held before is untouched."""


class SnapshotError(ResolverError):
    """A snapshot of the cache that is damaged, or of another version."""


class ConfigError(ResolverError):
    """A configuration that cannot be used. Carries every fault found."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(f) for f in findings))
        self.findings = findings
