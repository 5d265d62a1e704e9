from __future__ import annotations

import numpy as np
import pytest

from exoimage.errors import MeasureError
from exoimage.methods import density, silver, synth
from exoimage.methods.density import White

WHITE = White((240.0, 236.0, 230.0))


def test_black_counts_and_colours_do_not() -> None:
    od = np.array([[0.8, 0.8, 0.8], [0.2, 0.9, 0.5], [0.65, 0.7, 0.29], [0.2, 0.45, 0.8], [0.0, 0.0, 0.0]])
    pixels = (np.array(WHITE.rgb) * 10.0**-od).round().astype(np.uint8)[np.newaxis]
    assert silver.neutral_density(pixels, WHITE)[0] == pytest.approx([0.8, 0, 0, 0, 0], abs=0.01)


def test_all_bit_depths_and_single_pixels_agree() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    plane = silver.neutral_density(pixels, WHITE)
    deep = silver.neutral_density(pixels.astype(np.uint16) * 257, White(tuple(257 * v for v in WHITE.rgb)))  # type: ignore[arg-type]
    real = silver.neutral_density(
        (pixels / 255).astype(np.float32), White(tuple(v / 255 for v in WHITE.rgb)), max_value=1.0  # type: ignore[arg-type]
    )  # fmt: skip
    single = silver.neutral_amounts(density.optical_density(pixels.reshape(-1, 3), WHITE))
    np.testing.assert_allclose(plane.ravel(), single, atol=2e-6)
    np.testing.assert_allclose(deep, plane, atol=2e-6)
    agree = np.isclose(real, plane, atol=1e-3)
    assert agree.mean() > 0.999


def test_what_is_black_to_the_camera_is_black_whatever_its_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 6, (30, 30, 3)).astype(np.uint8)
    assert silver.neutral_density(noise, WHITE) == pytest.approx(silver.MOST_OD, abs=1e-6)


def test_the_shape_of_the_light_is_taken_out() -> None:
    field = synth.silver_field((300, 400), light=synth.Light(relative_range=0.4), seed=3)
    blank = synth.silver_field(
        (300, 400), synth.Silver(count=0, counterstain_od=0), light=synth.Light(relative_range=0.4), seed=3
    )
    white = density.white_from_blank(blank.pixels)
    lit, unlit = (silver.neutral_density(blank.pixels, w) for w in (white, White(white.rgb)))
    assert np.abs(lit).max() < 0.05 < unlit.max()
    box = (slice(100, 200), slice(50, 300))
    part = silver.neutral_density(field.pixels[box], white, part_of=((300, 400), box))
    np.testing.assert_allclose(part, silver.neutral_density(field.pixels, white)[box], atol=1e-6)


def test_a_grey_picture_is_refused() -> None:
    with pytest.raises(MeasureError, match="colour"):
        silver.neutral_density(np.zeros((4, 4), np.uint8), WHITE)
