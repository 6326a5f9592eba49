"""The same signed zones, the same questions with DO: BIND, NSD and we say the same.

Zones are signed anew for each run, with NSEC, NSEC3 and NSEC3 with opt-out. As in
test_answer_matrix.py every difference is listed with the clause that allows it, and a listed one
that is no longer there fails as well.
"""

from collections.abc import Iterator
from pathlib import Path

import peer_servers
import pytest
import signed_matrix
import signed_zones
from comparing import differing, fields, load, ours, query

from resolver.zone.store import ZoneStore

pytestmark = pytest.mark.peer

WAYS = list(signed_zones.WAYS)


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def zones(way: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if missing := signed_zones.missing_tools():
        pytest.skip(f"{', '.join(missing)} not installed")
    directory = tmp_path_factory.mktemp("signed") / way
    return signed_zones.sign(peer_servers.zone_files(), directory, way)


@pytest.fixture(scope="module")
def store(zones: Path) -> ZoneStore:
    return load(peer_servers.zone_files(zones))


@pytest.fixture(scope="module")
def named_port(zones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from peer_servers.port_of("named", tmp_path_factory, zones)


@pytest.fixture(scope="module")
def nsd_port(zones: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from peer_servers.port_of("nsd", tmp_path_factory, zones)


def compare(store: ZoneStore, way: str, port: int, peer: str) -> None:
    """Ask everything; all that is not as it should be is told together."""
    minimal = peer == "bind-spare"
    client = peer_servers.SPARE if minimal else peer_servers.FULL
    differences = signed_matrix.differences(way)
    wrong = []
    for name, rrtype in signed_matrix.questions(way):
        reply = peer_servers.ask(port, query(name, rrtype, dnssec_ok=True), client=client)
        theirs = fields(reply)
        mine = ours(store, name, rrtype, minimal=minimal, dnssec_ok=True)
        allowed, _ = differences.get((peer, name, rrtype), ([], ""))
        if (found := differing(mine, theirs)) != allowed:
            wrong.append(f"{name} {rrtype}: {found}, not {allowed}\n  ours   {mine}\n  {theirs}")
    assert not wrong, f"{len(wrong)} answers\n" + "\n".join(wrong)


def test_bind_proves_the_same(store: ZoneStore, way: str, named_port: int) -> None:
    compare(store, way, named_port, "bind")


def test_bind_proves_the_same_in_few_words(store: ZoneStore, way: str, named_port: int) -> None:
    compare(store, way, named_port, "bind-spare")


def test_nsd_proves_the_same(store: ZoneStore, way: str, nsd_port: int) -> None:
    compare(store, way, nsd_port, "nsd")


@pytest.mark.parametrize("way", WAYS)
def test_differences_are_about_questions_and_have_reasons(way: str) -> None:
    questions = signed_matrix.questions(way)
    assert len(set(questions)) == len(questions) >= 190
    differences = signed_matrix.differences(way)
    assert {(name, rrtype) for _, name, rrtype in differences} <= set(questions)
    assert {reason for _, reason in differences.values()} <= set(signed_matrix.REASONS)


def test_every_reason_is_used() -> None:
    used = {reason for way in WAYS for _, reason in signed_matrix.differences(way).values()}
    assert used == set(signed_matrix.REASONS)
