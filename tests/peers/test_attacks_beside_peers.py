"""Some attacks on us and on BIND and Unbound, in one run: packets are compared, never time.

The comparison itself is `python -m tests.bench.attacks`, which makes its own network namespace.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.testing.attacks import ATTACKS

ROOT = Path(__file__).parents[2]
PLAYED = (
    "CNAME chain without end",
    "that tree under each of eleven aliases (CAMP)",
    "13 name servers, all SERVFAIL",
    "10 name servers with 13 addresses, all REFUSED",
)
# Which server is asked first is a matter of dice.
MOST_OF_OTHERS = 1.5

pytestmark = [pytest.mark.peer, pytest.mark.loopback, pytest.mark.timeout(180)]


def why_not() -> str:
    """What keeps us from comparing; empty when nothing does."""
    for program in ("unshare", "ip", "named", "unbound"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    command = ["unshare", "-rn", "ip", "link", "set", "lo", "up"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"no network namespace: {tried.stderr.strip()}" if tried.returncode else ""


def test_attacks_cost_no_more_than_others_pay(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    figures = tmp_path / "figures.json"
    only = [word for name in PLAYED for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.bench.attacks", "--json", str(figures), *only]
    command += ["--resolvers", "rootward,bind,unbound"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    costs = json.loads(figures.read_text())["costs"]
    packets = {(cost["attack"], cost["resolver"]): cost["packets"] for cost in costs}
    most = {attack.name: attack.most for attack in ATTACKS}
    for name in PLAYED:
        ours = packets[name, "rootward"]
        others = min(packets[name, "bind"], packets[name, "unbound"])
        assert 2 <= ours <= most[name], done.stdout
        assert ours <= MOST_OF_OTHERS * others, done.stdout
