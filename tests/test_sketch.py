"""The most frequent of endlessly many."""

from random import Random

from resolver.sketch import Sketch


def test_few_are_counted_exactly() -> None:
    sketch: Sketch[str] = Sketch(8)
    for key in "abracadabra":
        sketch.add(key)
    assert [(f.key, f.times, f.excess) for f in sketch.top(2)] == [("a", 5, 0), ("b", 2, 0)]
    assert sketch.total == 11


def test_frequent_ones_are_found_among_endlessly_many() -> None:
    rng = Random(1)
    sketch: Sketch[int] = Sketch(256)
    true = dict.fromkeys(range(5), 0)
    for i in range(100_000):
        key = rng.randrange(5) if rng.random() < 0.1 else 1000 + i
        sketch.add(key)
        if key in true:
            true[key] += 1
    found = sketch.top(5)
    assert {f.key for f in found} == set(true)
    for f in found:
        assert f.times - f.excess <= true[f.key] <= f.times


def test_space_is_bounded() -> None:
    sketch: Sketch[int] = Sketch(64)
    for i in range(10_000):
        sketch.add(i)
    assert len(sketch.top(10_000)) <= 64


def test_who_comes_late_is_never_counted_too_low() -> None:
    sketch: Sketch[int] = Sketch(4)
    true: dict[int, int] = {}
    rng = Random(2)
    for _ in range(2000):
        key = rng.randrange(12)
        true[key] = true.get(key, 0) + 1
        sketch.add(key)
    for f in sketch.top(4):
        assert f.times - f.excess <= true[f.key] <= f.times
