"""ALIAS records: what a file may have beside them, how a name with one is found, how they travel
(A08)."""

from pathlib import Path

import dns.rdata
import pytest
from reading import HEAD, asked, errors, name, warnings, zone
from versions import ORIGIN, assert_same, version

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.errors import DiffError
from resolver.model import Question
from resolver.slices import finish
from resolver.wire.text import read_rdata, show_rdata
from resolver.zone import update as updates
from resolver.zone.content import Zone
from resolver.zone.diff import apply, compute
from resolver.zone.draft import Draft
from resolver.zone.dump import dump
from resolver.zone.file import read_zone_text
from resolver.zone.findings import Findings
from resolver.zone.journal import Journal
from resolver.zone.lookup import Alias, Borrowed, Found, NoData, Referral
from resolver.zone.rdata import is_sound
from resolver.zone.transfer_in import Bounds, Inbound, Whole
from resolver.zone.transfer_out import Request, axfr

KEY = "@ DNSKEY 257 3 8 AwEAAQ==\n"
BODY = "@ 300 ALIAS Target.Example.NET.\n*.w ALIAS target\n@ MX 1 @\n"


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("@ ALIAS a.test.\n@ A 192.0.2.1", 6, "an ALIAS and addresses of its own: A"),
        ("w AAAA ::1\nw A 192.0.2.1\nw ALIAS a.test.", 7, "addresses of its own: A and AAAA"),
        ("w ALIAS a.test.\nw CNAME b.test.", 6, "CNAME and other data: ALIAS"),
        ("w ALIAS a.test.\nw ALIAS b.test.", 5, "2 different ALIAS records"),
        ("w ALIAS W", 5, "leads to itself"),
        (KEY + "w ALIAS a.test.", 6, "ALIAS at w.example.test. in a signed zone"),
        (KEY + "w ALIAS a.test.", 6, "in `alias_keys` of the [[zone]]"),
        ("@ ALIAS a.test.\n" + KEY, 5, "ALIAS at example.test. in a signed zone"),
        ("w ALIAS a.test. b.test.", 5, "2 fields where one name should be"),
        ("w ALIAS \\# 1 41", 5, "ALIAS"),
        ("@ NS ns2\nns2 ALIAS a.test.", 3, "name server ns2.example.test. of the zone has no A"),
    ],
)
def test_refused(body: str, line: int, reason: str) -> None:
    (error,) = errors(body, head=HEAD)
    assert error.startswith(f"{line}: ")
    assert reason in error


def test_refused_beside_a_signature() -> None:
    rrsig = "@ RRSIG TXT 8 2 300 20300101000000 20200101000000 1 @ AA==\n"
    assert any("in a signed zone" in error for error in errors(rrsig + BODY, head=HEAD))


def test_apex_with_mx_to_itself_is_no_doubt() -> None:
    assert warnings(BODY) == []
    assert warnings("m MX 1 t\nt TXT x") != [], "it would be one without addresses"


@pytest.mark.parametrize("qtype", ["A", "AAAA"])
def test_addresses_are_borrowed(qtype: str) -> None:
    found = asked(zone(BODY), "example.test.", qtype)
    assert isinstance(found, Borrowed)
    assert (found.alias.ttl, found.alias.rdatas) == (300, (names.read("Target.Example.NET."),))


def test_wildcard_lends_for_the_names_below() -> None:
    found = asked(zone(BODY), "X.w", "A")
    assert isinstance(found, Borrowed)
    assert (found.alias.owner, found.source) == (name("X.w"), name("*.w"))


def test_other_types_are_as_ever() -> None:
    own = zone(BODY + "sub NS ns1\nsub ALIAS a.test.\nc CNAME @\n")
    assert isinstance(asked(own, "example.test.", "TXT"), NoData)
    assert isinstance(asked(own, "example.test.", "MX"), Found)
    assert isinstance(asked(own, "sub", "A"), Referral)
    assert isinstance(asked(own, "c", "A"), Alias)
    alias = asked(own, "example.test.", "ALIAS")
    assert isinstance(alias, Found)
    assert [rrset.rrtype for rrset in alias.rrsets] == [65401]


def test_text_and_back() -> None:
    rdata = names.read("Target.Example.NET.")
    assert show_rdata(RRType.ALIAS, rdata) == "Target.Example.NET."
    assert read_rdata(RRType.ALIAS, "Target.Example.NET.") == rdata
    assert show_rdata(RRType.ALIAS, b"\x05abc") == "\\# 4 05616263"
    assert is_sound(RRType.ALIAS, rdata)
    assert not is_sound(RRType.ALIAS, b"\x05abc")
    generic = dns.rdata.from_text("IN", 65401, f"\\# {len(rdata)} {rdata.hex()}")
    assert zone(f"w TYPE65401 {generic}\n").node(name("w")) is not None


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"\0", True),
        (b"\1a\0", True),
        (b"", False),
        (b"\1a", False),
        (b"\1a\0\0", False),
        (b"\xc0\x0c", False),
        (b"\x3f" + bytes(63) + b"\0", True),
        ((b"\x3f" + bytes(63)) * 4 + b"\0", False),
    ],
)
def test_what_is_a_name(data: bytes, whole: bool) -> None:
    assert names.is_whole(data) is whole


def test_the_same_after_transfer_dump_and_reading() -> None:
    own = zone(BODY)
    packets = list(axfr(own, Request(9, Question(ORIGIN, RRType.AXFR))))
    assert b"\xff\x79\0\1" in b"".join(packets)
    inbound = Inbound(ORIGIN, held=None, incremental=False, bounds=Bounds())
    whole = [finish(inbound.feed(packet)) for packet in packets][-1]
    assert isinstance(whole, Whole)
    copy = finish(whole.finish())
    assert isinstance(copy, Zone)
    text = dumped(copy)
    assert text == dumped(own)
    assert "example.test. 300 IN ALIAS Target.Example.NET.\n" in text
    again = read_zone_text(text, ORIGIN).zone
    assert again is not None
    assert dumped(again) == text


def dumped(of: Zone) -> str:
    chunks: list[str] = []
    finish(dump(of, chunks.append))
    return "".join(chunks)


def test_the_same_after_a_difference_and_a_journal(tmp_path: Path) -> None:
    old, new = version(1, "@ A 192.0.2.9\n"), version(2, "@ 60 ALIAS Target.test.\n")
    diff = finish(compute(old, new))
    assert_same(finish(apply(old, diff)), new)
    journal = Journal(tmp_path / "journal")
    try:
        finish(journal.put_version(new))
        kept = finish(journal.restore(ORIGIN))
    finally:
        journal.close()
    assert kept is not None
    assert dumped(kept) == dumped(new)


def test_difference_that_puts_addresses_beside_it_is_refused() -> None:
    base = version(1, "@ ALIAS target.test.\n")
    diff = finish(compute(version(1, "@ TXT x\n"), version(2, "@ TXT x\n@ A 192.0.2.9\n")))
    with pytest.raises(DiffError, match="an ALIAS and addresses of its own"):
        finish(apply(base, diff))


def test_update_puts_one_in_and_never_beside_addresses() -> None:
    rdata = names.read("target.test.")
    for owner, rcode in ((name("new"), None), (name("ns1"), Rcode.REFUSED)):
        change = updates.Update(ORIGIN, (), ((owner, int(RRType.ALIAS), 1, 60, rdata),))
        outcome = finish(
            updates.perform(zone(""), change, may=lambda *_: True, bump=lambda serial: serial + 1)
        )
        if rcode is None:
            assert isinstance(outcome, updates.Changed)
            assert isinstance(asked(outcome.zone, "new", "A"), Borrowed)
        else:
            assert isinstance(outcome, updates.Rejected)
            assert outcome.rcode == rcode


def test_transfer_of_another_use_of_the_type_is_refused() -> None:
    draft = Draft(ORIGIN)
    own = zone("")
    for rrset in own.rrsets():
        draft.add(rrset.owner, rrset.rrtype, rrset.ttl, rrset.rdatas[0])
    draft.add(name("x"), RRType.ALIAS, 60, b"\x05abc")
    findings = Findings()
    assert finish(draft.finish(findings)) is None
    assert "data that is no name" in findings.errors[0].reason
