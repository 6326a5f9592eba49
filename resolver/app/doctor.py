"""The command `doctor`, and the verb of the same name: examine, and say it for people or programs.

The command works beside a server or without one: it reads the configuration and asks for itself,
with caches of its own. The verb does the same inside a running server, so that it knows secondary
zones, too.
"""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from resolver import names
from resolver.app.build import make_recursion
from resolver.app.exits import BAD_CONFIGURATION, FAILED, OK
from resolver.app.material import read_material
from resolver.clock import Clock
from resolver.config.schema import Config
from resolver.doctor.diagnosis import Diagnosis, Level, as_facts, as_lines
from resolver.doctor.listeners import look_at_listeners
from resolver.doctor.way_out import look_around
from resolver.doctor.zones import Terms, examine
from resolver.effects import Steps
from resolver.errors import NameSyntaxError, ResolverError
from resolver.metrics import Metrics
from resolver.model import Address, Answer, Question
from resolver.net.clock import SystemClock
from resolver.net.run import Driver
from resolver.resolve import Recursion
from resolver.trace import Trace
from resolver.zone.content import Zone

# Zones that are examined at the same time.
AT_ONCE = 8


@dataclass(slots=True)
class Practice:
    """What the doctor works with."""

    config: Config
    recursion: Recursion
    driver: Driver
    clock: Clock

    async def examine(self, zones: Sequence[Zone]) -> list[Diagnosis]:
        """The way out, if this server needs one, and each zone; worst first within each."""
        found: list[Diagnosis] = []
        has_ipv6 = self.config.outgoing.ipv6
        wanted = self.config.recursion.enabled and not self._forwards_everything()
        if wanted or zones:
            outlook = await self.driver.complete(
                look_around(
                    self._roots(),
                    wall_s=self.clock.wall(),
                    ipv4=self.config.outgoing.ipv4,
                    ipv6=has_ipv6,
                )
            )
            assert outlook is not None
            has_ipv6 = outlook.has_ipv6
            found += outlook.found
        terms = Terms(self.config.outgoing.port, self.clock.wall(), has_ipv6)
        turns = asyncio.Semaphore(AT_ONCE)
        for diagnoses in await asyncio.gather(*(self._zone(z, terms, turns) for z in zones)):
            found += diagnoses
        return found

    async def _zone(
        self, zone: Zone, terms: Terms, turns: asyncio.Semaphore
    ) -> Sequence[Diagnosis]:
        async with turns:
            return await self.driver.complete(examine(zone, self._resolve, terms)) or ()

    def _resolve(self, question: Question) -> Steps[Answer]:
        return self.recursion.resolve(question, Trace())

    def _roots(self) -> list[Address]:
        port = self.config.outgoing.port
        glue = self.recursion.hints.glue
        return [Address(ip, port) for ips in glue.values() for ip in ips]

    def _forwards_everything(self) -> bool:
        return any(entry.name == names.ROOT for entry in self.config.forward)


def doctor(options: Namespace, config: Config) -> int:
    """Examine and print; FAILED when there is an error among the findings."""
    try:
        wanted = {names.read(text).lower() for text in options.zone}
        found = asyncio.run(_examine(config, wanted))
    except (ResolverError, NameSyntaxError) as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION
    if options.json:
        print(json.dumps(as_facts(found), indent=2))
    else:
        print("\n".join(as_lines(as_facts(found))))
    return FAILED if any(each.level == Level.ERROR for each in found) else OK


async def _examine(config: Config, wanted: set[bytes]) -> list[Diagnosis]:
    clock = SystemClock()
    material = read_material(config)
    zones = [zone for zone in material.zones if not wanted or zone.origin in wanted]
    driver = Driver(config.outgoing, Metrics())
    try:
        practice = Practice(config, make_recursion(config, material, clock), driver, clock)
        seen = await driver.complete(look_at_listeners(config.server.listen, zones))
        return [*(seen or ()), *await practice.examine(zones)]
    finally:
        driver.close()
