"""BIND and NSD as child processes on loopback, serving the zone files of a directory.

BIND has two views: to a client at FULL it adds whatever it can to an answer, to one at SPARE it
leaves out the name servers of the zone (`minimal-responses no-auth`).
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

ZONES = Path(__file__).parent / "zones"
FULL = "127.0.0.1"
SPARE = "127.0.0.2"
START_TIMEOUT_S = 60.0
MAX_STARTS = 5


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as tcp:
        tcp.bind((FULL, 0))
        return int(tcp.getsockname()[1])


def named(directory: Path, port: int, files: list[Path]) -> list[str]:
    """A configuration of BIND without privileges, keys or control channel; its command line."""
    zones = " ".join(f'zone "{file.stem}" {{ type primary; file "{file}"; }};' for file in files)
    views = "\n".join(
        f"view {name} {{ match-clients {{ {client}; }}; minimal-responses {minimal};\n{zones} }};"
        for name, client, minimal in (("full", FULL, "no"), ("spare", SPARE, "no-auth"))
    )
    config = directory / "named.conf"
    config.write_text(
        f'options {{ directory "{directory}"; pid-file "{directory}/named.pid";\n'
        f'session-keyfile "{directory}/session.key";\n'
        f"listen-on port {port} {{ {FULL}; }}; listen-on-v6 {{ none; }};\n"
        "recursion no; allow-query { any; }; dnssec-validation no; empty-zones-enable no;\n"
        "check-names primary ignore; max-udp-size 4096;\n"
        f"}};\ncontrols {{ }};\n{views}\n"
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


def nsd(directory: Path, port: int, files: list[Path]) -> list[str]:
    """The same for NSD."""
    config = directory / "nsd.conf"
    zones = "".join(f"zone:\n  name: {f.stem}\n  zonefile: {f}\n" for f in files)
    config.write_text(
        f"server:\n  ip-address: {FULL}@{port}\n  server-count: 1\n"
        f'  username: ""\n  zonesdir: {directory}\n  database: ""\n'
        f"  pidfile: {directory}/nsd.pid\n  zonelistfile: {directory}/zone.list\n"
        f"  xfrdfile: {directory}/xfrd.state\n  xfrdir: {directory}\n  rrl-ratelimit: 0\n"
        f"  ipv4-edns-size: 4096\n"
        f"remote-control:\n  control-enable: no\n{zones}"
    )
    return ["nsd", "-d", "-c", str(config)]


COMMANDS = {"named": named, "nsd": nsd}


def zone_files(directory: Path = ZONES) -> list[Path]:
    """Master files, each named after its origin."""
    return sorted(directory.glob("*.zone"))


@contextmanager
def running(name: str, directory: Path, zones: Path = ZONES) -> Iterator[int]:
    """The port on which the server answers for all zones of a directory. Stopped at the end."""
    files = zone_files(zones)
    assert shutil.which(name), f"{name} is not installed"
    for _ in range(MAX_STARTS):
        port = free_port()
        log = directory / f"{name}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                COMMANDS[name](directory, port, files), stdout=output, stderr=subprocess.STDOUT
            )
        try:
            if _answers(process, port, files):
                yield port
                return
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    raise AssertionError(f"{name} did not start:\n{log.read_text()[-2000:]}")


def port_of(name: str, factory: pytest.TempPathFactory, zones: Path = ZONES) -> Iterator[int]:
    """The same as a fixture, skipped by name where the server is not installed."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    with running(name, factory.mktemp(name), zones) as port:
        yield port


def _answers(process: subprocess.Popen[bytes], port: int, files: list[Path]) -> bool:
    """Whether it answers for every zone before the time is up or it ends (port taken)."""
    waiting = [file.stem for file in files]
    deadline = time.monotonic() + START_TIMEOUT_S
    while waiting and process.poll() is None and time.monotonic() < deadline:
        try:
            reply = ask(port, dns.message.make_query(waiting[0], "SOA"), timeout_s=0.3)
        except (dns.exception.Timeout, OSError):
            time.sleep(0.05)
            continue
        if reply.answer:
            waiting.pop(0)
        else:
            time.sleep(0.05)
    return not waiting


def ask(
    port: int, query: dns.message.Message, *, client: str = FULL, timeout_s: float = 3.0
) -> dns.message.Message:
    """One question over UDP, from this loopback address."""
    return dns.query.udp(query, FULL, port=port, source=client, timeout=timeout_s)
