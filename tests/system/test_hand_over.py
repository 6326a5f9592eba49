"""A server is started again under load: no reply over UDP is lost, connections are served to their
end, and what was learned and changed is there (O16)."""

import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.update
import pytest

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0
RESTARTS = 3
QUERIES_A_SECOND = 5000
IN_FLIGHT = 200
QUERIES_A_CONNECTION = 20
ZONE = (
    "$TTL 300\n@ SOA ns.else.where. host 1 3600 900 1209600 300\n@ NS ns.else.where.\n"
    "www A 192.0.2.1\n"
)


class Process:
    """A server as a child; its log is a file."""

    def __init__(self, folder: Path, log: Path, *arguments: str) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "resolver", "run"),
                    *("--config", str(folder / "config.toml"), *arguments),
                ],
                cwd=ROOT,
                stderr=output,
            )

    def wait_for(self, words: str) -> None:
        until = time.monotonic() + TIMEOUT_S
        while words not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.01)

    @property
    def port(self) -> int:
        return int(re.findall(r"ready: 127\.0\.0\.1#(\d+)", self.log.read_text())[0])

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(folder: Path, name: str, *arguments: str) -> Iterator[Process]:
    process = Process(folder, folder / name, *arguments)
    try:
        yield process
    finally:
        process.end()


def configure(folder: Path, extra: str = "") -> None:
    (folder / "example.test.zone").write_text(ZONE)
    (folder / "config.toml").write_text(
        '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
        '[[zone]]\nname = "example.test"\nfile = "example.test.zone"\n'
        f'update = ["localhost"]\n{extra}'
    )


class Client(threading.Thread):
    """Asks over UDP until told to stop: QUERIES_A_SECOND, or as many as server and machine can
    with IN_FLIGHT of them unanswered, which no socket is too small for."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stopped = threading.Event()
        self.replies = self.lost = 0
        self.duration_s = 0.0

    def run(self) -> None:
        query = dns.message.make_query("www.example.test", "A").to_wire()[2:]
        start, sent = time.monotonic(), 0
        waiting: set[bytes] = set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            while not self.stopped.is_set():
                due = int((time.monotonic() - start) * QUERIES_A_SECOND) - sent
                for _ in range(min(due, IN_FLIGHT - len(waiting))):
                    identity = (sent % 65536).to_bytes(2, "big")
                    waiting.add(identity)
                    sock.send(identity + query)
                    sent += 1
                if not self._receive(sock, waiting, 0.001 if len(waiting) < IN_FLIGHT else None):
                    return
            self.duration_s = time.monotonic() - start
            while waiting and self._receive(sock, waiting, None):
                pass

    def _receive(self, sock: socket.socket, waiting: set[bytes], patience_s: float | None) -> bool:
        """Take what has come, within this time or, with None, in any case; whether it did."""
        ready, _, _ = select.select([sock], [], [], TIMEOUT_S if patience_s is None else patience_s)
        if not ready and patience_s is None:
            self.lost = len(waiting)
            return False
        with suppress(BlockingIOError):
            while True:
                packet = sock.recv(4096, socket.MSG_DONTWAIT)
                waiting.discard(packet[:2])
                self.replies += packet[3] & 15 == 0
        return True


class StreamClient(threading.Thread):
    """Asks over TCP until told to stop, QUERIES_A_CONNECTION on each; `done` when all went well."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stopped = threading.Event()
        self.replies = 0
        self.done = False

    def run(self) -> None:
        while not self.stopped.is_set():
            with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as sock:
                for _ in range(QUERIES_A_CONNECTION):
                    assert ask_connected(sock) == "192.0.2.1"
                    self.replies += 1
                    time.sleep(0.005)
        self.done = True


QUERY = dns.message.make_query("www.example.test", "A").to_wire()
FRAMED = struct.pack("!H", len(QUERY)) + QUERY


def ask_connected(sock: socket.socket, query: bytes = FRAMED) -> str:
    """Send this, the query or the rest of it, and read what is answered."""
    sock.sendall(query)
    read: Callable[[int], bytes] = lambda n: sock.recv(n, socket.MSG_WAITALL)  # noqa: E731
    reply = dns.message.from_wire(read(int.from_bytes(read(2), "big")))
    return reply.answer[0][0].to_text()


@contextmanager
def clients(port: int) -> Iterator[tuple[Client, StreamClient]]:
    """Both kinds at work; at the end they have what they asked for."""
    found = Client(port), StreamClient(port)
    for client in found:
        client.start()
    try:
        yield found
    finally:
        for client in found:
            client.stopped.set()
        for client in found:
            client.join()


def take_over(stack: ExitStack, folder: Path, server: Process, name: str) -> Process:
    """Put another server in the place of this one, which has a connection; the other one."""
    connection = stack.enter_context(
        socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
    )
    assert ask_connected(connection) == "192.0.2.1"
    connection.sendall(FRAMED[:20])
    following = stack.enter_context(running(folder, name, "--take-over"))
    following.wait_for("ready: ")
    assert following.port == server.port
    # Who was connected goes on with the old server until he ends it, in the middle of a query too.
    assert ask_connected(connection, FRAMED[20:]) == "192.0.2.1"
    assert ask_connected(connection) == "192.0.2.1"
    connection.close()
    assert server.process.wait(TIMEOUT_S) == 0
    query = dns.message.make_query("www.example.test", "A")
    dns.query.tcp(query, "127.0.0.1", TIMEOUT_S, port=server.port)
    assert "Traceback" not in server.log.read_text()
    return following


def test_no_reply_is_lost(tmp_path: Path) -> None:
    configure(tmp_path)
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path, "first"))
        server.wait_for("ready: ")
        with clients(server.port) as (client, stream_client):
            for number in range(RESTARTS):
                server = take_over(stack, tmp_path, server, f"next{number}")
    assert client.lost == 0
    assert client.replies > 100
    assert stream_client.done
    assert stream_client.replies > 0
    print(f"{client.replies} replies, {client.replies / client.duration_s:.0f} a second")


def test_updates_and_control_go_over(tmp_path: Path) -> None:
    configure(tmp_path)
    with running(tmp_path, "first") as first:
        first.wait_for("ready: ")
        update = dns.update.UpdateMessage("example.test")
        update.add("new", 60, "A", "192.0.2.9")
        reply = dns.query.udp(update, "127.0.0.1", TIMEOUT_S, port=first.port)
        assert reply.rcode() == dns.rcode.NOERROR
        with running(tmp_path, "second", "--take-over") as second:
            second.wait_for("ready: ")
            assert first.process.wait(TIMEOUT_S) == 0
            query = dns.message.make_query("new.example.test", "A")
            answer = dns.query.udp(query, "127.0.0.1", TIMEOUT_S, port=second.port)
            assert answer.answer[0][0].to_text() == "192.0.2.9"
            told = subprocess.run(
                [
                    *(sys.executable, "-m", "resolver", "ctl"),
                    *("--config", str(tmp_path / "config.toml"), "status"),
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            assert str(second.process.pid) in told.stdout
            assert (tmp_path / "var/handover.sock").exists()
            second.process.send_signal(signal.SIGTERM)
            assert second.process.wait(TIMEOUT_S) == 0
            assert not (tmp_path / "var/handover.sock").exists()


def test_the_old_one_goes_on_when_the_new_one_fails(tmp_path: Path) -> None:
    configure(tmp_path)
    with running(tmp_path, "first") as first:
        first.wait_for("ready: ")
        # Asks to take over, and dies before it serves.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(TIMEOUT_S)
            line.connect(str(tmp_path / "var/handover.sock"))
            line.sendall(b"take-over 1\n")
            told, descriptors, _, _ = socket.recv_fds(line, 4096, 10)
            assert b'"sockets"' in told
            assert len(descriptors) == 2
            for descriptor in descriptors:
                socket.close(descriptor)
            update = dns.update.UpdateMessage("example.test")
            update.add("new", 60, "A", "192.0.2.9")
            reply = dns.query.udp(update, "127.0.0.1", TIMEOUT_S, port=first.port)
            assert reply.rcode() == dns.rcode.SERVFAIL
        first.wait_for("nobody has taken over: going on")
        reply = dns.query.udp(update, "127.0.0.1", TIMEOUT_S, port=first.port)
        assert reply.rcode() == dns.rcode.NOERROR
        # A configuration that is not good disturbs nobody.
        (tmp_path / "config.toml").write_text("nonsense\n")
        with running(tmp_path, "second", "--take-over") as second:
            assert second.process.wait(TIMEOUT_S) == 78
        dns.query.udp(
            dns.message.make_query("www.example.test", "A"), "127.0.0.1", TIMEOUT_S, port=first.port
        )


def test_nobody_to_take_over_from_is_a_plain_start(tmp_path: Path) -> None:
    configure(tmp_path)
    with running(tmp_path, "first", "--take-over") as first:
        first.wait_for("ready: ")
