"""Numbers for people and programs that look at a running server: what was counted, how long answers
take, and everything that the live view shows.

Knows: the parts of a server. Does not know: how numbers are shown, or carried to whoever looks.
"""

import os
from collections.abc import Mapping
from heapq import nlargest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeAlias

from resolver.app.monitor.zones import look_at_zones
from resolver.cache.servers import Server as Upstream
from resolver.codes import Rcode, show_rcode
from resolver.histogram import Histogram
from resolver.metrics import HISTOGRAMS, Metrics
from resolver.model import Source
from resolver.serve.popular import show_question
from resolver.serve.tally import PACKETS, Tally
from resolver.slices import Slices
from resolver.zone.status import ZoneStatus

if TYPE_CHECKING:
    from resolver.app.server import Server

Facts: TypeAlias = dict[str, Any]

PERCENTILES = (50.0, 99.0, 99.9)
# How many names, clients, servers and zones the live view may show.
MOST_SHOWN = 100


def counted(server: "Server") -> Facts:
    """Everything that has been counted since the start."""
    times = {**server.tally.histograms()}
    others = {name: getattr(server.metrics, name) for name in HISTOGRAMS}
    return {
        "uptime_s": round(server.clock.now() - server.made_at, 1),
        "answers": [
            {"source": source, "rcode": show_rcode(rcode), "count": count}
            for (source, rcode), count in server.tally.rcodes().items()
            if count
        ],
        "latency": {source: _latency(histogram) for source, histogram in times.items()},
        "times": {name: _latency(histogram) for name, histogram in others.items()},
        "counters": server.metrics.read(),
    }


def _latency(histogram: Histogram) -> Facts:
    count = histogram.count
    facts: Facts = {"count": count, "mean_s": histogram.sum_s / count if count else None}
    for percent in PERCENTILES:
        facts[f"p{percent:g}_s"] = histogram.percentile(percent)
    return facts


def cache_use(metrics: Metrics, tally: Tally) -> tuple[dict[str, int], dict[str, int]]:
    """Hits and misses: of finished packets, and of records where there was no packet."""
    queries = metrics.queries_udp_total + metrics.queries_tcp_total
    cached = tally.histograms().get(Source.CACHE)
    hits = {PACKETS: metrics.packet_hits_total, "records": cached.count if cached else 0}
    misses = {PACKETS: queries - metrics.packet_hits_total, "records": metrics.recursions_total}
    return hits, misses


def live(server: "Server", most: int) -> Slices[Facts]:
    """What the live view shows: counts since the start, whose differences are rates, and what is
    the case now. Having it made keeps names and clients being counted for a while."""
    popular = server.interest.look()
    zones = yield from look_at_zones(server, most, only_trouble=True)
    yield
    busiest = _servers(server, most)
    yield
    return {
        "at_s": server.clock.now(),
        "uptime_s": server.clock.now() - server.made_at,
        "counters": server.metrics.read(),
        "times": {source: list(h.counts) for source, h in server.tally.histograms().items()},
        "upstream_times": list(server.metrics.upstream_rtt_seconds.counts),
        "failed": sum(n for (_, r), n in server.tally.rcodes().items() if r == Rcode.SERVFAIL),
        "cache": _cache(server),
        "work": _work(server),
        "process": _process(),
        "zones": zones.states,
        "trouble": [_trouble(zone.status) for zone in zones.told if zone.status is not None],
        "servers": busiest,
        "names": [
            {"name": show_question(f.key), "count": f.times} for f in popular.questions.top(most)
        ],
        "clients": [
            {"client": str(ip_address(f.key)), "count": f.times} for f in popular.clients.top(most)
        ],
        "watched": popular.clients.total,
    }


def _cache(server: "Server") -> Facts:
    packets = server.service.answers
    octets, entries = packets.octets, packets.entries
    if server.recursion is not None:
        caches = server.recursion.caches
        for cache in (caches.rrsets, caches.negatives, caches.delegations):
            octets += cache.octets
            entries += len(cache)
    return {"octets": octets, "entries": entries, "size_octets": server.config.cache.size}


def _work(server: "Server") -> Facts:
    driver, stream = server.driver, server.stream
    return {
        "jobs": 0 if driver is None else driver.jobs,
        "oldest_s": 0.0 if driver is None else driver.oldest_job_age_s,
        "asks": 0 if driver is None else driver.outbound.in_flight,
        "connections": 0 if stream is None else stream.connections,
    }


def _process() -> Facts:
    times = os.times()
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            rss = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        rss = None
    return {"cpu_s": times.user + times.system, "rss_octets": rss}


def _servers(server: "Server", most: int) -> list[Facts]:
    """Those that cost most time: dead ones, then those with the longest round trips."""
    if server.recursion is None:
        return []
    slowest = nlargest(most, server.recursion.servers.known(), key=_slowness)
    return [
        {
            "server": str(each.address),
            "rtt_s": each.srtt_s,
            "queries": each.replies + each.silences,
            "timeouts": each.silences,
            "dead": each.is_dead,
        }
        for each in slowest
        if each.replies or each.silences
    ]


def _slowness(upstream: Upstream) -> tuple[bool, float]:
    return upstream.is_dead, upstream.srtt_s or 0.0


def _trouble(status: ZoneStatus) -> Mapping[str, Any]:
    facts = status.facts()
    notes = [f"{p['address']}: {p['note']}" for p in facts["primaries"] if p["note"]]
    return {"zone": facts["zone"], "state": facts["state"], "notes": notes}
