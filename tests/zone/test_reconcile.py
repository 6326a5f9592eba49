"""A file that was read again beside what is served (the rest is in app/test_zone_files.py)."""

import pytest
from versions import version

from resolver.slices import finish
from resolver.zone import reconcile as module
from resolver.zone.reconcile import Keep, Take, reconcile

MANY = 60


def body(ttl: int, count: int = MANY) -> str:
    return "".join(f"h{i} {ttl} A 192.0.2.{i}\n" for i in range(count))


@pytest.fixture(autouse=True)
def small_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_RECORDS", MANY)


def test_changes_that_are_longer_than_the_zone_are_not_told_one_by_one() -> None:
    old, new = version(1, body(60)), version(2, body(90))
    taken = finish(reconcile(old, new, old, bump=None))
    assert isinstance(taken, Take)
    assert taken.zone is new
    assert taken.diff is None


def test_changes_that_are_shorter_are() -> None:
    old, new = version(1, body(60)), version(2, body(60, MANY - 9))
    taken = finish(reconcile(old, new, old, bump=None))
    assert isinstance(taken, Take)
    assert taken.diff is not None
    assert taken.diff.records == 2 + 9


def test_everything_anew_without_a_newer_serial_gets_one() -> None:
    old, new = version(5, body(60)), version(5, body(90))
    taken = finish(reconcile(old, new, old, bump=lambda serial: serial + 1))
    assert isinstance(taken, Take)
    assert taken.bumped
    assert (taken.zone.serial, taken.diff) == (6, None)


def test_everything_anew_does_not_replace_updates_without_a_newer_serial() -> None:
    filed, served = version(5, body(60)), version(6, body(60) + "more A 192.0.2.1\n")
    kept = finish(reconcile(served, version(5, body(90)), filed, bump=lambda serial: serial + 1))
    assert isinstance(kept, Keep)
    assert "was edited, and so was the zone by updates" in kept.conflict
