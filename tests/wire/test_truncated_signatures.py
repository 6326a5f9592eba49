"""An RRset and its signatures go out both or neither (RFC 4035 section 3.1.1)."""

import pytest

from resolver.codes import Flag
from resolver.model import Edns, Message, Question, RRset
from resolver.names import read
from resolver.wire.build import build
from resolver.wire.parse import parse

QNAME = read("www.example.")
TXT, A, RRSIG = 16, 1, 46


def data(octets: int, rrtype: int = A, owner: bytes = QNAME) -> RRset:
    return RRset(owner, rrtype, 1, 300, (bytes((octets - 1,)) + bytes(octets - 1),))


def signature(covered: int, octets: int, owner: bytes = QNAME) -> RRset:
    fixed = covered.to_bytes(2, "big") + bytes(16)
    return RRset(owner, RRSIG, 1, 300, (fixed + read("example.") + bytes(octets),))


def sent(max_size: int = 512, **sections: list[RRset]) -> Message:
    message = Message(1, 0x8400, [Question(QNAME, TXT)], edns=Edns(dnssec_ok=True), **sections)
    return parse(build(message, max_size=max_size))


def records(rrsets: list[RRset]) -> set[tuple[int, bytes]]:
    return {(rrset.rrtype, rdata) for rrset in rrsets for rdata in rrset.rdatas}


@pytest.mark.parametrize("section", ["answer", "authority"])
def test_without_room_for_its_signature_an_rrset_stays_away(section: str) -> None:
    first, second = data(100, TXT), data(100, 99)
    rrsets = [first, signature(TXT, 100), second, signature(99, 200)]
    found = sent(**{section: rrsets})
    assert records(getattr(found, section)) == records(rrsets[:2])
    assert found.flags & Flag.TC
    whole = sent(1000, **{section: rrsets})
    assert records(getattr(whole, section)) == records(rrsets)


def test_nothing_follows_in_other_sections() -> None:
    found = sent(
        answer=[data(200, TXT), signature(TXT, 300)],
        authority=[data(20, 99)],
        additional=[data(20, 99)],
    )
    assert (found.answer, found.authority, found.additional) == ((), (), ())
    assert found.flags & Flag.TC


def test_additional_data_goes_with_its_signature_and_nobody_is_told() -> None:
    host, other = read("host.example."), read("other.example.")
    pair = [data(20, 99, other), signature(99, 20, other)]
    found = sent(
        answer=[data(150, TXT)],
        additional=[data(20, 99, host), signature(99, 300, host), *pair],
    )
    assert found.additional == pair
    assert not found.flags & Flag.TC


def test_no_signature_goes_without_what_it_signs() -> None:
    host = read("host.example.")
    big = data(255, 99, host)
    found = sent(answer=[data(200, TXT)], additional=[big, signature(99, 20, host)])
    assert not found.additional
    assert not found.flags & Flag.TC


def test_signatures_that_were_asked_for_stand_alone() -> None:
    rrsets = [signature(A, 100), signature(TXT, 100), signature(99, 300)]
    found = sent(answer=rrsets)
    assert len(found.answer) == 1
    assert found.answer[0].rdatas == rrsets[0].rdatas + rrsets[1].rdatas
    assert found.flags & Flag.TC


def test_names_of_what_was_taken_back_are_no_targets() -> None:
    """A pointer must not lead to where something else stands now."""
    away, there = read("a.rather.long.name.example."), read("b.rather.long.name.example.")
    found = sent(
        answer=[data(150, TXT)],
        additional=[data(20, 99, away), signature(99, 300, away), data(20, 99, there)],
    )
    assert [rrset.owner for rrset in found.additional] == [there]
