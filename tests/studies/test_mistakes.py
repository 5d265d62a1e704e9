"""What users do wrong, and studies that are not as they seem: a clear error or the right number."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.assays.recipe_text import to_toml
from exoimage.assays.registry import recipe_class
from exoimage.cli import main
from exoimage.errors import MeasureError, RecipeError
from exoimage.images.image import Image
from exoimage.images.writing import write_image, write_labels
from exoimage.methods import ihc_scores, synth

DEMOS = ROOT / "test_images"


def test_a_resolved_recipe_measures_where_the_study_says(tmp_path: Path) -> None:
    field = synth.nodule_field((200, 260), synth.Nodules(fraction=0.2, radius_px=8), seed=1)
    mask = np.zeros((200, 260), np.int32)
    mask[20:120, 30:200] = 1
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "field.tif", Image(field.pixels, pixel_size=1.0))
        write_labels(tmp_path / name / "rois.tif", mask, None)
        (tmp_path / name / "study.toml").write_text(
            '[study]\nassay = "alizarin-red"\nimages = "field.tif"\n'
            '[recipe]\nregion = { method = "rois", path = "rois.tif" }\n',
            encoding="utf-8",
        )
        mask[:, :] = 0
        mask[5:60, 5:60] = 1
    whole = '[study]\nassay = "alizarin-red"\nimages = "field.tif"\n'
    (tmp_path / "b" / "whole.toml").write_text(whole, encoding="utf-8")
    xi.run(tmp_path / "a" / "study.toml", tmp_path / "out_a")
    resolved = tmp_path / "out_a" / "resolved.toml"
    areas = [
        xi.run(tmp_path / "b" / study, tmp_path / f"out_{study}", resolved=resolved).images["region_area_px"].tolist()
        for study in ("study.toml", "whole.toml")
    ]
    assert areas == [[55 * 55], [200 * 260]]


def test_an_example_of_another_depth_or_without_colour_is_refused(tmp_path: Path) -> None:
    section = synth.bone_field((200, 260), seed=1)
    write_labels(tmp_path / "scribbles.tif", np.where(section.bone, 1, 2).astype(np.int32), None)
    write_image(tmp_path / "deep.tif", Image(section.pixels.astype(np.uint16) * 257))
    write_image(tmp_path / "grey.tif", Image(section.pixels[:, :, 1]))
    for name in ("deep", "grey"):
        example = {"image": str(tmp_path / f"{name}.tif"), "scribbles": str(tmp_path / "scribbles.tif")}
        tissue: dict[str, Any] = {"method": "trained", "names": ["bone", "marrow"], "examples": [example]}
        with pytest.raises(MeasureError, match="take one of them"):
            xi.assay("he-bone", tissue=tissue).measure(Image(section.pixels, pixel_size=1.0))


def test_an_inverted_trichrome_is_a_clear_error() -> None:
    pixels = xi.read(sorted((DEMOS / "alp" / "images").iterdir())[0]).pixels
    with pytest.raises(MeasureError, match="none of a trichrome"):
        xi.assay("masson").measure(Image(255 - pixels))


@pytest.mark.parametrize(
    ("stains", "message"),
    [
        ({"method": "preset", "name": "Masson blue", "target": "nonsense"}, "nonsense"),
        ({"method": "preset", "name": "Masson green"}, 'variant = "masson-green"'),
    ],
)
def test_stains_that_contradict_the_trichromes_variant_are_refused(stains: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        xi.assay("masson", stains=stains)


def test_imagejs_chain_of_von_kossa_knows_no_micrometre() -> None:
    pixels = synth.silver_field((300, 400), synth.Silver(count=10, radius_px=15), seed=2).pixels
    recipe = xi.assay("von-kossa", imagej=True)
    areas = {recipe.measure(Image(pixels, pixel_size=size)).summary["stained_area_px"] for size in (None, 0.2, 3.0)}
    assert len(areas) == 1


def test_a_field_that_is_left_out_is_no_effect(tmp_path: Path) -> None:
    shutil.copytree(DEMOS / "von_kossa", tmp_path / "study")
    path = tmp_path / "study" / "study.toml"
    whole = xi.run(path, tmp_path / "whole", pictures=False).samples
    path.write_text(path.read_text(encoding="utf-8") + '\n[exclude]\n"images/Control_1_1.jpg" = "fold"\n', "utf-8")
    without = xi.run(path, tmp_path / "without", pictures=False).samples
    assert (without["n_fields"][0], whole["n_fields"][0]) == (1, 2)
    assert without["nodule_count"][0] == pytest.approx(whole["nodule_count"][0], rel=0.2)


def test_primary_columns_do_not_grow_with_the_number_of_fields() -> None:
    for name in ("alizarin-red", "alp", "von-kossa", "he-bone", "masson", "ihc-dab", "edu", "pkh26", "stain-area"):
        for column in xi.assay(name).primary_columns():
            assert not column.aggregation.describe().startswith("sum over"), f"{name}: {column.name}"


def test_allreds_score_is_that_of_all_cells_of_a_sample() -> None:
    (column,) = (c for c in recipe_class("ihc-dab").columns if c.name == "allred_score")
    names = ("negative_count", "weak_count", "moderate_count", "strong_count")
    fields = [dict(zip(names, counts, strict=True)) for counts in ((0, 0, 0, 10), (90, 0, 0, 0))]
    assert column.aggregation.of("allred_score", fields) == ihc_scores.allred_score(90, 0, 0, 10)
    assert column.aggregation.of("allred_score", [dict.fromkeys(names, None)]) is None


@pytest.mark.parametrize("name", ["alizarin-red", "von-kossa", "masson", "ihc-dab"])
def test_a_white_picture_among_them_changes_no_other(name: str) -> None:
    files = sorted((DEMOS / name.replace("-", "_") / "images").iterdir())[:3]
    images, recipe = [xi.read(file) for file in files], xi.assay(name)
    evidence = [recipe.observe(image) for image in images]
    white = recipe.observe(Image(np.full((300, 400, 3), 255, np.uint8)))
    one, other = (recipe.resolve(found).measure(images[0]).summary for found in (evidence, [*evidence, white]))
    assert one == other


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 200), (3, 400), (400, 3)])
@pytest.mark.parametrize("name", ["he-bone", "masson", "ihc-dab", "von-kossa", "alp"])
def test_thin_pictures_of_unknown_pixel_size_are_a_normal_result(name: str, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(60, 240, (*shape, 3)).astype(np.uint8)
    assert xi.assay(name).measure(Image(pixels)).labels.shape == shape


@pytest.mark.parametrize("name", ["alizarin-red", "alp", "von-kossa", "he-bone", "masson", "ihc-dab"])
def test_a_printed_recipe_in_which_imagej_is_switched_on_is_imagejs(name: str, tmp_path: Path) -> None:
    text = to_toml(xi.assay(name)).replace("imagej = false", "imagej = true")
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    assert xi.load_recipe(tmp_path / "recipe.toml").threshold.method == "default"


def test_missing_regions_are_one_line_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = str(DEMOS / "von_kossa" / "images")
    status = main(["measure", "von-kossa", images, "--out", str(tmp_path / "out"), "--rois", str(tmp_path / "no.zip")])
    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out" / "images.csv").exists()


def test_a_defect_of_ours_is_one_line_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> str:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("exoimage.assays.describe.list_assays", broken)
    assert main(["assays"]) == 1
    assert capsys.readouterr().err == "exoimage: unexpected ZeroDivisionError: of ours; please report it\n"
    monkeypatch.setenv("EXOIMAGE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["assays"])
