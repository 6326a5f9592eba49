"""The service works under what rootward.service forbids: filters of system calls, no memory that is
written and executed, no file written outside its state folder (S06)."""

import ctypes
import ctypes.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.update
import pytest

from resolver.app.cli import main
from resolver.app.exits import OK

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such filters"),
    pytest.mark.skipif(
        ctypes.util.find_library("seccomp") is None, reason="libseccomp is not installed"
    ),
]
CONFINED = Path(__file__).parent / "confined.py"
TIMEOUT_S = 30.0
# Each line is what became of one thing that the unit forbids, but for the last.
PROBE = """
import mmap, os, socket, sys
def tried(work):
    try:
        work()
    except OSError as error:
        print(error.errno)
    else:
        print("done")
every = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
tried(lambda: mmap.mmap(-1, 4096, prot=every))
tried(lambda: socket.socket(socket.AF_PACKET))
tried(lambda: os.setpriority(os.PRIO_PROCESS, 0, 5))
tried(lambda: open("outside", "w"))
tried(lambda: open("state/inside", "w"))
"""


@pytest.fixture
def confine(tmp_path: Path) -> list[str]:
    """Words before a command that is to run like the service; its state folder is `state`."""
    folder = tmp_path / "units"
    assert main(["init", "cache", "--system", "--directory", str(folder)]) == OK
    assert main(["units", str(folder), "--config", str(folder / "config.toml")]) == OK
    (tmp_path / "state").mkdir()
    unit = str(folder / "rootward.service")
    return [sys.executable, str(CONFINED), unit, str(tmp_path / "state"), sys.executable]


def test_what_is_forbidden_is_refused(tmp_path: Path, confine: list[str]) -> None:
    """Else the other tests would show nothing."""
    probe = subprocess.run(
        [*confine, "-c", PROBE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    memory, family, call, outside, inside = probe.stdout.split()
    assert (memory, family, call, inside) == ("1", "97", "1", "done")
    # landlock_create_ruleset(2) tells its version, where the kernel has it.
    has_landlock = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0
    assert outside == ("13" if has_landlock else "done")


@contextmanager
def serving(
    tmp_path: Path, confine: list[str], config: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    with (tmp_path / "log").open("wb") as output:
        command = [*confine, "-m", "resolver", "run", "--config", str(config)]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(command, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_ready(log: Path) -> int:
    until = time.monotonic() + TIMEOUT_S
    while "ready: 127.0.0.1#" not in (text := log.read_text()):
        assert time.monotonic() < until, text
        time.sleep(0.02)
    return int(text.rpartition("#")[2])


def test_service_does_all_its_work(tmp_path: Path, confine: list[str]) -> None:
    """It answers, resolves, takes updates into its journal, reloads, and ends well."""
    etc, state = tmp_path / "etc", tmp_path / "state"
    assert main(["init", "primary", "--directory", str(etc)]) == OK
    with socket.socket(type=socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        (etc / "config.toml").write_text(
            f'[server]\nlisten = ["127.0.0.1:0"]\nstate_dir = "{state}"\n'
            "[recursion]\npriming = false\nmax_time = 1\n"
            f'[[stub]]\nname = "silent.test"\nto = ["127.0.0.1:{nobody.getsockname()[1]}"]\n'
            '[[zone_directory]]\npath = "zones"\nupdate = ["localhost"]\nzonefile_sync = ""\n'
        )
        with serving(tmp_path, confine, etc / "config.toml") as process:
            port = wait_until_ready(tmp_path / "log")
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert "NoNewPrivs:\t1" in status
            assert "Seccomp:\t2" in status
            query = dns.message.make_query("www.example.test", "A")
            for ask in (dns.query.udp, dns.query.tcp):
                assert ask(query, "127.0.0.1", TIMEOUT_S, port=port).answer
            query = dns.message.make_query("www.silent.test", "A")
            reply = dns.query.udp(query, "127.0.0.1", TIMEOUT_S, port=port)
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert nobody.recv(512)  # it asked
            update = dns.update.UpdateMessage("example.test")
            update.add("new", 60, "A", "192.0.2.9")
            reply = dns.query.udp(update, "127.0.0.1", TIMEOUT_S, port=port)
            assert reply.rcode() == dns.rcode.NOERROR
            reload = subprocess.run(
                [
                    *(*confine, "-m", "resolver", "ctl"),
                    *("--config", str(etc / "config.toml"), "reload"),
                ],
                capture_output=True,
                text=True,
            )
            assert reload.returncode == OK, reload.stdout + reload.stderr
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert "not permitted" not in log
    assert "Permission denied" not in log
    assert any(state.iterdir())
