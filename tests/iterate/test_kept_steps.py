"""The record of a resolution keeps the things that its steps were taken with, and tells the steps
when somebody asks."""

import gc

import pytest
from trees import small_tree

from resolver.codes import RRType
from resolver.effects import Ask, Reply
from resolver.iterate import steps
from resolver.model import Address, Answer, ExtendedError, Message, Question, Source
from resolver.names import read
from resolver.testing import World
from resolver.trace import MAX_NOTES, Trace

SERVER = Address("192.0.2.53")
WWW = Question(read("www.example.com."), int(RRType.A))


@pytest.fixture
def ask() -> Ask:
    made = Ask(SERVER, WWW, 0.4)
    made.at, made.depth = 10.0, 1
    return made


@pytest.fixture
def reply(ask: Ask) -> Reply:
    made = Reply(Message(7, 0x8400), 0.02, 77)
    made.ask, made.at = ask, 10.02
    return made


def test_a_walk_is_told_step_by_step() -> None:
    _, watch = World(small_tree(), priming=False).ask("www.example.com. A")
    kinds = [step["step"] for step in watch.trace.steps()]
    once = ["delegation", "ask", "reply", "says"]
    assert kinds == ["cache", *once, *once, *once]
    assert [step["zone"] for step in watch.trace.steps() if step["step"] == "delegation"] == [
        ".",
        "com.",
        "example.com.",
    ]


def test_a_reply_that_comes_to_nothing_says_nothing(reply: Reply) -> None:
    trace = Trace()
    trace.keep(reply)
    assert [step["step"] for step in trace.steps()] == ["reply"]


def test_what_comes_after_a_record_was_read_is_told_as_well(ask: Ask, reply: Reply) -> None:
    trace = Trace()
    trace.keep(ask)
    trace.note(10.01, steps.STALE, WWW, "late")
    trace.settle()
    before = trace.octets
    trace.keep(reply)
    assert [step["step"] for step in trace.steps()] == ["ask", "stale", "reply"]
    told = trace.lines()
    trace.settle()
    assert trace.octets > before
    assert trace.lines() == told


def test_records_are_bounded(ask: Ask) -> None:
    trace = Trace()
    for _ in range(MAX_NOTES + 5):
        trace.keep(ask)
    trace.note(10.0, steps.PRIMING)
    assert len(trace.notes) == trace.size == MAX_NOTES


def test_every_record_has_a_number_of_its_own() -> None:
    first, second = Trace(), Trace()
    assert second.number != first.number
    assert (first.number, second.number) == (first.number, second.number)


def test_what_is_answered_here_does_not_lead_back_to_its_record() -> None:
    """Records are freed without a search for circles (native.py)."""
    trace = Trace()
    answer = Answer(extended_errors=(ExtendedError(0, "so"),), source=Source.LOCAL, trace=trace)
    ours = steps.Ours(answer)
    assert str(ours) == "so"
    assert all(answer is not held for held in gc.get_referents(ours))
