from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import thresholds
from exoimage.methods.thresholds_deep import (
    ThresholdRange,
    auto_threshold_16bit,
    eight_bit,
    full_histogram_threshold,
)


def two_tones(low: float, high: float, dtype: type, *, hot: float | None = None) -> np.ndarray:
    random = np.random.default_rng(3)
    spread = (high - low) / 20
    image = np.where(np.arange(4000) < 3000, random.normal(low, spread, 4000), random.normal(high, spread, 4000))
    if hot is not None:
        image[0] = hot
    return image.reshape(50, 80).astype(dtype)


def by_the_formula(image: np.ndarray, method: str) -> tuple[float, float]:
    """ImageJ's default route of a 16-bit image with a dark background, pixel by pixel."""
    low, high = int(image.min()), int(image.max())
    scaled = ((image.astype(np.int64) - low) * (256.0 / (high - low + 1)) + 0.5).astype(np.int64)
    histogram = np.bincount(np.minimum(scaled, 255).ravel(), minlength=256)
    level = thresholds.auto_threshold(histogram, method, "1.53t")
    return float(np.floor(low + min(level + 1, 255) / 255 * (high - low) + 0.5)), 65535.0


@pytest.mark.parametrize("method", ["Otsu", "Triangle", "Li", "Moments", "MaxEntropy"])
def test_16_bit_levels_are_scaled_forth_and_back(method: str) -> None:
    image = two_tones(900, 2000, np.uint16)
    found = auto_threshold_16bit(image, method, "1.53t")
    assert (found.lower, found.upper) == by_the_formula(image, method)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("compat", ["1.54p", "1.53t", None])
def test_otsu_parts_two_tones(dtype: type, compat: str | None) -> None:
    image = two_tones(900, 2000, dtype)
    bright = auto_threshold_16bit(image, "Otsu", compat)
    dark = auto_threshold_16bit(image, "Otsu", compat, dark=False)
    # Levels are rounded to their middle on the way back: the palest pixels of a tone may be cut off.
    assert bright.mask(image).sum() == pytest.approx(1000, abs=3)
    assert dark.mask(image).sum() == pytest.approx(3000, abs=3)


def test_the_full_histogram_counts_the_threshold_itself_as_foreground() -> None:
    image = two_tones(900, 2000, np.uint16)
    bright, dark = full_histogram_threshold(image, "Otsu"), full_histogram_threshold(image, "Otsu", dark=False)
    brightest_of_the_dark = np.sort(image, axis=None)[2999]
    assert (bright.lower, bright.upper) == (brightest_of_the_dark, 65_535)
    assert (dark.lower, dark.upper) == (0, brightest_of_the_dark)
    assert bright.mask(image).sum() == 1001
    assert dark.mask(image).sum() == 3000


def test_a_hot_pixel_moves_imagejs_default_but_not_the_full_histogram() -> None:
    image = two_tones(300, 420, np.uint16)
    hot = two_tones(300, 420, np.uint16, hot=65_000)
    assert 300 < auto_threshold_16bit(image, "Li").lower < 420
    assert auto_threshold_16bit(hot, "Li").lower > 450
    assert 300 < full_histogram_threshold(hot, "Li").lower < 420


@pytest.mark.parametrize("value", [0, 7, 65_535])
def test_a_blank_image_has_no_foreground_but_imagejs_number_is_kept(value: int) -> None:
    blank = np.full((5, 6), value, np.uint16)
    for image in (blank, blank.astype(np.float32)):
        ours = auto_threshold_16bit(image, "Otsu", compat=None)
        assert ours == ThresholdRange(None, None, (Flag.BLANK,))
        assert not ours.mask(image).any()
        imagejs = auto_threshold_16bit(image, "Otsu", "1.53t")
        assert (imagejs.lower, imagejs.upper) == (value, value)
        assert Flag.BLANK in imagejs.flags
    assert full_histogram_threshold(blank, "Li") == ThresholdRange(None, None, (Flag.BLANK,))


def test_overflow_of_the_full_histogram_is_flagged() -> None:
    small = np.clip(np.random.default_rng(0).normal(600, 150, (64, 64)), 0, 1200).astype(np.uint16)
    twelve_bit = np.clip(np.random.default_rng(0).normal(2000, 500, (64, 64)), 0, 4095).astype(np.uint16)
    full = np.random.default_rng(0).integers(0, 65_536, (512, 512), dtype=np.uint16)
    flagged = {
        name: {m for m in thresholds.METHODS if Flag.IMAGEJ_OVERFLOW in full_histogram_threshold(image, m).flags}
        for name, image in {"small": small, "twelve": twelve_bit, "full": full}.items()
    }
    assert flagged["small"] == set()
    assert flagged["twelve"] == {"Moments"}
    assert flagged["full"] >= {"Li", "IsoData", "Moments"}


def test_eight_bit_spans_all_levels() -> None:
    ramp = eight_bit(np.arange(65_536, dtype=np.uint16))
    assert ramp.histogram.sum() == 65_536
    assert ramp.histogram[0] == 128  # half a level, for the rounding
    assert ramp.histogram[255] == 256 + 128
    floats = eight_bit(np.linspace(-1, 1, 256).astype(np.float32))
    assert floats.histogram.tolist() == [1] * 256
    assert (floats.low, floats.high) == (-1.0, 1.0)


def test_integers_and_doubles_are_converted_and_the_input_left_alone() -> None:
    image = two_tones(900, 2000, np.uint16)
    before = image.copy()
    assert auto_threshold_16bit(image.astype(np.int32)) == auto_threshold_16bit(image)
    assert auto_threshold_16bit(image.astype(np.float64)) == auto_threshold_16bit(image.astype(np.float32))
    assert np.array_equal(image, before)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(st.sampled_from([np.uint16, np.float32]), hnp.array_shapes(max_dims=2, max_side=6)),
    st.sampled_from(thresholds.METHODS),
    st.sampled_from(["1.53t", "1.54p", None]),
    st.booleans(),
)
def test_any_image_has_an_answer_or_an_error_in_words(
    image: np.ndarray, method: str, compat: str | None, dark: bool
) -> None:
    try:
        found = auto_threshold_16bit(image, method, compat, dark=dark)
    except MeasureError:
        assert not np.isfinite(image).all()
        return
    mask = found.mask(image)
    assert mask.shape == image.shape
    if found.lower is None:
        assert found.flags
        assert not mask.any()
    elif compat is None:
        assert 0 < mask.sum() < mask.size or image.dtype == np.uint16 or np.isnan(image).any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(0, np.uint16), "no values"),
        (np.zeros((3, 3), np.uint8), "8-bit"),
        (np.array([-1, 3]), "do not fit"),
        (np.array([0, 65_536]), "do not fit"),
        (np.array(["a"]), "do not fit"),
        (np.array([1.0, np.inf]), "infinity"),
        (np.array([np.nan, np.nan]), "NaN"),
    ],
)
def test_values_that_imagej_could_not_hold_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        auto_threshold_16bit(values)


def test_unknown_names_are_refused() -> None:
    image = np.arange(9, dtype=np.uint16)
    with pytest.raises(MeasureError, match="Otsu2"):
        auto_threshold_16bit(image, "Otsu2")
    with pytest.raises(MeasureError, match=r"1\.99"):
        auto_threshold_16bit(image, "Otsu", "1.99")  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="32-bit"):
        full_histogram_threshold(image.astype(np.float32))
