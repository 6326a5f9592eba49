"""Names that exist only because of names below them: NODATA, not NXDOMAIN (RFC 8020)."""

import pytest
from reading import asked, name, zone

from resolver.zone.content import ENT, OCCLUDED
from resolver.zone.lookup import NoData, NoName

BODY = "a.b.c A 192.0.2.1\nsub NS ns1\na.b.sub A 192.0.2.2\nx.*.s TXT x\n"


@pytest.mark.parametrize("qname", ["b.c", "c", "C"])
@pytest.mark.parametrize("qtype", ["A", "ANY", "NS", "DS", "RRSIG"])
def test_is_nodata(qname: str, qtype: str) -> None:
    assert asked(zone(BODY), qname, qtype) == NoData()


def test_is_the_closest_encloser_of_what_is_not_there() -> None:
    assert asked(zone(BODY), "x.b.c", "A") == NoName(name("b.c"))


def test_is_marked() -> None:
    made = zone(BODY)
    assert made.flags(name("b.c")) == ENT
    assert made.flags(name("b.sub")) == ENT | OCCLUDED
    assert made.flags(name("x.c")) is None
    assert not made.flags(name("a.b.c"))


def test_is_no_name_of_the_zone_s_size_but_is_in_its_order() -> None:
    made = zone("a.b.c A 192.0.2.1\n")
    assert made.size == 3
    assert made.names() == tuple(name(n) for n in ("example.test.", "c", "b.c", "a.b.c", "ns1"))


def test_above_a_cut() -> None:
    made = zone("deep.cut NS ns1\n")
    assert asked(made, "cut", "A") == NoData()
    assert asked(made, "x.cut", "A") == NoName(name("cut"))
