from __future__ import annotations

from pathlib import Path

import pytest

import exoimage as xi
from exoimage.assays.recipe_text import (
    load_recipe,
    load_resolved,
    resolved_to_toml,
    to_toml,
    with_settings,
)
from exoimage.assays.registry import ASSAYS
from exoimage.errors import RecipeError
from exoimage.images.image import Image
from exoimage.methods import synth


@pytest.mark.parametrize("name", list(ASSAYS))
def test_a_recipe_survives_its_text(name: str, tmp_path: Path) -> None:
    recipe = xi.assay(name)
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe), encoding="utf-8")
    assert load_recipe(path) == recipe
    described = [line for line in to_toml(recipe).splitlines() if line.startswith("#")]
    assert len(described) > len(type(recipe).model_fields)


@pytest.mark.parametrize(
    "settings",
    [
        ["threshold.floor_od=0.2"],
        ["threshold.method=fixed", "threshold.od=0.3"],
        ['threshold={method="negative-controls", controls="Control"}'],
        ["region.method=wells", "region.rows=4"],
        ["stains.name=H DAB"],
        ["smallest_nodule=12 um", "largest_nodule=unlimited"],
        ["white={method='given', rgb=[240, 238, 230]}"],
    ],
)
def test_settings_make_a_recipe_that_survives_its_text(settings: list[str], tmp_path: Path) -> None:
    recipe = with_settings(xi.assay("alizarin-red"), settings)
    assert recipe != xi.assay("alizarin-red")
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe), encoding="utf-8")
    assert load_recipe(path) == recipe


def test_another_preset_brings_its_own_target() -> None:
    assert with_settings(xi.assay("alizarin-red"), ["stains.name=H DAB"]).stains.target == "DAB"
    kept = with_settings(xi.assay("alizarin-red"), ["stains.name=H DAB", "stains.target=haematoxylin"])
    assert kept.stains.target == "haematoxylin"


@pytest.mark.parametrize("setting", ["threshold", "=3", "threshold.floor_od=much", "nothing=1", "threshold.method.x=1"])
def test_a_wrong_setting_is_refused(setting: str) -> None:
    with pytest.raises(RecipeError):
        with_settings(xi.assay("alizarin-red"), [setting])


def test_relative_paths_start_at_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('assay = "alizarin-red"\nregion = { method = "rois", path = "rois" }\n')
    assert Path(load_recipe(tmp_path / "recipe.toml").region.path) == tmp_path / "rois"


@pytest.mark.parametrize("text", ["", "assay = 3", "x = ", 'assay = "no-such"', 'assay = "alizarin-red"\nx = 1'])
def test_a_file_that_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(RecipeError):
        load_recipe(path)


def test_what_was_decided_survives_its_text(tmp_path: Path) -> None:
    recipe = xi.assay("alizarin-red")
    image = Image(synth.nodule_field((120, 160), synth.Nodules(fraction=0.2), seed=1).pixels)
    resolved = recipe.resolve([recipe.observe(image)])
    path = tmp_path / "resolved.toml"
    path.write_text(resolved_to_toml({"": resolved, "day 2": resolved}), encoding="utf-8")
    again = load_resolved(path)
    assert list(again) == ["", "day 2"]
    assert again[""] == resolved
    assert again[""].digest == resolved.digest
    assert again[""].measure(image).summary == resolved.measure(image).summary
    with pytest.raises(RecipeError, match=r"resolved\.toml"):
        load_resolved(_written(tmp_path / "other.toml", "x = 1"))


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_imagej_moves_the_defaults_but_not_what_was_chosen() -> None:
    recipe = with_settings(xi.assay("alizarin-red"), ["imagej=true", "threshold.method=li", "smallest_nodule=9 px"])
    assert recipe.white.method == "full-scale"
    assert (recipe.threshold.method, recipe.threshold.scope, recipe.threshold.floor_od) == ("li", "image", 0.0)
    assert str(recipe.smallest_nodule) == "9 px"


def test_another_automatic_method_keeps_scope_and_floor() -> None:
    recipe = with_settings(
        xi.assay("alizarin-red", threshold={"method": "otsu", "floor_od": 0.3}), ["threshold.method=li"]
    )
    assert recipe.threshold.floor_od == 0.3
    assert with_settings(recipe, ["threshold.method=fixed", "threshold.od=0.2"]).threshold.od == 0.2
