"""The same zone files, the same questions: BIND, NSD and we say the same, field by field.

A difference is listed in answer_matrix.py with the clause that allows it; one that is not listed
fails, and so does a listed one that is no longer there.
"""

import answer_matrix
import dns.rdatatype
import peer_servers
import pytest
from comparing import Fields, differing, fields, load, ours, query, reply

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


OPT_OCTETS = 11  # which BIND's replies have, and ours that are compared here have not
SIZES_WITHIN = 0.05


@pytest.mark.peer
def test_replies_are_no_longer_than_those_of_bind(store: ZoneStore, named_port: int) -> None:
    """A09: what is said in the same words is compressed as well. (BIND points into the data of a
    DNAME, too, which we leave alone.)"""
    far, total = [], [0, 0]
    for name, rrtype in QUESTIONS:
        if ("bind", name, rrtype) in DIFFERENCES:
            continue
        theirs = peer_servers.ask(named_port, query(name, rrtype))
        if any(rrset.rdtype == dns.rdatatype.DNAME for rrset in theirs.answer):
            continue
        sizes = (
            len(reply(store, name, rrtype, minimal=False)),
            len(theirs.wire or b"") - OPT_OCTETS,
        )
        total = [a + b for a, b in zip(total, sizes, strict=True)]
        if sizes[0] > sizes[1] * (1 + SIZES_WITHIN):
            far.append((name, rrtype, *sizes))
    assert not far
    assert total[0] > total[1] * (1 - SIZES_WITHIN), total


def test_the_matrix_is_large_and_its_differences_are_about_its_questions() -> None:
    assert len(set(QUESTIONS)) == len(QUESTIONS) >= 150
    assert {(name, rrtype) for _, name, rrtype in DIFFERENCES} <= set(QUESTIONS)
    assert {reason for _, reason in DIFFERENCES.values()} == set(answer_matrix.REASONS)
