"""Bytes that are no message: each gets a WireError with place and reason (RFC 1035 section 4)."""

import struct

import pytest

from resolver.errors import WireError
from resolver.wire.parse import parse, read_name

EXAMPLE = b"\7example\0"


def header(qd: int = 0, an: int = 0, ns: int = 0, ar: int = 0) -> bytes:
    return struct.pack("!6H", 0x1234, 0x8000, qd, an, ns, ar)


def record(owner: bytes, rrtype: int, rdata: bytes, *, length: int | None = None) -> bytes:
    octets = len(rdata) if length is None else length
    return owner + struct.pack("!2HIH", rrtype, 1, 300, octets) + rdata


def refuse(packet: bytes, reason: str) -> WireError:
    with pytest.raises(WireError, match=reason) as caught:
        parse(packet)
    return caught.value


@pytest.mark.parametrize("octets", range(12))
def test_less_than_a_header(octets: int) -> None:
    assert refuse(bytes(octets), "shorter than a header").offset == octets


def test_a_header_alone_is_a_message() -> None:
    message = parse(header())
    assert (message.id, message.flags, message.questions, message.answer) == (
        0x1234,
        0x8000,
        [],
        (),
    )


@pytest.mark.parametrize("section", range(4))
def test_a_count_larger_than_what_follows(section: int) -> None:
    counts = [0, 0, 0, 0]
    counts[section] = 65535
    assert refuse(header(*counts), "ends in the middle").offset == 12


def test_every_cut_of_a_message_is_refused() -> None:
    packet = header(1, 1) + EXAMPLE + b"\0\2\0\1" + record(b"\xc0\x0c", 2, b"\2ns\xc0\x0c")
    parse(packet)
    for end in range(12, len(packet)):
        refuse(packet[:end], ".")


def test_record_data_past_the_end() -> None:
    packet = header(0, 1) + record(EXAMPLE, 16, b"\1a", length=3)
    assert refuse(packet, "goes past the end").offset == 31


@pytest.mark.parametrize("octet", [0x40, 0x7F, 0x80, 0xBF])
def test_label_types_that_are_not_in_use(octet: int) -> None:
    # RFC 6891 section 5 withdrew the extended label types; 10 was never assigned.
    error = refuse(header(1) + bytes((octet,)) + EXAMPLE + bytes(70), "label type")
    assert error.offset == 12


@pytest.mark.parametrize(
    ("pointer", "why"),
    [
        (12, "to itself"),
        (13, "into itself"),
        (20, "forward"),
        (0, "into the header"),
        (11, "into the header"),
        (0x3FFF, "out of the message"),
    ],
)
def test_pointers_that_do_not_lead_backwards(pointer: int, why: str) -> None:
    packet = header(1) + struct.pack("!H", 0xC000 | pointer) + bytes(20)
    refuse(packet, "compression pointer")


def test_a_pointer_into_the_name_it_ends() -> None:
    refuse(header(1) + b"\1a\xc0\x0c\0\1\0\1", "compression pointer")


def test_two_pointers_to_each_other() -> None:
    # The data of an unknown type holds a pointer to the owner that points to it.
    packet = header(0, 2) + record(b"\0", 65280, b"\xc0\x19\0\0") + record(b"\xc0\x17", 1, bytes(4))
    refuse(packet, "compression pointer")


def test_a_place_already_read_is_no_excuse_for_a_forward_pointer() -> None:
    # The second owner, at 24, points to a label at 23 that reaches over the start of the third
    # owner, at 40, to 44; there the class of the third record reads as a name.
    first = record(b"\0", 65280, b"\x14")
    second = record(b"\xc0\x17", 1, bytes(4))
    third = b"\xc0\x2c" + struct.pack("!2HIH", 65280, 0x0100, 300, 0)
    parse(header(0, 2) + first + second + third)
    assert refuse(header(0, 3) + first + second + third, "compression pointer").offset == 40


def test_every_pointer_of_a_chain_leads_backwards() -> None:
    # The owner leads to 28, from there to 23, and from there to 25: before 28, but not before 23.
    data = record(b"\0", 65280, b"\xc0\x19\1a\0\xc0\x17")
    refuse(header(0, 2) + data + record(b"\xc0\x1c", 1, bytes(4)), "not before it")


def test_a_cut_pointer() -> None:
    refuse(header(1) + b"\xc0", "ends in the middle")


def test_a_name_of_255_octets_and_one_of_256() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert parse(header(1) + longest + b"\0\1\0\1").questions[0].qname == longest
    refuse(header(1) + b"\1b" + longest + b"\0\1\0\1", "more than 255 octets")


def test_a_name_made_too_long_by_a_pointer() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    question = longest + b"\0\1\0\1"
    parse(header(1, 1) + question + record(b"\xc0\x0c", 1, bytes(4)))
    refuse(header(1, 1) + question + record(b"\1b\xc0\x0c", 1, bytes(4)), "more than 255 octets")


def test_a_pointer_to_a_name_that_is_too_long() -> None:
    data = record(b"\0", 65280, b"\1a" * 128 + b"\0")
    refuse(header(0, 2) + data + record(b"\xc0\x17", 1, bytes(4)), "without end")


def test_a_pointer_to_a_label_before_a_known_name_that_makes_it_too_long() -> None:
    longest = record(b"\1a" * 127 + b"\0", 65280, b"\1b\xc0\x0c")
    label = 12 + 255 + 10
    owner = struct.pack("!H", 0xC000 | label)
    refuse(header(0, 2) + longest + record(owner, 1, bytes(4)), "more than 255 octets")


def chained(hops: int) -> bytes:
    """A record whose owner is reached by that many pointers in a row."""
    pointers = b"".join([struct.pack("!H", 0xC000 | 23 + 2 * n) for n in range(hops - 1)])
    first = record(b"\0", 65280, b"\0\0" + pointers)
    return (
        header(0, 2) + first + record(struct.pack("!H", 0xC000 | 23 + 2 * (hops - 1)), 1, bytes(4))
    )


def test_the_number_of_pointers_in_a_row_is_bounded() -> None:
    assert parse(chained(126)).answer[1].owner == b"\0"
    refuse(chained(127), "without end")


@pytest.mark.parametrize(
    ("rrtype", "rdata"),
    [
        (1, bytes(3)),
        (1, bytes(5)),
        (1, b""),
        (28, bytes(15)),
        (28, bytes(17)),
        (2, b"\1a\0\0"),
        (2, b""),
        (2, bytes(254)),
        (6, bytes(255)),
        (5, b"\1a\0" + b"x"),
        (6, b"\0\0" + bytes(19)),
        (6, b"\0\0" + bytes(21)),
        (15, b"\0"),
        (15, b"\0\1\1a\0\0"),
        (33, bytes(6) + b"\1a\0\0"),
        (35, bytes(4) + b"\0\0\0\1a\0\0"),
        (35, bytes(4) + b"\0\0\x20\1a\0"),
        (46, bytes(17)),
        (46, bytes(18) + b"\5a\0"),
        (47, b"\5a\0"),
        (65, b"\0\1\5a\0"),
        (43, bytes(3)),
        (48, bytes(3)),
        (50, bytes(4) + b"\x10\0\0"),
        (51, bytes(4) + b"\0\0"),
    ],
)
def test_record_data_that_does_not_have_the_form_of_its_type(rrtype: int, rdata: bytes) -> None:
    refuse(header(0, 1) + record(EXAMPLE, rrtype, rdata), ".")
    # What follows the record must not be taken for its missing part.
    refuse(header(0, 1) + record(EXAMPLE, rrtype, rdata) + bytes(40), "form or length|label type")


def test_octets_behind_the_last_record_are_ignored() -> None:
    packet = header(1) + EXAMPLE + b"\0\1\0\1"
    assert parse(packet + b"garbage") == parse(packet)


def test_read_name_alone() -> None:
    packet = bytes(12) + b"\3www" + EXAMPLE + b"\1a\xc0\x10"
    assert read_name(packet, 12) == (b"\3www" + EXAMPLE, 25)
    assert read_name(packet, 25) == (b"\1a" + EXAMPLE, 29)
    with pytest.raises(WireError, match="ends in the middle"):
        read_name(packet[:28], 25)
    with pytest.raises(WireError, match="ends in the middle"):
        read_name(packet, 40)
