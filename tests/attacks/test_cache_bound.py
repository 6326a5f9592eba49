"""Memory stays bounded under floods of names, and what is popular stays (C03)."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAMES = 150_000
SIZE_OCTETS = 6 << 20
OVER = 1.3


@pytest.fixture(scope="module")
def phases() -> list[dict]:
    """The floods of tests/bench/memory.py, in a process of their own: what tests before this one
    have left behind would count."""
    command = [sys.executable, "-m", "tests.bench.memory", "--json"]
    command += ["--names", str(NAMES), "--size", str(SIZE_OCTETS)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def test_ten_times_the_cache_is_asked_for(phases):
    names = phases[0]
    assert names["charged"] * names["queries"] / names["entries"] > 10 * SIZE_OCTETS


@pytest.mark.parametrize("number", [0, 1, 2])
def test_resident_memory_stays_within_the_bound(phases, number):
    phase = phases[number]
    assert phase["charged"] <= SIZE_OCTETS
    assert phase["resident"] <= SIZE_OCTETS * OVER, phase["flood"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_popular_name_is_always_a_hit(phases, number):
    phase = phases[number]
    assert phase["popular_hits"] >= 0.99 * phase["popular_asked"] > 0, phase["flood"]
