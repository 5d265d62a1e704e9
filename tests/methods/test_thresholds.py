from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods.thresholds import METHODS, Threshold, auto_threshold, find

anything = st.lists(st.integers(0, 2**40) | st.integers(0, 3), min_size=2, max_size=300)
counts_of_images = st.lists(st.integers(0, 10**6), min_size=8, max_size=300)


def two_populations(bins: int = 256, pixels: int = 400_000) -> np.ndarray:
    random = np.random.default_rng(7)
    low = random.normal(0.25 * bins, 0.05 * bins, 3 * pixels // 4)
    high = random.normal(0.75 * bins, 0.07 * bins, pixels // 4)
    values = np.clip(np.concatenate([low, high]), 0, bins - 1).astype(int)
    return np.bincount(values, minlength=bins)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40, deadline=None)
@given(histogram=anything)
def test_answer_splits_the_pixels_or_says_why_not(method: str, histogram: list[int]) -> None:
    found = find(histogram, method)
    if found.level is None:
        expected = Flag.BLANK if np.count_nonzero(histogram) < 2 else Flag.NO_THRESHOLD
        assert found.flags == (expected,)
    else:
        assert isinstance(found.level, int)
        assert sum(histogram[: found.level + 1]) > 0
        assert sum(histogram[found.level + 1 :]) > 0
        assert found.flags == ()


@pytest.mark.parametrize("method", [m for m in METHODS if m != "Default"])  # Default cuts counts to integers
@settings(max_examples=25, deadline=None)
@given(histogram=counts_of_images, doublings=st.integers(1, 40))
def test_more_of_the_same_pixels_change_nothing(method: str, histogram: list[int], doublings: int) -> None:
    assert find([count * 2**doublings for count in histogram], method) == find(histogram, method)


@settings(max_examples=50, deadline=None)
@given(histogram=counts_of_images, before=st.integers(0, 300), after=st.integers(1, 300))
def test_shift_invariant_methods_shift(histogram: list[int], before: int, after: int) -> None:
    for method in ("Otsu", "Mean", "MaxEntropy", "Yen", "Moments", "Percentile"):
        plain = find(histogram, method)
        shifted = find([0] * before + histogram + [0] * after, method)
        assert shifted.flags == plain.flags
        assert plain.level is None or shifted.level == plain.level + before


@settings(max_examples=60, deadline=None)
@given(histogram=st.lists(st.integers(0, 1000), min_size=3, max_size=40))
def test_otsu_is_the_best_of_all_splits(histogram: list[int]) -> None:
    found = find(histogram, "Otsu")
    if np.count_nonzero(histogram) < 3:
        return
    levels, counts = np.arange(len(histogram)), np.array(histogram, float)
    within = []
    for split in range(len(histogram)):
        parts = [(levels[: split + 1], counts[: split + 1]), (levels[split + 1 :], counts[split + 1 :])]
        means = [np.average(at, weights=n) if n.sum() else 0.0 for at, n in parts]
        within.append(sum((n * (at - m) ** 2).sum() for (at, n), m in zip(parts, means, strict=True)))
    assert found.level is not None
    assert within[found.level] == pytest.approx(min(within), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("compat", ["1.53t", "1.54p"])
@settings(max_examples=12, deadline=None)
@given(histogram=st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 2), min_size=256, max_size=256))
def test_imagejs_number_is_always_an_int(method: str, compat: str, histogram: list[int]) -> None:
    assert isinstance(auto_threshold(histogram, method, compat), int)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bins", [2, 256, 1024, 65536])
def test_blank_and_constant_find_nothing(method: str, bins: int) -> None:
    blank = np.zeros(bins, int)
    constant = blank.copy()
    constant[bins // 2] = 10**9
    assert find(blank, method) == find(constant, method) == Threshold(None, (Flag.BLANK,))


@pytest.mark.parametrize("method", METHODS)
def test_two_values_split_between_them(method: str) -> None:
    histogram = np.zeros(1024, int)
    histogram[[100, 900]] = 5, 7
    assert find(histogram, method) == Threshold(899)


@pytest.mark.parametrize("method", ["Otsu", "Default", "IsoData", "Moments", "Minimum", "Intermodes", "MinError"])
@pytest.mark.parametrize("bins", [256, 1024])
def test_two_populations_are_told_apart(method: str, bins: int) -> None:
    level = find(two_populations(bins), method).level
    assert level is not None
    assert 0.35 * bins < level < 0.62 * bins


def test_counts_beyond_32_bits_do_not_overflow() -> None:
    histogram = two_populations()
    for method in METHODS:
        assert find(histogram * 10**12, method) == find(histogram, method)


def test_imagejs_overflow_is_told() -> None:
    histogram = 400 * two_populations()
    assert find(histogram, "Li", compare=True).flags == (Flag.IMAGEJ_OVERFLOW, Flag.IMAGEJ_VERSION)
    assert auto_threshold(histogram, "Li", "1.53t") == find(histogram, "Li").level
    assert find(histogram, "Mean", compare=True).flags == ()
    assert find(histogram * 1000, "Mean", compare=True).flags == (Flag.IMAGEJ_OVERFLOW,)


def test_imagejs_versions_are_told() -> None:
    histogram = np.zeros(256, int)
    histogram[[10, 11, 200, 201]] = 300, 400, 90, 80
    # Every split over the gap is as good: 1.53t takes the last, 1.54p the first.
    assert (auto_threshold(histogram, "Otsu", "1.53t"), auto_threshold(histogram, "Otsu", "1.54p")) == (199, 11)
    assert find(histogram, "otsu", compare=True) == Threshold(11, (Flag.IMAGEJ_VERSION,))


def test_methods_are_named_in_any_case_and_unknown_ones_listed() -> None:
    histogram = two_populations()
    assert find(histogram, "rEnYiEnTrOpY") == find(histogram, "RenyiEntropy")
    with pytest.raises(MeasureError, match=r"'otsu2'.*Otsu"):
        find(histogram, "otsu2")
    with pytest.raises(MeasureError, match=r"1\.53t, 1\.54p"):
        auto_threshold(histogram, "Otsu", "1.52")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "histogram", [[], [4], [[1, 2], [3, 4]], [1, -1], [1, float("nan")], [1, float("inf")], ["a", "b"], None]
)
def test_what_is_no_histogram_is_refused(histogram: object) -> None:
    with pytest.raises(MeasureError, match="histogram"):
        find(histogram)  # type: ignore[arg-type]


def test_imagej_takes_256_whole_counts() -> None:
    with pytest.raises(MeasureError, match="256 counts, not 1024"):
        auto_threshold(np.ones(1024, int))
    with pytest.raises(MeasureError, match="whole numbers"):
        auto_threshold(np.full(256, 2**31))
    with pytest.raises(MeasureError, match="whole numbers"):
        auto_threshold(np.full(256, 0.5))


def test_input_is_left_as_it_was() -> None:
    histogram = two_populations().astype(float)
    before = histogram.copy()
    for method in METHODS:
        find(histogram, method, compare=True)
    assert np.array_equal(histogram, before)


def test_65536_bins_give_a_level_between_the_populations() -> None:
    histogram = two_populations(65536)
    for method in ("Otsu", "Li", "IsoData", "Triangle", "Yen"):
        assert find(histogram, method).level is not None, method
