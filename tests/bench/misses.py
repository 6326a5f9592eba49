"""What a cache miss costs without sockets: from the query's octets to the reply's.

    python -m tests.bench.misses [--profile]

Every name is new and costs one upstream ask, of a stub zone among many, as in the workload `miss`
of the comparison: the service, the engines, reading the upstream reply, the caches, the finished
packet. What the driver does with sockets, timers and random numbers is left out: here an ask ends
at once. CPU time, so that it means something on a busy machine; the best of some runs.

`--profile` tells in which functions it goes.
"""

import argparse
import cProfile
import gc
import time
from itertools import count
from random import Random

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import Flag, RRType
from resolver.config.recorder import RecorderSettings
from resolver.config.schema import (
    AccessSettings,
    CacheSettings,
    OutgoingSettings,
    RecursionSettings,
)
from resolver.effects import Ask, Finished, Outcome, Reply, Steps, Sub
from resolver.iterate.priming import builtin_hints
from resolver.iterate.route import Route, Routes
from resolver.metrics import Metrics
from resolver.model import Address, Edns, Message, Question, RRset
from resolver.net.clock import SystemClock
from resolver.policy.acl import AccessTable
from resolver.policy.cookies import ServerCookies
from resolver.resolve import Recursion
from resolver.serve.cookies import CookieCheck
from resolver.serve.home import Home
from resolver.serve.observe import Observers
from resolver.serve.pipeline import handlers
from resolver.serve.recorder import Recorder
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.serve.tally import Tally
from resolver.wire.build import build, build_query
from resolver.wire.parse import parse
from resolver.zone.store import ZoneStore

ZONES = 200
PEER = b"\x7f\0\0\1"
SERVER = Address("127.0.0.1", 5501)
OWNER = names.read("u.example.com.")
MISSES = 2000
RUNS = 9
RTT_S = 0.0004

_numbers = count()


def service() -> Service:
    """One that sends everything below example.com to one server."""
    clock = SystemClock()
    zones = ["example.com.", *(f"z{i}.test." for i in range(ZONES))]
    routes = [Route(names.read(zone), (SERVER,), "stub") for zone in zones]
    many = 1_000_000  # names here begin faster than any server is asked in truth
    recursion = Recursion(
        recursion=RecursionSettings(
            priming=False,
            prefetch=False,
            qname_minimisation="off",
            do_not_query=(),
            special_names=False,
            max_ask_rate_per_server=many,
            max_fetch_rate_per_zone=many,
        ),
        outgoing=OutgoingSettings(),
        cache=CacheSettings(size=256 << 20),
        hints=builtin_hints(),
        clock=clock,
        rng=Random(7),
        routes=routes,
        local=Home(routes=Routes(routes)),
    )
    metrics = Metrics()
    cookies = ServerCookies((bytes(16),), clock)
    return Service(
        order=handlers(
            ZoneStore(),
            recursion,
            identity=Identity(),
            metrics=metrics,
            minimal=True,
            cookies=CookieCheck(cookies),
        ),
        access=AccessTable(AccessSettings(), ()),
        answers=Answers(256 << 20),
        identity=Identity(),
        clock=clock,
        metrics=metrics,
        recursion=True,
        on_exception=lambda fault: None,
        cookies=cookies,
        observer=Observers(tally=Tally(), recorder=Recorder(RecorderSettings(), clock)),
    )


def packets(misses: int) -> list[tuple[bytes, bytes]]:
    """Queries for names never seen before, each with what the server says of it."""
    made = []
    for _ in range(misses):
        label = f"n3f9a1c{next(_numbers)}".encode()
        question = Question(bytes((len(label),)) + label + OWNER, int(RRType.A))
        reply = Message(
            7,
            Flag.QR | Flag.AA,
            [question],
            [RRset(question.qname, RRType.A, 1, 86400, (bytes((10, 9, 9, 9)),))],
            [RRset(names.read("example.com."), RRType.NS, 1, 86400, (b"\3ns1\7example\3com\0",))],
            [RRset(b"\3ns1\7example\3com\0", RRType.A, 1, 86400, (bytes((127, 0, 0, 1)),))],
            Edns(),
        )
        made.append((build_query(7, question, edns=None, recursion_desired=True), build(reply)))
    return made


def drive(steps: Steps[bytes | None], answer: bytes) -> bytes | None:
    """The engine's result, when every ask is answered alike."""
    waiting: list[Steps[object]] = []
    running: Steps[object] = steps
    outcome: Outcome | None = None
    while True:
        try:
            effect = running.send(outcome)  # type: ignore[arg-type]
        except StopIteration as end:
            if not waiting:
                result: bytes | None = end.value
                return result
            running, outcome = waiting.pop(), Finished(end.value)
            continue
        if isinstance(effect, Ask):
            outcome = Reply(parse(answer), RTT_S, len(answer))
        else:
            assert isinstance(effect, Sub)
            waiting.append(running)
            running, outcome = effect.start(), None


def serve(served: Service, canned: list[tuple[bytes, bytes]]) -> None:
    """Answer every query, from what the server says."""
    for query, answer in canned:
        steps = served.respond(query, PEER, stream=False)
        assert steps is not None
        assert not isinstance(steps, bytes)
        reply = drive(steps, answer)
        assert reply is not None
        assert reply[3] & 0xF == 0


def microseconds() -> float:
    """Of CPU for a miss: the best of some runs."""
    served = service()
    serve(served, packets(MISSES))
    best = float("inf")
    for _ in range(RUNS):
        canned = packets(MISSES)
        gc.collect()
        began = time.process_time()
        serve(served, canned)
        best = min(best, time.process_time() - began)
    return best / MISSES * 1e6


def main() -> None:
    """Measure."""
    arguments = argparse.ArgumentParser(description="What a cache miss costs without sockets.")
    arguments.add_argument("--profile", action="store_true", help="where it goes")
    if not arguments.parse_args().profile:
        print(f"{'miss, without sockets':30} {microseconds():8.1f} us")
        return
    served, canned = service(), packets(MISSES * 3)
    profile = cProfile.Profile()
    profile.runcall(serve, served, canned)
    profile.print_stats("tottime")


if __name__ == "__main__":
    main()
