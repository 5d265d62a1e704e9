from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from exoimage.errors import MeasureError
from exoimage.methods import segmentation

EIGHT = np.ones((3, 3), bool)
masks = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=30))


def discs(*places: tuple[float, float, float], shape: tuple[int, int] = (100, 140)) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for cy, cx, radius in places:
        mask |= (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    return mask


@given(masks)
@settings(max_examples=80, deadline=None)
def test_filled_holes_are_scipys(mask: np.ndarray) -> None:
    if mask.size:
        assert np.array_equal(segmentation.fill_holes(mask), ndimage.binary_fill_holes(mask))
        assert np.array_equal(
            segmentation.fill_holes(mask, connectivity=4), ndimage.binary_fill_holes(mask, structure=EIGHT)
        )
    assert np.array_equal(segmentation.fill_holes(mask, largest_px=0), mask)


def test_only_small_holes_are_filled() -> None:
    mask = np.ones((20, 30), bool)
    mask[3:5, 3:5] = mask[10:15, 10:15] = False
    mask[0, 20] = False  # a bay, not a hole
    filled = segmentation.fill_holes(mask, largest_px=4)
    assert filled[3:5, 3:5].all()
    assert not filled[10:15, 10:15].any()
    assert not filled[0, 20]


@given(masks)
@settings(max_examples=80, deadline=None)
def test_distances_are_nearly_exact(mask: np.ndarray) -> None:
    found = segmentation.distance_map(mask)
    if mask.all():
        assert np.isposinf(found).all()
        return
    exact = ndimage.distance_transform_edt(mask)
    assert (found >= exact - 1e-5).all()
    assert (found - exact).max() < 0.1
    assert np.array_equal(found == 0, ~mask)


def test_edges_may_be_background() -> None:
    found = segmentation.distance_map(np.ones((5, 9), bool), edges_are_background=True)
    y, x = np.mgrid[:5, :9]
    assert np.array_equal(found, np.minimum.reduce([y + 1, 5 - y, x + 1, 9 - x]))


def test_touching_discs_are_cut_and_single_ones_are_not() -> None:
    apart = discs((25, 30, 18), (70, 100, 22))
    assert np.array_equal(segmentation.watershed_imagej(apart), apart)
    chain = discs((50, 25, 18), (50, 57, 18), (50, 90, 19), (22, 110, 17))
    assert ndimage.label(chain, EIGHT)[1] == 1
    cut = segmentation.watershed_imagej(chain)
    labels, count = ndimage.label(cut, EIGHT)
    assert count == 4
    assert len({int(labels[place]) for place in ((50, 25), (50, 57), (50, 90), (22, 110))}) == 4
    assert (chain & ~cut).sum() < 80


@given(masks)
@settings(max_examples=80, deadline=None)
def test_watershed_only_takes_away_and_keeps_every_object(mask: np.ndarray) -> None:
    kept = mask.copy()
    mask.flags.writeable = False
    cut = segmentation.watershed_imagej(mask)
    assert np.array_equal(mask, kept)
    assert not (cut & ~mask).any()
    labels, count = ndimage.label(mask, EIGHT)
    assert len(np.unique(labels[cut])) == count
    assert ndimage.label(cut, EIGHT)[1] >= count


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (3, 200), (30, 40)])
def test_nothing_and_everything_come_back(shape: tuple[int, int]) -> None:
    for mask in (np.zeros(shape, bool), np.ones(shape, bool)):
        cut = segmentation.watershed_imagej(mask)
        assert np.array_equal(cut, mask)
        assert not np.shares_memory(cut, mask)


@given(st.integers(0, 3), masks)
@settings(max_examples=20, deadline=None)
def test_views_are_taken(turns: int, mask: np.ndarray) -> None:
    turned = np.rot90(mask, turns)[::-1]
    for step in (segmentation.fill_holes, segmentation.distance_map, segmentation.watershed_imagej):
        assert np.array_equal(step(turned), step(turned.copy()))


@pytest.mark.parametrize("step", [segmentation.fill_holes, segmentation.distance_map, segmentation.watershed_imagej])
def test_what_is_no_mask_is_refused(step) -> None:
    for wrong in (np.zeros((3, 3), np.uint8), np.zeros(3, bool), np.zeros((3, 3, 3), bool)):
        with pytest.raises(MeasureError, match="bool"):
            step(wrong)
    with pytest.raises(MeasureError, match="connectivity"):
        segmentation.fill_holes(np.zeros((3, 3), bool), connectivity=6)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [3, 8, 20, 33])
def test_strokes_go_and_outlines_stay(width: int) -> None:
    y, x = np.ogrid[:301, :407]
    disc = (y - 150) ** 2 + (x - 120) ** 2 < (1.5 * width + 6) ** 2
    stroke = (np.abs(y - 150) < width / 4) & (x > 100) & (x < 400)
    left = segmentation.without_thin_parts(disc | stroke, width)
    assert not left[:, 240 if width < 33 else 260 :].any()
    assert (left & disc).sum() > 0.98 * disc.sum()
    assert (left & ~disc).sum() < 0.1 * disc.sum()
    assert not (left & ~(disc | stroke)).any()


def test_nothing_is_thin_below_two_px() -> None:
    mask = np.random.default_rng(0).random((40, 50)) < 0.3
    np.testing.assert_array_equal(segmentation.without_thin_parts(mask, 1.5), mask)
