"""The processes of the soak: the fake Internet and our server, and what the kernel says of them.

Knows: their command lines, the server's configuration, /proc. Does not know: the load.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from resolver.model import Address
from tests.bench.soak.changes import QUERY_LOG
from tests.bench.soak.served import INTERVAL_S

START_S = 60.0
STOP_S = 20.0
DRAIN_S = 40.0  # connections that are kept for the next question end within

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

[recorder]
size = "1MiB"          # so is this

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
query_file = "{QUERY_LOG}"
"""


def configure(folder: Path, port: int, *, log_queries: bool) -> None:
    """Write the server's configuration; the fake Internet has this port."""
    text = CONFIG.format(port=port, log=LOG if log_queries else "")
    (folder / "config.toml").write_text(text)


@contextlib.contextmanager
def hierarchy(folder: Path) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The fake Internet; its port."""
    command = [sys.executable, "-m", "tests.bench.soak.hierarchy", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        port = folder / "port"
        _wait(port.exists, process)
        yield int(port.read_text()), process
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


def _wait(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
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


def cpu_s(pid: int) -> float:
    """What it has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    """How many are open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def settle(pid: int, samples: Path, most: int) -> int:
    """Wait until the server has no jobs, and no more descriptors than that, or for DRAIN_S; how
    many descriptors are open then."""
    until = time.monotonic() + DRAIN_S
    while True:
        time.sleep(2 * INTERVAL_S)  # so that there is a sample of after the load
        with samples.open("rb") as lines:
            jobs = json.loads(lines.readlines()[-1])["jobs"]
        now = descriptors(pid)
        if (now <= most and not jobs) or time.monotonic() > until:
            return now
