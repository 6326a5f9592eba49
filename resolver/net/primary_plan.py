"""A primary zone as it is configured, and what its files give.

Knows: what is to be read for a zone. Does not know: when it is read (net/primaries.py), what
becomes of it (net/primary.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resolver.config.zones import SerialPolicy
from resolver.net.zone_files import Signature, signature
from resolver.slices import Slices
from resolver.zone.file import ZoneReport, read_zone_slices
from resolver.zone.signer import SigningKey


@dataclass(frozen=True, slots=True)
class PrimaryZone:
    """A zone as it is configured; the origin in lower case. `sync_s` is how long after an update
    the file is written anew, None for never; `catalog` which catalog lists it, and `catalog_group`
    as what; `check_digest` whether it has to fit its ZONEMD, if it has one. With at most
    `kept_records` it is kept in the journal even if nothing but its file ever changes it. With
    `reverse` its addresses have PTR records in our reverse zones. `alias_keys` are the files of the
    keys that sign what its ALIAS records lend."""

    origin: bytes
    path: Path
    serial: SerialPolicy = "increment"
    watch: bool = False
    sync_s: float | None = None
    catalog: bytes | None = None
    catalog_group: str = ""
    check_digest: bool = False
    kept_records: int = 0
    reverse: bool = False
    alias_keys: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRead:
    """What the files of a zone gave, and what they were known by before they were read."""

    report: ZoneReport
    seen: Signature


def read_file(
    plan: PrimaryZone,
    now: float,
    files: tuple[Path, ...] = (),
    *,
    alias_keys: Sequence[SigningKey] = (),
) -> Slices[FileRead]:
    """Read the file of a zone in slices; `now` in seconds since 1970. `files` are those it had at
    its last reading: what changes while they are read is read again the next time. `alias_keys` are
    those of the plan, which were read before."""
    seen = signature(files)
    report = yield from read_zone_slices(
        plan.path, plan.origin, now=now, check_digest=plan.check_digest, alias_keys=alias_keys
    )
    return FileRead(report, seen if report.files == files else signature(report.files))
