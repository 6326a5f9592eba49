"""What a query costs when there is more of something: entries in the cache, zones, records in a
zone, prefixes in access lists, local names.

Without sockets and in microseconds of CPU: the way of one query from its octets to the octets of
its reply, drawn at random from all names there are. `hit` is answered from finished packets, `full`
is what no finished packet was found for: parsed, looked up, built. Each size has a process of its
own, so that nothing of a former one is in the way; best of some runs.

Knows: sizes and axes. Does not know: sockets.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from random import Random
from statistics import median
from typing import Any

from resolver import Config, Server, names
from resolver.cache.answers import Answers
from resolver.codes import RRClass, RRType
from resolver.model import Question, Rank, RRset
from resolver.policy.acl import AccessTable
from resolver.serve.fast import FastPath
from resolver.wire.build import build_query
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text
from tests.bench.parts import BITS, SLOTS, Received, filled

PEER = bytes((127, 0, 0, 1))
ASKED = 2_000
RUNS = 5
FIRST = int(ip_address("11.0.0.0"))
TTL_S = 86_400
POWERS = {
    "cache": (3, 4, 5, 6),
    "zones": (0, 1, 2, 3, 4, 5),
    "records": (3, 4, 5, 6),
    "prefixes": (1, 2, 3, 4, 5),
    "locals": (1, 2, 3, 4, 5),
}
TITLES = {
    "cache": "entries in the cache",
    "zones": "zones",
    "records": "records in a zone",
    "prefixes": "prefixes in an access list",
    "locals": "local names",
}
SOA = "@ 3600 SOA ns host 1 3600 600 864000 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"


def packet(name: str) -> bytes:
    """A query as a stub sends it."""
    question = Question(names.read(name), RRType.A)
    return build_query(1, question, edns=None, recursion_desired=True)


def best_us(operation: Callable[[], object], count: int) -> float:
    """The fastest of some runs, per query."""
    best_s = float("inf")
    for _ in range(RUNS):
        gc.collect()
        began = time.process_time()
        operation()
        best_s = min(best_s, time.process_time() - began)
    return best_s / count * 1e6


def hit_us(answers: Answers, entries: int) -> dict[str, float]:
    """Finished packets, other ones in each run: the first of its second, which puts the packet at
    hand with the TTLs of this second, and the next one."""
    fast = FastPath(answers, lambda _: BITS)
    firsts: list[float] = []
    nexts: list[float] = []
    for run in range(RUNS * 2):
        batches = [Received(entries, seed=run * 1000 + i) for i in range(ASKED // SLOTS // 2)]
        count = len(batches) * SLOTS
        for taken in (firsts, nexts):
            began = time.process_time()
            for batch in batches:
                if fast.answer_batch(batch, run + 0.5):
                    raise AssertionError("not all of them were hits")
            taken.append((time.process_time() - began) / count * 1e6)
    return {"hit, first of a second": median(firsts), "hit": median(nexts)}


def full_us(server: Server, packets: Sequence[bytes]) -> float:
    """The full path. Finished packets are made, as always, but nobody looks for them."""
    service = server.service

    def serve() -> None:
        for asked in packets:
            if not isinstance(service.respond(asked, PEER, stream=False), bytes):
                raise AssertionError("there was no reply at once")

    serve()
    return best_us(serve, len(packets))


def cache(size: int) -> dict[str, float]:
    """RRsets and finished packets in the caches of a resolver."""
    server = _server({"cache": {"size": 4 << 30, "snapshot": False}})
    assert server.recursion is not None
    rrsets = server.recursion.rrsets
    now = server.clock.now()
    for i in range(size):
        rrset = RRset(names.read(f"h{i}.example.com."), RRType.A, RRClass.IN, TTL_S, (PEER,))
        rrsets.learn(rrset, Rank.AUTHORITATIVE_ANSWER, now=now)
    full = full_us(server, [packet(f"h{i}.example.com.") for i in _drawn(size)])
    del server, rrsets
    return {"full": full, **hit_us(filled(size), size)}


def zones(size: int) -> dict[str, float]:
    """Zones of a primary server."""
    content = [_zone(f"z{i}.test.", f"{SOA}www 300 A 192.0.2.7\n") for i in range(size)]
    server = _server({"recursion": {"enabled": False}}, content)
    return {"full": full_us(server, [packet(f"www.z{i}.test.") for i in _drawn(size)])}


def records(size: int) -> dict[str, float]:
    """Records in one zone."""
    hosts = "".join(f"h{i} 300 A 192.0.2.7\n" for i in range(size))
    server = _server({"recursion": {"enabled": False}}, [_zone("big.test.", SOA + hosts)])
    present = [packet(f"h{i}.big.test.") for i in _drawn(size)]
    absent = [packet(f"x{i}.big.test.") for i in _drawn(size)]
    return {"full": full_us(server, present), "no such name": full_us(server, absent)}


def prefixes(size: int) -> dict[str, float]:
    """Prefixes in access lists, and a client that was not seen before each time: the verdict on one
    that was is remembered."""
    networks = [str(ip_network((FIRST + i * 256, 24))) for i in range(size)]
    clients = [(FIRST + i).to_bytes(4, "big") for i in Random(7).sample(range(size * 256), ASKED)]
    access = Config.model_validate({"access": {"query": networks, "recursion": networks}}).access
    best = float("inf")
    for _ in range(RUNS):
        table = AccessTable(access, ())
        began = time.process_time()
        for client in clients:
            table.bits(client)
        best = min(best, time.process_time() - began)
    return {"new client": best / len(clients) * 1e6}


def locals_(size: int) -> dict[str, float]:
    """Local names, and a query for one of them."""
    lines = [f"l{i}.home.test. 300 A 192.0.2.7" for i in range(size)]
    server = _server({"local": [{"records": lines}], "recursion": {"enabled": False}})
    return {"full": full_us(server, [packet(f"l{i}.home.test.") for i in _drawn(size)])}


AXES: dict[str, Callable[[int], dict[str, float]]] = {
    "cache": cache,
    "zones": zones,
    "records": records,
    "prefixes": prefixes,
    "locals": locals_,
}


def _server(settings: dict[str, Any], content: Sequence[Zone] = ()) -> Server:
    everything = {"access": {"recursion": ["any"]}, "cache": {"snapshot": False}} | settings
    return Server(Config.model_validate(everything), zones=content)


def _zone(origin: str, text: str) -> Zone:
    zone = read_zone_text(f"$ORIGIN {origin}\n{text}", names.read(origin)).zone
    assert zone is not None
    return zone


def _drawn(size: int) -> list[int]:
    draw = Random(7)
    return [draw.randrange(size) for _ in range(ASKED)]


def measure() -> dict[str, dict[str, list[list[float]]]]:
    """For each axis its lines of (size, microseconds); printed, too."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for axis, powers in POWERS.items():
        lines: dict[str, list[list[float]]] = {}
        for power in powers:
            command = [sys.executable, "-m", "tests.bench.growth", axis, str(10**power)]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for name, us in json.loads(told).items():
                lines.setdefault(name, []).append([10**power, us])
        found[axis] = lines
        for name, line in lines.items():
            steps = ", ".join(f"{size:,}: {us:.2f}" for size, us in line)
            print(f"  {TITLES[axis]:28} {name:12} {steps} us", flush=True)
    return found


if __name__ == "__main__":
    print(json.dumps(AXES[sys.argv[1]](int(sys.argv[2]))))
