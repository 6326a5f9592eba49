"""Reads the metrics of a server off its parts, piece by piece.

Pieces are small, and where there is much to look through before the next one there is None, so that
whoever writes them out between queries holds nobody up (slices). What has labels of which there may
be very many, zones and servers, is bounded by the configuration.

Knows: the parts of a server, prometheus_client. Does not know: HTTP, formats.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.process_collector import ProcessCollector

from resolver import __version__
from resolver.app.monitor.families import FAMILIES, MERGED, PREFIX
from resolver.app.monitor.statistics import cache_use
from resolver.app.monitor.zones import look_at_zones
from resolver.cache.servers import Server as Upstream
from resolver.codes import show_rcode, show_type
from resolver.histogram import Histogram
from resolver.metrics import HISTOGRAMS, Metrics
from resolver.serve.tally import OTHER_TYPES, PACKETS, Tally
from resolver.zone.status import ZoneStatus

if TYPE_CHECKING:
    from resolver.app.server import Server

# So many samples take about a millisecond to write out.
_PIECE_SAMPLES = 100

_CHECKS: dict[str, Callable[[ZoneStatus], float | None]] = {
    "zone_expires_in_seconds": attrgetter("expires_in_s"),
    "zone_confirmed_ago_seconds": attrgetter("age_s"),
    "zone_next_check_in_seconds": attrgetter("next_check_in_s"),
    "zone_failed_checks": attrgetter("failures"),
}

Row: TypeAlias = tuple[Sequence[str], float]
Pieces: TypeAlias = Generator[Metric | None, None, None]


def pieces(server: "Server", *, ready: bool) -> Pieces:
    """Everything. Pieces of one metric follow each other, and have its name."""
    yield from _counters(server.metrics)
    yield from _about(server, ready=ready)
    yield from _answers(server.tally)
    yield from _caches(server)
    yield from _work(server)
    yield from _zones(server)
    yield from _servers(server)
    yield from ProcessCollector(registry=None).collect()


def _piece(name: str, rows: Iterable[Row]) -> Metric:
    family = FAMILIES[name]
    metric: CounterMetricFamily | GaugeMetricFamily
    if family.kind == "counter":
        metric = CounterMetricFamily(PREFIX + name, family.help, labels=family.labels)
    else:
        metric = GaugeMetricFamily(PREFIX + name, family.help, labels=family.labels)
    for labels, value in rows:
        metric.add_metric(labels, value)
    return metric


def _plain(name: str, value: float) -> Metric:
    return _piece(name, [((), value)])


def _many(name: str, rows: Iterable[Row]) -> Iterator[Metric]:
    """A metric in as many pieces as it takes; nothing when there are no rows."""
    left = iter(rows)
    while chunk := list(islice(left, _PIECE_SAMPLES)):
        yield _piece(name, chunk)


def _histograms(name: str, rows: Iterable[tuple[Sequence[str], Histogram]]) -> Metric:
    family = FAMILIES[name]
    metric = HistogramMetricFamily(PREFIX + name, family.help, labels=family.labels)
    for labels, histogram in rows:
        buckets = [(repr(bound), float(count)) for bound, count in histogram.shown()]
        buckets.append(("+Inf", float(histogram.count)))
        metric.add_metric(labels, buckets, histogram.sum_s)
    return metric


def _counters(metrics: Metrics) -> Pieces:
    merged: dict[str, list[Row]] = {}
    for name, value in metrics.read().items():
        if name in MERGED:
            family, label = MERGED[name]
            merged.setdefault(family, []).append(((label,), value))
        else:
            yield _plain(name, value)
    for family, rows in merged.items():
        yield _piece(family, rows)
    for name in HISTOGRAMS:
        yield _histograms(name, [((), getattr(metrics, name))])


def _about(server: "Server", *, ready: bool) -> Pieces:
    build = InfoMetricFamily(PREFIX + "build", FAMILIES["build"].help)
    build.add_metric((), {"version": __version__, "python": sys.version.split()[0]})
    yield build
    started = server.clock.wall() - (server.clock.now() - server.made_at)
    yield _plain("start_time_seconds", started)
    yield _plain("ready", float(ready))


def _answers(tally: Tally) -> Pieces:
    rcodes = tally.rcodes().items()
    yield _piece("answers_total", (((s, show_rcode(rcode)), n) for (s, rcode), n in rcodes))
    yield None
    yield _histograms("answer_seconds", (((s,), h) for s, h in tally.histograms().items()))
    yield None
    types = list(tally.types().items())
    rows = (((show_type(t) if t != OTHER_TYPES else "other",), n) for t, n in types)
    yield _piece("question_types_total", rows)


def _caches(server: "Server") -> Pieces:
    packets = server.service.answers
    entries: list[Row] = [((PACKETS,), packets.entries)]
    octets: list[Row] = [((PACKETS,), packets.octets)]
    evicted: list[Row] = [((PACKETS,), packets.evicted)]
    if server.recursion is not None:
        caches = server.recursion.caches
        for label, cache in (
            ("rrsets", caches.rrsets),
            ("denials", caches.negatives),
            ("delegations", caches.delegations),
        ):
            entries.append(((label,), len(cache)))
            octets.append(((label,), cache.octets))
            evicted.append(((label,), cache.map.evicted))
        entries.append((("failures",), len(caches.failures)))
    yield _piece("cache_entries", entries)
    yield _piece("cache_bytes", octets)
    yield _plain("cache_max_bytes", server.config.cache.size)
    yield _piece("cache_evictions_total", evicted)
    hits, misses = cache_use(server.metrics, server.tally)
    yield _piece("cache_hits_total", (((label,), n) for label, n in hits.items()))
    yield _piece("cache_misses_total", (((label,), n) for label, n in misses.items()))


def _work(server: "Server") -> Pieces:
    driver, stream = server.driver, server.stream
    yield _plain("jobs", 0 if driver is None else driver.jobs)
    yield _plain("oldest_job_age_seconds", 0.0 if driver is None else driver.oldest_job_age_s)
    yield _plain("upstream_in_flight", 0 if driver is None else driver.outbound.in_flight)
    yield _plain("tcp_connections", 0 if stream is None else stream.connections)


def _zones(server: "Server") -> Pieces:
    found = yield from look_at_zones(server, server.config.metrics.zones)
    yield _piece("zones", (((state,), n) for state, n in found.states.items()))
    told = found.told
    yield from _many("zone_serial", (((z.name,), z.serial) for z in told if z.serial is not None))
    sizes = (((z.name,), z.records) for z in told if z.records is not None)
    yield from _many("zone_records", sizes)
    yield from _many("zone_serving", (((z.name,), z.records is not None) for z in told))
    checked = [(z.name, z.status) for z in told if z.status is not None]
    for name, read in _CHECKS.items():
        values = ((zone, read(status)) for zone, status in checked)
        yield from _many(name, (((zone,), value) for zone, value in values if value is not None))
    ends = ((zone, status.checks) for zone, status in checked)
    yield from _many("zone_checks_total", (((z, e), n) for z, c in ends for e, n in c.items()))


def _servers(server: "Server") -> Pieces:
    if server.recursion is None:
        return
    known = server.recursion.servers.known()
    yield _plain("servers", len(known))
    busiest = nlargest(server.config.metrics.servers, known, key=_asked)
    yield None
    named = [(str(each.address), each) for each in busiest]
    yield from _many("server_queries_total", (((a,), _asked(s)) for a, s in named))
    yield from _many("server_timeouts_total", (((a,), s.silences) for a, s in named))
    rtts = (((a,), s.srtt_s) for a, s in named if s.srtt_s is not None)
    yield from _many("server_rtt_seconds", rtts)
    yield from _many("server_in_flight", (((a,), s.in_flight) for a, s in named))
    yield from _many("server_dead", (((a,), s.is_dead) for a, s in named))


def _asked(upstream: Upstream) -> int:
    return upstream.replies + upstream.silences
