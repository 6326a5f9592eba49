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
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from resolver import names
from resolver.model import Address
from tests.bench.soak import changes, report
from tests.bench.soak.changes import Change, Churn, Updates
from tests.bench.soak.clients import Clients, Judges
from tests.bench.soak.probes import ABSENT, COMING, RELOADED, Probes
from tests.bench.soak.sabotage import BREAKS
from tests.bench.soak.served import INTERVAL_S
from tests.bench.soak.stalls import Stalls
from tests.bench.soak.truth import Changing

START_S = 60.0
STOP_S = 20.0
SAMPLE_S = 0.5
DRAIN_S = 40.0  # connections that are kept for the next question end within
PROGRESS_S = 60.0

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "state"

[access]
recursion = ["127.0.0.0/8"]
cache = ["127.0.0.0/8"]

[recursion]
root_hints = "root.hints"
do_not_query = []

[outgoing]
port = {port}

[cache]
size = "8MiB"          # so small that it is full long before the end
snapshot_interval = "1m"

{log}
[control]
socket = "control.sock"

[[zone]]
name = "own.test"
file = "own.test.zone"
update = ["127.0.0.0/8"]

[[zone]]
name = "reloaded.test"
file = "reloaded.test.zone"
"""
LOG = f"""
[log]
format = "json"
queries = true
query_file = "{changes.QUERY_LOG}"
"""


@contextlib.contextmanager
def hierarchy(folder: Path, epoch: float) -> Iterator[int]:
    """The fake Internet; its port."""
    command = [sys.executable, "-m", "tests.bench.soak.hierarchy", str(folder), str(epoch)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        port = folder / "port"
        _wait(port.exists, process)
        yield int(port.read_text())
    finally:
        process.communicate()


@contextlib.contextmanager
def server(folder: Path, *faults: str) -> Iterator[tuple[Address, "subprocess.Popen[bytes]"]]:
    """Our server, with faults of sabotage.py; where it answers."""
    log = folder / "log"
    samples = str(folder / "samples")
    config = str(folder / "config.toml")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.soak.served", config, samples, *faults],
            stderr=output,
        )
    try:
        try:
            _wait(lambda: "\nready: " in log.read_text(), process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {log.read_text()}") from None
        line = next(s for s in log.read_text().splitlines() if s.startswith("ready: "))
        yield Address("127.0.0.1", int(line.rpartition("#")[2])), process
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)
    finally:
        process.kill()
        process.wait()


def _wait(condition: Any, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while not condition():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.02)


def kernel_drops(ports: set[int]) -> int:
    """Datagrams that did not fit into the receive buffers of these UDP ports (proc(5))."""
    dropped = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) in ports:
            dropped += int(fields[-1])
    return dropped


class Soak:
    """One run in a folder."""

    def __init__(
        self, folder: Path, *, seconds: float, rate: float, churn: bool, faults: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.seconds = seconds
        self.rate = rate
        self.churn = churn
        self.epoch = time.monotonic()
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
        with hierarchy(folder, self.epoch) as port:
            log = LOG if self.churn else ""
            (folder / "config.toml").write_text(CONFIG.format(port=port, log=log))
            with server(folder, *self.faults) as (address, process):
                self.stalls = Stalls(process.pid)
                self.judges = Judges(self.epoch, self.stalls)
                told = self._ask(address, process.pid)
        told["exit"] = process.returncode
        told["tracebacks"] = self._tracebacks()
        told["jobs"] = report.jobs(folder / "samples", self.stalls)
        replies = self.replies if self.churn else {}
        told["query_log"] = report.query_log(folder, changes.QUERY_LOG, replies)
        told["kinds"] = report.kinds(self.judges)
        told["wrong"] = [f"{what} ({times})" for what, times in self.judges.wrongs.items()]
        told["examples"] = self.judges.examples
        told["faults"] = report.faults(told)
        told["verdict"] = "bad" if told["faults"] else "good"
        return told

    def _ask(self, address: Address, pid: int) -> dict[str, Any]:
        clients = Clients(address, self.probes, self.judges, rate=self.rate)
        self.replies = clients.replies
        samples = report.Samples(pid)
        updates = Updates(address, self.own, self.epoch)
        updates(0)  # what the first one opens stays open
        before = _settled(pid)
        doing = [Change(changes.UPDATE_PAUSE_S, updates)]
        if self.churn:
            churn = Churn(self.folder, pid, self.probes, self.own, self.epoch)
            doing.append(Change(changes.CHURN_PAUSE_S, churn))
        clients.open()
        began = time.monotonic()
        cpu = _cpu_s(pid)
        next_line = began + PROGRESS_S

        def look() -> None:
            nonlocal next_line
            now = time.monotonic()
            samples.take(now - self.epoch)
            self.stalls.look()
            if now >= next_line and not self.quiet:
                next_line += PROGRESS_S
                self._progress(now - began, samples)

        for change in doing:
            change.start()
        try:
            clients.run(began + self.seconds, SAMPLE_S, look)
            took_s = time.monotonic() - began
            dropped = kernel_drops(clients.ports | {address.port})
        finally:
            clients.close()
            for change in doing:
                change.stop()
        after = _settled(pid, before)
        time.sleep(2 * INTERVAL_S)  # for a last sample
        answered = sum(tally.answered for tally in self.judges.tallies.values())
        return {
            "seconds": round(took_s, 1),
            "answered": answered,
            "per_second": round(answered / took_s),
            "cpu_share": round((_cpu_s(pid) - cpu) / took_s, 2),
            "held_back": clients.held_back,
            "clients_longest_pause_s": round(self.stalls.longest_pause_s, 2),
            "machine_kept_server_waiting_s": round(self.stalls.waited_s, 2),
            "dropped_by_kernel": dropped,
            "memory": report.memory(samples),
            "descriptors": report.descriptors(samples) | {"before": before, "after": after},
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

    def _tracebacks(self) -> int:
        return (self.folder / "log").read_text().count("Traceback")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _settled(pid: int, before: int | None = None) -> int:
    """Descriptors open as soon as they are no more than before, or after DRAIN_S."""
    until = time.monotonic() + DRAIN_S
    while True:
        now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        if before is None or now <= before or time.monotonic() > until:
            return now
        time.sleep(SAMPLE_S)


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
