"""RFC 2308: what a denial from an authority looks like."""

from zone_answers import serve

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.model import Answer, Question
from resolver.serve.authority import answer

ZONE = """$TTL 3600
@ {ttl} SOA ns hostmaster 1 7200 3600 1209600 {minimum}
@ NS ns
ns A 192.0.2.1
alias CNAME nothing
here CNAME ns
"""


def denial(qname: str, rrtype: int, *, ttl: int = 3600, minimum: int = 300) -> Answer:
    store = serve(example_=ZONE.format(ttl=ttl, minimum=minimum))
    found = answer(store, Question(names.read(qname), rrtype), minimal=False)
    assert found is not None
    (soa,) = found.authority
    assert soa.rrtype == RRType.SOA
    assert not found.additional
    return found


def test_section_2_1_name_error() -> None:
    found = denial("x.example.", RRType.A)
    assert (found.rcode, found.authoritative, list(found.answer)) == (Rcode.NXDOMAIN, True, [])


def test_section_2_1_name_error_at_the_end_of_an_alias() -> None:
    found = denial("alias.example.", RRType.A)
    assert found.rcode == Rcode.NXDOMAIN
    assert [r.rrtype for r in found.answer] == [RRType.CNAME]


def test_section_2_2_no_data() -> None:
    found = denial("ns.example.", RRType.MX)
    assert (found.rcode, found.authoritative, list(found.answer)) == (Rcode.NOERROR, True, [])


def test_section_2_2_no_data_at_the_end_of_an_alias() -> None:
    found = denial("here.example.", RRType.MX)
    assert found.rcode == Rcode.NOERROR
    assert [r.rrtype for r in found.answer] == [RRType.CNAME]


def test_section_3_ttl_is_the_lower_of_minimum_and_the_soa_s_own() -> None:
    assert denial("x.example.", RRType.A, ttl=3600, minimum=300).authority[0].ttl == 300
    assert denial("x.example.", RRType.A, ttl=60, minimum=300).authority[0].ttl == 60


def test_the_soa_asked_for_keeps_its_own_ttl() -> None:
    store = serve(example_=ZONE.format(ttl=3600, minimum=300))
    found = answer(store, Question(names.read("example."), RRType.SOA), minimal=True)
    assert found is not None
    assert found.answer[0].ttl == 3600
