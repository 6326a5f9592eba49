"""What an operator wants to know of a zone: one set of facts for status commands, log and metrics.

Knows: words and units. Does not know: where the facts come from, sockets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resolver import names
from resolver.zone.peer import Peer


@dataclass(frozen=True, slots=True)
class PrimaryStatus:
    """A primary as we know it: its last serial, and in words how it last behaved, `age_s` ago."""

    peer: Peer
    serial: int | None
    note: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class ZoneStatus:
    """A secondary zone. `state` is "serving", "expired" or "not ready"; ages and waits in seconds;
    `failures` counts checks without success since the last one that had it; `saved` says whether
    the copy would survive a restart; `checks` counts all checks by how they ended."""

    origin: bytes
    state: str
    serial: int | None
    age_s: float | None
    expires_in_s: float | None
    next_check_in_s: float
    checking: bool
    failures: int
    saved: bool
    primaries: tuple[PrimaryStatus, ...]
    checks: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The same for people: one line of the zone, one of each primary."""
        about = f"zone {names.show(self.origin)} {self.state}"
        if self.serial is not None:
            about += f" serial {self.serial}"
        if self.age_s is not None:
            about += f", confirmed {_show(self.age_s)} ago"
        if self.expires_in_s is not None:
            expires = self.expires_in_s
            about += f", expires in {_show(expires)}" if expires > 0 else ", too old"
        about += ", being checked" if self.checking else f", check in {_show(self.next_check_in_s)}"
        if not self.saved and self.serial is not None:
            about += ", not on disk"
        lines = [about]
        for primary in self.primaries:
            when = "" if primary.age_s is None else f" ({_show(primary.age_s)} ago)"
            lines.append(f"  primary {primary.peer}: {primary.note or 'not asked yet'}{when}")
        return lines

    def facts(self) -> dict[str, Any]:
        """The same for programs; names and addresses as text."""
        return {
            "zone": names.show(self.origin),
            "role": "secondary",
            "state": self.state,
            "serial": self.serial,
            "age_s": self.age_s,
            "expires_in_s": self.expires_in_s,
            "next_check_in_s": self.next_check_in_s,
            "checking": self.checking,
            "failures": self.failures,
            "checks": dict(self.checks),
            "saved": self.saved,
            "primaries": [
                {
                    "address": str(primary.peer.address),
                    "key": None if primary.peer.key is None else names.show(primary.peer.key),
                    "serial": primary.serial,
                    "note": primary.note,
                    "age_s": primary.age_s,
                }
                for primary in self.primaries
            ],
        }


def _show(seconds: float) -> str:
    """A time as people say it, in its two largest units."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count and len(parts) < 2:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
