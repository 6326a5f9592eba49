"""`rootward check`: all that `run` does before it opens a socket, and every fault found by it.

With `--json`, here and for `zone check`, one object: what was read, whether it is good, its zones
and its findings, each with file, line, severity and reason. Does not know: what is in the files.
"""

import argparse
import json
from collections.abc import Callable, Iterator

from resolver import names
from resolver.app.exits import FAILED, OK
from resolver.app.material import read_material
from resolver.app.server import Server
from resolver.app.zone_check import finding_facts, read_folders, zone_facts
from resolver.config.load import unbuilt
from resolver.config.schema import Config
from resolver.errors import ConfigError, Finding, ResolverError, ZoneError
from resolver.zone.content import Zone


def check(options: argparse.Namespace, read: Callable[[], tuple[Config, str]]) -> int:
    """Check what `read` gives, the configuration and where it is from; returns the exit code."""
    source, zones = str(options.config or "configuration"), list[Zone]()
    errors, warnings = list[Finding](), list[Finding]()
    try:
        config, source = read()
        material = read_material(config)
        Server(config, material=material)
    except (ConfigError, ZoneError) as error:
        errors += error.findings
    except ResolverError as error:
        errors.append(Finding(source, 0, str(error)))
    else:
        found = read_folders(config)
        errors += (fault for report in found for fault in report.errors)
        warnings += material.warnings
        warnings += (note for report in found for note in report.warnings)
        warnings += (Finding(source, 0, sentence) for sentence in unbuilt(config))
        zones = [*material.zones, *(report.zone for report in found if report.zone is not None)]
    if options.json:
        facts = {"source": source, "good": not errors, "zones": [zone_facts(z) for z in zones]}
        print(json.dumps(facts | {"findings": finding_facts(errors, warnings)}))
    else:
        print(*_lines(source, zones, errors, warnings), sep="\n")
    return FAILED if errors else OK


def _lines(
    source: str, zones: list[Zone], errors: list[Finding], warnings: list[Finding]
) -> Iterator[str]:
    """For people. Where there are errors, only these: the rest is of no use before."""
    yield from map(str, errors)
    if errors:
        return
    yield from (f"warning: {warning}" for warning in warnings)
    for zone in zones:
        yield f"zone {names.show(zone.origin)} serial {zone.serial}: {zone.records} records"
    yield f"{source}: good"
