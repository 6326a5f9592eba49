"""The secondary is killed at random moments of IXFRs: what it serves is always one whole version.

The primary publishes a version every few milliseconds and notifies; a reader asks for the serial
all the time. After each kill the secondary is started again, and all that it serves must be, octet
for octet, the version that its serial says; serials never go back, not even over a restart.

ROOTWARD_KILLS=200 python -m pytest tests/peers/test_killed_secondary.py
"""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.zone
import peer_servers
import pytest
from publishing import Primary
from transfer_peers import LOOPBACK, ROOT, serial, wait_for

pytestmark = [pytest.mark.loopback, pytest.mark.slow]

KILLS = int(os.environ.get("ROOTWARD_KILLS", "6"))
ZONE = "moving.test."
CONFIG = """
[server]
listen = ["127.0.0.1:{port}"]
[recursion]
enabled = false
[secondary]
min_retry = 0.1
[[zone]]
name = "{zone}"
role = "secondary"
primaries = ["127.0.0.1:{primary}"]
transfer = ["localhost"]
"""
STEADY = "".join(f"steady{i} A 192.0.2.{i}\n" for i in range(200))


def version(number: int) -> str:
    own = "".join(f"V{number}-{i} TXT {'x' * 60}\n" for i in range(10))
    return (
        f"$TTL 300\n@ SOA ns.elsewhere.test. Host {number} 7200 900 1209600 600\n"
        f"@ NS ns.elsewhere.test.\nturn A 192.0.2.{number % 250}\nturn A 192.0.2.251\n"
        f"ttl {60 + number % 99} A 192.0.2.1\n{own}{STEADY}"
    )


def shown(zone: dns.zone.Zone) -> set[tuple[str, int, str, str]]:
    """Every record, in the very spelling that it has."""
    return {
        (name.to_text(), ttl, rdata.rdtype.name, rdata.to_text())
        for name, ttl, rdata in zone.iterate_rdatas()
    }


class Traffic(threading.Thread):
    """Publishes and notifies, and asks for the serial, until it is told to stop."""

    def __init__(self, primary: Primary, port: int) -> None:
        super().__init__()
        self.latest = 0
        self.seen = 0
        self.reads = 0
        self.faults: list[str] = []
        self._primary = primary
        self._port = port
        self._stopped = threading.Event()

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((LOOPBACK, 0))
            sock.settimeout(0.003)
            while not self._stopped.wait(random.uniform(0.0, 0.02)):
                self.latest += 1
                self._primary.publish(version(self.latest))
                self._notify(sock)
                for _ in range(4):
                    self._read(sock)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _notify(self, sock: socket.socket) -> None:
        message = dns.message.make_query(ZONE, "SOA", flags=dns.flags.AA)
        message.set_opcode(dns.opcode.NOTIFY)
        self._send(sock, message)

    def _read(self, sock: socket.socket) -> None:
        query = dns.message.make_query(ZONE, "SOA", id=0x5EAD)
        self._send(sock, query)
        try:
            reply = dns.message.from_wire(sock.recv(4096))
        except (TimeoutError, ConnectionError):
            return
        if reply.id == query.id and reply.answer:
            self.note(reply.answer[0][0].serial)

    def _send(self, sock: socket.socket, message: dns.message.Message) -> None:
        with suppress(ConnectionError):  # nobody is there at the moment
            sock.sendto(message.to_wire(), (LOOPBACK, self._port))

    def note(self, found: int) -> None:
        self.reads += 1
        if found < self.seen:
            self.faults.append(f"serial {found} after {self.seen}")
        self.seen = max(self.seen, found)


class Killed:
    """A secondary that is started and killed again and again on the same files."""

    def __init__(self, directory: Path, port: int, primary: int) -> None:
        self._port = port
        self._file = directory / "config.toml"
        self._log = directory / "rootward.log"
        self._file.write_text(CONFIG.format(port=port, zone=ZONE, primary=primary))

    def start(self) -> None:
        command = [sys.executable, "-m", "resolver", "run", "--config", str(self._file)]
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
        wait_for(lambda: "\nready: " in self._log.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert "Traceback" not in self._log.read_text(), self._log.read_text()


def served(port: int) -> dns.zone.Zone | None:
    """The whole zone as the server has it; None while it has none."""
    try:
        messages = dns.query.xfr(LOOPBACK, ZONE, port=port, relativize=False, lifetime=10)
        return dns.zone.from_xfr(messages, relativize=False)
    except (dns.query.TransferError, dns.exception.FormError, EOFError):
        return None


def test_every_version_served_is_one_of_the_primarys(tmp_path: Path) -> None:
    port = peer_servers.free_port()
    with Primary(ZONE, None).running() as primary:
        traffic = Traffic(primary, port)
        killed = Killed(tmp_path, port, primary.port)
        traffic.start()
        try:
            checked = _kill_and_check(killed, traffic, port)
            killed.start()
            traffic.stop()
            wait_for(lambda: serial(port, ZONE) == traffic.latest)
            killed.kill()
        finally:
            traffic.stop()
            killed.process.kill()
        assert not primary.faults
    print(
        f"{KILLS} kills, {traffic.latest} versions, {traffic.reads} reads, {checked} zones compared"
    )
    assert not traffic.faults
    assert checked >= KILLS // 2


def _kill_and_check(killed: Killed, traffic: Traffic, port: int) -> int:
    checked = 0
    for _ in range(KILLS):
        killed.start()
        for _ in range(2):
            zone = served(port)
            if zone is not None:
                number = zone.get_soa().serial
                expected = dns.zone.from_text(version(number), ZONE, relativize=False)
                assert shown(zone) == shown(expected)
                checked += 1
            time.sleep(random.uniform(0.0, 0.25))
        killed.kill()
    return checked
