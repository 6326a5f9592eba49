"""Primary, secondary, and the secondary's secondary: every change goes down the chain by itself.

All three are Rootward; the secondaries are processes of their own.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peer_servers
import pytest
from publishing import Primary
from test_killed_secondary import ZONE, served, shown, version
from transfer_peers import LOOPBACK, child, notify, serial, wait_for

pytestmark = pytest.mark.loopback


@contextmanager
def secondary(directory: Path, port: int, primary: int, notified: int) -> Iterator[Path]:
    """A server in the chain; its log."""
    directory.mkdir(exist_ok=True)
    also_notify = f'also_notify = ["{LOOPBACK}:{notified}"]\n' if notified else ""
    file, log = directory / "config.toml", directory / "rootward.log"
    file.write_text(
        f'[server]\nlisten = ["{LOOPBACK}:{port}"]\n[recursion]\nenabled = false\n'
        f'[control]\nsocket = ""\n[[zone]]\nname = "{ZONE}"\nrole = "secondary"\n'
        f'primaries = ["{LOOPBACK}:{primary}"]\ntransfer = ["localhost"]\n{also_notify}'
    )
    command = [sys.executable, "-m", "resolver", "run", "--config", str(file)]
    with child(command, log) as process:
        wait_for(lambda: "\nready: " in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield log


def test_changes_go_down_the_chain_as_differences(tmp_path: Path) -> None:
    middle, last = peer_servers.free_port(), peer_servers.free_port()
    with Primary(ZONE, None).running() as primary:
        primary.publish(version(1))
        with secondary(tmp_path / "last", last, middle, 0) as log:
            with secondary(tmp_path / "middle", middle, primary.port, last):
                wait_for(lambda: serial(last, ZONE) == 1)
                follow(primary, middle, last, (2, 3))
            # The middle one begins again with what it kept, and still knows what has changed.
            with secondary(tmp_path / "middle", middle, primary.port, last):
                assert serial(middle, ZONE) == 3
                follow(primary, middle, last, (4,))
            text = log.read_text()
        assert not primary.faults
    assert text.count("by AXFR") == 1
    assert text.count("by IXFR") == 3
    assert "Traceback" not in text


def follow(primary: Primary, middle: int, last: int, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        primary.publish(version(number))
        notify(middle, ZONE)
        wait_for(lambda wanted=number: serial(last, ZONE) == wanted)
        zones = served(primary.port), served(last)
        assert zones[0] is not None
        assert zones[1] is not None
        assert shown(zones[0]) == shown(zones[1])
