"""The driver: work that nobody waits for, and waiting that ends before the work does."""

import asyncio

import pytest
from upstreams import UdpServer, driver, once, question, reply_to, until

from resolver.effects import Ask, Finished, Reply, Spawn, Started, Sub, Timeout
from resolver.net.job import Limits

KEY = question("www.").key


def spawn(engine, *args):
    """An engine that leaves work behind; its result is the outcome of that."""
    return (yield Spawn(KEY, lambda: engine(*args)))


def impatient(engine, *args):
    return (yield Sub(KEY, lambda: engine(*args), patience_s=0.05))


@pytest.fixture
def black_hole():
    return UdpServer(lambda packet: [])


@pytest.mark.loopback
async def test_spawned_work_goes_on_after_its_client_has_the_result():
    finished = []

    def engine(server):
        finished.append((yield from once(Ask(server, question(), 2.0))))

    with UdpServer(lambda packet: [reply_to(packet)]) as server, driver() as made:
        assert await made.complete(spawn(engine, server.address)) == Started()
        assert finished == []
        assert made.jobs == 1
        await until(lambda: finished)
        assert made.jobs == 0
    assert isinstance(finished[0], Reply)


@pytest.mark.loopback
async def test_spawned_work_is_done_once_and_can_be_joined():
    results = []
    with UdpServer(lambda packet: [reply_to(packet)]) as server, driver() as made:
        ask = Ask(server.address, question(), 2.0)
        for _ in range(3):
            made.start(spawn(once, ask), results.append)
        made.start(impatient(once, ask), results.append)
        await until(lambda: len(results) == 4)
        assert len(server.queries) == 1
    assert results[:3] == [Started()] * 3
    assert isinstance(results[3].result, Reply)


@pytest.mark.loopback
async def test_spawned_work_takes_half_of_the_places_at_most(black_hole):
    with black_hole as server, driver(limits=Limits(sub_jobs=4)) as made:
        for number in range(10):
            key = question(f"x{number}.").key
            ask = Ask(server.address, question(), 2.0)

            def engine(key=key, ask=ask):
                return (yield Spawn(key, lambda: once(ask)))

            assert await made.complete(engine()) == Started()
        assert made.jobs == 2


@pytest.mark.loopback
async def test_spawned_work_ends_at_its_deadline(black_hole):
    with black_hole as server, driver(limits=Limits(job_s=0.1)) as made:
        await made.complete(spawn(once, Ask(server.address, question(), 5.0)))
        assert made.jobs == 1
        await until(lambda: made.jobs == 0)
        assert made.outbound.in_flight == 0


@pytest.mark.loopback
async def test_who_has_waited_long_enough_goes_on_and_the_work_does_too(black_hole):
    with black_hole as server, driver() as made:
        ask = Ask(server.address, question(), 0.3)
        patient = asyncio.create_task(made.complete(impatient_twice(ask)))
        first, second = await patient
        assert first == Timeout()
        assert second == Finished(Timeout())
        assert len(server.queries) == 1
        assert made.jobs == 0


def impatient_twice(ask):
    """Waits a little, then joins the same work for as long as it takes."""
    first = yield Sub(KEY, lambda: once(ask), patience_s=0.05)
    second = yield Sub(KEY, lambda: once(ask))
    return first, second


@pytest.mark.loopback
async def test_patience_is_forgotten_when_the_work_is_done_in_time():
    with UdpServer(lambda packet: [reply_to(packet)]) as server, driver() as made:
        outcome = await made.complete(impatient(once, Ask(server.address, question(), 2.0)))
        assert isinstance(outcome.result, Reply)
        await asyncio.sleep(0.1)
        assert made.jobs == 0


@pytest.mark.loopback
async def test_close_ends_impatient_clients_and_spawned_work(black_hole):
    results = []
    with black_hole as server, driver() as made:
        ask = Ask(server.address, question(), 5.0)
        made.start(impatient(once, ask), results.append)
        await made.complete(spawn(once, ask))
    assert results == [None]
    assert made.jobs == 0
