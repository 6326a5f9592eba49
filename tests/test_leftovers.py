"""What is too large to be freed at once is freed bit by bit, as long as somebody does it."""

from collections.abc import Iterator

import pytest

from resolver.codes import RRClass, RRType
from resolver.errors import DiffError
from resolver.leftovers import LEFTOVERS, Leftovers
from resolver.model import RRset
from resolver.slices import finish
from resolver.zone.diff import Diff, compute
from resolver.zone.file import read_zone_text
from resolver.zone.ring import CHUNK_NAMES, ring_of
from resolver.zone.table import SHARDS, Edit, Table

NAMES = 20_000
ORIGIN = b"\4test\0"


class Counted:
    """One of those that are alive."""

    alive = 0

    def __init__(self) -> None:
        Counted.alive += 1

    def __del__(self) -> None:
        Counted.alive -= 1


@pytest.fixture
def told() -> Iterator[list[None]]:
    """Somebody frees what is left; how often that was told."""
    calls: list[None] = []

    def tell() -> None:
        calls.append(None)

    assert not Counted.alive
    LEFTOVERS.attend(tell)
    yield calls
    finish(LEFTOVERS.slices())
    LEFTOVERS.leave_off(tell)
    assert not Counted.alive


def name(number: int) -> bytes:
    return b"\5%05d\4test\0" % number


def table() -> Table[Counted]:
    edit: Edit[Counted] = Edit()
    for number in range(NAMES):
        edit.shard(name(number))[name(number)] = Counted()
    return edit.seal()


def freed_by_slice() -> list[int]:
    """How many went with each slice."""
    freed = []
    before = Counted.alive
    for _ in LEFTOVERS.slices():
        freed.append(before - Counted.alive)
        before = Counted.alive
    return freed


def test_the_last_names_go_in_small_steps(told: list[None]) -> None:
    """With them, all the memory goes back to the system that had one of them left in it."""
    LEFTOVERS.leave([{number: Counted() for number in range(500)} for _ in range(8)], 1)
    freed = freed_by_slice()
    assert sum(freed) == 8 * 500
    assert freed[:4] == [500] * 4
    assert max(freed[4:]) < 100


def test_what_somebody_else_holds_is_not_emptied(told: list[None]) -> None:
    parts = [{number: Counted() for number in range(500)} for _ in range(8)]
    held = parts[0]
    LEFTOVERS.leave(parts, 1)
    del parts
    freed_by_slice()
    assert len(held) == 500
    held.clear()


def test_the_names_of_a_large_table_go_a_few_at_a_time(told: list[None]) -> None:
    held = table()
    assert Counted.alive == NAMES
    del held
    assert Counted.alive == NAMES, "nothing is freed at once"
    assert told
    freed = freed_by_slice()
    assert sum(freed) == NAMES
    assert max(freed) < NAMES / SHARDS * 16


def test_what_the_next_version_shares_stays(told: list[None]) -> None:
    first = table()
    edit = first.edit()
    edit.drop(name(1))
    second = edit.seal()
    del first, edit
    assert Counted.alive == NAMES - 1, "one dict is freed at once"
    assert not told
    del second
    assert sum(freed_by_slice()) == NAMES - 1


def test_a_table_that_was_never_finished_goes_a_few_at_a_time(told: list[None]) -> None:
    edit = table().edit()
    for number in range(NAMES):
        edit.shard(name(number))
    freed_by_slice()
    del edit
    assert Counted.alive == NAMES
    assert sum(freed_by_slice()) == NAMES


def test_without_anybody_to_free_it_it_goes_at_once() -> None:
    held = table()
    del held
    assert not Counted.alive


def test_what_is_left_goes_at_once_when_nobody_frees_any_more() -> None:
    leftovers = Leftovers()
    leftovers.attend(list)
    leftovers.leave([Counted() for _ in range(10)], 1)
    assert Counted.alive == 10
    leftovers.leave_off(list)
    assert not Counted.alive


def test_small_things_are_freed_at_once(told: list[None]) -> None:
    edit: Edit[Counted] = Edit()
    edit.shard(name(1))[name(1)] = Counted()
    held = edit.seal()
    del edit, held
    assert not Counted.alive
    assert not told


def test_the_records_of_a_large_difference_go_a_few_at_a_time(told: list[None]) -> None:
    rrsets = tuple(RRset(name(i), RRType.A, RRClass.IN, 60, (b"1234",)) for i in range(NAMES))
    diff = Diff(ORIGIN, 1, 2, (), rrsets)
    del rrsets, diff
    assert told
    assert sum(1 for _ in LEFTOVERS.slices()) >= NAMES / 1000


def test_so_do_those_of_one_that_was_not_worth_it(told: list[None]) -> None:
    head = "@ 60 SOA a. b. {} 2 3 4 5\n@ 60 NS a.\n"
    text = "".join(f"h{i} 60 A 192.0.2.1\n" for i in range(3_000))
    old = read_zone_text(head.format(1), ORIGIN).zone
    new = read_zone_text(head.format(2) + text, ORIGIN).zone
    assert old is not None
    assert new is not None
    with pytest.raises(DiffError):
        finish(compute(old, new, max_records=2_999))
    assert sum(1 for _ in LEFTOVERS.slices()) >= 3


def test_the_chunks_of_an_order_of_names_go_a_few_at_a_time(told: list[None]) -> None:
    ring = finish(ring_of(map(name, range(NAMES)), bytes))
    del ring
    assert told
    assert sum(1 for _ in LEFTOVERS.slices()) >= NAMES / CHUNK_NAMES / 32
