"""Clients that mean harm, and a whole server: reflection, loops, slow and greedy connections.

Bars 22 to 26. Nothing is timed but by what the server itself promises to close; every wait has a
generous end.
"""

import contextlib
import random
import resource
import select
import shutil
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from resolver_process import Process, process

from resolver import names
from resolver.codes import Flag, Rcode, RRType
from resolver.model import Address, Edns, Question
from resolver.wire.build import build_query
from resolver.wire.framing import frame
from resolver.wire.parse import parse

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(180)]

WITHIN_S = 30.0
MAX_UDP_OCTETS = 1232
ZONE = "$TTL 300\n@ SOA ns host 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
ZONE += "".join(f'@ TXT "{i:03} {"x" * 200}"\n' for i in range(40))
ZONE += "".join(f"many A 10.0.{i // 250}.{i % 250}\n" for i in range(500))
ZONE += "".join(f"@ MX {i} mail{i}\nmail{i} A 192.0.2.{i}\n" for i in range(60))
ZONE += 'large TXT "' + '" "'.join("y" * 250 for _ in range(20)) + '"\n'
ZONE += "to CNAME many\nsub NS ns.sub\nns.sub A 192.0.2.3\n"


@contextlib.contextmanager
def server(folder: Path, *, descriptors: int | None = None) -> Iterator[Process]:
    """The zone own.test., and no recursion."""
    (folder / "own.zone").write_text(ZONE)
    config = (
        f'[server]\nlisten = ["127.0.0.1:0"]\nstate_dir = "{folder}/state"\n'
        '[recursion]\nenabled = false\n[control]\nsocket = ""\n'
        f'[[zone]]\nname = "own.test"\nfile = "{folder}/own.zone"\n'
    )
    with process(folder, config, descriptors=descriptors) as running:
        yield running


def query(name: str, rrtype: int = RRType.A, number: int = 1, *, size: int | None = None) -> bytes:
    """A query of a stub resolver; with `size`, EDNS and DO."""
    edns = None if size is None else Edns(size, 0, True)
    return build_query(
        number, Question(names.read(name), rrtype), edns=edns, recursion_desired=True
    )


class Datagrams:
    """A client over UDP."""

    def __init__(self, to: Address) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect(tuple(to))

    def __enter__(self) -> "Datagrams":
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, packet: bytes) -> None:
        """Send whatever it is."""
        with contextlib.suppress(OSError):
            self._sock.send(packet)

    def receive(self, within_s: float = WITHIN_S) -> bytes | None:
        """The next reply."""
        if not select.select([self._sock], [], [], within_s)[0]:
            return None
        return self._sock.recv(65535)

    def ask(self, packet: bytes, *, tries: int = 5) -> bytes:
        """The reply to a query."""
        for _ in range(tries):
            self.send(packet)
            while (reply := self.receive(WITHIN_S / tries)) is not None:
                if reply[:2] == packet[:2]:
                    return reply
        raise AssertionError("no reply over UDP")


def connect(to: Address, *, source: str = "127.0.0.1") -> socket.socket:
    """A TCP connection."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(WITHIN_S)
        sock.bind((source, 0))
        sock.connect(tuple(to))
    except OSError:
        sock.close()
        raise
    return sock


def over_tcp(to: Address, packet: bytes) -> bytes | None:
    """The reply on a fresh connection; None when it was refused or closed."""
    try:
        with connect(to) as sock:
            sock.sendall(frame(packet))
            data = b""
            while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
                if not (more := sock.recv(65535)):
                    return None
                data += more
            return data[2:]
    except OSError:
        return None


def assert_alive(running: Process) -> None:
    """It answers over UDP and TCP."""
    with Datagrams(running.address) as client:
        assert parse(client.ask(query("www.own.test."))).answer
    until = time.monotonic() + WITHIN_S
    while over_tcp(running.address, query("www.own.test.")) is None:
        assert time.monotonic() < until, "no reply over TCP"
        time.sleep(0.05)


def test_no_reply_over_udp_is_large_whatever_is_asked(tmp_path: Path) -> None:
    """Bar 22."""
    asked = ["own.test.", "many.own.test.", "large.own.test.", "to.own.test.", "x.sub.own.test."]
    with server(tmp_path) as running, Datagrams(running.address) as client:
        for name in asked:
            for rrtype in (*RRType, 65280):
                for size in (None, 512, 1232, 4096, 65535):
                    packet = query(name, rrtype, random.randrange(65536), size=size)
                    reply = client.ask(packet)
                    accepted = 512 if size is None else size
                    assert len(reply) <= min(MAX_UDP_OCTETS, accepted)
                    if rrtype == RRType.ANY and not parse(reply).flags & Flag.TC:
                        assert len(reply) <= 10 * len(packet), name


@pytest.mark.parametrize("what", ["responses", "scraps"])
def test_what_is_no_query_gets_silence(tmp_path: Path, what: str) -> None:
    """Bar 23."""
    dice = random.Random(23)
    whole = query("www.own.test.")
    with server(tmp_path) as running, Datagrams(running.address) as client:
        for _ in range(10_000):
            if what == "responses":
                client.send(whole[:2] + bytes((whole[2] | 0x80,)) + whole[3:])
            else:
                client.send(whole[: dice.randrange(12)])
        # Datagrams come in order: when this one is answered, all others have been looked at.
        last = query("www.own.test.", number=0xFFFF)
        assert client.ask(last)[:2] == b"\xff\xff"
        assert client.receive(0.2) is None


class Forger:
    """Sends datagrams with any source, and counts all between two ports. Needs a privilege."""

    def __init__(self) -> None:
        try:
            self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        except PermissionError:
            pytest.skip("raw sockets need a privilege")
        self._seen = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._seen.setblocking(False)

    def __enter__(self) -> "Forger":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self._seen.close()

    def send(self, source: int, to: int, payload: bytes) -> None:
        """From a port of 127.0.0.1 to another."""
        udp = struct.pack("!HHHH", source, to, 8 + len(payload), 0) + payload
        local = socket.inet_aton("127.0.0.1")
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + local + local
        with contextlib.suppress(OSError):
            self._out.sendto(ip + udp, ("127.0.0.1", 0))

    def seen(self, ports: set[int]) -> int:
        """How many datagrams there were among these ports since the last call."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._seen.recv(65535)
                start = (packet[0] & 15) * 4
                count += ports.issuperset(struct.unpack("!HH", packet[start : start + 4]))
        return count


def test_nobody_is_answered_at_port_0_and_no_server_talks_to_itself(tmp_path: Path) -> None:
    """Bar 23: source port 0, own address as source."""
    count = 2_000
    with Forger() as forger, server(tmp_path) as running:
        port = running.address.port
        for number in range(count):
            forger.send(0, port, query("www.own.test.", number=number))
        assert_alive(running)
        assert forger.seen({0, port}) <= count
        sent = 0
        for number in range(0, count, 50):
            for k in range(50):
                forger.send(port, port, query("www.own.test.", number=number + k))
            assert_alive(running)
            sent += forger.seen({port})
        assert 0 < sent <= 2 * count


def test_two_servers_that_are_set_on_each_other_fall_silent(tmp_path: Path) -> None:
    """Bar 23: what seems to come from another server is answered once at most."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Forger() as forger, server(tmp_path / "a") as a, server(tmp_path / "b") as b:
        ports = {a.address.port, b.address.port}
        forger.seen(ports)
        whole = query("www.own.test.")
        garbage = [whole, whole[:20], whole[:12], b"\0" * 12, whole[:2] + b"\x38" + whole[3:]]
        for packet in garbage:
            forger.send(a.address.port, b.address.port, packet)
            assert_alive(a)
            assert_alive(b)
            assert forger.seen(ports) <= 2


def enough_descriptors(wanted: int) -> int:
    """Raise our own limit; how many connections we can have then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + 200:
        most = wanted + 200 if hard == resource.RLIM_INFINITY else min(wanted + 200, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return min(wanted, most - 200)
    return wanted


def closed(sock: socket.socket) -> bool:
    """Whether the other side has closed, as far as can be seen without waiting."""
    try:
        return sock.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_idle_and_dripping_connections_leave_room_for_others(tmp_path: Path) -> None:
    """Bar 24: 500 connections that say nothing, 500 that send an octet now and then."""
    half = enough_descriptors(1000) // 2
    packet = frame(query("www.own.test."))
    with server(tmp_path, descriptors=16_384) as running, contextlib.ExitStack() as stack:
        crowd: list[socket.socket] = []
        for number in range(2 * half):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            sock.bind((f"127.0.{2 + number % 2}.{1 + number % 250}", 0))
            sock.setblocking(False)
            sock.connect_ex(tuple(running.address))
            crowd.append(sock)
        slow = crowd[::2]
        until = time.monotonic() + 2 * WITHIN_S
        # All places are taken at first; who does nothing loses his after a fifth of a second.
        while over_tcp(running.address, query("www.own.test.")) is None:
            assert time.monotonic() < until, "nobody had to make room"
            time.sleep(0.05)
        asked = answered = 0
        while asked < 100 or not all(map(closed, slow)):
            assert time.monotonic() < until, f"{sum(not closed(s) for s in slow)} are still open"
            for sock in slow:
                with contextlib.suppress(OSError):
                    sock.send(packet[:1])
            for _ in range(10):
                asked += 1
                answered += over_tcp(running.address, query("www.own.test.")) is not None
            time.sleep(0.1)
        assert answered >= asked * 0.99
        assert_alive(running)


def test_a_client_that_asks_and_never_reads(tmp_path: Path) -> None:
    """Bar 25: 50,000 queries in one connection."""
    flood = frame(query("large.own.test.", RRType.TXT)) * 50_000
    with server(tmp_path) as running:
        assert_alive(running)
        # What a first large reply over TCP needs is no growth.
        for _ in range(50):
            over_tcp(running.address, query("large.own.test.", RRType.TXT))
        before = running.resident_octets()
        largest = before
        with connect(running.address) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            rest = memoryview(flood)
            until = time.monotonic() + 2 * WITHIN_S
            with contextlib.suppress(ConnectionError):  # it cuts us
                while True:
                    assert time.monotonic() < until, "still connected"
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[sock.send(rest[:65536]) :] or memoryview(flood)
                    select.select([], [sock], [], 0.1)
                    largest = max(largest, running.resident_octets())
                    with Datagrams(running.address) as client:
                        client.ask(query("www.own.test."))
        assert largest - before <= 4 << 20
        assert_alive(running)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed")
def test_connections_beyond_all_descriptors(tmp_path: Path) -> None:
    """Bar 26: 64 descriptors, 10,000 attempts to connect."""
    together = min(200, enough_descriptors(200))
    with server(tmp_path, descriptors=64) as running, Datagrams(running.address) as client:
        assert_alive(running)
        for start in range(0, 10_000, together):
            with contextlib.ExitStack() as stack:
                for _ in range(together):
                    sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                    sock.setblocking(False)
                    sock.connect_ex(tuple(running.address))
                reply = client.ask(query("www.own.test.", number=start & 0xFFFF))
                assert parse(reply).rcode == Rcode.NOERROR
        assert_alive(running)
