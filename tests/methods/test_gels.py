from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods.gels import Lane, lane_profile, peak_areas

LANE = Lane(30, 10, 40, 180)


def gel_of(bands: list[tuple[float, float]], *, depth: float = 120.0, tilt: float = 0.0) -> np.ndarray:
    """A gel whose one lane, 40 px wide at x = 30, holds Gaussian bands of (row, amount) on a bright background."""
    rows = np.arange(200.0)
    signal = sum(amount * depth * np.exp(-(((rows - row) / 5) ** 2) / 2) for row, amount in bands)
    gel = np.full((200, 100), 230.0)
    gel[:, 30:70] -= np.broadcast_to(signal, 200)[:, np.newaxis]
    return gel - (tilt * rows)[:, np.newaxis]


def test_profile_is_the_mean_of_the_lane_row_by_row() -> None:
    gel = np.random.default_rng(0).integers(0, 256, (60, 50), dtype=np.uint8)
    lane = Lane(7, 12, 21, 40)
    rows = gel[12:52, 7:28].astype(int)
    assert lane_profile(gel, lane).tolist() == [(255 - row).sum() / 21 for row in rows]
    assert lane_profile(gel, lane, invert=False).tolist() == [row.sum() / 21 for row in rows]
    density = lane_profile(gel, lane, uncalibrated_od=True)
    np.testing.assert_allclose(density, np.log10(255 / rows.mean(axis=1)), rtol=1e-8)


def test_deep_gels_are_inverted_and_scaled_as_imagej_does() -> None:
    gel = np.array([[1000, 1000], [2000, 3000]], dtype=np.uint16)
    whole = Lane(0, 0, 2, 2)
    assert lane_profile(gel, whole).tolist() == [64_535.0, 63_035.0]
    assert lane_profile(gel.astype(np.float32), whole).tolist() == [3000.0, 1500.0]
    eight_bit = np.array([[0, 0], [128, 255]])
    expected = np.log10(255 / (255 - (255 - eight_bit).mean(axis=1)[1]))
    assert lane_profile(gel, whole, uncalibrated_od=True)[1] == pytest.approx(expected, rel=1e-8)


def test_areas_are_those_of_the_trapezoid_rule() -> None:
    profile = np.random.default_rng(1).uniform(5, 80, 50)
    profile[[4, 41]] = 3, 7
    x = np.arange(50)
    found = peak_areas(profile, [4, 20, 41])
    line = np.interp(x, [4, 41], profile[[4, 41]])
    by_hand = [
        np.add.reduce((profile - line)[a : b + 1]) - sum((profile - line)[[a, b]]) / 2 for a, b in [(4, 20), (20, 41)]
    ]
    np.testing.assert_allclose(found.areas, by_hand)
    np.testing.assert_allclose(found.shares_pct, 100 * np.array(by_hand) / sum(by_hand))


def test_gaussian_bands_have_their_true_areas_and_shares() -> None:
    amounts = (0.2, 0.5, 0.3)
    gel = gel_of([(50, 0.2), (100, 0.5), (150, 0.3)], tilt=0.1).astype(np.float32)
    profile = lane_profile(gel, LANE)
    found = peak_areas(profile, [10, 65, 115, 170])
    truth = np.array(amounts) * 120 * 5 * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.areas, truth, rtol=2e-3)
    np.testing.assert_allclose(found.shares_pct, [20, 50, 30], atol=0.05)
    assert found.flags == ()


def test_baselines() -> None:
    profile = [2.0, 4.0, 2.0, 6.0, 10.0, 6.0, 2.0]
    assert peak_areas(profile, [0, 2, 6]).areas == (2.0, 16.0)
    assert peak_areas(profile, [0, 3, 6], baseline="each").areas == (-2.0, 8.0)
    assert peak_areas(profile, [0, 2, 6], baseline="each").areas == (2.0, 16.0)
    assert peak_areas(profile, [0, 6], baseline=(0, 0)).areas == (30.0,)
    assert peak_areas(profile, [0, 6], baseline=(0, 4)).areas == (18.0,)


def test_bounds_between_samples_are_interpolated() -> None:
    triangle = [0.0, 1.0, 2.0, 1.0, 0.0]
    assert peak_areas(triangle, [1.5, 2.5], baseline=(0, 0)).areas == (1.75,)
    assert peak_areas(triangle, [0.25, 0.75], baseline=(0, 0)).areas == (0.25,)


@given(
    st.lists(st.floats(0, 1e4), min_size=8, max_size=40),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True),
)
def test_areas_between_drop_lines_add_up(profile: list[float], cuts: list[float]) -> None:
    end = len(profile) - 1
    bounds = sorted({0.0, *(cut * end for cut in cuts), float(end)})
    parts, whole = peak_areas(profile, bounds), peak_areas(profile, [0, end])
    assert sum(parts.areas) == pytest.approx(whole.areas[0], rel=1e-9, abs=1e-6)
    if not parts.flags:
        assert sum(parts.shares_pct) == pytest.approx(100)


def test_an_empty_lane_has_no_shares_and_says_so() -> None:
    blank = peak_areas(lane_profile(gel_of([]).astype(np.uint8), LANE), [20, 90, 160])
    assert blank.areas == (0.0, 0.0)
    assert np.isnan(blank.shares_pct).all()
    assert blank.flags == (Flag.BLANK,)


def test_a_saturated_band_has_no_uncalibrated_density_and_says_so() -> None:
    gel = gel_of([(60, 0.5), (120, 5.0)]).clip(0, 255).astype(np.uint8)
    profile = lane_profile(gel, LANE, uncalibrated_od=True)
    assert np.isposinf(profile).any()
    found = peak_areas(profile, [20, 80, 160])
    assert np.isfinite(found.areas[0])
    assert np.isnan(found.areas[1])
    assert np.isnan(found.shares_pct).all()
    assert found.flags == (Flag.SATURATED,)


def test_nan_pixels_are_left_out() -> None:
    gel = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)
    assert lane_profile(gel, Lane(0, 0, 3, 2), invert=False).tolist() == [2.0, 5.0]


@pytest.mark.parametrize("lane", [Lane(-1, 0, 5, 5), Lane(0, 0, 0, 5), Lane(0, 0, 101, 5), Lane(0, 196, 5, 5)])
def test_a_lane_outside_the_picture_is_refused(lane: Lane) -> None:
    with pytest.raises(MeasureError, match="100 × 200"):
        lane_profile(np.zeros((200, 100), np.uint8), lane)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((5, 5, 3), np.uint8), r"\(5, 5, 3\)"),
        (np.zeros((5, 5), np.int64), "int64"),
        (np.full((5, 5), np.nan), "NaN"),
        (np.full((5, 5), np.inf), "infinity"),
    ],
)
def test_a_picture_that_is_no_gel_is_refused(image: np.ndarray, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        lane_profile(image, Lane(0, 0, 5, 5))


@pytest.mark.parametrize(
    ("profile", "bounds", "baseline", "message"),
    [
        ([1, 2, 3], [0], "common", "two or more"),
        ([1, 2, 3], [0, 3], "common", r"0\.\.2"),
        ([1, 2, 3], [1, 1], "common", "increasing"),
        ([1, 2, 3], [0, np.nan], "common", "increasing"),
        ([1, 2, 3], ["a", "b"], "common", "positions"),
        ([1, 2, 3], [0, 2], "rolling", "'each'"),
        ([1, 2, 3], [0, 2], (1, 2, 3), "two heights"),
        ([1, np.nan, 3], [0, 2], "common", "NaN"),
        ([[1, 2], [3, 4]], [0, 1], "common", r"\(2, 2\)"),
        ("abc", [0, 1], "common", "something else"),
    ],
)
def test_what_makes_no_sense_is_refused(profile: object, bounds: list, baseline: object, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        peak_areas(profile, bounds, baseline=baseline)  # type: ignore[arg-type]
