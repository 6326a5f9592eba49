"""How long the event loop stands still while the cache fills and garbage is searched for.

    python -m tests.bench.gaps [--entries 1000000]

A million RRsets are learned in small turns of the loop, as by queries; beside that a timer looks
how late it is. In processor time, so that other programs do not count. The last line is the search
of everything that very many TCP connections lead to.
"""

import argparse
import asyncio
import gc
import time
from typing import Any

from resolver.app.garbage import MAX_CONNECTIONS, Garbage
from resolver.cache.rrsets import RRsets
from resolver.codes import RRClass, RRType
from resolver.metrics import Metrics
from resolver.model import Rank, RRset

SIZE_OCTETS = 2 << 30
TTL_S = 86_400
TURN = 20
TICK_S = 0.001


class Gaps:
    """The longest turn of the loop, and the longest search for garbage, since the last reset."""

    def __init__(self) -> None:
        self.turn_s = self.search_s = 0.0
        self._began = 0.0
        gc.callbacks.append(self._searched)

    def reset(self) -> None:
        """Begin anew."""
        self.turn_s = self.search_s = 0.0

    def _searched(self, phase: str, _: dict[str, Any]) -> None:
        now = time.process_time()
        if phase == "start":
            self._began = now
        else:
            self.search_s = max(self.search_s, now - self._began)

    async def watch(self) -> None:
        """Measure until cancelled."""
        before = time.process_time()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.process_time()
            self.turn_s = max(self.turn_s, now - before - TICK_S)
            before = now

    def report(self, what: str) -> None:
        """Print and begin anew."""
        print(
            f"{what:44} loop {self.turn_s * 1000:7.1f} ms, search {self.search_s * 1000:7.1f} ms",
            flush=True,
        )
        self.reset()


async def fill(cache: RRsets, first: int, count: int) -> None:
    """Learn RRsets, a few in each turn."""
    for start in range(first, first + count, TURN):
        for i in range(start, start + TURN):
            owner = b"\x08%08x\4test\0" % i
            rdata = i.to_bytes(4, "big")
            rrset = RRset(owner, RRType.A, RRClass.IN, TTL_S, (rdata,))
            cache.learn(rrset, Rank.AUTHORITATIVE_ANSWER, now=0.0)
        await asyncio.sleep(0)


async def run(entries: int) -> None:
    """The measurement."""
    metrics = Metrics()
    garbage = Garbage(metrics)
    gaps = Gaps()
    cache = RRsets(SIZE_OCTETS, min_ttl=0, max_ttl=TTL_S)
    garbage.start()
    watching = asyncio.create_task(gaps.watch())
    await asyncio.sleep(0.1)
    gaps.reset()
    for tenth in range(10):
        await fill(cache, tenth * entries // 10, entries // 10)
        gaps.report(f"{len(cache):,} RRsets")
    metrics.tcp_accepted_total = MAX_CONNECTIONS + 1
    await fill(cache, entries, entries // 5)
    gaps.report("after many connections, all is searched")
    watching.cancel()
    garbage.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="How long the event loop stands still.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    asyncio.run(run(parser.parse_args().entries))


if __name__ == "__main__":
    main()
