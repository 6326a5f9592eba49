"""Names without a fault take a short way into a zone; it leads where the long one leads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versions import ORIGIN, bodies, nodes

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
