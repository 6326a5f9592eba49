"""What is wrong with zone files: the command `zone check`, and the folders that `check` looks into.

Findings of `zone check` go to standard output; with `--canonical` that is for the zone, and they go
to standard error. Does not know: what else is in a configuration.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from resolver import names
from resolver.app.alias_records import unanswerable
from resolver.app.exits import FAILED, OK
from resolver.app.key_files import read_signing_key
from resolver.config.schema import Config
from resolver.errors import Finding, NameSyntaxError
from resolver.net.zone_files import zone_files
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.dump import dump
from resolver.zone.file import ZoneReport, origin_of, read_zone_file
from resolver.zone.signer import SigningKey
from resolver.zone.zonemd import Algorithm, with_digest

Facts = dict[str, Any]


def check_zone(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Do what the options say; returns the exit code."""
    if options.zonemd and not options.canonical:
        parser.error("--zonemd goes with --canonical: the digest becomes part of that zone")
    try:
        given = options.origin
        origin = names.read(given).lower() if given else origin_of(options.file)
    except NameSyntaxError as error:
        parser.error(f"{error}; say --origin NAME")
    report = _read(options, origin)
    out = sys.stderr if options.canonical else sys.stdout
    print(_told(report, origin, as_json=options.json), file=out)
    if report.zone is None:
        return FAILED
    if options.canonical:
        _write(report.zone, options.zonemd)
    return OK


def _read(options: argparse.Namespace, origin: bytes) -> ZoneReport:
    read = [read_signing_key(path) for path in options.alias_key]
    if faults := [key for key in read if isinstance(key, Finding)]:
        return ZoneReport(None, faults, [])
    return read_zone_file(
        options.file,
        origin,
        now=time.time(),
        # A digest that is about to be made anew may be wrong now.
        check_digest=not options.zonemd,
        alias_keys=[key for key in read if isinstance(key, SigningKey)],
    )


def read_folders(config: Config) -> list[ZoneReport]:
    """What every file in its folders gives; what is wrong with a folder is an error, too."""
    reports = []
    for entry in config.zone_directory:
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
    if not config.recursion.enabled:
        doubts = finish(unanswerable(reports, [entry.name for entry in config.zone]))
        reports.append(ZoneReport(None, [], doubts))
    return reports


def zone_facts(zone: Zone) -> Facts:
    """What is told of a zone."""
    return {"zone": names.show(zone.origin), "serial": zone.serial, "records": zone.records}


def finding_facts(errors: Iterable[Finding], warnings: Iterable[Finding]) -> list[Facts]:
    """Findings as objects; a line of null is the file as a whole."""
    return [
        {"file": f.file, "line": f.line or None, "severity": severity, "reason": f.reason}
        for severity, findings in (("error", errors), ("warning", warnings))
        for f in findings
    ]


def _fault(path: Path, reason: str) -> ZoneReport:
    return ZoneReport(None, [Finding(str(path), 0, reason)], [])


def _told(report: ZoneReport, origin: bytes, *, as_json: bool) -> str:
    about: Facts = {"zone": names.show(origin)} if report.zone is None else zone_facts(report.zone)
    if as_json:
        found = finding_facts(report.errors, report.warnings)
        absent = {"serial": None, "records": None}
        return json.dumps(absent | about | {"good": not report.errors, "findings": found})
    lines = [f"error: {finding}" for finding in report.errors]
    lines += [f"warning: {finding}" for finding in report.warnings]
    read = "" if report.zone is None else " serial {serial}: {records} records".format_map(about)
    counts = f"{len(report.errors)} errors, {len(report.warnings)} warnings"
    return "\n".join([*lines, f"zone {about['zone']}{read}, {counts}"])


def _write(zone: Zone, algorithms: list[str]) -> None:
    if algorithms:
        chosen = [Algorithm[name.upper()] for name in dict.fromkeys(algorithms)]
        zone = finish(with_digest(zone, chosen))
    finish(dump(zone, sys.stdout.write))
