"""Half a minute of the soak (tests/bench/soak): mixed load in a hierarchy that always changes,
every reply judged by what was true at its moment. And its judges: they must see what is wrong."""

from pathlib import Path
from typing import Any

import pytest

from resolver import names
from resolver.codes import Ede, Flag, Rcode, RRClass, RRType
from resolver.model import Edns, ExtendedError, Message, Question, RRset
from resolver.wire.edns import extended_error_option
from tests.bench.soak import report, truth
from tests.bench.soak.__main__ import Soak
from tests.bench.soak.probes import SHARES, Probes
from tests.bench.soak.truth import Changing

SECONDS = 25.0
RATE = 400.0
OWN = "u1.own.test."
MOVING = "h2.moving0.com."
MORTAL = "h0.mortal0.net."
STALE = Edns(options=(extended_error_option(*ExtendedError(Ede.STALE_ANSWER, "late")),))


@pytest.mark.loopback
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nothing_goes_wrong_for_a_while(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seconds=SECONDS, rate=RATE, churn=False)
    soak.quiet = True
    told = soak.run()
    assert told["faults"] == [], told["examples"]
    assert set(told["kinds"]) >= {*SHARES, "over TCP"}
    assert all(tally["answered"] for tally in told["kinds"].values())
    assert told["kinds"]["mortal"]["stale"], "no server died: nothing stale was tested"
    assert told["changes"]["update"] > 5


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


def good() -> dict[str, Any]:
    """A report without faults."""
    return {
        "wrong": [],
        "kinds": {"hit": {"late": 0, "unanswered": 0}},
        "dropped_by_kernel": 0,
        "memory": {"growth_mib_per_hour": 1.0, "most_mib": 100.0},
        "descriptors": {"first": 20, "last": 25},
        "jobs": {"oldest_s": 8.0, "counters": {}},
        "tracebacks": 0,
        "failed": [],
        "exit": 0,
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"wrong": ["hit: other data (1)"]}, "hit: other data (1)"),
        ({"kinds": {"hit": {"late": 0, "unanswered": 3}}}, "3 questions without a reply"),
        ({"kinds": {"hit": {"late": 1, "unanswered": 0}}}, "hit: 1 replies after more than 9 s"),
        ({"jobs": {"oldest_s": 30.0, "counters": {}}}, "a job of 30.0 s"),
        ({"jobs": {"oldest_s": 1.0, "counters": {"exceptions_total": 2}}}, "2 exceptions"),
        ({"tracebacks": 1}, "1 tracebacks in the log"),
        (
            {"memory": {"growth_mib_per_hour": 40.0, "most_mib": 100.0}},
            "memory grows by 40.0 MiB an hour",
        ),
        (
            {"descriptors": {"first": 20, "last": 900}},
            "900 descriptors in the end, 20 in the beginning",
        ),
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
