"""Servers that share a secret share their cookies, whoever made them (RFC 9018): ours and BIND."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import peer_servers
import pytest
from transfer_peers import LOOPBACK, child, dig, need, rootward, serial, wait_for

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

SECRET, ANOTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
ZONE = "$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\n"
SERVED = '[[zone]]\nname = "cookie.test"\nfile = "cookie.test.zone"\n'
_MADE = re.compile(r"COOKIE: ([0-9a-f]{48})\b")


@contextmanager
def ours(folder: Path, secret: str = SECRET) -> Iterator[int]:
    """A server of ours that wants its cookies back; its port."""
    folder.mkdir()
    (folder / "cookie.test.zone").write_text(ZONE)
    (folder / "secret").write_text(f"{secret}\n")
    (folder / "secret").chmod(0o600)
    cookies = '[cookies]\nrequired = true\nsecret_file = "secret"\n'
    with rootward(folder, f"{cookies}[recursion]\nenabled = false\n{SERVED}") as port:
        yield port


@contextmanager
def bind(folder: Path) -> Iterator[int]:
    """BIND with the same secret and wish; its port."""
    need("bind")
    folder.mkdir()
    (folder / "cookie.test.zone").write_text(ZONE)
    config = folder / "named.conf"
    for _ in range(peer_servers.MAX_STARTS):
        port = peer_servers.free_port()
        config.write_text(
            f'options {{ directory "{folder}"; pid-file none; session-keyfile "{folder}/s.key";\n'
            f"listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }}; recursion no;\n"
            f'cookie-algorithm siphash24; cookie-secret "{SECRET}"; require-server-cookie yes;\n'
            "dnssec-validation no; };\ncontrols { };\n"
            'zone "cookie.test" { type primary; file "cookie.test.zone"; };\n'
        )
        log = folder / "named.log"
        with child(["named", "-g", "-n", "1", "-c", str(config)], log) as process:
            wait_for(partial(_has_ended_or_serves, process, port))
            if process.poll() is None:
                yield port
                return
    raise AssertionError(log.read_text()[-2000:])


def _has_ended_or_serves(process: "subprocess.Popen[bytes]", port: int) -> bool:
    return process.poll() is not None or serial(port, "cookie.test") is not None


def cookie_of(port: int) -> str:
    """The cookie that a server makes for us, with the client's part in front."""
    found = _MADE.search(dig(port, "+cookie", "cookie.test", "SOA"))
    assert found
    return found[1]


def status(port: int, cookie: str) -> str:
    """What a server says to who has that cookie."""
    told = dig(port, f"+cookie={cookie}", "+nobadcookie", "cookie.test", "SOA")
    return re.findall(r"status: (\w+)", told)[0]


def test_a_second_server_of_ours_accepts_it(tmp_path: Path) -> None:
    need("bind")  # for dig
    with ours(tmp_path / "one") as one, ours(tmp_path / "two") as two:
        assert status(two, cookie_of(one)) == "NOERROR"
        with ours(tmp_path / "three", ANOTHER) as three:
            assert status(three, cookie_of(one)) == "BADCOOKIE"


def test_bind_and_we_accept_each_others(tmp_path: Path) -> None:
    with ours(tmp_path / "ours") as here, bind(tmp_path / "bind") as there:
        made_here, made_there = cookie_of(here), cookie_of(there)
        assert status(there, made_here) == "NOERROR"
        assert status(here, made_there) == "NOERROR"
        for cookie in (made_here, made_there):
            forged = cookie[:-1] + ("1" if cookie[-1] == "0" else "0")
            assert status(there, forged) == status(here, forged) == "BADCOOKIE"
