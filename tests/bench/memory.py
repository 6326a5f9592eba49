"""Memory under a flood of names: the whole service without sockets, its cache filled many times.

    python -m tests.bench.memory [--names 10000000] [--size 64MiB] [--json]

Three floods, one behind the other: names that exist, names that do not, and RRsets of 60 kB over
TCP. All the while one popular name is asked for now and then. What is printed is resident memory
beyond what the process had before the first query, and how often the popular name was a hit.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from resolver import Config, Server, names
from resolver.app.garbage import Garbage
from resolver.codes import Flag, Rcode, RRClass, RRType
from resolver.config.units import read_size
from resolver.effects import Ask, Effect, Finished, Outcome, Reply, Spawn, Started, Steps
from resolver.model import Message, Question, RRset
from resolver.serve.fast import FastPath
from resolver.wire.build import build_query

ZONE = b"\4test\0"
POPULAR = names.read("popular.test.")
POPULAR_EVERY = 200
PEER = b"\x7f\0\0\1"
TTL_S = 3600
WARM_UP = 2000
SOA_DATA = b"\2ns\4test\0\4host\4test\0" + (7).to_bytes(4, "big") + (3600).to_bytes(4, "big") * 4
# As many records as are kept, and together what TCP just carries.
LARGE_RECORDS = 100
LARGE_DATA_OCTETS = 590


@dataclass
class Phase:
    """One flood. `resident` and `charged` in octets; `evicted` counts RRsets."""

    flood: str
    queries: int
    resident: int
    charged: int
    entries: int
    popular_asked: int
    popular_hits: int
    microseconds: float


def answer(ask: Ask) -> Outcome:
    """What the only server there is says: about names that begin with x that they do not exist."""
    question = ask.question
    first = question.qname[1:2].lower()
    message = Message(0, Flag.QR | Flag.AA, [question])
    if first == b"x":
        message.rcode = Rcode.NXDOMAIN
        message.authority = [RRset(ZONE, RRType.SOA, RRClass.IN, TTL_S, (SOA_DATA,))]
    elif question.qtype == RRType.TXT:
        data = bytes(LARGE_DATA_OCTETS)
        rdatas = tuple(i.to_bytes(2, "big") + data for i in range(LARGE_RECORDS))
        message.answer = [RRset(question.qname, RRType.TXT, RRClass.IN, TTL_S, rdatas)]
    else:
        rdata = hash(question.qname).to_bytes(8, "big", signed=True)[:4]
        message.answer = [RRset(question.qname, RRType.A, RRClass.IN, TTL_S, (rdata,))]
    return Reply(message, 0.001, 100)


def drive(steps: Steps[bytes | None]) -> bytes | None:
    """Run an engine and its sub-questions to the end, without waiting for anything."""
    stack: list[Steps[object]] = [steps]
    outcome: Outcome | None = None
    while True:
        try:
            effect: Effect = stack[-1].send(outcome)  # type: ignore[arg-type]
        except StopIteration as end:
            stack.pop()
            if not stack:
                return end.value  # type: ignore[no-any-return]
            outcome = Finished(end.value)
            continue
        if isinstance(effect, Ask):
            outcome = answer(effect)
        elif isinstance(effect, Spawn):
            drive(effect.start())
            outcome = Started()
        else:
            stack.append(effect.start())  # type: ignore[union-attr]
            outcome = None


class Flood:
    """A service, and what was asked of it."""

    def __init__(self, size_octets: int) -> None:
        config = Config.model_validate(
            {
                "cache": {"size": size_octets, "snapshot": False},
                "stub": [{"name": "test.", "to": ["192.0.2.1"]}],
                "access": {"recursion": ["any"]},
                "recursion": {"special_names": False},
            }
        )
        server = Server(config)
        assert server.recursion is not None
        self.recursion = server.recursion
        self.service = server.service
        self.clock = server.clock
        self.fast = FastPath(self.service.answers, self.service.access.bits)
        self.asked = self.hits = 0
        self.base = 0
        Garbage(server.metrics).start()

    def ask(self, name: bytes, rrtype: int, *, stream: bool = False) -> bool:
        """Ask one question as a listener would; whether no server had to be asked."""
        packet = build_query(1, Question(name, rrtype), edns=None, recursion_desired=True)
        bits = self.service.access.bits(PEER)
        if self.fast.hit(packet, PEER, bits, self.clock.now(), stream=stream):
            return True
        reply = self.service.respond(packet, PEER, stream=stream)  # type: ignore[call-overload]
        if isinstance(reply, bytes):
            return True
        assert drive(reply)
        return False

    def popular(self) -> None:
        """Ask for the popular name."""
        self.asked += 1
        self.hits += self.ask(POPULAR, RRType.A)

    def run(self, flood: str, count: int, letter: bytes, rrtype: int) -> Phase:
        """One flood of distinct names."""
        self.asked = self.hits = 0
        self.popular()
        self.asked = self.hits = 0
        began = time.perf_counter()
        for i in range(count):
            label = letter + b"%x" % (i * 2654435761 & 0xFFFFFFFF)
            self.ask(bytes((len(label),)) + label + ZONE, rrtype, stream=rrtype == RRType.TXT)
            if i % POPULAR_EVERY == 0:
                self.popular()
        took_s = time.perf_counter() - began
        recursion = self.recursion
        caches = (recursion.rrsets, recursion.negatives, recursion.delegations)
        return Phase(
            flood,
            count,
            resident_octets() - self.base,
            self.service.answers.octets + sum(cache.octets for cache in caches),
            self.service.answers.entries + sum(len(cache) for cache in caches),
            self.asked,
            self.hits,
            took_s / count * 1e6,
        )


def resident_octets() -> int:
    """Memory of this process that is in RAM."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/smaps_rollup has no Rss")


def phases(count: int, size_octets: int) -> Iterator[Phase]:
    """The floods, each as soon as it is over."""
    flood = Flood(size_octets)
    for i in range(WARM_UP):
        flood.ask(b"\5" + b"%05d" % i + ZONE, RRType.A)
    flood.recursion.rrsets.clear()
    flood.service.answers.drop_all()
    flood.base = resident_octets()
    yield flood.run("names", count, b"n", RRType.A)
    yield flood.run("names that do not exist", count // 3, b"x", RRType.A)
    yield flood.run("large RRsets", count // 300, b"t", RRType.TXT)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Memory under a flood of names.")
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--size", type=read_size, default=64 << 20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for phase in phases(arguments.names, arguments.size):
        if arguments.json:
            print(json.dumps(asdict(phase)), flush=True)
            continue
        share = phase.resident / arguments.size
        print(
            f"{phase.flood:24} {phase.queries:10,} queries  resident {phase.resident >> 20:5} MiB"
            f" ({share:4.0%} of cache.size), charged {phase.charged >> 20:5} MiB in"
            f" {phase.entries:9,} entries, popular name hit {phase.popular_hits}"
            f" of {phase.popular_asked}, {phase.microseconds:.0f} us a query",
            flush=True,
        )


if __name__ == "__main__":
    main()
