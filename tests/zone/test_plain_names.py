"""Names without a fault take a short way into a zone; it leads where the long one leads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versions import ORIGIN, bodies, nodes

from resolver.compile import is_compiled
from resolver.zone import draft
from resolver.zone.file import ZoneReport, read_zone_text

HEAD = "$TTL 300\n@ SOA ns.else.where. host 1 2 3 4 5\n@ NS ns.else.where.\n"
# What has something to be said about, beside what test zones are made of.
_FAULTS = [
    "a 60 A 192.0.2.1",
    "a A 192.0.2.1",
    "a MX 10 a.example.test.example.test.",
    "b.example.test CNAME c",
    "b DS 1 8 2 00ff",
    "b CNAME other.",
    "c MX 10 Mail",
    "c MX 10 mail",
    "c TXT x",
    "ns.b TXT x",
    "ns NS ns.example.test",
    "* PTR b",
    "c SRV 1 2 3 b",
]


def said(report: ZoneReport) -> tuple[object, ...]:
    zone = report.zone
    found = (report.errors, report.warnings)
    return found if zone is None else (*found, nodes(zone), zone.records, zone.size)


@given(bodies(), st.lists(st.sampled_from(_FAULTS), max_size=4))
@settings(max_examples=300, deadline=None)
def test_both_ways_lead_to_the_same_zone_and_the_same_findings(
    body: str, faults: list[str]
) -> None:
    text = HEAD + body + "".join(f"{fault}\n" for fault in faults)
    short = said(read_zone_text(text, ORIGIN))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draft, "pack_plain", lambda *_: None)
        long = said(read_zone_text(text, ORIGIN))
    assert short == long


NOW = 1_750_000_000
_TIMES = ("1760000000 1740000000", "1745000000 1740000000", "1760000000 1755000000")
_OWNERS = ("a", "b", "ns.b", "*", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom")
_RECORDS = {
    "A": "192.0.2.1",
    "NS": "ns.b",
    "DS": "1 8 2 00ff",
    "CNAME": "c",
    "NSEC": "b A RRSIG NSEC",
    "NSEC3": "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
}


@st.composite
def _signed_lines(draw: st.DrawFn) -> str:
    """A record, its signature, or most often both; some signatures are too old or too new."""
    owner = draw(st.sampled_from(_OWNERS))
    rrtype, data = draw(st.sampled_from(sorted(_RECORDS.items())))
    times = draw(st.sampled_from((*_TIMES, "4294967295 4294967290")))
    signature = draw(st.sampled_from(("AAAA", "AAAA", "AAAB")))
    ttl = draw(st.sampled_from(("", "", "", "60")))
    record = f"{owner} {rrtype} {data}\n"
    signed = f"{owner} {ttl} RRSIG {rrtype} 13 3 300 {times} 1 @ {signature}\n"
    return draw(st.sampled_from((record + signed, record + signed, record, signed)))


_SIGNED_HEAD = (
    f"{HEAD}@ RRSIG SOA 13 2 300 {_TIMES[0]} 1 @ AAAA\n@ RRSIG NS 13 2 300 {_TIMES[0]} 1 @ AAAA\n"
    f"@ DNSKEY 257 3 13 AAAA\n@ RRSIG DNSKEY 13 2 300 {_TIMES[0]} 1 @ AAAA\n"
)
_CHAINS = ("", "@ NSEC a SOA NS\n", "@ NSEC3PARAM 1 0 0 -\n")


@given(st.sampled_from(_CHAINS), st.lists(_signed_lines(), max_size=8), st.booleans())
@settings(max_examples=300, deadline=None)
def test_both_ways_lead_to_the_same_signed_zone(
    chain: str, lines: list[str], has_clock: bool
) -> None:
    text = _SIGNED_HEAD + chain + "".join(lines)
    now = NOW if has_clock else None
    short = said(read_zone_text(text, ORIGIN, now=now))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draft, "pack_plain", lambda *_: None)
        long = said(read_zone_text(text, ORIGIN, now=now))
    assert short == long


@pytest.mark.skipif(is_compiled(), reason="compiled functions cannot be replaced")
def test_names_of_a_signed_zone_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = f"13 3 300 {_TIMES[0]} 1 @ AAAA"
    text = _SIGNED_HEAD + f"@ NSEC a SOA NS\n@ RRSIG NSEC {signature}\n"
    text += f"a A 192.0.2.1\na RRSIG A {signature}\na NSEC @ A\na RRSIG NSEC {signature}\n"
    taken = []

    def noted(*arguments: object) -> object:
        plain = pack_plain(*arguments)
        taken.append(plain is not None)
        return plain

    pack_plain = draft.pack_plain
    monkeypatch.setattr(draft, "pack_plain", noted)
    assert read_zone_text(text, ORIGIN, now=NOW).warnings == []
    assert taken == [False, True]
