"""Every metric that is exposed: its name, kind, labels and help. docs/metrics.md is made from it.

What is counted by itself comes from the tables of resolver/metrics.py; the rest is read off the
parts of a server when somebody asks (collect.py). Names follow the conventions of Prometheus: the
unit in the name, `_total` for counters, seconds and bytes.

Knows: names. Does not know: where values come from.
"""

from typing import NamedTuple

from resolver.metrics import HISTOGRAMS, TABLE

PREFIX = "rootward_"


class Family(NamedTuple):
    """One metric. `name` has no prefix; `kind` is counter, gauge, histogram or info."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


# Counters of the table that are one metric with a label for outsiders.
MERGED: dict[str, tuple[str, str]] = {
    "queries_udp_total": ("queries_total", "udp"),
    "queries_tcp_total": ("queries_total", "tcp"),
}

_ZONE = ("zone",)
_SERVER = ("server",)
_CACHE = ("cache",)

_OWN = (
    Family("queries_total", "counter", "Queries received", ("transport",)),
    Family("build", "info", "Version of the server and of its Python", ("version", "python")),
    Family("start_time_seconds", "gauge", "When the server was started, since the Unix epoch"),
    Family("ready", "gauge", "1 while /ready says 200, else 0"),
    Family(
        "answers_total",
        "counter",
        "Answers by where they come from and rcode; source packets are finished packets, whether "
        "of own zones or of the cache",
        ("source", "rcode"),
    ),
    Family(
        "answer_seconds",
        "histogram",
        "Time from taking a query up to its answer, by where the answer comes from; of source "
        "packets, until the whole batch has been answered and sent",
        ("source",),
    ),
    Family(
        "question_types_total",
        "counter",
        "Questions by type, those answered by finished packets left out; type other is all after "
        "the first 64",
        ("type",),
    ),
    Family("cache_entries", "gauge", "Entries, expired ones included", _CACHE),
    Family("cache_bytes", "gauge", "Estimated memory of the entries", _CACHE),
    Family("cache_max_bytes", "gauge", "Memory that all caches together may take (cache.size)"),
    Family("cache_evictions_total", "counter", "Entries given up for want of space", _CACHE),
    Family(
        "cache_hits_total",
        "counter",
        "Questions that the cache had the answer to; cache records is asked when packets has none",
        _CACHE,
    ),
    Family("cache_misses_total", "counter", "Questions that it had no answer to", _CACHE),
    Family("jobs", "gauge", "Questions being worked on, those they led to included"),
    Family("oldest_job_age_seconds", "gauge", "Age of the oldest of them; 0 without any"),
    Family("upstream_in_flight", "gauge", "Queries to other servers that wait for a reply"),
    Family("tcp_connections", "gauge", "TCP connections of clients that are open"),
    Family("zones", "gauge", "Zones by state: serving, expired, not_ready", ("state",)),
    Family("zone_serial", "gauge", "Serial of the version that is served", _ZONE),
    Family("zone_records", "gauge", "Records of the version that is served", _ZONE),
    Family("zone_serving", "gauge", "1 when the zone is served, else 0", _ZONE),
    Family(
        "zone_expires_in_seconds",
        "gauge",
        "Until a secondary zone is too old to be served; below 0 it is",
        _ZONE,
    ),
    Family(
        "zone_confirmed_ago_seconds",
        "gauge",
        "Since a primary last had the version of a secondary zone, or a newer one",
        _ZONE,
    ),
    Family("zone_next_check_in_seconds", "gauge", "Until a secondary zone is checked again", _ZONE),
    Family(
        "zone_failed_checks",
        "gauge",
        "Checks of a secondary zone without success since the last that had it",
        _ZONE,
    ),
    Family(
        "zone_checks_total",
        "counter",
        "Checks of a secondary zone by result: unchanged, transferred, failed",
        ("zone", "result"),
    ),
    Family("servers", "gauge", "Servers of others that something is known of"),
    Family("server_queries_total", "counter", "Queries to this server that have ended", _SERVER),
    Family("server_timeouts_total", "counter", "Those without a reply in time", _SERVER),
    Family("server_rtt_seconds", "gauge", "Smoothed round-trip time of this server", _SERVER),
    Family("server_in_flight", "gauge", "Queries to this server under way", _SERVER),
    Family("server_dead", "gauge", "1 while nobody waits for this server, else 0", _SERVER),
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *_OWN,
        *(Family(name, "counter", text) for name, text in TABLE.items() if name not in MERGED),
        *(Family(name, "histogram", text) for name, text in HISTOGRAMS.items()),
    )
}
