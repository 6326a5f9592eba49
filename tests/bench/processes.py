"""Servers as child processes: started, pinned to a processor, weighed, stopped.

What a server costs is what its whole process tree has used, from /proc. Knows: processes. Does not
know: whose they are (peers.py), what is asked of them (workloads.py).
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IPV4, IPV6 = "127.0.0.1", "::1"
START_S = 300.0
STOP_S = 10.0
_STEP_S = 0.05
_NICE = -20
_TICK = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in seconds."""

    user: float
    system: float

    @property
    def both(self) -> float:
        """User and system together."""
        return self.user + self.system

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user - other.user, self.system - other.system)


def tree(pid: int) -> list[int]:
    """A process and all that came from it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        with contextlib.suppress(OSError):
            for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
                todo += map(int, children.read_text().split())
    return found


class Process:
    """A server that runs."""

    def __init__(self, name: str, child: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.name = name
        self.child = child
        self.port = port
        self.log = log

    def cpu(self) -> Cpu:
        """What it has used so far, with children that have ended."""
        user = system = 0
        for pid in tree(self.child.pid):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                user += int(fields[11]) + int(fields[13])
                system += int(fields[12]) + int(fields[14])
        return Cpu(user / _TICK, system / _TICK)

    def resident_octets(self) -> int:
        """Its memory that is in RAM; what several processes share counts once (PSS)."""
        octets = 0
        for pid in tree(self.child.pid):
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{pid}/smaps_rollup").read_text()
                found = re.search(r"^Pss:\s+(\d+)", told, re.M)
                octets += int(found[1]) * _KIB if found else 0
        return octets

    def pin(self, core: int) -> None:
        """Keep all of its threads on one processor, before other programs there if we may."""
        for pid in tree(self.child.pid):
            with contextlib.suppress(OSError):
                for task in map(int, os.listdir(f"/proc/{pid}/task")):
                    os.sched_setaffinity(task, {core})
                    os.setpriority(os.PRIO_PROCESS, task, _NICE)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self._signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.child.wait()

    def _signal(self, number: int) -> None:
        for pid in reversed(tree(self.child.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def running(
    name: str,
    argv: Sequence[str],
    port: int,
    folder: Path,
    *,
    ready: Callable[[Process], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """A server, from when it is ready to the end of the block. Raises RuntimeError when it does not
    get ready."""
    log = folder / f"{name}.{port}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else os.environ | environment,
            start_new_session=True,
        )
    process = Process(name, child, port, log)
    try:
        until = time.monotonic() + START_S
        while not ready(process):
            if child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start: {log.read_text()[-2000:]}")
            time.sleep(_STEP_S)
        yield process
    finally:
        process.stop()


def answers(packet: bytes, is_right: Callable[[bytes], bool]) -> Callable[[Process], bool]:
    """Whether a server gives the right reply to this query over UDP."""

    def look(process: Process) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.3)
            probe.connect((IPV4, process.port))
            try:
                probe.send(packet)
                return is_right(probe.recv(4096))
            except OSError:
                return False

    return look


def free_port() -> int:
    """A port that nobody has on either transport, a moment ago."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((IPV4, 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind((IPV4, port))
                return port


def has_ipv6() -> bool:
    """Whether there is an IPv6 loopback address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((IPV6, 0))
    except OSError:
        return False
    return True
