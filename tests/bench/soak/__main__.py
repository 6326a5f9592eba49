"""A soak: the server under mixed load in a hierarchy that never stays as it is.

    python -m tests.bench.soak [--minutes 20] [--rate 400] [--churn] [--json FILE]

Three processes on loopback: the fake Internet (hierarchy.py), `rootward run` (served.py), and this
one, which asks and judges every reply (clients.py, probes.py). With --churn the server is also
reloaded with zones changed, added and removed, flushed, and its query log rotated, every seven
seconds one of them. At the end: a verdict, and a report in JSON. The exit code is 0 when nothing
was wrong.

Wrong is: a reply that was not true when it was given, none within the bound, memory or descriptors
that grow, a job older than its bound, an event loop that holds itself up, an exception, a line of
the query log that is missing; and jobs, tasks or descriptors that are left when the load has ended.
That each of these is found can be seen with --break (sabotage.py).
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resolver import names
from resolver.model import Address
from tests.bench.soak import changes, processes, report
from tests.bench.soak.changes import Change, Churn, Updates
from tests.bench.soak.clients import Clients, Judges
from tests.bench.soak.probes import ABSENT, COMING, RELOADED, Probes
from tests.bench.soak.sabotage import BREAKS
from tests.bench.soak.stalls import Stalls
from tests.bench.soak.truth import Changing

SAMPLE_S = 0.5
PROGRESS_S = 60.0


class Soak:
    """One run in a folder."""

    def __init__(
        self, folder: Path, *, seconds: float, rate: float, churn: bool, faults: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.seconds = seconds
        self.rate = rate
        self.churn = churn
        self.own = Changing()
        self.faults = faults
        self.probes = Probes(self.own)
        self.quiet = False

    def run(self) -> dict[str, Any]:
        """Everything from start to verdict."""
        folder = self.folder
        (folder / "state").mkdir()
        (folder / "own.test.zone").write_text(changes.own_zone(self.own))
        (folder / "reloaded.test.zone").write_text(changes.reloaded_zone(0))
        (folder / "coming.test.zone").write_text(changes.coming_zone())
        name = names.read(f"v.{RELOADED}")
        self.own.begin(name, changes.reloaded_value(0), 0.0, sure=0.0)
        self.own.begin(names.read(f"v.{COMING}"), ABSENT, 0.0, sure=0.0)
        with processes.hierarchy(folder) as (port, internet):
            processes.configure(folder, port, log_queries=self.churn)
            with processes.server(folder, *self.faults) as (address, process):
                self.epoch = time.monotonic()
                assert internet.stdin is not None
                internet.stdin.write(f"{self.epoch}\n".encode())
                internet.stdin.flush()
                self.stalls = Stalls(process.pid)
                self.upstream = Stalls(internet.pid, threads=True)
                self.judges = Judges(self.epoch, self.stalls, self.upstream)
                told = self._ask(address, process.pid)
        told["exit"] = process.returncode
        return self._judged(told)

    def _judged(self, told: dict[str, Any]) -> dict[str, Any]:
        """With what the processes left behind, and the verdict."""
        told["tracebacks"] = (self.folder / "log").read_text().count("Traceback")
        told["jobs"] = report.jobs(self.folder / "samples", self.stalls, self.ended)
        replies = self.replies if self.churn else {}
        told["query_log"] = report.query_log(self.folder, changes.QUERY_LOG, replies)
        told["kinds"] = report.kinds(self.judges)
        told["totals"] = report.totals(told["kinds"])
        told["machine"] = {
            "clients_longest_pause_s": round(self.stalls.longest_pause_s, 2),
            "kept_server_waiting_s": round(self.stalls.waited_s, 2),
            "kept_hierarchy_waiting_s": round(self.upstream.waited_s, 2),
        }
        told["wrong"] = [f"{what} ({times})" for what, times in self.judges.wrongs.items()]
        told["examples"] = self.judges.examples
        told["faults"] = report.faults(told)
        told["verdict"] = "bad" if told["faults"] else "good"
        return told

    def _ask(self, address: Address, pid: int) -> dict[str, Any]:
        clients = Clients(address, self.probes, self.judges, rate=self.rate)
        self.replies = clients.replies
        updates = Updates(address, self.own, self.epoch)
        updates(0)  # what the first one opens stays open
        before = processes.descriptors(pid)
        doing = [Change(changes.UPDATE_PAUSE_S, updates)]
        if self.churn:
            churn = Churn(self.folder, pid, self.probes, self.own, self.epoch)
            pause_s = min(changes.CHURN_PAUSE_S, self.seconds / 5)
            doing.append(Change(pause_s, churn))
        told = self._load(clients, doing, pid)
        told["descriptors"] |= {
            "before": before,
            "after": processes.settle(pid, self.folder / "samples", before + report.FDS_LEFT),
        }
        return told

    def _load(self, clients: Clients, doing: Sequence[Change], pid: int) -> dict[str, Any]:
        samples = report.Samples(pid)
        clients.open()
        began = time.monotonic()
        cpu = processes.cpu_s(pid)
        next_line = began + PROGRESS_S

        def look() -> None:
            nonlocal next_line
            now = time.monotonic()
            samples.take(now - self.epoch)
            self.stalls.look()
            self.upstream.look()
            if now >= next_line and not self.quiet:
                next_line += PROGRESS_S
                self._progress(now - began, samples)

        for change in doing:
            change.start()
        try:
            clients.run(began + self.seconds, SAMPLE_S, look)
            self.ended = time.monotonic()
            took_s = self.ended - began
            dropped = processes.kernel_drops(clients.ports | {clients.server.port})
        finally:
            clients.close()
            for change in doing:
                change.stop()
        return {
            "seconds": round(took_s, 1),
            "cpu_share": round((processes.cpu_s(pid) - cpu) / took_s, 2),
            "held_back": clients.held_back,
            "dropped_by_kernel": dropped,
            "memory": report.memory(samples),
            "descriptors": report.descriptors(samples),
            "changes": {what: n for change in doing for what, n in change.done.items()},
            "failed": [("change", text) for change in doing for text in change.failed[:5]],
        }

    def _progress(self, seconds: float, samples: report.Samples) -> None:
        answered = sum(tally.answered for tally in self.judges.tallies.values())
        _, resident, fds = samples.taken[-1]
        wrong = sum(self.judges.wrongs.values())
        print(
            f"{seconds:6.0f} s  {answered:10,} answers, {wrong} wrong,"
            f" {resident / report.MIB:.1f} MiB, {fds} descriptors",
            flush=True,
        )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="A server under mixed load for a long time.")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=400.0, help="questions a second over UDP")
    parser.add_argument("--churn", action="store_true", help="reload, flush, rotate the log, too")
    parser.add_argument("--break", dest="faults", action="append", default=[], choices=BREAKS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(
            Path(folder),
            seconds=options.minutes * 60,
            rate=options.rate,
            churn=options.churn,
            faults=options.faults,
        )
        told = soak.run()
    text = json.dumps(told, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n")
    print(text)
    print(*told["faults"], told["verdict"], sep="\n")
    return 0 if told["verdict"] == "good" else 1


if __name__ == "__main__":
    sys.exit(main())
