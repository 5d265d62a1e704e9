"""What every fluorescence assay keeps to, whatever it measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import ROOT

import exoimage as xi
from exoimage.assays.recipe_text import to_toml
from exoimage.assays.registry import recipe_class
from exoimage.flags import Flag
from exoimage.images.image import Image
from exoimage.studies.plan import load_study
from exoimage.studies.store import Store
from exoimage.studies.work import Job, _contents, _decoded

COLUMNS = {
    "edu": """edu_positive_pct nuclei_count edu_positive_count edu_positive_ci_low_pct edu_positive_ci_high_pct
        nucleus_area_median_um2 threshold""",
    "pkh26": "puncta_per_cell positive_cells_pct cell_count puncta_count uptake_area_pct mean_ctcf",
}
OBJECT_COLUMNS = {"edu": "positive edu_mean dapi_integrated area_um2", "pkh26": "puncta ctcf integrated area_um2"}


@pytest.fixture(scope="module", params=list(COLUMNS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def image(name: str, tmp_path_factory: pytest.TempPathFactory) -> Image:
    study = load_study(ROOT / "test_images" / name / "study.toml")
    job = Job(study.images[0].ref, study.recipe, Store(tmp_path_factory.mktemp("store")), study.pixel_size)
    return _decoded(job, _contents(job)[0])


@pytest.fixture(scope="module")
def result(name: str, image: Image) -> Any:
    return xi.assay(name).measure(image)


def test_the_contracts_columns_are_there_the_primary_one_first(name: str) -> None:
    kind = recipe_class(name)
    names = [column.name for column in kind.columns]
    assert set(COLUMNS[name].split()) <= set(names)
    assert kind.columns[0].primary
    assert set(OBJECT_COLUMNS[name].split()) <= {column.name for column in kind.object_columns}
    assert all(column.definition.endswith(".") for column in (*kind.columns, *kind.object_columns))


def test_rows_objects_and_labels_are_what_is_declared(name: str, image: Image, result: Any) -> None:
    kind = recipe_class(name)
    assert list(result.summary) == ["region", "flags", *(column.name for column in kind.columns)]
    assert list(result.objects) == ["region", "object", *(column.name for column in kind.object_columns)]
    assert result.labels.shape == image.shape
    assert result.labels.dtype == np.int32
    assert result.labels.max() == len(result.objects) > 0


@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_constant_picture_is_a_normal_result_with_nothing_in_it(name: str, value: int) -> None:
    pixels = np.full((90, 120, 2), value, np.uint8)
    result = xi.assay(name).measure(Image(pixels, ("DAPI", "EdU"), pixel_size=1.0, light="emitted"))
    assert Flag.BLANK in result.flags
    assert len(result.objects) == 0
    assert list(result.objects) == ["region", "object", *(c.name for c in recipe_class(name).object_columns)]


def test_the_nuclear_channel_alone_is_counted(name: str, image: Image, result: Any) -> None:
    alone = xi.assay(name).measure(Image(image.pixels[:, :, :1], ("DAPI",), pixel_size=1.0, light="emitted"))
    assert Flag.NO_MARKER_CHANNEL in alone.flags
    assert alone.labels.max() > 0
    assert alone.summary[recipe_class(name).columns[0].name] is None


def test_without_a_pixel_size_lengths_and_areas_in_um_are_empty(name: str, image: Image) -> None:
    result = xi.assay(name).measure(image.with_pixel_size(None))
    in_um = [column for column in result.summary if column.endswith(("_um", "_um2", "_per_mm2"))]
    assert in_um
    assert all(result.summary[column] is None for column in in_um)
    assert Flag.NO_PIXEL_SIZE in result.flags


def test_the_picture_is_not_changed_and_the_steps_give_what_measure_gives(name: str, image: Image, result: Any) -> None:
    before = image.pixels.copy()
    recipe = xi.assay(name)
    stepwise = recipe.resolve([recipe.observe(image)]).measure(image)
    np.testing.assert_array_equal(image.pixels, before)
    assert stepwise.summary == result.summary
    np.testing.assert_array_equal(stepwise.labels, result.labels)


def test_a_recipe_survives_being_written_and_read_and_says_what_it_does(name: str, tmp_path: Any) -> None:
    recipe = xi.assay(name)
    (tmp_path / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    assert xi.load_recipe(tmp_path / "recipe.toml") == recipe
    assert len(recipe.sentences()) >= 3
    assert all(sentence.endswith(".") and "None" not in sentence for sentence in recipe.sentences())
    assert recipe.references
