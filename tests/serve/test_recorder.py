"""The flight recorder: failures and slow answers are kept with every step, always, and bounded."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from recording import CLIENT, Recorded, packet, told

from resolver import names
from resolver.codes import Ede, Rcode
from resolver.effects import Ask, Steps, Sub
from resolver.model import Source
from resolver.policy.special import special_zones
from resolver.serve.home import Home
from resolver.serve.report import record_facts, show_record
from resolver.serve.why import explain
from resolver.testing import Internet, Watch, zone
from resolver.testing.world import read_question
from resolver.trace import NOTHING
from resolver.zone.store import ZoneStore

ROOT, COM, EXAMPLE, SECOND = (f"198.51.100.{i}" for i in (1, 2, 4, 6))
FAR = "198.51.100.7"


def tree(*servers: str) -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", *(servers or (EXAMPLE,)), zone("example.com.", "www A 192.0.2.7"))
    return net


def sent(recorded: Recorded, question: str) -> list[tuple[str, str, bool]]:
    """What the record of a question says was sent: server, question, over TCP or not."""
    asked = record_facts(recorded.last(question))["asked"]
    return [
        (a["server"].rpartition("#")[0], a["question"].lower(), a["transport"] == "TCP")
        for a in asked
    ]


def got(net: Internet) -> list[tuple[str, str, bool]]:
    """What the servers got."""
    return [(seen.server, seen.question.lower(), seen.stream) for seen in net.log]


Break = Callable[[Internet], object]


@pytest.mark.parametrize(
    "broken",
    [
        lambda net: net.servfail(EXAMPLE),
        lambda net: net.refuse(EXAMPLE),
        lambda net: (net.refuse(EXAMPLE), net.servfail(SECOND)),
        lambda net: net.truncate(EXAMPLE) and net.servfail(EXAMPLE, over="tcp"),
        lambda net: net.no_edns(EXAMPLE) and net.servfail(EXAMPLE),
        lambda net: net.garbage("*"),
        lambda net: net.lame(EXAMPLE),
        lambda net: net.error(COM, "REFUSED"),
    ],
    ids=["servfail", "refused", "both", "truncated", "no EDNS", "garbage", "lame", "top level"],
)
def test_the_record_lists_exactly_the_packets_that_the_servers_saw(broken: Break) -> None:
    net = tree(EXAMPLE, SECOND) if "SECOND" in broken.__code__.co_names else tree()
    broken(net)
    recorded = Recorded(net)
    assert recorded.ask("www.example.com. A").rcode == Rcode.SERVFAIL
    assert sent(recorded, "www.example.com. A") == got(net)
    assert len(got(net)) >= 1


def test_servers_that_never_reply_are_in_the_record_with_every_try() -> None:
    net = tree()
    net.dead(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    asked = record_facts(recorded.last("www.example.com. A"))["asked"]
    tries = [a for a in asked if a["server"].startswith(EXAMPLE)]
    assert [a["outcome"] for a in tries] == ["timeout"] * len(tries)
    assert len(tries) == net.count(EXAMPLE)
    assert {a["name"] for a in tries} == {"ns1.example.com."}


def test_a_server_looked_up_by_name_is_shown_with_it() -> None:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.far.net."))
    net.host("net.", SECOND)
    net.host("far.net.", FAR, zone("far.net.", f"ns A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    asked = record_facts(recorded.last("www.example.com. A"))["asked"]
    last = next(a for a in asked if a["server"].startswith(EXAMPLE))
    assert (last["server"], last["name"]) == (f"{EXAMPLE}#53", "ns.far.net.")
    assert (last["rcode"], last["reason"]) == ("SERVFAIL", "rcode SERVFAIL")
    assert last["rtt_ms"] > 0


def test_what_goes_well_and_fast_is_not_kept() -> None:
    recorded = Recorded(tree())
    assert recorded.ask("www.example.com. A").rcode == Rcode.NOERROR
    assert recorded.ask("nope.example.com. A").rcode == Rcode.NXDOMAIN
    assert len(recorded.recorder.failures) == len(recorded.recorder.slow) == 0


def test_a_slow_answer_is_kept_apart_from_failures() -> None:
    net = tree()
    net.dead(EXAMPLE, first=2)
    recorded = Recorded(net, slow=0.3)
    assert recorded.ask("www.example.com. A").rcode == Rcode.NOERROR
    record = recorded.last("www.example.com. A")
    assert not record.failed
    assert record.seconds > 0.3
    assert [r.number for r in recorded.recorder.slow.newest_first()] == [record.number]
    assert len(recorded.recorder.failures) == 0
    assert recorded.told == []


def test_a_remembered_failure_leads_to_the_record_of_its_cause() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    first = recorded.last("www.example.com. A")
    for _ in range(3):
        recorded.clock.advance(1)
        assert Ede.CACHED_ERROR in {code for code, _ in told(recorded.ask("www.example.com. A"))}
    again = recorded.last("www.example.com. A")
    assert again is first
    assert (again.times, len(recorded.told)) == (4, 1)
    assert again.last_at == again.at + 3
    assert len(recorded.recorder.failures) == 1


def test_a_failure_met_on_the_way_names_the_record_that_it_is_in() -> None:
    """The alias of one client leads to a name that has failed for another before."""
    net = tree()
    net.host("other.com.", SECOND, zone("other.com.", "a CNAME www.example.com."))
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    cause = recorded.last("www.example.com. A")
    recorded.clock.advance(1)
    recorded.ask("a.other.com. A")
    facts = record_facts(recorded.last("a.other.com. A"))
    assert facts["causes"] == [cause.number]
    assert recorded.recorder.find(cause.number) is cause
    assert f"see also: record {cause.number}" in "\n".join(show_record(facts))


def test_clients_that_joined_a_question_share_its_record() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask_all(["www.example.com. A"] * 20)
    assert len(recorded.recorder.failures) == 1
    assert recorded.last("www.example.com. A").times == 20
    assert sent(recorded, "www.example.com. A") == got(net)
    joined = [r.trace for r, _, _ in recorded.seen.ends if r.trace is not None and not r.trace.sent]
    number = recorded.last("www.example.com. A").number
    assert len(joined) == 19
    assert all(any(f"record {number}" in line for line in t.lines()) for t in joined)


def test_questions_that_share_a_step_name_each_other() -> None:
    """Two names below one cut are on the same way, which only one of them goes."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", "a.b A 192.0.2.1\nc.b A 192.0.2.2"))
    net.servfail(COM)
    recorded = Recorded(net)
    recorded.ask_all(["a.b.example.com. A", "c.b.example.com. A"])
    records = [recorded.last(f"{x}.b.example.com. A") for x in "ac"]
    numbers = {record.number for record in records}
    causes = {n for record in records for n in record_facts(record)["causes"]}
    assert len(numbers) == 2
    assert causes
    assert causes <= numbers


def test_a_client_without_reply_is_recorded_with_what_was_done_so_far() -> None:
    recorded = Recorded(tree())
    steps = recorded.begin("www.example.com. A")
    jobs: list[Steps[Any]] = [steps]
    while not isinstance(effect := next(jobs[-1]), Ask):
        assert isinstance(effect, Sub)
        jobs.append(effect.start())
    recorded.clock.advance(12)
    steps.close()
    record = recorded.last("www.example.com. A")
    assert record.answer.source is Source.DROPPED
    assert record.seconds == pytest.approx(12)
    assert record.reason == "the client got no reply"
    assert record_facts(record)["asked"][0]["outcome"] == "no reply yet"
    for job in reversed(jobs):
        job.close()


def test_stale_data_is_recorded_and_work_after_it_is_in_the_record() -> None:
    net = tree()
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    recorded.clock.advance(10_000)
    net.dead("*")
    reply = recorded.ask("www.example.com. A")
    assert (reply.rcode, told(reply)[0].code) == (Rcode.NOERROR, Ede.STALE_ANSWER)
    record = recorded.last("www.example.com. A")
    assert record.answer.source is Source.STALE
    steps = [step["step"] for step in record_facts(record)["steps"]]
    assert "stale" in steps
    assert steps[-1] == "failed"


def test_what_is_refused_or_blocked_is_no_failure() -> None:
    recorded = Recorded(tree())
    stranger = bytes((203, 0, 113, 9))
    assert recorded.ask("www.example.com. A", stranger).rcode == Rcode.REFUSED
    assert len(recorded.recorder.failures) == 0


def test_records_are_bounded_in_number_and_the_oldest_go_first() -> None:
    net = tree()
    net.error(COM, "REFUSED")
    recorded = Recorded(net, records=16)
    for i in range(40):
        recorded.ask(f"www.zone{i}.test{i}.com. A")
        recorded.clock.advance(60)
    kept = recorded.recorder.failures.newest_first()
    assert len(kept) == 16
    shown = [names.show(record.question.qname) for record in kept]
    assert shown == [f"www.zone{i}.test{i}.com." for i in range(39, 23, -1)]
    assert recorded.recorder.last(names.read("www.zone0.test0.com.")) is None


def test_a_flood_below_one_domain_leaves_other_records_alone() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    net.host("other.com.", SECOND, zone("other.com.", ""))
    net.servfail(SECOND)
    recorded = Recorded(net, records=16)
    recorded.ask("www.other.com. A")
    for i in range(100):
        recorded.ask(f"x{i}.example.com. A")
        recorded.clock.advance(0.1)
    assert recorded.recorder.last(names.read("www.other.com.")) is not None
    assert len(recorded.recorder.failures) == 1 + 16 // 8


def test_records_are_bounded_in_memory() -> None:
    net = tree()
    net.error(COM, "REFUSED")
    recorded = Recorded(net, records=1000, size=64_000)
    for i in range(100):
        recorded.ask(f"www.zone{i}.test{i}.com. A")
        recorded.clock.advance(60)
    ring = recorded.recorder.failures
    assert 1 < len(ring) < 100
    assert ring.octets <= 32_000
    assert ring.octets == sum(record.octets for record in ring.newest_first())
    settled = ring.newest_first()[-1]
    assert settled.octets == 1500 + settled.trace.octets


def test_nothing_is_kept_when_that_is_asked_for() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net, records=0)
    recorded.ask("www.example.com. A")
    assert recorded.recorder.last(names.read("www.example.com.")) is None


def test_a_record_that_is_kept_holds_on_to_no_message() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    before = record_facts(recorded.last("www.example.com. A"))
    recorded.clock.advance(31)
    recorded.ask("other.example.com. A")
    record = recorded.last("www.example.com. A")
    assert record_facts(record) == before
    for _, _, _, *args in record.trace.notes:
        for arg in args:
            kept = ("str", "int", "float", "NoneType", "Settled")
            assert arg is NOTHING or type(arg).__name__ in kept


def test_a_record_is_json_and_names_hold_no_control_characters() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    name = b"\x05a\n\x1b[m\x07example\x03com\x00"
    result = recorded.service.respond(
        packet("www.example.com. A").replace(names.read("www.example.com."), name),
        CLIENT,
        stream=False,
    )
    recorded.world.driver.start(result, lambda reply: None, Watch())  # type: ignore[arg-type]
    recorded.world.driver.run()
    record = recorded.recorder.last(name)
    assert record is not None
    facts = record_facts(record)
    text = json.dumps(facts) + "".join(show_record(facts))
    assert text.isprintable()
    assert r"a\010\027[m.example.com." in "".join(show_record(facts))


def explained(recorded: Recorded, question: str, client: bytes = CLIENT) -> list[str]:
    """The kinds of steps of one question that is asked in order to be explained."""
    results: list[list[str]] = []
    steps = explain(recorded.service, read_question(question), client)
    recorded.world.driver.start(
        steps,
        lambda found: results.append([s["step"] for s in found.trace.steps()]),
        Watch(),
    )
    recorded.world.driver.run()
    return results[0]


def test_explaining_shows_access_cache_delegation_and_servers() -> None:
    recorded = Recorded(tree())
    first = explained(recorded, "www.example.com. A")
    assert first[:4] == ["access", "cache", "delegation", "ask"]
    assert first[-1] == "says"
    assert explained(recorded, "www.example.com. A") == ["access", "cache"]


def test_explaining_a_remembered_failure_leads_to_its_record() -> None:
    net = tree()
    net.servfail(EXAMPLE)
    recorded = Recorded(net)
    recorded.ask("www.example.com. A")
    recorded.clock.advance(1)
    assert explained(recorded, "www.example.com. A") == ["access", "cached-failure"]


def test_explaining_tells_a_stranger_from_a_neighbour() -> None:
    recorded = Recorded(tree())
    stranger = bytes((203, 0, 113, 9))
    assert explained(recorded, "www.example.com. A", stranger) == ["access", "refused"]


def test_explaining_shows_what_is_answered_here() -> None:
    special = ZoneStore()
    for each in special_zones():
        special.swap(each)
    recorded = Recorded(tree(), local=Home(special=special))
    assert explained(recorded, "printer.local. A") == ["access", "local"]
