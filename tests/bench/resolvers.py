"""Resolvers as child processes that know one root only: ours, BIND, Unbound and Knot Resolver.

They run with their defaults, but for what a fake root needs: its hints, no validation, one thread,
no privileges to give up. All ask port 53, so this is for a network namespace of one's own.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resolver import names
from resolver.codes import RRType
from resolver.model import Question
from resolver.wire.build import build_query

HOST = "127.0.0.1"
START_S = 20.0
STOP_S = 5.0


def ours(folder: Path, port: int, hints: Path) -> list[str]:
    """Rootward."""
    config = folder / "config.toml"
    config.write_text(
        f'[server]\nlisten = ["{HOST}:{port}"]\nstate_dir = "{folder}/state"\n'
        f'[recursion]\nroot_hints = "{hints}"\ndo_not_query = []\n'
        '[cache]\nsnapshot = false\n[control]\nsocket = ""\n'
    )
    return [sys.executable, "-m", "resolver", "run", "--config", str(config)]


def bind(folder: Path, port: int, hints: Path) -> list[str]:
    """BIND 9."""
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key";\n'
        f"listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};\n"
        "recursion yes; allow-query { any; }; allow-recursion { any; };\n"
        "dnssec-validation no; };\ncontrols { };\n"
        f'zone "." {{ type hint; file "{hints}"; }};\n'
    )
    return ["named", "-4", "-g", "-n", "1", "-c", str(config)]


def unbound(folder: Path, port: int, hints: Path) -> list[str]:
    """Unbound."""
    config = folder / "unbound.conf"
    config.write_text(
        f'server:\n  interface: {HOST}\n  port: {port}\n  do-daemonize: no\n  chroot: ""\n'
        f'  username: ""\n  directory: "{folder}"\n  pidfile: ""\n  use-syslog: no\n'
        f'  root-hints: "{hints}"\n  module-config: "iterator"\n  do-ip6: no\n'
        "  access-control: 127.0.0.0/8 allow\n"
        "remote-control:\n  control-enable: no\n"
    )
    return ["unbound", "-d", "-c", str(config)]


def knot_resolver(folder: Path, port: int, hints: Path) -> list[str]:
    """Knot Resolver."""
    config = folder / "kresd.conf"
    config.write_text(
        f"net.listen('{HOST}', {port}, {{ kind = 'dns' }})\nnet.ipv6 = false\n"
        "modules.unload('detect_time_skew')\nmodules.unload('ta_update')\n"
        "modules.unload('ta_signal_query')\nmodules.unload('priming')\n"
        f"trust_anchors.remove('.')\nmodules.load('hints')\nhints.root_file('{hints}')\n"
        "cache.open(50 * MB, 'lmdb://cache')\n"
    )
    return ["kresd", "-n", "-c", str(config), str(folder)]


@dataclass(frozen=True, slots=True)
class Kind:
    """A resolver that can be run. `binary` None for our own."""

    name: str
    command: Callable[[Path, int, Path], list[str]]
    binary: str | None

    @property
    def is_installed(self) -> bool:
        """Whether it can be run here."""
        return self.binary is None or shutil.which(self.binary) is not None


KINDS = (
    Kind("rootward", ours, None),
    Kind("bind", bind, "named"),
    Kind("unbound", unbound, "unbound"),
    Kind("knot", knot_resolver, "kresd"),
)


class Running:
    """A resolver that answers on HOST at `port`."""

    def __init__(self, kind: Kind, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.kind = kind
        self.process = process
        self.port = port

    def cpu_s(self) -> float:
        """Time on a processor so far, of all threads (finer than utime and stime)."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def resident_octets(self) -> int:
        """Memory of it that is in RAM."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(kind: Kind, folder: Path, hints: Path) -> Iterator[Running]:
    """The resolver from its first answer to the end of the block. Raises RuntimeError when it does
    not start."""
    port = _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            kind.command(folder, port, hints),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        if not _answers(process, port):
            raise RuntimeError(f"{kind.name} did not start: {log.read_text()[-2000:]}")
        yield Running(kind, process, port)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as tcp:
        tcp.bind((HOST, 0))
        return int(tcp.getsockname()[1])


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether it says anything at all before the time is up. What is asked primes the root."""
    packet = build_query(
        1, Question(names.read("warm."), RRType.A), edns=None, recursion_desired=True
    )
    until = time.monotonic() + START_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((HOST, port))
        sock.settimeout(0.2)
        while time.monotonic() < until and process.poll() is None:
            try:
                sock.send(packet)
                sock.recv(4096)
            except OSError:
                time.sleep(0.02)
                continue
            return True
    return False
