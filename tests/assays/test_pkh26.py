from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import real_folder

import exoimage as xi
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.writing import write_labels
from exoimage.methods.synth import Uptake, UptakeField, uptake_field


def _image(field: UptakeField, pixel_size: float | None = 0.5) -> Image:
    pixels = np.dstack([field.nuclear, field.marker])
    return Image(pixels, ("DAPI", "PKH26"), pixel_size=pixel_size, light="emitted", max_value=field.max_value)


@pytest.fixture(scope="module")
def field() -> UptakeField:
    return uptake_field((400, 480), Uptake(cells=16, positive=0.5, outside=6), seed=5)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_puncta_per_cell_and_positive_cells_are_the_true_ones(bits: int) -> None:
    truth = uptake_field((400, 480), Uptake(cells=16, positive=0.5, snr=6, outside=6), bits=bits, seed=5)
    result = xi.assay("pkh26").measure(_image(truth))
    row = result.summary
    assert row["cell_count"] == truth.cell_count
    assert row["puncta_per_cell"] == pytest.approx(truth.counts.mean(), rel=0.05)
    assert row["positive_cells_pct"] == pytest.approx(100 * (truth.counts > 0).mean(), abs=7)
    assert row["puncta_count"] == result.objects["puncta"].sum() == (result.spots["cell"] > 0).sum()
    assert row["puncta_outside_count"] == (result.spots["cell"] == 0).sum()
    assert row["puncta_above_dye"] == row["puncta_count"]
    assert Flag.NO_DYE_CONTROL in result.flags
    assert list(result.spots)[:5] == ["y_px", "x_px", "cell", "intensity", "sigma_px"]


def test_labels_masks_objects_and_outlines_go_together(field: UptakeField) -> None:
    result = xi.assay("pkh26").measure(_image(field))
    assert result.labels.max() == len(result.objects) == result.summary["cell_count"]
    assert set(result.masks) == {"puncta", "cells", "positive"}
    assert not (result.masks["puncta"] & ~result.masks["cells"]).any()
    np.testing.assert_array_equal(result.masks["cells"], result.labels > 0)
    spots = result.spots
    at = result.labels[spots["y_px"].astype(int), spots["x_px"].astype(int)]
    np.testing.assert_array_equal(at, spots["cell"])
    rings, positive, negative = result.outlined
    assert (rings[spots["y_px"].astype(int), spots["x_px"].astype(int)]).all()
    assert not ((positive > 0) & (negative > 0)).any()


def test_ctcf_is_what_its_definition_says(field: UptakeField) -> None:
    result = xi.assay("pkh26").measure(_image(field))
    background = result.summary["background"]
    for one in result.objects.itertuples():
        own = field.marker[result.labels == one.object].astype(np.float64)
        assert one.integrated == pytest.approx(own.sum())
        assert one.ctcf == pytest.approx(own.sum() - own.size * background)
    assert result.summary["mean_ctcf"] == pytest.approx(result.objects["ctcf"].mean())
    assert result.summary["background_regions"] >= 3


def test_cells_can_be_what_another_channel_shows(field: UptakeField) -> None:
    body = np.where(field.cells > 0, 9000, 600).astype(np.uint16)
    image = Image(np.dstack([field.nuclear, field.marker, body]), ("DAPI", "PKH26", "actin"), light="emitted")
    result = xi.assay("pkh26", cell_channel="actin").measure(image)
    assert result.summary["cell_area_px"] == pytest.approx((field.cells > 0).sum(), rel=0.12)
    assert result.summary["puncta_per_cell"] == pytest.approx(field.counts.mean(), rel=0.05)
    with pytest.raises(ImageError, match="tubulin"):
        xi.assay("pkh26", cell_channel="tubulin").measure(image)


def test_without_a_dye_channel_only_cells_are_counted(field: UptakeField) -> None:
    image = Image(field.nuclear, ("DAPI",), light="emitted", pixel_size=0.5)
    result = xi.assay("pkh26").measure(image)
    assert Flag.NO_MARKER_CHANNEL in result.flags
    assert result.summary["cell_count"] == field.cell_count == len(result.objects)
    assert all(result.summary[name] is None for name in ("puncta_per_cell", "positive_cells_pct", "mean_ctcf"))
    assert len(result.spots) == 0


@pytest.mark.parametrize("value", [0, 128, 65535])
def test_an_even_picture_is_a_normal_result_with_nothing_in_it(value: int) -> None:
    image = Image(np.full((80, 90, 2), value, np.uint16), ("DAPI", "PKH26"), light="emitted")
    result = xi.assay("pkh26").measure(image)
    assert result.summary["cell_count"] == result.summary["puncta_count"] == len(result.spots) == 0
    assert result.summary["puncta_per_cell"] is None
    assert Flag.BLANK in result.flags
    assert list(result.objects)[:2] == ["region", "object"]


def test_a_picture_of_a_few_pixels_is_a_normal_result() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, 2)).astype(np.uint8)
    assert xi.assay("pkh26").measure(Image(pixels, ("DAPI", "PKH26"), light="emitted")).labels.shape == (3, 2)


def test_without_a_pixel_size_areas_in_um_are_empty_and_sizes_in_um_refused(field: UptakeField) -> None:
    image = _image(field, None)
    result = xi.assay("pkh26").measure(image)
    assert result.summary["cell_area_um2"] is None
    assert np.isnan(result.objects["area_um2"]).all()
    assert Flag.NO_PIXEL_SIZE in result.flags
    with pytest.raises(MeasureError, match="smallest_sigma"):
        xi.assay("pkh26", smallest_sigma="0.3 um").measure(image)
    with pytest.raises(RecipeError, match="swap"):
        xi.assay("pkh26", smallest_sigma="9 px")


def test_each_region_has_its_own_cells_and_spots(field: UptakeField, tmp_path: Path) -> None:
    image = _image(field)
    halves = np.ones(image.shape, np.int32)
    halves[:, 240:] = 2
    write_labels(tmp_path / "halves.tif", halves, None)
    recipe = xi.assay(
        "pkh26", region={"method": "rois", "path": str(tmp_path / "halves.tif")}, typical_diameter="26 px"
    )
    result = recipe.measure(image)
    whole = xi.assay("pkh26", typical_diameter="26 px").measure(image).summary
    assert sum(row["cell_count"] for row in result.rows) == whole["cell_count"] == result.labels.max()
    # A cell ends where its region does: its puncta beyond are counted as outside.
    both = ("puncta_count", "puncta_outside_count")
    assert sum(row[name] for row in result.rows for name in both) == pytest.approx(
        sum(whole[name] for name in both), abs=3
    )
    spots = result.spots[result.spots["cell"] > 0]
    at = result.labels[spots["y_px"].astype(int), spots["x_px"].astype(int)]
    np.testing.assert_array_equal(at, spots["cell"])


def test_a_dye_only_control_sets_the_cut_or_is_taken_off() -> None:
    dye = uptake_field((400, 400), Uptake(cells=14, puncta_per_cell=1.0, positive=0.6), seed=1)
    exos = uptake_field((400, 400), Uptake(cells=14, puncta_per_cell=6.0), seed=2)
    for use in ("cut", "subtract"):
        recipe = xi.assay("pkh26", dye_control={"method": "dye-only", "controls": "Dye", "use": use})
        assert recipe.is_control("any.tif", "Dye")
        assert not recipe.is_control("any.tif", "Exos")
        seen = [recipe.observe(_image(one)) for one in (dye, exos)]
        seen[0] = seen[0].with_controls(["whole"])
        resolved = recipe.resolve(seen)
        rows = [resolved.measure(_image(one), own).summary for one, own in zip((dye, exos), seen, strict=True)]
        assert all("no_dye_control" not in row["flags"] for row in rows)
        if use == "cut":
            least = int(np.percentile(dye.counts, 95, method="inverted_cdf")) + 1
            assert [row["least_puncta"] for row in rows] == [least, least]
            assert rows[1]["positive_cells_pct"] == pytest.approx(100 * (exos.counts >= least).mean(), abs=8)
        else:
            assert rows[0]["puncta_per_cell"] == pytest.approx(0, abs=1e-4)
            assert rows[1]["puncta_per_cell"] == pytest.approx(exos.counts.mean() - dye.counts.mean(), abs=0.3)


def test_a_control_that_is_nowhere_is_refused(field: UptakeField) -> None:
    recipe = xi.assay("pkh26", dye_control={"method": "dye-only", "controls": "Dye"})
    with pytest.raises(MeasureError, match="Dye"):
        recipe.resolve([recipe.observe(_image(field))])


def test_fields_are_pooled_by_cells() -> None:
    columns = {column.name: column.aggregation for column in xi.assay("pkh26").columns}
    fields = [
        {"puncta_above_dye": 90.0, "cell_count": 90, "positive_count": 9},
        {"puncta_above_dye": 50.0, "cell_count": 10, "positive_count": 10},
    ]
    assert columns["puncta_per_cell"].of("puncta_per_cell", fields) == pytest.approx(1.4)
    assert columns["positive_cells_pct"].of("positive_cells_pct", fields) == pytest.approx(19.0)


@pytest.mark.real
def test_stressed_cells_hold_ten_times_the_granules_of_the_control() -> None:
    folder = real_folder() / "puncta_in_cells"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    recipe = xi.assay("pkh26", nuclei="1", marker="3")
    control, arsenite = (
        recipe.measure(xi.read(folder / f"MAX_{name}_rep1.tif", c=[0, 1, 2])).summary["puncta_per_cell"]
        for name in ("control", "arsenite")
    )
    assert arsenite >= 10 * control
