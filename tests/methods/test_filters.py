from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from exoimage.errors import MeasureError
from exoimage.methods import filters

TYPES = (np.uint8, np.uint16, np.float32)


def noise(kind: type, shape: tuple[int, ...] = (47, 60)) -> np.ndarray:
    return (np.random.default_rng(1).random(shape) * 250).astype(kind)


@pytest.mark.parametrize("sigma", [0.5, 1, 2.5, 8, 8.5, 9, 20, 40])
def test_blur_is_gaussian_within_its_accuracy(sigma: float) -> None:
    image = noise(np.float32, (200, 230))
    exact = ndimage.gaussian_filter(image.astype(float), sigma, mode="nearest", truncate=8)
    assert np.abs(filters.gaussian_blur(image, sigma) - exact).max() < 0.0015 * 250
    coarse = filters.gaussian_blur(image.astype(np.uint8), sigma).astype(float)
    assert np.abs(coarse - ndimage.gaussian_filter(np.floor(image), sigma, mode="nearest", truncate=8)).max() < 1.5


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("sigma", [0.3, 3, 30])
def test_blur_keeps_even_images_and_types(kind: type, sigma: float) -> None:
    image = np.full((20, 31), 77, kind)
    blurred = filters.gaussian_blur(image, sigma)
    assert blurred.dtype == kind
    assert blurred.astype(float) == pytest.approx(77, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.uint16, arrays.array_shapes(min_dims=2, max_dims=2, max_side=25)),
    st.floats(0, 6),
    st.sampled_from(TYPES),
)
def test_median_is_the_median_of_the_round_neighbourhood(image: np.ndarray, radius: float, kind: type) -> None:
    image = image.astype(kind)
    reach = filters.neighbourhood(radius)
    footprint = np.abs(np.arange(reach.size) - reach.size // 2)[None, :] <= reach[:, None]
    exact = ndimage.median_filter(image, footprint=footprint, mode="nearest")
    found = filters.median(image, radius)
    assert found.dtype == kind
    assert np.array_equal(found, exact)


@pytest.mark.parametrize(
    ("radius", "pixels"), [(0, 5), (0.5, 5), (1, 9), (1.5, 13), (2, 21), (2.5, 29), (3, 37), (4, 57), (5, 89)]
)
def test_neighbourhood_is_as_imagej_counts_it(radius: float, pixels: int) -> None:
    reach = filters.neighbourhood(radius)
    assert (2 * reach + 1).sum() == pixels
    assert np.array_equal(reach, reach[::-1])


def test_channels_are_treated_apart() -> None:
    image = noise(np.uint8, (20, 25, 3))
    for step in (filters.gaussian_blur, filters.median):
        assert np.array_equal(step(image, 2)[..., 1], step(image[..., 1], 2))


@pytest.mark.parametrize("step", [filters.gaussian_blur, filters.median])
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 1), (1, 50), (50, 1), (2, 2)])
def test_odd_shapes_answer(step, shape: tuple[int, int]) -> None:
    for kind in TYPES:
        for size in (0, 1, 2, 15):
            image = noise(kind, shape)
            image.flags.writeable = False
            found = step(image, size)
            assert found.shape == shape
            if image.size:
                assert image.min() <= found.min() + 1e-3
                assert found.max() <= image.max() + 1e-3


def test_zero_is_a_copy_and_views_are_taken() -> None:
    image = noise(np.float32)
    copy = filters.gaussian_blur(image, 0)
    assert np.array_equal(copy, image)
    assert not np.shares_memory(copy, image)
    for step in (filters.gaussian_blur, filters.median):
        assert np.array_equal(step(image[::2, ::-1], 3), step(image[::2, ::-1].copy(), 3))


@pytest.mark.parametrize(
    ("step", "arguments", "message"),
    [
        (filters.gaussian_blur, (-1,), "sigma"),
        (filters.gaussian_blur, (np.nan,), "sigma"),
        (filters.gaussian_blur, (1, 0), "accuracy"),
        (filters.gaussian_blur, (1, 0.7), "accuracy"),
        (filters.median, (-1,), "radius"),
        (filters.median, (np.inf,), "radius"),
    ],
)
def test_wrong_parameters_are_refused(step, arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        step(noise(np.uint8), *arguments)


@pytest.mark.parametrize("step", [filters.gaussian_blur, filters.median])
def test_wrong_images_are_refused(step) -> None:
    for image, message in (
        (np.zeros((3, 3), bool), "bool"),
        (np.zeros(3, np.uint8), "shape"),
        (np.full((3, 3), np.inf, np.float32), "finite"),
    ):
        with pytest.raises(MeasureError, match=message):
            step(image, 1)
