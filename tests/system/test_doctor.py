"""`rootward doctor` and `rootward ctl doctor` beside a running server, in a fake hierarchy."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from resolver_process import resolver_process

from resolver.testing import Internet, Loopback, zone

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(120)]

ROOT, TLD, ONE, TWO = (f"198.51.100.{i}" for i in range(1, 5))
CONFIG = """\
[server]
listen = ["127.0.0.1:{listen}"]
state_dir = "state"

[recursion]
root_hints = "root.hints"
do_not_query = []
special_names = false

[outgoing]
port = {port}
ipv6 = false

[cache]
snapshot = false

[control]
socket = "control.sock"

[[zone]]
name = "example.test"
file = "example.zone"
"""


def text(one: str, two: str, serial: int = 7) -> str:
    return (
        f"@ 300 SOA ns1 host {serial} 7200 900 1209600 600\n@ 300 NS ns1\n@ 300 NS ns2\n"
        f"ns1 300 A {one}\nns2 300 A {two}\n"
    )


class Site:
    """A server in its folder, and the Internet around it."""

    def __init__(self, folder: Path, net: Internet) -> None:
        self.folder = folder
        self.net = net

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code and output of the command."""
        config = ("--config", str(self.folder / "doctor.toml"))
        done = subprocess.run(
            [sys.executable, "-m", "resolver", words[0], *config, *words[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    net = Internet()
    net.root(".", ROOT)
    net.host("test.", TLD)
    net.host("example.test.", ONE, TWO, zone("example.test.", text(ONE, TWO)))
    with Loopback(net) as up:
        up.write_hints(tmp_path / "root.hints")
        file = tmp_path / "example.zone"
        file.write_text(text(up.address(ONE), up.address(TWO)))
        with resolver_process(tmp_path, CONFIG.format(listen=0, port=up.port)) as at:
            # What the command reads has the port that the server was given.
            (tmp_path / "doctor.toml").write_text(CONFIG.format(listen=at.port, port=up.port))
            yield Site(tmp_path, net)


def test_nothing_is_wrong(site: Site) -> None:
    assert site.run("doctor") == (0, "nothing is wrong\n")
    assert site.run("ctl", "doctor") == (0, "nothing is wrong\n")


def test_what_is_wrong_is_said_in_words_and_as_json(site: Site) -> None:
    site.net.refuse(TWO)
    file = site.folder / "example.zone"
    file.write_text(file.read_text().replace(" 7 7200", " 8 7200"))
    code, said = site.run("doctor", "--json")
    findings = {each["code"]: each for each in json.loads(said)["findings"]}
    # The file is ahead of both other servers and of the process that has not read it.
    assert set(findings) == {"not-reloaded", "serial-behind", "lame-server"}
    assert code == 1
    assert "ns2.example.test." in findings["lame-server"]["says"]
    # The running server goes by what it serves.
    code, said = site.run("ctl", "doctor", "example.test")
    assert "is lame: asked for the SOA, it says REFUSED" in said
    assert "1 errors, 0 warnings" in said
    assert code == 1


def test_zone_that_is_not_served(site: Site) -> None:
    code, said = site.run("ctl", "doctor", "other.test")
    assert code == 1
    assert "zone other.test. is not served" in said
