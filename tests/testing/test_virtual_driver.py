"""The driver on the virtual clock, with toy engines."""

import pytest

from resolver import names
from resolver.effects import (
    Ask,
    Cycle,
    Finished,
    Malformed,
    Outcome,
    Reply,
    Spawn,
    Started,
    Steps,
    Sub,
    Timeout,
    Unreachable,
    WrongCase,
)
from resolver.model import Address, Question
from resolver.testing import Internet, ManualClock, Watch, drive, zone
from resolver.testing.driver import Driver

SERVER = "198.51.100.3"
WWW = Question(names.read("www.example.com."), 1)


@pytest.fixture
def net() -> Internet:
    made = Internet()
    made.host("example.com.", SERVER, zone("example.com.", "www A 192.0.2.7"))
    return made


def ask_once(**changes) -> Steps[Outcome]:
    options = {"timeout_s": 1.0} | changes
    return (yield Ask(Address(SERVER), WWW, **options))


def test_a_reply_is_a_parsed_message(net: Internet):
    outcome, watch = drive(ask_once(), net)
    assert isinstance(outcome, Reply)
    assert [r.rdatas for r in outcome.message.answer] == [(b"\xc0\x00\x02\x07",)]
    assert outcome.rtt_s == pytest.approx(net.rtt_s)
    assert [(a.server, a.question, a.outcome) for a in watch.asks] == [
        (SERVER, "www.example.com. A", "Reply")
    ]


def test_the_case_is_mixed_on_the_way_out(net: Internet):
    seen = []
    net.fault(SERVER, lambda query, response: seen.append(str(query.record.q.qname)) or response)
    drive(ask_once(), net)
    drive(ask_once(mix_case=False), net)
    assert seen[0] != seen[1] == "www.example.com."
    assert seen[0].lower() == seen[1]


def test_edns_and_recursion_desired_go_out_as_asked(net: Internet):
    seen = []
    net.fault(SERVER, lambda query, response: seen.append(query) or response)
    drive(ask_once(edns_size=700), net)
    drive(ask_once(edns_size=None, recursion_desired=True), net)
    assert [(q.edns_size, q.record.header.rd) for q in seen] == [(700, 0), (None, 1)]


def test_silence_costs_the_timeout(net: Internet):
    net.dead(SERVER)
    clock = ManualClock()
    start = clock.now()
    outcome, _ = drive(ask_once(timeout_s=0.7), net, clock=clock)
    assert outcome == Timeout()
    assert clock.now() - start == pytest.approx(0.7)


def test_a_late_reply_is_none(net: Internet):
    net.delay(SERVER, 0.5)
    assert drive(ask_once(timeout_s=0.4), net)[0] == Timeout()
    assert isinstance(drive(ask_once(timeout_s=0.6), net)[0], Reply)


def test_unreachable_is_known_at_once(net: Internet):
    net.unreachable(SERVER)
    clock = ManualClock()
    start = clock.now()
    outcome, _ = drive(ask_once(), net, clock=clock)
    assert isinstance(outcome, Unreachable)
    assert clock.now() == start


def test_garbage_is_malformed(net: Internet):
    net.garbage(SERVER)
    assert isinstance(drive(ask_once(), net)[0], Malformed)


def test_a_bare_header_is_malformed_with_its_rcode(net: Internet):
    net.no_edns(SERVER, "header_only")
    outcome, _ = drive(ask_once(), net)
    assert isinstance(outcome, Malformed)
    assert outcome.rcode == 1


def test_lost_case_is_told(net: Internet):
    net.lose_case(SERVER)
    assert drive(ask_once(), net)[0] == WrongCase()
    assert isinstance(drive(ask_once(mix_case=False), net)[0], Reply)


def test_another_question_is_ignored(net: Internet):
    net.wrong_question(SERVER)
    assert drive(ask_once(), net)[0] == Timeout()


def test_a_wrong_id_moves_the_ask_to_tcp(net: Internet):
    net.forge(SERVER, "www.example.com. A 192.0.2.66", over="udp")
    outcome, _ = drive(ask_once(), net)
    assert isinstance(outcome, Reply)
    assert outcome.message.answer[0].rdatas == (b"\xc0\x00\x02\x07",)
    assert [seen.stream for seen in net.log] == [False, True]


def test_wrong_ids_for_ever_are_a_timeout(net: Internet):
    net.wrong_id(SERVER)
    assert drive(ask_once(), net)[0] == Timeout()


def test_a_sub_gives_its_result(net: Internet):
    def outer() -> Steps[str]:
        outcome = yield Sub(WWW.key, ask_once)
        assert isinstance(outcome, Finished)
        return type(outcome.result).__name__

    result, watch = drive(outer(), net)
    assert result == "Reply"
    assert watch.asked(SERVER) == 1


def test_a_sub_that_would_wait_for_itself_is_a_cycle(net: Internet):
    def question(name: str, needs: str) -> Steps[Outcome]:
        return (
            yield Sub((needs.encode(), 1, 1), lambda: question(needs, {"a": "b", "b": "a"}[needs]))
        )

    outcome, _ = drive(question("start", "a"), net)
    # start waits for a, a waits for b, b would wait for a.
    assert outcome == Finished(Finished(Cycle()))


def test_equal_subs_are_joined(net: Internet):
    def outer() -> Steps[Outcome]:
        return (yield Sub(WWW.key, ask_once))

    driver = Driver(net, ManualClock())
    results: list[Outcome] = []
    for _ in range(20):
        driver.start(outer(), results.append, Watch())
    driver.run()
    assert len(results) == 20
    assert net.count() == 1


def test_spawned_work_is_done_beside(net: Internet):
    done: list[Outcome] = []

    def background() -> Steps[None]:
        done.append((yield from ask_once()))

    def outer() -> Steps[list[Outcome]]:
        first = yield Spawn(WWW.key, background)
        second = yield Spawn(WWW.key, background)
        assert not done
        return [first, second]

    result, watch = drive(outer(), net)
    assert result == [Started(), Started()]
    assert watch.asked(SERVER) == 1
    assert isinstance(done[0], Reply)


def test_patience_ends_the_waiting_and_not_the_work(net: Internet):
    net.delay(SERVER, 0.5)
    clock = ManualClock()
    start = clock.now()
    times: list[float] = []

    def impatient() -> Steps[Outcome]:
        first = yield Sub(WWW.key, ask_once, patience_s=0.2)
        times.append(clock.now() - start)
        assert first == Timeout()
        return (yield Sub(WWW.key, ask_once, patience_s=9.0))

    outcome, watch = drive(impatient(), net, clock=clock)
    assert isinstance(outcome, Finished)
    assert isinstance(outcome.result, Reply)
    assert watch.asked(SERVER) == 1
    assert times == [pytest.approx(0.2)]
    assert clock.now() - start == pytest.approx(0.51)


def test_engines_wait_at_the_same_time(net: Internet):
    clock = ManualClock()
    start = clock.now()
    driver = Driver(net, clock)
    net.dead(SERVER)
    order: list[float] = []
    for timeout_s in (0.9, 0.3, 0.6):
        driver.start(ask_once(timeout_s=timeout_s), lambda _, t=timeout_s: order.append(t), Watch())
    driver.run()
    assert order == [0.3, 0.6, 0.9]
    assert clock.now() - start == pytest.approx(0.9)


def test_what_an_engine_raises_comes_out(net: Internet):
    def broken() -> Steps[None]:
        yield from ask_once()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive(broken(), net)


def test_an_engine_without_end_is_stopped(net: Internet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resolver.testing.driver.MAX_EFFECTS", 50)

    def endless() -> Steps[None]:
        while True:
            yield from ask_once()

    with pytest.raises(RuntimeError, match="did not end within 50 effects"):
        drive(endless(), net)


def test_two_runs_are_the_same():
    def twenty() -> Steps[list[str]]:
        outcomes = []
        for _ in range(20):
            outcome = yield from ask_once()
            outcomes.append(type(outcome).__name__)
        return outcomes

    def run_again() -> list[str]:
        made = Internet(seed=3)
        made.host("example.com.", SERVER, zone("example.com.", "www A 192.0.2.7"))
        made.lose(SERVER, share=0.5)
        return drive(twenty(), made)[0]

    assert run_again() == run_again()


def test_the_manual_clock_only_goes_forward():
    clock = ManualClock()
    wall = clock.wall()
    clock.advance(2.5)
    assert (clock.now(), clock.wall() - wall) == (1002.5, 2.5)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
