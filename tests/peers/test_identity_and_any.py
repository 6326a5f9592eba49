"""dig asks a running server who it is (RFC 5001, RFC 4892), and for everything (RFC 8482)."""

import re
import shutil
from pathlib import Path

import pytest
from transfer_peers import dig, rootward

pytestmark = [
    pytest.mark.peer,
    pytest.mark.loopback,
    pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed"),
]

ZONE = """$TTL 300
@ SOA ns1 host 1 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.1
fat A 192.0.2.2
fat AAAA 2001:db8::2
fat HINFO "a" "b"
fat MX 10 ns1
"""
FAT = "".join(f'fat TXT "{number:03}{"x" * 240}"\n' for number in range(20))
SERVED = '[recursion]\nenabled = false\n[[zone]]\nname = "any.test"\nfile = "any.zone"\n'
CHAOS = ("id.server", "hostname.bind", "version.bind", "version.server")


def config(directory: Path, server: str = "") -> str:
    (directory / "any.zone").write_text(ZONE + FAT)
    return server + SERVED


def size(told: str) -> int:
    found = re.search(r"MSG SIZE  rcvd: (\d+)", told)
    assert found, told
    return int(found[1])


def test_who_answers_is_told_when_it_is_configured(tmp_path: Path) -> None:
    told = config(tmp_path, 'identity = "worker-7"\nversion = "some server"\n')
    with rootward(tmp_path, told) as port:
        assert '("worker-7")' in dig(port, "+nsid", "any.test", "SOA")
        assert "NSID" not in dig(port, "any.test", "SOA"), "only who asks is told"
        for name in CHAOS:
            expected = "some server" if "version" in name else "worker-7"
            assert dig(port, "+short", name, "CH", "TXT") == f'"{expected}"\n'


def test_who_answers_is_hidden_by_default(tmp_path: Path) -> None:
    with rootward(tmp_path, config(tmp_path)) as port:
        assert "NSID" not in dig(port, "+nsid", "any.test", "SOA")
        for name in CHAOS:
            told = dig(port, name, "CH", "TXT")
            assert "status: REFUSED" in told
            assert "ANSWER: 0" in told


def test_any_is_small_over_udp_and_complete_over_tcp(tmp_path: Path) -> None:
    with rootward(tmp_path, config(tmp_path)) as port:
        over_udp = dig(port, "+notcp", "+ignore", "fat.any.test", "ANY")
        assert size(over_udp) < 512
        assert "ANSWER: 1," in over_udp
        over_tcp = dig(port, "+tcp", "fat.any.test", "ANY")
        assert "ANSWER: 24," in over_tcp
        assert "\ttc" not in over_udp


@pytest.mark.parametrize(
    ("setting", "over_udp", "over_tcp"),
    [("full", "ANSWER: 4,", "ANSWER: 24,"), ("hinfo", "ANSWER: 1,", "ANSWER: 1,")],
)
def test_any_as_configured(tmp_path: Path, setting: str, over_udp: str, over_tcp: str) -> None:
    with rootward(tmp_path, config(tmp_path, f'any = "{setting}"\n')) as port:
        told = dig(port, "+notcp", "+ignore", "fat.any.test", "ANY")
        assert over_udp in told
        assert (" tc" in told.split("flags:")[1].split(";")[0]) == (setting == "full")
        assert ("RFC8482" in told) == (setting == "hinfo")
        assert over_tcp in dig(port, "+tcp", "fat.any.test", "ANY")
