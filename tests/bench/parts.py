"""The parts of a query's way without sockets, each alone.

Hits, the codec, a whole resolution with a cold cache, loading of a zone, memory of what is cached.
Times are the best of some runs, of one processor. They depend on the machine: compare two versions
on one machine, in one sitting.
"""

import gc
import time
import timeit
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from resolver import names
from resolver.cache.answers import Answers
from resolver.cache.rrsets import RRsets
from resolver.codes import RRClass, RRType
from resolver.model import Edns, Rank, RRset
from resolver.net.clock import SystemClock
from resolver.policy.cookies import ServerCookies
from resolver.serve.fast import FRONT_OCTETS, FastPath
from resolver.slices import finish
from resolver.wire.build import build, build_query
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_slices
from tests.bench import recording
from tests.bench.memory import resident_octets
from tests.bench.versions import ORIGIN, hosts, write_zone

NAMES = 10_000
BITS = 7
PEER = b"\x7f\0\0\1"
TTL_S = 86_400
SLOTS = 64
SECONDS = 0.2
RUNS = 5
RECORDS = 100_000
_MIB = 1 << 20


def query(i: int) -> bytes:
    """The query for host i, as dnsperf sends it, with a zero id."""
    label = f"h{i}".encode()
    name = bytes((len(label),)) + label + b"\7example\3com\0"
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"


def reply(i: int) -> bytes:
    """The reply to `query(i)`: one address."""
    question = query(i)[12:]
    address = b"\x0a" + i.to_bytes(3, "big")
    rr = b"\xc0\x0c\0\1\0\1" + TTL_S.to_bytes(4, "big") + b"\0\4" + address
    return b"\0\0\x81\x80\0\1\0\1\0\0\0\0" + question + rr


class Received:
    """A full batch of queries for random hosts (serve/fast.py, Batch)."""

    def __init__(self, names: int, *, seed: int = 7) -> None:
        draw = Random(seed)
        self.packets = [query(draw.randrange(names)) for _ in range(SLOTS)]
        self.fronts = b"".join([packet.ljust(FRONT_OCTETS) for packet in self.packets])
        self.lengths = [len(packet) for packet in self.packets]
        self.peers: list[int | bytes] = [0x0100007F] * SLOTS

    def packet(self, slot: int) -> bytes:
        """A query."""
        return self.packets[slot]

    def peer(self, slot: int) -> bytes:
        """The sender of every packet."""
        return PEER

    def fill(self, tails: list[bytes]) -> None:
        """Nobody waits for the replies."""


def best_ns(operation: Callable[[], object]) -> float:
    """The fastest of some runs, per call, in time on a processor."""
    timer = timeit.Timer(operation, timer=time.process_time)
    number, took_s = timer.autorange()
    number = max(1, int(number * SECONDS / took_s))
    return min(timer.repeat(RUNS, number)) / number * 1e9


def filled(entries: int) -> Answers:
    """Finished packets for so many hosts."""
    answers = Answers(entries * 1024)
    for i in range(entries):
        answers.keep(query(i), reply(i), bits=BITS, stream=False, now=0.0, ttl_s=TTL_S, ages=True)
    return answers


def hits() -> dict[str, float]:
    """Nanoseconds for a hit in its kinds."""
    answers = filled(NAMES)
    fast = FastPath(answers, lambda _: BITS)
    batch = Received(NAMES)

    def serve_batch() -> None:
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
    query_1, reply_1 = query(1), reply(1)
    return {
        "hit in a batch": best_ns(serve_batch) / SLOTS,
        "hit, alone": best_ns(lambda: fast.hit(query_1, PEER, BITS, 0.5, stream=False)),
        "hit, mixed case": best_ns(lambda: fast.hit(upper, PEER, BITS, 0.5, stream=False)),
        "hit, with cookie": best_ns(lambda: fast.hit(dig, PEER, BITS, 0.5, stream=False)),
        "hit, cookie answered": best_ns(lambda: ours.hit(dig, PEER, BITS, 0.5, stream=False)),
        "a new cookie": best_ns(lambda: made.judge(next(number).to_bytes(8, "big"), PEER)),
        "keep a finished packet": best_ns(
            lambda: answers.keep(
                query_1, reply_1, bits=BITS, stream=False, now=0.0, ttl_s=TTL_S, ages=True
            )
        ),
    }


def codec() -> dict[str, float]:
    """Nanoseconds to read and write a message."""
    query_1, reply_1 = query(1), reply(1)
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


def resolution() -> dict[str, float]:
    """Microseconds for a name with a cold cache: root, top-level domain and zone are asked, and
    answer from memory."""
    net = recording.tree()
    best_s = min(recording.resolve(net, "well", observed=True) for _ in range(recording.TURNS))
    return {"cold resolution": best_s / recording.NAMES * 1e6}


def loading() -> dict[str, float]:
    """Records a second that a zone file is read with."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "zone")
        write_zone(file, hosts(RECORDS))
        best_s = min(_load_s(file) for _ in range(3))
    return {"zone load": RECORDS / best_s}


def _load_s(file: Path) -> float:
    gc.collect()
    began = time.process_time()
    assert finish(read_zone_slices(file, names.read(ORIGIN))).zone is not None
    return time.process_time() - began


def weights() -> dict[str, float]:
    """Resident octets per cached A RRset, and per finished packet."""
    before = resident_octets()
    cache = RRsets(1 << 30, min_ttl=0, max_ttl=TTL_S)
    for i in range(RECORDS):
        owner = query(i)[12:-4]
        rrset = RRset(owner, RRType.A, RRClass.IN, TTL_S, (i.to_bytes(4, "big"),))
        cache.learn(rrset, Rank.AUTHORITATIVE_ANSWER, now=0.0)
    between = resident_octets()
    answers = filled(RECORDS)
    after = resident_octets()
    assert len(cache) == answers.entries == RECORDS
    return {
        "RRset": (between - before) / RECORDS,
        "finished packet": (after - between) / RECORDS,
    }


UNITS: tuple[tuple[Callable[[], dict[str, float]], str], ...] = (
    (weights, "octets"),  # first, while the process is small
    (hits, "ns"),
    (codec, "ns"),
    (resolution, "us"),
    (loading, "records/s"),
)


def measure() -> dict[str, list[float | str]]:
    """All parts: value and unit by name; printed, too."""
    found: dict[str, list[float | str]] = {}
    for part, unit in UNITS:
        for name, value in part().items():
            found[name] = [value, unit]
            print(f"  {name:30} {value:10.0f} {unit}", flush=True)
    return found


if __name__ == "__main__":
    measure()
