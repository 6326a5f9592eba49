"""The driver: results, joining, circles, bounds, ends."""

import asyncio
import logging

import pytest
from upstreams import UdpServer, driver, once, question, reply_to, turn, until

from resolver.effects import Ask, Cycle, Finished, Reply, Sub, Timeout, Unreachable
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.descriptors import Shares
from resolver.net.job import Limits
from resolver.net.run import TURN_S

SILENT = Address("127.0.0.1", 9)


def key(name: str) -> tuple[bytes, int, int]:
    return question(name).key


def value(result):
    return result
    yield


def sub(name, engine, *args):
    """An engine that asks a sub-question and returns its outcome."""
    return (yield Sub(key(name), lambda: engine(*args)))


@pytest.fixture
def black_hole():
    """A server that takes queries and never answers, to be entered by the test."""
    return UdpServer(lambda packet: [])


async def test_engine_that_asks_nothing_is_done_at_once():
    results = []
    with driver() as made:
        made.start(value("done"), results.append)
        await turn()
        assert results == ["done"]
        assert made.jobs == 0
        assert made.oldest_job_age_s == 0.0


async def test_result_of_sub_question_is_its_outcome():
    with driver() as made:
        assert await made.complete(sub("a.", value, 7)) == Finished(7)


async def test_deep_chain_of_sub_questions_needs_no_stack():
    def count(depth):
        if depth == 0:
            return 0
        outcome = yield Sub((b"", depth, 1), lambda: count(depth - 1))
        return outcome.result + 1

    with driver(limits=Limits(sub_jobs=6000)) as made:
        assert await made.complete(count(5000)) == 5000


async def test_client_that_starts_another_when_done_needs_no_stack():
    done = []
    with driver() as made:

        def again(result):
            done.append(result)
            if len(done) < 5000:
                made.start(value(1), again)

        made.start(value(1), again)
        await until(lambda: len(done) == 5000)
    assert len(done) == 5000


@pytest.mark.loopback
async def test_identical_sub_questions_run_one_engine():
    metrics = Metrics()
    started, results = [], []

    def engine(server):
        started.append(1)
        return (yield from once(Ask(server, question(), 2.0)))

    with UdpServer(lambda packet: [reply_to(packet)]) as server:
        with driver(metrics, limits=Limits(waiters=200)) as made:
            for _ in range(200):
                made.start(sub("www.", engine, server.address), results.append)
            await turn()
            assert made.jobs == 201
            await until(lambda: len(results) == 200)
        assert len(started) == len(server.queries) == 1
    assert all(isinstance(r.result, Reply) for r in results)
    assert metrics.recursions_joined_total == 199


@pytest.mark.loopback
async def test_clients_over_the_bound_of_waiters_end_in_silence(black_hole):
    metrics, results = Metrics(), []
    with black_hole as server, driver(metrics, limits=Limits(waiters=3)) as made:
        for _ in range(5):
            made.start(sub("www.", once, Ask(server.address, question(), 2.0)), results.append)
        await turn()
        assert results == [None, None]
        assert made.jobs == 4
        assert metrics.dropped_total == 2


@pytest.mark.loopback
async def test_sub_questions_may_join_over_the_bound_of_clients():
    """The bound is for clients; an address that many questions need is no reason to drop them."""
    results = []
    with UdpServer(lambda packet: [reply_to(packet)]) as server:
        with driver(limits=Limits(waiters=1)) as made:
            needed = Ask(server.address, question("ns."), 2.0)
            for number in range(5):
                made.start(sub(f"{number}.", sub, "ns.", once, needed), results.append)
            await until(lambda: len(results) == 5)
        assert len(server.queries) == 1
    assert all(isinstance(r.result.result, Reply) for r in results)


async def test_question_that_waits_for_itself_gets_cycle():
    def selfish():
        return (yield from sub("a.", selfish))

    with driver() as made:
        assert await made.complete(sub("a.", selfish)) == Finished(Cycle())


async def test_wide_circle_gets_cycle_where_it_closes():
    seen = []

    def link(number):
        outcome = yield Sub((b"", (number + 1) % 20, 1), lambda: link((number + 1) % 20))
        if isinstance(outcome, Cycle):
            seen.append(number)
            return "closed"
        return outcome.result

    with driver() as made:
        outcome = await made.complete(sub("start.", link, 0))
    assert outcome == Finished("closed")
    # The first number 0 runs under the key of start.; the one under its own key closes the circle.
    assert seen == [0]


async def test_two_that_wait_for_a_third_are_no_circle():
    ends = []
    with driver() as made:
        made.start(sub("a.", sub, "c.", once, Ask(SILENT, question(), 0.05)), ends.append)
        made.start(sub("b.", sub, "c.", value, 1), ends.append)
        await until(lambda: len(ends) == 2)
    assert not any(isinstance(end.result, Cycle) for end in ends)


async def test_engine_that_raises_is_logged_once_and_ends_in_none(caplog):
    def broken():
        raise RuntimeError("spilt milk")
        yield

    metrics = Metrics()
    with driver(metrics) as made, caplog.at_level(logging.ERROR):
        assert await made.complete(broken()) is None
    assert metrics.exceptions_total == 1
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "spilt milk" in str(record.exc_info[1])


async def test_sub_question_that_raises_is_a_timeout_for_who_waits(caplog):
    def broken():
        raise RuntimeError("spilt milk")
        yield

    with driver() as made, caplog.at_level(logging.CRITICAL):
        assert await made.complete(sub("a.", broken)) == Timeout()


async def test_result_that_cannot_be_taken_harms_nobody_else(caplog):
    def fail(_):
        raise RuntimeError("spilt milk")

    metrics = Metrics()
    with driver(metrics) as made, caplog.at_level(logging.CRITICAL):
        made.start(value(1), fail)
        assert await made.complete(value(2)) == 2
    assert metrics.exceptions_total == 1


async def test_something_that_is_no_effect_is_our_mistake(caplog):
    def odd():
        yield "what?"

    metrics = Metrics()
    with driver(metrics) as made, caplog.at_level(logging.CRITICAL):
        assert await made.complete(odd()) is None
    assert metrics.exceptions_total == 1


@pytest.mark.loopback
async def test_client_over_the_bound_of_jobs_ends_in_silence(black_hole):
    results = []
    with black_hole as server, driver(limits=Limits(client_jobs=2)) as made:
        for _ in range(3):
            made.start(once(Ask(server.address, question(), 2.0)), results.append)
        assert results == [None]
        assert made.jobs == 2


@pytest.mark.loopback
async def test_oldest_client_makes_room_once_it_has_waited_long(black_hole):
    results = {}
    limits = Limits(client_jobs=2, displace_after_s=0.0)
    with black_hole as server, driver(limits=limits) as made:
        for number in range(3):
            await asyncio.sleep(0.01)
            asked = Ask(server.address, question(), 2.0)
            made.start(
                sub(f"{number}.", once, asked), lambda r, number=number: results.update({number: r})
            )
        await turn()
        assert results == {0: None}
        # The sub-question that only it waited for has ended with it.
        assert made.jobs == 4
        assert made.outbound.in_flight == 2


@pytest.mark.loopback
async def test_sub_question_over_the_bound_is_a_timeout(black_hole):
    results = []
    with black_hole as server, driver(limits=Limits(sub_jobs=1)) as made:
        asked = Ask(server.address, question(), 2.0)
        made.start(sub("a.", once, asked), results.append)
        made.start(sub("b.", once, asked), results.append)
        await turn()
        assert results == [Timeout()]


@pytest.mark.loopback
async def test_job_ends_at_its_deadline(black_hole):
    closed, results = [], []

    def engine(server):
        try:
            while True:
                yield Ask(server, question(), 0.05)
        finally:
            closed.append(1)

    with black_hole as server, driver(limits=Limits(job_s=0.2)) as made:
        made.start(sub("a.", engine, server.address), results.append)
        await until(lambda: bool(results))
        assert results == [None]
        assert closed == [1]
        assert made.jobs == made.outbound.in_flight == 0
        # The next one has a life of its own.
        assert await made.complete(value(3)) == 3


@pytest.mark.loopback
async def test_close_ends_every_job(black_hole):
    closed, results = [], []

    def engine(server):
        try:
            yield Ask(server, question(), 2.0)
        finally:
            closed.append(1)

    with black_hole as server:
        engines = [engine(server.address) for _ in range(3)]
        with driver() as made:
            for number, steps in enumerate(engines):
                made.start(sub(f"{number}.", lambda steps=steps: steps), results.append)
            await turn()
        assert results == [None] * 3
        assert closed == [1] * 3
        assert made.jobs == 0
        made.start(value(1), results.append)
        assert results[-1] is None


@pytest.mark.loopback
async def test_age_of_the_oldest_job_grows(black_hole):
    with black_hole as server, driver() as made:
        made.start(once(Ask(server.address, question(), 2.0)), lambda _: None)
        await until(lambda: made.oldest_job_age_s > 0.01)


@pytest.mark.loopback
async def test_asks_over_the_bound_of_sockets_wait_their_turn():
    shares = Shares(datagram_sockets=2, upstream_connections=1, client_connections=1)
    with UdpServer(lambda packet: [reply_to(packet)]) as server, driver(sockets=shares) as made:
        results = []
        for number in range(10):
            asked = Ask(server.address, question(f"n{number}."), 2.0, mix_case=False)
            made.start(once(asked), results.append)
        await turn()
        assert made.outbound.udp.in_flight == 2
        assert made.outbound.udp.queued == 8
        await until(lambda: len(results) == 10)
        asked_for = [packet[13:15] for packet in server.queries]
    assert all(isinstance(r, Reply) for r in results)
    assert asked_for == [f"n{number}".encode() for number in range(10)]


@pytest.mark.loopback
async def test_time_of_a_queued_ask_runs(black_hole):
    shares = Shares(datagram_sockets=1, upstream_connections=1, client_connections=1)
    results = []
    with black_hole as server, driver(sockets=shares) as made:
        made.start(once(Ask(server.address, question(), 2.0)), lambda _: None)
        made.start(once(Ask(server.address, question(), 0.05)), results.append)
        await until(lambda: bool(results))
        assert results == [Timeout()]
        assert made.outbound.udp.queued == 0
        assert len(server.queries) == 1


async def test_many_asks_that_wait_for_a_socket_and_cannot_be_sent():
    """Each one's end gives its place to the next, which ends at once as well."""
    results = []
    shares = Shares(datagram_sockets=1, upstream_connections=1, client_connections=1)
    with driver(sockets=shares) as made:
        for _ in range(900):
            made.start(once(Ask(Address("255.255.255.255"), question(), 60.0)), results.append)
        await until(lambda: len(results) == 900)
        assert made.outbound.in_flight == made.outbound.udp.in_flight == 0
    assert all(isinstance(result, Unreachable) for result in results)


async def test_work_of_a_turn_is_bounded():
    """Whatever stands in line: the event loop gets its turn, and the rest is done after it."""
    passed_s = 0.0
    done = []

    def dear():
        nonlocal passed_s
        passed_s += TURN_S / 4
        return 1
        yield

    with driver(cost_clock=lambda: passed_s) as made:
        for _ in range(10):
            made.start(dear(), done.append)
        counts = []
        for _ in range(3):
            await turn()
            counts.append(len(done))
        assert counts == [4, 8, 10]
