"""A resolver as a process of its own, on a free port of 127.0.0.1."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from resolver.model import Address

START_S = 60.0
STOP_S = 10.0


class Process(NamedTuple):
    """A running resolver: where it listens, and its process id."""

    address: Address
    pid: int

    def resident_octets(self) -> int:
        """Memory of it that is in RAM."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("smaps_rollup has no Rss")


@contextmanager
def resolver_process(directory: Path, config: str) -> Iterator[Address]:
    """`rootward run` with this configuration; where it listens. It must end well, and nothing may
    have gone wrong inside it."""
    with process(directory, config) as running:
        yield running.address


@contextmanager
def process(directory: Path, config: str, *, descriptors: int | None = None) -> Iterator[Process]:
    """The same with its process id; it may have so many descriptors."""
    file = directory / "config.toml"
    file.write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "resolver", "run", "--config", str(file)]
    if descriptors is not None:
        command = ["prlimit", f"--nofile={descriptors}:{descriptors}", *command]
    said_to = (directory / "stderr").open("wb")
    child = subprocess.Popen(command, stderr=said_to)
    said_to.close()
    try:
        ready = _wait_until_ready(child, directory / "stderr")
        yield Process(Address("127.0.0.1", int(ready.rpartition("#")[2])), child.pid)
        assert child.poll() is None, "it has ended"
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=STOP_S)
        assert child.returncode == 0
        assert "Traceback" not in (said := (directory / "stderr").read_text()), said
    finally:
        child.kill()
        child.wait()


def _wait_until_ready(child: "subprocess.Popen[bytes]", stderr: Path) -> str:
    """The line that says so."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        for line in stderr.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("ready: ") and line.endswith("\n"):
                return line.rstrip()
        time.sleep(0.02)
    raise AssertionError(f"not ready: {stderr.read_text(errors='replace')}")
