"""Long work in between queries: how much of it goes into one turn of the loop."""

import asyncio
from itertools import count

import pytest

from resolver.net import turns
from resolver.net.ending import Ending
from resolver.net.turns import Pace, in_turns
from resolver.net.turnstile import Turnstile
from resolver.slices import Slices

TICK_S = 0.0001
SLICES = 300


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only goes on when somebody looks at it."""
    looks = count()

    class Time:
        @staticmethod
        def monotonic() -> float:
            return next(looks) * TICK_S

    monkeypatch.setattr(turns, "time", Time)


async def most_at_once(works: int) -> int:
    """The largest number of slices in one turn, with so many works under way."""
    done = [0]
    ended = asyncio.Event()

    def work() -> Slices[None]:
        for _ in range(SLICES):
            done[-1] += 1
            yield

    async def watch() -> None:
        while not ended.is_set():
            done.append(0)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(in_turns(work()) for _ in range(works)))
    ended.set()
    await watching
    assert sum(done) == works * SLICES
    return max(done)


def test_works_under_way_at_the_same_time_share_a_turn() -> None:
    stretch = turns.STRETCH_S / TICK_S
    assert stretch / 2 < asyncio.run(most_at_once(1)) <= stretch
    # The first begins before it knows of the others.
    assert asyncio.run(most_at_once(10)) < 3 * stretch


def test_after_a_work_that_fails_the_next_has_the_whole_turn() -> None:
    def work() -> Slices[None]:
        yield
        raise ValueError("no good")

    async def body() -> int:
        for _ in range(5):
            with pytest.raises(ValueError, match="no good"):
                await in_turns(work())
        return await most_at_once(1)

    assert asyncio.run(body()) > turns.STRETCH_S / TICK_S / 2


def test_many_small_pieces_of_work_rest_when_it_is_time() -> None:
    async def body() -> int:
        turns_seen = 0
        ended = False

        async def watch() -> None:
            nonlocal turns_seen
            while not ended:
                turns_seen += 1
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        pace = Pace()
        for _ in range(1_000):
            await pace.rest()
        ended = True
        await watching
        return turns_seen

    assert asyncio.run(body()) >= 1_000 * TICK_S / turns.STRETCH_S / 2


def test_thousands_of_coroutines_end_a_few_at_a_time() -> None:
    async def body() -> None:
        ended = [0]

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended[-1] += 1

        async def watch() -> None:
            while True:
                ended.append(0)
                await asyncio.sleep(0)

        ending = Ending()
        tasks = [asyncio.create_task(wait()) for _ in range(1_000)]
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        for task in tasks:
            ending.end(task)
        await ending.finish()
        watching.cancel()
        assert all(task.cancelled() for task in tasks)
        assert sum(ended) == 1_000
        assert max(ended) <= 20

    asyncio.run(body())


def test_nothing_to_end_takes_no_time() -> None:
    asyncio.run(Ending().finish())


def test_a_few_go_through_a_turnstile_in_each_turn_in_their_order() -> None:
    async def body() -> None:
        went: list[list[int]] = [[]]

        async def watch() -> None:
            while True:
                went.append([])
                await asyncio.sleep(0)

        async def go(number: int) -> None:
            await turnstile.enter()
            went[-1].append(number)

        turnstile = Turnstile(5)
        watching = asyncio.create_task(watch())
        tasks = [asyncio.create_task(go(number)) for number in range(100)]
        await asyncio.sleep(0)
        tasks[50].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.wait_for(turnstile.enter(), 60)
        watching.cancel()
        assert max(map(len, went)) <= 2 * 5, "some of the last turn, and as many of this one"
        assert [n for turn in went for n in turn] == [n for n in range(100) if n != 50]

    asyncio.run(body())
