"""The cache on disk: what comes back after a restart, and what does not (C06)."""

import stat
from pathlib import Path

import pytest

from resolver.cache import snapshot
from resolver.cache.caches import Caches
from resolver.errors import SnapshotError
from resolver.slices import finish
from resolver.testing import Internet, ManualClock, World, zone

EXAMPLE = "198.51.100.3"
TEXT = """
@    MX    10 mail
www  600   A 192.0.2.7
www  600   A 192.0.2.8
to   CNAME www
long TXT   "0123456789"
old  DNAME www
"""
QUESTIONS = (
    "www.example.com. A",
    "to.example.com. A",
    "example.com. MX",
    "long.example.com. TXT",
    "no.example.com. A",
    "www.example.com. TXT",
)
ORIGIN = 7
STALE_S = 86_400.0


class LaterClock(ManualClock):
    """The clocks of a machine that has just started, at this time of day."""

    __slots__ = ("_started_at",)

    def __init__(self, wall: float) -> None:
        super().__init__()
        self._started_at = wall - super().wall()

    def now(self) -> float:
        return super().now() - 950

    def wall(self) -> float:
        return super().wall() + self._started_at


def warm() -> World:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", EXAMPLE, zone("example.com.", TEXT, ttl=3600))
    world = World(net)
    for question in QUESTIONS:
        assert world.ask(question)[0].status != "SERVFAIL"
    return world


def dumped(world: World, *, max_stale_s: float = STALE_S) -> bytes:
    return b"".join(
        finish(snapshot.dump(world.recursion.caches, moment(world), max_stale_s=max_stale_s))
    )


def moment(world: World) -> snapshot.Moment:
    return snapshot.Moment(world.clock.now(), world.clock.wall(), ORIGIN)


def restarted(world: World, data: bytes, *, down_s: float = 0) -> World:
    """Another process: an empty cache, another monotonic clock, nobody to ask."""
    clock = LaterClock(world.clock.wall() + down_s)
    net = Internet()
    net.root(".", "198.51.100.1")
    net.dead("*")
    new = World(net, clock=clock)
    finish(snapshot.restore(data, new.recursion.caches, moment(new)))
    return new


def sizes(caches: Caches) -> list[int]:
    return [len(caches.rrsets), len(caches.negatives), len(caches.delegations)]


def test_everything_comes_back_and_is_answered_with_upstream_blocked():
    before = warm()
    after = restarted(before, dumped(before))
    assert sizes(after.recursion.caches) == sizes(before.recursion.caches)
    for question in QUESTIONS:
        expected, _ = before.ask(question)
        answer, watch = after.ask(question)
        assert answer.records == expected.records
        assert answer.status == expected.status
        assert answer.authority == expected.authority
        assert watch.asked() == 0


def test_ttls_are_reduced_by_the_time_in_between():
    before = warm()
    before.clock.advance(20)
    after = restarted(before, dumped(before), down_s=100)
    assert 479 <= (after.ask("www.example.com. A")[0].ttl or 0) <= 481


def test_what_has_expired_meanwhile_is_only_served_stale():
    before = warm()
    after = restarted(before, dumped(before), down_s=601)
    answer, watch = after.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7", "192.0.2.8"]
    assert answer.ttl == 30
    assert answer.errors[0][0] == 3, "RFC 8914: stale answer"
    assert watch.asked()
    before.clock.advance(601)
    assert sizes(restarted(before, dumped(before)).recursion.caches)[0]


def test_what_is_too_old_to_be_served_is_left_out():
    before = warm()
    size = len(dumped(before))
    before.clock.advance(4000)
    assert len(dumped(before, max_stale_s=0)) < size / 4


def test_a_clock_that_was_set_back_makes_nothing_younger():
    before = warm()
    after = restarted(before, dumped(before), down_s=-1_000_000)
    assert (after.ask("www.example.com. A")[0].ttl or 0) <= 600


def test_an_empty_cache_can_be_written_too():
    net = Internet()
    net.root(".", "198.51.100.1")
    before = World(net)
    assert sizes(restarted(before, dumped(before)).recursion.caches) == [0, 0, 0]


def damage(data: bytes, how: str) -> bytes:
    match how:
        case "nothing":
            return b""
        case "cut short":
            return data[: len(data) // 2]
        case "without its end":
            return data[:-8]
        case "a bit turned":
            return data[:200] + bytes((data[200] ^ 4,)) + data[201:]
        case "another version":
            return data[:7] + b"\x09" + data[8:]
        case "no snapshot":
            return b"[server]\nlisten = []\n" * 100
        case "more behind it":
            return data + b"x"
        case "another count":
            return data[:-1] + bytes((data[-1] ^ 1,))
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "nothing",
        "cut short",
        "without its end",
        "a bit turned",
        "another version",
        "no snapshot",
        "more behind it",
    ],
)
def test_a_damaged_file_is_not_used_at_all(how: str):
    before = warm()
    data = damage(dumped(before), how)
    after = World(Internet())
    after.net.root(".", "198.51.100.1")
    with pytest.raises(SnapshotError):
        finish(snapshot.restore(data, after.recursion.caches, moment(after)))
    assert sizes(after.recursion.caches) == [0, 0, 0]


def test_a_count_that_is_wrong_is_noticed():
    before = warm()
    with pytest.raises(SnapshotError, match="instead of"):
        restarted(before, damage(dumped(before), "another count"))


def test_every_cut_of_a_file_is_noticed():
    before = warm()
    data = dumped(before)
    for end in range(0, len(data), 7):
        with pytest.raises(SnapshotError):
            finish(snapshot.restore(data[:end], before.recursion.caches, moment(before)))


def test_data_of_another_tree_is_not_used():
    before = warm()
    data = dumped(before)
    elsewhere = snapshot.Moment(before.clock.now(), before.clock.wall(), ORIGIN + 1)
    with pytest.raises(SnapshotError, match="another root"):
        finish(snapshot.restore(data, before.recursion.caches, elsewhere))


def test_a_written_file_is_read_back_and_is_nobody_elses(tmp_path: Path):
    path = tmp_path / "var" / "cache.snapshot"
    snapshot.write(path, [b"one", b"two"])
    snapshot.write(path, [b"three"])
    assert snapshot.read(path, 1000) == b"three"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["cache.snapshot"]


def test_a_file_that_is_not_there_is_no_mistake_and_a_huge_one_is(tmp_path: Path):
    path = tmp_path / "cache.snapshot"
    assert snapshot.read(path, 1000) is None
    path.write_bytes(bytes(1001))
    with pytest.raises(SnapshotError):
        snapshot.read(path, 1000)


def test_a_large_cache_is_written_in_many_pieces():
    before = warm()
    for i in range(3000):
        before.ask(f"n{i}.example.com. A")
    pieces = list(snapshot.dump(before.recursion.caches, moment(before), max_stale_s=STALE_S))
    assert len(pieces) >= 10
    after = restarted(before, dumped(before))
    assert sizes(after.recursion.caches) == sizes(before.recursion.caches)
