"""Wildcards (RFC 4592)."""

import pytest
from reading import asked, name, zone

from resolver.zone.lookup import Alias, Found, NoData, NoName, Referral

BODY = """*.w A 192.0.2.1
*.w MX 10 mail
there.w TXT x
below.ent.w A 192.0.2.2
*.c CNAME ns1
sub.w NS ns1
leaf.*.star A 192.0.2.3
*.*.two A 192.0.2.4
"""


@pytest.mark.parametrize("qname", ["x.w", "x.y.w", "a.b.c.d.w", "*.x.w"])
def test_stands_for_names_that_do_not_exist(qname: str) -> None:
    found = asked(zone(BODY), qname, "A")
    assert isinstance(found, Found)
    assert found.source == name("*.w")
    (rrset,) = found.rrsets
    assert rrset.owner == name(qname)
    assert rrset.rdatas == (bytes((192, 0, 2, 1)),)


def test_made_owners_take_the_case_of_the_question() -> None:
    found = asked(zone(BODY), "X.W", "A")
    assert isinstance(found, Found)
    assert found.rrsets[0].owner == name("X.W")


@pytest.mark.parametrize("qname", ["there.w", "ent.w", "below.ent.w"])
def test_does_not_stand_for_names_that_exist(qname: str) -> None:
    assert asked(zone(BODY), qname, "MX") == NoData()


@pytest.mark.parametrize(
    ("qname", "encloser"),
    [("x.there.w", "there.w"), ("x.ent.w", "ent.w"), ("a.b.below.ent.w", "below.ent.w")],
)
def test_only_at_the_closest_encloser(qname: str, encloser: str) -> None:
    assert asked(zone(BODY), qname, "A") == NoName(name(encloser))


def test_not_at_its_parent() -> None:
    assert asked(zone(BODY), "w", "A") == NoData()


def test_without_the_type_is_nodata() -> None:
    assert asked(zone(BODY), "x.w", "AAAA") == NoData(name("*.w"))


def test_asked_by_its_own_name_is_plain_data() -> None:
    found = asked(zone(BODY), "*.w", "A")
    assert isinstance(found, Found)
    assert found.source is None


def test_cname_is_made_for_the_name() -> None:
    found = asked(zone(BODY), "x.c", "A")
    assert isinstance(found, Alias)
    assert (found.cname.owner, found.target, found.source) == (
        name("x.c"),
        name("ns1"),
        name("*.c"),
    )


def test_cname_asked_for_itself() -> None:
    assert isinstance(asked(zone(BODY), "x.c", "CNAME"), Found)


def test_does_not_reach_over_a_cut() -> None:
    found = asked(zone(BODY), "x.sub.w", "A")
    assert isinstance(found, Referral)
    assert found.cut == name("sub.w")


def test_an_asterisk_in_the_middle_is_an_ordinary_label() -> None:
    made = zone(BODY)
    assert isinstance(asked(made, "leaf.*.star", "A"), Found)
    assert asked(made, "leaf.x.star", "A") == NoData(name("*.star")), "*.star exists, without data"
    assert asked(made, "x.leaf.*.star", "A") == NoName(name("leaf.*.star"))


def test_below_another_wildcard() -> None:
    made = zone(BODY)
    assert isinstance(asked(made, "x.*.two", "A"), Found)
    assert asked(made, "x.y.two", "A") == NoData(name("*.two"))
