"""Signal, lanes, bands, backgrounds and volumes of blots, against blots whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from exoimage.errors import MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.methods import blot_backgrounds, blot_bands, blot_lanes, blot_signal, blot_volumes, synth
from exoimage.methods.gels import Lane


def signal_of(truth: synth.BlotPicture) -> np.ndarray:
    return blot_signal.to_signal(truth.pixels, truth.dark, truth.max_value)


def lanes_of(truth: synth.BlotPicture, count: int = 0) -> blot_lanes.BlotLanes:
    signal = signal_of(truth)
    return blot_lanes.find_lanes(signal, blot_signal.band_sigma(signal), count)


def middles(lanes: blot_lanes.BlotLanes) -> np.ndarray:
    return np.array([lane.x + lane.width / 2 for lane in lanes.lanes])


def test_the_generator_keeps_its_word() -> None:
    blot = synth.Blot(lanes=5, empty=(3,), electrons=np.inf, read_noise=0.0, offset=0.0, spread=0.3)
    truth = synth.blot_picture(blot, (260, 260), seed=2)
    assert truth.lane.tolist() == [0, 1, 2, 4] * 2
    for y, x, volume, peak in zip(truth.y_px, truth.x_px, truth.volume, truth.peak, strict=True):
        own = truth.pixels[int(y) - 17 : int(y) + 18, int(x) - 20 : int(x) + 20].astype(float)
        assert own.sum() == pytest.approx(volume, rel=1e-3)
        assert own.max() == pytest.approx(peak, rel=0.02)
    assert not truth.saturated.any()
    bright = synth.blot_picture(synth.Blot(lanes=3, brightest=2.0, spread=0), (200, 150), seed=2)
    assert bright.saturated.all()
    assert bright.pixels.max() == 65535
    dark = synth.blot_picture(synth.Blot(lanes=3, brightest=2.0, spread=0), (200, 150), dark=True, seed=2)
    np.testing.assert_array_equal(dark.pixels, 65535 - bright.pixels)
    with pytest.raises(RecipeError, match="do not fit"):
        synth.blot_picture(synth.Blot(lanes=30), (200, 150))


@pytest.mark.parametrize("seed", range(6))
def test_dark_and_bright_bands_are_told_apart(seed: int) -> None:
    truth = synth.random_blot(seed)
    decision = blot_signal.find_polarity(truth.pixels)
    assert (decision.dark, decision.sure) == (truth.dark, True)
    assert blot_signal.find_polarity(truth.max_value - truth.pixels).dark is not truth.dark


def test_noise_and_even_pictures_decide_nothing() -> None:
    noise = np.random.default_rng(0).normal(900, 30, (200, 300)).astype(np.uint16)
    assert not blot_signal.find_polarity(noise).sure
    assert not blot_signal.find_polarity(np.zeros((50, 60), np.uint8)).sure


def test_a_pile_below_the_limit_is_a_limit_and_a_smooth_peak_is_none() -> None:
    rng = np.random.default_rng(1)
    rows = 3000 * np.exp(-0.5 * ((np.arange(120) - 60) / 9.0) ** 2)
    plane = np.rint(np.broadcast_to(rows[:, np.newaxis], (120, 200)) + rng.normal(400, 12, (120, 200))).astype(
        np.uint16
    )
    assert not blot_signal.saturated_pixels(plane, False, 65535).any()
    clipped = np.minimum(plane, 2500)
    np.testing.assert_array_equal(blot_signal.saturated_pixels(clipped, False, 65535), clipped == 2500)
    turned = 65535 - clipped
    np.testing.assert_array_equal(blot_signal.saturated_pixels(turned, True, 65535), clipped == 2500)
    quiet = np.rint(rows / 20 + 5)[:, np.newaxis].repeat(50, axis=1).astype(np.uint8)  # eight bits, no noise
    assert not blot_signal.saturated_pixels(quiet, False, 255).any()


@pytest.mark.parametrize(
    ("blot", "shape"),
    [
        (synth.Blot(lanes=1), (200, 160)),
        (synth.Blot(lanes=2), (200, 200)),
        (synth.Blot(lanes=16, pitch_px=24, sigma_px=3), (240, 420)),
        (synth.Blot(lanes=9, empty=(3, 4)), (260, 400)),
        (synth.Blot(lanes=7, tilt_deg=3.0), (320, 340)),
        (synth.Blot(lanes=8, smile_px=10), (260, 360)),
        (synth.Blot(lanes=8, cut=0.4), (260, 360)),
        (synth.Blot(lanes=6, rows=(0.5,), fill=0.93, haze=0.01), (90, 270)),
    ],
)
def test_lanes_are_where_they_are(blot: synth.Blot, shape: tuple[int, int]) -> None:
    truth = synth.blot_picture(blot, shape, seed=3)
    found = lanes_of(truth)
    assert len(found.lanes) == blot.lanes
    whole = slice(int(blot.cut > 0), None)
    np.testing.assert_allclose(middles(found)[whole], truth.lane_x_px[whole], atol=0.1 * blot.pitch_px)
    assert found.flags == ()
    assert found.cut == (blot.cut > 0, *[False] * (blot.lanes - 1))
    if len(blot.rows) > 1 and blot.tilt_deg:
        assert found.slope == pytest.approx(truth.slope, abs=0.012)


def test_the_number_of_lanes_may_be_given() -> None:
    truth = synth.blot_picture(synth.Blot(lanes=6), (220, 300), seed=1)
    assert len(lanes_of(truth, 5).lanes) == 5
    assert len(lanes_of(truth, 6).lanes) == 6
    assert blot_lanes.find_lanes(np.zeros((50, 80), np.float32), 2.0).lanes == ()
    even = blot_lanes.find_lanes(np.zeros((50, 80), np.float32), 2.0, 4)
    assert [lane.x for lane in even.lanes] == [0, 20, 40, 60]
    assert even.flags == (Flag.LANES_UNCERTAIN,)
    with pytest.raises(MeasureError, match="do not fit"):
        lanes_of(truth, 500)
    with pytest.raises(MeasureError, match="number"):
        lanes_of(truth, -1)


def test_given_lanes_are_checked() -> None:
    with pytest.raises(MeasureError, match="does not lie within"):
        blot_lanes.given_lanes([(30, 0, 20, 50)], (50, 40))
    with pytest.raises(MeasureError, match="no lane"):
        blot_lanes.given_lanes([], (50, 40))


@settings(max_examples=30)
@given(st.floats(-0.09, 0.09), st.integers(5, 60), st.integers(20, 60))
def test_upright_changes_no_value_and_comes_back(slope: float, height: int, width: int) -> None:
    plane = np.arange(height * width).reshape(height, width)
    there = blot_lanes.upright(plane, slope)
    back = blot_lanes.upright(there, slope, back=True)
    margin = int(abs(slope) * height / 2) + 1
    inner = slice(margin, width - margin)
    np.testing.assert_array_equal(back[:, inner], plane[:, inner])
    assert np.isin(there, plane).all()


def test_rows_smile_and_a_lane_without_a_band_has_its_place_in_them() -> None:
    blot = synth.Blot(lanes=9, rows=(0.2, 0.75), smile_px=12, missing=0.25, sigma_px=3.0)
    truth = synth.blot_picture(blot, (300, 400), seed=6)
    signal = signal_of(truth)
    grid = blot_bands.find_bands(signal, lanes_of(truth), blot_signal.band_sigma(signal))
    assert grid.found.shape == (2, 9)
    there = np.zeros((2, 9), bool)
    there[truth.row, truth.lane] = True
    assert not there.all()
    np.testing.assert_array_equal(grid.found, there)
    np.testing.assert_allclose(grid.y_px[truth.row, truth.lane], truth.y_px, atol=0.3)
    across = truth.lane_x_px - 200
    for row, middle in enumerate((0.2, 0.75)):
        course = 36 + 0.76 * 300 * middle + 12 * (across / 200) ** 2
        np.testing.assert_allclose(grid.y_px[row], course, atol=2.5)
    assert (grid.bottom > grid.y_px).all()
    assert (grid.top < grid.y_px).all()


def test_a_smudge_beside_the_lanes_is_no_lane() -> None:
    truth = synth.blot_picture(synth.Blot(lanes=6, rows=(0.6,)), (260, 340), seed=2)
    pixels = truth.pixels.astype(np.float32)
    pixels[40:48, 15:40] += 9000
    found = blot_lanes.find_lanes(pixels, 4.0)
    grid = blot_bands.find_bands(pixels, found, 4.0)
    assert len(grid.lanes.lanes) == 6
    kept = blot_bands.find_bands(pixels, found, 4.0, keep_all=True)
    assert len(kept.lanes.lanes) == len(found.lanes) == 7


def test_band_rectangles_belong_to_one_lane_each() -> None:
    lanes = blot_lanes.given_lanes([(0, 0, 20, 50), (20, 0, 20, 50)], (50, 40))
    with pytest.raises(MeasureError, match=r"lane 2 .* holds the middle of 0 of the 1"):
        blot_bands.given_bands([Lane(3, 5, 10, 8)], lanes)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 1000), min_size=3, max_size=40))
def test_a_rubber_band_is_the_lower_convex_hull(heights: list[int]) -> None:
    profile = np.array(heights, float)
    band = blot_backgrounds.rubber_band(profile)
    assert (band <= profile + 1e-9).all()
    assert (np.diff(band, 2) >= -1e-9).all()
    places = np.arange(len(profile))
    if np.ptp(profile - np.polyval(np.polyfit(places, profile, 1), places)) > 1e-6:
        hull = ConvexHull(np.stack([places, profile], axis=1))
        touching = np.flatnonzero(np.isclose(band, profile))
        lower = {int(v) for s, e in zip(hull.simplices, hull.equations, strict=True) if e[1] < -1e-9 for v in s}
        assert lower <= set(touching.tolist())


def test_backgrounds_by_hand() -> None:
    rng = np.random.default_rng(0)
    signal = rng.uniform(100, 900, (60, 30)).astype(np.float32)
    box, lane = np.array([[20, 35, 8, 22]]), np.array([[0, 60]])
    grounds = blot_backgrounds.prepare(signal, 20.0)
    rows = signal[20:35, 8:22].astype(float)
    volumes = {name: blot_backgrounds.volumes(grounds, box, lane, name)[0] for name in blot_backgrounds.BACKGROUNDS}
    assert volumes["none"] == pytest.approx(rows.sum())
    profile = rows.mean(axis=1)
    line = np.linspace(profile[0], profile[-1], 15)
    assert volumes["straight-line"] == pytest.approx(
        14 * ((profile - line)[1:] + (profile - line)[:-1]).sum() / 2, rel=1e-6
    )
    frame = np.ones((21, 20), bool)
    frame[3:-3, 3:-3] = False
    assert volumes["local"] == pytest.approx(rows.sum() - 210 * np.median(signal[17:38, 5:25][frame]), rel=1e-6)
    assert volumes["rolling-ball"] == pytest.approx((rows - grounds.ball[20:35, 8:22]).sum(), rel=1e-6)
    with pytest.raises(MeasureError, match="no background"):
        blot_backgrounds.volumes(grounds, box, lane, "guess")


@pytest.mark.parametrize("method", blot_backgrounds.BACKGROUNDS[1:])
def test_every_background_of_an_even_slope_leaves_the_band(method: str) -> None:
    truth = synth.blot_picture(
        synth.Blot(lanes=1, rows=(0.5,), offset=0.1, gradient=0.04, read_noise=0.0002, electrons=np.inf),
        (240, 120),
        seed=1,
    )  # fmt: skip
    signal = signal_of(truth)
    y, x = int(truth.y_px[0]), int(truth.x_px[0])
    box, lane = np.array([[y - 16, y + 17, x - 17, x + 18]]), np.array([[0, 240]])
    volume = blot_backgrounds.volumes(blot_backgrounds.prepare(signal, 40), box, lane, method)[0]
    assert volume == pytest.approx(truth.volume[0], rel=0.02)


def test_noise_and_limit_are_those_of_empty_places() -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(500, 10, (2000, 60)).astype(np.float32)
    lanes = blot_lanes.given_lanes([(5, 0, 20, 2000), (30, 0, 20, 2000)], signal.shape)
    grid = blot_bands.whole_lanes(lanes)
    nothing = blot_bands.BandGrid(lanes, *(np.zeros((0, 2), kind) for kind in (float, int, int, bool)), np.zeros(2))
    boxes = np.array([[1000, 1012, 5, 25], [1000, 1012, 30, 50]])
    found = blot_volumes.blanks(blot_backgrounds.prepare(signal, 50), boxes, nothing, "none", 4.0)
    np.testing.assert_allclose(found.mean, 500 * 240, rtol=0.002)
    np.testing.assert_allclose(found.noise, 10 * np.sqrt(240), rtol=0.25)
    np.testing.assert_allclose(found.limit, found.mean + 3 * found.noise)
    assert grid.found.all()
    short = blot_volumes.blanks(blot_backgrounds.prepare(signal[:20], 50), np.array([[4, 16, 5, 25], [4, 16, 30, 50]]),
                                blot_bands.BandGrid(blot_lanes.given_lanes([(5, 0, 20, 20), (30, 0, 20, 20)], (20, 60)),
                                                    *(np.zeros((0, 2), kind) for kind in (float, int, int, bool)),
                                                    np.zeros(2)), "none", 4.0)  # fmt: skip
    np.testing.assert_allclose(short.noise, 10 * np.sqrt(240), rtol=0.25)
