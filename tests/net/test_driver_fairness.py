"""The driver shares its time between clients (S04): what engines take is counted by a clock that
they move themselves, so nothing here depends on the machine."""

import asyncio

import pytest
from upstreams import driver, question, turn, until

from resolver.effects import Await, Finished, Spawn, Sub, Timeout
from resolver.net import run
from resolver.net.job import Limits
from resolver.net.run import MOST_AT_ONCE, TURN_S

HEAVY, LIGHT = b"\x0a\0\0\1", b"\x0a\0\0\2"
PIECE_S = TURN_S / 2


class Work:
    """Engines that take time, and in which order they took it."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.order: list[str] = []

    def clock(self) -> float:
        """What the driver measures."""
        return self.passed_s

    def piece(self, name: str, cost_s: float = PIECE_S):
        self.passed_s += cost_s
        self.order.append(name)
        return name
        yield

    def sub(self, name: str):
        """An engine that has a sub-question do its work."""
        return (yield Sub(question(name).key, lambda: self.piece(name, 10 * PIECE_S)))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()
    monkeypatch.setattr(run, "WINDOW_S", 1e9)  # as if no time passed but that of the engines
    return made


async def test_what_there_is_time_for_begins_at_once(work: Work) -> None:
    with driver(cost_clock=work.clock) as made:
        made.start(work.piece("one"), lambda _: None, HEAVY)
        made.start(work.piece("two"), lambda _: None, LIGHT)
        assert made._fairness.waiting == 0
        await turn()
        assert work.order == ["one", "two"]


async def test_a_light_client_is_not_behind_a_heavy_one(work: Work) -> None:
    """However many questions of the other wait: at most one turn's worth of them goes before, and
    those that were begun together when nobody else was there."""
    done = []
    with driver(cost_clock=work.clock) as made:
        for i in range(300):
            made.start(work.piece(f"h{i}"), done.append, HEAVY)
        assert made._fairness.waiting == 300 - MOST_AT_ONCE
        assert made._metrics.recursions_waited_total == 300 - MOST_AT_ONCE
        await turn()
        assert len(work.order) < 10
        made.start(work.piece("light"), done.append, LIGHT)
        made.start(work.piece("again"), done.append, LIGHT)
        await until(lambda: "again" in work.order)
        assert work.order.index("light") < MOST_AT_ONCE + 10
        assert work.order.index("again") < MOST_AT_ONCE + 12
        await until(lambda: len(done) == 302)
        assert made.jobs == 0


async def test_cost_counts_not_the_number_of_questions(work: Work) -> None:
    """Ten times the work for each question: a tenth of the questions. Work that is done by
    sub-questions counts for who asked first."""
    with driver(cost_clock=work.clock) as made:
        made.start(work.piece("first", 3 * TURN_S), lambda _: None, b"\x0a\0\0\3")
        await turn()
        for i in range(100):
            made.start(work.sub(f"dear{i}."), lambda _: None, HEAVY)
            made.start(work.piece(f"cheap{i}"), lambda _: None, LIGHT)
        await until(lambda: len(work.order) > 60)
        dear = sum(name.startswith("dear") for name in work.order[:60])
        assert 3 <= dear <= 8
        await until(lambda: made.jobs == 0)


async def test_one_client_leaves_places_to_others() -> None:
    """Half of all places are the most that one client has."""
    results = []

    def wait():
        return (yield Await(lambda done: None))

    with driver(limits=Limits(client_jobs=40)) as made:
        for _ in range(100):
            made.start(wait(), results.append, HEAVY)
        assert made._fairness.running == 20
        assert made._fairness.waiting == 20
        assert results == [None] * 60
        assert made._metrics.recursions_given_up_total == 60
        made.start(wait(), results.append, LIGHT)
        assert made._fairness.running == 21
    assert len(results) == 101


async def test_a_place_that_is_left_is_taken_by_who_waits(work: Work) -> None:
    ends, results = [], []

    def wait():
        return (yield Await(ends.append))

    with driver(cost_clock=work.clock, limits=Limits(client_jobs=4)) as made:
        for _ in range(4):
            made.start(wait(), results.append, HEAVY)
        await turn()
        assert len(ends) == 2
        assert made._fairness.waiting == 2
        ends[0]("done")
        await until(lambda: len(ends) == 3)
        assert made._fairness.waiting == 1


def held(ends: list):
    """An engine that ends when the test says so."""
    return (yield Await(ends.append))


async def test_of_a_question_that_many_join_the_first_pays(work: Work) -> None:
    """Joining is not free of places, but nearly of cost: the work is done once."""
    ends, results = [], []

    def dear():
        work.passed_s += 10 * PIECE_S
        return (yield Await(ends.append))

    def join():
        return (yield Sub(question("shared.").key, dear))

    with driver(cost_clock=work.clock) as made:
        made.start(join(), results.append, HEAVY)
        made.start(join(), results.append, LIGHT)
        await turn()
        assert made._fairness.running == 2
        heavy, light = made._fairness.enter(HEAVY), made._fairness.enter(LIGHT)
        assert heavy.spent_s >= 10 * PIECE_S
        assert light.spent_s < PIECE_S
        ends[0]("done")
        await turn()
        assert results == [Finished(Finished("done"))] * 2
        assert made.jobs == made._fairness.running == 0


@pytest.mark.loopback
async def test_who_loses_patience_with_shared_work_gives_his_place_back() -> None:
    """The client has its result once, the work it waited for goes on without it."""
    ends, results = [], []

    def impatient():
        return (yield Sub(question("slow.").key, lambda: held(ends), patience_s=0.01))

    with driver() as made:
        made.start(impatient(), results.append, HEAVY)
        made.start(impatient(), results.append, LIGHT)
        await until(lambda: len(results) == 2)
        assert results == [Timeout()] * 2
        assert made._fairness.running == 0
        assert made.jobs == 1
        ends[0](None)
        await turn()
        assert made.jobs == 0
    assert len(results) == 2


async def test_close_tells_everybody_once(work: Work) -> None:
    """Whoever runs, whoever waits, and whoever comes while that is being done."""
    told: list[object] = []
    late: list[object] = []

    def again(result: object) -> None:
        told.append(result)
        made.start(held([]), late.append, LIGHT)

    with driver(cost_clock=work.clock, limits=Limits(client_jobs=10)) as made:
        for _ in range(10):
            made.start(held([]), again, HEAVY)
        assert made._fairness.running == made._fairness.waiting == 5
    assert told == late == [None] * 10
    assert made.jobs == made._fairness.running == made._fairness.waiting == 0
    await asyncio.sleep(0)  # the turn that was due does nothing
    assert len(told) == 10


async def test_work_of_our_own_waits_for_nobody(work: Work) -> None:
    """It asks for no turn and has no account: what the server itself wants is not a client's."""
    with driver(cost_clock=work.clock) as made:
        for i in range(100):
            made.start(work.piece(f"h{i}"), lambda _: None, HEAVY)
        assert made._fairness.waiting
        made.start(work.piece("own"), lambda _: None)
        await until(lambda: "own" in work.order)
        assert work.order.index("own") <= MOST_AT_ONCE + 2
        assert len(made._fairness) == 1


async def test_background_work_is_its_clients_cost(work: Work) -> None:
    """A refresh that a client has set off goes on after it, and counts for it."""
    ends = []

    def refresh():
        work.passed_s += 10 * PIECE_S
        return (yield Await(ends.append))

    def client():
        return (yield Spawn(question("stale.").key, refresh))

    with driver(cost_clock=work.clock) as made:
        made.start(client(), lambda _: None, HEAVY)
        await turn()
        assert made._fairness.running == 0
        assert made.jobs == 1
        assert made._fairness.enter(HEAVY).spent_s >= 10 * PIECE_S
        ends[0](None)
        await turn()
        assert made.jobs == 0


async def test_many_behind_one_address_are_served_when_the_server_is_idle() -> None:
    """As many at a time as half of the places, one after the other without end."""
    ends, results = [], []
    with driver(limits=Limits(client_jobs=100)) as made:
        for begun in range(50, 1000, 50):
            for _ in range(50):
                made.start(held(ends), results.append, HEAVY)
            await until(lambda begun=begun: len(ends) == begun)
            for end in ends[-50:]:
                end("done")
            await until(lambda begun=begun: len(results) == begun)
        assert results == [Finished("done")] * len(ends)


async def test_the_oldest_makes_room_for_who_has_nothing() -> None:
    """When every place is taken by slow work, also for one who has to wait for his turn."""
    results = []
    with driver(limits=Limits(client_jobs=3, displace_after_s=0.0)) as made:
        for number in range(3):
            made.start(held([]), results.append, bytes((10, 0, 0, number)))
            await asyncio.sleep(0.002)
        assert made._fairness.is_full
        made.start(held([]), results.append, b"\x0a\0\0\x09")
        await until(lambda: results == [None])
        assert made._fairness.running == 3
        assert made._fairness.enter(b"\x0a\0\0\x09").running == 1


async def test_who_raises_or_is_ended_gives_his_place_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    results = []

    def broken():
        raise ValueError("our own mistake")
        yield

    with driver(limits=Limits(client_jobs=100, job_s=0.05)) as made:
        made.start(broken(), results.append, HEAVY)
        await turn()
        assert made._fairness.running == 0
        assert "an engine raised" in caplog.text
        made.start(held([]), results.append, HEAVY)
        await until(lambda: len(results) == 2)
        assert results == [None, None]
        assert made._fairness.running == made.jobs == 0


async def test_turns_stay_short_while_much_waits(work: Work) -> None:
    """What is left in line and what waits for its turn do not add up from turn to turn."""
    done: list[object] = []
    with driver(cost_clock=work.clock) as made:
        for i in range(300):
            made.start(work.piece(f"h{i}", TURN_S / 4), done.append, HEAVY)
        longest = 0
        while len(done) < 300:
            before = len(done)
            await turn()
            longest = max(longest, len(done) - before)
        assert longest <= 2 * 4  # a turn's work of those in line, and one of those that wait
