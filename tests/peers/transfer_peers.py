"""BIND, NSD and Knot DNS as secondaries on loopback, and Rootward as a process of its own.

Every server is a child process with its files in one directory. Secondaries take NOTIFY from
loopback and let loopback transfer what they hold, so that tests can compare it.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.tsig
import peer_servers
import pytest

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
PEERS = {"bind": "named", "nsd": "nsd", "knot": "knotd"}
START_TIMEOUT_S = 60.0
_READY = re.compile(r"^ready: \S+#(\d+)", re.M)


class Secret(NamedTuple):
    """A TSIG key as configurations write it."""

    name: str
    algorithm: str
    base64: str

    def key(self) -> dns.tsig.Key:
        return dns.tsig.Key(self.name, self.base64, self.algorithm)


class Wanted(NamedTuple):
    """A zone that a secondary is to transfer, signed with a key if there is one."""

    name: str
    secret: Secret | None = None


def need(peer: str) -> None:
    """Skip where the peer is not installed."""
    if shutil.which(PEERS[peer]) is None:
        pytest.skip(f"{PEERS[peer]} is not installed")


def wait_for(what: Callable[[], object], timeout_s: float = START_TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@contextmanager
def child(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to `log`; ended at the end."""
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def rootward(directory: Path, config: str) -> Iterator[int]:
    """`rootward run` with this configuration, which must not say where to listen; its port."""
    file, log = directory / "config.toml", directory / "rootward.log"
    file.write_text(f'[server]\nlisten = ["{LOOPBACK}:0"]\nstate_dir = "var"\n{config}')
    with child([sys.executable, "-m", "resolver", "run", "--config", str(file)], log) as process:
        wait_for(lambda: process.poll() is not None or _READY.search(log.read_text()))
        ready = _READY.search(log.read_text())
        assert ready, log.read_text()
        yield int(ready[1])


@contextmanager
def launched(
    peer: str, directory: Path, primary: int, zones: Sequence[Wanted]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A secondary that has just been started, and its port, which may turn out to be taken."""
    need(peer)
    port = peer_servers.free_port()
    command = _COMMANDS[peer](directory, port, primary, zones)
    with child(command, directory / f"{peer}.log") as process:
        yield process, port


@contextmanager
def secondary(peer: str, directory: Path, primary: int, zones: Sequence[Wanted]) -> Iterator[int]:
    """A secondary that has all zones; its port."""
    for _ in range(peer_servers.MAX_STARTS):
        with launched(peer, directory, primary, zones) as (process, port):
            wait_for(partial(_has_ended_or_all, process, port, zones))
            if process.poll() is None:
                yield port
                return
    log = (directory / f"{peer}.log").read_text()
    raise AssertionError(f"{peer} did not start:\n{log[-2000:]}")


def _has_ended_or_all(process: subprocess.Popen[bytes], port: int, zones: Sequence[Wanted]) -> bool:
    if process.poll() is not None:
        return True
    return all(serial(port, zone.name) is not None for zone in zones)


def serial(port: int, zone: str) -> int | None:
    """The serial that a server answers with; None without an answer."""
    try:
        reply = dns.query.udp(dns.message.make_query(zone, "SOA"), LOOPBACK, 1, port)
    except (dns.exception.Timeout, OSError):
        return None
    return int(reply.answer[0][0].serial) if reply.answer else None


def notify(port: int, zone: str, secret: Secret | None = None) -> None:
    """Tell a secondary that there is a new version; it acknowledges that."""
    query = dns.message.make_query(zone, "SOA", flags=dns.flags.AA)
    query.set_opcode(dns.opcode.NOTIFY)
    if secret is not None:
        query.use_tsig(secret.key())
    dns.query.udp(query, LOOPBACK, 3, port)


def dig(port: int, *words: str) -> str:
    """What dig prints for these words, errors included."""
    command = ["dig", f"@{LOOPBACK}", "-p", str(port), "+tries=1", "+time=5", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def contents(port: int, zone: str, *words: str) -> list[str]:
    """Every record of a zone as dig shows it, sorted, the SOA once."""
    lines = dig(port, *words, "AXFR", zone, "+onesoa", "+noall", "+answer").splitlines()
    shown = [" ".join(line.split()) for line in lines if line and not line.startswith(";")]
    return sorted(line for line in shown if " TSIG " not in line)


def _named(directory: Path, port: int, primary: int, zones: Sequence[Wanted]) -> list[str]:
    config = directory / "named.conf"
    text = (
        f'options {{ directory "{directory}"; pid-file none; session-keyfile "{directory}/s.key";\n'
        f"listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
        "allow-transfer { 127.0.0.1; }; allow-notify { 127.0.0.1; }; notify no;\n"
        "dnssec-validation no; empty-zones-enable no; minimal-responses yes; };\ncontrols { };\n"
    )
    for secret in _secrets(zones):
        text += (
            f'key "{secret.name}" {{ algorithm {secret.algorithm}; secret "{secret.base64}"; }};\n'
        )
    for zone in zones:
        key = f' key "{zone.secret.name}"' if zone.secret else ""
        text += (
            f'zone "{zone.name}" {{ type secondary; file "{zone.name}.copy";'
            f" primaries {{ {LOOPBACK} port {primary}{key}; }}; }};\n"
        )
    config.write_text(text)
    return ["named", "-g", "-n", "1", "-c", str(config)]


def _nsd(directory: Path, port: int, primary: int, zones: Sequence[Wanted]) -> list[str]:
    config = directory / "nsd.conf"
    text = (
        f"server:\n  ip-address: {LOOPBACK}@{port}\n  server-count: 1\n"
        f'  username: ""\n  zonesdir: {directory}\n  database: ""\n  verbosity: 1\n'
        f"  pidfile: {directory}/nsd.pid\n  zonelistfile: {directory}/zone.list\n"
        f"  xfrdfile: {directory}/xfrd.state\n  xfrdir: {directory}\n  rrl-ratelimit: 0\n"
        "  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n"
    )
    for secret in _secrets(zones):
        text += (
            f"key:\n  name: {secret.name}\n  algorithm: {secret.algorithm}\n"
            f'  secret: "{secret.base64}"\n'
        )
    for zone in zones:
        key = zone.secret.name if zone.secret else "NOKEY"
        text += (
            f"zone:\n  name: {zone.name}\n  zonefile: {zone.name}.copy\n"
            f"  request-xfr: {LOOPBACK}@{primary} {key}\n  allow-notify: {LOOPBACK} {key}\n"
            f"  provide-xfr: {LOOPBACK} NOKEY\n"
        )
    config.write_text(text)
    return ["nsd", "-d", "-c", str(config)]


def _knot(directory: Path, port: int, primary: int, zones: Sequence[Wanted]) -> list[str]:
    config = directory / "knot.conf"
    text = (
        f"server:\n  listen: {LOOPBACK}@{port}\n  rundir: {directory}\n  udp-workers: 1\n"
        "  tcp-workers: 1\n  background-workers: 2\n"
        f"database:\n  storage: {directory}\n  journal-db-max-size: 64M\n"
        "log:\n  - target: stdout\n    any: info\n"
    )
    secrets = _secrets(zones)
    if secrets:
        text += "key:\n"
    for secret in secrets:
        text += (
            f"  - id: {secret.name}\n    algorithm: {secret.algorithm}\n"
            f"    secret: {secret.base64}\n"
        )
    text += f"remote:\n  - id: plain\n    address: {LOOPBACK}@{primary}\n"
    for secret in secrets:
        text += (
            f"  - id: with-{secret.name}\n    address: {LOOPBACK}@{primary}\n"
            f"    key: {secret.name}\n"
        )
    text += f"acl:\n  - id: open\n    address: {LOOPBACK}\n    action: [transfer, notify]\n"
    for secret in secrets:
        text += f"  - id: acl-{secret.name}\n    key: {secret.name}\n    action: notify\n"
    text += "zone:\n"
    for zone in zones:
        remote = f"with-{zone.secret.name}" if zone.secret else "plain"
        acl = f"[open, acl-{zone.secret.name}]" if zone.secret else "open"
        text += (
            f"  - domain: {zone.name}\n    storage: {directory}\n    file: {zone.name}.copy\n"
            f"    master: {remote}\n    acl: {acl}\n"
        )
    config.write_text(text)
    return ["knotd", "-c", str(config)]


def _secrets(zones: Sequence[Wanted]) -> list[Secret]:
    return sorted({zone.secret for zone in zones if zone.secret is not None})


_COMMANDS = {"bind": _named, "nsd": _nsd, "knot": _knot}
