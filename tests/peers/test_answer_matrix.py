"""The same zone files, the same questions: BIND, NSD and we say the same, field by field.

A difference is listed in answer_matrix.py with the clause that allows it; one that is not listed
fails, and so does a listed one that is no longer there.
"""

import answer_matrix
import peer_servers
import pytest
from comparing import Fields, differing, fields, load, ours, query

from resolver.zone.store import ZoneStore

QUESTIONS = answer_matrix.questions()
DIFFERENCES = answer_matrix.differences()


@pytest.fixture(scope="module")
def store() -> ZoneStore:
    return load(peer_servers.zone_files())


def compare(mine: Fields, theirs: Fields, peer: str, question: tuple[str, str]) -> None:
    allowed, _ = DIFFERENCES.get((peer, *question), ([], ""))
    assert differing(mine, theirs) == allowed, f"\nours:   {mine}\ntheirs: {theirs}"


@pytest.mark.peer
@pytest.mark.parametrize(("name", "rrtype"), QUESTIONS)
def test_bind_says_the_same(store: ZoneStore, named_port: int, name: str, rrtype: str) -> None:
    theirs = fields(peer_servers.ask(named_port, query(name, rrtype)))
    compare(ours(store, name, rrtype, minimal=False), theirs, "bind", (name, rrtype))


@pytest.mark.peer
@pytest.mark.parametrize(("name", "rrtype"), QUESTIONS)
def test_bind_says_the_same_in_few_words(
    store: ZoneStore, named_port: int, name: str, rrtype: str
) -> None:
    reply = peer_servers.ask(named_port, query(name, rrtype), client=peer_servers.SPARE)
    mine = ours(store, name, rrtype, minimal=True)
    compare(mine, fields(reply), "bind-spare", (name, rrtype))


@pytest.mark.peer
@pytest.mark.parametrize(("name", "rrtype"), QUESTIONS)
def test_nsd_says_the_same(store: ZoneStore, nsd_port: int, name: str, rrtype: str) -> None:
    theirs = fields(peer_servers.ask(nsd_port, query(name, rrtype)))
    compare(ours(store, name, rrtype, minimal=False), theirs, "nsd", (name, rrtype))


def test_the_matrix_is_large_and_its_differences_are_about_its_questions() -> None:
    assert len(set(QUESTIONS)) == len(QUESTIONS) >= 150
    assert {(name, rrtype) for _, name, rrtype in DIFFERENCES} <= set(QUESTIONS)
    assert {reason for _, reason in DIFFERENCES.values()} == set(answer_matrix.REASONS)
