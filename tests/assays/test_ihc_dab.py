from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matching import matched
from support import ROOT

import exoimage as xi
from exoimage.assays.ihc_dab import IhcDab
from exoimage.assays.lengths import Length
from exoimage.errors import ImageError, MeasureError, RecipeError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.writing import write_labels
from exoimage.methods import synth
from exoimage.methods.ihc_scores import CLASSES, h_score

THRESHOLD = 0.25
DEMO = ROOT / "test_images" / "ihc_dab"


def _field(seed: int, cells: synth.Immunostain | None = None, **parameters: object) -> synth.ImmunoField:
    return synth.immuno_field((360, 440), cells, seed=seed, **parameters)  # type: ignore[arg-type]


def _measured(field: synth.ImmunoField, pixel_size: float | None = 0.5, **recipe: object) -> xi.Result:
    return xi.assay("ihc-dab", **recipe).measure(Image(field.pixels, pixel_size=pixel_size))


def test_area_cells_and_scores_are_the_true_ones_over_strength_direction_light_and_jpeg() -> None:
    areas, scores = [], []
    for number, (strength, degrees, quality) in enumerate(
        [(0.8, 0, 0), (1.2, 0, 85), (1.0, -5, 85), (1.0, 5, 0), (1.0, 0, 85), (1.0, 0, 0), (0.8, 0, 85), (1.0, 5, 85)]
    ):
        vectors = ((0.65, 0.70, 0.29), synth.tilted((0.27, 0.57, 0.78), degrees, (1, 0, 0)))
        field = _field(
            number,
            synth.Immunostain(strength=strength, diameter_px=(14, 18, 24)[number % 3]),
            vectors=vectors,
            light=synth.Light(relative_range=0.1),
            camera=synth.Camera(jpeg_quality=quality),
        )
        row = _measured(field).summary
        areas.append(row["dab_area_pct"] - field.dab_area_pct(THRESHOLD))
        scores.append(row["h_score"] - h_score(*field.counts()))
        assert row["cell_count"] == pytest.approx(len(field.cell_od), rel=0.05)
    assert abs(np.mean(areas)) < 1.5
    assert np.abs(areas).max() < 4
    assert abs(np.mean(scores)) < 5
    assert np.abs(scores).max() < 10


@pytest.mark.parametrize("compartment", ["nucleus", "cytoplasm", "both"])
def test_each_cell_has_its_class_in_the_compartment_that_is_stained(compartment: str) -> None:
    field = _field(3, synth.Immunostain(compartment=compartment))  # type: ignore[arg-type]
    result = _measured(field, compartment=compartment)
    one, other = matched(result.labels, field.nuclei)
    assert len(one) > 0.9 * len(field.cell_od)
    found = result.objects["class"].map(list(CLASSES).index).to_numpy()[one - 1]
    true = np.searchsorted((0.2, 0.4, 0.6), field.cell_od, side="right")[other - 1]
    assert ((found > 0) == (true > 0)).mean() > 0.95
    assert (found == true).mean() > 0.85


def test_counts_scores_and_areas_of_a_row_agree_with_each_other() -> None:
    field = _field(4)
    result = _measured(field)
    row, objects = result.summary, result.objects
    counts = [int((objects["class"] == name).sum()) for name in CLASSES]
    assert counts == [row[f"{name}_count"] for name in CLASSES]
    assert len(objects) == row["cell_count"] == result.labels.max() == sum(counts)
    assert row["positive_cells_pct"] == pytest.approx(100 * sum(counts[1:]) / sum(counts))
    assert row["h_score"] == h_score(*counts)
    mask = result.masks["dab"]
    assert row["dab_area_pct"] == pytest.approx(100 * mask.mean())
    assert row["dab_integrated_od"] == pytest.approx(row["dab_mean_od"] * mask.sum())
    tissue = result.masks["tissue"]
    assert row["dab_tissue_pct"] == pytest.approx(100 * (mask & tissue).sum() / tissue.sum())
    assert objects["area_um2"].to_numpy() == pytest.approx(objects["area_px"].to_numpy() * 0.25)
    places = objects[["y_px", "x_px"]].to_numpy().astype(int)
    assert (result.labels[places[:, 0], places[:, 1]] == objects["object"]).mean() > 0.98


def test_a_section_without_dab_is_negative() -> None:
    cells = synth.Immunostain(shares=(1.0, 0.0, 0.0, 0.0), haematoxylin_od=0.8)
    row = _measured(_field(5, cells)).summary
    assert row["dab_area_pct"] < 0.1
    assert row["positive_cells_pct"] < 1
    assert row["h_score"] < 1
    assert row["cell_count"] > 100


def test_dark_and_grey_are_not_brown() -> None:
    field = _field(6, synth.Immunostain(shares=(1.0, 0.0, 0.0, 0.0)))
    pixels = field.pixels.copy()
    pixels[100:140, 100:160] = (30, 30, 30)  # dirt
    pixels[200:240, 100:160] = (60, 40, 110)  # a fold full of haematoxylin
    assert (
        _measured(synth.ImmunoField(pixels, field.dab_od, field.nuclei, field.cell_od, field.white)).summary[
            "dab_area_pct"
        ]
        < 0.3
    )
    unchecked = xi.assay("ihc-dab", largest_excess_od=2.0).measure(Image(pixels)).summary
    assert unchecked["dab_area_pct"] > 1


def test_the_size_of_nuclei_is_the_studys() -> None:
    recipe = xi.assay("ihc-dab")
    images = [Image(_field(s, synth.Immunostain(diameter_px=d)).pixels, pixel_size=0.5) for s, d in ((1, 14), (2, 20))]
    resolved = recipe.resolve([recipe.observe(image) for image in images])
    assert isinstance(resolved.recipe.typical_diameter, Length)
    assert resolved.recipe.typical_diameter.unit == "um"
    rows = [resolved.measure(image).summary for image in images]
    assert len({row["nucleus_diameter_px"] for row in rows}) == 1
    assert 14 < rows[0]["nucleus_diameter_px"] < 26
    unknown = recipe.resolve([recipe.observe(Image(images[0].pixels)), recipe.observe(images[1])])
    assert unknown.recipe.typical_diameter.unit == "px"


def test_a_diameter_in_um_needs_the_pixel_size() -> None:
    field = _field(7)
    assert _measured(field, typical_diameter="9 um").summary["nucleus_diameter_px"] == 18
    assert _measured(field, None, typical_diameter="18 px").summary["cell_count"] > 100
    with pytest.raises(MeasureError, match="typical_diameter"):
        _measured(field, None, typical_diameter="9 um")


def test_recipes_that_cannot_be_are_refused() -> None:
    for wrong, message in (
        ({"cuts_od": (0.4, 0.2, 0.6)}, "increasing"),
        ({"stains": {"method": "preset", "name": "H&E", "target": "haematoxylin"}}, "haematoxylin"),
        ({"stains": {"method": "preset", "name": "Methyl Green DAB"}}, "haematoxylin"),
        ({"compartment": "membrane"}, "compartment"),
    ):
        with pytest.raises(RecipeError, match=message):
            xi.assay("ihc-dab", **wrong)


def test_wrong_pictures_are_refused_or_flagged() -> None:
    field = _field(8)
    recipe = xi.assay("ihc-dab")
    with pytest.raises(ImageError, match="grey"):
        recipe.measure(Image(field.pixels[:, :, 0]))
    with pytest.raises(ImageError, match="bright-field"):
        recipe.measure(Image(field.pixels, light="emitted"))
    black = recipe.measure(Image(np.zeros((80, 90, 3), np.uint8)))
    assert Flag.BLANK in black.flags
    assert black.summary["dab_area_pct"] == 0
    assert black.summary["cell_count"] == 0
    assert black.summary["h_score"] is None
    assert list(black.objects) == list(_measured(field).objects)
    inverted = recipe.measure(Image(255 - field.pixels))
    assert set(inverted.flags) & {Flag.WRONG_LIGHT, Flag.COLOUR_CAST, Flag.STAIN_MISMATCH}


def test_only_the_region_counts(tmp_path: Path) -> None:
    field = _field(9)
    halves = np.ones((360, 440), np.int32)
    halves[:, 220:] = 2
    write_labels(tmp_path / "halves.tif", halves, None)
    region = {"method": "rois", "path": str(tmp_path / "halves.tif")}
    whole, parts = _measured(field).summary, _measured(field, region=region)
    assert len(parts.rows) == 2
    assert sum(row["cell_count"] for row in parts.rows) == pytest.approx(whole["cell_count"], rel=0.08)
    assert np.mean([row["dab_area_pct"] for row in parts.rows]) == pytest.approx(whole["dab_area_pct"], abs=0.1)
    left = parts.objects[parts.objects["region"] == parts.rows[0]["region"]]
    assert left["x_px"].max() <= 220


def test_imagejs_chain_gives_imagejs_area() -> None:
    import skimage.data

    image = Image(skimage.data.immunohistochemistry())
    recipe = xi.assay("ihc-dab", imagej=True, threshold={"method": "otsu"})
    assert recipe.measure(image).summary["dab_area_pct"] == pytest.approx(55.39, abs=0.005)


def test_samples_pool_cells_not_fields() -> None:
    columns = {column.name: column for column in IhcDab.columns}
    rows = [
        {"cell_count": 100, "positive_count": 50, "h_score": 100.0},
        {"cell_count": 10, "positive_count": 0, "h_score": 0.0},
        {"cell_count": 0, "positive_count": 0, "h_score": None},
    ]
    assert columns["positive_cells_pct"].aggregation.of("positive_cells_pct", rows) == pytest.approx(5000 / 110)
    assert columns["h_score"].aggregation.of("h_score", rows) == pytest.approx(10_000 / 110)


def test_the_methods_text_says_what_dab_is_not() -> None:
    text = " ".join(xi.assay("ihc-dab", compartment="both").sentences())
    assert "no concentration" in text
    assert "0.2, 0.4, 0.6" in text


def test_the_demo_study_keeps_order_and_effect(tmp_path: Path) -> None:
    run = xi.run(DEMO / "study.toml", tmp_path / "out", jobs=2)
    merged = run.images.merge(pd.read_csv(DEMO / "truth.csv"), on="image", suffixes=("", "_true"))
    assert len(merged) == 18
    assert set(merged["status"]) == {"ok"}
    for name in ("dab_area_pct", "h_score", "positive_cells_pct"):
        means = merged.groupby("group")[[name, f"{name}_true"]].mean()
        assert list(means[name].sort_values().index) == ["PMO", "PMO+Exos", "Control"]
        ratio = (means[name] / means[name]["Control"]) / (means[f"{name}_true"] / means[f"{name}_true"]["Control"])
        assert ratio.min() > 0.95
        assert ratio.max() < 1.05
    assert (merged["dab_area_pct"] - merged["dab_area_pct_true"]).abs().max() < 1.5
    assert (merged["h_score"] - merged["h_score_true"]).abs().max() < 10
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 700_000


def test_the_network_finds_nuclei_of_sections_too() -> None:
    field = synth.immuno_field((384, 512), seed=4)
    image = Image(field.pixels, pixel_size=None)
    row = xi.assay("ihc-dab", nuclei="network", typical_diameter="18 px").measure(image).summary
    assert row["cell_count"] == pytest.approx(len(field.cell_od), rel=0.06)
    assert xi.assay("ihc-dab", nuclei="network").weights()
    assert not xi.assay("ihc-dab", nuclei="network", cells=False).weights()


def test_nuclei_that_are_too_small_are_refused_and_not_counted_as_none() -> None:
    image = Image(synth.immuno_field((200, 260), seed=4).pixels, pixel_size=4.0)
    with pytest.raises(MeasureError, match="cells = false"):
        xi.assay("ihc-dab", typical_diameter="8 um").measure(image)
    assert xi.assay("ihc-dab", cells=False).measure(image).summary["dab_area_pct"] > 0


def test_installed_detectors_are_refused_on_slides() -> None:
    with pytest.raises(MeasureError, match="crop the slide"):
        xi.assay("ihc-dab", nuclei="cellpose").refuse_slide()
    xi.assay("ihc-dab", nuclei="cellpose", cells=False).refuse_slide()


@pytest.mark.real
@pytest.mark.parametrize(("name", "least_recall"), [("34_3", 0.65), ("799_2", 0.75)])
def test_nuclei_of_real_sections_are_found_and_classed(real: Path, name: str, least_recall: float) -> None:
    folder = real / "ihc_deepliif"
    result = xi.assay("ihc-dab").measure(xi.read(folder / f"{name}.png"))
    truth, is_positive = _deepliif_truth(folder / f"{name}_truth.png")
    one, other = matched(result.labels, truth)
    assert len(one) > least_recall * len(is_positive)
    # People drew fewer nuclei than there are: what they left out is no error of ours alone.
    assert 2 * len(one) / (result.labels.max() + len(is_positive)) > 0.6
    found = (result.objects["class"] != "negative").to_numpy()[one - 1]
    assert (found == is_positive[other - 1]).mean() > 0.95


@pytest.mark.real
def test_the_brown_share_of_a_section_is_near_another_programs(real: Path) -> None:
    result = xi.assay("ihc-dab").measure(xi.read(real / "dab_area" / "Native_Trop_02.jpg"))
    assert result.summary["dab_area_pct"] == pytest.approx(7.22, abs=1.5)


def _deepliif_truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Nuclei (red positive, blue negative) by number, each with half of its green border, and which are positive."""
    red, green, blue = (channel.astype(int) for channel in np.moveaxis(np.asarray(xi.read(path).pixels), -1, 0))
    inside = (np.maximum(red, blue) > 128) & (green < 128)
    _, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    is_positive = np.array([(red > 128)[labels == number].any() for number in range(1, labels.max() + 1)])
    grown = cv2.dilate(labels.astype(np.float32), np.ones((3, 3), np.uint8)).astype(int)
    return np.where(labels > 0, labels, grown), is_positive
