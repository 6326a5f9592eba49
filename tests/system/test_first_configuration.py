"""What `rootward init` writes for each role is run, and answers; edited as its comments say."""

import shutil
import subprocess
import sys
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from resolver.app.cli import main
from resolver.app.exits import FAILED, OK
from resolver.model import Address
from tests.system.resolver_process import resolver_process

pytestmark = pytest.mark.loopback
TIMEOUT_S = 30.0


def written(folder: Path, role: str) -> str:
    """The configuration of a role, on a free port."""
    assert main(["init", role, "--directory", str(folder)]) == OK
    text = (folder / "config.toml").read_text()
    (listen,) = [line for line in text.splitlines() if line.startswith("listen = ")]
    assert "127.0.0.1:1053" in listen
    return text.replace(listen, 'listen = ["127.0.0.1:0"]')


def ask(address: Address, name: str = "www.example.test") -> dns.message.Message:
    return dns.query.udp(
        dns.message.make_query(name, "A"), address.ip, TIMEOUT_S, port=address.port
    )


def test_three_roles_work_together(tmp_path: Path) -> None:
    """A primary, its secondary with the same key, and a cache that asks the secondary."""
    primary, secondary, cache = (tmp_path / role for role in ("primary", "secondary", "cache"))
    with resolver_process(primary, written(primary, "primary")) as first:
        answer = ask(first)
        assert answer.answer[0][0].to_text() == "192.0.2.80"
        assert answer.flags & dns.flags.AA
        assert ask(first, "www.example.org").rcode() == dns.rcode.REFUSED

        secondary.mkdir()
        shutil.copy(primary / "transfer.key", secondary)
        text = written(secondary, "secondary")
        assert '{ address = "192.0.2.1", key' in text
        text = text.replace('"192.0.2.1", key', f'"127.0.0.1:{first.port}", key')
        with resolver_process(secondary, text) as second:
            assert refresh(secondary) == OK
            assert ask(second).answer == answer.answer
            assert ask(second).flags & dns.flags.AA

            to = f'[[stub]]\nname = "example.test"\nto = ["127.0.0.1:{second.port}"]\n'
            text = f"{written(cache, 'cache')}\n[recursion]\npriming = false\n{to}"
            with resolver_process(cache, text) as third:
                found = ask(third)
                assert found.answer == answer.answer
                assert found.flags & dns.flags.RA
                assert not found.flags & dns.flags.AA


def test_a_secondary_with_another_key_gets_nothing(tmp_path: Path) -> None:
    primary, secondary = tmp_path / "primary", tmp_path / "secondary"
    with resolver_process(primary, written(primary, "primary")) as first:
        text = written(secondary, "secondary")  # with a key of its own
        text = text.replace('"192.0.2.1", key', f'"127.0.0.1:{first.port}", key')
        with resolver_process(secondary, text) as second:
            assert refresh(secondary) == FAILED
            assert ask(second).rcode() == dns.rcode.SERVFAIL


def refresh(folder: Path) -> int:
    """Have the zone fetched now; the exit code when it is, or cannot be."""
    command = [sys.executable, "-m", "resolver", "ctl", "--config", str(folder / "config.toml")]
    return subprocess.run([*command, "zone", "refresh", "example.test"], check=False).returncode
