"""What a configuration names on disk: keys, secrets, local data, zones, root hints.

Read whole, with every fault in every file; nothing here changes what is served. `check`, `run` and
reloads share it, so that what one accepts the others accept too. A server that is running has it
read in slices beside the queries, and only what is not the same as before.

Knows: which files there are. Does not know: what becomes of what is in them.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from resolver import names
from resolver.app.alias_records import unanswerable
from resolver.app.cookie_secrets import read_cookie_secrets
from resolver.app.forwarders import read_authorities
from resolver.app.key_files import read_alias_keys, read_keys
from resolver.app.local_files import LocalFiles
from resolver.app.zone_plans import primary_zones
from resolver.config.schema import Config
from resolver.errors import ConfigError, Finding, ZoneError
from resolver.iterate.priming import builtin_hints
from resolver.model import RRset
from resolver.net.primary_plan import FileRead, PrimaryZone, read_file
from resolver.slices import Slices, finish
from resolver.wire.tsig import Key
from resolver.zone.content import Zone
from resolver.zone.file import read_hints, read_zone_text
from resolver.zone.signer import SigningKey

T = TypeVar("T")

_NO_KEYS: tuple[dict[bytes, Key], list[Finding]] = ({}, [])


@dataclass(slots=True)
class Material:
    """Everything that was read from disk for a configuration."""

    hints: list[RRset] = field(default_factory=builtin_hints)
    keys: dict[bytes, Key] = field(default_factory=dict)  # by lower-case name
    cookie_secrets: tuple[bytes, ...] = ()  # none: cookies are off
    authorities: dict[Path, str] = field(default_factory=dict)  # PEM text
    local: LocalFiles = field(default_factory=lambda: LocalFiles(()))
    warnings: list[Finding] = field(default_factory=list)
    alias_keys: dict[bytes, tuple[SigningKey, ...]] = field(default_factory=dict)  # by origin
    reads: dict[bytes, FileRead] = field(default_factory=dict)  # files of primary zones
    config_faults: list[Finding] = field(default_factory=list)
    zone_faults: list[Finding] = field(default_factory=list)

    @property
    def zones(self) -> list[Zone]:
        """The primary zones whose files are good."""
        found = (read.report.zone for read in self.reads.values())
        return [zone for zone in found if zone is not None]

    @property
    def faults(self) -> list[Finding]:
        """All that makes it unusable."""
        return [*self.config_faults, *self.zone_faults]


def read_material(config: Config) -> Material:
    """Everything. Raises ConfigError, or ZoneError when only zones and hints are at fault, with
    every fault there is."""
    material = finish(gather(config))
    if material.config_faults:
        raise ConfigError(material.faults)
    if material.zone_faults:
        raise ZoneError(material.faults)
    return material


def gather(
    config: Config, before: Material | None = None, plans: Iterable[PrimaryZone] | None = None
) -> Slices[Material]:
    """The same in slices, with its faults in it. Of what was there `before`, local data that has
    not changed is taken over. `plans` are the primary zones to read; None: all configured ones."""
    material = Material()

    def tried(work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except ConfigError as error:
            material.config_faults += error.findings
        except ZoneError as error:
            material.zone_faults += error.findings
        return otherwise

    material.keys, material.warnings = tried(lambda: read_keys(config.key), _NO_KEYS)
    if config.cookies.enabled:
        material.cookie_secrets = tried(lambda: _cookie_secrets(config, before), ())
    if config.recursion.enabled:
        material.authorities = tried(lambda: read_authorities(config.forward), {})
        material.local = yield from _local(config, before, material)
        if (hints := config.recursion.root_hints) is not None:
            material.hints = tried(lambda: read_hints(hints), [])
    material.alias_keys, faults = read_alias_keys(config.zone)
    material.config_faults += faults
    for plan in primary_zones(config).values() if plans is None else plans:
        keys = material.alias_keys.get(plan.origin, ())
        if plan.alias_keys and not keys:
            continue
        read = yield from read_file(plan, time.time(), alias_keys=keys)
        material.reads[plan.origin] = read
        material.warnings += read.report.warnings
        material.zone_faults += read.report.errors
    if not config.recursion.enabled:
        reports = [read.report for read in material.reads.values()]
        origins = [entry.name for entry in config.zone]
        material.warnings += yield from unanswerable(reports, origins)
    return material


def _cookie_secrets(config: Config, before: Material | None) -> tuple[bytes, ...]:
    """From their file; one that was drawn is drawn once."""
    file = config.cookies.secret_file
    if file is None and before is not None and before.cookie_secrets:
        return before.cookie_secrets
    return read_cookie_secrets(file)


def _local(config: Config, before: Material | None, material: Material) -> Slices[LocalFiles]:
    if before is not None and before.local.is_still(config.local):
        material.warnings += before.local.warnings
        return before.local
    local = LocalFiles(config.local)
    material.config_faults += yield from local.load_slices()
    material.warnings += local.warnings
    return local


def read_zone(text: str) -> Zone:
    """The zone of a master file's text that begins with its $ORIGIN. Raises ZoneError."""
    match text.split(maxsplit=2):
        case ["$ORIGIN", origin, _]:
            report = read_zone_text(text, names.read(origin).lower())
        case _:
            raise ZoneError([Finding("zone", 1, "must begin with $ORIGIN and a name")])
    if report.zone is None:
        raise ZoneError(report.errors)
    return report.zone
