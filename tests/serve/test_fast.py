"""A batch of datagrams: hits are answered where they lie, the rest is left as it came."""

import struct

import pytest

from resolver.cache.answers import Answers
from resolver.serve import fast
from resolver.serve.fast import FRONT_OCTETS, MAX_KNOWN_PEERS, FastPath

FRIEND, STRANGER = b"\x0a\0\0\1", b"\x0a\0\0\2"
ALLOWED, NOT_ALLOWED = 7, 0


def query(label: bytes, id: int = 1) -> bytes:
    name = bytes((len(label),)) + label + b"\7example\0"
    return struct.pack("!HHHHHH", id, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1"


def reply(to: bytes) -> bytes:
    record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
    return to[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + to[12:] + record


class Received:
    """A batch as a listener has it after receiving."""

    def __init__(self, *datagrams: tuple[bytes, bytes]) -> None:
        self.packets = [packet for packet, _ in datagrams]
        # Behind a short one lies what came in that place before.
        self.fronts = b"".join(p[:FRONT_OCTETS].ljust(FRONT_OCTETS, b"x") for p in self.packets)
        self.lengths = [len(packet) for packet in self.packets]
        self.peers: list[int | bytes] = [peer for _, peer in datagrams]
        self.tails = [b""] * len(datagrams)
        self.copied: set[int] = set()

    def fill(self, tails: list[bytes]) -> None:
        self.tails = tails

    def packet(self, slot: int) -> bytes:
        self.copied.add(slot)
        return self.packets[slot]

    def peer(self, slot: int) -> bytes:
        peer = self.peers[slot]
        assert isinstance(peer, bytes)
        return peer

    def reply(self, slot: int) -> bytes:
        return self.packets[slot][:2] + self.tails[slot]


class World:
    """One packet kept for friends; strangers have other access bits."""

    def __init__(self) -> None:
        self.answers = Answers(1 << 20)
        self.asked: list[bytes] = []
        self.fast = FastPath(self.answers, self.bits)
        self.keep(b"www")

    def bits(self, peer: bytes) -> int:
        self.asked.append(peer)
        return ALLOWED if peer == FRIEND else NOT_ALLOWED

    def keep(self, label: bytes) -> None:
        self.keep_reply_to(query(label))

    def keep_reply_to(self, to: bytes) -> None:
        self.answers.keep(to, reply(to), bits=ALLOWED, stream=False, now=0.0, ttl_s=300, ages=True)

    def answer(
        self, *datagrams: tuple[bytes, bytes], now: float = 0.0
    ) -> tuple[Received, list[int]]:
        batch = Received(*datagrams)
        return batch, self.fast.answer_batch(batch, now)


def test_hits_are_answered_in_their_slots_and_misses_are_named() -> None:
    asked = [query(b"www", 1), query(b"ww2", 2), query(b"wWw", 3), query(b"www", 4)]
    batch, missed = World().answer(*[(packet, FRIEND) for packet in asked])
    assert missed == [1]
    assert [batch.reply(i) for i in (0, 2, 3)] == [reply(asked[i]) for i in (0, 2, 3)]


def test_a_batch_without_hits_gets_no_replies() -> None:
    batch, missed = World().answer((query(b"ww2", 2), FRIEND))
    assert missed == [0]
    assert batch.tails == [b""]


@pytest.mark.parametrize("octets", range(FRONT_OCTETS - 1, FRONT_OCTETS + 3))
def test_a_long_query_is_a_hit_too(octets: int) -> None:
    world = World()
    label = b"\x3c" + b"a" * 60
    short = query(b"b" * (octets - len(label) - len(query(b""))))
    asked = short[:12] + label + short[12:]
    assert len(asked) == octets
    world.keep_reply_to(asked)
    batch, missed = world.answer((asked, FRIEND), (query(b"www"), FRIEND), (asked[:-1], FRIEND))
    assert missed == [2]
    assert [batch.reply(0), batch.reply(1)] == [reply(asked), reply(query(b"www"))]
    lengths = {0: octets, 2: octets - 1}
    assert batch.copied == {slot for slot in lengths if lengths[slot] > FRONT_OCTETS}


def test_scraps_are_misses() -> None:
    scraps = [b"", b"\0", b"\0\1", query(b"www")[:-1], query(b"www") + b"\0", bytes(4096)]
    _, missed = World().answer(*[(scrap, FRIEND) for scrap in scraps])
    assert missed == list(range(len(scraps)))


def test_a_stranger_does_not_get_what_was_kept_for_friends() -> None:
    """Access control is not repeated on a hit: the answer lies where only friends look."""
    asked = query(b"www")
    batch, missed = World().answer(
        (asked, FRIEND), (asked, STRANGER), (asked, FRIEND), (query(b"WWW"), STRANGER)
    )
    assert missed == [1, 3]
    assert batch.reply(2) == reply(asked)


def test_the_bits_of_an_address_are_asked_for_once() -> None:
    world = World()
    for _ in range(3):
        world.answer((query(b"www"), FRIEND), (query(b"www"), STRANGER), (query(b"www"), FRIEND))
    assert world.asked == [FRIEND, STRANGER]


def test_they_are_asked_for_again_when_access_control_has_changed() -> None:
    world = World()
    world.answer((query(b"www"), STRANGER))
    world.fast.forget_peers()
    world.answer((query(b"www"), STRANGER))
    assert world.asked == [STRANGER, STRANGER]


def test_spoofed_addresses_take_bounded_space() -> None:
    world = World()
    for i in range(0, MAX_KNOWN_PEERS + 200, 64):
        peers = [(i + j).to_bytes(4, "big") for j in range(64)]
        world.answer(*[(query(b"www"), peer) for peer in peers])
        assert len(world.fast._peers) <= MAX_KNOWN_PEERS


def test_after_drop_all_nothing_old_is_served() -> None:
    world = World()
    asked = query(b"www")
    assert world.answer((asked, FRIEND))[1] == []
    world.answers.drop_all()
    assert world.answer((asked, FRIEND))[1] == [0]
    world.keep(b"www")
    batch, missed = world.answer((asked, FRIEND))
    assert missed == []
    assert batch.reply(0) == reply(asked)


def test_ttls_count_down_in_a_batch_too() -> None:
    world = World()
    asked = query(b"www")
    batch, _ = world.answer((asked, FRIEND), (asked, FRIEND), now=10.0)
    aged = reply(asked).replace(b"\0\0\1\x2c", b"\0\0\1\x22")
    assert [batch.reply(0), batch.reply(1)] == [aged, aged]
    assert world.answer((asked, FRIEND), now=300.0)[1] == [0]


def test_a_single_packet_is_answered_as_bytes() -> None:
    world = World()
    asked = query(b"wWw", 9)
    assert world.fast.hit(asked, FRIEND, ALLOWED, 0.0, stream=False) == reply(asked)
    assert world.fast.hit(asked, FRIEND, NOT_ALLOWED, 0.0, stream=False) is None
    assert world.fast.hit(asked, FRIEND, ALLOWED, 0.0, stream=True) is None
    assert world.fast.hit(b"", FRIEND, ALLOWED, 0.0, stream=False) is None


def test_what_is_at_hand_for_a_second_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound there are still hits."""
    monkeypatch.setattr(fast, "MAX_READY", 2)
    world = World()
    asked = [query(label) for label in (b"www", b"ww2", b"ww3", b"ww4")]
    for label in (b"ww2", b"ww3", b"ww4"):
        world.keep(label)
    for _ in range(2):
        batch, missed = world.answer(*[(packet, FRIEND) for packet in asked])
        assert missed == []
        assert [batch.reply(i) for i in range(4)] == [reply(packet) for packet in asked]
    assert [len(view.ready) for view in world.fast._views.values()] == [2]


def test_what_was_at_hand_goes_with_its_second() -> None:
    world = World()
    world.answer((query(b"www"), FRIEND), now=1.5)
    world.answer((query(b"ww2"), FRIEND), now=2.0)
    assert [len(view.ready) for view in world.fast._views.values()] == [0]


def test_spellings_of_one_client_are_not_held_for_others() -> None:
    world = World()
    for spelling in (b"wWw", b"WwW", b"WWW"):
        batch, _ = world.answer((query(spelling), FRIEND))
        assert batch.reply(0) == reply(query(spelling))
    assert [len(view.ready) for view in world.fast._views.values()] == [0]


def test_what_is_known_of_a_miss_is_handed_on() -> None:
    world = World()
    other, another = query(b"ww2", 2), query(b"WW3", 3)
    many = (query(b"www", 1), FRIEND), (other, FRIEND), (query(b"wWw"), FRIEND), (another, FRIEND)
    _, missed = world.answer(*many, (b"\0\1\0", FRIEND))
    assert missed == [1, 3, 4]
    looks = world.fast.looks
    first, second = looks[1], looks[3]
    assert first is not None
    assert (first.key, first.lower) == (other[2:], True)
    assert second is not None
    assert (second.key, second.lower) == (query(b"ww3")[2:], False)
    assert looks[4] is None


def test_a_packet_that_has_expired_is_not_taken_for_the_one_before_it() -> None:
    world = World()
    _, missed = world.answer((query(b"ww2"), FRIEND), (query(b"www"), FRIEND), now=1000.0)
    assert missed == [0, 1]
    assert [look is None for look in world.fast.looks] == [False, True]
