"""Our server as a child process with a configuration, and short ways to ask and change it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
TIMEOUT_S = 60.0


class Served:
    """A server whose files are in `folder`. The configuration listens on a free port."""

    def __init__(self, folder: Path, config: str, *, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port
        self._config = config
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that was written to standard error since it was first started."""
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Start, and wait until it is ready."""
        listen = f'[server]\nlisten = ["{HOST}:{self.port}"]\n[recursion]\nenabled = false\n'
        config = self.folder / "config.toml"
        config.write_text(listen + self._config)
        before = self.log.count("ready: ") if (self.folder / "log").exists() else 0
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "resolver", "run", "--config", str(config)],
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )
        process = self.process
        wait_for(lambda: self.log.count("ready: ") > before or process.poll() is not None)
        assert process.poll() is None, self.log
        self.port = int(self.log.rpartition("ready: ")[2].split("#")[1].split()[0])

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As `kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ask(self, name: str, rrtype: str, **options: object) -> dns.message.Message:
        query = dns.message.make_query(name, rrtype, use_edns=True, **options)  # type: ignore[arg-type]
        query.flags &= ~dns.flags.RD
        return dns.query.udp(query, HOST, port=self.port, timeout=3)

    def records(self, name: str, rrtype: str) -> list[str]:
        """The data of the answer, sorted; the rcode's name when it is not NOERROR."""
        reply = self.ask(name, rrtype)
        if reply.rcode():
            return [dns.rcode.to_text(reply.rcode())]
        return sorted(rr.to_text() for rrset in reply.answer for rr in rrset)

    def serial(self, zone: str) -> int:
        return int(self.records(zone, "SOA")[0].split()[2])


@contextmanager
def serving(folder: Path, config: str, *, port: int = 0) -> Iterator[Served]:
    """A running server, killed at the end. It must not have raised."""
    server = Served(folder, config, port=port)
    try:
        server.start()
        yield server
        assert "Traceback" not in server.log, server.log
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()


def wait_for(what: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    """Until it is so."""
    until = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


def nsupdate(port: int, commands: str, key: Path | None = None) -> str:
    """What nsupdate says to an update; "" when all went well."""
    ran = subprocess.run(
        ["nsupdate", "-t", "10", *(["-k", str(key)] if key is not None else [])],
        input=f"server {HOST} {port}\n{commands}\nsend\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return (ran.stdout + ran.stderr).strip()
