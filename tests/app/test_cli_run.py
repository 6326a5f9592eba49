"""`rootward run` as a process: what it prints, how it ends."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.app.cli import main
from resolver.app.daemon import SWITCH_S
from resolver.app.exits import BAD_CONFIGURATION, OK

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[2]
ZONE = "@ 300 SOA ns . 7 7200 900 1209600 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"


class Running:
    """The server as a child, after its line `ready:`."""

    def __init__(self, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "resolver", "run", "--config", str(config)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.lines: list[str] = []
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready: "):
                break

    def end(self, number: int) -> tuple[str, str]:
        """Send a signal; the rest of standard output and standard error."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "own.zone").write_text(ZONE)
    (tmp_path / "config.toml").write_text(
        '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'
        '[[zone]]\nname = "own.test"\nfile = "own.zone"\n'
    )
    running = Running(tmp_path / "config.toml")
    yield running
    running.process.kill()
    running.process.communicate()


def test_start_is_told_and_ready_comes_last(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = server.lines[-1]
    assert ready.startswith("ready: 127.0.0.1#")
    text = "\n".join(server.lines)
    assert "zone own.test. serial 7" in text
    assert "try: dig @127.0.0.1 -p " in text
    port = ready.rpartition("#")[2]
    for transport in ([], ["--tcp"]):
        assert main(["query", "ns.own.test", f"@127.0.0.1:{port}", *transport]) == OK
        assert "192.0.2.1" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_well(server: Running, number: int) -> None:
    out, err = server.end(number)
    assert server.process.returncode == OK
    assert out == ""
    assert "ready:" not in err
    assert "Traceback" not in err


def test_address_that_is_taken_is_a_bad_configuration(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (tmp_path / "c.toml").write_text(f'[server]\nlisten = ["127.0.0.1:{port}"]\n')
        running = Running(tmp_path / "c.toml")
        running.process.communicate(timeout=30)
    assert running.process.returncode == BAD_CONFIGURATION
    assert "Address already in use" in running.lines[-1]


def test_threads_give_way_to_queries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that work while the configuration is taken up."""
    before = sys.getswitchinterval()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "c.toml").write_text(
            f'[server]\nlisten = ["127.0.0.1:{taken.getsockname()[1]}"]\n'
        )
        try:
            assert main(["run", "--config", str(tmp_path / "c.toml")]) == BAD_CONFIGURATION
            assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        finally:
            sys.setswitchinterval(before)
    assert "in use" in capsys.readouterr().err
