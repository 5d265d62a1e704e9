from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from exoimage.errors import MeasureError
from exoimage.methods import maxima, segmentation

EIGHT = np.ones((3, 3), bool)


def by_definition(image: np.ndarray, prominence: float) -> set[tuple[int, int]]:
    """Pixels that are the highest of all that can be reached without going down by more than the prominence."""
    found = set()
    for place in np.ndindex(image.shape):
        labels, _ = ndimage.label(image >= image[place] - prominence, EIGHT)
        if image[place] > image.min() and image[labels == labels[place]].max() == image[place]:
            found.add(place)
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.floats(0, 90), st.booleans())
def test_maxima_are_those_of_the_definition(seed: int, height: int, width: int, prominence: float, deep: bool) -> None:
    values = np.random.default_rng(seed).permutation(height * width).reshape(height, width)  # no ties
    image = values.astype(np.float32) * np.float32(0.37) if deep else values.astype(np.uint8)
    found = maxima.find_maxima(image, prominence)
    assert {tuple(point) for point in found.tolist()} == by_definition(image, np.float32(prominence))
    assert (np.diff(image[tuple(found.T)].astype(float)) < 0).all()  # from the highest down


def test_planted_spots_are_found_in_noise() -> None:
    random = np.random.default_rng(7)
    y, x = np.mgrid[:120, :140]
    image = random.normal(30, 2, y.shape)
    places = [(20, 30), (40, 90), (80, 50), (100, 120), (60, 10)]
    for k, (cy, cx) in enumerate(places):
        image += (60 + 20 * k) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18)
    found = maxima.find_maxima(image.astype(np.uint8), prominence=25)
    assert len(found) == len(places)
    assert np.abs(found - np.array(places[::-1])).max() <= 2
    light = maxima.find_maxima(255 - (255 - image.astype(np.uint8)), prominence=25)
    assert np.array_equal(light, found)


def test_of_a_flat_top_the_middle_is_taken() -> None:
    image = np.zeros((9, 11), np.uint8)
    image[2:7, 3:8] = 50
    assert maxima.find_maxima(image, 10).tolist() == [[4, 5]]


def test_threshold_edges_and_strict() -> None:
    image = np.zeros((9, 20), np.uint8)
    image[4, 5], image[4, 12], image[0, 17] = 30, 60, 90
    assert maxima.find_maxima(image, 5).tolist() == [[0, 17], [4, 12], [4, 5]]
    assert maxima.find_maxima(image, 5, threshold=60).tolist() == [[0, 17], [4, 12]]
    assert maxima.find_maxima(image, 5, exclude_edges=True).tolist() == [[4, 12], [4, 5]]
    assert maxima.find_maxima(image, 95).tolist() == [[0, 17]]
    assert maxima.find_maxima(image, 95, strict=True).tolist() == []


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (4, 4), (1, 9)])
def test_even_images_have_no_maximum(kind: type, shape: tuple[int, int]) -> None:
    image = np.full(shape, 9, kind)
    image.flags.writeable = False
    for strict in (False, True):
        found = maxima.find_maxima(image, 0, strict=strict)
        assert found.shape == (0, 2)
        assert found.dtype == np.int64


def test_ultimate_points_are_the_middles_of_discs() -> None:
    y, x = np.mgrid[:80, :120]
    discs = ((y - 40) ** 2 + (x - 35) ** 2 < 25**2) | ((y - 40) ** 2 + (x - 80) ** 2 < 23**2)
    points = maxima.ultimate_points(discs)
    assert np.abs(points - [[40, 35], [40, 80]]).max() <= 1
    assert len(points) == ndimage.label(segmentation.watershed_imagej(discs), EIGHT)[1]
    for mask in (np.zeros((5, 5), bool), np.ones((5, 5), bool), np.ones((0, 5), bool)):
        assert maxima.ultimate_points(mask).shape == (0, 2)


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((3, 3, 3), np.uint8), {}, "shape"),
        (np.zeros((3, 3), np.int64), {}, "int64"),
        (np.full((3, 3), np.nan, np.float32), {}, "finite"),
        (np.zeros((3, 3), np.uint8), {"prominence": -1}, "prominence"),
        (np.zeros((3, 3), np.uint8), {"prominence": np.nan}, "prominence"),
        (np.zeros((3, 3), np.uint8), {"threshold": np.nan}, "threshold"),
    ],
)
def test_wrong_input_is_refused(image: np.ndarray, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        maxima.find_maxima(image, **{"prominence": 1, **arguments})
