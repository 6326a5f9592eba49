"""Messages made to be expensive stay linear.

Work is counted in executed lines, not in seconds: every loop of the codec is in Python, and what it
copies in one step is bounded by the 255 octets of a name or is part of the message.
"""

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from resolver.errors import WireError
from resolver.model import Message, RRset
from resolver.wire import parse as parse_module
from resolver.wire.build import build
from resolver.wire.parse import parse

pytestmark = pytest.mark.skipif(
    not str(parse_module.__file__).endswith(".py"), reason="compiled code executes no lines"
)

MOST_LINES_PER_OCTET = 5
MAX_OCTETS = 65535
CODEC = str(Path(parse_module.__file__).parent)


def lines(work: Callable[[], object]) -> int:
    """How many lines of the codec `work` executes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        nonlocal count
        if not frame.f_code.co_filename.startswith(CODEC):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except WireError:
        pass
    finally:
        sys.settrace(before)
    return count


def packet(records: list[bytes]) -> bytes:
    whole = struct.pack("!6H", 1, 0x8000, 0, len(records), 0, 0) + b"".join(records)
    assert len(whole) <= MAX_OCTETS
    return whole


def record(owner: bytes, rdata: bytes = b"", rrtype: int = 65280) -> bytes:
    return owner + struct.pack("!2HIH", rrtype, 1, 0, len(rdata)) + rdata


def pointer(target: int) -> bytes:
    return struct.pack("!H", 0xC000 | target)


def pointer_maze(size: int) -> bytes:
    """Data full of pointers, each to the one before it, in chains as long as they may be; then
    records whose owners are the ends of the chains, and all places in between."""
    start = 12 + 1 + 10
    slots = [b"\0\0"]
    while len(slots) < size // 6 and start + 2 * len(slots) < 0x3F00:
        fresh = len(slots) % 120 == 0
        slots.append(b"\0\0" if fresh else pointer(start + 2 * (len(slots) - 1)))
    records = [record(b"\0", b"".join(slots))]
    used = 12 + len(records[0])
    for place in range(len(slots) - 1, 0, -1):
        if used + 12 > size:
            break
        records.append(record(pointer(start + 2 * place)))
        used += 12
    return packet(records)


def pointers_to_pointers(size: int) -> bytes:
    """Every owner is a pointer to the owner before it."""
    records, used = [record(b"\1a\0")], 12 + 13
    while used + 12 <= size and used < 0x3FF0:
        previous = used - (12 if len(records) > 1 else 13)
        records.append(record(pointer(previous)))
        used += 12
    return packet(records)


def endless_pointers(size: int) -> bytes:
    """A chain of pointers far longer than may be followed, and owners at its end."""
    start = 12 + 1 + 10
    count = min(size // 4, 8000)
    slots = [b"\0\0"] + [pointer(start + 2 * n) for n in range(count - 1)]
    owners = [record(pointer(start + 2 * (count - 1)))] * (size // 40)
    return packet([record(b"\0", b"".join(slots)), *owners])


def one_octet_labels(size: int) -> bytes:
    """Names of 127 labels in data, and owners that start at each of their labels in turn."""
    name = b"\1\1" * 126 + b"\1\1\0"
    per_name = len(name) // 2
    names = size // 2 // len(name)
    records = [record(b"\0", name * names)]
    start, used = 12 + 1 + 10, 12 + len(records[0])
    for number in range(names * per_name):
        place = start + number // per_name * len(name) + number % per_name * 2
        if used + 12 > size or place > 0x3FFF:
            break
        records.append(record(pointer(place)))
        used += 12
    return packet(records)


def overlapping_labels(size: int) -> bytes:
    """Every octet of the data reads as a label of one octet, so that every place starts a name."""
    block = b"\1" * 250 + b"\0\0"
    blocks = size // 2 // len(block)
    records = [record(b"\0", block * blocks)]
    start, used = 12 + 1 + 10, 12 + len(records[0])
    for place in range(start, start + blocks * len(block)):
        if used + 12 > size or place > 0x3FFF:
            break
        records.append(record(pointer(place)))
        used += 12
    return packet(records)


def long_names_in_place(size: int) -> bytes:
    name = b"\1a" * 127 + b"\0"
    return packet([record(name)] * ((size - 12) // (len(name) + 10)))


def distinct_owners(size: int) -> bytes:
    count = (size - 12) // 15
    return packet([record(b"\3" + struct.pack("!I", n)[1:] + b"\0") for n in range(count)])


def alternating_rrsets(size: int) -> bytes:
    """Two RRsets, record by record."""
    count = (size - 12) // 17
    return packet([record(b"\1a\0", struct.pack("!I", n), 65280 + n % 2) for n in range(count)])


def many_options(size: int) -> bytes:
    data = b"\xfd\xe9\0\0" * ((size - 30) // 4)
    opt = b"\0" + struct.pack("!2HIH", 41, 1232, 0, len(data)) + data
    return struct.pack("!6H", 1, 0, 0, 0, 0, 1) + opt


def false_counts(size: int) -> bytes:
    """Counts of 65535 and nothing behind them but one name."""
    return struct.pack("!6H", 1, 0, 65535, 65535, 65535, 65535) + b"\0" * (size - 12)


CASES = [
    pointer_maze,
    pointers_to_pointers,
    endless_pointers,
    one_octet_labels,
    overlapping_labels,
    long_names_in_place,
    distinct_owners,
    alternating_rrsets,
    many_options,
    false_counts,
]


@pytest.mark.parametrize("case", CASES)
def test_reading_is_linear(case: Callable[[int], bytes]) -> None:
    half, whole = case(15_000), case(30_000)
    most = case(MAX_OCTETS)
    work_half, work_whole = lines(lambda: parse(half)), lines(lambda: parse(whole))
    assert work_whole <= 2.5 * work_half + 100
    assert lines(lambda: parse(most)) <= MOST_LINES_PER_OCTET * len(most)


@pytest.mark.parametrize(
    "case",
    [pointer_maze, pointers_to_pointers, one_octet_labels, overlapping_labels, distinct_owners],
)
def test_the_expensive_messages_are_read_to_their_end(case: Callable[[int], bytes]) -> None:
    # If they were refused early, the bound above would say nothing.
    packet = case(MAX_OCTETS)
    assert packet[6:8] >= struct.pack("!H", 1000)
    assert parse(packet).answer


def many_names(count: int) -> list[RRset]:
    return [
        RRset(b"\3" + struct.pack("!I", n)[1:] + b"\1a" * 100 + b"\0", 2, 1, 0, (b"\1b\0",))
        for n in range(count)
    ]


def unrelated_names(count: int) -> list[RRset]:
    """Names that share nothing, with as many labels as there may be."""
    return [
        RRset(
            b"".join([bytes((1, n * 7 + i & 0xFF)) for i in range(126)]) + b"\0",
            65280,
            1,
            0,
            (b"",),
        )
        for n in range(count)
    ]


def names_in_data(count: int) -> list[RRset]:
    """One RRset whose data holds all the names (CVE-2024-8508)."""
    rdatas = [b"\4" + struct.pack("!I", n) + b"\1a" * 100 + b"\0" for n in range(count)]
    return [RRset(b"\1z\0", 2, 1, 0, tuple(rdatas))]


@pytest.mark.parametrize("case", [many_names, unrelated_names, names_in_data])
def test_writing_is_linear(case: Callable[[int], list[RRset]]) -> None:
    half, whole = case(75), case(150)
    work_half = lines(lambda: build(Message(1, 0, answer=half)))
    work_whole = lines(lambda: build(Message(1, 0, answer=whole)))
    assert work_whole <= 2.5 * work_half + 100
    most = Message(1, 0, answer=case(5000))
    octets = len(build(most))
    assert lines(lambda: build(most)) <= MOST_LINES_PER_OCTET * max(octets, MAX_OCTETS)


def test_what_does_not_fit_is_not_written_first() -> None:
    # 5000 records for 512 octets: the work is bounded by the octets, not by the records.
    message = Message(1, 0, answer=names_in_data(5000))
    assert lines(lambda: build(message, max_size=512)) < 20 * 512
