"""The latest changes of a zone in memory: one chain that leads to what is served."""

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.zone.content import Zone
from resolver.zone.diff import Diff
from resolver.zone.file import read_zone_text
from resolver.zone.history import MIN_RECORDS, History

ORIGIN = names.read("example.test.")


def version(serial: int) -> Zone:
    text = f"@ 300 SOA ns1 admin {serial} 7200 900 1209600 300\n@ 300 NS ns1\nns1 300 A 192.0.2.1\n"
    zone = read_zone_text(text, ORIGIN).zone
    assert zone is not None
    return zone


def step(old: int, new: int, records: int = 0) -> Diff:
    names_added = tuple(
        RRset(names.read(f"n{n}.example.test."), RRType.TXT, RRClass.IN, 60, (b"\1x",))
        for n in range(records)
    )
    return Diff(ORIGIN, old, new, (version(old).soa,), (version(new).soa, *names_added))


def serials(history: History, serial: int) -> list[tuple[int, int]] | None:
    found = history.since(ORIGIN, serial)
    return None if found is None else [(d.from_serial, d.to_serial) for d in found]


def test_changes_are_told_from_any_serial_of_the_chain() -> None:
    history = History()
    for old in (1, 2, 3):
        history.add(version(old + 1), [step(old, old + 1)])
    assert serials(history, 1) == [(1, 2), (2, 3), (3, 4)]
    assert serials(history, 3) == [(3, 4)]
    assert serials(history, 4) is None
    assert serials(history, 0) is None
    assert history.since(names.read("other.test."), 1) is None


def test_chain_that_does_not_join_on_is_forgotten() -> None:
    history = History()
    history.add(version(2), [step(1, 2)])
    history.add(version(9), [step(8, 9)])
    assert serials(history, 1) is None
    assert serials(history, 8) == [(8, 9)]


def test_changes_that_do_not_lead_to_what_is_served_are_not_told() -> None:
    history = History()
    history.add(version(5), [step(1, 2)])
    assert serials(history, 1) is None


def test_forgotten_zone_has_no_history() -> None:
    history = History()
    history.add(version(2), [step(1, 2)])
    history.forget(ORIGIN)
    assert serials(history, 1) is None


def test_oldest_changes_go_when_the_zone_itself_is_shorter() -> None:
    history = History()
    half = MIN_RECORDS // 2
    for old in (1, 2, 3):
        history.add(version(old + 1), [step(old, old + 1, half)])
    assert serials(history, 1) is None
    assert serials(history, 3) == [(3, 4)]
