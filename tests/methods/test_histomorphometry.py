from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from exoimage.errors import MeasureError
from exoimage.methods import histomorphometry


def _disc(radius: float, size: int = 300) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.hypot(y - size / 2 + 0.3, x - size / 2 - 0.2) < radius


def _bar(width: float, angle_deg: float, size: int = 300, length: float = 200) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    angle = np.deg2rad(angle_deg)
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    return (np.abs(across) <= width / 2) & (np.abs(along) <= length / 2)


@pytest.mark.parametrize("radius", [10, 25, 60, 120])
def test_a_discs_outline_is_its_circumference(radius: float) -> None:
    assert histomorphometry.perimeter(_disc(radius)) == pytest.approx(2 * np.pi * radius, rel=0.015)


@pytest.mark.parametrize("angle", [0, 10, 22.5, 30, 45, 70, 90])
@pytest.mark.parametrize("width", [12, 40])
def test_a_rectangles_outline_does_not_hang_on_its_direction(width: float, angle: float) -> None:
    length = 2 * (width + 200)
    assert histomorphometry.perimeter(_bar(width, angle)) == pytest.approx(length, rel=0.025)


def test_the_border_of_what_is_looked_at_is_no_outline() -> None:
    bar = _bar(30, 20, length=280)
    window = np.zeros(bar.shape, bool)
    window[80:220, 60:240] = True
    inside_edges = 2 * 180 / np.cos(np.deg2rad(20))
    assert histomorphometry.perimeter(bar & window, window) == pytest.approx(inside_edges, rel=0.02)
    assert histomorphometry.perimeter(window, window) == pytest.approx(0, abs=1e-3)
    assert histomorphometry.perimeter(np.ones((50, 60), bool)) == 0


def test_objects_share_the_outline_among_them() -> None:
    mask = _disc(20) | np.roll(_disc(30), 90, axis=1)
    count, labels = cv2.connectedComponents(mask.view(np.uint8), ltype=cv2.CV_32S)
    assert count == 3
    density = histomorphometry.outline_density(mask)
    shares = histomorphometry.perimeters(labels, density)
    assert shares.sum() == pytest.approx(float(density.sum()), rel=1e-3)
    assert sorted(shares) == pytest.approx([2 * np.pi * 20, 2 * np.pi * 30], rel=0.02)
    assert len(histomorphometry.perimeters(np.zeros((5, 5), np.int32), np.zeros((5, 5), np.float32))) == 0


@pytest.mark.parametrize("width", [1, 2, 3, 7, 12, 24])
def test_an_upright_plate_has_its_exact_width(width: int) -> None:
    plate = np.zeros((80, 200), bool)
    plate[20 : 20 + width] = True
    middle = histomorphometry.local_thickness(plate)[20 : 20 + width, 60:140]
    np.testing.assert_allclose(middle, width, atol=1e-4)


@pytest.mark.parametrize("width", [9, 17, 40, 90])
@pytest.mark.parametrize("angle", [15, 45, 60])
def test_a_tilted_plate_has_its_width(width: float, angle: float) -> None:
    thickness = histomorphometry.local_thickness(_bar(width, angle))
    core = _bar(width, angle, length=60)
    # The rows of pixels of a tilted plate are 0.7 px apart: so far its own width is uncertain.
    assert thickness[core].mean() == pytest.approx(width, rel=0.03, abs=0.8)


@pytest.mark.parametrize("radius", [12, 40, 120])
def test_a_disc_is_as_thick_as_its_diameter_everywhere(radius: float) -> None:
    assert histomorphometry.mean_thickness(_disc(radius)) == pytest.approx(2 * radius, rel=0.06)


def test_plates_of_two_widths_weigh_by_their_areas() -> None:
    mask = np.zeros((120, 400), bool)
    mask[10:16], mask[60:80] = True, True
    assert histomorphometry.mean_thickness(mask) == pytest.approx((6 * 6 + 20 * 20) / 26, rel=0.02)


def _slow_thickness(mask: np.ndarray) -> np.ndarray:
    """By definition: every pixel's disc is laid, on the doubled grid."""
    fine = np.pad(np.kron(mask, np.ones((2, 2), bool)), 1)
    distance = ndimage.distance_transform_edt(fine)
    y, x = np.mgrid[: fine.shape[0], : fine.shape[1]]
    thickness = np.zeros(fine.shape)
    for row, column in zip(*np.nonzero(fine), strict=True):
        held = np.hypot(y - row, x - column) < distance[row, column]
        thickness[held] = np.maximum(thickness[held], distance[row, column])
    return np.where(mask, thickness[1:-1, 1:-1][::2, ::2], 0)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), level=st.floats(-0.6, 0.8))
def test_local_thickness_is_that_of_the_definition(seed: int, level: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((24, 30)), 2)
    mask = noise > level * noise.std()
    found, slow = histomorphometry.local_thickness(mask), _slow_thickness(mask)
    assert ((found > 0) == mask).all()
    if mask.any():
        assert found.max() == pytest.approx(slow.max(), abs=1e-3)
        assert found[mask].mean() == pytest.approx(slow[mask].mean(), rel=0.02)
        assert np.all(found <= slow + 1e-3)


def test_the_plate_model_is_parfitts() -> None:
    model = histomorphometry.plate_model(2000.0, 10_000.0, 100.0)
    assert (model.width, model.separation) == (40.0, 160.0)
    assert model.number == pytest.approx((2000 / 10_000) / 40)
    assert 1 / model.number == pytest.approx(model.width + model.separation)
    nothing = histomorphometry.plate_model(0.0, 10_000.0, 0.0)
    assert np.isnan(nothing.width)
    assert nothing.number == 0


@pytest.mark.parametrize("numbers", [(-1, 5, 1), (6, 5, 1), (1, 5, -1)])
def test_impossible_areas_are_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(MeasureError, match="tissue"):
        histomorphometry.plate_model(*numbers)


def test_parallel_plates_give_the_same_by_both_ways() -> None:
    mask = np.zeros((400, 600), bool)
    for top in range(0, 400, 50):
        mask[top + 15 : top + 35] = True
    inside = np.ones(mask.shape, bool)
    model = histomorphometry.plate_model(mask.sum(), mask.size, histomorphometry.perimeter(mask, inside))
    assert model.width == pytest.approx(20, rel=0.01)
    assert histomorphometry.mean_thickness(mask) == pytest.approx(20, rel=0.02)
    assert histomorphometry.mean_thickness(~mask[35:365]) == pytest.approx(30, rel=0.03)


@pytest.mark.parametrize("wrong", [np.ones((4, 4)), np.ones((2, 4, 4), bool)])
def test_only_masks_are_taken(wrong: np.ndarray) -> None:
    for measure in (histomorphometry.local_thickness, histomorphometry.outline_density):
        with pytest.raises(MeasureError, match="bool"):
            measure(wrong)


def test_an_empty_mask_has_no_thickness() -> None:
    empty = np.zeros((20, 20), bool)
    assert not histomorphometry.local_thickness(empty).any()
    assert np.isnan(histomorphometry.mean_thickness(empty))
    assert histomorphometry.perimeter(empty) == 0
