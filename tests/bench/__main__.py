"""The cost of a query: its parts without sockets, then the whole beside other servers.

    python -m tests.bench [--parts]

The parts are in nanoseconds per operation, the best of some runs. They depend on the machine:
compare two versions on one machine, in one sitting. The whole needs dnsperf and two processors,
and is explained in udp.py; --parts leaves it out.
"""

import argparse
import mmap
import os
import shutil
import timeit
from array import array
from collections.abc import Callable
from itertools import count
from random import Random

from resolver.cache.answers import Answers
from resolver.model import Edns
from resolver.net.clock import SystemClock
from resolver.policy.cookies import ServerCookies
from resolver.serve.fast import FastPath
from resolver.wire.build import build, build_query
from resolver.wire.parse import parse
from tests.bench import recording, udp
from tests.bench.udp import NAMES, TTL_S, query, reply

BITS = 7
PEER = b"\x7f\0\0\1"
SLOTS = 64
STRIDE = 4096
SECONDS = 0.2
RUNS = 5


class Received:
    """A full batch of queries for random hosts."""

    def __init__(self, names: int) -> None:
        draw = Random(7)
        self.packets = [query(draw.randrange(names)) for _ in range(SLOTS)]
        self.buffer = mmap.mmap(-1, SLOTS * STRIDE)
        self.bodies = tuple(i * STRIDE + 2 for i in range(SLOTS))
        self.lengths = [len(packet) for packet in self.packets]
        self.peers: list[int | bytes] = [0x0100007F] * SLOTS
        self.sizes = array("L", [0]) * SLOTS

    def peer(self, slot: int) -> bytes:
        return PEER

    def refill(self) -> None:
        for body, packet in zip(self.bodies, self.packets, strict=True):
            self.buffer[body - 2 : body - 2 + len(packet)] = packet


def best_ns(operation: Callable[[], object]) -> float:
    """The fastest of some runs, per call."""
    timer = timeit.Timer(operation)
    number, took_s = timer.autorange()
    number = max(1, int(number * SECONDS / took_s))
    return min(timer.repeat(RUNS, number)) / number * 1e9


def hits() -> dict[str, float]:
    answers = Answers(64 << 20)
    for i in range(NAMES):
        answers.keep(query(i), reply(i), bits=BITS, stream=False, now=0.0, ttl_s=TTL_S, ages=True)
    fast = FastPath(answers, lambda _: BITS)
    batch = Received(NAMES)

    def serve_batch() -> None:
        batch.refill()
        if fast.answer_batch(batch, 0.5):
            raise AssertionError("not all of them were hits")

    upper = query(1).replace(b"example", b"eXAMPLE")
    cookie = b"\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08abcdefgh"
    dig = query(2)[:11] + b"\1" + query(2)[12:] + cookie
    with_opt = reply(2)[:11] + b"\1" + reply(2)[12:] + cookie[:9] + b"\0\0"
    answers.keep(dig, with_opt, bits=BITS, stream=False, now=0.0, ttl_s=TTL_S, ages=True)
    clock = SystemClock()
    ours = FastPath(answers, lambda _: BITS, ServerCookies((bytes(16),), clock))
    made = ServerCookies((bytes(16),), clock)
    number = count()
    return {
        "hit in a batch": (best_ns(serve_batch) - best_ns(batch.refill)) / SLOTS,
        "hit, alone": best_ns(lambda: fast.hit(query_1, PEER, BITS, 0.5, stream=False)),
        "hit, mixed case": best_ns(lambda: fast.hit(upper, PEER, BITS, 0.5, stream=False)),
        "hit, with cookie": best_ns(lambda: fast.hit(dig, PEER, BITS, 0.5, stream=False)),
        "hit, cookie answered": best_ns(lambda: ours.hit(dig, PEER, BITS, 0.5, stream=False)),
        "a new cookie": best_ns(lambda: made.judge(next(number).to_bytes(8, "big"), PEER)),
        "keep": best_ns(
            lambda: answers.keep(
                query_1, reply_1, bits=BITS, stream=False, now=0.0, ttl_s=TTL_S, ages=True
            )
        ),
    }


query_1, reply_1 = query(1), reply(1)


def codec() -> dict[str, float]:
    question = parse(query_1).questions[0]
    answer = parse(reply_1)
    edns = Edns()
    return {
        "parse a query": best_ns(lambda: parse(query_1)),
        "parse a reply of one record": best_ns(lambda: parse(reply_1)),
        "build a query with EDNS": best_ns(
            lambda: build_query(1, question, edns=edns, recursion_desired=False)
        ),
        "build a reply of one record": best_ns(lambda: build(answer)),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description="What a query costs.")
    arguments.add_argument("--parts", action="store_true", help="only what needs no sockets")
    only_parts = arguments.parse_args().parts
    for name, ns in (hits() | codec()).items():
        print(f"{name:30} {ns:8.0f} ns")
    recording.main()
    if only_parts:
        return
    if not shutil.which("dnsperf") or not shutil.which("taskset") or (os.cpu_count() or 1) < 2:
        print("\nno comparison: it needs dnsperf, taskset and two processors")
        return
    print("\ncache hits over UDP, CPU of the server:")
    udp.compare()


if __name__ == "__main__":
    main()
