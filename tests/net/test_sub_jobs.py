"""Sub-jobs: who waits for them, and in which order; what an Await gives once."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from upstreams import driver, question, turn, until

from resolver.effects import Await, Finished, Sub
from resolver.net.job import Engines, SubJob, Subs
from resolver.policy.fairness import Account

NAME, OTHER = b"\1a\0", b"\1b\0"
KEYS = [(NAME, 1, 1), (NAME, 28, 1), (NAME, 1, 3), (OTHER, 1, 1)]


def held(release: list[Callable[[Any], None]]) -> Callable[[], Any]:
    """What a sub-job does that goes on when it is released."""

    def steps():
        return (yield Await(release.append))

    return steps


def waiting(slow: Callable[[], Any], number: int, told: list[int]):
    """A client who waits for a sub-job, and then tells his number."""
    yield Sub(question().key, slow)
    told.append(number)


def make(key: tuple[bytes, int, int]) -> SubJob:
    with driver() as made:
        return SubJob(made, Engines().take(), 0.0, Account(b"", 0.0), key)


async def test_sub_jobs_of_one_name_are_told_apart_whichever_ends_first() -> None:
    for order in permutations(range(len(KEYS))):
        subs, jobs = Subs(), [make(key) for key in KEYS]
        for job in jobs:
            subs.add(job)
        assert list(subs.jobs) == jobs
        for gone, number in enumerate(order, 1):
            subs.remove(jobs[number])
            left = [None if i in order[:gone] else job for i, job in enumerate(jobs)]
            assert [subs.find(key) for key in KEYS] == left
            assert subs.jobs.count == len(KEYS) - gone


async def test_one_name_of_two_types_is_two_questions() -> None:
    """Each gets its own outcome, and neither is a circle."""

    def leaf(text: str):
        yield from ()
        return text

    def client(first: int, second: int):
        def middle():
            inner = yield Sub((NAME, second, 1), lambda: leaf(f"{second}"))
            return f"{first} by {inner.result}"

        return (yield Sub((NAME, first, 1), middle))

    results: list[Any] = []
    with driver() as made:
        for first, second in ((1, 28), (1, 28), (16, 33)):
            made.start(client(first, second), results.append)
        await until(lambda: len(results) == 3)
        assert made.jobs == 0
    texts = ["1 by 28", "1 by 28", "16 by 33"]
    assert results == [Finished(text) for text in texts]


async def test_who_waits_for_one_question_goes_on_in_order() -> None:
    release: list[Callable[[Any], None]] = []
    told: list[int] = []
    slow = held(release)
    with driver() as made:
        for number in range(5):
            made.start(waiting(slow, number, told), lambda _: None)
        await until(lambda: bool(release))
        assert made.jobs == 6
        release[0](None)
        await until(lambda: made.jobs == 0)
    assert told == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("patient", [0, 1, 2])
async def test_who_loses_patience_leaves_the_others_waiting(patient: int) -> None:
    release: list[Callable[[Any], None]] = []
    gone: list[int] = []
    told: list[int] = []

    def client(number: int):
        outcome = yield Sub(question().key, held(release), None if number == patient else 0.01)
        (told if isinstance(outcome, Finished) else gone).append(number)

    with driver() as made:
        for number in range(3):
            made.start(client(number), lambda _: None)
        await until(lambda: len(gone) == 2)
        assert made.jobs == 2
        release[0](None)
        await until(lambda: made.jobs == 0)
    assert told == [patient]
    assert sorted([*gone, *told]) == [0, 1, 2]


async def test_what_an_await_gives_a_second_time_is_of_no_use() -> None:
    given: list[Callable[[Any], None]] = []
    results: list[Any] = []

    def engine():
        first = yield Await(given.append)
        second = yield Sub(question().key, slow)
        return first.result, second.result

    def slow():
        return (yield Await(given.append)).result

    with driver() as made:
        made.start(engine(), results.append)
        await until(lambda: len(given) == 1)
        given[0]("once")
        given[0]("twice")
        await until(lambda: len(given) == 2)
        given[0]("late")
        await turn()
        assert results == []
        given[1]("second")
        await until(lambda: bool(results))
        given[1]("again")
        await turn()
        assert made.jobs == 0
    assert results == [("once", "second")]


async def test_a_sub_job_goes_on_while_anybody_waits_for_it() -> None:
    release: list[Callable[[Any], None]] = []
    told: list[int] = []
    slow = held(release)
    with driver() as made:
        for number in range(3):
            made.start(waiting(slow, number, told), lambda _: None)
        await until(lambda: bool(release))
        oldest = made._clients.oldest
        assert oldest is not None
        made._kill(oldest)
        assert made.jobs == 3
        made.start(waiting(slow, 3, told), lambda _: None)
        await turn()
        release[0](None)
        await until(lambda: made.jobs == 0)
    assert told == [1, 2, 3]
