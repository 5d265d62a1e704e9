from __future__ import annotations

import cv2
import numpy as np
import pytest
import tifffile
from backgrounds import random_background
from hypothesis import given, settings
from hypothesis import strategies as st
from matching import f1
from support import real_folder

from exoimage.errors import MeasureError
from exoimage.flags import Flag
from exoimage.methods import fluorescent_nuclei, network_maps, network_nuclei, network_views, synth
from exoimage.methods.network_nuclei import find_nuclei
from exoimage.methods.network_views import Levels, levels_of

DSB = real_folder() / "nuclei_dsb2018"
IDCIA = real_folder() / "proliferation_idcia"


@pytest.mark.parametrize("diameter", [8, 14, 24, 40, 80])
def test_nuclei_of_any_size_are_counted_and_outlined(diameter: int) -> None:
    edge = 20 * diameter
    field = synth.cell_field((edge, edge), synth.CellPopulation(count=80, diameter_px=diameter), seed=diameter)
    nuclei = find_nuclei(field.pixels[..., 0])
    assert nuclei.count == pytest.approx(field.count, rel=0.03)
    assert f1(nuclei.labels, field.labels) > 0.95


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25, 1.6])
def test_a_diameter_that_is_somewhat_wrong_costs_little(factor: float) -> None:
    cells = synth.CellPopulation(count=120, diameter_px=22, touching=0.4)
    field = synth.cell_field((512, 640), cells, seed=4)
    nuclei = find_nuclei(field.pixels[..., 0], typical_diameter=22 * factor)
    assert nuclei.count == pytest.approx(field.count, rel=0.04)
    assert f1(nuclei.labels, field.labels) > 0.93


def test_dim_nuclei_beside_bright_ones_and_crowds_are_found() -> None:
    crowd = synth.CellPopulation(count=160, diameter_px=22, touching=0.7, overlap=0.12, brightness_spread=0.8)
    field = synth.cell_field((512, 640), crowd, haze=synth.Haze(cloud=0.01, halo=0.2), seed=9)
    plane = field.pixels[..., 0]
    found, classical = find_nuclei(plane), fluorescent_nuclei.find_nuclei(plane)
    assert found.count == pytest.approx(field.count, rel=0.05)
    assert f1(found.labels, field.labels) > max(0.9, f1(classical.labels, field.labels))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.integers(60, 300), st.integers(60, 300), st.sampled_from([64, 72, 100, 200]))
def test_tiles_change_nothing(seed: int, height: int, width: int, tile_px: int) -> None:
    field = synth.cell_field((height, width), synth.CellPopulation(count=40, diameter_px=18), seed=seed)
    whole = find_nuclei(field.pixels[..., 0], typical_diameter=18, tile_px=10_000)
    tiled = find_nuclei(field.pixels[..., 0], typical_diameter=18, tile_px=tile_px)
    np.testing.assert_array_equal(whole.labels, tiled.labels)
    assert whole.count == tiled.count


def test_what_is_further_away_than_the_reach_changes_no_answer() -> None:
    rng = np.random.default_rng(0)
    one = rng.random((192, 192)).astype(np.float32)
    other = one.copy()
    edge = 96 + network_maps.REACH_PX
    other[edge:], other[:, edge:] = 5, -3
    first, second = (network_maps.maps_of(plane, Levels(0, 1)) for plane in (one, other))
    np.testing.assert_allclose(first.foreground[:97, :97], second.foreground[:97, :97], atol=1e-5)
    assert np.abs(first.foreground - second.foreground).max() > 1


@given(st.floats(0.01, 300), st.floats(-1000, 5000))
@settings(max_examples=8, deadline=None)
def test_gain_and_offset_change_nothing(gain: float, offset: float) -> None:
    plane = synth.cell_field((160, 200), synth.CellPopulation(count=20), seed=2).pixels[..., 0].astype(np.float32)
    one, other = find_nuclei(plane, typical_diameter=24), find_nuclei(plane * gain + offset, typical_diameter=24)
    assert one.count == other.count > 10
    assert f1(other.labels, one.labels) > 0.97


def test_the_plane_is_left_as_it_was_and_types_do_not_matter() -> None:
    plane = synth.cell_field((160, 200), synth.CellPopulation(count=20), seed=2).pixels[..., 0]
    before = plane.copy()
    labels = find_nuclei(plane, typical_diameter=24).labels
    np.testing.assert_array_equal(plane, before)
    np.testing.assert_array_equal(find_nuclei(plane.astype(np.float32), typical_diameter=24).labels, labels)
    assert labels.dtype == np.int32


@pytest.mark.parametrize("background", [0, 100])
@pytest.mark.parametrize("count", [1, 6, 30])
def test_a_few_nuclei_in_a_large_field_are_found_in_their_size(count: int, background: int) -> None:
    """Less than the percentile that is shown as bright: they decide it none the less."""
    rng = np.random.default_rng(count)
    plane = np.full((1500, 1500), float(background)) + (rng.normal(0, 2, (1500, 1500)) if background else 0)
    places = rng.permutation(100)[:count]
    y, x = np.mgrid[:1500, :1500]
    for place in places:
        row, column = 75 + 150 * (place // 10), 75 + 150 * (place % 10)
        plane += 3000 / (1 + np.exp(np.minimum((np.hypot(y - row, x - column) - 11) / 0.8, 50)))
    nuclei = find_nuclei(np.clip(plane, 0, 65535).astype(np.uint16), typical_diameter=22)
    assert nuclei.count == count
    areas = np.bincount(nuclei.labels.ravel())[1:]
    assert np.median(areas) == pytest.approx(np.pi * 11**2, rel=0.15)


def test_a_strip_of_one_pixel_holds_nothing() -> None:
    strip = np.zeros((3, 400), np.uint8)
    strip[:, ::9] = 200
    assert find_nuclei(strip, typical_diameter=60).count == 0


def test_small_nuclei_are_not_enlarged_beyond_need() -> None:
    """Memory would grow with the square: 8 px would ask for 6 times the plane."""
    seen: list[tuple[int, ...]] = []
    field = synth.cell_field((300, 300), synth.CellPopulation(count=60, diameter_px=8), seed=1)
    plain = network_maps.maps_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            network_nuclei, "maps_of", lambda plane, *a, **k: seen.append(plane.shape) or plain(plane, *a, **k)
        )
        assert find_nuclei(field.pixels[..., 0], typical_diameter=8).count == pytest.approx(field.count, rel=0.05)
    assert seen == [(600, 600)]


# ---- fields without nuclei


@pytest.mark.parametrize("diameter", [0.0, 10.0, 24.0, 60.0])
def test_even_saturated_and_striped_planes_hold_no_nucleus(diameter: float) -> None:
    stripes = np.zeros((300, 400), np.uint8)
    stripes[::2] = 255
    for plane in (np.zeros_like(stripes), np.full_like(stripes, 255), stripes, stripes.T.copy(), 7 + stripes // 200):
        assert find_nuclei(plane, typical_diameter=diameter).count == 0


@pytest.mark.parametrize("blur", [0, 1, 2, 4])
@pytest.mark.parametrize("offset", [0, 2, 20])
@pytest.mark.parametrize("noise", [1, 8])
def test_noise_of_any_grain_is_no_nuclei_also_where_black_is_cut(noise: int, offset: int, blur: int) -> None:
    for seed, diameter in enumerate((0.0, 12.0, 30.0)):
        grain = np.random.default_rng(seed).normal(0, noise, (200, 260)).astype(np.float32)
        if blur:
            grain = cv2.GaussianBlur(grain, (0, 0), blur) * np.float32(2 * blur)
        plane = np.clip(np.rint(offset + grain), 0, 255).astype(np.uint8)
        assert find_nuclei(plane, typical_diameter=diameter).count == 0


@pytest.mark.parametrize("diameter", [0.0, 24.0])
def test_one_huge_nucleus_is_not_a_field_of_cells(diameter: float) -> None:
    y, x = np.mgrid[:512, :512]
    grain = np.random.default_rng(1).normal(0, 4, (512, 512))
    huge = np.clip(20 + 150 / (1 + np.exp((np.hypot(y - 250, x - 260) - 190) / 3)) + grain, 0, 255).astype(np.uint8)
    assert find_nuclei(huge, typical_diameter=diameter).count <= 1


def test_random_backgrounds_hold_next_to_no_nuclei() -> None:
    """500 of them; the study says how wide nuclei are, or the picture itself has to."""
    edge, found = 160, 0
    for seed in range(500):
        diameter = (0.0, 12.0, 24.0, 40.0)[seed % 4]
        found += find_nuclei(random_background(edge, seed), typical_diameter=diameter).count
    assert found <= 500 * edge**2 / 1e6


def test_wrong_input_is_refused() -> None:
    with pytest.raises(MeasureError, match="pick one channel"):
        find_nuclei(np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(MeasureError, match="magnify"):
        find_nuclei(np.zeros((50, 50), np.uint8), typical_diameter=2)
    with pytest.raises(MeasureError, match="not finite"):
        find_nuclei(np.full((50, 50), np.nan, np.float32))


def test_small_planes_are_no_trouble() -> None:
    for shape in ((1, 1), (3, 50), (9, 9)):
        plane = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
        assert find_nuclei(plane, typical_diameter=12).labels.shape == shape


def test_saturation_is_flagged() -> None:
    field = synth.cell_field((200, 240), synth.CellPopulation(count=20, brightness=0.5), seed=3)
    plane = np.minimum(field.pixels[..., 0].astype(int) * 4, 255).astype(np.uint8)
    assert find_nuclei(plane, typical_diameter=24).flags == (Flag.SATURATED,)


# ---- the network's file


def test_the_network_is_small() -> None:
    assert len(network_maps.weights()) < 4e6
    assert int(network_maps.weights_sha256(), 16) > 0


def test_views_show_dim_nuclei_beside_bright_ones() -> None:
    linear, compressed = network_views.views(np.array([[0.0, 0.05, 1.0]]), Levels(0, 1))[:, 0]
    assert compressed[1] > 5 * linear[1]
    np.testing.assert_allclose(compressed[[0, 2]], [0, 1], atol=1e-6)


def test_levels_are_percentiles_unless_few_pixels_outshine_them() -> None:
    plane = np.random.default_rng(0).normal(100, 10, (1500, 1600)).astype(np.float32)
    levels = levels_of(plane)
    assert levels.low == pytest.approx(100 - 23.3, abs=0.3)
    assert levels.high == pytest.approx(100 + 28.8, abs=0.7)
    plane[:20, :20] = 1000
    assert levels_of(plane).high == pytest.approx(levels.low + (1000 - levels.low) / network_views.MOST, rel=0.01)
    plane[:20, :20] = 100
    plane[0, :30] = 60_000  # hot pixels
    assert levels_of(plane).high == pytest.approx(levels.high, abs=1)


# ---- real pictures


@pytest.mark.real
@pytest.mark.skipif(not DSB.is_dir(), reason="the drawn nuclei of BBBC038 are not here")
def test_nuclei_drawn_by_hand_are_found_better_than_by_threshold() -> None:
    """68 pictures that training never saw."""
    scores: dict[str, list[tuple[float, float, float]]] = {}
    for image in sorted(DSB.glob("*/images/*.tif")):
        plane, truth = tifffile.imread(image), tifffile.imread(image.parents[1] / "masks" / image.name)
        found, classical = find_nuclei(plane), fluorescent_nuclei.find_nuclei(plane)
        drawn = len(np.unique(truth[truth > 0]))
        one = (f1(found.labels, truth), abs(found.count - drawn) / drawn, f1(classical.labels, truth))
        scores.setdefault(image.parents[1].name, []).append(one)
    every = np.concatenate([np.array(one) for one in scores.values()])
    assert every[:, 0].mean() >= 0.92
    assert every[:, 0].mean() > every[:, 2].mean()
    usual = np.array(scores["520x696"])
    assert usual[:, 0].mean() >= 0.94
    assert np.median(usual[:, 1]) <= 0.025


@pytest.mark.real
@pytest.mark.skipif(not IDCIA.is_dir(), reason="the dotted nuclei of IDCIA are not here")
def test_nuclei_dotted_by_hand_are_counted() -> None:
    found = dotted = 0
    for image in sorted(IDCIA.glob("*_DAPI.tiff")):
        found += find_nuclei(tifffile.imread(image)).count
        dotted += len(np.loadtxt(image.with_suffix(".csv"), delimiter=",", skiprows=1, usecols=(5, 6), ndmin=2))
    assert found == pytest.approx(dotted, rel=0.05)


@pytest.mark.real
@pytest.mark.skipif(not DSB.is_dir(), reason="the drawn nuclei of BBBC038 are not here")
def test_real_nuclei_in_tiles_are_the_same() -> None:
    image = min(DSB.glob("520x696/images/*.tif"))
    plane = tifffile.imread(image)
    whole, tiled = (find_nuclei(plane, tile_px=edge).labels for edge in (10_000, 128))
    np.testing.assert_array_equal(whole, tiled)


def test_threads_change_nothing() -> None:
    plane = synth.cell_field((256, 300), synth.CellPopulation(count=50), seed=6).pixels[..., 0]
    threads = cv2.getNumThreads()
    try:
        answers = []
        for number in (1, 2):
            cv2.setNumThreads(number)
            answers.append(find_nuclei(plane, typical_diameter=24).labels)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*answers)
