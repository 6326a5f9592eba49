"""What makes two queries the same question, and which queries need the full path."""

import struct

import pytest

from resolver.wire.peek import LARGE_UDP_OCTETS, MAX_STREAM_OCTETS, SMALL_UDP_OCTETS, peek

WWW = b"\3www\7example\0"
RD, CD, AD, Z = 0x0100, 0x0010, 0x0020, 0x0040
DO = 0x8000
COOKIE, NSID, PADDING, KEEPALIVE, SUBNET = 10, 3, 12, 11, 8


def option(code: int, data: bytes = b"") -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def opt(size: int = 1232, flags: int = 0, options: bytes = b"", *, version: int = 0) -> bytes:
    return b"\0" + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def query(
    qname: bytes = WWW,
    qtype: int = 1,
    *,
    flags: int = RD,
    qclass: int = 1,
    opt: bytes = b"",
    id: int = 7,
) -> bytes:
    header = struct.pack("!HHHHHH", id, flags, 1, 0, 0, 1 if opt else 0)
    return header + qname + struct.pack("!HH", qtype, qclass) + opt


def key(packet: bytes, *, stream: bool = False) -> bytes | None:
    look = peek(packet, stream=stream)
    return look.key if look else None


@pytest.mark.parametrize(
    "packet",
    [
        query(),
        query(flags=0),
        query(flags=RD | CD | AD),
        query(b"\0", 2),
        query(opt=opt(1232)),
        query(opt=opt(512, DO)),
        query(qtype=255),
    ],
    ids=["plain", "rd0", "cd-ad", "root", "edns", "do", "any"],
)
def test_the_canonical_key_is_what_most_clients_send(packet: bytes) -> None:
    assert key(packet) == packet[2:]


def test_the_id_is_not_part_of_the_key() -> None:
    assert key(query(id=1)) == key(query(id=2))


def test_names_are_the_same_in_any_case() -> None:
    assert key(query(b"\3WwW\7EXAMPLE\0")) == key(query())


def test_only_the_name_is_put_in_lower_case() -> None:
    """Type 65 is an `A`, type 97 an `a`; a flag octet may be a letter too."""
    assert key(query(qtype=65)) != key(query(qtype=97))
    assert key(query(qtype=0x4141)) == query(qtype=0x4141)[2:]


@pytest.mark.parametrize("bit", [RD, CD, AD], ids=["rd", "cd", "ad"])
def test_each_flag_that_changes_a_reply_is_in_the_key(bit: int) -> None:
    assert key(query(flags=0)) != key(query(flags=bit))


def test_edns_and_do_are_in_the_key() -> None:
    keys = {key(query()), key(query(opt=opt())), key(query(opt=opt(1232, DO)))}
    assert len(keys) == 3


@pytest.mark.parametrize("size", [1232, 1400, 4096, 65535])
def test_payload_sizes_from_1232_are_one(size: int) -> None:
    look = peek(query(opt=opt(size)), stream=False)
    assert look
    assert look.key == query(opt=opt(1232))[2:]
    assert look.max_octets == LARGE_UDP_OCTETS


@pytest.mark.parametrize("size", [0, 100, 512, 513, 1231])
def test_smaller_payload_sizes_are_one_with_512(size: int) -> None:
    look = peek(query(opt=opt(size)), stream=False)
    assert look
    assert look.key == query(opt=opt(512))[2:]
    assert look.max_octets == SMALL_UDP_OCTETS


def test_without_edns_a_reply_has_at_most_512_octets() -> None:
    look = peek(query(), stream=False)
    assert look
    assert look.max_octets == SMALL_UDP_OCTETS


def test_on_a_stream_the_payload_size_means_nothing() -> None:
    looks = [peek(query(opt=opt(size)), stream=True) for size in (512, 4096)]
    assert looks[0]
    assert looks[1]
    assert looks[0].key == looks[1].key
    assert looks[0].max_octets == MAX_STREAM_OCTETS


@pytest.mark.parametrize("length", [8, 16, 40])
def test_a_cookie_does_not_change_the_question(length: int) -> None:
    look = peek(query(opt=opt(options=option(COOKIE, bytes(length)))), stream=False)
    assert look
    assert look.key == key(query(opt=opt()))
    assert not look.optionless


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41])
def test_a_malformed_cookie_takes_the_full_path(length: int) -> None:
    assert key(query(opt=opt(options=option(COOKIE, bytes(length))))) is None


def test_padding_and_keepalive_mean_nothing_over_udp() -> None:
    options = option(PADDING, bytes(20)) + option(KEEPALIVE)
    assert key(query(opt=opt(options=options))) == key(query(opt=opt()))


@pytest.mark.parametrize("code", [PADDING, KEEPALIVE])
def test_padding_and_keepalive_on_a_stream_take_the_full_path(code: int) -> None:
    assert key(query(opt=opt(options=option(code))), stream=True) is None


@pytest.mark.parametrize("code", [NSID, SUBNET, 15, 65001])
def test_options_that_may_ask_for_something_take_the_full_path(code: int) -> None:
    assert key(query(opt=opt(options=option(COOKIE, bytes(8)) + option(code)))) is None


def test_an_option_that_overruns_takes_the_full_path() -> None:
    options = struct.pack("!HH", COOKIE, 9) + bytes(8)
    assert key(query(opt=opt(options=options))) is None
    assert key(query(opt=opt(options=b"\0\x0a\0"))) is None


CASES = {
    "response": query(flags=0x8000),
    "notify": query(flags=4 << 11),
    "update": query(flags=5 << 11),
    "aa": query(flags=0x0400),
    "tc": query(flags=0x0200),
    "ra": query(flags=0x0080),
    "z": query(flags=Z),
    "rcode": query(flags=2),
    "class-ch": query(qclass=3),
    "class-any": query(qclass=255),
    "axfr": query(qtype=252),
    "ixfr": query(qtype=251),
    "tkey": query(qtype=249),
    "opt-as-type": query(qtype=41),
    "type-0": query(qtype=0),
    "edns-1": query(opt=opt(version=1)),
    "edns-flag": query(opt=opt(flags=0x4000)),
    "edns-rcode": query(opt=opt()[:5] + b"\1" + opt()[6:]),
    "opt-not-at-root": query(opt=b"\1a" + opt()),
    "tsig-for-opt": query(opt=opt()[:1] + b"\0\xfa" + opt()[3:]),
    "trailing": query() + b"\0",
    "trailing-after-opt": query(opt=opt()) + b"\0",
    "opt-missing": query()[:11] + b"\1" + query()[12:],
    "opt-uncounted": query(opt=opt())[:11] + b"\0" + query(opt=opt())[12:],
    "no-question": query()[:5] + b"\0" + query()[6:],
    "two-questions": query()[:5] + b"\2" + query()[6:] + query()[12:],
    "answer-count": query()[:7] + b"\1" + query()[8:],
    "authority-count": query()[:9] + b"\1" + query()[10:],
    "compressed-name": query(b"\xc0\x0c"),
    "reserved-label": query(b"\x41" + b"a" * 65 + b"\0"),
    "name-too-long": query(b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 3 + b"\0"),
}


@pytest.mark.parametrize("packet", CASES.values(), ids=CASES.keys())
def test_everything_else_takes_the_full_path(packet: bytes) -> None:
    assert key(packet) is None
    assert key(packet, stream=True) is None


def test_a_name_of_255_octets_is_plain() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0"
    assert len(longest) == 255
    assert key(query(longest)) == query(longest)[2:]


@pytest.mark.parametrize("packet", [query(), query(opt=opt(1232, DO, option(COOKIE, bytes(8))))])
def test_no_prefix_of_a_query_is_plain(packet: bytes) -> None:
    assert [n for n in range(len(packet)) if key(packet[:n]) is not None] == []


def test_a_zero_octet_inside_a_label_does_not_end_the_name() -> None:
    assert key(query(b"\3a\0b\0")) == query(b"\3a\0b\0")[2:]
