"""Clients learn how long an idle TCP connection stays open (RFC 7828)."""

import asyncio
import shutil

import pytest

from resolver import Config, Server, names
from resolver.codes import EdnsOption, RRType
from resolver.model import Edns, EdnsOptionValue, Message, Question
from resolver.serve.keepalive import Keepalive
from resolver.serve.request import Request
from resolver.wire.edns import keepalive_s

ASKED = Edns(options=(EdnsOptionValue(EdnsOption.TCP_KEEPALIVE, b""),))
ZONE = "$ORIGIN example.test.\n@ 300 SOA ns host 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n"


def told(edns: Edns | None, *, stream: bool = True, idle_s: float = 10.0) -> float | None:
    """The seconds in the reply."""
    question = Question(names.read("example.test."), RRType.A)
    request = Request(Message(1, 0, [question], edns=edns), b"\x7f\0\0\1", 7, stream)
    assert Keepalive(idle_s)(request) is None
    return keepalive_s(Edns(options=tuple(request.options)))


@pytest.mark.parametrize(("idle_s", "seconds"), [(10.0, 10.0), (0.2, 0.2), (1e9, 6553.5)])
def test_client_that_asks_learns_the_configured_time(idle_s: float, seconds: float) -> None:
    assert told(ASKED, idle_s=idle_s) == pytest.approx(seconds)


def test_nothing_is_told_over_udp_or_unasked() -> None:
    assert told(ASKED, stream=False) is None
    assert told(Edns()) is None
    assert told(None) is None


def test_what_a_client_writes_into_it_is_passed_over() -> None:
    odd = Edns(options=(EdnsOptionValue(EdnsOption.TCP_KEEPALIVE, b"\1\2\3"),))
    assert told(odd) == 10.0


@pytest.mark.loopback
@pytest.mark.peer
async def test_dig_shows_the_configured_time() -> None:
    if shutil.which("dig") is None:
        pytest.skip("dig is not installed")
    config = Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "tcp_idle_timeout": "7s"},
            "recursion": {"enabled": False},
        }
    )
    async with Server(config, zone=ZONE) as server:
        address = server.addresses[0]
        for _ in range(2):  # the second one must not get a finished packet without the option
            dig = await asyncio.create_subprocess_exec(
                *("dig", f"@{address.ip}", "-p", str(address.port), "+tcp", "+keepalive"),
                "ns.example.test.",
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await dig.communicate()
            assert "TCP KEEPALIVE: 7.0 secs" in output.decode()
