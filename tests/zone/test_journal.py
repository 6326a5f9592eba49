"""What a journal keeps: changes, whole versions, clocks; how long, and what it refuses."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from histories import at, content, is_whole, step
from versions import ORIGIN, assert_same, version

from resolver import names
from resolver.errors import JournalError
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.diff import compute, replay
from resolver.zone.file import read_zone_text
from resolver.zone.journal import Clock, Journal

OTHER = names.read("other.test.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path)
    yield made
    made.close()


def reopened(journal: Journal, path: Path, **bounds: int) -> Journal:
    journal.close()
    return Journal(path, **bounds)


def restored(journal: Journal) -> Zone | None:
    return finish(journal.restore(ORIGIN))


def test_history_is_there_after_a_restart(journal: Journal, path: Path) -> None:
    for serial in range(2, 12):
        journal.append(step(serial))
    journal = reopened(journal, path)
    assert journal.zones() == {ORIGIN: 11}
    diffs = journal.since(ORIGIN, 4)
    assert diffs is not None
    assert [d.to_serial for d in diffs] == list(range(5, 12))
    assert diffs[0] == step(5)
    assert_same(finish(replay(at(4), diffs)), at(11))
    assert restored(journal) is None, "no whole version was kept"
    journal.close()


def test_who_is_up_to_date_needs_no_changes_and_strangers_get_none(journal: Journal) -> None:
    journal.append(step(2))
    assert journal.since(ORIGIN, 2) == []
    assert journal.since(ORIGIN, 77) is None
    assert journal.since(OTHER, 1) is None


def test_version_and_changes_are_restored(journal: Journal, path: Path) -> None:
    finish(journal.put_version(at(3)))
    for serial in range(4, 9):
        journal.append(step(serial))
    zone = restored(reopened(journal, path))
    assert zone is not None
    assert_same(zone, at(8))


def test_version_of_many_chunks_and_capitals_is_restored(journal: Journal) -> None:
    body = "".join(f"H{i} A 192.0.2.1\nh{i} TXT {'x' * 40}\n" for i in range(20_000))
    zone = version(1, body)
    finish(journal.put_version(zone))
    made = restored(journal)
    assert made is not None
    assert_same(made, zone)
    node = made.node(names.read("h77", ORIGIN))
    assert node is not None
    assert node.owner.startswith(b"\3H77")


def test_changes_before_a_version_stay_and_changes_during_it_too(journal: Journal) -> None:
    for serial in range(2, 6):
        journal.append(step(serial))
    writing = journal.put_version(at(5))
    next(writing)
    journal.append(step(6))
    finish(writing)
    zone = restored(journal)
    assert zone is not None
    assert_same(zone, at(6))
    diffs = journal.since(ORIGIN, 1)
    assert diffs is not None
    assert len(diffs) == 5


def test_two_versions_may_be_written_side_by_side(journal: Journal) -> None:
    text = "$TTL 1\n@ SOA a b 7 1 1 1 1\n@ NS a\na A 192.0.2.1\n"
    other = read_zone_text(text, OTHER).zone
    assert other is not None
    first, second = journal.put_version(at(1)), journal.put_version(other)
    next(first)
    next(second)
    finish(first)
    finish(second)
    assert_same(finish(journal.restore(OTHER)), other)  # type: ignore[arg-type]
    assert_same(restored(journal), at(1))  # type: ignore[arg-type]


def test_version_that_is_no_part_of_the_history_ends_it(journal: Journal) -> None:
    journal.append(step(2))
    finish(journal.put_version(at(50)))
    assert journal.since(ORIGIN, 1) is None
    assert journal.zones() == {ORIGIN: 50}
    journal.append(step(51))
    assert_same(restored(journal), at(51))  # type: ignore[arg-type]


def test_half_a_version_is_never_seen(journal: Journal, path: Path) -> None:
    finish(journal.put_version(at(1)))
    writing = journal.put_version(version(2, content(2)))
    next(writing)
    writing.close()
    assert_same(restored(journal), at(1))  # type: ignore[arg-type]
    assert_same(restored(reopened(journal, path)), at(1))  # type: ignore[arg-type]


def test_change_that_does_not_follow_is_refused_where_it_would_be_lost(journal: Journal) -> None:
    finish(journal.put_version(at(3)))
    with pytest.raises(JournalError, match="at serial 3, a change from 8 does not follow"):
        journal.append(step(9))
    assert_same(restored(journal), at(3))  # type: ignore[arg-type]


def test_history_of_a_file_begins_anew_after_a_gap(journal: Journal) -> None:
    journal.append(step(2))
    journal.append(step(9))
    assert journal.since(ORIGIN, 1) is None
    assert len(journal.since(ORIGIN, 8) or ()) == 1


def test_change_that_leads_nowhere_new_is_refused(journal: Journal) -> None:
    diff = finish(compute(at(5), version(5, "")))
    with pytest.raises(JournalError, match="5 is no newer than 5"):
        journal.append(diff)


def test_serial_that_came_round_leads_from_its_newest_place(journal: Journal) -> None:
    big = 1 << 31
    serials = [1, big, 2**32 - 1, 1, 2]
    for old, new in pairwise(serials):
        journal.append(finish(compute(version(old, ""), version(new, ""))))
    diffs = journal.since(ORIGIN, 1)
    assert diffs is not None
    assert [d.to_serial for d in diffs] == [2]


def test_history_is_pruned_to_a_number(path: Path) -> None:
    journal = Journal(path, max_diffs=4)
    for serial in range(2, 12):
        journal.append(step(serial))
    assert journal.since(ORIGIN, 6) is None
    assert len(journal.since(ORIGIN, 7) or ()) == 4
    journal.close()


def test_history_is_pruned_to_a_size(path: Path) -> None:
    journal = Journal(path, max_octets=4_000)
    for serial in range(2, 60):
        journal.append(step(serial))
    kept = [s for s in range(1, 59) if journal.since(ORIGIN, s) is not None]
    assert kept, "the newest changes are there"
    assert kept == list(range(kept[0], 59))
    assert 3 < len(kept) < 30
    journal.close()


def test_what_a_restart_needs_is_never_pruned(path: Path) -> None:
    journal = Journal(path, max_diffs=4)
    finish(journal.put_version(at(1)))
    for serial in range(2, 12):
        journal.append(step(serial))
    assert_same(restored(journal), at(11))  # type: ignore[arg-type]
    assert journal.wants_version(ORIGIN)
    finish(journal.put_version(at(11)))
    assert not journal.wants_version(ORIGIN)
    assert_same(restored(journal), at(11))  # type: ignore[arg-type]
    assert journal.since(ORIGIN, 6) is None
    assert len(journal.since(ORIGIN, 7) or ()) == 4
    journal.close()


def test_version_is_wanted_when_much_has_changed(journal: Journal) -> None:
    finish(journal.put_version(version(1, "")))
    assert not journal.wants_version(ORIGIN)
    many = "".join(f"h{i} TXT {'x' * 200}\n" for i in range(2_000))
    journal.append(finish(compute(version(1, ""), version(2, many))))
    assert journal.wants_version(ORIGIN)
    assert not journal.wants_version(OTHER)


def test_clock_is_kept_and_renewed(journal: Journal, path: Path) -> None:
    assert journal.clock(ORIGIN) is None
    journal.put_clock(ORIGIN, Clock(1, 1000.5, 2000.0))
    journal.put_clock(ORIGIN, Clock(2, 1500.25, 2500.0))
    journal.put_clock(OTHER, Clock(9, 1.0, 2.0))
    journal = reopened(journal, path)
    assert journal.clock(ORIGIN) == Clock(2, 1500.25, 2500.0)
    journal.close()


def test_forgotten_zone_leaves_nothing(journal: Journal) -> None:
    finish(journal.put_version(at(1)))
    journal.append(step(2))
    journal.put_clock(ORIGIN, Clock(2, 1.0, 2.0))
    journal.forget(ORIGIN)
    assert journal.zones() == {}
    assert journal.since(ORIGIN, 1) is None
    assert journal.clock(ORIGIN) is None
    assert restored(journal) is None
    assert is_whole(at(1))
