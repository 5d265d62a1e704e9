"""Intensities of nuclei above their background, two classes of them, and the quality of fluorescence pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.methods import fluorescence_quality as quality
from exoimage.methods import intensities
from exoimage.methods.two_classes import ROSE, fit_two_classes


def _discs(places: list[tuple[int, int]], radius: int = 8, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    for number, (y, x) in enumerate(places, 1):
        cv2.circle(labels, (x, y), radius, number, -1)
    return labels.astype(np.int32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_nucleus_is_measured_above_its_own_surroundings(dtype: type) -> None:
    labels = _discs([(40, 40), (40, 120)])
    ground = np.where(np.arange(160) < 80, 20, 60)[np.newaxis, :] * np.ones((120, 1))
    plane = (ground + np.array([0, 50, 5])[labels]).astype(dtype)
    around = intensities.rings(labels, 16)
    own = intensities.measure_intensities(labels, plane, around, 2)
    np.testing.assert_allclose(own.mean, [50, 5])
    np.testing.assert_allclose(own.background, [20, 60])
    np.testing.assert_allclose(own.integrated, own.mean * own.area_px)
    shared = intensities.measure_intensities(labels, plane, around, 2, "image")
    assert shared.background[0] == shared.background[1]


def test_rings_never_enter_a_nucleus_whichever() -> None:
    labels, others = _discs([(40, 40), (40, 58)]), _discs([(62, 48)]) > 0
    around = intensities.rings(labels, 16, others)
    assert set(np.unique(around.owners)) == {0, 1, 2}
    assert not around.owners[(labels > 0) | others].any()
    near = cv2.dilate((others | (labels > 0)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not around.owners[near].any()
    assert not around.outside[near].any()


def test_a_nucleus_without_a_ring_takes_the_pictures_background() -> None:
    labels = np.zeros((90, 90), np.int32)
    labels[20:70, 20:70] = 1
    labels[40:50, 40:50] = 2
    plane = np.where(labels == 2, 90, np.where(labels == 1, 200, 30)).astype(np.uint8)
    own = intensities.measure_intensities(labels, plane, intensities.rings(labels, 10), 2)
    assert own.background[1] == 30
    assert own.mean[1] == 60


def test_the_light_of_a_touching_nucleus_is_left_out() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[10:30, 5:20], labels[10:30, 20:35] = 1, 2
    plane = cv2.GaussianBlur(np.where(labels == 1, 1000, 10).astype(np.float32), (0, 0), 1.0)
    around = intensities.rings(labels, 15)
    whole = intensities.measure_intensities(labels, plane, around, 2)
    alone = intensities.measure_intensities(intensities.apart(labels, 4), plane, around, 2)
    assert whole.mean[1] > 15
    assert abs(alone.mean[1]) < 1


def test_a_nucleus_that_is_all_rim_stays_whole() -> None:
    labels = np.array([[1, 1, 1, 1, 2, 1, 1, 1, 1]], np.int32)
    assert (intensities.apart(labels, 2) == 2).sum() == 1


def test_planes_of_another_shape_are_refused() -> None:
    labels = _discs([(40, 40)])
    with pytest.raises(MeasureError, match="shape"):
        intensities.measure_intensities(labels, np.zeros((5, 5), np.uint8), intensities.rings(labels, 16), 1)


def test_solidity_is_that_of_the_shape() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[5:15, 5:25] = 1
    labels[5:25, 5:15] = 1
    assert intensities.solidity(labels, 2)[0] == pytest.approx(300 / 350, abs=0.01)
    assert np.isnan(intensities.solidity(labels, 2)[1])


# ---- two classes


@settings(max_examples=25, deadline=None)
@given(
    share=st.floats(0.03, 0.95),
    brighter=st.floats(10, 100),
    noise=st.floats(0.5, 3),
    scale=st.sampled_from([1e-4, 1.0, 300.0]),
    seed=st.integers(0, 1000),
)
def test_two_classes_are_parted_whatever_their_shares(
    share: float, brighter: float, noise: float, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    positive = np.arange(600) < round(600 * share)
    dark, bright = rng.normal(1, 0.7, 600), 4 * brighter / 10 * 8 * rng.lognormal(0, 0.35, 600)
    values = np.where(positive, bright, dark) * scale
    found = fit_two_classes(values, noise * scale)
    assert found.found
    assert np.mean((values > found.cut) != positive) < 0.01
    assert found.negative < found.cut < found.positive


@settings(max_examples=25, deadline=None)
@given(centre=st.floats(-1, 30), spread=st.floats(0.3, 0.6), count=st.integers(0, 900), seed=st.integers(0, 1000))
def test_one_class_is_one(centre: float, spread: float, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(centre, spread * max(centre, 1) / 2, count)
    found = fit_two_classes(values, 1.0)
    assert not found.found
    assert found.cut == ROSE


def test_the_order_and_the_unit_of_intensities_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(1, 1, 300), rng.lognormal(4, 0.4, 100)])
    cut = fit_two_classes(values, 1.0).cut
    assert fit_two_classes(values[::-1].copy(), 1.0).cut == cut
    assert fit_two_classes(values * 256, 256.0).cut == pytest.approx(256 * cut, rel=1e-9)


# ---- quality


@pytest.mark.parametrize(("limit", "expected"), [(4095, True), (65535, True), (1023, True), (3000, False)])
def test_saturation_is_known_by_the_cameras_limits(limit: int, expected: bool) -> None:
    plane = np.random.default_rng(0).normal(500, 50, (200, 200))
    plane[:40, :40] = limit
    assert quality.is_saturated(np.minimum(plane, limit).astype(np.uint16), 65535) is expected


def test_few_bright_pixels_are_no_saturation() -> None:
    plane = np.random.default_rng(0).normal(50, 5, (200, 200)).astype(np.uint8)
    plane[0, :20] = 255
    assert not quality.is_saturated(plane, 255)


def test_blur_is_told_in_pixels() -> None:
    labels = _discs([(40, 40), (80, 110)], radius=14)
    sharp = np.where(labels > 0, 200.0, 10.0).astype(np.float32)
    for sigma in (2.0, 4.0):
        soft = cv2.GaussianBlur(sharp, (0, 0), sigma)
        assert quality.nuclear_blur_px(soft, labels, 28) == pytest.approx(sigma, rel=0.25)
    assert quality.nuclear_blur_px(sharp, np.zeros_like(labels), 28) == 0


def test_a_marker_with_its_own_reasons_does_not_bleed() -> None:
    rng = np.random.default_rng(0)
    stain = rng.lognormal(5, 0.3, 200)
    own = rng.lognormal(3, 0.4, 200)
    assert not quality.bleeds_through(stain, own, np.ones(200))
    assert quality.bleeds_through(stain, own / 10 + 0.2 * stain, np.ones(200))
    assert not quality.bleeds_through(stain, 0.001 * stain, np.ones(200))
    assert not quality.bleeds_through(stain[:5], stain[:5], np.ones(5))
