"""What the daemon has the interpreter do about circles of objects."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from resolver.app.garbage import MAX_CONNECTIONS, RELOAD_OBJECTS, Garbage
from resolver.metrics import Metrics


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


def test_after_many_connections_everything_is_searched_once(metrics: Metrics) -> None:
    circle = Node()
    gc.collect()
    watched = weakref.ref(circle)
    del circle
    gc.collect()
    assert watched() is not None, "a circle that was set aside in use"
    metrics.tcp_accepted_total = MAX_CONNECTIONS + 1
    gc.collect()
    gc.collect()
    assert watched() is None
    gc.collect()
    assert gc.get_freeze_count() > 1000


def test_after_some_reloads_everything_is_searched_once(garbage: Garbage) -> None:
    circle = Node()
    gc.collect()
    watched = weakref.ref(circle)
    del circle
    garbage.note_reload()
    gc.collect()
    gc.collect()
    assert watched() is not None, "one reload is not worth it"
    for _ in range(sys.getallocatedblocks() // RELOAD_OBJECTS + 10):
        garbage.note_reload()
    gc.collect()
    gc.collect()
    assert watched() is None


def test_afterwards_the_interpreter_is_as_it_was() -> None:
    before = gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()
    garbage = Garbage(Metrics())
    garbage.start()
    assert gc.get_threshold() != before[0]
    garbage.stop()
    assert (gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()) == before


def test_how_long_searches_take_is_counted(metrics: Metrics) -> None:
    before = metrics.garbage_search_seconds.count
    gc.collect()
    assert metrics.garbage_search_seconds.count > before
    assert 0 < metrics.garbage_search_seconds.sum_s < 60
