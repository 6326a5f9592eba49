"""A quarter of a minute of the soak (tests/bench/soak): mixed load in a hierarchy that always
changes, every reply judged by what was true at its moment. And its judges: they must see what is
wrong, and excuse no more than what the machine has done."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resolver import names
from resolver.codes import Ede, Flag, Rcode, RRClass, RRType
from resolver.model import Edns, ExtendedError, Message, Question, RRset
from resolver.wire.build import build
from resolver.wire.edns import extended_error_option
from tests.bench.soak import report, truth
from tests.bench.soak.__main__ import Soak
from tests.bench.soak.clients import BOUND_S, Judges
from tests.bench.soak.probes import SHARES, Probes
from tests.bench.soak.stalls import Stalls
from tests.bench.soak.truth import Changing

SECONDS = 10.0  # servers die after six, and their data is stale three later
RATE = 200.0
OWN = "u1.own.test."
MOVING = "h2.moving0.com."
MORTAL = "h0.mortal0.net."
STALE = Edns(options=(extended_error_option(*ExtendedError(Ede.STALE_ANSWER, "late")),))


@pytest.mark.loopback
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nothing_goes_wrong_for_a_while(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seconds=SECONDS, rate=RATE, churn=True)
    soak.quiet = True
    told = soak.run()
    busy = [fault for fault in told["faults"] if fault.startswith(report.TOO_BUSY)]
    assert told["faults"] == busy, told["examples"]
    if busy:
        pytest.skip(busy[0])
    assert set(told["kinds"]) >= {*SHARES, "over TCP"}
    assert all(tally["answered"] for tally in told["kinds"].values())
    assert told["totals"]["stale"], "no server died: nothing stale was tested"
    assert told["changes"]["update"], told["changes"]
    assert told["query_log"]["lines"] >= told["totals"]["answered"]


@pytest.fixture
def probes() -> Probes:
    own = Changing()
    own.begin(names.read(OWN), b"old!", 0.0, sure=0.0)
    return Probes(own)


def reply(name: str, address: bytes, ttl: int = 1, *, flags: int = 0, edns: Edns | None = None):
    owner = names.read(name)
    rrset = RRset(owner, RRType.A, RRClass.IN, ttl, (address,))
    question = Question(owner, RRType.A)
    return Message(1, Flag.QR | flags, [question], [rrset], edns=edns)


def failure(name: str) -> Message:
    question = Question(names.read(name), RRType.A)
    return Message(1, int(Flag.QR), [question], rcode=Rcode.SERVFAIL)


def test_old_data_is_seen_for_the_ttl_and_no_longer(probes: Probes) -> None:
    judge = probes.find(MOVING).judge
    old, new = truth.moving(0, 2, 0), truth.moving(0, 2, 1)
    change = truth.MOVING_PERIOD_S
    late = change + truth.MOVING_TTL_S + truth.SLACK_S + 0.1
    assert judge(reply(MOVING, old), change - 1, change - 1) is None
    assert judge(reply(MOVING, new), change - 1, change - 1) == "other data"
    assert judge(reply(MOVING, old), change + 1, change + 1) is None
    assert judge(reply(MOVING, old), late, late) == "other data"
    assert judge(reply(MOVING, old, edns=STALE), late, late) is None
    assert judge(reply(MOVING, new), late, late) is None
    assert judge(reply(MOVING, new, ttl=60), late, late) == "a TTL that is too long"


def test_an_update_is_seen_by_every_query_after_it(probes: Probes) -> None:
    judge = probes.find(OWN).judge
    probes.own.begin(names.read(OWN), b"new!", 10.0)
    own = Flag.AA
    assert judge(reply(OWN, b"old!", flags=own), 11.0, 11.1) is None
    assert judge(reply(OWN, b"new!", flags=own), 9.0, 9.9) == "other data"
    assert judge(reply(OWN, b"new!", flags=own), 9.9, 10.1) is None
    probes.own.settle(names.read(OWN), 12.0)
    assert judge(reply(OWN, b"old!", flags=own), 11.9, 12.5) is None
    assert judge(reply(OWN, b"old!", flags=own), 12.1, 12.5) == "other data"
    assert judge(reply(OWN, b"new!"), 12.1, 12.5) == "own data without AA"


def test_what_was_answered_once_is_answered_when_its_servers_die(probes: Probes) -> None:
    judge = probes.find(MORTAL).judge
    dead = truth.DIES_AT_S + 5
    alive = reply(MORTAL, truth.mortal(0, 0, 0))
    assert judge(failure(MORTAL), dead, dead) is None
    assert judge(alive, 1.0, 1.0) is None
    assert judge(failure(MORTAL), dead, dead) == "SERVFAIL, though there was an answer before"
    probes.forgotten_at = 2.0
    assert judge(failure(MORTAL), dead, dead) is None


def test_stale_answers_end_when_the_servers_are_back(probes: Probes) -> None:
    judge = probes.find(MORTAL).judge
    stale = reply(MORTAL, truth.mortal(0, 0, 0), edns=STALE)
    back = truth.BACK_AT_S + 5
    late = truth.BACK_AT_S + truth.RECOVERY_S + 5
    assert judge(stale, back, back) is None
    assert judge(stale, late, late) == "stale, though its servers have been back for long"


FINE = {"asked": 1000, "failed": 0, "late": 0, "unanswered": 0, "excused": 0}
JOBS: dict[str, Any] = {
    "oldest_own_s": 8.0,
    "longest_own_stall_s": 0.1,
    "jobs_left": 0,
    "in_use_growth_mib_per_hour": 1.0,
    "tasks": (7, 9),
    "counters": {},
}
LOG = {"missing": 0, "unreadable": 0}
FDS = {"first": 20, "last": 25, "before": 13, "after": 15}


def good() -> dict[str, Any]:
    """A report without faults."""
    return {
        "wrong": [],
        "kinds": {"hit": FINE},
        "dropped_by_kernel": 0,
        "memory": {"growth_mib_per_hour": 1.0, "most_mib": 100.0},
        "descriptors": FDS,
        "jobs": JOBS,
        "query_log": LOG,
        "tracebacks": 0,
        "failed": [],
        "exit": 0,
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"wrong": ["hit: other data (1)"]}, "hit: other data (1)"),
        ({"kinds": {"hit": FINE | {"unanswered": 3}}}, "3 questions without a reply"),
        ({"kinds": {"hit": FINE | {"late": 1}}}, "hit: 1 replies after more than 9 s"),
        ({"kinds": {"short": FINE | {"failed": 6}}}, "short: 6 failures"),
        (
            {"kinds": {"hit": FINE | {"excused": 2}}},
            "the machine is too busy for a verdict: 2 replies are excused by it",
        ),
        ({"jobs": JOBS | {"oldest_own_s": 30.0}}, "a job of 30.0 s"),
        ({"jobs": JOBS | {"longest_own_stall_s": 3.0}}, "the event loop stood still for 3.0 s"),
        ({"jobs": JOBS | {"jobs_left": 1}}, "1 jobs after the last question"),
        ({"jobs": JOBS | {"tasks": (7, 10)}}, "10 tasks after the load, 7 before"),
        ({"jobs": JOBS | {"counters": {"exceptions_total": 2}}}, "2 exceptions"),
        ({"query_log": LOG | {"missing": 1}}, "1 lines of the query log are missing"),
        ({"query_log": LOG | {"unreadable": 1}}, "1 lines of the query log cannot be read"),
        ({"tracebacks": 1}, "1 tracebacks in the log"),
        (
            {"memory": {"growth_mib_per_hour": 41.0, "most_mib": 100.0}},
            "memory grows by 41.0 MiB an hour",
        ),
        (
            {"jobs": JOBS | {"in_use_growth_mib_per_hour": 13.0}},
            "memory in use grows by 13.0 MiB an hour",
        ),
        (
            {"descriptors": FDS | {"last": 900}},
            "900 descriptors in the end, 20 in the beginning",
        ),
        ({"descriptors": FDS | {"after": 16}}, "16 descriptors after the load, 13 before"),
        ({"failed": [("change", "TimeoutError")]}, "change: TimeoutError"),
        ({"exit": -9}, "the server ended with -9"),
    ],
)
def test_the_verdict_sees(change: dict[str, Any], fault: str) -> None:
    assert report.faults(good()) == []
    assert report.faults(good() | change) == [fault]


def test_growth_is_measured_after_the_warm_up() -> None:
    samples = report.Samples(0)
    for at in range(1200):
        filling = min(at, 300) << 20  # what fills is no leak
        samples.taken.append((float(at), filling, 20))
    assert report.memory(samples)["growth_mib_per_hour"] == 0
    samples.taken = [(at, rss + int(at * 10_000), fds) for at, rss, fds in samples.taken]
    assert report.memory(samples)["growth_mib_per_hour"] == pytest.approx(34.3, abs=0.1)


def test_only_what_the_machine_withheld_is_taken_off() -> None:
    stalls = Stalls(0)
    stalls.pause(10.0, 13.0)
    stalls.pause(20.0, 20.5)
    assert stalls.within(0.0, 9.0) == 0.0
    assert stalls.within(11.0, 30.0) == 2.5
    assert stalls.within(12.0, 12.5) == 0.5  # no more than all of it


def test_a_process_that_holds_itself_up_is_not_excused() -> None:
    stalls = Stalls(os.getpid())
    stalls.look()
    since = time.monotonic()
    time.sleep(0.5)
    until = time.monotonic()
    stalls.look()
    assert stalls.within(since, until) < until - since


@pytest.mark.parametrize(
    ("kind", "withheld_s", "rcode", "counted"),
    [
        ("alias", 0.5, Rcode.SERVFAIL, "wrong"),
        ("alias", 3.0, Rcode.SERVFAIL, "excused"),
        ("alias", 3.0, Rcode.REFUSED, "wrong"),
        ("own", 3.0, Rcode.SERVFAIL, "wrong"),
    ],
)
def test_a_failure_is_excused_if_its_servers_were_not_let_answer(
    probes: Probes, kind: str, withheld_s: float, rcode: Rcode, counted: str
) -> None:
    name = {"alias": "w0.alias0.net.", "own": OWN}[kind]
    sent = time.monotonic()
    upstream = Stalls(0)
    upstream.pause(sent - withheld_s, sent)
    judges = Judges(sent - 60, Stalls(0), upstream)
    message = replace(failure(name), rcode=rcode)
    judges.take(kind, probes.find(name), build(message), sent)
    tally = judges.tally(kind)
    assert (tally.wrong, tally.excused) == ((1, 0) if counted == "wrong" else (0, 1))


def test_a_late_reply_is_late_by_what_the_machine_did_not_withhold(probes: Probes) -> None:
    probe, message = probes.find(MORTAL), build(failure(MORTAL))
    now = time.monotonic()
    for paused_s, late in ((0.0, 1), (1.0, 1), (4.0, 0)):
        stalls = Stalls(0)
        stalls.pause(now - 5, now - 5 + paused_s)
        judges = Judges(now - truth.DIES_AT_S - 5, stalls, Stalls(0))
        judges.take("mortal", probe, message, now - BOUND_S - 2)
        assert judges.tally("mortal").late == late


@pytest.mark.parametrize(("withheld_s", "lost"), [(0.0, 1), (3.0, 0)])
def test_a_question_without_a_reply_is_lost_unless_the_machine_stood_still(
    withheld_s: float, lost: int
) -> None:
    sent = time.monotonic() - 60
    stalls = Stalls(0)
    stalls.pause(sent + 1, sent + 1 + withheld_s)
    judges = Judges(sent, stalls, Stalls(0))
    judges.unanswered("hit", sent)
    assert (judges.tally("hit").unanswered, judges.tally("hit").excused) == (lost, 1 - lost)


def test_lines_of_the_query_log_are_counted_over_all_its_files(tmp_path: Path) -> None:
    line = '{"client":"127.9.1.1","rcode":"NOERROR"}\n'
    (tmp_path / "log.json").write_text(line * 2)
    (tmp_path / "log.json.1").write_text(line + '{"client":"127.9.1.1","rcode":null}\n{"cli\n')
    found = report.query_log(tmp_path, "log.json", {"127.9.1.1": 4, "127.9.2.1": 1})
    assert found == {"files": 2, "lines": 3, "missing": 2, "unreadable": 1}
