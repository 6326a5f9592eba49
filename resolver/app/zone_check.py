"""What is wrong with zone files: the command `zone check`, and the folders that `check` looks into.

Findings of `zone check` go to standard output; with `--canonical` that is for the zone, and they go
to standard error. Does not know: what else is in a configuration.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from resolver import names
from resolver.app.exits import FAILED, OK
from resolver.config.zones import ZoneDirectorySettings
from resolver.errors import Finding, NameSyntaxError
from resolver.net.zone_files import zone_files
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.dump import dump
from resolver.zone.file import ZoneReport, origin_of, read_zone_file
from resolver.zone.zonemd import Algorithm, with_digest


def check_zone(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Do what the options say; returns the exit code."""
    if options.zonemd and not options.canonical:
        parser.error("--zonemd goes with --canonical: the digest becomes part of that zone")
    try:
        given = options.origin
        origin = names.read(given).lower() if given else origin_of(options.file)
    except NameSyntaxError as error:
        parser.error(f"{error}; say --origin NAME")
    # A digest that is about to be made anew may be wrong now.
    report = read_zone_file(options.file, origin, now=time.time(), check_digest=not options.zonemd)
    out = sys.stderr if options.canonical else sys.stdout
    for kind, findings in (("error", report.errors), ("warning", report.warnings)):
        for finding in findings:
            print(f"{kind}: {finding}", file=out)
    about = f"zone {names.show(origin)}"
    if report.zone is not None:
        about += f" serial {report.zone.serial}: {report.zone.records} records"
    print(f"{about}, {len(report.errors)} errors, {len(report.warnings)} warnings", file=out)
    if report.zone is None:
        return FAILED
    if options.canonical:
        _write(report.zone, options.zonemd)
    return OK


def read_folders(entries: Iterable[ZoneDirectorySettings]) -> list[ZoneReport]:
    """What every file in these folders gives; what is wrong with a folder is an error, too."""
    reports = []
    for entry in entries:
        try:
            paths = zone_files(entry.path)
        except OSError as error:
            reports.append(_fault(entry.path, error.strerror or str(error)))
            continue
        for path in paths:
            try:
                origin = origin_of(path)
            except NameSyntaxError as error:
                reports.append(_fault(path, f"not named after a zone: {error}"))
                continue
            digest = entry.zonemd == "check"
            reports.append(read_zone_file(path, origin, now=time.time(), check_digest=digest))
    return reports


def _fault(path: Path, reason: str) -> ZoneReport:
    return ZoneReport(None, [Finding(str(path), 0, reason)], [])


def _write(zone: Zone, algorithms: list[str]) -> None:
    if algorithms:
        chosen = [Algorithm[name.upper()] for name in dict.fromkeys(algorithms)]
        zone = finish(with_digest(zone, chosen))
    finish(dump(zone, sys.stdout.write))
