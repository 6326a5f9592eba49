"""Verbs about what has been counted, and what the live view shows.

Knows: app/monitor/statistics.py. Does not know: what is counted.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resolver.app.control.columns import show_table
from resolver.app.control.protocol import Facts
from resolver.app.control.verb import Argument, Arguments, Verb, number

if TYPE_CHECKING:
    from resolver.app.server import Server

_USUAL_ROWS = 20
_MOST_ROWS = 100


async def stats(server: "Server", arguments: Arguments) -> Facts:
    """What has been counted."""
    from resolver.app.monitor.statistics import counted

    return counted(server)


def show_stats(facts: Facts) -> Iterable[str]:
    """Lines of `stats`: what is zero is left out."""
    yield f"up for {facts['uptime_s']:.0f} s"
    yield ""
    rows = [(each["source"], each["rcode"], each["count"]) for each in facts["answers"]]
    yield from show_table(("answers from", "rcode", "count"), rows)
    yield ""
    yield from show_table(
        ("time of", "count", "mean", "p50", "p99", "p99.9"),
        (
            (name, each["count"], *(show_time(each[f"{key}_s"]) for key in _TIMES))
            for name, each in (facts["latency"] | facts["times"]).items()
            if each["count"]
        ),
    )
    yield ""
    counters = ((name, value) for name, value in facts["counters"].items() if value)
    yield from show_table(("counter", "value"), counters)


_TIMES = ("mean", "p50", "p99", "p99.9")


def show_time(seconds: float | None) -> str:
    """A time as people read it at a glance."""
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} \u00b5s"


async def top(server: "Server", arguments: Arguments) -> Facts:
    """What the live view shows, once."""
    from resolver.app.monitor.statistics import live
    from resolver.net.turns import in_turns

    return await in_turns(live(server, arguments["rows"] or _USUAL_ROWS))


VERBS = (
    Verb(
        "stats",
        "tell what has been counted since the start",
        stats,
        show=show_stats,
        details="Answers by source and rcode, percentiles of how long they took, and counters; the"
        " names are those of the metrics (metrics.md).",
    ),
    Verb(
        "top",
        "tell what `rootward top` shows: counts, and what is the case now",
        top,
        (
            Argument(
                "rows",
                number(1, _MOST_ROWS),
                "how many names, clients, servers and zones at most; default: 20",
                option=True,
            ),
        ),
        details="Names and clients are counted from the first time that somebody asks, until nobody"
        " has asked for ten seconds.",
    ),
)
