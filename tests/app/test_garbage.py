"""What the daemon has the interpreter do about circles of objects."""

import asyncio
import gc
import sys
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from resolver.app.garbage import (
    CONNECTION_BLOCKS,
    IDLE_PERIOD_S,
    LONG_SEARCH_S,
    MAX_CONNECTIONS,
    MAX_PERIOD_S,
    MIN_PERIOD_S,
    OLDEST,
    RELOAD_OBJECTS,
    RESTING_THRESHOLDS,
    SHORT_SEARCH_S,
    THRESHOLDS,
    Garbage,
)
from resolver.metrics import Metrics
from resolver.net.turns import STRETCH_S, after_stretch, in_turns
from resolver.slices import Slices


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture(autouse=True)
def garbage(metrics: Metrics, request: pytest.FixtureRequest) -> Iterator[Garbage | None]:
    if "afterwards" in request.node.name:
        yield None
        return
    made = Garbage(metrics)
    made.start()
    yield made
    made.stop()


class Node:
    """Something that can be part of a circle."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_at_the_start_is_never_searched(metrics: Metrics) -> None:
    before = gc.get_freeze_count()
    assert before > 1000
    assert len(gc.get_objects()) < before


def test_what_a_search_leaves_is_not_searched_again(metrics: Metrics) -> None:
    kept = [Node() for _ in range(1000)]
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)


def test_circles_are_found_before_they_are_set_aside(metrics: Metrics) -> None:
    lost = weakref.ref(Node())
    gc.collect()
    assert lost() is None


def test_what_was_set_aside_goes_when_nobody_refers_to_it(metrics: Metrics) -> None:
    kept = Node()
    kept.itself = None
    gc.collect()
    watched = weakref.ref(kept)
    del kept
    assert watched() is None


def allocate(monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    """Have the interpreter say that so many more blocks of memory are in use than there are."""
    there = sys.getallocatedblocks()
    told = SimpleNamespace(getallocatedblocks=lambda: there + blocks)
    monkeypatch.setattr("resolver.app.garbage.sys", told)


def test_after_many_connections_everything_is_searched_once(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = Node()
    gc.collect()
    watched = weakref.ref(circle)
    del circle
    gc.collect()
    assert watched() is not None, "a circle that was set aside in use"
    metrics.tcp_accepted_total = MAX_CONNECTIONS + 1
    gc.collect()
    gc.collect()
    assert watched() is not None, "memory has not grown: they have lost nothing"
    metrics.tcp_accepted_total += MAX_CONNECTIONS + 1
    allocate(monkeypatch, MAX_CONNECTIONS * CONNECTION_BLOCKS)
    gc.collect()
    gc.collect()
    assert watched() is None
    gc.collect()
    assert gc.get_freeze_count() > 1000


def test_after_some_reloads_everything_is_searched_once(
    garbage: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = Node()
    gc.collect()
    watched = weakref.ref(circle)
    del circle
    garbage.note_reload()
    gc.collect()
    gc.collect()
    assert watched() is not None, "one reload is not worth it"
    many = sys.getallocatedblocks() // RELOAD_OBJECTS + 10
    for _ in range(many):
        garbage.note_reload()
    gc.collect()
    gc.collect()
    assert watched() is not None, "memory has not grown: they have lost nothing"
    for _ in range(many):
        garbage.note_reload()
    allocate(monkeypatch, many * RELOAD_OBJECTS)
    gc.collect()
    gc.collect()
    assert watched() is None


def test_afterwards_a_search_does_not_wait_for_a_share_of_what_was_set_aside() -> None:
    """The interpreter searches the oldest when a quarter as many as its last search has left have
    come; what was set aside at the start must not count as left."""
    searched: list[int] = []

    def note(phase: str, search: dict[str, int]) -> None:
        if phase == "stop" and search["generation"] == OLDEST:
            searched.append(len(kept))

    there = [Node() for _ in range(300_000)]
    garbage = Garbage(Metrics())
    garbage.start()
    kept: list[Node] = []
    gc.callbacks.append(note)
    try:
        while not searched and len(kept) < 200_000:
            kept.append(Node())
    finally:
        gc.callbacks.remove(note)
        garbage.stop()
    first, second, third = THRESHOLDS
    assert there
    assert searched
    assert searched[0] <= first * ((second + 2) * (third + 1) + 1)


def test_what_is_new_is_searched_though_as_much_goes_as_comes(
    garbage: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a cache that is full: the interpreter's own count never says that it is time."""
    monkeypatch.setattr("resolver.app.garbage.MAX_PERIOD_S", 0.01)
    garbage._period_s = 0.01
    held = [Node() for _ in range(20_000)]
    gc.collect()

    async def body() -> None:
        garbage.tend()
        first, _, _ = THRESHOLDS
        for place in range(len(held)):
            held[place].itself = None
            held[place] = Node()
        assert gc.get_count()[0] < first, "nothing to do by that count"
        newest = held[-1]
        async with asyncio.timeout(60):
            while any(each is newest for each in gc.get_objects()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    asyncio.run(body())


def test_searches_that_take_long_come_more_often(
    garbage: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def collect() -> None:
        clock[0] += took_s

    async def body() -> None:
        for _ in range(10):
            garbage._look(garbage._searches)
            assert garbage._timer is not None
            garbage._timer.cancel()

    monkeypatch.setattr("resolver.app.garbage.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr("resolver.app.garbage.gc.collect", collect)
    took_s = LONG_SEARCH_S * 2
    asyncio.run(body())
    assert garbage._period_s == MIN_PERIOD_S
    took_s = SHORT_SEARCH_S / 2
    asyncio.run(body())
    assert garbage._period_s == MAX_PERIOD_S
    took_s = 0.0
    asyncio.run(body())
    assert garbage._period_s == IDLE_PERIOD_S, "nobody asks anything"
    took_s = LONG_SEARCH_S / 2
    asyncio.run(body())
    assert garbage._period_s == MAX_PERIOD_S


def test_who_rests_is_woken_when_there_is_something_to_do(garbage: Garbage) -> None:
    """A second's worth of objects would be too many for one search."""

    async def body() -> None:
        garbage._period_s = IDLE_PERIOD_S
        garbage.tend()
        assert gc.get_threshold() == RESTING_THRESHOLDS
        began = asyncio.get_running_loop().time()
        kept = [Node() for _ in range(2 * RESTING_THRESHOLDS[0])]
        async with asyncio.timeout(60):
            while gc.get_threshold() != THRESHOLDS:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert garbage._timer is not None
        assert garbage._timer.when() <= asyncio.get_running_loop().time() + MAX_PERIOD_S
        assert garbage._timer.when() >= began
        assert kept

    asyncio.run(body())
    garbage.stop()
    assert gc.get_threshold() != RESTING_THRESHOLDS
    garbage.start()


def test_what_long_work_makes_is_searched_while_it_goes_on(
    garbage: Garbage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timer and no count tells of it, if it frees as much as it makes."""
    monkeypatch.setattr("resolver.app.garbage.MIN_PERIOD_S", 0.0)

    def work() -> Slices[int]:
        before = garbage._searches
        for _ in range(100):
            time.sleep(STRETCH_S / 4)
            yield
        return garbage._searches - before

    assert asyncio.run(in_turns(work())) >= 20


def test_afterwards_the_interpreter_is_as_it_was() -> None:
    before = gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()
    garbage = Garbage(Metrics())
    garbage.start()
    assert gc.get_threshold() != before[0]
    garbage.stop()
    assert (gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()) == before
    assert not after_stretch


def test_how_long_searches_take_is_counted(metrics: Metrics) -> None:
    before = metrics.garbage_search_seconds.count
    gc.collect()
    assert metrics.garbage_search_seconds.count > before
    assert 0 < metrics.garbage_search_seconds.sum_s < 60
