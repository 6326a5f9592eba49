"""Finished packets: who gets them back, for how long, in which spelling, and what is never kept."""

import struct

import dns.message
import pytest

from resolver.cache.answers import MAX_ALIASES, MAX_SECOND_CHANCES, Answers, Entry
from resolver.errors import WireError
from resolver.serve.fast import FastPath

BITS = 7
PEER = b"\x7f\0\0\1"
RD, CD, AD, TC = 0x0100, 0x0010, 0x0020, 0x0200
COOKIE, EXTENDED_ERROR, NSID = 10, 15, 3


def wire_name(text: str) -> bytes:
    labels = text.rstrip(".").split(".")
    return b"".join(bytes((len(label),)) + label.encode() for label in labels) + b"\0"


def query(
    name: str = "www.example",
    *,
    qtype: int = 1,
    flags: int = RD,
    size: int = 0,
    dnssec_ok: bool = False,
    options: bytes = b"",
    id: int = 0x1234,
) -> bytes:
    packet = struct.pack("!HHHHHH", id, flags, 1, 0, 0, 1 if size else 0)
    packet += wire_name(name) + struct.pack("!HH", qtype, 1)
    if size:
        packet += b"\0" + struct.pack("!HHIH", 41, size, dnssec_ok << 15, len(options)) + options
    return packet


def reply(to: bytes, *, ttl: int = 300, flags: int = 0, octets: int = 4, opt: bytes = b"") -> bytes:
    """One record of `octets` octets of rdata; header, question and owner follow the query."""
    end = to.index(b"\0", 12) + 5
    header = to[:2] + struct.pack("!HHHHH", 0x8080 | flags, 1, 1, 0, 1 if opt else 0)
    return (
        header
        + to[12:end]
        + b"\xc0\x0c\0\1\0\1"
        + struct.pack("!IH", ttl, octets)
        + (bytes(octets) + opt)
    )


def opt_with(code: int) -> bytes:
    return b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 5, code, 1) + b"x"


class Cache:
    """A packet cache as its two users see it: keep from the service, hit from the listeners."""

    def __init__(self, octets: int = 1 << 20) -> None:
        self.answers = Answers(octets)
        self.fast = FastPath(self.answers, lambda _: BITS)

    def keep(
        self,
        to: bytes,
        packet: bytes | None = None,
        *,
        now: float = 0.0,
        ttl_s: float = 300.0,
        ages: bool = True,
        bits: int = BITS,
        stream: bool = False,
    ) -> None:
        self.answers.keep(
            to,
            reply(to) if packet is None else packet,
            bits=bits,
            stream=stream,
            now=now,
            ttl_s=ttl_s,
            ages=ages,
        )

    def hit(
        self, packet: bytes, now: float = 0.0, *, bits: int = BITS, stream: bool = False
    ) -> bytes | None:
        return self.fast.hit(packet, PEER, bits, now, stream=stream)

    def keys(self) -> dict[bytes, Entry]:
        """Everything in the one table that is used here, by key."""
        table = self.answers.table(BITS, stream=False)
        return {key: entry for shard in table for key, entry in shard.items()}

    def ttl(self, packet: bytes, now: float) -> int | None:
        found = self.hit(packet, now)
        return dns.message.from_wire(found).answer[0].ttl if found else None


@pytest.fixture
def cache() -> Cache:
    return Cache()


def test_the_same_query_gets_the_same_reply_under_its_own_id(cache: Cache) -> None:
    cache.keep(query(id=1))
    assert cache.hit(query(id=2)) == reply(query(id=2))


def test_another_name_type_or_flag_gets_nothing(cache: Cache) -> None:
    cache.keep(query())
    others = [
        query("ww2.example"),
        query(qtype=28),
        query(flags=0),
        query(flags=RD | CD),
        query(flags=RD | AD),
        query(size=1232),
        query(size=1232, dnssec_ok=True),
    ]
    assert [cache.hit(other) for other in others] == [None] * len(others)


def test_with_and_without_do_are_two_answers(cache: Cache) -> None:
    plain, signed = query(size=1232), query(size=1232, dnssec_ok=True)
    cache.keep(plain)
    assert cache.hit(signed) is None
    cache.keep(signed, reply(signed, octets=100))
    assert cache.hit(plain) == reply(plain)
    assert cache.hit(signed) == reply(signed, octets=100)


def test_types_that_differ_by_the_case_of_a_letter_are_apart(cache: Cache) -> None:
    cache.keep(query(qtype=97))
    assert cache.hit(query(qtype=65)) is None


def test_a_name_in_another_case_gets_its_own_spelling_back(cache: Cache) -> None:
    cache.keep(query("WWW.example"))
    for name in ("www.example", "wWw.eXample", "WWW.example", "www.EXAMPLE"):
        assert cache.hit(query(name)) == reply(query(name))
    assert cache.answers.entries == 1


def test_spelling_does_not_leak_to_the_next_client(cache: Cache) -> None:
    cache.keep(query("WWW.EXAMPLE"))
    assert cache.hit(query()) == reply(query())
    assert cache.hit(query("wwW.example")) == reply(query("wwW.example"))
    assert cache.hit(query()) == reply(query())


def cookie(n: int) -> bytes:
    return struct.pack("!HHQ", COOKIE, 8, n)


def test_cookies_that_change_with_each_query_still_hit(cache: Cache) -> None:
    plain = query(size=1232)
    cache.keep(query(size=1232, options=cookie(1)), reply(plain))
    for n in range(2, 50):
        assert cache.hit(query(size=1232, options=cookie(n))) == reply(plain)
    assert cache.hit(plain) == reply(plain)
    # None of those spellings is worth a place in the table.
    assert len(cache.keys()) == 1


def test_a_query_for_nsid_is_not_answered_from_here(cache: Cache) -> None:
    cache.keep(query(size=1232))
    assert cache.hit(query(size=1232, options=struct.pack("!HH", NSID, 0))) is None


def test_every_large_payload_size_is_served_from_one_entry(cache: Cache) -> None:
    cache.keep(query(size=4096), reply(query(), octets=1100))
    for size in (1232, 1400, 4096, 65535):
        assert cache.hit(query(size=size)) == reply(query(), octets=1100)
    assert cache.answers.entries == 1


def test_a_client_of_512_octets_never_gets_more(cache: Cache) -> None:
    cache.keep(query(size=1232), reply(query(), octets=1000))
    assert cache.hit(query(size=512)) is None
    assert cache.hit(query(size=1000)) is None
    assert cache.hit(query()) is None
    # What fits 512 octets may be kept from any of the small sizes for all of them.
    cache.keep(query(size=1000), reply(query(), octets=400))
    assert cache.hit(query(size=512)) == reply(query(), octets=400)


@pytest.mark.parametrize(
    ("asked", "octets"),
    [(query(), 500), (query(size=512), 500), (query(size=1231), 500), (query(size=4096), 1300)],
    ids=["no-edns", "512", "1231", "4096"],
)
def test_a_reply_too_large_for_others_with_its_key_is_not_kept(
    cache: Cache, asked: bytes, octets: int
) -> None:
    cache.keep(asked, reply(asked, octets=octets))
    assert cache.answers.entries == 0


def test_stream_and_udp_are_apart(cache: Cache) -> None:
    cache.keep(query(), reply(query(), octets=2000), stream=True)
    assert cache.hit(query()) is None
    assert cache.hit(query(), stream=True) == reply(query(), octets=2000)


def test_on_a_stream_the_payload_size_of_the_client_means_nothing(cache: Cache) -> None:
    cache.keep(query(size=4096), reply(query(), octets=2000), stream=True)
    assert cache.hit(query(size=512), stream=True) == reply(query(), octets=2000)


def test_access_bits_are_apart(cache: Cache) -> None:
    cache.keep(query(), bits=7)
    assert cache.hit(query(), bits=1) is None
    assert cache.hit(query(), bits=7) is not None


def test_ttls_count_down_by_the_second(cache: Cache) -> None:
    """A packet kept in the middle of a second counts as kept at its start."""
    cache.keep(query(), now=1000.5)
    at = (1000.5, 1000.9, 1001.0, 1001.9, 1008.0, 1008.1, 1299.9)
    assert [cache.ttl(query(), now) for now in at] == [300, 300, 299, 299, 292, 292, 1]


def test_a_ttl_is_never_more_than_what_is_left_rounded_up(cache: Cache) -> None:
    for tenth in range(10):
        stored_at = 1000 + tenth / 10
        cache.keep(query(), now=stored_at)
        for now in (stored_at, stored_at + 0.35, stored_at + 7.3, stored_at + 298.0):
            ttl = cache.ttl(query(), now)
            assert ttl is not None
            assert ttl < stored_at + 300 - now + 1


def test_nothing_is_served_at_or_after_its_expiry(cache: Cache) -> None:
    cache.keep(query(), now=0.25)
    assert cache.ttl(query(), 299.99) == 1
    for now in (300.0, 300.25, 1e9):
        assert cache.ttl(query(), now) is None
        assert cache.ttl(query("WWW.example"), now) is None


def test_the_lowest_ttl_ends_the_life_of_a_packet(cache: Cache) -> None:
    cache.keep(query(), reply(query(), ttl=10), ttl_s=300)
    assert cache.ttl(query(), 9.9) == 1
    assert cache.ttl(query(), 10.0) is None


def test_a_life_shorter_than_every_ttl_is_kept_to(cache: Cache) -> None:
    cache.keep(query(), ttl_s=5)
    assert cache.ttl(query(), 4.9) == 296
    assert cache.ttl(query(), 5.0) is None


def test_less_than_a_second_is_not_worth_keeping(cache: Cache) -> None:
    cache.keep(query(), ttl_s=0.9)
    cache.keep(query(), ttl_s=0.9, ages=False)
    assert cache.answers.entries == 0


def test_own_zones_do_not_count_down(cache: Cache) -> None:
    cache.keep(query(), ages=False, ttl_s=86_400)
    assert [cache.ttl(query(), now) for now in (0.0, 1.5, 500.0, 86_399.0)] == [300] * 4
    assert cache.ttl(query(), 86_400.0) is None


def test_a_ttl_of_zero_is_never_kept(cache: Cache) -> None:
    cache.keep(query(), reply(query(), ttl=0))
    cache.keep(query(), ttl_s=0)
    cache.keep(query(), ttl_s=0, ages=False)
    assert cache.answers.entries == 0


def test_what_says_for_how_long_nowhere_is_not_kept(cache: Cache) -> None:
    empty = query()[:2] + b"\x80\x80" + query()[4:]
    cache.keep(query(), empty, ttl_s=float("inf"))
    assert cache.answers.entries == 0
    cache.keep(query(), reply(query(), ttl=7), ttl_s=float("inf"))
    assert cache.ttl(query(), 6.0) == 1
    assert cache.hit(query(), 7.0) is None


def test_an_expired_packet_is_replaced(cache: Cache) -> None:
    cache.keep(query(), reply(query(), ttl=5))
    cache.keep(query(), reply(query(), ttl=9), now=6.0)
    assert cache.ttl(query(), 6.0) == 9
    assert cache.answers.entries == 1
    octets = cache.answers.octets
    for second in range(7, 500):
        cache.keep(query(), reply(query(), ttl=1), now=float(second))
    assert cache.answers.octets == octets


def test_a_truncated_reply_is_not_kept(cache: Cache) -> None:
    cache.keep(query(), reply(query(), flags=TC))
    assert cache.answers.entries == 0


@pytest.mark.parametrize(
    "asked",
    [query(flags=0x2000), query(qtype=252), query(size=1232, options=struct.pack("!HH", NSID, 0))],
    ids=["notify", "axfr", "nsid"],
)
def test_only_plain_queries_are_kept(cache: Cache, asked: bytes) -> None:
    cache.keep(asked)
    assert cache.answers.entries == 0


def test_a_reply_to_another_question_is_not_kept(cache: Cache) -> None:
    cache.keep(query(), reply(query("ww2.example")))
    cache.keep(query(), reply(query(qtype=28)))
    cache.keep(query(), query()[:2] + b"\x80\1" + bytes(8))
    assert cache.answers.entries == 0


def test_a_reply_with_an_option_for_one_client_is_not_kept(cache: Cache) -> None:
    asked = query(size=1232, options=cookie(1))
    cache.keep(asked, reply(asked, opt=opt_with(COOKIE)))
    assert cache.answers.entries == 0
    cache.keep(asked, reply(asked, opt=opt_with(EXTENDED_ERROR)))
    assert cache.answers.entries == 1


def test_a_reply_that_is_no_message_is_our_mistake(cache: Cache) -> None:
    with pytest.raises(WireError):
        cache.keep(query(), reply(query())[:-1])
    assert cache.answers.entries == 0


def test_drop_all_forgets_everything_at_once_and_frees_it_by_and_by(cache: Cache) -> None:
    for i in range(500):
        cache.keep(query(f"h{i}.example"))
    generation = cache.answers.generation
    cache.answers.drop_all()
    assert cache.answers.generation != generation
    assert (cache.answers.entries, cache.answers.octets) == (0, 0)
    assert cache.hit(query("h1.example")) is None
    for _ in range(30):
        cache.keep(query())
    assert not cache.answers._graves
    assert cache.hit(query()) is not None
    assert cache.answers.entries == 1


@pytest.mark.parametrize("kept_in_between", [0, 1])
def test_changes_one_after_the_other_leave_nothing_behind(
    cache: Cache, kept_in_between: int
) -> None:
    for _ in range(1000):
        for i in range(kept_in_between):
            cache.keep(query(f"h{i}.example"))
        cache.answers.drop_all()
    assert len(cache.answers._graves) <= 2


@pytest.mark.parametrize("is_dropped_before", [False, True])
def test_space_is_bounded(is_dropped_before: bool) -> None:
    cache = Cache(octets=100_000)
    if is_dropped_before:
        cache.keep(query())
        cache.answers.drop_all()
    for i in range(2000):
        cache.keep(query(f"h{i}.example"))
        assert cache.answers.octets <= 100_000
    assert cache.hit(query("h1999.example")) is not None
    assert cache.hit(query("h0.example")) is None
    assert cache.answers.entries == len(cache.keys())
    assert cache.answers.evicted == 2000 - cache.answers.entries


def test_a_name_in_use_outlives_names_asked_once() -> None:
    cache = Cache(octets=100_000)
    cache.keep(query("hot.example"), reply(query("hot.example"), ttl=86_400), ttl_s=86_400)
    for i in range(2000):
        now = i / 10
        cache.keep(query(f"h{i}.example"), now=now)
        assert cache.hit(query("hot.example"), now) is not None
    assert cache.hit(query("h1.example"), 200.0) is None


def test_a_name_in_use_outlives_a_flood_within_one_second() -> None:
    """A packet served once in a second is at hand for the rest of it and not looked for again."""
    cache = Cache(octets=100_000)
    cache.keep(query("hot.example"))
    assert cache.hit(query("hot.example")) is not None
    for i in range(2000):
        cache.keep(query(f"h{i}.example"))
    assert cache.answers.evicted > 1000
    assert cache.hit(query("hot.example"), 1.0) is not None


def test_a_cache_in_which_everything_is_in_use_makes_room_without_a_full_sweep() -> None:
    cache = Cache(octets=100_000)
    names = [f"h{i}.example" for i in range(4 * MAX_SECOND_CHANCES)]
    for name in names:
        cache.keep(query(name))
        cache.hit(query(name), 2.0)
    entries = [*cache.keys().values()]
    assert all(entry.visited == 2 for entry in entries)
    new = 0
    while not cache.answers.evicted:
        cache.keep(query(f"new{new}.example"), now=2.0)
        new += 1
    assert cache.answers.octets <= 100_000
    assert sum(entry.visited == 2 for entry in entries) >= len(names) - MAX_SECOND_CHANCES - 1


def test_an_evicted_entry_takes_its_aliases_along() -> None:
    cache = Cache(octets=20_000)
    for size in (1232, 1400, 4096, 8192):
        cache.keep(query("a.example", size=size))
    assert len(cache.keys()) == 1 + MAX_ALIASES
    for i in range(200):
        cache.keep(query(f"h{i}.example"))
    for size in (1232, 1400, 4096, 8192):
        assert cache.hit(query("a.example", size=size)) is None
    assert cache.answers.entries == len(cache.keys())


def test_no_part_of_a_table_is_large() -> None:
    """One dictionary of all would be made anew in one piece whenever it is full."""
    cache = Cache(octets=4 << 20)
    for i in range(4000):
        cache.keep(query(f"h{i}.example"))
    table = cache.answers.table(BITS, stream=False)
    assert sum(map(len, table)) == cache.answers.entries == 4000
    assert max(map(len, table)) < 400
    assert all(cache.hit(query(f"h{i}.example")) for i in range(4000))


def test_octets_are_given_back() -> None:
    """What is charged for entries and aliases is what is returned for them."""
    cache = Cache(octets=10_000)
    for i in range(300):
        cache.keep(query(f"h{i}.example", size=4096), reply(query(f"h{i}.example"), octets=i))
        cache.hit(query(f"h{i}.example", size=1400))
    entries = {id(e): e for e in cache.keys().values()}
    assert cache.answers.octets == sum(e.octets for e in entries.values())
