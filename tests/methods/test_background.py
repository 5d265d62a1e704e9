from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from exoimage.errors import MeasureError
from exoimage.methods import background, filters
from exoimage.methods._hexcone import to_hsb, to_rgb

STEPS = (background.rolling_ball, background.sliding_paraboloid)
BACKGROUNDS = (background.rolling_ball_background, background.sliding_paraboloid_background)
TYPES = (np.uint8, np.uint16, np.float32)

small_images = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))


def spots_on_a_slope() -> tuple[np.ndarray, np.ndarray]:
    """A slope, and discs of known height on it."""
    y, x = np.mgrid[:150, :170]
    slope = 40 + 0.3 * x + 0.2 * y
    spots = np.zeros(slope.shape)
    for cy, cx in ((30, 40), (75, 90), (110, 140), (60, 20)):
        spots[(y - cy) ** 2 + (x - cx) ** 2 < 36] = 80
    return slope, spots


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("light", [False, True])
def test_spots_are_left_and_the_slope_is_gone(step, light: bool) -> None:
    slope, spots = spots_on_a_slope()
    image = slope + 100 - spots if light else slope + spots
    flat = step(np.clip(image, 0, 255).astype(np.uint8), radius=25, light=light).astype(float)
    height = 255 - flat if light else flat
    inside, inner = spots > 0, (slice(12, -12), slice(12, -12))
    assert abs(height[inside].mean() - 80) < 5
    assert np.abs(height[inner][~inside[inner]]).mean() < 3


@pytest.mark.parametrize("find", BACKGROUNDS)
def test_background_of_a_slope_with_spots_is_the_slope(find) -> None:
    slope, spots = spots_on_a_slope()
    found = find((slope + spots).astype(np.float32), radius=25)
    assert np.abs(found - slope)[12:-12, 12:-12].max() < 8


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("value", [0, 7, 255])
def test_even_image_has_nothing_but_background(step, kind: type, value: int) -> None:
    image = np.full((33, 47), value, kind)
    rounding = 1e-6 * value if kind == np.float32 else 0
    assert np.abs(step(image, 12, smooth=False)).max() <= rounding
    top = 0 if kind == np.float32 else np.iinfo(kind).max
    assert np.abs(step(image, 12, light=True, smooth=False).astype(float) - top).max() <= rounding


@pytest.mark.parametrize("radius", [5, 15, 60, 120])
def test_background_lies_below_the_unsmoothed_image_where_it_is_not_shrunk(radius: int) -> None:
    image = np.random.default_rng(4).integers(0, 60_000, (70, 90)).astype(np.uint16)
    for find in BACKGROUNDS:
        found = find(image, radius, smooth=False)
        lowest = image.reshape(-1).min()
        assert found.min() >= lowest or find is background.rolling_ball_background  # which extrapolates at borders
        if radius <= 10 or find is background.sliding_paraboloid_background:
            assert (found <= image).all()
    assert background.rolling_ball(image, radius).shape == image.shape


@settings(max_examples=40, deadline=None)
@given(small_images, st.floats(0.3, 200), st.booleans())
def test_light_is_the_negative_of_dark(image: np.ndarray, radius: float, paraboloid: bool) -> None:
    step = STEPS[paraboloid]
    dark, light = step(image, radius), step(255 - image, radius, light=True)
    assert np.abs(light.astype(int) - (255 - dark.astype(int))).max() <= 1  # rounding


@settings(max_examples=30, deadline=None)
@given(small_images, st.floats(0.3, 200))
def test_types_agree(image: np.ndarray, radius: float) -> None:
    for find in BACKGROUNDS:
        exact = find(image.astype(np.float32), radius)
        assert exact.dtype == np.float32
        for kind in (np.uint8, np.uint16):
            rounded = find(image.astype(kind), radius)
            assert rounded.dtype == kind
            assert np.abs(rounded - np.clip(exact, 0, np.iinfo(kind).max)).max() <= 0.5 + 1e-4


def test_channels_are_treated_apart() -> None:
    random = np.random.default_rng(2)
    image = random.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    for step in (*STEPS, *BACKGROUNDS):
        together = step(image, 12)
        for channel in range(3):
            assert np.array_equal(together[..., channel], step(image[..., channel], 12))


def test_grey_rgb_by_brightness_stays_grey() -> None:
    grey = np.random.default_rng(3).integers(0, 256, (30, 40)).astype(np.uint8)
    found = background.rolling_ball(np.repeat(grey[..., None], 3, axis=2), 12, colours="brightness")
    assert (found == found[..., :1]).all()
    brightness = (grey.astype(np.float32) / np.float32(255)).astype(float) * 255  # rounded down, as ImageJ
    assert np.array_equal(found[..., 0], background.rolling_ball(brightness.astype(np.uint8), 12))


def test_colours_come_back_from_the_hexcone() -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]], np.uint8)
    assert np.abs(to_rgb(to_hsb(colours)).astype(int) - colours).max() <= 2


def test_inputs_are_not_changed_and_may_be_read_only() -> None:
    for kind in TYPES:
        image = np.random.default_rng(5).integers(0, 200, (25, 35)).astype(kind)
        kept = image.copy()
        image.flags.writeable = False
        for step in (*STEPS, *BACKGROUNDS):
            assert step(image, 30).flags.writeable
            assert np.array_equal(step(image[:, ::-1], 30), step(image[:, ::-1].copy(), 30))
        assert np.array_equal(image, kept)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (1, 30), (30, 1), (2, 2), (7, 200)])
def test_odd_shapes_answer(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(6).integers(0, 256, shape).astype(np.uint8)
    for step in (*STEPS, *BACKGROUNDS):
        for radius in (0.5, 12, 50, 200):
            assert step(image, radius).shape == shape


def test_a_side_of_one_block_keeps_its_value() -> None:
    image = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (5, 1))
    found = background.rolling_ball_background(image, 150, smooth=False)
    assert found.min() >= 0
    assert (found == found[:1]).all()
    assert (found.astype(int) <= image + 16).all()


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((4, 4)), {}, "float64"),
        (np.zeros(4, np.uint8), {}, "shape"),
        (np.full((4, 4), np.nan, np.float32), {}, "not finite"),
        (np.zeros((4, 4), np.uint8), {"radius": 0}, "radius"),
        (np.zeros((4, 4), np.uint8), {"radius": np.inf}, "radius"),
        (np.zeros((4, 4), np.uint8), {"colours": "brightness"}, "brightness"),
        (np.zeros((4, 4), np.uint8), {"colours": "hue"}, "hue"),
    ],
)
def test_wrong_input_is_refused(image: np.ndarray, arguments: dict[str, object], message: str) -> None:
    for step in (*STEPS, *BACKGROUNDS):
        with pytest.raises(MeasureError, match=message):
            step(image, **{"radius": 10, **arguments})


def test_smoothing_is_a_mean_of_nine() -> None:
    point = np.zeros((40, 40), np.float32)
    point[20, 20] = 900
    # A ball that is far smaller than the bump of the mean follows it.
    found = background.rolling_ball_background(point, 1)
    assert found[19:22, 19:22] == pytest.approx(100, abs=1.5)
    assert filters.median(found, 4).max() < 1
