"""What is left out when a message must be small, and when TC says so (RFC 2181 section 9)."""

import pytest

from resolver.codes import Flag
from resolver.model import Edns, EdnsOptionValue, Message, Question, RRset
from resolver.names import read
from resolver.wire.build import build
from resolver.wire.edns import cookie_option, extended_error_option, extended_errors
from resolver.wire.parse import parse

QNAME = read("www.example.")
A = RRset(QNAME, 1, 1, 300, (b"aaaa",))
NS = RRset(read("example."), 2, 1, 300, (read("ns.example."),))
GLUE = RRset(read("ns.example."), 1, 1, 300, (b"bbbb",))


def text(octets: int, owner: bytes = QNAME) -> RRset:
    """A TXT RRset with records of that many octets in all."""
    sizes = [100] * (octets // 100) + [octets % 100]
    rdatas = [bytes((n,)) + bytes((i % 256,)) * n for i, n in enumerate(sizes)]
    return RRset(owner, 16, 1, 300, tuple(rdatas))


def message(**sections: list[RRset]) -> Message:
    return Message(1, 0x8180, [Question(QNAME, 16)], edns=Edns(), **sections)


def truncated(packet: bytes) -> bool:
    return bool(parse(packet).flags & Flag.TC)


def test_what_fits_is_whole() -> None:
    packet = build(message(answer=[A], authority=[NS], additional=[GLUE]), max_size=512)
    found = parse(packet)
    assert (found.answer, found.authority, found.additional) == ([A], [NS], [GLUE])
    assert not truncated(packet)


@pytest.mark.parametrize("section", ["answer", "authority"])
def test_an_rrset_of_answer_or_authority_that_does_not_fit(section: str) -> None:
    packet = build(message(**{section: [text(600)]}, additional=[GLUE]), max_size=512)
    found = parse(packet)
    assert truncated(packet)
    assert (found.answer, found.authority, found.additional) == ((), (), ())
    assert found.edns == Edns()


def test_rrsets_are_whole_or_absent() -> None:
    long = text(440)
    for size in range(512, 640):
        packet = build(message(answer=[A, long]), max_size=size)
        assert len(packet) <= size
        found = parse(packet)
        assert found.answer == ([A] if truncated(packet) else [A, long])


def test_nothing_follows_what_did_not_fit() -> None:
    packet = build(message(answer=[text(600), A], authority=[NS]), max_size=512)
    found = parse(packet)
    assert (found.answer, found.authority) == ((), ())


def test_additional_data_is_left_out_in_silence() -> None:
    packet = build(message(answer=[A], additional=[text(600), GLUE]), max_size=512)
    assert not truncated(packet)
    assert parse(packet).additional == [GLUE]


def test_glue_that_is_needed_is_not_left_out_in_silence() -> None:
    # RFC 9471 section 3.1
    long = text(600, read("ns.example."))
    referral = message(authority=[NS], additional=[long, GLUE])
    packet = build(referral, max_size=512, required_glue=1)
    assert truncated(packet)
    assert not parse(packet).additional
    referral = message(authority=[NS], additional=[GLUE, long])
    assert not truncated(build(referral, max_size=512, required_glue=1))


def test_extended_errors_go_before_other_data() -> None:
    # RFC 8914 section 3
    full = message(answer=[text(380)])
    cookie = cookie_option(b"12345678")
    full.edns = Edns(options=(extended_error_option(3, "x" * 60), cookie))
    packet = build(full, max_size=512)
    found = parse(packet)
    assert found.answer == full.answer
    assert found.edns == Edns(options=(cookie,))
    assert truncated(packet)
    roomy = build(full, max_size=1232)
    assert len(extended_errors(parse(roomy).edns)) == 1
    assert not truncated(roomy)


def test_extended_errors_stay_when_only_optional_data_is_left_out() -> None:
    full = message(answer=[A], additional=[text(600)])
    full.edns = Edns(options=(extended_error_option(3),))
    packet = build(full, max_size=512)
    assert len(extended_errors(parse(packet).edns)) == 1
    assert not truncated(packet)


def test_tc_that_is_set_already_stays() -> None:
    full = message(answer=[A])
    full.flags |= Flag.TC
    assert truncated(build(full))


def test_tsig_is_the_last_record_and_always_there() -> None:
    # RFC 8945 section 5.1
    data = read("hmac-sha256.") + bytes(58)
    tsig = RRset(read("key.example."), 250, 255, 0, (data,))
    packet = build(message(answer=[text(600)], additional=[GLUE, tsig]), max_size=512)
    found = parse(packet)
    assert found.additional == [tsig]
    assert packet.endswith(data)
    assert found.edns == Edns()
    assert truncated(packet)
    assert len(packet) <= 512


def test_room_is_kept_for_tsig() -> None:
    tsig = RRset(read("key.example."), 250, 255, 0, (read("hmac-sha256.") + bytes(58),))
    whole = message(answer=[text(400)])
    assert not truncated(build(whole, max_size=512))
    whole.additional = [tsig]
    packet = build(whole, max_size=512)
    assert truncated(packet)
    assert parse(packet).additional == [tsig]


@pytest.mark.parametrize("size", [0, 511, 65536])
def test_sizes_that_no_message_has(size: int) -> None:
    with pytest.raises(ValueError, match="no message size"):
        build(message(), max_size=size)


def test_options_that_leave_no_room_for_the_question() -> None:
    full = message()
    full.edns = Edns(options=(EdnsOptionValue(3, bytes(600)),))
    with pytest.raises(ValueError, match="OPT alone"):
        build(full, max_size=512)


def test_the_largest_message() -> None:
    rrsets = [RRset(read(f"n{n}.test."), 65280, 1, 0, (bytes(6000),)) for n in range(11)]
    packet = build(message(answer=rrsets))
    assert len(parse(packet).answer) == 10
    assert truncated(packet)


def test_data_longer_than_any_message() -> None:
    packet = build(message(answer=[RRset(QNAME, 65280, 1, 0, (bytes(70000),))]))
    assert not parse(packet).answer
    assert truncated(packet)
