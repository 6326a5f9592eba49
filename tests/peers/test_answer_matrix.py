"""The same zone files, the same questions: BIND, NSD and we say the same, field by field.

A difference is listed in answer_matrix.py with the clause that allows it; one that is not listed
fails, and so does a listed one that is no longer there.
"""

from typing import NamedTuple

import answer_matrix
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import peer_servers
import pytest

from resolver import codes, names
from resolver.codes import Flag
from resolver.model import Message, Question
from resolver.serve import authority
from resolver.wire.build import build
from resolver.zone.file import load_zone
from resolver.zone.store import ZoneStore

QUESTIONS = answer_matrix.questions()
DIFFERENCES = answer_matrix.differences()

Records = frozenset[tuple[str, str, int, str]]


class Fields(NamedTuple):
    """What is compared. Sections are sets: the order of records means nothing."""

    rcode: str
    aa: bool
    tc: bool
    answer: Records
    authority: Records
    additional: Records


def fields(message: dns.message.Message) -> Fields:
    return Fields(
        dns.rcode.to_text(message.rcode()),
        bool(message.flags & dns.flags.AA),
        bool(message.flags & dns.flags.TC),
        records(message.answer),
        records(message.authority),
        records(message.additional),
    )


def records(section: list[dns.rrset.RRset]) -> Records:
    return frozenset(
        (rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, text.lower())
        for rrset in section
        for text in (rdata.to_text() for rdata in rrset)
    )


@pytest.fixture(scope="module")
def store() -> ZoneStore:
    zones = ZoneStore()
    for file in peer_servers.zone_files():
        zones.swap(load_zone(file, names.read(file.stem)))
    return zones


def ours(store: ZoneStore, name: str, rrtype: str, *, minimal: bool) -> Fields:
    """Our answer, on the wire and back: packets are read by dnspython for all three."""
    qtype = codes.read_type(rrtype)
    assert qtype is not None
    question = Question(names.read(name), qtype)
    answer = authority.answer(store, question, minimal=minimal, whole_any=True)
    assert answer is not None
    flags = Flag.QR | (Flag.AA if answer.authoritative else 0)
    message = Message(
        1,
        flags,
        [question],
        list(answer.answer),
        list(answer.authority),
        list(answer.additional),
        rcode=answer.rcode,
    )
    packet = build(message, required_glue=answer.required_glue)
    return fields(dns.message.from_wire(packet))


def differing(mine: Fields, theirs: Fields) -> list[str]:
    """Names of the fields that differ, with the sign that answer_matrix.DIFFERENCES explains."""
    found = []
    for field, a, b in zip(Fields._fields, mine, theirs, strict=True):
        if a != b:
            sign = ""
            if isinstance(a, frozenset) and isinstance(b, frozenset):
                sign = "+" if a > b else "-" if a < b else "±"
            found.append(field + sign)
    return found


def compare(mine: Fields, theirs: Fields, peer: str, question: tuple[str, str]) -> None:
    allowed, _ = DIFFERENCES.get((peer, *question), ([], ""))
    assert differing(mine, theirs) == allowed, f"\nours:   {mine}\ntheirs: {theirs}"


def query(name: str, rrtype: str) -> dns.message.Message:
    return dns.message.make_query(name, rrtype, flags=0, use_edns=0, payload=4096)


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
