"""Master files: text into a zone, with every fault reported at its line.

Knows: what is made of a file and its records, RFC 9609. Does not know: how a file is read
(zone/reader.py), how zones are stored or looked up, sockets, configuration.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.errors import Finding, ZoneError
from resolver.model import RRset
from resolver.slices import Slices, finish
from resolver.zone import zonemd
from resolver.zone.content import Zone
from resolver.zone.draft import Draft
from resolver.zone.reader import Reader
from resolver.zone.signer import SigningKey
from resolver.zone.signer import faults as key_faults

_ADDRESSES: Final = (RRType.A, RRType.AAAA)


@dataclass(frozen=True, slots=True)
class ZoneReport:
    """What reading a zone gave: the zone unless there are errors, all that was found, and the files
    that were read."""

    zone: Zone | None
    errors: list[Finding]
    warnings: list[Finding]
    files: tuple[Path, ...] = ()
    lends: bool = True  # whether there may be an ALIAS in it


def load_zone(path: Path, origin: bytes) -> Zone:
    """The zone of a master file; `origin` in wire form, lower case. Raises ZoneError with every
    error found. Warnings are dropped: use read_zone_file to have them."""
    report = read_zone_file(path, origin)
    if report.zone is None:
        raise ZoneError(report.errors)
    return report.zone


def read_zone_file(
    path: Path,
    origin: bytes,
    *,
    now: float | None = None,
    check_digest: bool = False,
    alias_keys: Sequence[SigningKey] = (),
) -> ZoneReport:
    """Read and check a master file, keeping errors and warnings apart. Never raises for what is in
    the file, nor for a file that cannot be read.

    `now`, in seconds since 1970, is the time that signatures should be valid at; without it nobody
    looks at their times. `check_digest` makes an error of a ZONEMD that does not fit. `alias_keys`
    are to sign what an ALIAS of a signed zone lends; one that is no key of the zone is an error.
    """
    steps = read_zone_slices(
        path, origin, now=now, check_digest=check_digest, alias_keys=alias_keys
    )
    return finish(steps)


def read_zone_slices(
    path: Path,
    origin: bytes,
    *,
    now: float | None = None,
    check_digest: bool = False,
    alias_keys: Sequence[SigningKey] = (),
) -> Slices[ZoneReport]:
    """The same in slices, beside a server that goes on answering."""
    reader = _reader(origin, alias_keys)
    yield from reader.read_file(path)
    report = yield from _report(reader, alias_keys, now)
    if check_digest and report.zone is not None:
        verdict = yield from zonemd.verify(report.zone)
        if isinstance(verdict, zonemd.Wrong):
            return replace(report, zone=None, errors=[Finding(str(path), 0, verdict.reason)])
        if isinstance(verdict, zonemd.Unusable):
            report.warnings.append(Finding(str(path), 0, verdict.reason))
    return report


def read_zone_text(
    text: str,
    origin: bytes,
    name: str = "zone",
    *,
    now: float | None = None,
    alias_keys: Sequence[SigningKey] = (),
) -> ZoneReport:
    """The same for a text already in memory, called `name` in findings; $INCLUDE is relative to the
    working directory."""
    reader = _reader(origin, alias_keys)
    finish(reader.read_stream(StringIO(text.encode().decode("latin-1")), name, Path("zone")))
    return finish(_report(reader, alias_keys, now))


def read_hints(path: Path) -> list[RRset]:
    """The name servers of the root and their addresses from a hints file (RFC 9609 section 2):
    like a zone, but without SOA. Raises ZoneError."""
    reader = _reader(names.ROOT)
    finish(reader.read_file(path))
    findings = reader.findings
    rrsets = reader.draft.rrsets()
    if not findings.errors:
        ns = [r for r in rrsets if r.rrtype == RRType.NS and r.owner == names.ROOT]
        servers = {rdata.lower() for rrset in ns for rdata in rrset.rdatas}
        rrsets = ns + [r for r in rrsets if r.rrtype in _ADDRESSES and r.owner.lower() in servers]
        if len(rrsets) < 2:
            findings.error(0, "no name server of the root with an address: these are no root hints")
    if findings.errors:
        findings.close()
        raise ZoneError(findings.errors)
    return rrsets


def read_records(lines: Iterable[str], name: str, *, ttl: int) -> tuple[list[RRset], list[Finding]]:
    """The RRsets of lines that make no zone, and the faults in them; `name` is what findings call
    the lines. Names are absolute; `ttl` in seconds is for records without one."""
    reader = Reader(Draft(names.ROOT), names.ROOT, default_ttl=ttl)
    finish(reader.read_lines(lines, name))
    return reader.draft.rrsets(), reader.findings.errors


def origin_of(path: Path) -> bytes:
    """The origin that a file is named after: `example.org.zone` or `example.org` holds example.org.
    Raises NameSyntaxError."""
    name = path.name
    for ending in (".zone", ".db"):
        name = name.removesuffix(ending)
    return names.read(name).lower()


def _reader(origin: bytes, alias_keys: Sequence[SigningKey] = ()) -> Reader:
    return Reader(Draft(origin.lower(), signs_aliases=bool(alias_keys)), origin)


def _report(
    reader: Reader, alias_keys: Sequence[SigningKey], now: float | None
) -> Slices[ZoneReport]:
    findings, draft = reader.findings, reader.draft
    zone = None
    if not findings.errors or draft.has(draft.origin):
        zone = yield from draft.finish(findings, now=now)
    if zone is not None and alias_keys:
        faults = key_faults(alias_keys, zone)
        findings.errors += [Finding(file, 0, reason) for file, reason in faults]
        zone = None if faults else zone
    findings.close()
    files = tuple(map(Path, dict.fromkeys(findings.files)))
    return ZoneReport(zone, findings.errors, findings.warnings, files, draft.lends)
