"""A server is started again under load: no reply over UDP is lost, connections are served to their
end, and what was learned and changed is there (O16)."""

import itertools
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
    """Asks over UDP, a few queries in flight, until told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stopped = threading.Event()
        self.replies = self.lost = 0

    def run(self) -> None:
        query = dns.message.make_query("www.example.test", "A").to_wire()[2:]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(10)
            for number in itertools.cycle(range(0, 65536, 16)):
                if self.stopped.is_set():
                    return
                waiting = {n.to_bytes(2, "big") for n in range(number, number + 16)}
                for identity in waiting:
                    sock.send(identity + query)
                while waiting:
                    try:
                        packet = sock.recv(4096)
                    except TimeoutError:
                        self.lost += len(waiting)
                        break
                    waiting.discard(packet[:2])
                    self.replies += packet[3] & 15 == 0


def ask_connected(sock: socket.socket) -> str:
    query = dns.message.make_query("www.example.test", "A").to_wire()
    sock.sendall(struct.pack("!H", len(query)) + query)
    read: Callable[[int], bytes] = lambda n: sock.recv(n, socket.MSG_WAITALL)  # noqa: E731
    reply = dns.message.from_wire(read(int.from_bytes(read(2), "big")))
    return reply.answer[0][0].to_text()


def test_no_reply_is_lost(tmp_path: Path) -> None:
    configure(tmp_path)
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path, "first"))
        server.wait_for("ready: ")
        port = server.port
        client = Client(port)
        client.start()
        for number in range(RESTARTS):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
            )
            assert ask_connected(connection) == "192.0.2.1"
            following = stack.enter_context(running(tmp_path, f"next{number}", "--take-over"))
            following.wait_for("ready: ")
            assert following.port == port
            # Who was connected goes on with the old server, until he ends it.
            assert ask_connected(connection) == "192.0.2.1"
            connection.close()
            assert server.process.wait(TIMEOUT_S) == 0
            query = dns.message.make_query("www.example.test", "A")
            dns.query.tcp(query, "127.0.0.1", TIMEOUT_S, port=port)
            assert "Traceback" not in server.log.read_text()
            server = following
        client.stopped.set()
        client.join()
    assert client.lost == 0
    assert client.replies > 100


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
