"""Port 53 is served by a process that is not root: each way of docs/install.md (S06)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from resolver.app.cli import main
from resolver.app.exits import BAD_CONFIGURATION, OK

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in ("unshare", "setpriv", "ip")),
        reason="unshare, setpriv or ip is not installed",
    ),
]
SCRIPT = Path(__file__).parent / "at_port_53.py"
BIND_ONLY = 1 << 10  # CAP_NET_BIND_SERVICE
# A user who is not root, in a user namespace, so that nobody need be root to test it.
SOMEBODY = ("--user", "--map-user=1053", "--map-group=1053", "--keep-caps")
NO_RIGHTS = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
LOW_PORTS = tuple(f"{x},+net_bind_service" if "caps" in x else x for x in NO_RIGHTS[:3])
SERVED = {"udp": "192.0.2.80", "tcp": "192.0.2.80", "code": 0}


def run(folder: Path, namespaces: tuple[str, ...], *before: str, server: str = "") -> Any:
    """What became of a server with a network of its own; `before` stands before its command."""
    if subprocess.run(["unshare", *namespaces, "--net", "true"], capture_output=True).returncode:
        pytest.skip(f"unshare {' '.join(namespaces)} --net is not permitted here")
    assert main(["init", "primary", "--system", "--directory", str(folder / "etc")]) == OK
    config = folder / "etc/config.toml"
    text = config.read_text().replace("/var/lib/rootward", f"{folder}/state")
    text = text.replace("/run/rootward/control.sock", f"{folder}/state/control.sock")
    # Read before the server becomes anybody, who may not be able to read the modules of Python that
    # a look into a folder needs: an interpreter in the home of root is none of his business.
    zone = '[[zone]]\nname = "example.test"\nfile = "zones/example.test.zone"'
    text = text.replace('[[zone_directory]]\npath = "zones"', zone)
    config.write_text(text.replace("[server]\n", f"[server]\n{server}\n"))
    done = subprocess.run(
        [
            *("unshare", *namespaces, "--net", sys.executable, str(SCRIPT)),
            *(*before, sys.executable, "-m", "resolver", "run", "--config", str(config)),
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_by_the_one_capability(tmp_path: Path) -> None:
    """As AmbientCapabilities= of the unit gives it."""
    found = run(tmp_path, SOMEBODY, *LOW_PORTS)
    assert found | SERVED == found, found["said"]
    assert set(found["uids"]) == {"1053"}
    assert found["capabilities"] == BIND_ONLY


def test_by_a_setting_of_the_machine(tmp_path: Path) -> None:
    setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    found = run(tmp_path, SOMEBODY, "sh", "-c", f'echo 53 > {setting}; exec "$@"', "sh", *NO_RIGHTS)
    assert found | SERVED == found, found["said"]
    assert set(found["uids"]) == {"1053"}
    assert found["capabilities"] == 0


def test_without_a_right_it_is_told(tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    found = run(tmp_path, SOMEBODY, *NO_RIGHTS)
    assert found["code"] == BAD_CONFIGURATION
    assert "ports below 1024 need a privilege" in found["said"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_by_root_who_becomes_somebody_else(tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents):  # a folder that everybody may go into
        if path in (Path(tempfile.gettempdir()), path.parent):
            break
        path.chmod(path.stat().st_mode | 0o011)
    key = tmp_path / "etc/transfer.key"
    key.parent.mkdir()
    key.write_text("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDE=\n")
    key.chmod(0o600)
    found = run(tmp_path, (), server='user = "nobody"')
    assert found | SERVED == found, found["said"]
    assert "0" not in found["uids"]
    assert found["capabilities"] & ~BIND_ONLY == 0
    assert (tmp_path / "state").stat().st_uid == int(found["uids"][0])
