"""Catalog zones (RFC 9432): what is read, what is broken, what is made."""

import pytest

from resolver import names
from resolver.slices import finish
from resolver.zone import catalog
from resolver.zone.catalog import Broken, Catalog, Entry, Leaving, Reading
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text

ORIGIN = names.read("catalog.test.")
HEAD = "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 2147483646 0\n@ NS invalid.\n"
VERSION = 'version TXT "2"\n'


def name(text: str) -> bytes:
    return names.read(text)


def read(body: str, *, version: str = VERSION) -> Reading:
    report = read_zone_text(HEAD + version + body, ORIGIN)
    assert report.zone is not None, report.errors
    return finish(catalog.read(report.zone))


def members(reading: Reading) -> dict[str, catalog.Member]:
    assert isinstance(reading, Catalog), reading
    return {names.show(origin): member for origin, member in reading.members.items()}


def reason(reading: Reading) -> str:
    assert isinstance(reading, Broken), reading
    return reading.reason


def test_members_and_their_properties() -> None:
    found = members(
        read(
            "a.zones PTR One.Test.\n"
            "b.zones PTR two.test.\n"
            'group.b.zones TXT "gold" "en"\n'
            'group.b.zones TXT "silver"\n'
            "coo.b.zones PTR Other.test.\n"
        )
    )
    assert set(found) == {"one.test.", "two.test."}
    assert found["one.test."].label == b"\1a"
    assert set(found["two.test."].groups) == {b"golden", b"silver"}
    assert found["two.test."].coo == name("other.test.")


def test_what_is_not_known_is_ignored() -> None:
    body = (
        "a.zones PTR one.test.\nx.ext.a.zones TXT hello\nfoo TXT bar\nmasters.ext A 192.0.2.1\n"
        "b.zones TXT no-member\ndeeper.than.zones PTR none.test.\nzones PTR none.test.\n"
    )
    assert set(members(read(body))) == {"one.test."}


def test_empty_catalog() -> None:
    assert members(read("")) == {}


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("", "no version"),
        ('version TXT "1"\n', "'1'"),
        ('version TXT "2" ""\n', "version"),
        ('version TXT "2"\nversion TXT "1"\n', "several versions"),
        ("version PTR a.\n", "no version"),
    ],
)
def test_version_that_is_not_spoken_here(version: str, said: str) -> None:
    assert said in reason(read("a.zones PTR one.test.\n", version=version))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a.zones PTR one.test.\na.zones PTR two.test.\n", "several PTR"),
        ("a.zones PTR one.test.\nb.zones PTR ONE.test.\n", "one.test. twice"),
        ("a.zones PTR one.test.\ncoo.a.zones PTR x.\ncoo.a.zones PTR y.\n", "several PTR"),
    ],
)
def test_broken(body: str, said: str) -> None:
    assert said in reason(read(body))


def made(*zones: str, serial: int = 7) -> Zone:
    return catalog.make(ORIGIN, dict.fromkeys(map(name, zones), Entry()), serial)


def test_made_is_read_back() -> None:
    zone = made("one.test.", "two.test.", "one.test.")
    assert zone.serial == 7
    assert set(members(finish(catalog.read(zone)))) == {"one.test.", "two.test."}
    assert members(finish(catalog.read(made()))) == {}


def test_groups_are_read_back() -> None:
    zone = catalog.make(ORIGIN, {name("one.test."): Entry("a b"), name("two.test."): Entry()}, 7)
    found = members(finish(catalog.read(zone)))
    assert found["one.test."].groups == (b"a b",)
    assert found["two.test."].groups == ()


def test_zone_keeps_its_label() -> None:
    both, one = made("one.test.", "two.test."), made("two.test.")
    label = members(finish(catalog.read(one)))["two.test."].label
    assert members(finish(catalog.read(both)))["two.test."].label == label
    assert label != members(finish(catalog.read(both)))["one.test."].label


def test_zone_that_goes_to_another_catalog_keeps_its_label_there() -> None:
    """RFC 9432 section 4.3.1."""
    entries = {name("one.test."): Entry("gold", Leaving(name("other.test."), 5))}
    zone = catalog.make(ORIGIN, entries, 7)
    found = members(finish(catalog.read(zone)))["one.test."]
    assert (found.coo, found.groups) == (name("other.test."), (b"gold",))
    there = catalog.make(name("other.test."), {name("one.test."): Entry()}, 7)
    assert members(finish(catalog.read(there)))["one.test."].label == found.label
    (entry,) = finish(catalog.read_made(zone)).values()
    assert entry == Entry("gold", Leaving(name("other.test."), 7))


def test_catalog_that_is_none_of_ours_lists_nothing_to_go_on_with() -> None:
    report = read_zone_text(HEAD + "a.zones PTR one.test.\n", ORIGIN)
    assert report.zone is not None
    assert finish(catalog.read_made(report.zone)) == {}
