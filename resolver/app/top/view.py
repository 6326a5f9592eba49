"""What the live view says: rates and percentiles of the time between two looks at a server.

Knows: the facts of the control verb `top`. Does not know: terminals, sockets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from resolver.app.control.columns import show_table
from resolver.app.control.verbs.statistics import show_time
from resolver.histogram import percentile

Facts: TypeAlias = dict[str, Any]

_MIB = 1024 * 1024
# Shown first; other sources of answers follow.
_SOURCES = ("packets", "own", "cache", "recursion")
MOST_ROWS = 10


class Part(NamedTuple):
    """A table with a title. Without rows there is `empty` to say instead."""

    title: str
    head: Sequence[str]
    rows: list[Sequence[str]]
    empty: str = ""

    def lines(self) -> Iterable[str]:
        """As text."""
        yield self.title
        yield from show_table(self.head, self.rows) if self.rows else [f"  {self.empty}"]


@dataclass(frozen=True, slots=True)
class View:
    """`facts` are the same things for programs."""

    headline: list[str]
    parts: list[Part]
    facts: Facts

    def lines(self) -> Iterable[str]:
        """As text."""
        yield from self.headline
        for part in self.parts:
            yield ""
            yield from part.lines()


def compare(before: Facts, after: Facts, *, rows: int = MOST_ROWS) -> View:
    """What happened between two looks, and how things are at the second."""
    seconds = max(after["at_s"] - before["at_s"], 1e-3)
    rates = {
        name: (value - before["counters"].get(name, 0)) / seconds
        for name, value in after["counters"].items()
    }
    facts = _facts(before, after, rates, seconds)
    return View(_headline(facts), _parts(facts, rows), facts)


def _facts(before: Facts, after: Facts, rates: dict[str, float], seconds: float) -> Facts:
    queries = rates["queries_udp_total"] + rates["queries_tcp_total"]
    return {
        "interval_s": seconds,
        "uptime_s": after["uptime_s"],
        "queries_per_s": queries,
        "tcp_queries_per_s": rates["queries_tcp_total"],
        "packet_hit_share": rates["packet_hits_total"] / queries if queries else None,
        "servfails_per_s": (after["failed"] - before["failed"]) / seconds,
        "dropped_per_s": rates["dropped_total"],
        "upstream_queries_per_s": rates["upstream_queries_total"],
        "upstream_timeouts_per_s": rates["upstream_timeouts_total"],
        "cpu_share": (after["process"]["cpu_s"] - before["process"]["cpu_s"]) / seconds,
        "latency": _latencies(before, after, seconds),
        **{
            key: after[key]
            for key in ("cache", "work", "process", "zones", "trouble", "servers", "names")
        },
        "clients": after["clients"],
        "watched": after["watched"],
    }


def _latencies(before: Facts, after: Facts, seconds: float) -> list[Facts]:
    sources = dict.fromkeys((*_SOURCES, *after["times"]))
    found = []
    for source in (*(s for s in sources if s in after["times"]), "upstream"):
        now = after["upstream_times"] if source == "upstream" else after["times"][source]
        old = before["upstream_times"] if source == "upstream" else before["times"].get(source)
        counts = [n - o for n, o in zip(now, old or [0] * len(now), strict=True)]
        found.append(
            {
                "source": source,
                "per_s": sum(counts) / seconds,
                "total": sum(now),
                "p50_s": percentile(counts, 50),
                "p99_s": percentile(counts, 99),
                "p99.9_s": percentile(counts, 99.9),
            }
        )
    return found


def _headline(facts: Facts) -> list[str]:
    hits = facts["packet_hit_share"]
    cache, work, process, zones = (facts[k] for k in ("cache", "work", "process", "zones"))
    rss = process["rss_octets"]
    memory = "" if rss is None else f", {rss / _MIB:.0f} MiB resident"
    states = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in zones.items() if n)
    return [
        f"{facts['queries_per_s']:.0f} queries/s ({facts['tcp_queries_per_s']:.0f} over TCP), "
        f"finished packets {'-' if hits is None else f'{hits:.1%}'}, "
        f"SERVFAIL {facts['servfails_per_s']:.1f}/s, dropped {facts['dropped_per_s']:.1f}/s",
        f"{facts['upstream_queries_per_s']:.1f} upstream queries/s, "
        f"{facts['upstream_timeouts_per_s']:.1f} time-outs/s; {work['jobs']} jobs, the oldest "
        f"{show_time(work['oldest_s'])}; {work['connections']} TCP connections",
        f"cache {cache['octets'] / _MIB:.1f} of {cache['size_octets'] / _MIB:.0f} MiB, "
        f"{cache['entries']} entries; zones: {states or 'none'}",
        f"up {_show_uptime(facts['uptime_s'])}, CPU {facts['cpu_share']:.0%}{memory}",
    ]


def _parts(facts: Facts, most: int) -> list[Part]:
    times: list[Sequence[str]] = [
        (
            each["source"],
            f"{each['per_s']:.1f}",
            *(show_time(each[key]) for key in ("p50_s", "p99_s", "p99.9_s")),
        )
        for each in facts["latency"]
        if each["total"]
    ]
    quiet = "nothing since somebody looks"
    watched = facts["watched"]
    names = _shares(facts["names"], "name", watched, most)
    clients = _shares(facts["clients"], "client", watched, most)
    return [
        Part("Time by source", ("source", "per s", "p50", "p99", "p99.9"), times, "no answers yet"),
        Part("Names", ("name", "share"), names, quiet),
        Part("Clients", ("client", "share"), clients, quiet),
        Part("Slow servers", ("server", "time", "silent"), _servers(facts, most), "none known"),
        Part("Zones in trouble", ("zone", "state", "why"), _trouble(facts, most), "none"),
    ]


def _shares(items: list[Facts], key: str, total: int, most: int) -> list[Sequence[str]]:
    return [(each[key], f"{each['count'] / total:.1%}") for each in items[:most]]


def _servers(facts: Facts, most: int) -> list[Sequence[str]]:
    return [
        (
            each["server"],
            "dead" if each["dead"] else show_time(each["rtt_s"]),
            f"{each['timeouts']} of {each['queries']}",
        )
        for each in facts["servers"][:most]
    ]


def _trouble(facts: Facts, most: int) -> list[Sequence[str]]:
    return [
        (each["zone"], each["state"], "; ".join(each["notes"])) for each in facts["trouble"][:most]
    ]


def _show_uptime(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d " * bool(days) + f"{hours}:{minutes:02}:{rest:02}"
