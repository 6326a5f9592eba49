"""A server as a process of its own, what it resolves, and `rootward ctl` beside it."""

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver import names
from resolver.app.cli import main
from resolver.codes import RRType
from resolver.model import Message, Question
from resolver.testing import Internet, zone
from resolver.wire.build import build_query
from resolver.wire.parse import parse

ROOT, COM, EXAMPLE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
TEXT = """\
www 600 A 192.0.2.7
www 600 TXT "here"
mail 600 A 192.0.2.8
shop 600 CNAME ads
ads 600 A 192.0.2.66
a.deep 600 A 192.0.2.9
b.deep 600 A 192.0.2.10
"""
OWN = """\
@ 300 SOA ns admin 7 7200 900 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.53
www 300 A 192.0.2.80
"""
CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "var"
[outgoing]
port = {port}
[recursion]
root_hints = "root.hints"
do_not_query = []
[control]
read_only_socket = "look.sock"
[[zone]]
name = "own.test"
file = "own.zone"
"""
WAIT_S = 30.0


def tree() -> Internet:
    """A root, com. and example.com."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", TEXT))
    return net


def make_folder(folder: Path) -> Path:
    """A folder with the zone of CONFIG."""
    (folder / "own.zone").write_text(OWN)
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, if that is one JSON object."""
        return json.loads(self.out)


def command(*arguments: object) -> Done:
    """Run `rootward …` inside this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


class Controlled:
    """`rootward run` as a child, after its line `ready:`; `folder` is where its files are."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(config)
        self.log = folder / "log"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, once more."""
        seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "resolver", "run", "--config", str(self.config)], stderr=log
            )
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self.process.poll() is None:
            for line in self.log.read_text()[seen:].splitlines():
                if line.startswith("ready: "):
                    self.port = int(line.rpartition("#")[2])
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.log.read_text()[seen:]}")

    @property
    def socket(self) -> Path:
        """Its control socket."""
        return self.folder / "var" / "control.sock"

    def ctl(self, *arguments: object) -> Done:
        """Run `rootward ctl --socket … arguments`."""
        return command("ctl", "--socket", self.socket, *arguments)

    def ask(self, name: str, qtype: int = RRType.A) -> Message:
        """The reply to a question over UDP."""
        question = Question(names.read(name), qtype)
        query = build_query(4711, question, edns=None, recursion_desired=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(WAIT_S)
            sock.sendto(query, ("127.0.0.1", self.port))
            return parse(sock.recv(65535))

    def addresses(self, name: str) -> list[bytes]:
        """The rdatas of the A records of a name."""
        return [
            rdata
            for rrset in self.ask(name).answer
            if rrset.rrtype == RRType.A
            for rdata in rrset.rdatas
        ]

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(WAIT_S)

    def end(self) -> None:
        """Have it end; nothing may have gone wrong inside it."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(WAIT_S)
        finally:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()


def open_socket(path: Path) -> socket.socket:
    """A connection to a control socket."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(WAIT_S)
    sock.connect(str(path))
    return sock


def until(condition: Any, seconds: float = WAIT_S) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.05)
