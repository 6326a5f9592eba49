"""Master files: text into a zone, with every fault reported at its line.

The only module of this package that touches the disk, and it only reads. A plain line is split at
its blanks; anything with quotes, parentheses, comments or escapes takes the careful way
(zone/tokens.py). Both end in the same place.

Knows: RFC 1035 section 5, RFC 2308 section 4 ($TTL), RFC 3597 section 5. Does not know: how zones
are stored or looked up, sockets, configuration.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.errors import Finding, ZoneError
from resolver.model import RRset
from resolver.slices import Slices, finish
from resolver.zone import generate, tokens, zonemd
from resolver.zone.content import Zone, read_soa
from resolver.zone.draft import Draft, Findings, place
from resolver.zone.heads import COMMON_TYPES, read_head
from resolver.zone.rdata import READERS, Scope, read_rdata
from resolver.zone.signer import SigningKey
from resolver.zone.signer import faults as key_faults

MAX_INCLUDE_DEPTH: Final = 10
MAX_INCLUDES: Final = 1_000
# Lines between two breaks: a millisecond or two of work.
SLICE_LINES: Final = 200

_SOA: Final = int(RRType.SOA)
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
    reader = _Reader(origin, alias_keys=alias_keys)
    yield from reader.read_file(path)
    report = yield from reader.report(now)
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
    reader = _Reader(origin, alias_keys=alias_keys)
    lines = StringIO(text.encode().decode("latin-1"))
    finish(reader.read_lines(lines, name, Path("zone")))
    return finish(reader.report(now))


def read_hints(path: Path) -> list[RRset]:
    """The name servers of the root and their addresses from a hints file (RFC 9609 section 2):
    like a zone, but without SOA. Raises ZoneError."""
    reader = _Reader(names.ROOT)
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
    reader = _Reader(names.ROOT, default_ttl=ttl)
    finish(reader.read_lines(lines, name, Path(name)))
    return reader.draft.rrsets(), reader.findings.errors


def origin_of(path: Path) -> bytes:
    """The origin that a file is named after: `example.org.zone` or `example.org` holds example.org.
    Raises NameSyntaxError."""
    name = path.name
    for ending in (".zone", ".db"):
        name = name.removesuffix(ending)
    return names.read(name).lower()


class _Reader:
    """State of RFC 1035 section 5: origin, last owner, last TTL; and where we are."""

    def __init__(
        self,
        origin: bytes,
        default_ttl: int | None = None,
        *,
        alias_keys: Sequence[SigningKey] = (),
    ) -> None:
        self.draft = Draft(origin.lower(), signs_aliases=bool(alias_keys))
        self._alias_keys = alias_keys
        self.findings = Findings()
        self._scope = Scope(origin)
        self._owner: bytes | None = None
        self._owner_text = ""
        self._default_ttl = default_ttl  # $TTL, or the SOA's MINIMUM where that is missing
        self._last_ttl: int | None = None
        self._warned_of_ttl = False
        self._where = 0
        self._directory = Path()
        self._open: list[Path] = []
        self._include_count = 0

    def report(self, now: float | None) -> Slices[ZoneReport]:
        findings = self.findings
        zone = None
        if not findings.errors or self.draft.has(self.draft.origin):
            zone = yield from self.draft.finish(findings, now=now)
        if zone is not None and self._alias_keys:
            faults = key_faults(self._alias_keys, zone)
            findings.errors += [Finding(file, 0, reason) for file, reason in faults]
            zone = None if faults else zone
        findings.close()
        files = tuple(map(Path, dict.fromkeys(findings.files)))
        return ZoneReport(zone, findings.errors, findings.warnings, files, self.draft.lends)

    def read_file(self, path: Path) -> Slices[None]:
        """Read a file as part of the zone; what goes wrong becomes a finding."""
        try:
            if not path.is_file():
                self._unreadable(path, "no such file" if not path.exists() else "not a file")
                return
            with path.open(encoding="latin-1", newline=None) as lines:
                yield from self.read_lines(lines, str(path), path)
        except OSError as error:
            self._unreadable(path, error.strerror or "cannot be read")

    def _unreadable(self, path: Path, reason: str) -> None:
        if self._open:
            self.findings.error(self._where, f"{path}: {reason}")
        else:
            self.findings.files.append(str(path))
            self.findings.error(place(len(self.findings.files) - 1, 0), reason)

    def read_lines(self, lines: Iterable[str], name: str, path: Path) -> Slices[None]:
        """Read lines as part of the zone; `path` is where they are from."""
        self._open.append(path.resolve())
        self._directory = path.parent
        self.findings.files.append(name)
        file_place = place(len(self.findings.files) - 1, 0)
        care = tokens.needs_care
        numbered = enumerate(lines, 1)
        for number, line in numbered:
            self._where = file_place | number
            try:
                if care(line) is None and line[0] != "$":
                    words = line.split()
                    if words:
                        self._record(words, indented=line[0] in " \t")
                elif (included := self._careful(line, numbered, file_place)) is not None:
                    yield from self._include(included)
            except ValueError as error:
                self.findings.error(self._where, str(error))
            if number % SLICE_LINES == 0:
                yield
        self._open.pop()

    def _careful(
        self, line: str, more: Iterator[tuple[int, str]], file_place: int
    ) -> list[str] | None:
        """A line that needs tokens, and the lines that its parentheses take in. Returns the words
        behind $INCLUDE if that is what it is."""
        if file_place | 1 == self._where and line.startswith("\xef\xbb\xbf"):
            line = line[3:]
            self.findings.warning(self._where, "byte order mark skipped: other servers refuse it")
        words: list[str] = []
        depth = _split(line, words, 0)
        octets = len(line)
        while depth:
            number, following = next(more, (0, ""))
            octets += len(following)
            if not number or octets > tokens.MAX_ENTRY_OCTETS:
                raise ValueError("the parenthesis opened here is never closed")
            opened, self._where = self._where, file_place | number
            depth = _split(following, words, depth)
            self._where = opened
        if not words:
            return None
        if words[0][0] == "$" and line[0] == "$":
            return self._directive(words)
        self._record(words, indented=line[0] in " \t")
        return None

    def _directive(self, words: list[str]) -> list[str] | None:
        name = words[0].upper()
        if name == "$GENERATE":
            for generated in generate.expand(words[1:]):
                self._record(generated, indented=False)
        elif name == "$INCLUDE" and len(words) in (2, 3):
            return words[1:]
        elif name == "$ORIGIN" and len(words) == 2:
            self._scope = Scope(self._scope.name(words[1]))
            self._owner_text = ""
        elif name == "$TTL" and len(words) == 2:
            self._default_ttl = tokens.read_ttl(words[1])
            if self._default_ttl is None:
                raise ValueError(f"$TTL {words[1][:40]!r} is no time")
        elif name in ("$INCLUDE", "$ORIGIN", "$TTL"):
            raise ValueError(f"{name} with {len(words) - 1} words behind it")
        else:
            raise ValueError(f"{words[0][:40]} is no directive")
        return None

    def _include(self, words: list[str]) -> Slices[None]:
        """$INCLUDE file [origin]: changes neither our origin nor owner (RFC 1035 section 5.1)."""
        path = self._directory / tokens.read_octets(words[0]).decode("latin-1")
        if len(self._open) > MAX_INCLUDE_DEPTH:
            raise ValueError(f"$INCLUDE more than {MAX_INCLUDE_DEPTH} files deep")
        if path.resolve() in self._open:
            raise ValueError(f"{path} includes itself")
        self._include_count += 1
        if self._include_count > MAX_INCLUDES:
            raise ValueError(f"more than {MAX_INCLUDES} files included")
        kept = (self._scope, self._owner, self._owner_text, self._where, self._directory)
        if len(words) == 2:
            self._scope = Scope(self._scope.name(words[1]))
            self._owner_text = ""
        yield from self.read_file(path)
        self._scope, self._owner, self._owner_text, self._where, self._directory = kept

    def _record(self, words: list[str], *, indented: bool) -> None:
        """[owner] [TTL] [class] type rdata, TTL and class in either order."""
        at = 0
        if not indented:
            at = 1
            if words[0] != self._owner_text:
                self._read_owner(words[0])
        owner = self._owner
        if owner is None:
            if self._owner_text:
                return  # a record of an owner that was reported already
            raise ValueError("no owner: none was given before")
        word = words[at] if at < len(words) else ""
        rrtype = COMMON_TYPES.get(word, 0)
        ttl: int | None = None
        if not rrtype:
            rrtype, ttl, at = read_head(words, at)
        rest = words[at + 1 :]
        reader = READERS.get(rrtype)
        if reader is not None and (not rest or rest[0] != "\\#"):
            rdata = reader(rest, self._scope)
        else:
            rdata = read_rdata(rrtype, rest, self._scope)
        if ttl is None:
            ttl = self._default_ttl
            if ttl is None:
                ttl = self._implied_ttl(rrtype, rdata)
        self._last_ttl = ttl
        self.draft.add(owner, rrtype, ttl, rdata, where=self._where)

    def _read_owner(self, text: str) -> None:
        self._owner, self._owner_text = None, text
        self._owner = self._scope.name(text)

    def _implied_ttl(self, rrtype: int, rdata: bytes) -> int:
        """Without $TTL it is the last one given, else the SOA's MINIMUM (RFC 2308 section 4, RFC
        1035 section 5.1)."""
        if self._last_ttl is not None:
            if not self._warned_of_ttl:
                self._warned_of_ttl = True
                self.findings.warning(self._where, "no TTL and no $TTL: the one before is used")
            return self._last_ttl
        if rrtype != _SOA:
            raise ValueError("no TTL: neither here, nor before, nor by $TTL")
        _, minimum = read_soa(rdata)
        self._default_ttl = min(minimum, tokens.MAX_TTL_S)
        self.findings.warning(
            self._where, f"no TTL and no $TTL: the SOA's minimum, {minimum}, is used"
        )
        return self._default_ttl


def _split(line: str, words: list[str], depth: int) -> int:
    if len(line) > tokens.MAX_ENTRY_OCTETS:
        raise ValueError(f"line of {len(line)} octets, more than {tokens.MAX_ENTRY_OCTETS}")
    return tokens.split(line, words, depth)
