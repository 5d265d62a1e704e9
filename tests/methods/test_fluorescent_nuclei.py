from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matching import f1
from support import real_folder

from exoimage.errors import MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.methods import synth
from exoimage.methods.fluorescent_nuclei import estimate_diameter, find_nuclei
from exoimage.methods.nuclei import apply_edge_rule

DSB = real_folder() / "nuclei_dsb2018"
IDCIA = real_folder() / "proliferation_idcia"


@pytest.mark.parametrize("diameter", [9, 14, 24, 60])
def test_nuclei_of_any_size_are_counted_and_outlined(diameter: int) -> None:
    edge = 25 * diameter
    field = synth.cell_field((edge, edge), synth.CellPopulation(count=120, diameter_px=diameter), seed=diameter)
    nuclei = find_nuclei(field.pixels[..., 0])
    assert nuclei.typical_diameter == pytest.approx(diameter, rel=0.2)
    assert nuclei.count == pytest.approx(field.count, rel=0.02)
    assert f1(nuclei.labels, field.labels) > 0.95


def test_a_plane_is_not_even_because_some_of_its_columns_are() -> None:
    """20,000 pixels are looked at; at this width they once lay in five columns."""
    plane = np.zeros((2000, 4000), np.uint8)
    yy, xx = np.mgrid[:20, :20]
    disc = ((yy - 9.5) ** 2 + (xx - 9.5) ** 2 < 90) * np.uint8(200)
    for row in range(60, 1900, 150):
        for column in range(60, 3900, 150):
            plane[row : row + 20, column : column + 20] = disc
    assert find_nuclei(cv2.GaussianBlur(plane, (5, 5), 1)).count == 13 * 26


def test_the_size_is_found_where_the_nuclei_are() -> None:
    """They lie in a corner, away from the middle that is looked at first."""
    plane = np.full((2400, 2400), 10, np.uint8)
    field = synth.cell_field((300, 300), synth.CellPopulation(count=30, diameter_px=22), seed=1)
    plane[100:400, 100:400] = np.maximum(field.pixels[..., 0], 10)
    assert estimate_diameter(plane) == pytest.approx(22, rel=0.2)


@pytest.mark.parametrize("seed", [0, 1])
def test_five_hundred_nuclei_a_fifth_touching_are_counted_within_two_percent(seed: int) -> None:
    field = synth.cell_field((900, 1000), synth.CellPopulation(count=500, touching=0.2), seed=seed)
    assert field.count > 480
    assert find_nuclei(field.pixels[..., 0]).count == pytest.approx(field.count, rel=0.02)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_bit_depths_and_floats_give_the_same_nuclei(bits: int) -> None:
    camera = synth.Camera(blur_px=1, electrons=4000, bits=bits)
    field = synth.cell_field((300, 360), synth.CellPopulation(count=40), camera=camera, seed=5)
    plane = field.pixels[..., 0]
    found = find_nuclei(plane)
    assert found.count == field.count
    as_float = find_nuclei(plane.astype(np.float32) / camera.max_value)
    assert as_float.count == found.count
    assert np.mean(as_float.labels != found.labels) < 0.002
    assert found.labels.dtype == np.int32


def test_dim_nuclei_beside_bright_ones_keep_their_outline() -> None:
    y, x = np.mgrid[:120, :160]
    truth = np.zeros(y.shape, np.int32)
    truth[(y - 60) ** 2 + (x - 60) ** 2 < 196], truth[(y - 60) ** 2 + (x - 95) ** 2 < 196] = 1, 2
    light = cv2.GaussianBlur(np.array([10, 210, 40], np.float32)[truth], (0, 0), 1.5)
    nuclei = find_nuclei(light, typical_diameter=28)
    assert nuclei.count == 2
    assert f1(nuclei.labels, truth, 0.85) == 1


def test_an_offset_a_scale_and_a_slope_change_little() -> None:
    field = synth.cell_field((300, 360), synth.CellPopulation(count=40), seed=7)
    plane = field.pixels[..., 0].astype(np.float32)
    slope = np.linspace(0, 40, plane.shape[1], dtype=np.float32)
    for other in (plane + 300, plane * 7, plane + slope):
        assert f1(find_nuclei(other, typical_diameter=24).labels, field.labels) > 0.97


@settings(max_examples=25, deadline=None)
@given(
    noise=st.floats(0, 30),
    blur=st.sampled_from([0.0, 1.0, 2.0]),
    offset=st.floats(0, 120),
    slope=st.floats(0, 100),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    diameter=st.sampled_from([0, 12, 30]),
    seed=st.integers(0, 10_000),
)
def test_noise_and_uneven_light_are_no_nuclei(
    noise: float, blur: float, offset: float, slope: float, dtype: type, diameter: float, seed: int
) -> None:
    # Where black is cut, peaks of noise alone are left, and a threshold takes them for nuclei; the network does not.
    assume(dtype is np.float32 or offset >= 3 * noise)
    grain = np.random.default_rng(seed).normal(0, noise, (200, 260)).astype(np.float32)
    if blur:
        grain = cv2.GaussianBlur(grain, (0, 0), blur) * np.float32(2 * blur)
    light = offset + slope * np.linspace(0, 1, 260) * np.linspace(0.3, 1, 200)[:, np.newaxis] + grain
    plane = light.astype(np.float32) if dtype is np.float32 else np.clip(np.rint(light), 0, 255).astype(dtype)
    assert find_nuclei(plane, typical_diameter=diameter).count == 0


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (3, 200), (7, 9), (60, 60)])
def test_even_planes_of_any_shape_have_none(shape: tuple[int, int]) -> None:
    for value in (0, 7, 255):
        for diameter in (0.0, 20.0):
            nuclei = find_nuclei(np.full(shape, value, np.uint8), typical_diameter=diameter)
            assert nuclei.count == 0
            assert nuclei.labels.shape == shape
    assert estimate_diameter(np.zeros(shape, np.uint16)) == 0


def test_debris_is_counted_apart_and_small_bright_nuclei_are_nuclei() -> None:
    cells = synth.CellPopulation(count=90, mitotic=0.1, apoptotic=0.05)
    field = synth.cell_field((560, 640), cells, seed=2)
    plane = field.pixels[..., 0].copy()
    assert find_nuclei(plane).count == pytest.approx(field.count, rel=0.03)
    free = cv2.distanceTransform((field.labels == 0).astype(np.uint8), cv2.DIST_L2, 5) > 12
    places = np.argwhere(free[20:-20, 20:-20])[::4001] + 20
    for y, x in places:
        plane[y - 1 : y + 2, x - 1 : x + 2] = 150
    again = find_nuclei(plane)
    assert again.count == pytest.approx(field.count, rel=0.03)


def test_saturation_is_flagged_from_the_value_given() -> None:
    field = synth.cell_field((200, 240), synth.CellPopulation(count=20), seed=1)
    plane = np.minimum(field.pixels[..., 0].astype(np.uint16) * 30, 4095).astype(np.uint16)
    assert Flag.SATURATED in find_nuclei(plane, max_value=4095).flags
    assert find_nuclei(plane).flags == ()


def test_the_answer_is_the_same_with_any_number_of_threads_and_inputs_stay() -> None:
    plane = synth.cell_field((400, 500), synth.CellPopulation(count=80), seed=9).pixels[..., 0].copy()
    before, threads = plane.copy(), cv2.getNumThreads()
    try:
        answers = []
        for count in (1, 2):
            cv2.setNumThreads(count)
            answers.append(find_nuclei(plane).labels)
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(plane, before)


def test_labels_are_connected_and_without_gaps() -> None:
    labels = find_nuclei(synth.cell_field((400, 500), synth.CellPopulation(count=80), seed=3).pixels[..., 0]).labels
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    for number in range(1, 20):
        assert cv2.connectedComponents((labels == number).astype(np.uint8))[0] == 2


def test_edge_rules() -> None:
    field = synth.cell_field((300, 300), synth.CellPopulation(count=60), seed=4)
    labels = field.labels
    half, inner = apply_edge_rule(labels, "half"), apply_edge_rule(labels, "exclude")
    assert np.array_equal(apply_edge_rule(labels, "count") > 0, labels > 0)
    assert inner.max() < half.max() < labels.max()
    assert not half[-1].any()
    assert not half[:, -1].any()
    assert half[0].any() or half[:, 0].any()
    assert not any(edge.any() for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]))
    with pytest.raises(MeasureError, match="half"):
        apply_edge_rule(labels, "some")  # type: ignore[arg-type]
    assert apply_edge_rule(np.zeros((4, 4), np.int32), "half").max() == 0


def test_half_counts_each_nucleus_of_neighbouring_fields_once() -> None:
    # Objects whose lower right end lies in a tile are counted there, so that tiles of a plane add up to the whole.
    whole = synth.cell_field((400, 400), synth.CellPopulation(count=70, touching=0), seed=8).labels
    tiles = [whole[y : y + 200, x : x + 200] for y in (0, 200) for x in (0, 200)]
    naive = sum(len(np.unique(tile[tile > 0])) for tile in tiles)
    halves = sum(int(apply_edge_rule(tile, "half").max()) for tile in tiles)
    kept = int(apply_edge_rule(whole, "half").max())
    assert abs(halves - kept) < naive - kept


def test_bad_input_is_refused() -> None:
    with pytest.raises(MeasureError, match="one channel"):
        find_nuclei(np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(MeasureError, match="4 px"):
        find_nuclei(np.zeros((50, 50), np.uint8), typical_diameter=2)
    with pytest.raises(MeasureError, match="finite"):
        find_nuclei(np.full((50, 50), np.nan, np.float32))
    with pytest.raises(RecipeError):
        synth.CellPopulation(positive=1.2)


def test_the_field_is_what_was_asked_for() -> None:
    field = synth.cell_field((500, 500), synth.CellPopulation(count=100, positive=0.3), seed=6)
    assert field.positive_pct == pytest.approx(30, abs=1)
    marker = [field.pixels[..., 1][field.labels == number].mean() for number in range(1, field.count + 1)]
    assert min(np.array(marker)[field.positive]) > max(np.array(marker)[~field.positive])


@pytest.mark.real
@pytest.mark.skipif(not DSB.is_dir(), reason="needs nuclei_dsb2018 in EXOIMAGE_REAL")
def test_nuclei_drawn_by_hand_are_found() -> None:
    scores: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(DSB.glob("*/images/*.tif")):
        truth = tifffile.imread(path.parent.parent / "masks" / path.name).astype(np.int32)
        labels = find_nuclei(tifffile.imread(path)).labels
        count = len(np.unique(truth[truth > 0]))
        error = abs(int(labels.max()) - count) / count
        scores.setdefault(_folder(path), []).append((f1(labels, truth), error))
    main = np.array(scores["520x696"])
    assert main[:, 0].mean() >= 0.93
    assert np.median(main[:, 1]) <= 0.03
    assert np.mean([score for images in scores.values() for score, _ in images]) >= 0.86


@pytest.mark.real
@pytest.mark.skipif(not IDCIA.is_dir(), reason="needs proliferation_idcia in EXOIMAGE_REAL")
def test_counts_agree_with_dots_set_by_hand() -> None:
    pairs = []
    for path in sorted(IDCIA.glob("*_DAPI.tiff")):
        dots = len(path.with_suffix(".csv").read_text().splitlines()) - 1
        pairs.append((find_nuclei(tifffile.imread(path)).count, dots))
    found, drawn = np.array(pairs).T
    assert found.sum() == pytest.approx(drawn.sum(), rel=0.05)
    assert np.median(np.abs(found - drawn) / drawn) <= 0.08


def _folder(path: Path) -> str:
    return path.parent.parent.name
