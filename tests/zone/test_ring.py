"""Names in order: found, and changed from version to version."""

import random

import pytest

from resolver import names
from resolver.slices import finish
from resolver.zone.ring import CHUNK_NAMES, Ring, ring_of

NAMES = [names.read(f"n{number}.z{number % 7}.test.") for number in range(3000)]


def made(content: list[bytes]) -> Ring:
    return finish(ring_of(content, names.canonical_key))


def in_order(content: list[bytes]) -> list[bytes]:
    return sorted(content, key=names.canonical_key)


def test_names_come_in_canonical_order() -> None:
    """The example of RFC 4034 section 6.1."""
    order = ["example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE."]
    order += ["z.example.", "\\001.z.example.", "*.z.example.", "\\200.z.example."]
    expected = [names.read(name).lower() for name in order]
    assert list(made(random.Random(1).sample(expected, len(expected)))) == expected


def test_the_last_at_or_before() -> None:
    content = set(random.Random(2).sample(NAMES, 2000))
    ring, order = made(list(content)), in_order(list(content))
    last = order[-1]
    for name in in_order(NAMES):
        if name in content:
            last = name
        assert ring.at_or_before(name) == last
        assert (name in ring) == (name == last)


def test_before_the_first_comes_the_last() -> None:
    ring = made([names.read("b."), names.read("c.")])
    assert ring.at_or_before(names.read("a.")) == names.read("c.")


def test_an_empty_ring_has_nothing() -> None:
    assert names.ROOT not in made([])
    with pytest.raises(IndexError):
        made([]).at_or_before(names.ROOT)


@pytest.mark.parametrize("seed", range(20))
def test_a_revised_ring_is_like_one_made_anew(seed: int) -> None:
    dice = random.Random(seed)
    before = dice.sample(NAMES, dice.choice([0, 1, 500, 2000]))
    leaving = dice.sample(before, dice.randrange(len(before) + 1))
    missing = list(set(NAMES) - set(before))
    joining = dice.sample(missing, dice.randrange(len(missing)))
    ring = made(before)
    after = finish(ring.revised(joining, leaving))
    assert list(after) == in_order(list(set(before) - set(leaving) | set(joining)))
    assert list(ring) == in_order(before), "the version before stays as it is"
    assert len(after) == len(before) + len(joining) - len(leaving)


def test_a_small_change_of_a_large_ring_shares_the_rest() -> None:
    ring = made(NAMES)
    after = finish(ring.revised([names.read("new.test.")], []))
    shared = {id(chunk) for chunk in ring._chunks} & {id(chunk) for chunk in after._chunks}
    assert len(shared) == len(ring._chunks) - 1


def test_long_work_pauses() -> None:
    assert sum(1 for _ in ring_of(NAMES, names.canonical_key)) > len(NAMES) // (4 * CHUNK_NAMES)
