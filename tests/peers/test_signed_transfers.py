"""Signed zones follow their primaries: signatures and denials change with the data."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import peer_servers
import pytest
from served import Served
from signed_zones import missing_tools, sign
from transfer_peers import (
    LOOPBACK,
    PEERS,
    Wanted,
    child,
    contents,
    need,
    notify,
    secondary,
    serial,
    wait_for,
)

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

ZONE = "sealed.test"
NAMES = 60
EDITS = 3


def version(number: int) -> str:
    """Names come, go and change; so does what an empty non-terminal and a wildcard stand over."""
    hosts = "".join(f"h{i} A 192.0.2.{(i + number * (i % 7 == 0)) % 250}\n" for i in range(NAMES))
    return (
        f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns host {number} 7200 900 1209600 600\n@ NS ns\n"
        f"ns A 192.0.2.53\nv{number} TXT {number}\na.b.c{number % 2} A 192.0.2.1\n"
        f"*.wild{number % 2} TXT {number}\nsub NS ns.sub\nns.sub A 192.0.2.54\n{hosts}"
    )


class Signer:
    """A primary that signs by itself whatever is in the file."""

    def __init__(self, directory: Path, port: int, config: str, command: list[str]) -> None:
        directory.mkdir()
        self.directory = directory
        self.port = port
        self._command = [*command, str(directory / "signer.conf")]
        (directory / "signer.conf").write_text(config)
        self.publish(version(1))

    def publish(self, text: str) -> None:
        (self.directory / "sealed.zone").write_text(text)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        with child(self._command, self.directory / "log") as process:
            wait_for(lambda: self.is_signed() or process.poll() is not None)
            assert process.poll() is None, (self.directory / "log").read_text()[-2000:]
            yield process

    def is_signed(self) -> bool:
        return any(" RRSIG NSEC" in line for line in contents(self.port, f"{ZONE}."))


def knot(directory: Path, notified: int) -> Signer:
    port = peer_servers.free_port()
    config = (
        f"server:\n  listen: {LOOPBACK}@{port}\n  rundir: {directory}\n  udp-workers: 1\n"
        f"  tcp-workers: 1\n  background-workers: 2\n"
        f"database:\n  storage: {directory}\n  journal-db-max-size: 64M\n"
        "log:\n  - target: stdout\n    any: info\n"
        f"remote:\n  - id: them\n    address: {LOOPBACK}@{notified}\n"
        f"acl:\n  - id: out\n    address: {LOOPBACK}\n    action: transfer\n"
        "policy:\n  - id: ours\n    algorithm: ecdsap256sha256\n    nsec3: on\n"
        f"zone:\n  - domain: {ZONE}\n    storage: {directory}\n    file: sealed.zone\n"
        "    zonefile-sync: -1\n    zonefile-load: difference-no-serial\n"
        "    journal-content: all\n    dnssec-signing: on\n    dnssec-policy: ours\n"
        "    notify: them\n    acl: out\n"
    )
    return Signer(directory, port, config, ["knotd", "-c"])


def bind(directory: Path, notified: int) -> Signer:
    port = peer_servers.free_port()
    config = (
        f'options {{ directory "{directory}"; pid-file none; session-keyfile "{directory}/s.key";\n'
        f"listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
        "dnssec-validation no; empty-zones-enable no; notify explicit; notify-delay 0;\n"
        f"also-notify {{ {LOOPBACK} port {notified}; }}; allow-transfer {{ {LOOPBACK}; }};\n"
        "ixfr-from-differences yes; };\ncontrols { };\n"
        f'zone "{ZONE}" {{ type primary; file "sealed.zone"; dnssec-policy default;'
        " inline-signing yes; };\n"
    )
    return Signer(directory, port, config, ["named", "-g", "-n", "1", "-c"])


SIGNERS: dict[str, Callable[[Path, int], Signer]] = {"bind": bind, "knot": knot}


@pytest.mark.parametrize("peer", SIGNERS)
def test_ours_follows_a_primary_that_signs(peer: str, tmp_path: Path) -> None:
    need(peer)
    if shutil.which("ldns-verify-zone") is None:
        pytest.skip("ldns-verify-zone is not installed")
    ours_port = peer_servers.free_port()
    theirs = SIGNERS[peer](tmp_path / peer, ours_port)
    config = (
        f'[secondary]\nmin_retry = 0.5\n[[zone]]\nname = "{ZONE}"\nrole = "secondary"\n'
        f'primaries = ["{LOOPBACK}:{theirs.port}"]\ntransfer = ["localhost"]\n'
    )
    ours = Served(tmp_path / "ours", config, port=ours_port)
    with theirs.running() as process:
        try:
            ours.start()
            for number in range(1, EDITS + 2):
                wait_for(partial(is_current, ours_port, theirs.port, number))
                verify(contents(ours_port, f"{ZONE}."), tmp_path / "copy.zone")
                theirs.publish(version(number + 1))
                process.send_signal(signal.SIGHUP)
        finally:
            ours.kill()
    assert ours.log.count("by IXFR") >= EDITS
    assert "Traceback" not in ours.log


def is_current(ours: int, theirs: int, number: int) -> bool:
    """Whether both have the version that this edit led to."""
    held = contents(ours, f"{ZONE}.")
    return any(line.startswith(f"v{number}.") for line in held) and held == contents(
        theirs, f"{ZONE}."
    )


def verify(lines: list[str], file: Path) -> None:
    """Every signature and every proof of absence, by another's code."""
    soa = next(line for line in lines if " IN SOA " in line)
    file.write_text("\n".join([soa, *(line for line in lines if line != soa)]) + "\n")
    done = subprocess.run(
        ["ldns-verify-zone", str(file)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", ["nsec", "nsec3"])
@pytest.mark.parametrize("peer", PEERS)
def test_theirs_follow_a_signed_zone_of_ours(peer: str, way: str, tmp_path: Path) -> None:
    need(peer)
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    file = tmp_path / "ours" / f"{ZONE}.zone"
    file.parent.mkdir()
    for number in (1, 2):
        source = tmp_path / str(number) / f"{ZONE}.zone"
        source.parent.mkdir()
        source.write_text(version(number))
    signed = [
        sign([tmp_path / str(n) / f"{ZONE}.zone"], tmp_path / f"signed{n}", way) for n in (1, 2)
    ]
    texts = [(directory / f"{ZONE}.zone").read_text() for directory in signed]
    file.write_text(texts[0])
    config = f'[[zone]]\nname = "{ZONE}"\nfile = "{file.name}"\ntransfer = ["localhost"]\n'
    ours = Served(file.parent, config)
    (tmp_path / peer).mkdir()
    try:
        ours.start()
        with secondary(peer, tmp_path / peer, ours.port, [Wanted(ZONE)]) as port:
            assert folded(port) == folded(ours.port)
            file.write_text(texts[1])
            ours.signal(signal.SIGHUP)
            wait_for(lambda: serial(ours.port, ZONE) == 2)
            wait_for(lambda: notify(port, ZONE) or serial(port, ZONE) == 2)
            assert folded(port) == folded(ours.port)
        assert "Traceback" not in ours.log
    finally:
        ours.kill()


def folded(port: int) -> list[str]:
    """The zone with owners in lower case, as NSD and Knot DNS keep them."""
    lines = (line.partition(" ") for line in contents(port, f"{ZONE}."))
    return sorted(owner.lower() + rest for owner, _, rest in lines)
