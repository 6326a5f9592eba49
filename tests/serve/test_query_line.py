"""A line of the query log has every field, whatever the outcome, and nobody can forge one (O09)."""

import json
import re
from typing import Any

import pytest
from recording import CLIENT, Recorded

from resolver import names
from resolver.codes import Ede, Opcode
from resolver.effects import Steps
from resolver.model import Answer, Edns, ExtendedError, Message, Question, Source
from resolver.policy.blocklist import read_block_list
from resolver.policy.lines import Complaints
from resolver.policy.local import Blocking, Overlay
from resolver.serve.home import Home
from resolver.serve.query_line import FIELDS, entry_of, entry_of_packet, show_json, show_text
from resolver.serve.request import Request
from resolver.slices import finish
from resolver.testing import Internet, Watch, zone
from resolver.wire.build import build_query

ROOT, EXAMPLE = "198.51.100.1", "198.51.100.4"
TIME = "2026-01-02T03:04:05.678Z"


def tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("example.", EXAMPLE, zone("example.", "www A 192.0.2.7\nwww A 192.0.2.8"))
    return net


def lines(recorded: Recorded) -> list[dict[str, Any]]:
    """What the query log says of everything that was seen, through both forms."""
    entries = [entry_of(*seen, TIME) for seen in recorded.seen.ends]
    for entry in entries:
        assert tuple(entry) == FIELDS
        assert show_text(entry).isprintable()
    return [json.loads(show_json(entry)) for entry in entries]


def test_a_resolution_and_then_the_cache() -> None:
    recorded = Recorded(tree())
    recorded.ask("www.example. A")
    recorded.ask("www.example. A")
    first, second = lines(recorded)
    assert first == {
        "time": TIME,
        "client": "127.0.0.1",
        "transport": "udp",
        "opcode": "QUERY",
        "qname": "www.example.",
        "qtype": "A",
        "qclass": "IN",
        "flags": ["RD"],
        "rcode": "NOERROR",
        "source": "recursion",
        "upstream": 2,
        "ms": 20.0,
        "answers": 2,
        "policy": None,
        "ede": [],
        "record": None,
    }
    assert (second["source"], second["upstream"], second["ms"]) == ("cache", 0, 0.0)


def test_a_failure_says_why_and_where_to_read_more() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example. A")
    recorded.clock.advance(1)
    recorded.ask("www.example. A")
    first, second = lines(recorded)
    record = recorded.last("www.example. A")
    assert first["ede"][0] == {"code": Ede.NO_REACHABLE_AUTHORITY, "text": record.errors[0].text}
    assert first["record"] == second["record"] == record.number
    assert [ede["code"] for ede in second["ede"]][1:] == [Ede.CACHED_ERROR]
    assert f"record={record.number}" in show_text(entry_of(*recorded.seen.ends[0], TIME))


def test_the_block_list_is_named() -> None:
    blocked = finish(read_block_list([b"||ads.example^\n"], "ads.txt", Complaints("ads.txt")))
    recorded = Recorded(tree(), local=Home(Overlay(blocks=[Blocking(blocked)])))
    recorded.ask("x.ads.example. A")
    (line,) = lines(recorded)
    assert (line["rcode"], line["source"]) == ("NXDOMAIN", "policy")
    assert line["policy"] == "ads.example. is on the block list ads.txt"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"\x00\x01\x00\x00\x00\x01" + bytes(6) + b"\x07", (None, "FORMERR", "malformed")),
        (
            b"\x00\x01" + (Opcode.STATUS << 11).to_bytes(2, "big") + bytes(8),
            (None, "NOTIMP", "server"),
        ),
    ],
)
def test_what_has_no_question_has_every_field_too(sent: bytes, expected: tuple[Any, ...]) -> None:
    recorded = Recorded(tree())
    recorded.service.respond(sent, CLIENT, stream=True)
    (line,) = lines(recorded)
    assert (line["qname"], line["rcode"], line["source"]) == expected
    assert line["transport"] == "tcp"


def test_no_reply_is_told_as_such() -> None:
    recorded = Recorded(tree())
    steps: Steps[Any] = recorded.begin("www.example. A")
    next(steps)
    steps.close()
    (line,) = lines(recorded)
    assert (line["rcode"], line["source"]) == (None, "dropped")


def test_hostile_names_and_texts_make_no_second_line_and_no_escape_sequence() -> None:
    name = b'\x0aa\n\x1b[2J\xff"\\.\x03com\x00'
    request = Request(Message(1, 0, [Question(name, 65280, 1)]), CLIENT, 0, False)
    text = 'from a server: "\n\x1b[31m\u202e{"time":1}'
    answer = Answer(extended_errors=(ExtendedError(Ede.OTHER, text),), source=Source.RECURSION)
    entry = entry_of(request, answer, 0.1, TIME)
    for line in (show_json(entry), show_text(entry)):
        assert re.fullmatch(r"[ -~]+", line)
    read = json.loads(show_json(entry))
    assert names.read(read["qname"]) == name
    assert read["ede"][0]["text"] == text
    assert read["qtype"] == "TYPE65280"


def test_the_text_form_of_one_line() -> None:
    net = tree()
    net.refuse(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example. A")
    shown = show_text(entry_of(*recorded.seen.ends[0], TIME))
    number = recorded.last("www.example. A").number
    assert shown == (
        f"{TIME} 127.0.0.1 udp www.example. A SERVFAIL recursion 20.0ms upstream=2 answers=0"
        ' flags=RD ede=22:"no server of example. answered: 198.51.100.4#53 rcode REFUSED"'
        f" record={number}"
    )


def test_finished_packets_have_the_same_fields() -> None:
    recorded = Recorded(tree())
    sent = build_query(
        7,
        Question(names.read("www.example."), 1),
        edns=Edns(dnssec_ok=True),
        recursion_desired=True,
    )
    steps = recorded.service.respond(sent, CLIENT, stream=False)
    replies: list[Any] = []
    recorded.world.driver.start(steps, replies.append, Watch())  # type: ignore[arg-type]
    recorded.world.driver.run()
    entry = entry_of_packet(replies[0], CLIENT, 0.000_01, TIME, stream=False)
    assert entry is not None
    assert tuple(entry) == FIELDS
    assert (entry["qname"], entry["qtype"], entry["rcode"]) == ("www.example.", "A", "NOERROR")
    assert (entry["source"], entry["upstream"], entry["answers"]) == ("cache", 0, 2)
    assert entry["flags"] == ["RD", "DO"]
    assert entry_of_packet(b"scrap", CLIENT, 0.0, TIME, stream=False) is None
