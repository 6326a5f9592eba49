"""The OPT record both ways (RFC 6891 section 6.1)."""

import struct

import pytest

from resolver.errors import WireError
from resolver.model import Edns, EdnsOptionValue, Message, Question
from resolver.names import ROOT, read
from resolver.wire.build import build, build_query
from resolver.wire.edns import MAX_OPTIONS
from resolver.wire.parse import parse


def opt(data: bytes = b"", *, owner: bytes = ROOT, size: int = 1232, ttl: int = 0) -> bytes:
    return owner + struct.pack("!2HIH", 41, size, ttl, len(data)) + data


def packet(*records: bytes, flags: int = 0, section: int = 5) -> bytes:
    counts = [0, flags, 0, 0, 0, 0]
    counts[section] = len(records)
    return struct.pack("!6H", *counts) + b"".join(records)


def test_a_message_without_opt_has_no_edns() -> None:
    assert parse(packet()).edns is None


def test_size_version_and_do() -> None:
    assert parse(packet(opt(size=4096, ttl=0x8000))).edns == Edns(4096, 0, dnssec_ok=True)
    assert parse(packet(opt(size=0, ttl=0xFF0000))).edns == Edns(0, 255, dnssec_ok=False)
    # Other flag bits are ignored (section 6.1.4).
    assert parse(packet(opt(ttl=0x7FFF))).edns == Edns()


def test_opt_is_not_in_additional() -> None:
    assert not parse(packet(opt())).additional


def test_opt_carries_the_upper_bits_of_the_rcode() -> None:
    message = parse(packet(opt(ttl=0x01000000), flags=0x8007))
    assert message.rcode == 23
    assert message.flags == 0x8007


def test_options_are_kept_in_order_known_or_not() -> None:
    data = b"\xfd\xe9\0\3abc" + b"\0\3\0\0" + b"\xfd\xe9\0\1z"
    assert parse(packet(opt(data))).edns == Edns(
        options=(
            EdnsOptionValue(65001, b"abc"),
            EdnsOptionValue(3, b""),
            EdnsOptionValue(65001, b"z"),
        )
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (packet(opt(), opt()), "second OPT"),
        (packet(opt(owner=read("example."))), "other than the root"),
        (packet(opt(), section=3), "outside the additional"),
        (packet(opt(), section=4), "outside the additional"),
        (packet(opt(b"\0\3\0")), "cut short"),
        (packet(opt(b"\0\3\0\4abc")), "past the end of OPT"),
        (packet(opt(b"\0\3\0\0" * (MAX_OPTIONS + 1))), "more than 100"),
    ],
)
def test_opt_records_that_are_refused(bad: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        parse(bad)


def test_as_many_options_as_we_read() -> None:
    edns = parse(packet(opt(b"\0\3\0\0" * MAX_OPTIONS))).edns
    assert edns is not None
    assert len(edns.options) == MAX_OPTIONS


def test_an_opt_within_options_of_another_is_not_looked_for() -> None:
    assert parse(packet(opt(b"\xfd\xe9\0\x0b" + opt()))).edns is not None


@pytest.mark.parametrize("rcode", [0, 3, 15, 16, 23, 4095])
def test_rcodes_with_edns(rcode: int) -> None:
    edns = Edns(1400, 0, dnssec_ok=True, options=(EdnsOptionValue(3, b"id"),))
    built = parse(build(Message(1, 0x8000, edns=edns, rcode=rcode)))
    assert (built.rcode, built.edns, built.flags) == (rcode, edns, 0x8000 | rcode & 0xF)


def test_an_rcode_that_needs_edns_and_has_none() -> None:
    with pytest.raises(ValueError, match="needs EDNS"):
        build(Message(1, 0x8000, rcode=16))


def test_the_rcode_of_a_message_outdoes_that_in_its_flags() -> None:
    assert parse(build(Message(1, 0x8002, rcode=3))).flags == 0x8003


@pytest.mark.parametrize("edns", [None, Edns(), Edns(512, dnssec_ok=True)])
@pytest.mark.parametrize("recursion_desired", [True, False])
def test_queries(edns: Edns | None, *, recursion_desired: bool) -> None:
    question = Question(read("wWw.ExAmple."), 28)
    query = build_query(0xBEEF, question, edns=edns, recursion_desired=recursion_desired)
    flags = 0x0100 if recursion_desired else 0
    assert parse(query) == Message(0xBEEF, flags, [question], edns=edns)
    assert query == build(Message(0xBEEF, flags, [question], edns=edns))
