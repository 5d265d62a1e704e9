from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods import ihc_scores

COUNTS = st.tuples(*[st.integers(0, 500)] * 4)


@pytest.mark.parametrize(
    ("counts", "h", "allred"),
    [
        ((100, 0, 0, 0), 0, 0),
        ((0, 0, 0, 7), 300, 8),
        ((0, 10, 0, 0), 100, 6),
        ((995, 5, 0, 0), 0.5, 2),
        ((990, 10, 0, 0), 1, 2),
        ((989, 11, 0, 0), 1.1, 3),
        ((900, 0, 100, 0), 20, 4),
        ((2, 0, 1, 0), 200 / 3, 5),
        ((1, 0, 0, 2), 200, 7),
        ((40, 0, 30, 30), 150, 7),
    ],
)
def test_scores_of_known_counts(counts: tuple[int, int, int, int], h: float, allred: float) -> None:
    assert ihc_scores.h_score(*counts) == pytest.approx(h)
    assert ihc_scores.allred_score(*counts) == allred


def test_without_cells_there_is_no_score() -> None:
    assert math.isnan(ihc_scores.h_score(0, 0, 0, 0))
    assert math.isnan(ihc_scores.allred_score(0, 0, 0, 0))
    assert math.isnan(ihc_scores.profiler_score(np.zeros((3, 3))))


@given(COUNTS)
def test_scores_stay_in_their_bounds_and_grow_with_intensity(counts: tuple[int, int, int, int]) -> None:
    if not sum(counts):
        return
    h, allred = ihc_scores.h_score(*counts), ihc_scores.allred_score(*counts)
    assert 0 <= h <= 300
    assert allred == 0 or 2 <= allred <= 8
    assert (allred == 0) == (h == 0)
    negative, weak, moderate, strong = counts
    if weak:
        assert ihc_scores.h_score(negative, weak - 1, moderate + 1, strong) > h
        assert ihc_scores.allred_score(negative, weak - 1, moderate + 1, strong) >= allred


@given(st.lists(st.floats(-1, 3), max_size=30))
def test_classes_are_counted_from_the_cuts_on(values: list[float]) -> None:
    classes = ihc_scores.intensity_classes(values, (0.2, 0.4, 0.6))
    assert classes.tolist() == [sum(v >= cut for cut in (0.2, 0.4, 0.6)) for v in values]


def test_an_unknown_density_is_negative_and_cuts_must_increase() -> None:
    assert ihc_scores.intensity_classes([float("nan"), 5.0], (0.1, 0.2, 0.3)).tolist() == [0, 3]
    with pytest.raises(MeasureError, match="increasing"):
        ihc_scores.intensity_classes([0.1], (0.3, 0.2, 0.4))


def test_zones_are_those_of_the_8_bit_plane() -> None:
    greys = np.array([60, 61, 120, 121, 180, 181, 235, 236, 255])
    zones = np.array([4, 3, 3, 2, 2, 1, 1])
    od = -np.log10(greys / 255).astype(np.float32)
    assert ihc_scores.profiler_score(od[np.newaxis]) == pytest.approx(zones.mean())
    inside = greys[np.newaxis] <= 60
    assert ihc_scores.profiler_score(od[np.newaxis], inside) == 4
