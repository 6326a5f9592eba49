"""docs/performance.md and its charts, written anew from the figures that are kept.

    python -m tests.bench.page

What stands between a pair of markers, `<!-- NAME -->` and `<!-- end -->`, is replaced; all else is
written by hand. Knows: figures.json, the page. Does not know: how anything was measured.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.bench import chart, figures
from tests.bench.growth import TITLES
from tests.bench.peers import ROOT
from tests.bench.workloads import TRANSPORTS, WORKLOADS
from tests.bench.zones import COLUMNS

PAGE = ROOT / "docs" / "performance.md"
CHARTS = figures.KEPT.parent
_BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.S)
OURS = ("rootward, compiled", "rootward")

# Workload, whom to compare with (the best of all where that is empty), and the most it may be.
TARGETS = (
    ("hit", "unbound", 0.85),
    ("hit", "bind", 0.70),
    ("hit", "floor", 1.35),
    ("auth", "nsd or knot", 1.0),
    ("mix", "", 0.9),
    ("miss", "unbound", 1.0),
)

Figures = Mapping[str, Any]


def _rows(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _head(*cells: str) -> str:
    return _rows(*cells) + "|" + "---|" * len(cells) + "\n"


def _base(rows: Figures) -> float:
    return float(_first(rows)["us"])


def _told(section: Figures) -> str:
    """When and on what something was measured."""
    return (
        f"Measured {section['at']}, version `{section['commit']}`, load {section['load']}:"
        f" {section['machine']}. `{section['how']}`\n"
    )


def table(kept: Figures) -> str:
    """A table per workload over UDP, and one with the ratios over the other transports."""
    blocks = [
        f"{_servers(name, kept[key]['figures'])}\n{_told(kept[key])}"
        for name in WORKLOADS
        if (key := f"{name} udp") in kept
    ]
    return "\n".join([*blocks, _transports(kept)])


def _servers(workload: str, rows: Figures) -> str:
    base = _base(rows)
    head = _head(f"`{workload}`", "µs/query", "user", "lowest to highest", "queries/s", "ours/this")
    return head + "".join(
        _rows(
            f"**{server}**" if server in OURS else server,
            f"{row['us']:.2f}",
            f"{row['user_us']:.2f}",
            f"{row['lowest_us']:.2f} to {row['highest_us']:.2f}",
            f"{row['qps']:,.0f}",
            f"{base / row['us']:.2f}",
        )
        for server, row in sorted(rows.items(), key=lambda item: float(item[1]["us"]))
    )


def _transports(kept: Figures) -> str:
    """A row for each workload and transport: ours, and each peer in microseconds with the ratio."""
    others = [
        f"{workload} {transport}"
        for transport in TRANSPORTS
        for workload in WORKLOADS
        if transport != "udp" and f"{workload} {transport}" in kept
    ]
    if not others:
        return ""
    taken = {server for key in others for server in kept[key]["figures"]}
    servers = sorted(taken - set(OURS))
    lines = [_head("µs/query (ours/this)", *OURS, *servers)]
    for key in others:
        rows = kept[key]["figures"]
        base = _base(rows)
        cells = [f"{rows[name]['us']:.1f}" if name in rows else "" for name in OURS]
        for server in servers:
            us = rows.get(server, {}).get("us")
            cells.append(f"{us:.1f} ({base / us:.2f})" if us else "")
        lines.append(_rows(key.replace(" ", ", "), *cells))
    return "".join(lines) + "\n" + _told(kept[others[-1]])


def targets(kept: Figures) -> str:
    """What was aimed at beside what was measured, as far as it was."""
    rows = list(_target_rows(kept))
    return _head("", "target", "measured", "") + "".join(
        _rows(what, f"{most:g}{unit}", f"{value:.2f}{unit}", "met" if value <= most else "missed")
        for what, most, value, unit in rows
    )


def _target_rows(kept: Figures) -> Iterator[tuple[str, float, float, str]]:
    for workload, others, most in TARGETS:
        rows = kept.get(f"{workload} udp", {}).get("figures", {})
        named = others.split(" or ") if others else set(rows) - {*OURS, "floor"}
        us = [rows[name]["us"] for name in named if name in rows]
        if us:
            yield f"`{workload}` to {others or 'the best'}", most, _base(rows) / min(us), ""
    if "filled" in kept and "unbound" in kept["filled"]["figures"]:
        found = kept["filled"]["figures"]
        ratio = _first(found)["octets_each"] / found["unbound"]["octets_each"]
        yield "memory of a cached name to Unbound's", 2.0, ratio, ""
    if "connections" in kept:
        found = kept["connections"]["figures"]
        yield "memory with 10,000 connections", 300.0, found["resident_mib"], " MiB"
        slower = found["hit_us_active"] / found["hit_us_alone"]
        yield "a hit over UDP beside them, to one alone", 1.2, slower, ""
    if "latency" in kept:
        worst = max(row["worst_own_ms"] for row in kept["latency"]["figures"].values())
        yield "worst wait of a hit beside other work, its own", 20.0, worst, " ms"
    yield from _longest_turn(kept)
    if "zones" in kept:
        yield from _zone_targets(kept["zones"]["figures"])


def _longest_turn(kept: Figures) -> Iterator[tuple[str, float, float, str]]:
    if "gaps" in kept:
        worst = max(row["turn_ms"] for row in kept["gaps"]["figures"].values())
        yield "longest turn of the event loop, whatever goes on", 20.0, worst, " ms"


def _zone_targets(found: Figures) -> Iterator[tuple[str, float, float, str]]:
    """The worst of all zones, to BIND."""
    rows = [kind for kind in found.values() if "bind" in kind]
    for ours, load, out in (("rootward, compiled", 1.0, 1.5), ("rootward", 2.0, 1.5)):
        for what, column, most in (
            ("loading a zone", "load_s", load),
            ("memory of a zone", "load_mib", 1.5),
            ("transferring it out", "out_s", out),
            ("transferring it in", "in_s", out),
        ):
            ratios = [kind[ours][column] / kind["bind"][column] for kind in rows if ours in kind]
            if ratios:
                yield (
                    f"{what} to bind, {ours.partition(', ')[2] or 'interpreted'}",
                    most,
                    max(ratios),
                    "",
                )


def _first(rows: Figures) -> Any:
    """The row of ours."""
    return next(rows[name] for name in OURS if name in rows)


def parts(found: Figures) -> str:
    """What each piece takes."""
    lines = [
        _rows(name, f"{value:,.0f} {unit.replace('us', 'µs')}")
        for name, (value, unit) in found.items()
    ]
    return _head("part", "") + "".join(lines) + "\n"


def growth(found: Figures) -> str:
    """Microseconds by size."""
    text = []
    for axis, lines in found.items():
        sizes = [size for size, _ in next(iter(lines.values()))]
        text.append(_head(TITLES[axis], *(f"{size:,.0f}" for size in sizes)))
        text += [_rows(name, *(f"{us:.2f}" for _, us in line)) for name, line in lines.items()]
        text.append("\n")
    return "".join(text)


def latency(found: Figures) -> str:
    """Milliseconds that hits wait beside other work."""
    columns = ("p50_ms", "p99_ms", "p999_ms", "worst_ms", "worst_own_ms")
    head = _head(
        "beside",
        "queries",
        "p50, ms",
        "p99",
        "p99.9",
        "worst",
        "worst of its own",
    )
    return (
        head
        + "".join(
            _rows(what, f"{row['queries']:,}", *(f"{row[column]:.2f}" for column in columns))
            for what, row in found.items()
        )
        + "\n"
    )


def gaps(found: Figures) -> str:
    """Milliseconds that the event loop stands still."""
    columns = ("turn_ms", "late_ms", "search_ms")
    head = _head("what the server does", "longest turn, ms", "with other threads", "search")
    rows = (
        _rows(what, *(f"{row[column]:.1f}" for column in columns))
        for what, row in sorted(found.items(), key=lambda each: -each[1]["turn_ms"])
    )
    return head + "".join(rows) + "\n"


def connections(found: Figures) -> str:
    """Ten thousand clients."""
    opened, active = found["open"], found["active"]
    slower = found["hit_us_active"] / found["hit_us_alone"] - 1
    rows = (
        ("connections open", f"{opened:,}"),
        ("answered when all ask", f"{found['answered_at_first']:,}"),
        ("answered when all ask again at the end", f"{found['answered_at_last']:,}"),
        (
            f"{active:,} that ask once a second: answered, asked",
            f"{found['active_answered']:,} of {found['active_asked']:,}",
        ),
        ("memory before", f"{found['resident_mib_before']:.0f} MiB"),
        ("memory with all of them", f"{found['resident_mib']:.0f} MiB"),
        ("CPU for a hit over UDP, no connections", f"{found['hit_us_alone']:.2f} µs"),
        ("all idle", f"{found['hit_us_idle']:.2f} µs"),
        (
            f"{active:,} asking, their queries counted in",
            f"{found['hit_us_active']:.2f} µs ({slower:+.0%})",
        ),
    )
    return _head("", "") + "".join(_rows(*row) for row in rows) + "\n"


def filled(found: Figures) -> str:
    """Memory of what is cached."""
    base = _first(found)["octets_each"]
    return (
        _head("", "octets a name", "ours/this", "MiB in all", "still answered without upstream")
        + "".join(
            _rows(
                f"**{server}**" if server in OURS else server,
                f"{row['octets_each']:.0f}",
                f"{base / row['octets_each']:.2f}",
                f"{row['resident_mib']:.0f}",
                f"{row['still_there']:.1%}",
            )
            for server, row in found.items()
        )
        + "\n"
    )


HEADS = {
    "start_s": "start, s",
    "load_s": "load, s",
    "load_mib": "MiB",
    "load_peak_mib": "at most",
    "out_s": "out, s",
    "dig_s": "to dig, s",
    "in_s": "in, s",
    "in_mib": "MiB",
    "in_peak_mib": "at most",
}


def zones(found: Figures) -> str:
    """A table for each zone: CPU seconds and MiB."""
    return "".join(
        _head(f"`{kind}`", *(HEADS[column] for column in COLUMNS))
        + "".join(
            _rows(f"**{server}**" if server in OURS else server, *_cells(row, rows.get("bind")))
            for server, row in rows.items()
        )
        + "\n"
        for kind, rows in found.items()
    )


def _cells(row: Figures, bind: Figures | None) -> Iterator[str]:
    """Each figure, and in parentheses how many times BIND's it is."""
    for column in COLUMNS:
        if column not in row:
            yield "-"
            continue
        value = row[column]
        shown = f"{value:.2f}" if column.endswith("_s") else f"{value:.0f}"
        is_compared = column != "start_s" and bind is not None and bind[column] > 0
        yield f"{shown} ({value / bind[column]:.2f})" if is_compared and bind else shown


def versions(found: str) -> str:
    """What the program has printed."""
    return f"```\n{found}```\n\n"


SECTIONS: dict[str, Callable[[Any], str]] = {
    "parts": parts,
    "growth": growth,
    "latency": latency,
    "gaps": gaps,
    "connections": connections,
    "filled": filled,
    "zones": zones,
    "versions": versions,
}


# Those that draw on several sections.
WHOLE: dict[str, Callable[[Figures], str]] = {"table": table, "targets": targets}


def draw(kept: Figures) -> None:
    """The charts of what there is."""
    groups = {
        name: {server: row["us"] for server, row in kept[f"{name} udp"]["figures"].items()}
        for name in WORKLOADS
        if f"{name} udp" in kept
    }
    if groups:
        _save("table.svg", chart.bars(groups, "µs of CPU a query"))
    if "growth" in kept:
        drawn = [
            chart.Plot(f"Cost by {TITLES[axis]}", TITLES[axis], "µs a query", lines)
            for axis, lines in kept["growth"]["figures"].items()
        ]
        _save("growth.svg", chart.plots(drawn))


def _save(name: str, svg: str) -> None:
    CHARTS.mkdir(parents=True, exist_ok=True)
    (CHARTS / name).write_text(svg)


def write() -> None:
    """Bring page and charts up to date."""
    kept = figures.read(figures.KEPT)

    def replaced(block: "re.Match[str]") -> str:
        name = block[2]
        if name in WHOLE:
            return block[1] + WHOLE[name](kept) + block[3]
        if name not in kept:
            return block[0]
        return block[1] + SECTIONS[name](kept[name]["figures"]) + _told(kept[name]) + block[3]

    PAGE.write_text(_BLOCK.sub(replaced, PAGE.read_text()))
    draw(kept)


if __name__ == "__main__":
    write()
