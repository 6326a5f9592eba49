"""Twenty thousand queries as other servers see them: ports, ids and case (RFC 5452 section 9).

The bounds stand so far from what chance does that these tests fail only for a reason: each says
how far in standard deviations.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from resolver import names
from resolver.config.schema import OutgoingSettings
from resolver.effects import Ask
from resolver.metrics import Metrics
from resolver.model import Address, Question
from resolver.net.entropy import LOWEST_PORT
from resolver.net.job import Limits
from resolver.net.run import Driver

pytestmark = pytest.mark.loopback

DRAWS = 20_000
AT_ONCE = 100
BINS = 64
PORTS = 65_536 - LOWEST_PORT
IDS = 65_536
NAME = "the-quick-brown-fox-jumps-over-the-lazy-dog.example.org."


class Capture(asyncio.DatagramProtocol):
    """Keeps every query with the port it came from, and answers each with nothing but QR."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append((addr[1], data))
        self.transport.sendto(data[:2] + b"\x80" + data[3:], addr)


async def capture(count: int) -> list[tuple[int, bytes]]:
    """Ask so often, one question after the other on each of AT_ONCE ways."""
    loop = asyncio.get_running_loop()
    transport, seen = await loop.create_datagram_endpoint(Capture, local_addr=("127.0.0.1", 0))
    server = Address(*transport.get_extra_info("sockname"))
    question = Question(names.read(NAME), 1)
    driver = Driver(OutgoingSettings(), Metrics(), limits=Limits(client_jobs=AT_ONCE, job_s=60.0))
    ended: list[object] = []

    def ask_again_and_again():
        for _ in range(count // AT_ONCE):
            yield Ask(server, question, 5.0, edns_size=None)

    for _ in range(AT_ONCE):
        driver.start(ask_again_and_again(), ended.append)
    while len(ended) < AT_ONCE:  # noqa: ASYNC110 - engines have no event
        await asyncio.sleep(0.01)
    driver.close()
    transport.close()
    return seen.seen


@pytest.fixture(scope="module")
def queries() -> list[tuple[int, bytes]]:
    captured = asyncio.run(capture(DRAWS))
    assert len(captured) == DRAWS
    return captured


@pytest.fixture(scope="module")
def ports(queries) -> list[int]:
    return [port for port, _ in queries]


@pytest.fixture(scope="module")
def ids(queries) -> list[int]:
    return [int.from_bytes(packet[:2], "big") for _, packet in queries]


def chi_square(values: Sequence[int], lowest: int, width: int) -> float:
    """Against a uniform distribution over BINS bins: 63 on average, 11 its deviation."""
    bins = Counter((value - lowest) * BINS // width for value in values)
    expected = len(values) / BINS
    return sum((bins[b] - expected) ** 2 / expected for b in range(BINS))


def correlation(values: Sequence[int], other: Sequence[int]) -> float:
    """Pearson's; 0 on average for independent values, 0.007 its deviation for so many."""
    n = len(values)
    mean, other_mean = sum(values) / n, sum(other) / n
    pairs = list(zip(values, other, strict=True))
    covariance = sum((a - mean) * (b - other_mean) for a, b in pairs)
    spread = sum((a - mean) ** 2 for a in values) * sum((b - other_mean) ** 2 for b in other)
    return covariance / spread**0.5


def test_ports_cover_the_whole_range(ports):
    """Uniform draws give 17,200 distinct ones, deviation 60; the kernel's own choice 14,300."""
    assert min(ports) >= LOWEST_PORT
    assert len(set(ports)) >= 16_000


def test_ids_cover_the_whole_range(ids):
    assert len(set(ids)) >= 16_000


def test_ports_and_ids_are_uniform(ports, ids):
    assert chi_square(ports, LOWEST_PORT, PORTS) < 200  # 12 deviations
    assert chi_square(ids, 0, IDS) < 200
    assert chi_square([i & 0xFF for i in ids], 0, 256) < 200  # their lower octet too


def test_nothing_follows_from_the_query_before(ports, ids):
    for lag in (1, 2, AT_ONCE):  # 7 deviations; in order of time, and on one way
        assert abs(correlation(ports[:-lag], ports[lag:])) < 0.05
        assert abs(correlation(ids[:-lag], ids[lag:])) < 0.05
    assert abs(correlation(ports, ids)) < 0.05


def test_each_letter_is_in_either_case_as_often(queries):
    letters = [i for i, octet in enumerate(names.read(NAME)) if chr(octet).isalpha()]
    upper = Counter(i for _, packet in queries for i in letters if packet[12 + i] < 0x60)
    for i in letters:
        assert abs(upper[i] - DRAWS / 2) < 700  # 10 deviations
    # With 45 letters queries are spelled alike.
    assert len({packet[12 : 12 + len(NAME) + 1] for _, packet in queries}) == DRAWS


STANDING_CLOCK = """
import time
time.time = time.monotonic = time.perf_counter = lambda: 0.0
time.time_ns = time.monotonic_ns = time.perf_counter_ns = lambda: 0
from resolver.net.entropy import Entropy
entropy = Entropy()
print([entropy.number() for _ in range(4)], entropy.mix_case(b"abcdefgh" * 4))
"""


def test_no_two_starts_are_alike_at_the_same_instant():
    command = [sys.executable, "-c", STANDING_CLOCK]
    starts = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert starts[0] != starts[1]
