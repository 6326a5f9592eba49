"""Messages on a stream, in pieces of any size (RFC 1035 section 4.2.2, RFC 7766 section 8)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.wire.framing import Framer, frame

PACKETS = st.lists(st.binary(max_size=300), max_size=8)


def test_a_frame_is_length_and_packet() -> None:
    assert frame(b"abc") == b"\0\3abc"
    assert frame(bytes(65535))[:2] == b"\xff\xff"


def test_a_packet_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="65536 octets"):
        frame(bytes(65536))


def test_several_packets_in_one_piece() -> None:
    framer = Framer()
    assert framer.feed(frame(b"one") + frame(b"") + frame(b"three") + b"\0") == [
        b"one",
        b"",
        b"three",
    ]
    assert framer.pending == 1


def test_nothing_from_nothing() -> None:
    assert Framer().feed(b"") == []


@given(PACKETS)
def test_octet_by_octet(packets: list[bytes]) -> None:
    framer = Framer()
    stream = b"".join([frame(packet) for packet in packets])
    found = [p for octet in stream for p in framer.feed(bytes((octet,)))]
    assert found == packets
    assert framer.pending == 0


@given(PACKETS, st.lists(st.integers(0, 2000), max_size=10))
def test_cut_anywhere(packets: list[bytes], cuts: list[int]) -> None:
    framer = Framer()
    stream = b"".join([frame(packet) for packet in packets])
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    found = [p for a, b in pairwise(edges) for p in framer.feed(stream[a:b])]
    assert found == packets


def test_what_is_held_back_is_bounded() -> None:
    framer = Framer()
    framer.feed(b"\xff\xff" + bytes(65534))
    assert framer.pending == 65536
    assert framer.feed(b"x" + b"\xff") == [bytes(65534) + b"x"]
    assert framer.pending == 1
