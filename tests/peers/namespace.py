"""A network of one's own: loopback, and every address of two prefixes that are for tests.

Nothing that runs in there can send a packet to anybody else. `enter` starts a script again inside
of one, `make_addresses_local` prepares it. Knows: unshare(1), ip(8).
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

NONLOCAL_BIND = Path("/proc/sys/net/ipv6/ip_nonlocal_bind")
# RFC 2544 (benchmarks) and RFC 3849 (documentation).
NETWORKS = ("198.18.0.0/15", "2001:db8::/32")


def make_addresses_local() -> None:
    """Bring loopback up, with every address of NETWORKS on it. Only inside a namespace."""
    for words in (
        ("link", "set", "lo", "up"),
        *(("route", "add", "local", network, "dev", "lo") for network in NETWORKS),
    ):
        subprocess.run(["ip", *words], check=True)
    # Unlike IPv4, IPv6 does not take the route for permission to bind.
    NONLOCAL_BIND.write_text("1")


def enter(script: Path, *words: str) -> list[str]:
    """The command that runs a Python script in a namespace of its own."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return ["unshare", "--net", *as_root, sys.executable, str(script), *words]


@cache
def why_not() -> str:
    """What keeps us from making a namespace; empty when nothing does."""
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    tried = subprocess.run(
        ["unshare", "--net", *as_root, "ip", "link", "set", "lo", "up"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no network namespace: {tried.stderr.strip()}" if tried.returncode else ""


def need_namespace() -> None:
    """Skip the test where there are no namespaces."""
    if reason := why_not():
        pytest.skip(reason)
