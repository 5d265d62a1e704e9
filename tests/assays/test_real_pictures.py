"""Real pictures without truth: what a scientist would mark must be marked, and what is no specimen must not."""

from __future__ import annotations

from pathlib import Path

import pytest

import exoimage as xi
from exoimage.flags import Flag

pytestmark = pytest.mark.real


def test_bones_of_the_larvae_are_marked_and_scale_bars_and_letters_are_not(real: Path) -> None:
    folder, recipe = real / "alizarin_zebrafish", xi.assay("alizarin-red")
    images = [xi.read(folder / f"{name}.png") for name in ("larva_side", "larva_top", "composite_figure")]
    resolved = recipe.resolve([recipe.observe(image) for image in images])
    side, top, figure = (resolved.measure(image) for image in images)
    assert Flag.COMPOSITE_FIGURE in figure.flags
    for result in (side, top):
        assert Flag.ANNOTATION in result.flags
        assert Flag.COMPOSITE_FIGURE not in result.flags
        assert 1 < result.summary["stained_area_pct"] < 5
    assert side.masks["stain"][185:200, 190:215].mean() > 0.5  # cleithrum and its neighbours
    assert top.masks["stain"][180:210, 185:215].mean() > 0.4
    assert not side.masks["stain"][310:, 320:].any()  # the scale bar's box
    assert not top.masks["stain"][310:].any()  # box and letters


def test_sirius_red_is_told_from_the_yellow_tissue(real: Path) -> None:
    image = xi.read(real / "histology_liverquant" / "tile02_PSR.jpg")
    row = xi.assay("stain-area").measure(image).summary
    assert 12 < row["stained_area_pct"] < 20
    assert not {"colour_cast", "stain_mismatch"} & set(str(row["flags"]).split())
