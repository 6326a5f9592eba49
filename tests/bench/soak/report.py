"""From samples and counts to a verdict.

Knows: what is allowed. Does not know: how anything was measured.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from tests.bench.soak.clients import BOUND_S, Judges
from tests.bench.soak.served import INTERVAL_S
from tests.bench.soak.stalls import Stalls

MIB = 1 << 20
# Of a job: recursion.max_time is 8 s, and the driver looks a little later.
MAX_JOB_S = BOUND_S
# Growth that counts as none, per hour and after the warm-up: of memory in use, and of what is
# resident (allocators keep the pieces of each burst); and for how long it must be measured.
MAX_GROWTH_MIB_PER_HOUR = 12.0
MAX_RESIDENT_GROWTH_MIB_PER_HOUR = 40.0
MIN_MEASURED_S = 300.0
WARM_UP_SHARE = 0.4
FDS_TO_SPARE = 150  # connections and sockets that come and go
FDS_LEFT = 2  # when the load has ended, more than before it began
TASKS_LEFT = 2
MAX_RESIDENT_MIB = 400
MAX_EXCUSED_SHARE = 0.001
TOO_BUSY = "the machine is too busy for a verdict"
# Names whose only live server loses a fifth of all packets: so many may fail for time-outs.
MAX_LOST_SHARE = 0.005
# How long the event loop may hold itself up.
MAX_OWN_STALL_S = 1.0


@dataclass
class Samples:
    """Of the process: (seconds, octets resident, descriptors open)."""

    pid: int
    taken: list[tuple[float, int, int]] = field(default_factory=list)

    def take(self, at: float) -> None:
        """Look into /proc."""
        process = Path(f"/proc/{self.pid}")
        status = (process / "status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        self.taken.append((at, int(found[1]) * 1024, len(list((process / "fd").iterdir()))))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line that fits best."""
    x0, y0 = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - x0) ** 2 for x, _ in points)
    return sum((x - x0) * (y - y0) for x, y in points) / spread if spread else 0.0


def memory(samples: Samples) -> dict[str, Any]:
    """How resident memory went, in MiB."""
    taken = samples.taken
    points = [(at, rss) for at, rss, _ in taken]
    after = _warm(points)
    quarters = [taken[max(0, len(taken) * i // 4 - 1)] for i in range(1, 5)]
    return {
        "first_mib": round(taken[0][1] / MIB, 1),
        "quarters_mib": [round(rss / MIB, 1) for _, rss, _ in quarters],
        "after_warm_up_mib": round(after[0][1] / MIB, 1),
        "last_mib": round(taken[-1][1] / MIB, 1),
        "most_mib": round(max(rss for _, rss, _ in taken) / MIB, 1),
        "growth_mib_per_hour": growth(points),
    }


def growth(points: Sequence[tuple[float, float]]) -> float | None:
    """Of octets at moments in seconds, after the warm-up: MiB an hour; None when that is short."""
    after = _warm(points)
    measured = after[-1][0] - after[0][0] >= MIN_MEASURED_S
    return round(slope(after) * 3600 / MIB, 2) if measured else None


def _warm(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    first, last = points[0][0], points[-1][0]
    return [point for point in points if point[0] >= first + (last - first) * WARM_UP_SHARE]


def descriptors(samples: Samples) -> dict[str, int]:
    """How many files and sockets were open: means of the first and last quarter."""
    fds = [count for _, _, count in samples.taken]
    quarter = max(1, len(fds) // 4)
    return {
        "first": round(fmean(fds[:quarter])),
        "last": round(fmean(fds[-quarter:])),
        "most": max(fds),
    }


def jobs(file: Path, stalls: Stalls, until: float = inf) -> dict[str, Any]:
    """What the server wrote about itself: most jobs, the oldest one, how long its event loop stood
    still, memory until the load ended, and the last counters. `own` is without what was not its
    fault."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    counters = {k: v for k, v in lines[-1].items() if k.endswith("_total") and v}
    ages = [(line["oldest_s"], line["at"]) for line in lines]
    loaded = [line for line in lines if line["at"] <= until] or lines
    pauses = [(line["at"] + INTERVAL_S, later["at"]) for line, later in pairwise(lines)]
    return {
        "longest_stall_s": _most(end - start for start, end in pauses),
        "longest_own_stall_s": _most(
            end - start - stalls.within(start - INTERVAL_S, end) for start, end in pauses
        ),
        "in_use_growth_mib_per_hour": growth([(line["at"], line["in_use"]) for line in loaded]),
        "in_use_quarters_mib": [
            round(loaded[max(0, len(loaded) * i // 4 - 1)]["in_use"] / MIB, 1) for i in range(1, 5)
        ],
        "most_jobs": max(line["jobs"] for line in lines),
        "oldest_s": _most(age_s for age_s, _ in ages),
        "oldest_own_s": _most(age_s - stalls.within(at - age_s, at) for age_s, at in ages),
        "jobs_left": lines[-1]["jobs"],
        "tasks": (lines[0]["tasks"], lines[-1]["tasks"]),
        "threads": (lines[0]["threads"], lines[-1]["threads"]),
        "counters": counters,
    }


def _most(seconds: Iterable[float]) -> float:
    return round(max(0.0, *seconds), 2)


def query_log(folder: Path, name: str, replies: Mapping[str, int]) -> dict[str, int]:
    """What the files of the query log hold of each client, beside the replies it got."""
    written: Counter[str] = Counter()
    unreadable = 0
    files = sorted(folder.glob(f"{name}*"))
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    written[entry["client"]] += entry["rcode"] is not None
                except (ValueError, KeyError):
                    unreadable += 1
    return {
        "files": len(files),
        "lines": sum(written[client] for client in replies),
        "missing": sum(max(0, count - written[client]) for client, count in replies.items()),
        "unreadable": unreadable,
    }


def kinds(judges: Judges) -> dict[str, dict[str, float]]:
    """The tally of each kind, with waiting times in milliseconds."""
    told = {}
    for kind, tally in sorted(judges.tallies.items()):
        took = sorted(tally.took)
        cuts = quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
        told[kind] = {
            "asked": tally.asked,
            "answered": tally.answered,
            "wrong": tally.wrong,
            "late": tally.late,
            "unanswered": tally.unanswered,
            "excused": tally.excused,
            "stale": tally.stale,
            "failed": tally.failed,
            "timed_out": tally.timed_out,
            "median_ms": round(cuts[49] * 1000, 2),
            "p99_ms": round(cuts[98] * 1000, 1),
            "worst_ms": round(tally.worst_s * 1000),
        }
    return told


def totals(kinds: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Of all kinds together."""
    counts = ("asked", "answered", "wrong", "excused", "late", "unanswered", "stale", "failed")
    told = {what: sum(tally[what] for tally in kinds.values()) for what in (*counts, "timed_out")}
    return told | {"worst_ms": max(tally["worst_ms"] for tally in kinds.values())}


def faults(report: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    found = [*report["wrong"], *_of_process(report)]
    for kind, tally in report["kinds"].items():
        if tally["late"]:
            found.append(f"{kind}: {tally['late']} replies after more than {BOUND_S:g} s")
    lost = sum(tally["unanswered"] for tally in report["kinds"].values())
    if lost > report["dropped_by_kernel"]:
        found.append(f"{lost} questions without a reply")
    asked = sum(tally["asked"] for tally in report["kinds"].values())
    excused = sum(tally["excused"] for tally in report["kinds"].values())
    lossy = report["kinds"].get("short", {"failed": 0, "asked": 0})
    if excused > MAX_EXCUSED_SHARE * asked:
        found.append(f"{TOO_BUSY}: {excused} replies are excused by it")
    elif lossy["failed"] > MAX_LOST_SHARE * lossy["asked"]:
        found.append(f"short: {lossy['failed']} failures")
    return found + [f"{what}: {error}" for what, error in report["failed"]]


def _of_process(report: dict[str, Any]) -> list[str]:
    resident = report["memory"]["growth_mib_per_hour"]
    in_use = report["jobs"]["in_use_growth_mib_per_hour"]
    most = report["memory"]["most_mib"]
    jobs = report["jobs"]
    oldest_s, stall_s = jobs["oldest_own_s"], jobs["longest_own_stall_s"]
    exceptions = jobs["counters"].get("exceptions_total", 0)
    fds, tasks, log = report["descriptors"], jobs["tasks"], report["query_log"]
    bad = {
        f"a job of {oldest_s} s": oldest_s > MAX_JOB_S,
        f"the event loop stood still for {stall_s} s": stall_s > MAX_OWN_STALL_S,
        f"{jobs['jobs_left']} jobs after the last question": jobs["jobs_left"] > 0,
        f"{tasks[1]} tasks after the load, {tasks[0]} before": tasks[1] > tasks[0] + TASKS_LEFT,
        f"{log['missing']} lines of the query log are missing": log["missing"] > 0,
        f"{log['unreadable']} lines of the query log cannot be read": log["unreadable"] > 0,
        f"{exceptions} exceptions": exceptions > 0,
        f"{report['tracebacks']} tracebacks in the log": report["tracebacks"] > 0,
        f"memory in use grows by {in_use} MiB an hour": (in_use or 0) > MAX_GROWTH_MIB_PER_HOUR,
        f"memory grows by {resident} MiB an hour": (
            (resident or 0) > MAX_RESIDENT_GROWTH_MIB_PER_HOUR
        ),
        f"{most} MiB of memory": most > MAX_RESIDENT_MIB,
        f"{fds['last']} descriptors in the end, {fds['first']} in the beginning": (
            fds["last"] > fds["first"] + FDS_TO_SPARE
        ),
        f"{fds['after']} descriptors after the load, {fds['before']} before": (
            fds["after"] > fds["before"] + FDS_LEFT
        ),
        f"the server ended with {report['exit']}": report["exit"] != 0,
    }
    return [text for text, holds in bad.items() if holds]
