from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import MeasureError
from exoimage.methods import presets, stains
from exoimage.methods.density import White, white_from_blank
from exoimage.methods.stains import StainSet

WHITE = White((240.0, 236.0, 228.0))
ALIZARIN = stains.preset("alizarin red").with_white(WHITE)


def _render(stain_set: StainSet, amounts: np.ndarray) -> np.ndarray:
    return np.asarray(stain_set.white.rgb) * 10.0 ** -(amounts @ stain_set.matrix)


@given(hnp.arrays(np.float64, (2, 3, 3), elements=st.floats(-0.05, 0.5)))
def test_unmixing_undoes_beer_lambert(amounts: np.ndarray) -> None:
    unmixed = stains.unmix(_render(ALIZARIN, amounts), ALIZARIN)
    np.testing.assert_allclose(unmixed.amounts, amounts, atol=2e-5)
    assert unmixed.residual.max() < 1e-5


def test_two_stains_leave_a_residual_for_what_is_neither() -> None:
    h_dab = stains.preset("H DAB").with_white(WHITE)
    third = np.cross(*h_dab.matrix)
    third /= np.linalg.norm(third)
    pixel = np.asarray(WHITE.rgb) * 10.0 ** -(0.4 * h_dab.matrix[0] + 0.1 * third)
    unmixed = stains.unmix(pixel.reshape(1, 1, 3), h_dab)
    np.testing.assert_allclose(unmixed.amounts.ravel(), [0.4, 0.0], atol=1e-5)
    assert unmixed.residual.item() == pytest.approx(0.1, abs=1e-5)


def test_light_that_is_darker_everywhere_by_the_same_factor_changes_no_alizarin() -> None:
    amounts = np.random.default_rng(0).uniform(0, 0.8, (4, 5, 3))
    shaded = stains.unmix(_render(ALIZARIN, amounts) * 0.8, ALIZARIN).amounts
    np.testing.assert_allclose(shaded[:, :, 0], amounts[:, :, 0], atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_quick_plane_equals_unmixing(dtype: type) -> None:
    full = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[dtype]
    values = np.random.default_rng(1).uniform(0, 1, (30, 40, 3)) * full
    pixels = np.rint(values).astype(dtype) if full > 1 else values.astype(dtype)
    one = ALIZARIN.with_white(White((0.9 * full, 0.88 * full, 0.85 * full)))
    slow = stains.unmix(pixels, one).amounts[:, :, 0]
    tolerance = 1e-5 if full > 1 else 5e-3  # floats are read to 1/65,535
    bright = pixels.min(axis=2) > 0.02 * full
    np.testing.assert_allclose(stains.stain_plane(pixels, one)[bright], slow[bright], atol=tolerance)


def test_the_plane_is_corrected_for_the_light_of_a_blank_field() -> None:
    y, x = np.mgrid[-1:1:200j, -1:1:260j]
    light = (1 - 0.25 * (y**2 + x**2) / 2)[:, :, np.newaxis] * np.array([1.0, 0.97, 1.02])
    white = white_from_blank(230 * light)
    h_dab = stains.preset("H DAB").with_white(white)
    stained = (230 * light * 10.0 ** -(0.3 * h_dab.matrix[1])).astype(np.float32)
    plane = stains.stain_plane(np.rint(stained).astype(np.uint8), h_dab)
    assert np.abs(plane - 0.3).max() < 0.03
    np.testing.assert_allclose(stains.unmix(np.rint(stained), h_dab).amounts[:, :, 1], plane, atol=1e-4)


def test_levels_and_histogram_are_of_the_plane() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    levels, histogram = stains.stain_levels(pixels, ALIZARIN)
    plane = stains.stain_plane(pixels, ALIZARIN)
    expected = np.clip((plane + 0.28) * 200, 0, 255)
    assert np.abs(levels - expected).max() <= 1.001
    np.testing.assert_array_equal(histogram, np.bincount(levels.ravel(), minlength=256))


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_preset_can_be_told_apart_and_cites_its_source(name: str) -> None:
    stain_set = stains.preset(name.upper())
    np.testing.assert_allclose(np.linalg.norm(stain_set.matrix, axis=1), 1.0)
    assert stain_set.target in stain_set.names
    assert len(stain_set.source) > 10


def test_the_alizarin_vector_lies_between_its_two_sources() -> None:
    assert stains.angle_deg(presets.ALIZARIN_RED, (0.267, 0.799, 0.540)) < 2.5
    assert stains.angle_deg(presets.ALIZARIN_RED, (0.25, 0.90, 0.36)) < 11


@pytest.mark.parametrize(
    ("vectors", "match"),
    [
        (((1, 1, 1), (1.0, 1.05, 1.0)), "apart"),
        (((1, 0.1, 0.1), (0.1, 1, 0.1), (0.7, 0.7, 0.1)), "plane"),
        (((0, 0, 0), (1, 1, 1)), "no direction"),
        (((1, -0.9, 0.2), (1, 1, 1)), "negative"),
        (((math.nan, 1, 1), (1, 1, 1)), "no direction"),
    ],
)
def test_vectors_that_cannot_be_unmixed_are_refused(vectors: tuple, match: str) -> None:
    with pytest.raises(MeasureError, match=match):
        StainSet(("a", "b", "c")[: len(vectors)], vectors, "test")


def test_an_unknown_preset_or_stain_names_the_known_ones() -> None:
    with pytest.raises(MeasureError, match="H DAB"):
        stains.preset("eosin yellow")
    with pytest.raises(MeasureError, match="haematoxylin, DAB"):
        stains.preset("H DAB").index("eosin")


def test_a_marked_region_gives_back_the_vector() -> None:
    pixels = _render(ALIZARIN, np.random.default_rng(3).uniform(0.3, 0.9, (500, 1)) * [[1, 0, 0]])
    vector = stains.estimate_from_region(pixels, WHITE)
    assert stains.angle_deg(vector, ALIZARIN.vectors[0]) < 0.1


def test_a_pale_region_has_no_direction() -> None:
    with pytest.raises(MeasureError, match="clearly stained"):
        stains.estimate_from_region(np.full((9, 9, 3), 235.0), WHITE)


def test_macenko_finds_both_stains_of_a_mixture() -> None:
    rng = np.random.default_rng(4)
    h_dab = stains.preset("H DAB").with_white(WHITE)
    kind = rng.uniform(size=(20_000, 1))
    amounts = rng.uniform(0.2, 0.9, (20_000, 1)) * np.where(
        kind < 0.4, [[1, 0]], np.where(kind < 0.8, [[0, 1]], [[0.5, 0.5]])
    )
    pixels = _render(h_dab, amounts) + rng.normal(0, 1, (20_000, 3))
    blue, brown = stains.estimate_macenko(pixels, WHITE)
    assert stains.angle_deg(blue, h_dab.vectors[0]) < 4
    assert stains.angle_deg(brown, h_dab.vectors[1]) < 4


def test_macenko_refuses_one_stain_and_no_stain() -> None:
    one = _render(ALIZARIN, np.random.default_rng(5).uniform(0.3, 0.9, (5000, 1)) * [[1, 0, 0]])
    with pytest.raises(MeasureError, match="one stain"):
        stains.estimate_macenko(one, WHITE)
    with pytest.raises(MeasureError, match="stained"):
        stains.estimate_macenko(np.full((500, 3), 238.0), WHITE)


def test_hue_ignores_grey() -> None:
    red = np.array([0.2, 0.8, 0.5])
    assert stains.hue_angle_deg(red, red + 0.3) < 1e-5
    assert stains.hue_angle_deg((0.8, 0.3, 0.1), (0.1, 0.5, 0.8)) > 90
    assert stains.hue_angle_deg((1, 1, 1), red) == 180
