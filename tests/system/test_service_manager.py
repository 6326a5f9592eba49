"""Started by a service manager: sockets that are passed, what it is told, and whom we become."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from resolver.net.batch_udp import open_batch
from resolver.net.plain_udp import PlainBatch

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30.0
ZONE = (
    "$TTL 300\n@ SOA ns.else.where. host 1 3600 900 1209600 300\n@ NS ns.else.where.\n"
    "www A 192.0.2.1\n"
)
# What a service manager does between fork and exec: descriptors from 3 on, and who they are for.
LAUNCHER = """
import os, sys
count = int(sys.argv[1])
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(count)
os.environ["LISTEN_FDNAMES"] = ":".join(f"dns{i}" for i in range(count))
os.execv(sys.executable, [sys.executable, "-m", "resolver", "run", "--config", sys.argv[2]])
"""


def configure(folder: Path, server: str = "", extra: str = "") -> Path:
    (folder / "example.test.zone").write_text(ZONE)
    config = folder / "config.toml"
    config.write_text(
        f'[server]\nstate_dir = "{folder}/state"\n{server}\n[recursion]\nenabled = false\n'
        f'[[zone]]\nname = "example.test"\nfile = "example.test.zone"\n{extra}'
    )
    return config


def wait_for(log: Path, words: str) -> str:
    until = time.monotonic() + TIMEOUT_S
    while words not in (text := log.read_text()):
        assert time.monotonic() < until, text
        time.sleep(0.01)
    return text


@contextlib.contextmanager
def child(arguments: list[str], log: Path, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, cwd=ROOT, stderr=output, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def launched(
    sockets: list[socket.socket], config: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The server with these sockets as its descriptors 3, 4 …"""
    low = [os.dup(sock.fileno()) for sock in sockets]  # not among those that are overwritten

    def place() -> None:
        high = [os.dup2(descriptor, 100 + i) for i, descriptor in enumerate(low)]
        for i, descriptor in enumerate(high):
            os.dup2(descriptor, 3 + i)

    arguments = [sys.executable, "-c", LAUNCHER, str(len(sockets)), str(config)]
    try:
        with child(arguments, log, preexec_fn=place, close_fds=False) as process:
            yield process
    finally:
        for descriptor in low:
            os.close(descriptor)


def asked(port: int, *, stream: bool, ip: str = "127.0.0.1") -> str:
    query = dns.message.make_query("www.example.test", "A")
    ask = dns.query.tcp if stream else dns.query.udp
    return ask(query, ip, TIMEOUT_S, port=port).answer[0][0].to_text()


@contextlib.contextmanager
def bound(ip: str = "127.0.0.1") -> Iterator[tuple[int, socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for _ in range(16):
        with (
            socket.socket(family, socket.SOCK_DGRAM) as udp,
            socket.socket(family, socket.SOCK_STREAM) as stream,
        ):
            for sock in (udp, stream):
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            udp.bind((ip, 0))
            try:
                stream.bind((ip, udp.getsockname()[1]))
            except OSError:
                continue
            stream.listen()
            yield udp.getsockname()[1], udp, stream
            return
    raise AssertionError("no port is free for both")


class TestPassedSockets:
    def test_they_are_served_and_nothing_else(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with bound() as (port, udp, stream), launched([udp, stream], configure(tmp_path), log):
            text = wait_for(log, "ready: ")
            assert f"ready: 127.0.0.1#{port}\n" in text
            assert asked(port, stream=False) == asked(port, stream=True) == "192.0.2.1"

    def test_those_that_are_not_configured_are_served_and_told(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        config = configure(tmp_path, 'listen = ["127.0.0.2:0"]')
        with bound() as (port, udp, stream), launched([udp, stream], config, log):
            text = wait_for(log, "ready: ")
            assert f"127.0.0.1#{port}: passed to us and not in server.listen" in text
            assert asked(port, stream=False) == "192.0.2.1"
            other = int(text.partition("127.0.0.2#")[2].split()[0])
            assert asked(other, stream=True, ip="127.0.0.2") == "192.0.2.1"

    def test_what_waits_in_them_is_answered(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        query = dns.message.make_query("www.example.test", "A").to_wire()
        with bound() as (port, udp, stream), socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(("127.0.0.1", port))
            config = configure(tmp_path)
            for _ in range(2):  # and again by the next one
                client.send(query)
                with launched([udp, stream], config, log) as process:
                    assert client.recv(4096)[3] & 15 == 0
                    wait_for(log, "ready: ")
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(TIMEOUT_S) == 0

    def test_one_socket_for_both_families(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        try:
            sockets = contextlib.ExitStack()
            port, udp, stream = sockets.enter_context(bound("::"))
        except OSError:
            pytest.skip("no IPv6 here")
        # An IPv4 client is one: it is refused where IPv4 addresses are.
        extra = '[access]\nquery = ["127.0.0.1"]\n'
        with sockets, launched([udp, stream], configure(tmp_path, extra=extra), log):
            wait_for(log, "ready: ")
            assert asked(port, stream=False) == asked(port, stream=True) == "192.0.2.1"

    def test_ipv4_client_of_such_a_socket_has_its_address(self) -> None:
        """Else all of IPv4 would count as one network."""
        try:
            sockets = contextlib.ExitStack()
            port, udp, _ = sockets.enter_context(bound("::"))
        except OSError:
            pytest.skip("no IPv6 here")
        with sockets, socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"x" * 12, ("127.0.0.1", port))
            udp.settimeout(TIMEOUT_S)
            udp.recv(12, socket.MSG_PEEK)  # it has arrived
            for make in (open_batch, PlainBatch):
                client.sendto(b"x" * 12, ("127.0.0.1", port))
                udp.setblocking(False)
                batch = make(udp, wildcard=True)
                while not batch.receive():
                    time.sleep(0.01)
                assert batch.peer(0) == bytes((127, 0, 0, 1))

    def test_what_is_no_socket_for_queries_is_refused(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        one, other = socket.socketpair()
        with one, other, launched([one], configure(tmp_path), log) as process:
            assert process.wait(TIMEOUT_S) == 78
        assert "dns0: neither IPv4 nor IPv6" in log.read_text()

    @pytest.mark.peer
    @pytest.mark.skipif(
        shutil.which("systemd-socket-activate") is None, reason="systemd is not installed"
    )
    def test_systemd_passes_them(self, tmp_path: Path) -> None:
        """Whoever may not bind port 53 is given it (T11)."""
        log = tmp_path / "log"
        config = configure(tmp_path)
        with bound() as (port, *_):
            pass
        server = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
        activate = ["systemd-socket-activate", "-d", "-l", f"127.0.0.1:{port}", *server]
        with child(activate, log):
            wait_for(log, "Listening on")
            assert asked(port, stream=False) == "192.0.2.1"
            assert asked(port, stream=True) == "192.0.2.1"


class Manager:
    """The side of the service manager: what it was told, line by line."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(TIMEOUT_S)

    def until(self, word: str) -> list[str]:
        """The lines of the first datagram with this line in it."""
        while word not in (lines := self.socket.recv(4096).decode().split("\n")):
            pass
        return lines


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.socket.close()


def test_manager_is_told_and_the_watchdog_fed(tmp_path: Path, manager: Manager) -> None:
    config = configure(tmp_path, 'listen = ["127.0.0.1:0"]')
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "300000"}
    arguments = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
    with child(arguments, tmp_path / "log", env=environment) as process:
        status = manager.until("READY=1")[1]
        port = int(status.rpartition("#")[2])
        assert asked(port, stream=False) == "192.0.2.1"
        assert status.startswith("STATUS=1 zones on 127.0.0.1#")
        manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        (stamp,) = [x for x in manager.until("RELOADING=1") if x.startswith("MONOTONIC_USEC=")]
        assert 0 < int(stamp.partition("=")[2]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e3
        manager.until("READY=1")
        manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        assert process.wait(TIMEOUT_S) == 0


def told_until(manager: Manager, word: str) -> list[str]:
    """All lines up to the first that begins like this, and with it."""
    lines = [""]
    while not lines[-1].startswith(word):
        lines += manager.socket.recv(4096).decode().split("\n")
        lines = next((lines[: i + 1] for i, x in enumerate(lines) if x.startswith(word)), lines)
    return lines


def test_who_takes_its_place_is_who_is_watched(tmp_path: Path, manager: Manager) -> None:
    """SIGUSR1: the same program anew, which has the sockets and the ear of the manager."""
    with bound() as (port, *_):
        pass
    config = configure(tmp_path, f'listen = ["127.0.0.1:{port}"]')
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "3000000"}
    arguments = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
    heir = 0
    try:
        with child(arguments, tmp_path / "log", env=environment) as process:
            manager.until("READY=1")
            process.send_signal(signal.SIGUSR1)
            heir = int(told_until(manager, "MAINPID=")[-1].partition("=")[2])
            assert heir != process.pid
            assert "STOPPING=1" not in told_until(manager, "READY=1")
            manager.until("WATCHDOG=1")
            assert process.wait(TIMEOUT_S) == 0
            assert asked(port, stream=False) == asked(port, stream=True) == "192.0.2.1"
            os.kill(heir, signal.SIGTERM)
            manager.until("STOPPING=1")
    finally:
        if heir:
            with contextlib.suppress(ProcessLookupError):
                os.kill(heir, signal.SIGKILL)


def test_one_that_cannot_take_its_place_changes_nothing(tmp_path: Path, manager: Manager) -> None:
    config = configure(tmp_path, 'listen = ["127.0.0.1:0"]')
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path)}
    arguments = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
    with child(arguments, tmp_path / "log", env=environment) as process:
        port = int(manager.until("READY=1")[1].rpartition("#")[2])
        config.write_text("[serve]\n")
        process.send_signal(signal.SIGUSR1)
        text = wait_for(tmp_path / "log", "not taken over: going on")
        assert "unknown section" in text
        assert "has ended with 78" in text
        assert asked(port, stream=False) == "192.0.2.1"


def test_a_loop_that_hangs_feeds_no_watchdog(tmp_path: Path, manager: Manager) -> None:
    script = (
        "import asyncio, os, time\n"
        "from resolver.app.supervisor import Supervisor\n"
        "async def main():\n"
        "    supervisor = Supervisor()\n"
        "    assert 'NOTIFY_SOCKET' not in os.environ\n"
        "    supervisor.ready('here')\n"
        "    await asyncio.sleep(0.3)\n"
        "    supervisor.tell('HANGS=1')\n"
        "    time.sleep(1)\n"
        "    supervisor.tell('HUNG=1')\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "60000"}
    with child([sys.executable, "-c", script], tmp_path / "log", env=environment):
        manager.until("WATCHDOG=1")
        manager.until("HANGS=1")
        assert manager.socket.recv(4096) == b"HUNG=1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
class TestAnotherUser:
    ARGUMENTS = (sys.executable, "-m", "resolver", "run", "--config")

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """One that everybody may go into, as folders of tests are not."""
        for path in (tmp_path, *tmp_path.parents):
            if path in (Path(tempfile.gettempdir()), path.parent):
                break
            path.chmod(path.stat().st_mode | 0o011)
        return tmp_path

    def test_server_becomes_him_and_keeps_what_it_needs(self, folder: Path) -> None:
        config = configure(folder, 'listen = ["127.0.0.1:0"]\nuser = "nobody"')
        log = folder / "log"
        with child([*self.ARGUMENTS, str(config)], log) as process:
            text = wait_for(log, "ready: ")
            port = int(text.rpartition("#")[2])
            assert asked(port, stream=False) == "192.0.2.1"
            facts = dict(
                line.split(":\t", 1)
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                if ":\t" in line
            )
            assert set(facts["Uid"].split()) == {str((folder / "state").stat().st_uid)}
            assert "0" not in facts["Uid"].split() + facts["Gid"].split()
            # Nothing but the right to bind low ports, CAP_NET_BIND_SERVICE.
            assert int(facts["CapPrm"], 16) & ~(1 << 10) == 0
            assert int(facts["CapEff"], 16) & ~(1 << 10) == 0
            assert "running as root" not in text

    def test_folder_of_somebody_else_is_an_error(self, folder: Path) -> None:
        config = configure(folder, 'listen = ["127.0.0.1:0"]\nuser = "nobody"')
        (folder / "state").mkdir(mode=0o755)
        log = folder / "log"
        with child([*self.ARGUMENTS, str(config)], log) as process:
            assert process.wait(TIMEOUT_S) == 78
        assert f"server.state_dir: {folder}/state: nobody may not write to it" in log.read_text()
        assert "chown nobody" in log.read_text()

    def test_unknown_user_is_an_error(self, folder: Path) -> None:
        config = configure(folder, 'listen = ["127.0.0.1:0"]\nuser = "no-such-user"')
        log = folder / "log"
        with child([*self.ARGUMENTS, str(config)], log) as process:
            assert process.wait(TIMEOUT_S) == 78
        assert "server.user: there is no user 'no-such-user'" in log.read_text()

    def test_root_is_warned(self, folder: Path) -> None:
        config = configure(folder, 'listen = ["127.0.0.1:0"]')
        log = folder / "log"
        with child([*self.ARGUMENTS, str(config)], log):
            assert wait_for(log, "ready: ").count("running as root") == 1
