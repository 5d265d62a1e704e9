from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods.cells import cell_mask, cells_around, cells_within, ctcf, find_background
from exoimage.methods.stacks import best_focused, one_plane
from exoimage.methods.synth import Uptake, uptake_field


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), reach=st.floats(0.5, 60))
def test_cells_keep_their_nuclei_and_stay_within_reach(seed: int, reach: float) -> None:
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    nuclei = np.zeros((60, 80), np.int32)
    for number in range(1, 5):
        y, x = rng.integers(0, 55), rng.integers(0, 75)
        nuclei[y : y + 5, x : x + 5] = number
    cells = cells_around(nuclei, reach)
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    distance = ndimage.distance_transform_edt(nuclei == 0)
    assert distance[cells > 0].max() <= 1.05 * reach + 0.5
    assert (cells[distance <= 0.95 * reach - 0.5] > 0).all()
    for label in np.unique(nuclei[nuclei > 0]):
        own, others = (
            ndimage.distance_transform_edt(where) for where in (nuclei != label, (nuclei == label) | (nuclei == 0))
        )
        assert (own[cells == label] <= 1.08 * others[cells == label] + 1).all()


def test_cells_of_a_mask_go_to_the_nearest_nucleus_and_empty_pieces_to_none() -> None:
    nuclei, mask = np.zeros((30, 60), np.int32), np.zeros((30, 60), np.bool_)
    nuclei[14:17, 9:12], nuclei[14:17, 29:32] = 1, 2
    mask[5:25, 3:40], mask[5:25, 50:58] = True, True
    cells = cells_within(nuclei, mask)
    assert (cells > 0).sum() == 20 * 37
    assert np.unique(cells[:, :19]).tolist() == [0, 1]
    assert np.unique(cells[:, 22:]).tolist() == [0, 2]
    with pytest.raises(MeasureError, match="shape"):
        cells_within(nuclei, mask[:5])


def test_a_stain_of_cytoplasm_shows_the_cells() -> None:
    y, x = np.mgrid[:200, :200]
    truth = (np.hypot(y - 60, x - 60) < 30) | (np.hypot(y - 140, x - 130) < 40)
    noisy = 100 + 300 * truth + np.random.default_rng(0).normal(0, 20, truth.shape)
    mask = cell_mask(noisy.astype(np.uint16))
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    assert not cell_mask(np.full((20, 20), 9, np.uint8)).any()


def test_the_background_is_that_of_places_without_cells() -> None:
    field = uptake_field((400, 400), Uptake(cells=12, snr=20, haze=0), seed=1)
    found = find_background(field.marker, field.cells > 0, 13)
    free = field.marker[field.cells == 0]
    assert found.cell_free
    assert len(found.boxes) == 5
    assert all((field.cells[y : y + edge, x : x + edge] == 0).all() for y, x, edge in found.boxes)
    assert abs(found.mean - np.median(free)) < 0.5 * free.std()


def test_squares_are_halved_until_there_are_three_and_else_taken_from_cells() -> None:
    plane, occupied = np.full((64, 64), 50, np.uint16), np.ones((64, 64), np.bool_)
    occupied[:8, :24], plane[:8, :24] = False, 10
    some = find_background(plane, occupied, 32)
    assert (some.mean, some.cell_free, some.boxes[0][2]) == (10.0, True, 8)
    none = find_background(plane, np.ones_like(occupied), 16)
    assert not none.cell_free
    assert none.mean <= 50
    tiny = find_background(np.full((2, 2), 3, np.uint8), np.zeros((2, 2), np.bool_), 16)
    assert (tiny.mean, tiny.cell_free, tiny.boxes) == (3.0, False, ())


def test_ctcf_is_integrated_density_less_area_times_background() -> None:
    np.testing.assert_allclose(ctcf(np.array([500.0, 90.0]), np.array([10, 9]), 10.0), [400.0, 0.0])


def test_a_stack_is_projected_or_its_sharpest_plane_taken() -> None:
    import cv2

    marker = uptake_field((160, 160), Uptake(cells=4), seed=2).marker
    stack = np.stack([cv2.GaussianBlur(marker, (0, 0), sigma) for sigma in (5, 2.5, 0.1, 3)])
    assert best_focused(stack) == 2
    np.testing.assert_array_equal(one_plane(stack, "focus"), stack[2])
    np.testing.assert_array_equal(one_plane(stack, "max"), stack.max(axis=0))
    with pytest.raises(MeasureError, match="z, y, x"):
        one_plane(marker)
