"""What every bright-field assay keeps to, whatever it measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.assays.recipe_text import to_toml
from exoimage.assays.registry import ASSAYS, recipe_class
from exoimage.errors import ImageError
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.images.writing import write_labels

PRIMARY = {
    "alizarin-red": ["stained_area_pct", "integrated_od"],
    "alp": ["stained_area_pct", "integrated_od"],
    "stain-area": ["stained_area_pct", "integrated_od"],
    "von-kossa": ["nodule_count", "nodules_per_mm2"],
    "he-bone": ["bv_tv_pct"],
    "masson": ["new_bone_pct", "new_bone_area_pct"],
    "ihc-dab": ["dab_area_pct", "positive_cells_pct"],
}
STAINED_AREA = """stained_area_pct integrated_od stained_area_um2 region_area_um2 mean_od region_mean_od nodule_count
    nodules_per_mm2 nodule_area_median_um2 threshold_od white_r white_g white_b"""
COLUMNS = {
    "alizarin-red": STAINED_AREA,
    "alp": STAINED_AREA,
    "stain-area": STAINED_AREA,
    "von-kossa": """nodule_count nodules_per_mm2 stained_area_pct nodule_area_sum_um2 nodule_area_median_um2
        threshold""",
    "he-bone": """bv_tv_pct b_ar_um2 t_ar_um2 b_pm_um tb_th_um tb_sp_um tb_n_per_mm tb_th_direct_um
        tb_sp_direct_um""",
    "masson": "new_bone_pct new_bone_area_pct new_bone_um2 mature_bone_um2 new_bone_mean_od",
    "ihc-dab": """dab_area_pct positive_cells_pct h_score allred_score cell_count weak_count moderate_count strong_count
        dab_mean_od dab_integrated_od""",
}
OBJECT_COLUMNS = {
    "alizarin-red": "area_px area_um2 circularity mean_od",
    "alp": "area_px area_um2 circularity mean_od",
    "stain-area": "area_px area_um2 circularity mean_od",
    "von-kossa": "area_px area_um2 circularity",
    "he-bone": "area_um2 perimeter_um",
    "masson": "area_um2",
    "ihc-dab": "class dab_od haematoxylin_od area_um2",
}
MASKS = {
    "alizarin-red": "stain",
    "alp": "stain",
    "stain-area": "stain",
    "von-kossa": "stain",
    "he-bone": "bone tissue",
    "masson": "new_bone mature_bone tissue",
    "ihc-dab": "dab tissue",
}
BRIGHTFIELD = [name for name in ASSAYS if name in PRIMARY]


def _demo(name: str) -> Image:
    folder = ROOT / "test_images" / ("alizarin_red" if name == "stain-area" else name.replace("-", "_")) / "images"
    first = sorted(path for path in folder.iterdir() if path.suffix in (".tif", ".jpg", ".png"))[0]
    return xi.read(first).with_pixel_size(1.0)


@pytest.fixture(scope="module", params=BRIGHTFIELD)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def image(name: str) -> Image:
    return _demo(name)


@pytest.fixture(scope="module")
def result(name: str, image: Image) -> Any:
    return xi.assay(name).measure(image)


def test_the_contracts_columns_are_there_the_primary_ones_first(name: str) -> None:
    kind = recipe_class(name)
    names = [column.name for column in kind.columns]
    assert set(COLUMNS[name].split()) <= set(names)
    assert [column.name for column in kind.columns if column.primary] == PRIMARY[name] == names[: len(PRIMARY[name])]
    assert set(OBJECT_COLUMNS[name].split()) <= {column.name for column in kind.object_columns}
    assert all(column.definition.endswith(".") for column in (*kind.columns, *kind.object_columns))


def test_rows_objects_labels_and_masks_are_what_is_declared(name: str, image: Image, result: Any) -> None:
    kind = recipe_class(name)
    assert list(result.summary) == ["region", "flags", *(column.name for column in kind.columns)]
    assert list(result.objects) == ["region", "object", *(column.name for column in kind.object_columns)]
    assert set(MASKS[name].split()) <= set(result.masks)
    assert result.labels.shape == image.shape
    assert result.labels.dtype == np.int32
    assert result.labels.max() == len(result.objects) > 0
    assert all(mask.shape == image.shape and mask.dtype == bool for mask in result.masks.values())


def test_the_picture_is_not_changed(name: str, image: Image, result: Any) -> None:
    copy = Image(image.pixels.copy(), pixel_size=1.0)
    before = copy.pixels.copy()
    xi.assay(name).measure(copy)
    np.testing.assert_array_equal(copy.pixels, before)


def test_without_a_pixel_size_lengths_and_areas_in_um_are_empty(name: str, image: Image) -> None:
    result = xi.assay(name).measure(Image(image.pixels))
    in_um = [column for column in result.summary if column.endswith(("_um", "_um2", "_per_mm", "_per_mm2"))]
    assert in_um
    assert all(result.summary[column] is None for column in in_um)
    assert Flag.NO_PIXEL_SIZE in result.flags
    assert all(np.isnan(result.objects[c]).all() for c in result.objects if c.endswith(("_um", "_um2")))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_constant_picture_is_a_normal_result_with_nothing_in_it(name: str, value: int) -> None:
    result = xi.assay(name).measure(Image(np.full((90, 120, 3), value, np.uint8), pixel_size=1.0))
    assert Flag.BLANK in result.flags
    assert len(result.objects) == 0
    assert list(result.objects) == ["region", "object", *(c.name for c in recipe_class(name).object_columns)]
    assert not any(result.masks[mask].any() for mask in MASKS[name].split())
    assert (Flag.WRONG_LIGHT in result.flags) is (value == 0)


def test_a_picture_of_a_few_pixels_is_a_normal_result(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, 3)).astype(np.uint8)
    assert xi.assay(name).measure(Image(pixels, pixel_size=1.0)).labels.shape == (3, 2)


def test_a_grey_picture_is_refused(name: str) -> None:
    with pytest.raises(ImageError, match="colour"):
        xi.assay(name).measure(Image(np.zeros((60, 60, 1), np.uint8)))


def test_other_bit_depths_give_the_same_numbers(name: str, image: Image, result: Any) -> None:
    deep = xi.assay(name).measure(Image(image.pixels.astype(np.uint16) * 257, pixel_size=1.0))
    primary = PRIMARY[name][0]
    assert deep.summary[primary] == pytest.approx(result.summary[primary], rel=0.02)


def test_each_region_has_a_row_and_its_own_objects(name: str, image: Image, tmp_path: Path) -> None:
    halves = np.ones(image.shape, np.int32)
    halves[:, image.shape[1] // 2 :] = 2
    write_labels(tmp_path / "halves.tif", halves, None)
    recipe = xi.assay(name, region={"method": "rois", "path": str(tmp_path / "halves.tif")})
    result = recipe.measure(image)
    assert len(result.rows) == 2
    assert set(result.objects["region"]) <= {row["region"] for row in result.rows}
    assert list(result.objects["object"]) == list(range(1, len(result.objects) + 1))
    for row, half in zip(result.rows, (slice(0, image.shape[1] // 2), slice(image.shape[1] // 2, None)), strict=True):
        own = result.objects[result.objects["region"] == row["region"]]
        middle = own["x_px"].between(half.start or 0, half.stop or image.shape[1])
        assert middle.all()


@pytest.mark.parametrize("imagej", [False, True])
def test_a_recipe_survives_being_written_and_read(name: str, imagej: bool, tmp_path: Path) -> None:
    recipe = xi.assay(name, imagej=imagej)
    (tmp_path / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    assert xi.load_recipe(tmp_path / "recipe.toml") == recipe


def test_imagejs_chain_measures_too_and_says_so(name: str, image: Image) -> None:
    recipe = xi.assay(name, imagej=True)
    result = recipe.measure(Image(image.pixels, pixel_size=1.0))
    assert result.summary[PRIMARY[name][0]] is not None
    assert "ImageJ" in " ".join(recipe.sentences())


def test_the_three_steps_give_what_measure_gives(name: str, image: Image, result: Any) -> None:
    recipe = xi.assay(name)
    stepwise = recipe.resolve([recipe.observe(image)]).measure(image)
    assert stepwise.summary == result.summary
    np.testing.assert_array_equal(stepwise.labels, result.labels)


def test_it_says_in_words_what_it_does(name: str) -> None:
    recipe = xi.assay(name)
    assert len(recipe.sentences()) >= 3
    assert all(sentence.endswith(".") and "None" not in sentence for sentence in recipe.sentences())
    assert recipe.references
