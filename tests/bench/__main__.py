"""What a query costs here: beside other servers, in its parts, as things grow.

    python -m tests.bench [SECTION ...] [--rounds 3] [--seconds 3] [--write]

`table` plays the workloads of workloads.py against all servers that are installed, `parts` times
the pieces of a query's way without sockets, and the others are named in SECTIONS; without a name it
is the first two. Figures are kept in build/bench.json. With --write they are kept in
docs/performance/figures.json instead, and docs/performance.md and its charts are written anew.
Needs dnsperf and two processors for what has to do with sockets; cc for the floor.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.bench import (
    connections,
    figures,
    filled,
    gaps,
    growth,
    latency,
    page,
    parts,
    table,
    zones,
)
from tests.bench.peers import COMPILED, ROOT
from tests.bench.workloads import TRANSPORTS, WORKLOADS

OUTPUT = ROOT / "build" / "bench.json"
Options = argparse.Namespace


Measured = Iterator[tuple[str, Any]]


def _table(options: Options) -> Measured:
    return table.compare(
        options.workloads,
        options.transports,
        rounds=options.rounds,
        seconds=options.seconds,
        wanted=options.servers,
        compiled=_compiled(options),
    )


def _parts(_: Options) -> Measured:
    yield "parts", parts.measure()


def _growth(_: Options) -> Measured:
    yield "growth", growth.measure()


def _compiled(options: Options) -> bool:
    return not options.interpreted and is_compiled()


def _latency(options: Options) -> Measured:
    yield "latency", latency.measure(compiled=_compiled(options))


def _gaps(_: Options) -> Measured:
    yield "gaps", gaps.measure()


def _connections(options: Options) -> Measured:
    yield "connections", connections.measure(compiled=_compiled(options))


def _filled(options: Options) -> Measured:
    yield "filled", filled.measure(compiled=_compiled(options))


def _zones(options: Options) -> Measured:
    yield "zones", zones.measure(compiled=_compiled(options))


def _versions(_: Options) -> Measured:
    command = [sys.executable, "-m", "tests.bench.versions"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    print(told, flush=True)
    yield "versions", told


SECTIONS: dict[str, tuple[Callable[[Options], Measured], str]] = {
    "table": (_table, "all workloads beside other servers"),
    "parts": (_parts, "the parts of a query's way, without sockets"),
    "growth": (_growth, "cost against sizes, without sockets"),
    "latency": (_latency, "how long hits wait beside other work"),
    "gaps": (_gaps, "how long the event loop stands still, by what the server does"),
    "connections": (_connections, "10,000 TCP connections"),
    "filled": (_filled, "memory of 1,000,000 cached RRsets, beside Unbound"),
    "zones": (_zones, "a zone of 1,000,000 records loaded and transferred, beside others"),
    "versions": (_versions, "what versions of such a zone cost"),
}
DEFAULT = ("table", "parts")
WITH_SOCKETS = ("table", "latency", "connections", "filled", "zones")


def _arguments() -> Options:
    sections = "; ".join(f"{name}: {what}" for name, (_, what) in SECTIONS.items())
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=sections)
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[*SECTIONS, []])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each round")
    for what, all_of_them in (("workloads", WORKLOADS), ("transports", TRANSPORTS)):
        parser.add_argument(f"--{what}", type=_several(all_of_them), default=list(all_of_them))
    parser.add_argument("--servers", type=_several(()), default=(), help="beside ours")
    parser.add_argument("--json", type=Path, default=OUTPUT, metavar="FILE")
    parser.add_argument("--write", action="store_true", help="refresh docs/performance.md")
    parser.add_argument("--interpreted", action="store_true", help="leave the compiled copy out")
    return parser.parse_args()


def _several(allowed: Iterable[str]) -> Callable[[str], list[str]]:
    """A reader of words with commas between them, of which `allowed` has all, if any."""

    def read(text: str) -> list[str]:
        words = text.split(",")
        if allowed and not set(words) <= set(allowed):
            raise argparse.ArgumentTypeError(f"must be some of {','.join(allowed)}")
        return words

    return read


def missing() -> str:
    """What sockets need and is not here; empty if nothing."""
    if (os.cpu_count() or 1) < 2:
        return "a second processor"
    return ", ".join(tool for tool in ("dnsperf", "taskset") if not shutil.which(tool))


def is_compiled() -> bool:
    """Whether there is a compiled copy now, made if it can be."""
    done = subprocess.run(
        [sys.executable, "-m", "resolver.compile", COMPILED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"nothing compiled takes part: {done.stderr.strip()[-200:]}", file=sys.stderr)
    return done.returncode == 0


def main() -> None:
    """The command line."""
    # So that whoever ends this ends the servers, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    options = _arguments()
    chosen = options.sections or list(DEFAULT)
    lacking = missing()
    kept = figures.KEPT if options.write else options.json
    for section in chosen:
        if section in WITH_SOCKETS and lacking:
            print(f"{section}: left out, it needs {lacking}")
            continue
        measure, what = SECTIONS[section]
        print(f"\n{section}: {what}", flush=True)
        for name, found in measure(options):
            figures.keep(kept, name, found, f"python -m tests.bench {section}")
            if options.write:
                page.write()


if __name__ == "__main__":
    main()
