"""The verb `doctor`: what is wrong around this server.

Knows: app/doctor.py. Does not know: what is looked for.
"""

from typing import TYPE_CHECKING

from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import NAME, Argument, Arguments, Verb
from resolver.doctor.diagnosis import as_facts, as_lines

if TYPE_CHECKING:
    from resolver.app.server import Server


async def doctor(server: "Server", arguments: Arguments) -> Facts:
    """Examine zones and the way out, in a resolver beside the one that serves."""
    from resolver import names
    from resolver.app.build import make_recursion
    from resolver.app.doctor import Practice
    from resolver.metrics import Metrics
    from resolver.net.run import Driver

    wanted = arguments["zone"]
    unknown = [name for name in wanted if server.store.get(name) is None]
    if unknown:
        raise CommandError(f"zone {names.show(unknown[0])} is not served")
    zones = [zone for zone in server.store.zones() if not wanted or zone.origin in wanted]
    driver = Driver(server.config.outgoing, Metrics())
    try:
        recursion = make_recursion(server.config, server.material, server.clock)
        practice = Practice(server.config, recursion, driver, server.clock)
        facts = as_facts(await practice.examine(zones))
    finally:
        driver.close()
    if facts["errors"]:
        raise CommandError("not all is well", facts=facts)
    return facts


VERBS = (
    Verb(
        "doctor",
        "examine zones as others see them, and the way to the root",
        doctor,
        (Argument("zone", NAME, "only these zones; default: all", optional=True, many=True),),
        show=as_lines,
        details="Nothing is changed, and the caches are not used. It takes as long as silent"
        " servers are waited for. Without a running server: `rootward doctor`.",
    ),
)
