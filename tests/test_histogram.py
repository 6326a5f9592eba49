"""Counting how long things take."""

from itertools import pairwise

import pytest

from resolver.histogram import BOUNDS_S, SHOWN_BOUNDS_S, Histogram


def test_a_time_is_counted_in_the_bucket_it_just_fits() -> None:
    histogram = Histogram()
    histogram.observe(0.001)
    assert histogram.counts[BOUNDS_S.index(0.001)] == 1
    histogram.observe(0.0010001)
    assert histogram.counts[BOUNDS_S.index(0.0012)] == 1


def test_no_bucket_is_wider_than_a_third_of_where_it_begins() -> None:
    pairs = pairwise(BOUNDS_S)
    assert all(low < high <= low * 1.34 for low, high in pairs)


def test_what_is_shown_are_sums_of_the_same_counts() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.00002, 0.0024, 0.0026, 4.0, 99.0):
        histogram.observe(seconds)
    shown = dict(histogram.shown())
    assert set(SHOWN_BOUNDS_S) < set(BOUNDS_S)
    assert (shown[0.00001], shown[0.00005], shown[0.0025], shown[0.005]) == (1, 2, 3, 4)
    assert (shown[2.5], shown[5.0], shown[10.0], histogram.count) == (4, 5, 5, 6)
    assert histogram.sum_s == pytest.approx(103.00502)


def test_many_of_one_kind_at_once() -> None:
    histogram = Histogram()
    histogram.observe(0.5, 64)
    assert histogram.count == 64
    assert histogram.sum_s == 32.0


def test_percentiles_are_right_to_within_a_bucket() -> None:
    histogram = Histogram()
    for i in range(1, 10_001):
        histogram.observe(i / 10_000)
    for percent, right in ((1, 0.01), (50, 0.5), (90, 0.9), (99, 0.99), (99.9, 0.999)):
        assert histogram.percentile(percent) == pytest.approx(right, rel=0.02)


def test_percentiles_of_nothing_and_of_what_is_beyond() -> None:
    histogram = Histogram()
    assert histogram.percentile(50) is None
    histogram.observe(60.0)
    assert histogram.percentile(50) == BOUNDS_S[-1]
