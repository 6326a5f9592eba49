"""Handlers that only unusual queries concern are asked about these, and about no others."""

import pytest

from resolver.codes import EdnsOption, Opcode, RRClass, RRType
from resolver.model import Answer, Edns, EdnsOptionValue, Message, Question
from resolver.names import read
from resolver.serve.pipeline import Unusual
from resolver.serve.request import Handled, Request

NAME = read("www.example.")
TELLS = Answer()
OPTION = EdnsOptionValue(EdnsOption.NSID, b"")


def told(message: Message) -> Handled:
    return Unusual([lambda request: TELLS]).handle(Request(message, bytes(4), 0, False))


def query(
    qtype: int = RRType.A, qclass: int = RRClass.IN, *, edns: Edns | None = None, flags: int = 0x100
) -> Message:
    return Message(1, flags, [Question(NAME, qtype, qclass)], edns=edns)


@pytest.mark.parametrize(
    "usual",
    [
        query(),
        query(RRType.ANY),
        query(65280),
        query(edns=Edns(dnssec_ok=True), flags=0x130),
    ],
)
def test_nobody_is_asked_about_a_question_for_data(usual: Message) -> None:
    assert told(usual) is None


@pytest.mark.parametrize(
    "unusual",
    [
        query(RRType.AXFR),
        query(RRType.OPT),
        query(qclass=RRClass.CH),
        query(qclass=RRClass.ANY),
        query(edns=Edns(version=1)),
        query(edns=Edns(options=(OPTION,))),
        query(flags=Opcode.NOTIFY << 11),
        query(flags=Opcode.UPDATE << 11),
        Message(1, 0x100),
        Message(1, 0x100, [Question(NAME, 1), Question(NAME, 1)]),
    ],
)
def test_all_others_are_seen(unusual: Message) -> None:
    assert told(unusual) is TELLS
