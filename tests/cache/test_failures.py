"""Failed questions and for how long they are remembered (RFC 9520 section 3.2)."""

import pytest

from resolver import names
from resolver.cache.failures import FIRST_MEMORY_S, MAX_MEMORY_S, Failures
from resolver.codes import Ede, RRType
from resolver.model import ExtendedError

NAME = names.read("www.example.")
ERROR = ExtendedError(Ede.NO_REACHABLE_AUTHORITY, "no server of example. answered")


def test_a_failure_is_remembered_for_a_while_and_for_its_question_only() -> None:
    failures = Failures()
    failures.learn(NAME, RRType.A, ERROR, now=10)
    held = failures.lookup(NAME, RRType.A, 10 + FIRST_MEMORY_S - 0.1)
    assert held is not None
    assert held.error == ERROR
    assert failures.lookup(NAME, RRType.AAAA, 11) is None
    assert failures.lookup(NAME, RRType.A, 10 + FIRST_MEMORY_S) is None


def test_it_is_remembered_for_longer_each_time_within_the_bounds_of_the_rfc() -> None:
    failures = Failures()
    now = 0.0
    memories = []
    for _ in range(8):
        failures.learn(NAME, RRType.A, ERROR, now=now)
        held = failures.lookup(NAME, RRType.A, now)
        assert held is not None
        memories.append(held.memory_s)
        now = held.until + 1
    assert memories[:3] == [FIRST_MEMORY_S, 2 * FIRST_MEMORY_S, 4 * FIRST_MEMORY_S]
    assert max(memories) == MAX_MEMORY_S
    assert min(memories) >= 1
    assert max(memories) <= 300


def test_an_answer_or_a_long_time_makes_it_start_anew() -> None:
    for answered, later in ((True, 10.0), (False, 1000.0)):
        failures = Failures()
        failures.learn(NAME, RRType.A, ERROR, now=0)
        if answered:
            failures.forget(NAME, RRType.A)
        failures.learn(NAME, RRType.A, ERROR, now=later)
        held = failures.lookup(NAME, RRType.A, later)
        assert held is not None
        assert held.memory_s == FIRST_MEMORY_S


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.cache.failures.MAX_FAILURES", 100)
    failures = Failures()
    for i in range(1000):
        failures.learn(names.read(f"x{i}."), RRType.A, ERROR, now=i)
    assert len(failures) <= 100
    assert failures.lookup(names.read("x999."), RRType.A, 999) is not None
    failures.clear()
    assert len(failures) == 0
