"""Delegations: referrals, glue, and what a cut hides (RFC 1034 section 4.2.1)."""

import pytest
from reading import asked, name, zone

from resolver.codes import RRType
from resolver.zone import content
from resolver.zone.lookup import Found, NoData, Referral, addresses, glue

BODY = """sub NS ns.sub
sub NS ns1
sub DS 1 8 2 00
sub TXT hidden
ns.sub A 192.0.2.9
ns.sub AAAA ::9
www.sub A 192.0.2.10
deep.in.sub NS ns.deep.in.sub
ns.deep.in.sub A 192.0.2.11
plain NS ns.sub
*.w A 192.0.2.12
*.sub A 192.0.2.13
old DNAME w
*.old A 192.0.2.14
"""


@pytest.mark.parametrize("qname", ["sub", "www.sub", "ns.sub", "x.y.sub", "in.sub", "deep.in.sub"])
@pytest.mark.parametrize("qtype", ["A", "NS", "SOA", "TXT", "ANY", "CNAME"])
def test_at_or_below_a_cut_is_a_referral(qname: str, qtype: str) -> None:
    found = asked(zone(BODY), qname, qtype)
    assert isinstance(found, Referral)
    assert found.cut == name("sub")
    assert found.ns.rdatas == (name("ns.sub"), name("ns1"))


def test_ds_at_a_cut_is_ours() -> None:
    made = zone(BODY)
    assert isinstance(asked(made, "sub", "DS"), Found)
    assert asked(made, "plain", "DS") == NoData()
    assert isinstance(asked(made, "www.sub", "DS"), Referral)


def test_marks() -> None:
    made = zone(BODY)
    assert made.flags(name("example.test.")) == content.APEX
    assert made.flags(name("sub")) == content.CUT
    assert made.flags(name("ns.sub")) == content.OCCLUDED | content.GLUE
    assert made.flags(name("www.sub")) == content.OCCLUDED
    assert made.flags(name("ns1")) == 0
    assert made.flags(name("deep.in.sub")) == content.CUT | content.OCCLUDED


def test_glue_is_found_below_cuts_and_is_no_additional_data() -> None:
    made = zone(BODY)
    assert [r.rrtype for r in glue(made, name("ns.sub"))] == [RRType.A, RRType.AAAA]
    assert addresses(made, name("ns.sub")) == []
    assert addresses(made, name("x.y.sub")) == [], "not even from a wildcard down there"
    assert addresses(made, name("x.sub")) == []
    assert addresses(made, name("x.old")) == []
    assert addresses(made, name("sub")) == []


def test_additional_addresses_may_come_from_a_wildcard() -> None:
    (rrset,) = addresses(zone(BODY), name("x.w"))
    assert rrset.owner == name("x.w")


def test_ns_at_the_apex_is_no_cut() -> None:
    assert isinstance(asked(zone(BODY), "example.test.", "NS"), Found)
