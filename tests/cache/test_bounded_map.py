"""The map that every main cache stands on: expiry, the bound in octets, what is evicted."""

from collections import deque
from itertools import chain
from typing import NoReturn

import pytest

from resolver.cache.store import ENTRY_OVERHEAD_OCTETS, LARGE_SHARE, UNIT_OCTETS, BoundedMap, Entry
from resolver.compile import is_compiled

VALUE_OCTETS = 108  # so that an entry is a whole number of units
KEY_OCTETS = 4
ENTRY_OCTETS = VALUE_OCTETS + KEY_OCTETS + ENTRY_OVERHEAD_OCTETS


def filled(count: int, room_for: int) -> BoundedMap[int]:
    cache: BoundedMap[int] = BoundedMap(room_for * ENTRY_OCTETS)
    for i in range(count):
        cache.put(b"%04d" % i, i, VALUE_OCTETS, now=0, expires_at=100)
    return cache


LARGE_OCTETS = 8 * 1024


def test_a_flood_of_large_values_evicts_only_large_ones() -> None:
    cache = filled(100, 1000)
    for i in range(1000):
        cache.put(b"L%03d" % i, i, LARGE_OCTETS, now=0, expires_at=100)
        assert cache.octets <= 100 * ENTRY_OCTETS + LARGE_SHARE * 1000 * ENTRY_OCTETS
    assert all(cache.get(b"%04d" % i, 0) for i in range(100))
    assert cache.get(b"L999", 0) is not None
    assert cache.get(b"L000", 0) is None


def test_large_values_make_room_for_small_ones_when_nothing_else_is_left() -> None:
    cache: BoundedMap[int] = BoundedMap(100_000)
    for i in range(2):
        cache.put(b"L%03d" % i, i, LARGE_OCTETS, now=0, expires_at=100)
    for i in range(1000):
        cache.put(b"%04d" % i, i, VALUE_OCTETS, now=0, expires_at=100)
        assert cache.octets <= 100_000
    assert cache.get(b"0999", 0) is not None


def test_a_value_may_become_large_and_small_again() -> None:
    cache = filled(10, 1000)
    for octets in (LARGE_OCTETS, VALUE_OCTETS, LARGE_OCTETS):
        cache.put(b"0003", 7, octets, now=0, expires_at=100)
        entry = cache.get(b"0003", 0)
        assert entry is not None
        assert entry.value == 7
    assert cache.remove(b"0003")
    assert cache.octets == 9 * ENTRY_OCTETS
    for i in range(100):
        cache.put(b"L%03d" % i, i, LARGE_OCTETS, now=0, expires_at=100)
    cache.clear()
    assert cache.octets == 0


def test_sizes_are_whole_units() -> None:
    assert ENTRY_OCTETS % UNIT_OCTETS == 0
    cache: BoundedMap[int] = BoundedMap(10_000)
    cache.put(b"0000", 1, VALUE_OCTETS + 1, now=0, expires_at=100)
    assert cache.octets == ENTRY_OCTETS + UNIT_OCTETS


def test_nobody_waits_for_a_sweep_over_all_that_is_in_use() -> None:
    """Of a thousand entries in use, the first few dozen get their second chance, and one goes."""
    cache = filled(1000, 1000)
    for i in range(1000):
        cache.get(b"%04d" % i, 0)
    cache.put(b"new1", 1, VALUE_OCTETS, now=0, expires_at=100)
    assert cache.evicted == 1
    assert sum(entry.used for shard in cache.shards for entry in shard.values()) > 900


def test_a_value_is_there_until_it_expires() -> None:
    cache = filled(1, 10)
    entry = cache.get(b"0000", 99.9)
    assert entry is not None
    assert entry.value == 0
    assert cache.get(b"0000", 100) is None


def test_octets_never_exceed_the_bound_and_the_oldest_unused_goes_first() -> None:
    cache = filled(15, 10)
    assert len(cache) == 10
    assert cache.octets <= 10 * ENTRY_OCTETS
    assert cache.get(b"0004", 0) is None
    assert cache.get(b"0005", 0) is not None
    assert cache.evicted == 5


def test_an_entry_in_use_survives_a_flood_of_others() -> None:
    cache = filled(10, 10)
    for i in range(1000):
        assert cache.get(b"0003", 0) is not None
        cache.put(b"x%03d" % i, i, VALUE_OCTETS, now=0, expires_at=100)
    assert len(cache) == 10


def test_an_expired_entry_gets_no_second_chance() -> None:
    cache = filled(10, 10)
    assert cache.get(b"0000", 0) is not None
    cache.put(b"new1", 1, VALUE_OCTETS, now=100, expires_at=200)
    assert len(cache) == 10
    assert cache.octets == 10 * ENTRY_OCTETS
    cache.put(b"0000", 1, VALUE_OCTETS, now=100, expires_at=200)
    assert cache.get(b"0000", 100) is not None


def test_an_expired_entry_that_is_still_of_use_gets_another_round() -> None:
    cache = filled(10, 10)
    assert cache.recall(b"0003") is not None
    for i in range(9):
        cache.put(b"new%d" % i, i, VALUE_OCTETS, now=100, expires_at=200)
    assert cache.peek(b"0003") is not None
    assert cache.peek(b"0004") is None
    for i in range(9, 20):
        cache.put(b"nw%02d" % i, i, VALUE_OCTETS, now=100, expires_at=200)
    assert cache.peek(b"0003") is None


def test_replacing_a_value_charges_the_difference() -> None:
    cache = filled(1, 10)
    cache.put(b"0000", 7, VALUE_OCTETS + 48, now=0, expires_at=100)
    assert cache.octets == ENTRY_OCTETS + 48
    entry = cache.get(b"0000", 0)
    assert entry is not None
    assert entry.value == 7


def test_nothing_is_added_where_something_is_or_what_is_large() -> None:
    cache = filled(1, 1000)
    for octets, key in ((VALUE_OCTETS, b"0000"), (LARGE_OCTETS, b"L000")):
        assert not cache.add(key, 7, octets, now=200, expires_at=300)
    entry = cache.peek(b"0000")
    assert entry is not None
    assert (entry.value, entry.expires_at, len(cache), cache.octets) == (0, 100, 1, ENTRY_OCTETS)
    assert cache.add(b"0001", 1, VALUE_OCTETS, now=200, expires_at=300)
    assert cache.get(b"0001", 200) is not None
    assert cache.octets == 2 * ENTRY_OCTETS


def test_what_is_added_to_a_full_map_makes_room_for_itself() -> None:
    cache = filled(10, 10)
    assert cache.add(b"new!", 1, VALUE_OCTETS, now=0, expires_at=100)
    assert cache.octets == 10 * ENTRY_OCTETS
    assert cache.peek(b"0000") is None


def test_a_value_larger_than_the_cache_is_not_kept_and_its_predecessor_goes() -> None:
    cache = filled(1, 2)
    cache.put(b"0000", 1, 3 * ENTRY_OCTETS, now=0, expires_at=100)
    assert cache.get(b"0000", 0) is None
    assert cache.octets == 0


def test_removing_and_storing_for_ever_does_not_grow_the_queue() -> None:
    cache = filled(1, 10)
    for _ in range(5000):
        assert cache.remove(b"0000")
        cache.put(b"0000", 1, VALUE_OCTETS, now=0, expires_at=100)
    assert len(cache._queue) < 2000
    assert len(cache) == 1
    assert not cache.remove(b"none")


def test_no_part_of_a_map_is_large() -> None:
    """One dictionary of all would be made anew in one piece whenever it is full, and a list of all
    its keys be searched for garbage while it is in use."""
    cache = filled(8_000, 10_000)
    assert sum(map(len, cache.shards)) == len(cache) == 8_000
    assert max(map(len, cache.shards)) < 800
    pieces = list(cache.keys())
    assert max(map(len, pieces)) < 800
    assert sorted(chain.from_iterable(pieces)) == [b"%04d" % i for i in range(8_000)]


def test_clear_tells_how_many_there_were() -> None:
    cache = filled(5, 10)
    assert cache.clear() == 5
    assert (len(cache), cache.octets) == (0, 0)


@pytest.mark.skipif(is_compiled(), reason="compiled code goes through a deque by itself")
def test_removing_most_of_very_many_never_goes_through_all_places() -> None:
    class Queue(deque[Entry]):
        looks = 0

        def __iter__(self) -> NoReturn:
            raise AssertionError("goes through all places")

        def popleft(self) -> Entry:
            self.looks += 1
            return super().popleft()

    cache = filled(9_999, 10_000)
    cache._queue = queue = Queue(list(cache._queue))
    cache._push = queue.append
    # The first to be removed are the last that the hand comes to.
    for i in range(9_998, 99, -1):
        looks = queue.looks
        cache.remove(b"%04d" % i)
        assert queue.looks - looks <= 4
    for i in range(100):
        assert cache.get(b"%04d" % i, 0) is not None
    for i in range(3_000):
        cache.put(b"%04d" % (5_000 + i % 10), i, VALUE_OCTETS, now=0, expires_at=100)
        cache.remove(b"%04d" % (5_000 + i % 10))
    assert len(queue) < 2_000, "dead places are given up in time"


def test_what_is_detached_is_forgotten_and_whole() -> None:
    cache = filled(50, 1000)
    cache.put(b"L000", 0, LARGE_OCTETS, now=0, expires_at=100)
    shards, queue, large = cache.detach()
    assert (sum(map(len, shards)), len(queue), len(large)) == (51, 50, 1)
    assert (len(cache), cache.octets) == (0, 0)
    for i in range(1010):
        cache.put(b"%04d" % i, i, VALUE_OCTETS, now=0, expires_at=100)
    assert (sum(map(len, shards)), len(queue)) == (51, 50)
    assert (len(cache), cache.evicted) == (1000, 10)
