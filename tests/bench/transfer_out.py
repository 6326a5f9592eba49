"""AXFR of a large zone to dig, beside BIND, and how long queries wait meanwhile.

    python -m tests.bench.transfer_out [--records N] [--runs N]

Every server loads the same file and hands it to `dig`, which reads and drops it; the best time of
some runs counts, with the processor time that the server took. Meanwhile one client asks a
question over UDP every few milliseconds: the worst wait is told. Needs dig and some memory: 1
GiB for a million records.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resolver import names
from resolver.model import Question
from resolver.wire.build import build_query

LOOPBACK = "127.0.0.1"
ORIGIN = "large.test"
ASK_EVERY_S = 0.002
START_TIMEOUT_S = 300.0
_READY = re.compile(r"^ready: \S+#(\d+)", re.M)
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def write_zone(file: Path, records: int) -> None:
    """Delegations with glue, addresses, texts and mail, the way large zones are."""
    with file.open("w") as out:
        out.write("$TTL 3600\n@ SOA ns.elsewhere.test. host 7 7200 900 1209600 600\n")
        out.write("@ NS ns.elsewhere.test.\n")
        for i in range(records // 5):
            out.write(f"d{i} NS ns1.d{i}\nd{i} NS ns.elsewhere.test.\n")
            out.write(f"ns1.d{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n")
            out.write(f"www{i} AAAA 2001:db8::{i >> 16:x}:{i & 65535:x}\nm{i} MX 10 www{i}\n")


@contextmanager
def rootward(directory: Path) -> Iterator[tuple[int, int]]:
    """Process id and port of ours."""
    (directory / "config.toml").write_text(
        f'[server]\nlisten = ["{LOOPBACK}:0"]\n[recursion]\nenabled = false\n'
        f'[access]\ntransfer = ["localhost"]\n'
        f'[[zone]]\nname = "{ORIGIN}"\nfile = "large.zone"\n'
    )
    command = [sys.executable, "-m", "resolver", "run", "--config", str(directory / "config.toml")]
    log = directory / "rootward.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stderr=output)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (ready := _READY.search(log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield process.pid, int(ready[1])
    finally:
        process.terminate()
        process.wait()


@contextmanager
def bind(directory: Path) -> Iterator[tuple[int, int]]:
    """Process id and port of BIND, with one thread as ours has."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    (directory / "named.conf").write_text(
        f'options {{ directory "{directory}"; pid-file none; recursion no;\n'
        f'session-keyfile "{directory}/session.key"; listen-on-v6 {{ none; }};\n'
        f"listen-on port {port} {{ {LOOPBACK}; }}; dnssec-validation no; notify no;\n"
        f"allow-transfer {{ any; }}; empty-zones-enable no; }};\ncontrols {{ }};\n"
        f'zone "{ORIGIN}" {{ type primary; file "large.zone"; }};\n'
    )
    command = ["named", "-g", "-n", "1", "-c", str(directory / "named.conf")]
    with (directory / "named.log").open("w") as output:
        process = subprocess.Popen(command, stderr=output)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_loaded(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((directory / "named.log").read_text()[-2000:])
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def is_loaded(port: int) -> bool:
    command = ["dig", f"@{LOOPBACK}", "-p", str(port), "+short", "+tries=1", "+time=1", "SOA"]
    # dig writes about trouble with the connection to standard output, too.
    told = subprocess.run([*command, ORIGIN], capture_output=True, text=True, check=False).stdout
    return told.startswith("ns.elsewhere")


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) // 1024 if found else 0


def transfer(port: int) -> float:
    """Seconds that dig takes for the whole zone."""
    command = ["dig", f"@{LOOPBACK}", "-p", str(port), "+noall", "+stats", "AXFR", ORIGIN]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took_s = time.monotonic() - began
    if "XFR size" not in done.stdout:
        raise RuntimeError(done.stdout)
    return took_s


class Waits(threading.Thread):
    """Asks for one name again and again; `waits_s` are the times that replies took."""

    def __init__(self, port: int, name: str = f"www7.{ORIGIN}") -> None:
        super().__init__()
        self._port = port
        self._name = name
        self.ended = threading.Event()
        self.waits_s: list[float] = []

    def run(self) -> None:
        packet = build_query(
            1, Question(names.read(self._name), 28), edns=None, recursion_desired=False
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((LOOPBACK, self._port))
            while not self.ended.wait(ASK_EVERY_S):
                began = time.monotonic()
                sock.send(packet)
                sock.recv(4096)
                self.waits_s.append(time.monotonic() - began)


def measure(pid: int, port: int, runs: int) -> str:
    """One line about a server."""
    times = []
    cpu = []
    waits = Waits(port)
    for run in range(runs):
        if run == runs - 1:
            waits.start()  # the last run is not timed: the questions take time, too
        before = cpu_s(pid)
        times.append(transfer(port))
        cpu.append(cpu_s(pid) - before)
    waits.ended.set()
    waits.join()
    ordered = sorted(waits.waits_s)
    worst_ms, most_ms = ordered[-1] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3
    return (
        f"{min(times[:-1]):6.2f} s, processor {min(cpu[:-1]):6.2f} s, {resident_mib(pid)} MiB;"
        f" {len(ordered)} queries waited {most_ms:.1f} ms at most in 99 of 100, {worst_ms:.1f} ms"
        " at worst"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="timed runs")
    options = parser.parse_args()
    servers = {"rootward": rootward} | ({"bind": bind} if shutil.which("named") else {})
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_zone(directory / "large.zone", options.records)
        for name, server in servers.items():
            with server(directory) as (pid, port):
                print(f"{name:10} {measure(pid, port, options.runs + 1)}", flush=True)


if __name__ == "__main__":
    main()
