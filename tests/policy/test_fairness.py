"""Whose work is next: by time spent, within bounds (S04)."""

from ipaddress import ip_address

import pytest

from resolver.policy import fairness as policy_fairness
from resolver.policy.fairness import PATIENCE_S, Account, Fairness

HEAVY, LIGHT, OTHER = (ip_address(f"192.0.2.{n}").packed for n in (1, 2, 3))
COST_S = 0.001


class World:
    """A processor that does one thing at a time, and clients."""

    def __init__(self, places: int = 100, queue_places: int = 100) -> None:
        self.fairness: Fairness[str] = Fairness(places, queue_places)
        self.now = 100.0
        self.under_way: list[Account[str]] = []
        self.given_up: list[str] = []

    def ask(self, peer: bytes, name: str, *, busy: bool = True) -> bool:
        """Whether it is begun at once."""
        account = self.fairness.enter(peer)
        if self.fairness.may_begin(account, busy=busy):
            self.fairness.begin(account)
            self.under_way.append(account)
            account.spent_s += COST_S
            return True
        given_up = self.fairness.wait(account, name, self.now)
        if given_up is not None:
            self.given_up.append(given_up)
        return False

    def next(self, cost_s: float = COST_S, *, ends: bool = True) -> str | None:
        """Begin the next one and do its work; the name that was asked for."""
        taken = self.fairness.take(self.now)
        if taken is None:
            return None
        account, name, is_wanted = taken
        if not is_wanted:
            self.given_up.append(name)
            return self.next(cost_s, ends=ends)
        self.fairness.begin(account)
        self.now += cost_s
        account.spent_s += cost_s
        if ends:
            self.fairness.end(account)
        else:
            self.under_way.append(account)
        return name

    def rest(self) -> list[str]:
        names = []
        while (name := self.next()) is not None:
            names.append(name)
        return names


def test_while_there_is_time_for_all_nobody_waits() -> None:
    world = World()
    assert all(world.ask(HEAVY, str(i), busy=False) for i in range(50))
    assert world.fairness.waiting == 0


def test_who_asks_for_little_is_not_behind_who_asks_for_a_lot() -> None:
    world = World()
    for i in range(50):
        world.ask(HEAVY, f"h{i}")
    for _ in range(10):
        world.next()
    assert world.ask(LIGHT, "now"), "it has had less than the heavy one: it does not wait at all"
    for i in range(3):
        world.ask(LIGHT, f"l{i}")
    served = world.rest()
    assert [served.index(f"l{i}") for i in range(3)] <= [2, 4, 6]


def test_two_who_ask_for_a_lot_share_by_cost_and_not_by_count() -> None:
    world = World(1000, 1000)
    for i in range(200):
        world.ask(HEAVY, f"h{i}")
        world.ask(OTHER, f"o{i}")
    spent = {"h": 0.0, "o": 0.0}
    for _ in range(100):
        name = world.next(0.0)
        assert name is not None
        cost_s = 0.010 if name[0] == "h" else 0.001
        account = world.fairness.enter(HEAVY if name[0] == "h" else OTHER)
        account.spent_s += cost_s
        spent[name[0]] += cost_s
    assert abs(spent["h"] - spent["o"]) <= 0.010


def test_silence_saves_nothing_up() -> None:
    """A client that had next to nothing for long does not get it all at once."""
    world = World(1000, 1000)
    world.ask(LIGHT, "early", busy=False)  # and is under way all the time
    for i in range(300):
        world.ask(HEAVY, f"h{i}")
    for _ in range(100):
        world.next()
    for i in range(100):
        world.ask(LIGHT, f"l{i}")
    served = [world.next() for _ in range(20)]
    assert 9 <= sum(name is not None and name[0] == "l" for name in served) <= 11


@pytest.mark.parametrize("clients", [1, 2, 4])
def test_nobody_has_more_places_than_are_free(clients: int) -> None:
    world = World(places=60)
    peers = [bytes((10, 0, 0, number)) for number in range(clients)]
    for _ in range(100):
        for peer in peers:
            world.ask(peer, "x", busy=False)
    running = [world.fairness.enter(peer).running for peer in peers]
    assert all(abs(r - 60 // (clients + 1)) <= 1 for r in running)
    assert world.ask(LIGHT, "newcomer", busy=True)


def test_the_oldest_of_a_client_is_given_up_for_its_newest() -> None:
    world = World(places=2, queue_places=20)
    for i in range(30):
        world.ask(HEAVY, f"h{i}", busy=False)
    assert world.fairness.waiting == 10
    assert world.given_up == [f"h{i}" for i in range(1, 20)]


def test_without_any_place_a_newcomer_is_turned_away() -> None:
    world = World(places=1, queue_places=1)
    world.ask(HEAVY, "runs", busy=False)
    world.ask(LIGHT, "waits", busy=False)
    assert not world.ask(OTHER, "no", busy=False)
    assert world.given_up == ["no"]
    assert world.fairness.waiting == 1


def test_who_has_waited_too_long_is_given_up() -> None:
    world = World()
    for i in range(5):
        world.ask(HEAVY, f"h{i}", busy=i > 0)
    world.now += PATIENCE_S + 0.1
    world.ask(HEAVY, "new")
    assert world.next() == "new"
    assert world.given_up == ["h1", "h2", "h3", "h4"]


def test_who_had_no_place_gets_one_when_work_ends() -> None:
    world = World(places=3, queue_places=100)
    for peer in (HEAVY, LIGHT, OTHER):
        for i in range(5):
            world.ask(peer, str(i), busy=False)
    assert world.next() is None or world.fairness.is_full
    served = 0
    while world.under_way:
        world.fairness.end(world.under_way.pop())
        while world.next(ends=False) is not None:
            served += 1
    assert world.fairness.waiting == 0
    assert served + 3 >= 12


def test_who_is_ahead_stays_so_without_work() -> None:
    """Questions that are answered in no time by the clock of the others are work, too."""
    world = World()
    assert world.ask(HEAVY, "one")
    world.fairness.end(world.under_way.pop())
    assert not world.ask(HEAVY, "two")
    assert world.ask(LIGHT, "other")


def test_clients_without_work_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_fairness, "MAX_REMEMBERED", 50)
    world = World()
    for number in range(500):
        world.ask(bytes((10, 0, number >> 8, number & 255)), "x")
        world.fairness.end(world.under_way.pop())
        assert len(world.fairness) <= 50
    world.fairness.begin(world.fairness.enter(OTHER))
    for number in range(60):
        world.ask(bytes((10, 1, 0, number)), "x")
        world.fairness.end(world.under_way.pop())
    assert world.fairness.enter(OTHER).running == 1
    world.fairness.end(world.fairness.enter(OTHER))
    for i in range(20):
        world.ask(HEAVY, str(i))
    world.rest()
    for account in world.under_way:
        world.fairness.end(account)
    assert world.fairness.waiting == world.fairness.running == 0


def test_a_client_over_ipv6_is_a_64() -> None:
    fairness: Fairness[str] = Fairness(10, 10)
    one, other, third = (
        fairness.enter(ip_address(text).packed)
        for text in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
    )
    assert one is other
    assert one is not third


def test_clearing_gives_up_all_that_waits() -> None:
    world = World()
    for i in range(5):
        world.ask(HEAVY, f"h{i}", busy=i > 0)
    assert world.fairness.clear() == ["h1", "h2", "h3", "h4"]
    assert world.fairness.waiting == 0
    assert world.next() is None


def test_nothing_is_left_waiting_when_nothing_runs() -> None:
    """Who waited for a place is not forgotten when those before him were given up."""
    world = World(places=3, queue_places=100)
    peers = [bytes((10, 0, 0, number)) for number in range(20)]
    for peer in (HEAVY, LIGHT, OTHER):
        world.ask(peer, "runs", busy=False)
    for peer in (HEAVY, LIGHT, OTHER, *peers):
        world.ask(peer, "late", busy=False)
    assert world.next() is None
    world.now += PATIENCE_S + 0.1
    while world.under_way:
        world.fairness.end(world.under_way.pop())
    assert world.next() is None
    assert world.given_up == ["late"] * 23
    assert world.fairness.waiting == 0
