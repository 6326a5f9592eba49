"""TTLs and names in finished messages are changed in place, and nothing else is."""

import dns.edns
import dns.message
import pytest

from resolver.errors import WireError
from resolver.wire.patch import age, survey, with_question_name

MIXED = """id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
edns 0
payload 1232
;QUESTION
www.example. IN A
;ANSWER
www.example. 300 IN CNAME web.example.
web.example. 60 IN A 192.0.2.1
web.example. 60 IN A 192.0.2.2
;AUTHORITY
example. 3600 IN NS ns.example.
;ADDITIONAL
ns.example. 7200 IN AAAA 2001:db8::1
"""
ONE = """id 1
flags QR AA
;QUESTION
example. IN MX
;ANSWER
example. 5 IN MX 10 mail.example.
"""
EMPTY = """id 1
flags QR
;QUESTION
example. IN MX
"""


def tail(text: str) -> bytes:
    return dns.message.from_text(text).to_wire()[2:]


def ttls(octets: bytes) -> list[int]:
    """As they are on the wire."""
    dns.message.from_wire(b"\0\1" + octets)
    return [int.from_bytes(octets[at : at + 4], "big") for at in survey(octets).ttls]


def test_every_ttl_but_that_of_opt_is_found() -> None:
    layout = survey(tail(MIXED))
    assert ttls(tail(MIXED)) == [300, 60, 60, 3600, 7200]
    assert layout.lowest_ttl_s == 60


@pytest.mark.parametrize("owners", [1, 2, 60])
def test_a_ttl_is_found_wherever_it_is(owners: int) -> None:
    octets = b"\1" * 2 + b"\0\0" + owners.to_bytes(2, "big") + bytes(4)
    record = b"\0\0\x10\0\1"  # TXT of the root
    places = []
    for i in range(owners):
        octets += record
        places.append(len(octets))
        octets += i.to_bytes(4, "big") + b"\0\x0a" + b"\x09" + bytes(9)
    assert survey(octets).ttls == tuple(places)


@pytest.mark.parametrize("place", [500, 511, 512, 4000])
def test_the_only_ttl_may_be_far_behind(place: int) -> None:
    octets = bytes(4) + b"\0\1" + bytes(place - 11) + b"\0\0\x10\0\1" + bytes(6)
    assert survey(octets, place - 5).ttls == (place,)


def test_a_message_without_records_has_no_ttl() -> None:
    layout = survey(tail(EMPTY))
    assert layout.ttls == ()
    assert layout.lowest_ttl_s is None


@pytest.mark.parametrize(("text", "left"), [(MIXED, [297, 57, 57, 3597, 7197]), (ONE, [2])])
def test_time_is_taken_off_every_ttl(text: str, left: list[int]) -> None:
    before = tail(text)
    after = age(before, survey(before).ttls, 3)
    assert ttls(after) == left
    assert len(after) == len(before)


@pytest.mark.parametrize(("text", "left"), [(MIXED, [230, 0, 0, 3530, 7130]), (ONE, [0])])
def test_no_ttl_falls_below_zero(text: str, left: list[int]) -> None:
    assert ttls(age(tail(text), survey(tail(text)).ttls, 70)) == left


def test_a_ttl_with_its_top_bit_counts_as_zero() -> None:
    """RFC 2181 section 8."""
    octets = tail(ONE)
    (at,) = survey(octets).ttls
    huge = octets[:at] + b"\xff\xff\xff\xff" + octets[at + 4 :]
    assert survey(huge).lowest_ttl_s == 0
    assert ttls(age(huge, (at,), 1)) == [0]


def test_the_question_takes_another_case_and_owners_follow() -> None:
    octets = with_question_name(tail(ONE), b"\7eXaMPle\0")
    message = dns.message.from_wire(b"\0\1" + octets)
    assert message.question[0].name.to_text() == "eXaMPle."
    assert message.answer[0].name.to_text() == "eXaMPle."
    assert ttls(octets) == [5]


def with_option(code: int) -> bytes:
    message = dns.message.from_text(EMPTY)
    message.use_edns(options=[dns.edns.GenericOption(code, b"12345678")])
    return message.to_wire()[2:]


def test_options_meant_for_one_client_are_noticed() -> None:
    cookie, extended_error = 10, 15
    assert survey(with_option(cookie)).personal
    assert not survey(with_option(extended_error)).personal
    assert not survey(tail(MIXED)).personal


def test_a_message_that_is_cut_short_is_refused() -> None:
    octets = tail(MIXED)
    for end in range(len(octets)):
        with pytest.raises(WireError):
            survey(octets[:end])
