"""Whom a secondary asks, whom it transfers from, and what it does when that goes wrong."""

from collections.abc import Callable

import pytest
from transfers import APEX, ORIGIN, message, soa

from resolver.codes import Rcode
from resolver.model import Address
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.peer import Peer
from resolver.zone.primaries import (
    AskSerials,
    Consultation,
    Fetch,
    Fetched,
    FetchOutcome,
    Heard,
    Nobody,
    Renewed,
    Silent,
    Unchanged,
    Unreached,
    Verdict,
)
from resolver.zone.transfer_in import Bounds, Inbound, NothingNewer, Refused, Whole

A, B, C = (Peer(Address(f"192.0.2.{n}")) for n in (1, 2, 3))


def version(serial: int) -> Zone:
    inbound = Inbound(ORIGIN, held=None, incremental=False, bounds=Bounds())
    result = finish(inbound.feed(message(soa(serial), *APEX, soa(serial))))
    assert isinstance(result, Whole)
    zone = finish(result.finish())
    assert isinstance(zone, Zone)
    return zone


class World:
    """Primaries with a serial each (or a reason for silence), and how transfers from them end."""

    def __init__(
        self,
        serials: dict[Peer, int | str],
        fetch: Callable[[Fetch], FetchOutcome] | None = None,
    ) -> None:
        self.serials = serials
        self.fetch = fetch or self.give
        self.asked: list[list[Peer]] = []
        self.fetched: list[tuple[Peer, str]] = []

    def give(self, fetch: Fetch) -> FetchOutcome:
        serial = self.serials[fetch.primary]
        assert isinstance(serial, int)
        return Fetched(version(serial), None, whole=not fetch.incremental)

    def run(self, consultation: Consultation) -> Verdict:
        steps = consultation.run()
        effect = next(steps)
        while True:
            outcome: object
            if isinstance(effect, AskSerials):
                self.asked.append(list(effect.primaries))
                outcome = [self.hear(p) for p in effect.primaries]
            else:
                self.fetched.append((effect.primary, "IXFR" if effect.incremental else "AXFR"))
                outcome = self.fetch(effect)
            try:
                effect = steps.send(outcome)  # type: ignore[arg-type]
            except StopIteration as end:
                return end.value

    def hear(self, primary: Peer) -> Heard | Silent:
        serial = self.serials[primary]
        return Silent(serial) if isinstance(serial, str) else Heard(serial, b"", 3600.0)


def test_first_transfer_is_whole() -> None:
    world = World({A: 5})
    verdict = world.run(Consultation([A], None))
    assert isinstance(verdict, Renewed)
    assert world.fetched == [(A, "AXFR")]
    assert verdict.expire_option_s == 3600.0


def test_same_serial_needs_no_transfer() -> None:
    world = World({A: 5, B: 4})
    verdict = world.run(Consultation([A, B], 5))
    assert isinstance(verdict, Unchanged)
    assert verdict.primary == A
    assert world.fetched == []


def test_newest_serial_wins() -> None:
    world = World({A: 5, B: 7, C: 6})
    assert isinstance(world.run(Consultation([A, B, C], 4)), Renewed)
    assert world.asked == [[A, B, C]]
    assert world.fetched == [(B, "IXFR")]


def test_newest_serial_wins_across_the_end_of_the_serials() -> None:
    world = World({A: 2**32 - 3, B: 2})
    world.run(Consultation([A, B], 2**32 - 5))
    assert world.fetched == [(B, "IXFR")]


def test_order_of_the_configuration_decides_between_equals() -> None:
    world = World({A: 5, B: 7, C: 7})
    world.run(Consultation([A, B, C], 4))
    assert world.fetched == [(B, "IXFR")]


def test_silent_primary_is_passed_over() -> None:
    world = World({A: "no reply", B: 6})
    consultation = Consultation([A, B], 5)
    assert isinstance(world.run(consultation), Renewed)
    assert consultation.notes == {A: "no reply", B: "serial 6 by IXFR"}


def test_nobody_answers() -> None:
    verdict = World({A: "no reply", B: "refused"}).run(Consultation([A, B], 5))
    assert verdict == Nobody("192.0.2.1#53: no reply; 192.0.2.2#53: refused")


def test_only_older_serials_are_no_confirmation() -> None:
    verdict = World({A: 4}).run(Consultation([A], 5))
    assert isinstance(verdict, Nobody)
    assert "older than ours" in verdict.reason


@pytest.mark.parametrize(
    "refusal",
    [Refused("NOTIMP", Rcode.NOTIMP), Refused("REFUSED", Rcode.REFUSED), Refused("broken off")],
)
def test_ixfr_that_goes_wrong_is_followed_by_axfr_from_the_same_primary(refusal: Refused) -> None:
    def fetch(fetch: Fetch) -> FetchOutcome:
        return refusal if fetch.incremental else Fetched(version(6), None, whole=True)

    world = World({A: 6, B: 6}, fetch)
    assert isinstance(world.run(Consultation([A, B], 5)), Renewed)
    assert world.fetched == [(A, "IXFR"), (A, "AXFR")]


def test_primary_whose_transfers_all_fail_is_followed_by_the_next_in_the_same_check() -> None:
    def fetch(fetch: Fetch) -> FetchOutcome:
        return Refused("REFUSED") if fetch.primary == B else Fetched(version(6), None, whole=True)

    world = World({A: 6, B: 7}, fetch)
    consultation = Consultation([A, B], 5)
    verdict = world.run(consultation)
    assert isinstance(verdict, Renewed)
    assert verdict.primary == A
    assert world.fetched == [(B, "IXFR"), (B, "AXFR"), (A, "IXFR")]
    assert consultation.notes[B] == "AXFR: REFUSED"


def test_primary_without_a_connection_is_not_asked_for_a_whole_transfer() -> None:
    def fetch(fetch: Fetch) -> FetchOutcome:
        return (
            Unreached("Connection refused")
            if fetch.primary == A
            else Fetched(version(6), (), whole=False)
        )

    world = World({A: 6, B: 6}, fetch)
    world.run(Consultation([A, B], 5))
    assert world.fetched == [(A, "IXFR"), (B, "IXFR")]


def test_primary_that_gives_nothing_newer_than_announced_is_left() -> None:
    world = World({A: 6}, lambda fetch: NothingNewer(5))
    verdict = world.run(Consultation([A], 5))
    assert verdict == Nobody("192.0.2.1#53: IXFR gave serial 5, nothing newer")


def test_notifier_is_asked_first_and_nobody_else_is_waited_for() -> None:
    world = World({A: "no reply", B: 6})
    assert isinstance(world.run(Consultation([A, B], 5, first=B)), Renewed)
    assert world.asked == [[B]]


def test_notifier_with_nothing_new_ends_the_check() -> None:
    world = World({A: 9, B: 5})
    assert isinstance(world.run(Consultation([A, B], 5, first=B)), Unchanged)
    assert world.asked == [[B]]


def test_notifier_that_is_of_no_use_is_followed_by_the_others() -> None:
    world = World({A: 6, B: "no reply"})
    assert isinstance(world.run(Consultation([A, B], 5, first=B)), Renewed)
    assert world.asked == [[B], [A]]


def test_notifier_that_is_no_primary_is_not_asked() -> None:
    world = World({A: 6})
    world.run(Consultation([A], 5, first=B))
    assert world.asked == [[A]]


def test_whole_transfer_on_request_takes_any_serial() -> None:
    world = World({A: 3})
    assert isinstance(world.run(Consultation([A], 5, whole=True)), Renewed)
    assert world.fetched == [(A, "AXFR")]
