"""The verbs of `rootward ctl`: the one table from which everything about them is made.

To add a verb, write a coroutine in a module of control/verbs and put a Verb with it into that
module's VERBS; a new module has to be named below. Then `python -m resolver.app.control.page`
writes docs/control.md anew, which a test compares.

    async def frogs(server: Server, arguments: Arguments) -> Facts:
        return {"name": names.show(arguments["name"]), "frogs": 3}

    VERBS = (
        Verb(
            "frogs count",                        # one word or two
            "count the frogs at a name",          # one sentence without a full stop
            frogs,
            (Argument("name", NAME, "where to look"),   # kinds: control/verb.py
             Argument("green", FLAG, "only green ones", option=True)),
            changes=False,                        # True: refused on the read-only socket
            show=show_frogs,                      # Facts -> lines for people; default: all facts
        ),
    )

- `server` is the running app/server.py Server. The result is made of what JSON has: names and
  addresses as text, times in seconds with keys that end in `_s`, sizes with `_octets`.
- What cannot be done is `raise CommandError("why")` (control/protocol.py): exit code 1, with
  `facts=` when there is a result all the same. Wrong arguments are noticed before `run` is called.
- A long result is an asynchronous generator: every item goes out as a line, under back-pressure;
  `show_item` makes lines of one. Between two `await asyncio.sleep(0)` do no more than some
  milliseconds of work.
- Modules of verbs are imported by the client too: import what is heavy inside the coroutines.

Knows: the modules of verbs. Does not know: what any verb does.
"""

import difflib

from resolver.app.control.protocol import CommandError
from resolver.app.control.verb import Verb
from resolver.app.control.verbs import (
    access,
    cache,
    health,
    process,
    statistics,
    why,
    zone_adding,
    zones,
)

VERBS: tuple[Verb, ...] = (
    *process.VERBS,
    *statistics.VERBS,
    *cache.VERBS,
    *zones.VERBS,
    *zone_adding.VERBS,
    *access.VERBS,
    *health.VERBS,
    *why.VERBS,
)

_BY_NAME = {verb.name: verb for verb in VERBS}


def find_verb(name: str) -> Verb:
    """The verb of this name. Raises CommandError."""
    verb = _BY_NAME.get(name)
    if verb is None:
        near = difflib.get_close_matches(name, _BY_NAME, 1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise CommandError(f"there is no verb {name[:100]!r}{hint}", kind="usage")
    return verb
