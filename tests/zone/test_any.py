"""ANY is kept small (RFC 8482 section 4.1), and RRSIG gathers what covers each type."""

from reading import asked, zone

from resolver.codes import RRType
from resolver.zone.lookup import Found, NoData

SIGNED = "{0} RRSIG {1} 8 3 60 20300101000000 20200101000000 1 example.test. AAAA\n"
BODY = (
    f"fat TXT {'x' * 200}\nfat TXT {'y' * 200}\nfat A 192.0.2.1\nfat AAAA ::1\nfat MX 1 mail\n"
    + SIGNED.format("s", "A")
    + SIGNED.format("s", "TXT")
    + "s A 192.0.2.1\ns TXT x\nalias CNAME fat\n"
)


def test_one_rrset_and_the_smallest() -> None:
    found = asked(zone(BODY), "fat", "ANY")
    assert isinstance(found, Found)
    assert [r.rrtype for r in found.rrsets] == [RRType.A]


def test_all_when_the_whole_is_wanted() -> None:
    found = asked(zone(BODY), "fat", "ANY", whole_any=True)
    assert isinstance(found, Found)
    assert {r.rrtype for r in found.rrsets} == {RRType.TXT, RRType.A, RRType.AAAA, RRType.MX}


def test_the_apex_is_small_too() -> None:
    found = asked(zone(BODY), "example.test.", "ANY")
    assert isinstance(found, Found)
    assert len(found.rrsets) == 1


def test_an_alias_is_not_followed() -> None:
    found = asked(zone(BODY), "alias", "ANY")
    assert isinstance(found, Found)
    assert found.rrsets[0].rrtype == RRType.CNAME


def test_signatures_are_kept_by_the_type_they_cover() -> None:
    made = zone(BODY)
    found = asked(made, "s", "RRSIG", whole_any=True)
    assert isinstance(found, Found)
    assert [r.rdatas[0][:2] for r in found.rrsets] == [b"\0\1", b"\0\x10"]
    one = asked(made, "s", "RRSIG")
    assert isinstance(one, Found)
    assert len(one.rrsets) == 1, "as small as an answer to ANY, and for the same reason"
    assert asked(made, "fat", "RRSIG") == NoData()
    node = made.node(b"\1s" + made.origin)
    assert node is not None
    assert set(node.rrsets) == {RRType.A, RRType.TXT}
    assert set(node.signatures) == {RRType.A, RRType.TXT}
