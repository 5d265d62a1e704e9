from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import exoimage as xi
from exoimage.methods import synth


def _stack(path: Path) -> int:
    """A z-stack of one field whose nuclei are in focus in different planes; how many there are."""
    field = synth.cell_field((300, 300), synth.CellPopulation(count=20), seed=3)
    planes = np.stack([field.pixels[:, :, 0] // 2, field.pixels[:, :, 0], field.pixels[:, :, 0] // 3])
    tifffile.imwrite(path, planes[:, np.newaxis], imagej=True, metadata={"axes": "ZCYX"})
    return int(field.labels.max())


@pytest.mark.parametrize("z", ["max", "mean"])
def test_a_z_stack_is_projected_so_that_no_nucleus_counts_twice(z: str, tmp_path: Path) -> None:
    count = _stack(tmp_path / "a.tif")
    (tmp_path / "study.toml").write_text(
        f'[study]\nassay = "edu"\nimages = "*.tif"\n[recipe]\nz = "{z}"\n', encoding="utf-8"
    )
    rows = xi.run(tmp_path / "study.toml", tmp_path / "out").images
    assert rows["status"].tolist() == ["ok"]
    assert rows["nuclei_count"][0] == pytest.approx(count, abs=1)
    assert "projected" in (tmp_path / "out" / "methods.md").read_text(encoding="utf-8")


def test_a_z_stack_can_be_refused(tmp_path: Path) -> None:
    _stack(tmp_path / "a.tif")
    (tmp_path / "study.toml").write_text(
        '[study]\nassay = "edu"\nimages = "*.tif"\n[recipe]\nz = "refuse"\n', encoding="utf-8"
    )
    rows = xi.run(tmp_path / "study.toml", tmp_path / "out").images
    assert rows["status"].tolist() == ["failed"]
    assert "Z = 3" in rows["error"][0]


def _pages(path: Path) -> None:
    field = synth.cell_field((200, 200), synth.CellPopulation(count=8), seed=4)
    planes = [field.pixels[:, :, 0], np.full((200, 200), 90, field.pixels.dtype)]
    with tifffile.TiffWriter(path) as tif:
        for plane in planes:
            tif.write(plane, photometric="minisblack", metadata=None, contiguous=False)


def test_pages_without_a_name_are_what_the_recipe_says(tmp_path: Path) -> None:
    _pages(tmp_path / "a.tif")
    found = {}
    for pages in ("refuse", "channels", "z"):
        (tmp_path / "study.toml").write_text(
            f'[study]\nassay = "edu"\nimages = "*.tif"\n[recipe]\npages = "{pages}"\n', encoding="utf-8"
        )
        found[pages] = xi.run(tmp_path / "study.toml", tmp_path / f"out_{pages}").images.iloc[0]
    assert found["refuse"]["status"] == "failed"
    assert "holds 2 pictures" in found["refuse"]["error"]
    assert found["channels"]["status"] == "ok"
    assert "no_marker_channel" not in str(found["channels"]["flags"])
    assert "no_marker_channel" in str(found["z"]["flags"])
