"""Zones that go from one catalog made here to another (RFC 9432 sections 4.3.1 and 5.5): what both
say, and when."""

import asyncio
from collections.abc import Sequence

import pytest

from resolver import names
from resolver.net.ledger import Kept
from resolver.net.made_catalogs import Handover, Made
from resolver.slices import finish
from resolver.testing.clock import ManualClock
from resolver.zone import catalog
from resolver.zone.catalog import Entry, Leaving
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.history import History
from resolver.zone.store import ZoneStore

ZONE, OTHER = names.read("a.test."), names.read("b.test.")
DAY_S = 86_400.0


class Keeping:
    """What a catalog needs of the keeper, without disk and network."""

    ledger = None

    def __init__(self, clock: ManualClock, store: ZoneStore) -> None:
        self.clock = clock
        self.store = store
        self.published: list[str] = []
        self.history = History()
        self.resume = store.swap

    async def publish(
        self, zone: Zone, changes: Diff | Sequence[Diff] | None, *, whole: bool = False
    ) -> None:
        name = names.show(zone.origin).partition(".")[0]
        self.published.append(name if changes is not None else f"whole {name}")
        self.store.swap(zone)


class Disk:
    """A ledger with one version."""

    is_there = True

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    async def restore(self, origin: bytes) -> Kept:
        assert origin == self.zone.origin
        return Kept(self.zone)


class Catalogs:
    """Catalogs named by one letter; `lists` says which zones are to be in each."""

    def __init__(self, letters: str = "xyz", handover: Handover | None = None) -> None:
        self.clock = ManualClock()
        self.store = ZoneStore()
        self.keeper = Keeping(self.clock, self.store)
        self.lists: dict[str, dict[bytes, str]] = {letter: {} for letter in letters}
        self.made: dict[bytes, Made] = {}
        for letter in letters:
            self.add(letter, handover or Handover())

    def add(self, letter: str, handover: Handover) -> None:
        origin = names.read(f"{letter}.")
        self.made[origin] = Made(
            origin,
            lambda: self.lists[letter],
            handover,
            all_made=self.made,
            keeper=self.keeper,  # type: ignore[arg-type]
            store=self.store,
        )

    def renew(self, after_s: float = 0.0) -> list[str]:
        """What is published by the time that all have nothing more to say."""
        self.clock.advance(after_s)
        self.keeper.published = []
        asyncio.run(self._renew())
        return self.keeper.published

    async def _renew(self) -> None:
        for _ in self.made:
            for made in self.made.values():
                await made.renew()
        for made in self.made.values():
            await made.stop()
            made._timer = made._due = None

    def said(self, letter: str) -> dict[bytes, catalog.Member]:
        """What a follower reads."""
        zone = self.store.get(names.read(f"{letter}."))
        assert zone is not None
        reading = finish(catalog.read(zone))
        assert isinstance(reading, catalog.Catalog)
        return reading.members

    def where(self) -> dict[str, str]:
        """The catalogs that have the zone, each with where it goes from there."""
        return {
            letter: names.show(member.coo) if member.coo else ""
            for letter in self.lists
            if (member := self.said(letter).get(ZONE)) is not None
        }

    def move(self, source: str, target: str) -> None:
        self.lists[target][ZONE] = self.lists[source].pop(ZONE)


@pytest.fixture
def catalogs() -> Catalogs:
    made = Catalogs()
    made.lists["x"][ZONE] = "gold"
    made.lists["x"][OTHER] = ""
    made.renew()
    assert made.where() == {"x": ""}
    made.clock.advance(3600)
    return made


def test_old_catalog_says_so_first_and_keeps_the_zone_for_a_day(catalogs: Catalogs) -> None:
    label = catalogs.said("x")[ZONE].label
    catalogs.move("x", "y")
    assert catalogs.renew() == ["x"]
    assert catalogs.where() == {"x": "y."}
    assert catalogs.said("x")[ZONE].groups == (b"gold",), "until it is in the other one"
    assert catalogs.renew(after_s=59) == []
    assert catalogs.renew(after_s=2) == ["y"]
    assert catalogs.where() == {"x": "y.", "y": ""}
    assert catalogs.said("y")[ZONE].label == label, "another label would be another zone"
    assert catalogs.renew(after_s=DAY_S - 62) == []
    assert catalogs.renew(after_s=2) == ["x"]
    assert catalogs.where() == {"y": ""}
    assert OTHER in catalogs.said("x")


def test_new_catalog_is_published_whole_after_that(catalogs: Catalogs) -> None:
    """For followers that took the zone in it for a clash of names."""
    catalogs.move("x", "y")
    catalogs.renew()
    catalogs.renew(after_s=61)
    assert catalogs.renew(after_s=DAY_S) == ["x"]
    assert catalogs.renew(after_s=59) == []
    assert catalogs.renew(after_s=2) == ["whole y"]
    assert catalogs.renew(after_s=DAY_S) == []


def test_zone_that_leaves_for_nowhere_leaves_at_once(catalogs: Catalogs) -> None:
    del catalogs.lists["x"][ZONE]
    assert catalogs.renew() == ["x"]
    assert catalogs.where() == {}
    catalogs.lists["y"][ZONE] = ""
    assert catalogs.renew() == ["y"]


def test_without_handover_it_leaves_without_a_word() -> None:
    catalogs = Catalogs(handover=Handover(kept_s=0.0))
    catalogs.lists["x"][ZONE] = ""
    catalogs.renew()
    catalogs.move("x", "y")
    assert catalogs.renew() == ["x", "y"]
    assert catalogs.where() == {"y": ""}
    assert catalogs.renew(after_s=61) == ["whole y"]


@pytest.mark.parametrize("after_s", [1.0, 100.0])
def test_zone_that_comes_back(catalogs: Catalogs, after_s: float) -> None:
    """Within the minute nobody has taken it yet; later it is handed over again."""
    catalogs.move("x", "y")
    catalogs.renew()
    catalogs.renew(after_s)
    taken = "y" in catalogs.where()
    assert taken is (after_s > 60)
    catalogs.move("y", "x")
    catalogs.renew()
    assert catalogs.where() == ({"y": "x."} if taken else {"x": ""})
    catalogs.renew(after_s=61)
    assert catalogs.where() == ({"y": "x.", "x": ""} if taken else {"x": ""})
    catalogs.renew(after_s=DAY_S)
    assert catalogs.where() == {"x": ""}


def test_zone_that_goes_on(catalogs: Catalogs) -> None:
    """Who has it in the first catalog still has to be told of the third."""
    catalogs.move("x", "y")
    catalogs.renew()
    catalogs.renew(after_s=61)
    catalogs.move("y", "z")
    catalogs.renew()
    assert catalogs.where() == {"x": "z.", "y": "z."}
    catalogs.renew(after_s=61)
    assert catalogs.where() == {"x": "z.", "y": "z.", "z": ""}
    catalogs.renew(after_s=DAY_S)
    assert catalogs.where() == {"z": ""}


def test_catalog_that_ends_hands_nothing_over(catalogs: Catalogs) -> None:
    catalogs.move("x", "y")
    del catalogs.made[names.read("x.")]
    assert catalogs.renew() == ["y"]
    assert ZONE in catalogs.said("y")


def test_what_was_to_be_published_once_more_is_after_a_restart(catalogs: Catalogs) -> None:
    async def restored() -> None:
        for made in catalogs.made.values():
            zone = catalogs.store.get(made.origin)
            assert zone is not None
            catalogs.keeper.ledger = Disk(zone)  # type: ignore[assignment]
            await made.restore()
            await made.stop()
            made._timer = None

    catalogs.move("x", "y")
    catalogs.renew()
    catalogs.renew(after_s=61)
    catalogs.renew(after_s=DAY_S)
    catalogs.clock.advance(50)
    letters = catalogs.lists
    catalogs.made.clear()
    for letter in letters:
        catalogs.add(letter, Handover())
    asyncio.run(restored())
    assert catalogs.renew(after_s=5) == []
    assert catalogs.renew(after_s=10) == ["whole y", "whole z"]
    assert catalogs.renew(after_s=DAY_S) == []


def test_handover_goes_on_after_a_restart(catalogs: Catalogs) -> None:
    """Since when it lasts is told by the serial: that is when the catalog became what it is."""
    catalogs.move("x", "y")
    catalogs.renew()
    catalogs.renew(after_s=61)
    now = int(catalogs.clock.wall())
    for letter in "xyz":
        zone = catalogs.store.get(names.read(f"{letter}."))
        assert zone is not None
        catalogs.made[zone.origin].entries = finish(catalog.read_made(zone))
    entry = catalogs.made[names.read("x.")].entries[ZONE]
    assert entry == Entry("gold", Leaving(names.read("y."), now - 61))
    assert catalogs.renew() == []
    assert catalogs.renew(after_s=DAY_S) == ["x"]
    assert catalogs.where() == {"y": ""}
