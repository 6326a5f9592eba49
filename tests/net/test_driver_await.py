"""Engines that wait for what is done elsewhere."""

import asyncio

from upstreams import driver, turn

from resolver.effects import Await, Finished
from resolver.net.job import Limits


def engine(start):
    return (yield Await(start))


async def test_result_may_come_at_once_or_later():
    loop = asyncio.get_running_loop()
    with driver() as made:
        assert await made.complete(engine(lambda done: done(7))) == Finished(7)
        later = engine(lambda done: loop.call_later(0.01, done, "late"))
        assert await made.complete(later) == Finished("late")
        assert made.jobs == 0


async def test_engine_that_was_ended_takes_no_result():
    begun = []
    results = []
    with driver(limits=Limits(client_jobs=1, displace_after_s=0.0)) as made:
        made.start(engine(begun.append), results.append)
        await asyncio.sleep(0.01)
        made.start(engine(lambda done: done(2)), results.append)
        await turn()
        assert results == [None, Finished(2)]
        begun[0]("too late")
        await turn()
        assert results == [None, Finished(2)]


async def test_start_that_raises_costs_its_engine_alone(caplog):
    def broken(done):
        raise RuntimeError("broken")

    with driver() as made:
        assert await made.complete(engine(broken)) is None
        assert await made.complete(engine(lambda done: done(1))) == Finished(1)
    assert "an engine raised" in caplog.text
