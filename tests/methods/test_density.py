from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import density
from exoimage.methods.density import White


def test_density_is_decadic_against_the_white_point() -> None:
    od = density.optical_density(np.array([[240.0, 24.0, 120.0]]), White((240.0, 240.0, 240.0)))
    np.testing.assert_allclose(od, [[0.0, 1.0, np.log10(2)]], atol=1e-6)


def test_brighter_than_white_is_negative_and_black_is_limited() -> None:
    od = density.optical_density(np.array([[255, 0, 240]], np.uint8), White((240.0, 240.0, 240.0)))
    assert od[0, 0] < 0
    assert od[0, 1] == pytest.approx(density.MAX_OD)


@given(st.integers(0, 65535), st.floats(1, 65535))
def test_tables_equal_the_density_of_each_value(value: int, white: float) -> None:
    point = White((white, white / 2 + 1, white))
    table = density.density_tables(point, 65536)
    np.testing.assert_array_equal(table[:, value], density.optical_density(np.full((1, 3), value), point)[0])


@pytest.mark.parametrize("white", [(0.0, 1.0, 1.0), (-3.0, 1.0, 1.0), (np.nan, 1.0, 1.0)])
def test_a_white_point_that_is_not_positive_is_refused(white: tuple[float, float, float]) -> None:
    with pytest.raises(MeasureError, match="positive"):
        White(white)


def _field(background: float, share: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(background, 3, (20_000, 3))
    pixels[: round(20_000 * share)] = rng.normal((150, 60, 90), 8, (round(20_000 * share), 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_white_is_the_background_however_much_is_stained(share: float) -> None:
    white, flags = density.estimate_white(_field(231, share), 255.0)
    assert white.rgb == pytest.approx((231, 231, 231), abs=2)
    assert flags == ()


def test_small_bright_spots_are_no_background() -> None:
    pixels = _field(210, 0.2)
    pixels[-400:] = 255
    white, _ = density.estimate_white(pixels, 255.0)
    assert white.rgb == pytest.approx((210, 210, 210), abs=2)


def test_a_little_clear_glass_among_tissue_is_the_background() -> None:
    pixels = np.random.default_rng(2).normal((212, 175, 121), 12, (20_000, 3))
    pixels[:400] = np.random.default_rng(3).normal(236, 2, (400, 3))
    white, flags = density.estimate_white(np.clip(pixels, 0, 255).astype(np.uint8), 255.0)
    assert white.rgb == pytest.approx((236, 236, 236), abs=3)
    assert flags == ()


def test_tissue_from_edge_to_edge_takes_its_brightest_gaps_and_says_so() -> None:
    pixels = np.random.default_rng(4).normal((115, 60, 115), 15, (20_000, 3))
    pixels[:180] = np.random.default_rng(5).normal((240, 228, 234), 2, (180, 3))
    white, flags = density.estimate_white(np.clip(pixels, 0, 255).astype(np.uint8), 255.0)
    assert white.rgb == pytest.approx((240, 228, 234), abs=6)
    assert flags == (Flag.COLOUR_CAST,)


def test_white_says_when_it_is_clipped_coloured_or_dark() -> None:
    assert density.estimate_white(np.full((100, 3), 255, np.uint8), 255.0)[1] == (Flag.CLIPPED_WHITE,)
    assert Flag.COLOUR_CAST in density.estimate_white(np.full((100, 3), (220, 120, 150), np.uint8), 255.0)[1]
    assert Flag.WRONG_LIGHT in density.estimate_white(np.full((100, 3), (20, 18, 19), np.uint8), 255.0)[1]


def test_white_of_no_pixels_is_flagged_and_not_an_error() -> None:
    white, flags = density.estimate_white(np.empty((0, 3), np.uint8), 255.0)
    assert white.rgb == (255.0, 255.0, 255.0)
    assert flags == (Flag.BLANK,)


def test_a_blank_field_takes_uneven_light_out_of_another_size() -> None:
    y, x = np.mgrid[-1:1:480j, -1:1:640j]
    light = 1 - 0.3 * (y**2 + x**2) / 2 + 0.05 * x
    rng = np.random.default_rng(1)
    blank = 220 * light[:, :, np.newaxis] + rng.normal(0, 2, (480, 640, 3))
    blank[100:110, 200:210] = 30  # dust
    white = density.white_from_blank(blank)
    field = (220 * light[::2, ::2, np.newaxis] * np.ones(3)).astype(np.float32)
    assert np.abs(density.optical_density(field, white)).max() < 0.01
    assert np.abs(density.optical_density(field, White(white.rgb))).max() > 0.05


@pytest.mark.parametrize("blank", [np.zeros((64, 64, 3)), np.ones((64, 64)), np.ones((8, 8, 3))])
def test_a_blank_field_that_is_none_is_refused(blank: np.ndarray) -> None:
    with pytest.raises(MeasureError):
        density.white_from_blank(blank)
