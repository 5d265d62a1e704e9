from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exoimage.errors import MeasureError
from exoimage.methods.particles import COLUMNS, SHAPE_COLUMNS, analyze, label, measure_objects
from exoimage.methods.segmentation import fill_holes

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))


def drawn(picture: str) -> np.ndarray:
    return np.array([[character == "#" for character in row] for row in picture.split()])


def flood(mask: np.ndarray, connectivity: int) -> np.ndarray:
    """Labels by the plainest means: visit pixels in raster order, spread from each new one."""
    labels, count = np.zeros(mask.shape, int), 0
    steps = [
        (dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if 0 < abs(dy) + abs(dx) <= (2 if connectivity == 8 else 1)
    ]
    for y, x in np.argwhere(mask):
        if labels[y, x]:
            continue
        count += 1
        labels[y, x] = count
        open_ends = [(y, x)]
        while open_ends:
            cy, cx = open_ends.pop()
            for dy, dx in steps:
                ny, nx = cy + dy, cx + dx
                inside = 0 <= ny < mask.shape[0] and 0 <= nx < mask.shape[1]
                if inside and mask[ny, nx] and not labels[ny, nx]:
                    labels[ny, nx] = count
                    open_ends.append((ny, nx))
    return labels


@settings(max_examples=150, deadline=None)
@given(mask=masks, connectivity=st.sampled_from([4, 8]))
def test_labels_are_flood_fills_in_raster_order(mask: np.ndarray, connectivity: int) -> None:
    labels = label(mask, connectivity)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, flood(mask, connectivity))


def test_labels_of_a_large_image_stay_in_raster_order() -> None:
    mask = np.random.default_rng(3).random((1500, 1700)) < 0.3
    labels = label(mask)
    first_pixels = np.unique(labels, return_index=True)[1][1:]
    assert (np.diff(first_pixels) > 0).all()


@settings(max_examples=100, deadline=None)
@given(mask=masks, connectivity=st.sampled_from([4, 8]))
def test_objects_add_up_to_the_mask(mask: np.ndarray, connectivity: int) -> None:
    values = np.arange(mask.size, dtype=np.float32).reshape(mask.shape)
    labels = label(mask, connectivity)
    table = measure_objects(labels, intensity=values, connectivity=connectivity)
    assert len(table) == labels.max(initial=0)
    assert table.area_px.sum() == mask.sum()
    assert table.intensity_sum.sum() == values[mask].sum(dtype=float)
    for k in range(len(table)):
        y, x = np.nonzero(labels == k + 1)
        assert table.area_px[k] == len(y)
        assert (table.top[k], table.left[k]) == (y.min(), x.min())
        assert (table.height[k], table.width[k]) == (np.ptp(y) + 1, np.ptp(x) + 1)
        assert (table.y_px[k], table.x_px[k]) == pytest.approx((y.mean() + 0.5, x.mean() + 0.5))


@settings(max_examples=60, deadline=None)
@given(mask=masks)
def test_turning_the_picture_turns_the_objects(mask: np.ndarray) -> None:
    upright = analyze(mask).sort_values(["Area", "Feret", "MinFeret", "Solidity"], ignore_index=True)
    turned = analyze(np.rot90(mask)).sort_values(["Area", "Feret", "MinFeret", "Solidity"], ignore_index=True)
    for column in ("Area", "Feret", "MinFeret", "Solidity"):
        assert np.allclose(upright[column], turned[column], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(mask=masks, least=st.integers(0, 9), extra=st.integers(0, 30))
def test_filters_choose_rows_and_change_none(mask: np.ndarray, least: int, extra: int) -> None:
    everything = analyze(mask)
    chosen = analyze(mask, min_size=least, max_size=least + extra)
    expected = everything[everything["Area"].between(least, least + extra)].reset_index(drop=True)
    assert chosen.equals(expected)
    inner = analyze(mask, exclude_edges=True)
    right, bottom = inner["BX"] + inner["Width"], inner["BY"] + inner["Height"]
    assert (inner["BX"] > 0).all()
    assert (inner["BY"] > 0).all()
    assert (right < mask.shape[1]).all()
    assert (bottom < mask.shape[0]).all()


def test_known_rectangle() -> None:
    row = analyze(drawn("..... .###. .###. .....") | np.zeros((4, 5), bool)).iloc[0]
    corners = 4 * (2 - math.sqrt(2))
    assert row["Area"] == 6
    assert (row["X"], row["Y"]) == (2.5, 2.0)
    assert row["Perim."] == pytest.approx(10 - corners)
    assert row["Feret"] == pytest.approx(math.hypot(3, 2))
    assert row["MinFeret"] == 2
    assert row["Solidity"] == 1
    assert row["AR"] == pytest.approx(1.5)
    assert row["Major"] * row["Minor"] * math.pi / 4 == pytest.approx(6)
    assert row["Angle"] == 0


def test_disc_is_round() -> None:
    y, x = np.mgrid[-40:41, -40:41]
    row = analyze(x * x + y * y <= 30**2).iloc[0]
    assert row["Circ."] == pytest.approx(0.9, abs=0.03)
    assert row["Round"] == pytest.approx(1, abs=1e-3)
    assert row["Feret"] == pytest.approx(61, abs=1)


def test_known_intensities() -> None:
    mask = drawn("##.. ##.#")
    intensity = np.array([[1, 1, 9, 9], [2, 8, 9, 5]], np.uint8)
    first, second = analyze(mask, intensity).to_dict("records")
    assert (first["Mean"], first["Mode"], first["Min"], first["Max"], first["Median"]) == (3, 1, 1, 8, 2)
    assert first["StdDev"] == pytest.approx(np.std([1, 1, 2, 8], ddof=1))
    assert (first["IntDen"], first["RawIntDen"]) == (12, 12)
    assert first["XM"] == pytest.approx((0 + 1 + 0 + 8) / 12 + 0.5)
    assert (second["Mean"], second["StdDev"], second["RawIntDen"]) == (5, 0, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dtypes_agree_on_equal_values(dtype: type) -> None:
    random = np.random.default_rng(5)
    mask, values = random.random((60, 70)) < 0.4, random.integers(0, 256, (60, 70))
    table = analyze(mask, values.astype(dtype), min_size=2)
    expected = analyze(mask, values.astype(np.uint8), min_size=2)
    columns = [c for c in COLUMNS if c not in ("Mode", "Median")]  # of floats these are defined otherwise
    assert np.allclose(table[columns], expected[columns], rtol=1e-12, equal_nan=True)


def test_holes_and_what_is_in_them() -> None:
    mask = drawn(".......... .#######.. .#.....#.. .#..#..#.. .#.....#.. .#######..")
    without = analyze(mask)
    assert without["Area"].tolist() == [20, 1]
    within = analyze(mask, include_holes=True)
    assert within["Area"].tolist() == [35]
    assert within["Perim."].iloc[0] == without["Perim."].iloc[0]
    assert analyze(mask, include_holes=True, max_size=30).empty


@settings(max_examples=80, deadline=None)
@given(mask=masks, connectivity=st.sampled_from([4, 8]))
def test_filled_background_cannot_reach_the_border(mask: np.ndarray, connectivity: int) -> None:
    filled = fill_holes(mask, connectivity=connectivity)
    background = flood(~mask, 12 - connectivity)
    border = np.concatenate([background[0], background[-1], background[:, 0], background[:, -1]])
    assert np.array_equal(filled, mask | ~np.isin(background, border))
    small = fill_holes(mask, largest_px=2, connectivity=connectivity)
    sizes = np.bincount(background.ravel())[background]
    assert np.array_equal(small, mask | (filled & ~mask & (sizes <= 2)))


def test_connectivity() -> None:
    diagonal = np.eye(4, dtype=bool)
    assert label(diagonal).max() == 1
    assert label(diagonal, 4).max() == 4
    assert analyze(diagonal, connectivity=4)["Area"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (7, 9)])
def test_nothing_found_is_an_empty_table(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, bool)
    assert tuple(analyze(mask).columns) == SHAPE_COLUMNS
    assert tuple(analyze(mask, np.zeros(shape, np.uint8)).columns) == COLUMNS
    assert len(analyze(mask, include_holes=True)) == len(measure_objects(label(mask))) == 0


def test_everything_is_one_object() -> None:
    table = analyze(np.ones((30, 40), bool), np.full((30, 40), 255, np.uint8))
    assert table["Area"].tolist() == [1200]
    assert table["Mean"].tolist() == [255]
    assert analyze(np.ones((30, 40), bool), exclude_edges=True).empty


def test_labels_with_gaps_keep_their_places() -> None:
    labels = np.array([[0, 3, 3], [1, 0, 0]], np.uint16)
    table = measure_objects(labels)
    assert table.area_px.tolist() == [1, 0, 2]
    assert table.perimeter_px[1] == 0
    assert np.isnan(table.x_px[1])
    assert np.isnan(table.intensity_sum).all()


def test_what_does_not_fit_is_refused() -> None:
    mask = np.ones((3, 4), bool)
    with pytest.raises(MeasureError, match="array of bool, not uint8"):
        analyze(mask.astype(np.uint8))
    with pytest.raises(MeasureError, match="array of bool"):
        label(np.ones((3, 4, 3), bool))
    with pytest.raises(MeasureError, match="uint8, uint16 or float32, not int64"):
        analyze(mask, np.ones((3, 4), np.int64))
    with pytest.raises(MeasureError, match="NaN or infinite"):
        analyze(mask, np.full((3, 4), np.nan, np.float32))
    with pytest.raises(MeasureError, match="one shape"):
        analyze(mask, np.ones((4, 4), np.uint8))
    with pytest.raises(MeasureError, match="4 or 8, not 6"):
        label(mask, 6)  # type: ignore[arg-type]
    with pytest.raises(MeasureError, match="between 0 and 1"):
        measure_objects(np.array([[0, 2]]), 1)
    with pytest.raises(MeasureError, match="between 0 and"):
        measure_objects(np.array([[0, -2]]))
    with pytest.raises(MeasureError, match="integers"):
        measure_objects(mask.astype(float))
    with pytest.raises(MeasureError, match="array of bool"):
        fill_holes(mask.astype(int))


def test_input_is_left_as_it_was() -> None:
    random = np.random.default_rng(1)
    mask, values = random.random((50, 50)) < 0.5, random.integers(0, 255, (50, 50)).astype(np.uint8)
    mask.flags.writeable = values.flags.writeable = False
    analyze(mask[:, ::2], values[:, ::2], include_holes=True)
