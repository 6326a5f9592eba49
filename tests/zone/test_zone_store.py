"""Which zone a name belongs to, and the change of versions."""

from typing import NoReturn

import pytest
from reading import name, zone

from resolver import names
from resolver.compile import is_compiled
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore


def make(origin: str, serial: int = 1) -> Zone:
    text = f"@ 60 SOA a. b. {serial} 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
    made = read_zone_text(text, names.read(origin)).zone
    assert made is not None
    return made


def found(store: ZoneStore, qname: str) -> str | None:
    made = store.find(names.read(qname).lower())
    return None if made is None else names.show(made.origin)


def test_the_longest_match_wins() -> None:
    store = ZoneStore()
    for origin in ("test.", "b.test.", "a.b.test.", "arpa."):
        store.swap(make(origin))
    assert found(store, "test.") == "test."
    assert found(store, "x.y.z.test.") == "test."
    assert found(store, "b.test.") == "b.test."
    assert found(store, "ab.test.") == "test."
    assert found(store, "c.b.test.") == "b.test."
    assert found(store, "x.a.b.test.") == "a.b.test."
    assert found(store, ".") is None
    assert found(store, "org.") is None
    assert found(store, ".".join(["x"] * 120) + ".b.test.") == "b.test."


def test_the_root_matches_everything() -> None:
    store = ZoneStore()
    store.swap(make("."))
    assert found(store, ".") == "."
    assert found(store, "a.b.c.") == "."


def test_an_empty_store_has_nothing() -> None:
    assert found(ZoneStore(), ".") is None
    assert found(ZoneStore(), "a.b.") is None


def test_a_swap_replaces_the_version_and_is_told_by_the_generation() -> None:
    store = ZoneStore()
    store.swap(make("test.", 1))
    held = store.find(names.read("test."))
    before = store.generation
    store.swap(make("test.", 2))
    assert store.generation > before
    now = store.get(names.read("test."))
    assert held is not None
    assert now is not None
    assert (held.serial, now.serial) == (1, 2), "who holds a version keeps it"
    assert len(store) == 1


def test_removal() -> None:
    store = ZoneStore()
    store.swap(make("test."))
    store.swap(make("a.b.test."))
    before = store.generation
    store.remove(names.read("a.b.test."))
    assert found(store, "a.b.test.") == "test."
    assert store.generation > before
    before = store.generation
    store.remove(names.read("never.was."))
    assert store.generation == before


def test_after_the_last_of_a_length_is_removed_the_others_are_found() -> None:
    store = ZoneStore()
    for origin in ("test.", "a.b.test.", "c.b.test."):
        store.swap(make(origin))
    store.swap(make("a.b.test.", 2))
    for origin in ("a.b.test.", "a.b.test.", "c.b.test."):
        store.remove(names.read(origin))
        assert found(store, "x.y.a.b.test.") == "test."
    store.remove(names.read("test."))
    assert found(store, "x.test.") is None
    store.swap(make("x.y.z.test."))
    assert found(store, "w.x.y.z.test.") == "x.y.z.test."


@pytest.mark.skipif(is_compiled(), reason="compiled code looks into a dictionary by itself")
def test_removing_one_of_many_zones_looks_at_no_other() -> None:
    class Counting(dict[bytes, Zone]):
        def __iter__(self) -> NoReturn:
            raise AssertionError("goes through all zones")

    store = ZoneStore()
    store.swap(make("a.b.test."))
    store.swap(make("test."))
    store._zones = Counting(store._zones)
    store.remove(names.read("a.b.test."))
    assert found(store, "a.b.test.") == "test."


def test_zones_are_listed_in_order() -> None:
    store = ZoneStore()
    for origin in ("test.", "b.test.", "org.", "a.test."):
        store.swap(make(origin))
    assert [names.show(z.origin) for z in store.zones()] == ["org.", "test.", "a.test.", "b.test."]


@pytest.mark.skipif(is_compiled(), reason="compiled code looks into a dictionary by itself")
def test_many_zones_cost_no_more_to_search_than_few() -> None:
    """Counted, not timed: a search looks at no more names than the question has labels."""

    class Counting(dict[bytes, Zone]):
        looks = 0

        def get(self, key: bytes, default: object = None) -> Zone | None:  # type: ignore[override]
            self.looks += 1
            return super().get(key)

    store = ZoneStore()
    one = zone("")
    table = Counting({name(f"z{i}.test."): one for i in range(10_000)})
    store.swap(make("z0.test."))
    store._zones = table
    assert store.find(names.read("a.b.c.d.z777.test.")) is one
    assert table.looks == 1
