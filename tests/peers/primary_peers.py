"""BIND, NSD and Knot DNS as primaries on loopback, whose zone changes when the test says so.

Each keeps differences for IXFR, notifies one server, and reads its files anew on SIGHUP.
"""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import peer_servers
from transfer_peers import LOOPBACK, Secret, child, need, serial, wait_for


class Plan(NamedTuple):
    """Who serves which zone from where, whom it notifies, and the key for both."""

    directory: Path
    port: int
    zone: str
    notify: int
    secret: Secret | None


class PeerPrimary:
    """A primary that runs. `port` stays the same over a restart."""

    def __init__(self, peer: str, plan: Plan) -> None:
        self.port = plan.port
        self._peer = peer
        self._plan = plan
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self._plan.directory / "primary.zone"

    @contextmanager
    def running(self) -> Iterator["PeerPrimary"]:
        """Answers for its zone while the block lasts."""
        command = _COMMANDS[self._peer](self._plan)
        with child(command, self._plan.directory / f"{self._peer}.log") as process:
            self.process = process
            wait_for(lambda: self._answers() or process.poll() is not None)
            log = self._plan.directory / f"{self._peer}.log"
            assert process.poll() is None, log.read_text()[-2000:]
            yield self

    def publish(self, text: str) -> None:
        """Put a version into the file and have it read."""
        self.file.write_text(text)
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        return serial(self.port, self._plan.zone) is not None


def primary(
    peer: str, directory: Path, zone: str, notify: int, secret: Secret | None
) -> PeerPrimary:
    """A primary that does not run yet. Skips where the peer is not installed."""
    need(peer)
    directory.mkdir(exist_ok=True)
    return PeerPrimary(peer, Plan(directory, peer_servers.free_port(), zone, notify, secret))


def _named(plan: Plan) -> list[str]:
    directory, secret = plan.directory, plan.secret
    key = f'key "{secret.name}"' if secret else ""
    text = (
        f'options {{ directory "{directory}"; pid-file none; session-keyfile "{directory}/s.key";\n'
        f"listen-on port {plan.port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
        "dnssec-validation no; empty-zones-enable no; notify explicit; notify-delay 0;\n"
        f"also-notify {{ {LOOPBACK} port {plan.notify} {key}; }};\n"
        f"allow-transfer {{ {key or LOOPBACK}; }}; ixfr-from-differences yes; }};\n"
        "controls { };\n"
    )
    if secret:
        text += (
            f'key "{secret.name}" {{ algorithm {secret.algorithm}; secret "{secret.base64}"; }};\n'
        )
    text += f'zone "{plan.zone}" {{ type primary; file "primary.zone"; }};\n'
    (directory / "named.conf").write_text(text)
    return ["named", "-g", "-n", "1", "-c", str(directory / "named.conf")]


def _nsd(plan: Plan) -> list[str]:
    directory, secret = plan.directory, plan.secret
    key = secret.name if secret else "NOKEY"
    text = (
        f"server:\n  ip-address: {LOOPBACK}@{plan.port}\n  server-count: 1\n"
        f'  username: ""\n  zonesdir: {directory}\n  database: ""\n  verbosity: 1\n'
        f"  pidfile: {directory}/nsd.pid\n  zonelistfile: {directory}/zone.list\n"
        f"  xfrdfile: {directory}/xfrd.state\n  xfrdir: {directory}\n  rrl-ratelimit: 0\n"
        "  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n"
    )
    if secret:
        text += (
            f"key:\n  name: {secret.name}\n  algorithm: {secret.algorithm}\n"
            f'  secret: "{secret.base64}"\n'
        )
    text += (
        f"zone:\n  name: {plan.zone}\n  zonefile: primary.zone\n"
        f"  notify: {LOOPBACK}@{plan.notify} {key}\n  provide-xfr: {LOOPBACK} {key}\n"
        "  store-ixfr: yes\n  create-ixfr: yes\n  ixfr-number: 20\n"
    )
    (directory / "nsd.conf").write_text(text)
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def _knot(plan: Plan) -> list[str]:
    directory, secret = plan.directory, plan.secret
    text = (
        f"server:\n  listen: {LOOPBACK}@{plan.port}\n  rundir: {directory}\n  udp-workers: 1\n"
        # dnspython reads slowly on a busy machine; Knot gives up on a reader after half a second.
        "  tcp-workers: 1\n  background-workers: 2\n  tcp-io-timeout: 20000\n"
        f"database:\n  storage: {directory}\n  journal-db-max-size: 64M\n"
        "log:\n  - target: stdout\n    any: info\n"
    )
    if secret:
        text += (
            f"key:\n  - id: {secret.name}\n    algorithm: {secret.algorithm}\n"
            f"    secret: {secret.base64}\n"
        )
    key = f"    key: {secret.name}\n" if secret else ""
    allowed = f"    key: {secret.name}\n" if secret else f"    address: {LOOPBACK}\n"
    text += (
        f"remote:\n  - id: them\n    address: {LOOPBACK}@{plan.notify}\n{key}"
        f"acl:\n  - id: out\n{allowed}    action: transfer\n"
        f"zone:\n  - domain: {plan.zone}\n    storage: {directory}\n    file: primary.zone\n"
        "    zonefile-load: difference\n    notify: them\n    acl: out\n"
    )
    (directory / "knot.conf").write_text(text)
    return ["knotd", "-c", str(directory / "knot.conf")]


_COMMANDS: dict[str, Callable[[Plan], list[str]]] = {"bind": _named, "nsd": _nsd, "knot": _knot}
