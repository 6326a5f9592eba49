"""From a configuration to the parts of a server, without opening a socket.

`check` and `run` share this code, so that what one accepts the other accepts too.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from resolver import __version__, names
from resolver.cache.answers import Answers
from resolver.clock import Clock
from resolver.codes import RRType
from resolver.config.schema import Config
from resolver.errors import ConfigError, Finding, ZoneError
from resolver.iterate.priming import builtin_hints
from resolver.metrics import Metrics
from resolver.model import RRset
from resolver.net.interfaces import local_networks
from resolver.policy.acl import AccessTable
from resolver.resolve import PACKETS_SHARE, Recursion
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.zone.content import Zone
from resolver.zone.file import read_hints, read_zone_file, read_zone_text
from resolver.zone.store import ZoneStore


@dataclass(slots=True)
class Material:
    """Everything that was read from disk for a configuration."""

    zones: list[Zone] = field(default_factory=list)
    hints: list[RRset] = field(default_factory=builtin_hints)
    warnings: list[Finding] = field(default_factory=list)


def read_material(config: Config) -> Material:
    """Zones and root hints. Raises ZoneError with the errors of all files together."""
    material = Material()
    errors: list[Finding] = []
    for entry in config.zone:
        if entry.role != "primary" or entry.file is None:
            continue  # secondaries: their work is announced as not built yet
        report = read_zone_file(entry.file, entry.name)
        material.warnings += report.warnings
        errors += report.errors
        if report.zone is not None:
            material.zones.append(report.zone)
    if config.recursion.enabled and config.recursion.root_hints is not None:
        try:
            material.hints = read_hints(config.recursion.root_hints)
        except ZoneError as error:
            errors += error.findings
    if errors:
        raise ZoneError(errors)
    return material


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


def make_recursion(config: Config, hints: list[RRset], clock: Clock) -> Recursion:
    """The recursive service of a configuration. Raises ConfigError for hints that lead nowhere."""
    try:
        return Recursion(
            recursion=config.recursion,
            outgoing=config.outgoing,
            cache=config.cache,
            hints=hints,
            clock=clock,
            rng=random.SystemRandom(),
            stubs={stub.name: stub.to for stub in config.stub},
        )
    except ValueError as error:
        file = str(config.recursion.root_hints or "built-in root hints")
        raise ConfigError([Finding(file, 0, str(error))]) from None


def make_service(
    config: Config,
    store: ZoneStore,
    recursion: Recursion | None,
    *,
    clock: Clock,
    metrics: Metrics,
    on_exception: Callable[[BaseException], None],
) -> Service:
    """The bytes-to-bytes service of a configuration."""
    server = config.server
    identity = Identity(server.udp_max_size, server.identity, server.version)
    return Service(
        order=handlers(
            store,
            recursion,
            identity=identity,
            metrics=metrics,
            minimal=server.minimal_responses,
        ),
        access=AccessTable(config.access, local_networks()),
        answers=Answers(int(config.cache.size * PACKETS_SHARE)),
        identity=identity,
        clock=clock,
        metrics=metrics,
        recursion=recursion is not None,
        on_exception=on_exception,
    )


def example_name(store: ZoneStore) -> str:
    """A name worth trying on this server: a host of an own zone if there is one."""
    for zone in store.zones():
        for label in ("www", "ns1"):
            name = names.read(label)[:-1] + zone.origin
            if (node := zone.node(name)) is not None and node.of_type(RRType.A):
                return names.show(name)
    zones = store.zones()
    return f"{names.show(zones[0].origin)} SOA" if zones else "example.com."


def banner(store: ZoneStore, listening: list[str], *, recursion: bool) -> list[str]:
    """What an operator wants to see at start."""
    lines = [f"rootward {__version__}"]
    lines += [f"listening on {address} (UDP and TCP)" for address in listening]
    lines += [f"zone {names.show(z.origin)} serial {z.serial}" for z in store.zones()]
    lines.append("recursion from the root hints" if recursion else "no recursion")
    return lines
