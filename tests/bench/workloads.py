"""What is asked: zones, queries, and dnsperf, which plays them.

`hit`: 10,000 names that are cached, uniformly. `auth`: the same names in own zones. `mix`: 200
zones, drawn as in real life (Zipf): addresses of both kinds, MX, names that do not exist, a long
tail; nothing is cached at the start. `miss`: every name is new and has to be asked for.

Each is played over each transport: UDP, TCP, UDP with EDNS and the DO bit, IPv6, and UDP with a
client cookie (RFC 7873). Knows: dnsperf. Does not know: servers.
"""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from resolver import names
from resolver.codes import RRType
from resolver.model import Edns, Question
from resolver.wire.build import build_query
from tests.bench.processes import IPV4, IPV6, Process, answers

HOSTS = 10_000
ZONES = 200
HOT_QUERIES = 100_000
MIX_QUERIES = 200_000
MISS_QUERIES = 600_000
LOAD_CORE = 1
_COOKIE = "10:0011223344556677"

TRANSPORTS: dict[str, list[str]] = {
    "udp": ["-s", IPV4],
    "tcp": ["-s", IPV4, "-m", "tcp"],
    "edns": ["-s", IPV4, "-e", "-D"],
    "ipv6": ["-s", IPV6],
    "cookie": ["-s", IPV4, "-e", "-E", _COOKIE],
}


@dataclass(frozen=True, slots=True)
class Workload:
    """What is played. `warm` if all of it is asked once before the clock starts."""

    name: str
    queries: Callable[[Random], list[str]]
    in_flight: int
    warm: bool = False
    recursive: bool = True


@dataclass(frozen=True, slots=True)
class Played:
    """One round with one server. Microseconds of CPU per answered query, the user part of it;
    `right` is the share of queries that got NOERROR or NXDOMAIN."""

    us: float
    user_us: float
    qps: float
    right: float
    latency_ms: float
    resident_mib: float


def _hot(draw: Random) -> list[str]:
    return [f"h{draw.randrange(HOSTS)}.example.com A" for _ in range(HOT_QUERIES)]


def _mixed(draw: Random) -> list[str]:
    found = []
    for _ in range(MIX_QUERIES):
        zone = f"z{min(int(draw.paretovariate(1.0)) - 1, ZONES - 1)}.test"
        share = draw.random()
        if share < 0.45:
            found.append(f"www.{zone} A")
        elif share < 0.70:
            found.append(f"www.{zone} AAAA")
        elif share < 0.80:
            found.append(f"{zone} MX")
        elif share < 0.85:
            found.append(f"nope{draw.randrange(50)}.mail.{zone} A")
        else:
            found.append(f"n{min(int(draw.paretovariate(0.6)), 10**6)}.{zone} A")
    return found


def _new(draw: Random) -> list[str]:
    run = f"{draw.getrandbits(24):06x}"
    return [f"n{run}{i}.u.example.com A" for i in range(MISS_QUERIES)]


WORKLOADS = {
    "hit": Workload("hit", _hot, in_flight=1000, warm=True),
    "mix": Workload("mix", _mixed, in_flight=200),
    "miss": Workload("miss", _new, in_flight=100),
    "auth": Workload("auth", _hot, in_flight=1000, warm=True, recursive=False),
}


def write_zones(folder: Path) -> Path:
    """The zones as files named by them; their folder."""
    zones = folder / "zones"
    zones.mkdir()
    soa = "@ IN SOA ns1 host 1 7200 3600 1209600 3600\n@ NS ns1\n"
    lines = ["$ORIGIN example.com.\n$TTL 86400\n", soa, "ns1 A 127.0.0.1\n*.u A 10.9.9.9\n"]
    lines.append('@ MX 10 h1\n@ TXT "v=spf1 -all"\n')
    for i in range(HOSTS):
        address = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
        lines.append(f"h{i} A {address}\nh{i} AAAA 2001:db8::{i:x}\n")
    (zones / "example.com").write_text("".join(lines))
    for i in range(ZONES):
        (zones / f"z{i}.test").write_text(
            f"$ORIGIN z{i}.test.\n$TTL 3600\n{soa}@ NS ns2\nns1 A 127.0.0.1\nns2 A 127.0.0.1\n"
            f"@ MX 10 mail\nmail A 10.1.1.1\nwww CNAME web\nweb A 10.2.0.{i % 250}\n"
            f"web A 10.3.0.{i % 250}\nweb AAAA 2001:db8:{i:x}::1\n* A 10.7.7.7\n"
        )
    return zones


def write_queries(folder: Path) -> None:
    """A file for dnsperf per workload."""
    for workload in WORKLOADS.values():
        draw = Random(os.urandom(8) if workload.name == "miss" else 7)
        (folder / workload.name).write_text("\n".join(workload.queries(draw)) + "\n")


def knows_hosts(process: Process) -> bool:
    """Whether a server answers the first query rightly."""
    question = Question(names.read("h1.example.com."), RRType.A)
    packet = build_query(1, question, edns=Edns(), recursion_desired=True)
    return answers(packet, lambda reply: b"\x0a\0\0\1" in reply)(process)


def echoes(process: Process) -> bool:
    """Whether the floor has begun."""
    return answers(b"\0\0\0", lambda reply: len(reply) == 3)(process)


def play(process: Process, file: Path, options: list[str]) -> Played:
    """Let dnsperf ask what is in the file."""
    before = process.cpu()
    told = perform(process.port, file, options)
    used = process.cpu() - before
    completed = _number(told, "Queries completed") or 1
    right = sum(int(count) for count in re.findall(r"(?:NOERROR|NXDOMAIN) (\d+)", told))
    return Played(
        used.both / completed * 1e6,
        used.user / completed * 1e6,
        _number(told, "Queries per second"),
        right / completed,
        _number(told, r"Average Latency \(s\)") * 1e3,
        process.resident_octets() / (1 << 20),
    )


def perform(port: int, file: Path, options: list[str]) -> str:
    """What dnsperf prints; it runs on a processor of its own."""
    load = ["taskset", "-c", str(LOAD_CORE), "dnsperf", "-T", "1", "-p", str(port), "-d", str(file)]
    return subprocess.run([*load, *options], capture_output=True, text=True, check=True).stdout


def _number(told: str, what: str) -> float:
    found = re.search(rf"{what}:\s+([\d.]+)", told)
    return float(found[1]) if found else 0.0
