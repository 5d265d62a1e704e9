from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from support import real_folder

from exoimage.errors import MeasureError
from exoimage.images.reading import read
from exoimage.methods._puncta_noise import noise_cut
from exoimage.methods.puncta import Puncta, disc_mask, find_puncta
from exoimage.methods.synth import Uptake, UptakeField, uptake_field


def _matches(found: Puncta, places: npt.NDArray[np.float64], within: float) -> list[tuple[int, int]]:
    """Pairs of a punctum and a true place, nearest first, each of them once."""
    if not found.count or not len(places):
        return []
    own = np.column_stack([found.y_px, found.x_px])
    near = cKDTree(own).query_ball_point(places, within)
    pairs = sorted((float(np.hypot(*(own[i] - places[k]))), i, k) for k, some in enumerate(near) for i in some)
    pairs_kept: list[tuple[int, int]] = []
    for _, i, k in pairs:
        if all(i != one and k != other for one, other in pairs_kept):
            pairs_kept.append((i, k))
    return pairs_kept


def _truth(field: UptakeField) -> npt.NDArray[np.float64]:
    return np.column_stack([field.y_px, field.x_px])


def _recall_and_precision(uptake: Uptake, bits: Any = 16, fields: int = 2) -> tuple[float, float]:
    right = found = true = 0
    for seed in range(fields):
        field = uptake_field((400, 400), uptake, bits=bits, seed=seed)
        spots = find_puncta(field.marker)
        right += len(_matches(spots, _truth(field), 2.0))
        found, true = found + spots.count, true + len(field.y_px)
    return right / true, right / found


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_puncta_of_a_signal_to_noise_of_5_are_found_and_nothing_else(bits: int) -> None:
    assert min(_recall_and_precision(Uptake(snr=5), bits)) >= 0.95


@pytest.mark.parametrize(
    "uptake",
    [
        Uptake(snr=5, puncta_per_cell=12),
        Uptake(snr=8, snr_spread=0.4),
        Uptake(snr=10, clustered=0.4),
        Uptake(snr=5, sigma_px=1.4),
        Uptake(snr=5, sigma_px=3.0, nucleus_px=40, cells=12),
        Uptake(snr=60, snr_spread=0.5),
        Uptake(snr=7, haze=8),
        Uptake(snr=7, glow=6),
    ],
)
def test_so_are_many_uneven_clustered_narrow_wide_and_bright_ones_and_those_on_haze(uptake: Uptake) -> None:
    assert min(_recall_and_precision(uptake)) >= 0.95


def test_places_widths_and_light_are_the_true_ones() -> None:
    field = uptake_field((500, 500), Uptake(snr=40, sigma_spread=0.2, puncta_per_cell=3), seed=4)
    spots = find_puncta(field.marker)
    one, other = (np.array(side) for side in zip(*_matches(spots, _truth(field), 2.0), strict=True))
    assert len(one) == len(field.y_px)
    shift = np.hypot(spots.y_px[one] - field.y_px[other], spots.x_px[one] - field.x_px[other])
    light = 2 * np.pi * field.sigma_px[other] ** 2 * field.height[other] * (1 - np.exp(-2))
    assert np.median(shift) < 0.1
    assert np.abs(np.median(spots.sigma_px[one] / field.sigma_px[other]) - 1) < 0.05
    assert np.median(np.abs(spots.intensity[one] / light - 1)) < 0.1


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    level=st.floats(20, 3000),
    spread=st.floats(0.5, 40),
    kind=st.sampled_from(["uint8", "uint16", "float32"]),
)
def test_noise_holds_no_puncta(seed: int, level: float, spread: float, kind: str) -> None:
    noise = np.random.default_rng(seed).normal(level, spread, (200, 260))
    top = {"uint8": 255, "uint16": 65535, "float32": np.inf}[kind]
    plane = np.clip(noise if kind == "float32" else noise.round(), 0, top).astype(kind)
    assert find_puncta(plane, false_positives=0.001).count == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 40), (40, 1), (17, 33)])
def test_even_and_tiny_planes_hold_none(shape: tuple[int, int]) -> None:
    assert find_puncta(np.full(shape, 7, np.uint16)).count == 0
    assert find_puncta(np.random.default_rng(1).integers(0, 9, shape).astype(np.uint8)).count <= 1


@settings(max_examples=10)
@given(gain=st.floats(0.5, 8), offset=st.floats(0, 500))
def test_another_gain_or_offset_changes_nothing_but_the_light(gain: float, offset: float) -> None:
    field = uptake_field((200, 200), Uptake(cells=4), seed=2)
    plane = field.marker.astype(np.float32)
    before, after = find_puncta(plane), find_puncta((plane * np.float32(gain) + np.float32(offset)).astype(np.float32))
    assert after.count == before.count > 0
    np.testing.assert_allclose(after.y_px, before.y_px, atol=0.02)
    np.testing.assert_allclose(after.sigma_px, before.sigma_px, rtol=0.02)
    np.testing.assert_allclose(after.intensity, gain * before.intensity, rtol=0.05)


def test_turning_the_plane_turns_the_puncta() -> None:
    plane = uptake_field((200, 240), Uptake(cells=5), seed=6).marker
    before, after = find_puncta(plane), find_puncta(np.ascontiguousarray(plane.T))
    assert after.count == before.count > 0
    np.testing.assert_allclose(np.sort(after.x_px), np.sort(before.y_px), atol=0.02)


def test_filaments_edges_and_grainy_cells_are_no_puncta() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :300]
    filaments = 60 * np.exp(-(((x + 0.3 * y) % 40 - 20) ** 2) / 8)
    cell = 200 * (np.hypot(y - 150, x - 150) < 90)
    for scene in (filaments, cell):
        plane = (100 + scene + rng.normal(0, 5, scene.shape)).clip(0).astype(np.uint16)
        assert find_puncta(plane).count <= 3  # of 2000 px of filament or 570 px of edge


def test_it_leaves_its_input_alone_and_says_the_same_twice() -> None:
    plane = uptake_field((160, 160), Uptake(cells=3), seed=3).marker
    before = plane.copy()
    first, second = find_puncta(plane), find_puncta(plane)
    np.testing.assert_array_equal(plane, before)
    for name in first.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_discs_cover_what_they_should() -> None:
    one = Puncta(*(np.array([value]) for value in (20.0, 20.0, 1.0, 5.0, 9.0, 9.0)))
    assert disc_mask(one, (40, 40)).sum() == pytest.approx(np.pi * 2 * np.log(2) * 25, rel=0.05)


def test_the_cut_above_noise_grows_with_the_plane() -> None:
    widths = np.array([1.7, 2.4])
    assert noise_cut(1e4, widths, 0.05) < noise_cut(1e6, widths, 0.05) < noise_cut(1e6, widths, 0.001)


@pytest.mark.parametrize(
    ("plane", "parameters"),
    [
        (np.zeros((3, 4, 5)), {}),
        (np.zeros((4, 5)), {"smallest_sigma": 0.1}),
        (np.zeros((4, 5)), {"smallest_sigma": 5.0, "largest_sigma": 3.0}),
        (np.zeros((4, 5)), {"false_positives": 0.0}),
    ],
)
def test_nonsense_is_refused(plane: npt.NDArray[Any], parameters: dict[str, float]) -> None:
    with pytest.raises(MeasureError, match="expected"):
        find_puncta(plane, **parameters)


@pytest.mark.real
def test_what_people_marked_as_synapses_is_found() -> None:
    folder = real_folder() / "puncta_psd95"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    points = pd.read_csv(folder / "points.csv", dtype={"image": str})
    right = found = 0
    for name, own in points.groupby("image"):
        spots = find_puncta(read(folder / "images" / f"{name}.tif").pixels[:, :, 0])
        right += len(_matches(spots, own[["y", "x"]].to_numpy(dtype=np.float64), 3.0))
        found += spots.count
    assert 2 * right / (found + len(points)) >= 0.70
