"""DNAME (RFC 6672) inside one zone."""

import pytest
from reading import asked, name, zone

from resolver.codes import RRType
from resolver.zone.lookup import Found, NoData, Redirection, TooLong

BODY = f"""d DNAME target
d A 192.0.2.1
up 60 DNAME {"x" * 60}.{"y" * 60}.{"z" * 60}.example.net.
old DNAME new
a.old TXT hidden
*.old A 192.0.2.9
"""


def test_names_below_are_redirected() -> None:
    found = asked(zone(BODY), "A.b.d", "A")
    assert isinstance(found, Redirection)
    assert found.target == name("A.b.target")
    assert found.dname.owner == name("d")
    assert found.cname.owner == name("A.b.d")
    assert found.cname.rrtype == RRType.CNAME
    assert found.cname.rdatas == (name("A.b.target"),)


def test_the_made_cname_has_the_ttl_of_the_dname() -> None:
    found = asked(zone(BODY), "a.up", "A")
    assert isinstance(found, Redirection)
    assert found.cname.ttl == found.dname.ttl == 60


def test_the_owner_itself_is_not_redirected() -> None:
    made = zone(BODY)
    assert isinstance(asked(made, "d", "A"), Found)
    assert isinstance(asked(made, "d", "DNAME"), Found)
    assert asked(made, "d", "TXT") == NoData()


@pytest.mark.parametrize("qname", ["a.old", "x.old", "*.old", "b.a.old"])
def test_data_below_is_occluded(qname: str) -> None:
    assert isinstance(asked(zone(BODY), qname, "TXT"), Redirection)


def test_a_name_that_would_become_too_long() -> None:
    fits = "q" * (255 - 1 - 3 * 61 - len(name("example.net.")))
    made = zone(BODY)
    found = asked(made, f"{fits}.up", "A")
    assert isinstance(found, Redirection)
    assert len(found.target) == 255
    assert isinstance(asked(made, f"{fits}q.up", "A"), TooLong)


def test_at_the_apex_everything_below_goes() -> None:
    made = zone("@ DNAME example.net.\n")
    assert isinstance(asked(made, "example.test.", "NS"), Found)
    found = asked(made, "ns1", "A")
    assert isinstance(found, Redirection)
    assert found.target == name("ns1.example.net.")
