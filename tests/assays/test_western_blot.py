"""Western blots as a lab meets them: band volumes lane by lane, flags, bad input, ImageJ's areas, real blots."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.assays.recipe_text import to_toml
from exoimage.assays.registry import recipe_class
from exoimage.assays.western_blot_columns import VOLUMES
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.writing import write_labels
from exoimage.methods import gels, synth

sys.path.insert(0, str(ROOT / "benchmarks"))
import western_blot as benchmark

LADDER = {"method": "lane", "lane": 1, "masses_kda": [250, 150, 100, 75, 50, 37, 25, 20, 15]}
WITH_LADDER = synth.Blot(lanes=6, rows=(0.3, 0.62), sigma_px=3.0, ladder_kda=tuple(map(float, LADDER["masses_kda"])))


def image_of(truth: synth.BlotPicture) -> Image:
    return benchmark.as_image(truth)


@pytest.fixture(scope="module")
def truth() -> synth.BlotPicture:
    return synth.blot_picture(synth.Blot(lanes=7, smile_px=6, empty=(3,)), (260, 340), seed=5)


def test_random_blots_are_found_and_measured() -> None:
    score = benchmark.Score()
    for seed in range(1000, 1025):
        score.add(synth.random_blot(seed))
    assert score.found >= 24
    assert score.extra <= 5
    assert all(score.saturated)
    assert np.mean(score.unsaturated) < 0.01
    for name in ("volume_rolling_ball", "volume_straight_line"):
        assert np.percentile(score.errors[name], 50) < 0.03
        assert np.percentile(score.errors[name], 95) < 0.08


def test_the_contracts_columns_are_there() -> None:
    kind = recipe_class("western-blot")
    names = [column.name for column in kind.columns]
    assert names[:6] == ["target", "lane", "volume", "background", "saturated_pct", "snr"]
    assert [column.name for column in kind.columns if column.primary] == ["volume"]
    wanted = "band mw_kda volume_none volume_rolling_ball volume_local volume_rubber_band saturated"
    assert set(wanted.split()) <= {column.name for column in kind.object_columns}
    assert all(column.definition.endswith(".") for column in (*kind.columns, *kind.object_columns))


def test_rows_objects_labels_and_masks_are_what_is_declared(truth: synth.BlotPicture) -> None:
    image = image_of(truth)
    before = image.pixels.copy()
    recipe = xi.assay("western-blot", target="p-AKT Thr308")
    kind, result = type(recipe), recipe.measure(image)
    assert [row["region"] for row in result.rows] == [str(number) for number in range(1, 8)]
    assert all(list(row) == ["region", "flags", *(c.name for c in kind.columns)] for row in result.rows)
    assert {row["target"] for row in result.rows} == {"p-AKT Thr308"}
    assert list(result.objects) == ["region", "object", *(c.name for c in kind.object_columns)]
    assert result.labels.shape == image.shape
    assert result.labels.max() == len(result.objects) == 12
    assert set(result.masks) == {"bands", "target", "saturated"}
    assert all(mask.shape == image.shape and mask.dtype == bool for mask in result.masks.values())
    assert [region.name for region in result.drawn_regions] == [row["region"] for row in result.rows]
    stepwise = recipe.resolve([recipe.observe(image)]).measure(image)
    assert stepwise.rows == result.rows
    np.testing.assert_array_equal(image.pixels, before)


def test_a_lane_without_a_band_has_about_no_volume_and_its_noise(truth: synth.BlotPicture) -> None:
    rows = xi.assay("western-blot").measure(image_of(truth)).rows
    empty, others = rows[3], rows[:3] + rows[4:]
    assert empty["flags"].split() == ["no_band", "below_detection"]
    assert empty["band_found"] == 0
    assert empty["noise"] > 0
    assert abs(empty["volume"]) < 4 * empty["noise"]
    assert abs(empty["volume"]) < 0.02 * min(row["volume"] for row in others)
    assert all(row["flags"] == "" and row["snr"] > 20 for row in others)


def test_the_volume_is_that_of_the_chosen_background(truth: synth.BlotPicture) -> None:
    for name, method in VOLUMES.items():
        row = xi.assay("western-blot", background={"method": method}).measure(image_of(truth)).rows[0]
        assert row["volume"] == row[name]
        assert row["volume"] + row["background"] == pytest.approx(row["volume_none"])


def test_dark_and_bright_blots_of_any_depth_give_the_same_volumes(truth: synth.BlotPicture) -> None:
    recipe = xi.assay("western-blot")
    bright = recipe.measure(image_of(truth))
    dark = recipe.measure(Image(65535 - truth.pixels, light="emitted"))
    assert [row["volume"] for row in dark.rows] == pytest.approx([row["volume"] for row in bright.rows])
    real = recipe.measure(Image(truth.pixels.astype(np.float32), light="emitted", max_value=65535))
    assert [row["volume"] for row in real.rows] == pytest.approx([row["volume"] for row in bright.rows])
    eight = recipe.measure(Image((truth.pixels / 257).round().astype(np.uint8), light="emitted"))
    ratios = [
        [row["volume"] / result.rows[0]["volume"] for row in result.rows if row["band_found"]]
        for result in (eight, bright)
    ]
    np.testing.assert_allclose(*ratios, rtol=0.01)


def test_the_band_may_be_chosen(truth: synth.BlotPicture) -> None:
    image = image_of(truth)
    upper, lower = (
        xi.assay("western-blot", band={"method": "number", "number": number}).measure(image) for number in (1, 2)
    )
    every = xi.assay("western-blot", band={"method": "all"}).measure(image)
    for one, two, both in zip(upper.rows, lower.rows, every.rows, strict=True):
        assert both["volume"] == pytest.approx(one["volume"] + two["volume"])
    whole = xi.assay("western-blot", band={"method": "whole-lane"}, background={"method": "rubber-band"})
    ratio = [
        row["volume"] / both["volume"]
        for row, both in zip(whole.measure(image).rows, every.rows, strict=True)
        if both["band_found"]
    ]
    np.testing.assert_allclose(ratio, 1, atol=0.08)
    with pytest.raises(MeasureError, match=r"row 7 of bands .* 2 were found"):
        xi.assay("western-blot", band={"method": "number", "number": 7}).measure(image)


def test_lanes_and_bands_may_be_given_as_rectangles_or_rois(truth: synth.BlotPicture, tmp_path: Path) -> None:
    image = image_of(truth)
    boxes = [[int(x) - 18, int(y) - 14, 36, 28] for x, y, row in zip(truth.x_px, truth.y_px, truth.row, strict=True)
             if row == 1]  # fmt: skip
    given = xi.assay("western-blot", band={"method": "boxes", "boxes": boxes}, background={"method": "none"})
    rows = given.measure(image).rows
    sums = [int(truth.pixels[y : y + h, x : x + w].sum(dtype=np.int64)) for x, y, w, h in boxes]
    assert [row["volume"] for row in rows] == pytest.approx(sums)
    labels = np.zeros(image.shape, np.int32)
    for number, (x, y, w, h) in enumerate(boxes, start=1):
        labels[y : y + h, x : x + w] = number
    write_labels(tmp_path / "bands.tif", labels, None)
    drawn = xi.assay("western-blot", band={"method": "rois", "path": str(tmp_path / "bands.tif")},
                     background={"method": "none"})  # fmt: skip
    assert [row["volume"] for row in drawn.measure(image).rows] == pytest.approx(sums)
    lanes = [[x, 0, w, image.shape[0]] for x, _, w, _ in boxes]
    by_lanes = xi.assay("western-blot", lanes={"method": "boxes", "boxes": lanes}).measure(image)
    assert [row["band_found"] for row in by_lanes.rows] == [1] * 6
    write_labels(tmp_path / "lanes.tif", np.where(labels.max(axis=0) > 0, labels.max(axis=0), 0)
                 * np.ones((image.shape[0], 1), np.int32), None)  # fmt: skip
    by_rois = xi.assay("western-blot", lanes={"method": "rois", "path": str(tmp_path / "lanes.tif")}).measure(image)
    assert [row["volume"] for row in by_rois.rows] == [row["volume"] for row in by_lanes.rows]
    with pytest.raises(MeasureError, match="does not lie within"):
        xi.assay("western-blot", lanes={"method": "boxes", "boxes": [[0, 0, 9999, 5]]}).measure(image)


def test_one_of_several_blots_on_a_picture_is_measured(truth: synth.BlotPicture) -> None:
    other = synth.blot_picture(synth.Blot(lanes=5, rows=(0.4,)), (180, 340), seed=8)
    both = Image(np.concatenate([truth.pixels, other.pixels]), light="emitted")
    box = {"method": "box", "x": 0, "y": 260, "width": 340, "height": 180}
    cropped = xi.assay("western-blot", region=box).measure(both)
    alone = xi.assay("western-blot").measure(image_of(other))
    assert [row["volume"] for row in cropped.rows] == pytest.approx([row["volume"] for row in alone.rows])
    assert [row["band_y_px"] - 260 for row in cropped.rows] == pytest.approx([r["band_y_px"] for r in alone.rows])
    np.testing.assert_array_equal(cropped.labels[260:], alone.labels)
    with pytest.raises(MeasureError, match="region"):
        xi.assay("western-blot", region={**box, "height": 400}).measure(both)


@pytest.mark.parametrize("dark", [False, True])
def test_imagejs_areas_are_those_of_its_profile_and_the_trapezoid_rule(dark: bool) -> None:
    truth = synth.blot_picture(synth.Blot(lanes=4, rows=(0.5,)), (200, 240), dark=dark, bits=8, seed=2)
    boxes = [[int(x) - 16, 10, 32, 180] for x in truth.lane_x_px]
    recipe = xi.assay("western-blot", imagej=True, lanes={"method": "boxes", "boxes": boxes})
    result = recipe.measure(image_of(truth))
    areas = []
    for row, box, top, height in zip(
        result.rows, boxes, result.objects["y_px"] * 0 + 0, result.objects["height_px"], strict=True
    ):
        profile = gels.lane_profile(truth.pixels, gels.Lane(*box), invert=dark)
        marked = np.flatnonzero(result.masks["target"][:, box[0] + 5])
        assert len(marked) == height + top
        bounds = [marked[0] - 10, marked[-1] - 10]
        areas.append(gels.peak_areas(profile, bounds, baseline="each").areas[0])
        assert row["volume"] == pytest.approx(areas[-1], rel=1e-5)
    shares = 100 * np.array(areas) / sum(areas)
    np.testing.assert_allclose(shares, 100 * truth.volume / truth.volume.sum(), atol=0.3)


def test_masses_come_from_the_ladder() -> None:
    truth = synth.blot_picture(WITH_LADDER, (500, 320), seed=1)
    recipe = xi.assay("western-blot", ladder=LADDER, band={"method": "mass", "kda": 50})
    result = recipe.measure(image_of(truth))
    assert [row["region"] for row in result.rows] == ["2", "3", "4", "5", "6"]
    assert all(row["mw_kda"] == pytest.approx(50.97, rel=0.01) for row in result.rows)
    ladder = result.objects[result.objects["region"] == "1"]
    assert ladder["mw_kda"].tolist() == pytest.approx(LADDER["masses_kda"], rel=0.01)
    assert Flag.UPSIDE_DOWN not in result.flags
    turned = xi.assay("western-blot", ladder=LADDER).measure(Image(truth.pixels[::-1].copy(), light="emitted"))
    assert Flag.UPSIDE_DOWN in turned.flags
    with pytest.raises(RecipeError, match="ladder"):
        xi.assay("western-blot", band={"method": "mass", "kda": 50})
    with pytest.raises(MeasureError, match="lane 9"):
        xi.assay("western-blot", ladder={**LADDER, "lane": 9}).measure(image_of(truth))
    with pytest.raises(MeasureError, match="beyond the ladder"):
        xi.assay("western-blot", ladder=LADDER, band={"method": "mass", "kda": 900}).measure(image_of(truth))


def test_masses_are_right_where_the_blot_smiles_and_leans() -> None:
    from dataclasses import replace

    for smile, tilt in ((8.0, 0.0), (-7.0, 1.5), (3.0, -2.0)):
        truth = synth.blot_picture(replace(WITH_LADDER, smile_px=smile, tilt_deg=tilt), (500, 320), seed=4)
        objects = xi.assay("western-blot", ladder=LADDER).measure(image_of(truth)).objects
        for band in np.flatnonzero(truth.row >= 0):
            own = objects[objects["region"] == str(truth.lane[band] + 1)]
            nearest = own.loc[(own["y_px"] - truth.y_px[band]).abs().idxmin()]
            assert nearest["mw_kda"] == pytest.approx(truth.mass_kda[band], rel=0.05)


def test_saturated_bands_are_flagged_and_drawn() -> None:
    truth = synth.blot_picture(synth.Blot(lanes=6, rows=(0.5,), brightest=1.6, spread=0.6), (200, 300), seed=3)
    result = xi.assay("western-blot").measure(image_of(truth))
    flagged = [Flag.SATURATED in region.flags for region in result.regions]
    assert flagged == truth.saturated.tolist()
    assert 0 < sum(flagged) < 6
    assert result.marked is not None
    np.testing.assert_array_equal(result.marked, truth.pixels == 65535)
    capped = Image(np.minimum(truth.pixels, 30000), light="emitted")
    again = xi.assay("western-blot").measure(capped)
    assert [Flag.SATURATED in r.flags for r in again.regions] == (truth.peak > 30000 - 0.03 * 65535).tolist()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_picture_is_a_normal_result_with_nothing_in_it(value: int) -> None:
    result = xi.assay("western-blot").measure(Image(np.full((90, 120), value, np.uint8), light="emitted"))
    assert {Flag.BLANK, Flag.NO_LANES} <= set(result.flags)
    assert result.summary["volume"] is None
    assert len(result.objects) == 0
    assert list(result.objects) == ["region", "object", *(c.name for c in recipe_class("western-blot").object_columns)]
    assert xi.assay("western-blot").traces(Image(np.full((90, 120), value, np.uint8))) == ()


@pytest.mark.parametrize("shape", [(3, 2), (40, 50), (300, 400)])
def test_noise_has_no_lanes(shape: tuple[int, int]) -> None:
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(800, 30, shape).astype(np.uint16)
        result = xi.assay("western-blot").measure(Image(noise, light="emitted"))
        assert Flag.NO_LANES in result.flags
        assert Flag.POLARITY_UNSURE in result.flags or min(shape) < 100
        counted = xi.assay("western-blot", lanes={"method": "find", "count": 1}).measure(Image(noise, light="emitted"))
        assert counted.rows[0]["volume"] is None


def test_pictures_of_films_and_files_for_looking_at_are_flagged(truth: synth.BlotPicture) -> None:
    grey = (255 - truth.pixels / 257).round().astype(np.uint8)
    tinted = np.stack([grey, grey * 0.9, np.clip(grey * 0.55 + 20, 0, 255)], axis=2).astype(np.uint8)
    film = xi.assay("western-blot").measure(Image(tinted, source="film.JPG", flags=(Flag.LOSSY_FILE,)))
    assert {Flag.COLOUR_FILM, Flag.NOT_A_MEASUREMENT_FILE, Flag.LOSSY_FILE} <= set(film.flags)
    assert len(film.rows) == 7
    plain = xi.assay("western-blot").measure(Image(np.stack([grey] * 3, axis=2), source="blot.png"))
    assert Flag.COLOUR_FILM not in plain.flags
    assert Flag.NOT_A_MEASUREMENT_FILE in plain.flags
    alone = xi.assay("western-blot").measure(Image(grey, source="blot.tif"))
    assert [row["volume"] for row in plain.rows] == pytest.approx([row["volume"] for row in alone.rows])
    with pytest.raises(ImageError, match="one channel"):
        xi.assay("western-blot").measure(Image(np.stack([grey] * 2, axis=2), light="emitted"))


def test_a_lane_and_a_band_that_the_edge_cuts_are_flagged() -> None:
    truth = synth.blot_picture(synth.Blot(lanes=5, cut=0.4), (220, 260), seed=1)
    rows = xi.assay("western-blot").measure(image_of(truth)).rows
    assert ["cut_lane" in row["flags"] for row in rows] == [True, False, False, False, False]
    whole = synth.blot_picture(synth.Blot(lanes=5, rows=(0.5,)), (220, 260), seed=1)
    halved = Image(whole.pixels[: int(whole.y_px[0]) + 4], light="emitted")
    assert Flag.CUT_LANE in xi.assay("western-blot").measure(halved).flags


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ladder": LADDER, "band": {"method": "mass", "kda": 60}},
        {"lanes": {"method": "boxes", "boxes": [[1, 2, 3, 4]]}, "background": {"method": "rolling-ball"}},
        {"region": {"method": "box", "width": 50, "height": 40}, "signal": "dark", "imagej": True},
    ],
)  # fmt: skip
def test_a_recipe_survives_its_text_and_says_what_it_does(settings: dict[str, object], tmp_path: Path) -> None:
    recipe = xi.assay("western-blot", **settings)
    (tmp_path / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    assert xi.load_recipe(tmp_path / "recipe.toml") == recipe
    assert len(recipe.sentences()) >= 3
    assert all(sentence.endswith(".") and "None" not in sentence for sentence in recipe.sentences())
    assert recipe.open_scopes() == ()


def test_a_box_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"\[x, y, width, height\]"):
        xi.assay("western-blot", lanes={"method": "boxes", "boxes": [[1, 2, 3]]})


def test_traces_hold_profile_baseline_and_bands(truth: synth.BlotPicture) -> None:
    from exoimage.studies.lane_profiles import draw_lane_profiles

    recipe = xi.assay("western-blot")
    traces, rows = recipe.traces(image_of(truth)), recipe.measure(image_of(truth)).rows
    assert [trace.name for trace in traces] == [row["region"] for row in rows]
    for trace, row in zip(traces, rows, strict=True):
        ((start, end),) = trace.bands[trace.is_target]
        width = round(row["volume_none"] / trace.signal[start:end].sum())
        area = (trace.signal - trace.baseline)[start:end].sum() * width
        assert area == pytest.approx(row["volume"], rel=1e-4, abs=2.0)
    figure = draw_lane_profiles(traces, "p-AKT")
    assert len(figure.axes) == 7


@pytest.mark.real
def test_eight_lanes_of_two_bands_are_found_on_the_actin_blot(real: Path) -> None:
    result = xi.assay("western-blot", target="actin").measure(xi.read(real / "blots" / "anti_actin_chemi_16bit.tif"))
    assert [row["region"] for row in result.rows] == [str(number) for number in range(1, 9)]
    assert result.objects.groupby("region").size().tolist() == [2] * 8
    assert all(860 < row["band_y_px"] < 915 and row["flags"] == "" for row in result.rows)


@pytest.mark.real
def test_the_stored_values_of_a_white_is_zero_file_give_the_same_volumes(real: Path) -> None:
    path = real / "blots" / "anti_actin_chemi_16bit.tif"
    shown, stored = (xi.assay("western-blot").measure(xi.read(path, photometric=how)) for how in ("shown", "stored"))
    assert [row["volume"] for row in shown.rows] == pytest.approx([row["volume"] for row in stored.rows])


@pytest.mark.real
def test_the_smiling_row_of_sixteen_lanes_is_followed(real: Path) -> None:
    result = xi.assay("western-blot").measure(xi.read(real / "blots" / "biorad" / "test4_ref.tif"))
    places = [row["band_y_px"] for row in result.rows]
    assert len(places) == 16
    assert all(row["band_found"] == 1 for row in result.rows)
    assert 350 < places[0] < 362
    assert all(370 < y < 390 for y in places[4:])
