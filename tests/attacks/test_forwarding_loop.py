"""Two servers that forward everything to each other: a question costs some packets, and then it is
over (bar 23)."""

import asyncio
import socket
from pathlib import Path

import pytest
from rig import client, until

from resolver import Config, Server
from resolver.codes import Rcode

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

# A server waits for a silent one eight times at most, and is asked again as often.
MOST = 40


def free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP at this moment."""
    found: list[int] = []
    while len(found) < count:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in found:
                found.append(port)
    return found


def forwarding(folder: Path, own: int, to: int) -> Server:
    """A server on one port that forwards all to another."""
    settings = {
        "server": {"listen": [f"127.0.0.1:{own}"], "state_dir": str(folder / str(own))},
        "recursion": {"max_time": 3.0},
        "forward": [{"name": ".", "to": [f"127.0.0.1:{to}"]}],
        "cache": {"snapshot": False},
        "control": {"socket": ""},
    }
    return Server(Config.model_validate(settings))


async def test_a_question_does_not_go_round_for_ever(tmp_path: Path) -> None:
    a, b = free_ports(2)
    async with forwarding(tmp_path, a, b) as first, forwarding(tmp_path, b, a) as second:
        with client(first.addresses[0]) as user:
            reply = await user.ask("www.example.com.")
            assert reply.rcode == Rcode.SERVFAIL
        for server in (first, second):
            driver = server.driver
            assert driver is not None
            await until(lambda driver=driver: driver.jobs == 0)
        seen = [server.metrics.queries_udp_total for server in (first, second)]
        assert 2 <= sum(seen) <= MOST
        await asyncio.sleep(0.2)
        assert [server.metrics.queries_udp_total for server in (first, second)] == seen
        assert first.metrics.exceptions_total == second.metrics.exceptions_total == 0
