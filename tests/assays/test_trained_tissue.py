"""Tissue that is told by scribbles on an example picture: the same masks from Python, a recipe's text and a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exoimage as xi
from exoimage.assays.recipe_text import to_toml
from exoimage.errors import MeasureError, RecipeError, StudyError
from exoimage.images.image import Image
from exoimage.images.writing import write_image, write_labels
from exoimage.methods import synth

BONE = ("bone", "marrow", "glass")


def _section(seed: int, fraction: float = 0.2) -> Any:
    return synth.bone_field(
        (300, 400), synth.Trabeculae(fraction=fraction), specimen=synth.Specimen(glass_um=60), seed=seed
    )


def _scribbles(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """Truth in strokes all over the picture, up to the tissues' borders: inner strokes alone make bone shrink."""
    rng = np.random.default_rng(seed)
    scribbles = np.zeros(truth.shape, np.int32)
    for _ in range(120):
        y, x = int(rng.integers(0, truth.shape[0] - 4)), int(rng.integers(0, truth.shape[1] - 20))
        stroke = (slice(y, y + 4), slice(x, x + 20))
        scribbles[stroke] = truth[stroke]
    return scribbles


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    section = _section(1)
    write_image(folder / "example.tif", Image(section.pixels, pixel_size=1.0))
    truth = np.where(section.bone, 1, np.where(section.tissue, 2, 3))
    write_labels(folder / "scribbles.tif", _scribbles(truth), None)
    return folder


def _trained(folder: Path, names: tuple[str, ...] = BONE) -> dict[str, Any]:
    example = {"image": str(folder / "example.tif"), "scribbles": str(folder / "scribbles.tif")}
    return {"method": "trained", "examples": [example], "names": list(names)}


def test_bone_is_told_as_it_was_scribbled(folder: Path) -> None:
    recipe = xi.assay("he-bone", tissue=_trained(folder))
    for seed, fraction in ((5, 0.1), (6, 0.3)):
        section = _section(seed, fraction)
        result = recipe.measure(Image(section.pixels, pixel_size=1.0))
        assert result.summary["bv_tv_pct"] == pytest.approx(section.bv_tv_pct, abs=2.0)
    assert "random forest" in " ".join(recipe.sentences())


def test_the_recipes_text_and_a_study_give_the_same_masks(folder: Path) -> None:
    image = Image(_section(7).pixels, pixel_size=1.0)
    write_image(folder / "field.tif", image)
    recipe = xi.assay("he-bone", tissue=_trained(folder))
    (folder / "recipe.toml").write_text(to_toml(recipe), encoding="utf-8")
    one, other = recipe.measure(image), xi.load_recipe(folder / "recipe.toml").measure(image)
    np.testing.assert_array_equal(one.masks["bone"], other.masks["bone"])
    (folder / "study.toml").write_text('[study]\nrecipe = "recipe.toml"\nimages = "field.tif"\n', encoding="utf-8")
    for jobs in (1, 2):
        rows = xi.run(folder / "study.toml", folder / f"out{jobs}", jobs=jobs, pictures=False).images
        assert rows["b_ar_px"].tolist() == [one.summary["b_ar_px"]]
    resolved = (folder / "out1" / "resolved.toml").read_text(encoding="utf-8")
    assert "sha256" in resolved


def test_changed_scribbles_are_another_digest_and_refused_where_they_were_decided(folder: Path, tmp_path: Path) -> None:
    for name in ("example.tif", "scribbles.tif"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    recipe, image = xi.assay("he-bone", tissue=_trained(tmp_path)), Image(_section(8).pixels, pixel_size=1.0)
    before = recipe.resolve([recipe.observe(image)])
    truth = _section(1)
    write_labels(tmp_path / "scribbles.tif", _scribbles(np.where(truth.bone, 1, np.where(truth.tissue, 2, 3)), 9), None)
    after = recipe.resolve([recipe.observe(image)])
    assert before.digest != after.digest
    after.measure(image)
    with pytest.raises(MeasureError, match="have changed"):
        before.measure(image)


def test_trichrome_bone_is_told_as_it_was_scribbled(tmp_path: Path) -> None:
    def section(seed: int) -> Any:
        return synth.trichrome_field((300, 400), synth.Section(collagen=0.2, mature=0.25, width_px=30), seed=seed)

    example = section(1)
    write_image(tmp_path / "example.tif", Image(example.pixels))
    truth = np.where(example.collagen, 1, np.where(example.mature, 2, np.where(example.glass, 4, 3)))
    write_labels(tmp_path / "scribbles.tif", _scribbles(truth, 2), None)
    recipe = xi.assay("masson", tissue=_trained(tmp_path, ("new bone", "mature bone", "marrow", "glass")))
    other = section(4)
    result = recipe.measure(Image(other.pixels))
    assert 100 * result.masks["new_bone"].mean() == pytest.approx(100 * other.collagen.mean(), abs=2.0)
    assert 100 * result.masks["mature_bone"].mean() == pytest.approx(100 * other.mature.mean(), abs=4.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ["marrow", "glass"]}, "lacks bone"),
        ({"names": ["bone"]}, "names"),
        ({"names": ["bone", "bone"]}, "twice"),
        ({"examples": []}, "examples"),
    ],
)
def test_recipes_that_cannot_work_are_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        xi.assay("he-bone", tissue={**_trained(folder), **change})
    with pytest.raises(RecipeError, match="leave tissue out"):
        xi.assay("he-bone", imagej=True, tissue=_trained(folder))


def test_a_missing_example_and_a_picture_given_as_scribbles_say_so(folder: Path, tmp_path: Path) -> None:
    image = Image(_section(3).pixels, pixel_size=1.0)
    missing = xi.assay("he-bone", tissue=_trained(tmp_path))
    with pytest.raises(MeasureError, match=r"example.tif cannot be read"):
        missing.measure(image)
    swapped = _trained(folder)
    swapped["examples"] = [{"image": str(folder / "example.tif"), "scribbles": str(folder / "example.tif")}]
    with pytest.raises(MeasureError, match="no label image"):
        xi.assay("he-bone", tissue=swapped).measure(image)
    (tmp_path / "study.toml").write_text(
        '[study]\nassay = "he-bone"\nimages = "*.tif"\n[recipe]\ntissue = { method = "trained", names = ["bone", "x"],'
        ' examples = [{ image = "a", scribbles = "b" }] }\n',
        encoding="utf-8",
    )
    write_image(tmp_path / "field.tif", image)
    with pytest.raises((StudyError, MeasureError), match="cannot be read"):
        xi.run(tmp_path / "study.toml", tmp_path / "out")
