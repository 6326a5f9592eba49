"""How long the event loop stands still, by what a server does beside its queries.

    python -m tests.bench.gaps [--records 1000000] [SCENE ...]

Each scene has a process of its own. Told are the longest turn of the loop, in its own processor
time; how late a timer of a millisecond was at most, as far as the process used a processor
meanwhile: other threads of ours count there, other programs do not; the longest search for garbage;
and where the loop was seen in its longest turn.
"""

import argparse
import asyncio
import logging
import multiprocessing
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from tests.bench import cache_scenes, zone_scenes
from tests.bench.scene import Scene
from tests.bench.turns import Gap, Turns

RECORDS = 1_000_000
SCENES: dict[str, Callable[[Scene], Coroutine[Any, Any, None]]] = {
    each.__name__: each
    for each in (
        zone_scenes.reloads,
        zone_scenes.transfers,
        zone_scenes.updates,
        zone_scenes.pointers,
        zone_scenes.catalog,
        zone_scenes.folder,
        cache_scenes.cache,
        cache_scenes.full_cache,
        cache_scenes.lists,
    )
}


def run(work: tuple[str, int]) -> dict[str, Gap]:
    """One scene with so many records; the gaps by what was done."""
    name, records = work
    logging.basicConfig(level=logging.CRITICAL)
    turns = Turns()
    with tempfile.TemporaryDirectory(prefix="gaps-") as folder, turns.watching():
        scene = Scene(turns, Path(folder), records)

        async def play() -> None:
            ticking = asyncio.create_task(turns.tick())
            await SCENES[name](scene)
            ticking.cancel()

        loop = turns.loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(play())
        loop.close()
    return scene.gaps


def measure(
    scenes: Iterable[str] = tuple(SCENES), records: int = RECORDS
) -> dict[str, dict[str, float]]:
    """The figures in milliseconds by what was done; printed, too."""
    found: dict[str, dict[str, float]] = {}
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        for gaps in pool.imap(run, [(name, records) for name in scenes]):
            for what, gap in gaps.items():
                found[what] = {
                    "turn_ms": gap.turn_s * 1e3,
                    "late_ms": gap.late_s * 1e3,
                    "search_ms": gap.search_s * 1e3,
                }
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="How long the event loop stands still.")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", choices=[*SCENES, []])
    parser.add_argument("--records", type=int, default=RECORDS)
    options = parser.parse_args()
    measure(options.scenes or tuple(SCENES), options.records)


if __name__ == "__main__":
    main()
