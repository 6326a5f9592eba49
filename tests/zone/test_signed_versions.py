"""What a changed version proves with is what one read anew would prove with."""

import random

import pytest
import signed_examples as signed
from signed_examples import WAYS, report, text

from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.diff import apply, compute
from resolver.zone.nsec3 import Nsec3Denial


def zone(lines: list[str], serial: int) -> Zone:
    numbered = f"example.test. {serial} 7200"
    content = "\n".join(lines).replace("example.test. 1 7200", numbered)
    found = report(content).zone
    assert found is not None
    return found


def changed(before: Zone, after: Zone) -> Zone:
    """The second version, made from the first."""
    return finish(apply(before, finish(compute(before, after))))


def assert_alike(made: Zone, fresh: Zone) -> None:
    assert {n: made.flags(n) for n in made.names()} == {n: fresh.flags(n) for n in fresh.names()}
    assert finish(compute(made, fresh)).is_empty
    mine, theirs = made.denial, fresh.denial
    assert type(mine) is type(theirs)
    assert list(mine.ring if mine else []) == list(theirs.ring if theirs else [])
    if isinstance(mine, Nsec3Denial) and isinstance(theirs, Nsec3Denial):
        assert mine.parameters == theirs.parameters


def split(way: str) -> tuple[list[str], list[str]]:
    """The lines without which there is no proof (those of the apex and its server), and others."""
    needed = ["example.test.", "ns1.example.test."]
    if way != "nsec":
        needed.append(f"{signed.matching('@', way)}.{signed.ORIGIN}")
    lines = text(way).splitlines()
    return (
        [line for line in lines if line.lower().split()[0] in needed],
        [line for line in lines if line.lower().split()[0] not in needed],
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(8))
def test_names_come_and_go(way: str, seed: int) -> None:
    dice = random.Random(seed)
    apex, others = split(way)
    first, second = (dice.sample(others, len(others) // 2) for _ in range(2))
    before, after = zone(apex + first, 1), zone(apex + second, 2)
    assert before.denial is not None
    ring = list(before.denial.ring)
    assert_alike(changed(before, after), after)
    assert list(before.denial.ring) == ring, "the version before stays as it is"


@pytest.mark.parametrize("old", [*WAYS, "unsigned"])
@pytest.mark.parametrize("new", [*WAYS, "unsigned"])
def test_a_zone_is_signed_in_another_way(old: str, new: str) -> None:
    versions = {way: text(way).splitlines() for way in WAYS}
    versions["unsigned"] = [
        line for line in versions["nsec"] if line.split()[3] not in ("RRSIG", "NSEC", "DNSKEY")
    ]
    before, after = zone(versions[old], 1), zone(versions[new], 2)
    assert (after.denial is None) == (new == "unsigned")
    assert_alike(changed(before, after), after)


def test_what_did_not_change_is_shared() -> None:
    lines = text("nsec").splitlines()
    before = zone(lines, 1)
    extra = "new.example.test. 300 IN TXT unsigned"
    after = changed(before, zone([*lines, extra], 2))
    assert before.denial is not None
    assert after.denial is not None
    assert after.denial.ring is before.denial.ring
