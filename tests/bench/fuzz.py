"""Damaged requests, as many as wanted: what tests/fuzz does with a few, for a night.

    python -m tests.bench.fuzz [--packets 10000000] [--seed 1] [--json]

Everything goes through the service of a server in every role, without sockets. Ends with 1 when
anything raised, was logged as an error, or amplified.
"""

import argparse
import asyncio
import json
import logging
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# The tests find each other by their folder.
sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

from damaged import Requests
from target import FRIEND, STRANGER, target

REPORT_EVERY = 250_000
KEPT = 10


class Errors(logging.Handler):
    """The first errors that were logged, and how many there were."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0
        self.first: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(self.format(record))


async def run(packets: int, seed: int, folder: Path) -> dict[str, Any]:
    """The flood; what came of it."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    logging.getLogger("resolver").setLevel(logging.ERROR)
    began = time.perf_counter()
    async with target(folder) as it:
        requests = Requests(seed, it.server.clock.wall())
        dice = random.Random(seed)
        for number in range(1, packets + 1):
            peer = STRANGER if dice.random() < 0.5 else FRIEND
            await it.feed(requests.take(), peer, stream=dice.random() < 0.3)
            if number % REPORT_EVERY == 0:
                await it.settle()
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
                print(f"{number:12,} packets, peak {peak} MiB", file=sys.stderr, flush=True)
        await it.settle()
        exceptions = it.server.metrics.exceptions_total
    return {
        "packets": packets,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "exceptions": exceptions,
        "errors_logged": errors.count,
        "first_errors": errors.first,
        "amplified": len(it.amplified),
        "largest_ratio": round(it.worst, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "kinds": dict(it.kinds.most_common()),
    }


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Damaged requests, as many as wanted.")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(arguments.packets, arguments.seed, Path(folder)))
    if arguments.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:15} {value}")
    return 1 if result["exceptions"] or result["errors_logged"] or result["amplified"] else 0


if __name__ == "__main__":
    sys.exit(main())
