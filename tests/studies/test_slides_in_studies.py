from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import exoimage as xi
from exoimage.assays import slides
from exoimage.cli import main
from exoimage.images.writing import write_image
from exoimage.methods import synth
from exoimage.studies import slide_work, work
from exoimage.studies.batch import threads_per_slide

SHAPE = (700, 900)


def _write(path: Path, seed: int, fraction: float = 0.15, pixel_size: float | None = 0.5) -> Path:
    """A tiled pyramid of nodules."""
    pixels = synth.nodule_field(SHAPE, synth.Nodules(fraction=fraction, radius_px=20), seed=seed).pixels
    scale = {} if pixel_size is None else {"PhysicalSizeX": pixel_size, "PhysicalSizeY": pixel_size}
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(pixels, tile=(256, 256), photometric="rgb", subifds=1, metadata={"axes": "YXS", **scale})
        small = np.ascontiguousarray(pixels[::4, ::4])
        tif.write(small, tile=(64, 64), photometric="rgb", subfiletype=1, metadata=None)
    return path


@pytest.fixture
def as_slides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of half a megapixel are slides, and their tiles small."""
    monkeypatch.setattr(slides, "LARGEST_WHOLE_PYRAMID_PX", 400_000)
    monkeypatch.setattr(slides, "LARGEST_WHOLE_PX", 500_000)
    monkeypatch.setattr(slide_work, "SMALLEST_FILE", 0)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two slides and a field."""
    folder = tmp_path / "images"
    folder.mkdir()
    _write(folder / "a.ome.tif", 1)
    _write(folder / "b.ome.tif", 2, 0.25)
    field = synth.nodule_field((200, 300), synth.Nodules(fraction=0.2, radius_px=12), seed=3)
    write_image(folder / "c.tif", xi.Image(field.pixels, pixel_size=0.5))
    return folder


def _run(pictures: Path, out: Path, assay: str = "alizarin-red", **keys: Any) -> Any:
    from exoimage.studies.plan import study_of_images

    return xi.run(study_of_images(xi.assay(assay, **keys), [str(pictures)]), out)


def _opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slides that are measured from now on."""
    names: list[str] = []
    measured = work.measured_slide

    def noted(ref: Any, *arguments: Any, **keys: Any) -> Any:
        names.append(ref.key)
        return measured(ref, *arguments, **keys)

    monkeypatch.setattr(work, "measured_slide", noted)
    return names


def test_slides_and_fields_of_a_study_are_measured_by_one_decision(
    tmp_path: Path, pictures: Path, as_slides: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _opened(monkeypatch)
    tiled = _run(pictures, tmp_path / "tiled")
    assert sorted(Path(name).name for name in names) == ["a.ome.tif", "b.ome.tif"]
    monkeypatch.setattr(slides, "is_slide", lambda shape, n_levels: False)
    whole = _run(pictures, tmp_path / "whole")
    assert tiled.n_failed == whole.n_failed == 0
    assert tiled.images["threshold_od"].nunique() == 1
    np.testing.assert_allclose(tiled.images["threshold_od"], whole.images["threshold_od"], atol=0.02)
    np.testing.assert_allclose(tiled.images["stained_area_pct"], whole.images["stained_area_pct"], atol=0.5)
    assert (tiled.objects.groupby("image").size() - whole.objects.groupby("image").size()).abs().max() <= 3


def test_a_slide_leaves_labels_overlay_and_preview(tmp_path: Path, pictures: Path, as_slides: None) -> None:
    run = _run(pictures, tmp_path / "out")
    out = tmp_path / "out"
    labels = tifffile.imread(out / "labels" / "a.ome.tif.tif")
    assert labels.shape == SHAPE
    assert labels.max() == run.images["nodule_count"][0]
    assert xi.read(out / "labels" / "a.ome.tif.tif").pixel_size == pytest.approx(0.5)
    for folder in ("overlays", "records"):
        picture = xi.read(out / folder / "a.ome.tif.jpg")
        assert max(picture.shape) <= 1600
    assert (out / "report.html").exists()


def test_what_is_current_is_not_measured_again(
    tmp_path: Path, pictures: Path, as_slides: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(pictures, tmp_path / "out")
    names = _opened(monkeypatch)
    (tmp_path / "out" / "records" / "b.ome.tif.json").unlink()  # as a killed run leaves it
    again = _run(pictures, tmp_path / "out")
    assert [Path(name).name for name in names] == ["b.ome.tif"]
    assert again.images.equals(first.images)
    assert again.objects.equals(first.objects)


def test_a_slide_that_an_assay_cannot_measure_fails_alone_and_says_what_to_do(
    tmp_path: Path, pictures: Path, as_slides: None
) -> None:
    run = _run(pictures, tmp_path / "out", "pkh26")
    rows = run.images.set_index("image")
    for name in ("a.ome.tif", "b.ome.tif"):
        assert rows.loc[name, "status"] == "failed"
        assert "crop the fields that count" in rows.loc[name, "error"]


def test_a_mask_corrected_by_hand_is_refused(tmp_path: Path, pictures: Path, as_slides: None) -> None:
    from dataclasses import replace

    from exoimage.studies.plan import study_of_images

    mask = tmp_path / "mask.tif"
    tifffile.imwrite(mask, np.ones(SHAPE, np.uint8))
    study = study_of_images(xi.assay("alizarin-red"), [str(pictures / "a.ome.tif")])
    run = xi.run(replace(study, images=[replace(one, edit=str(mask)) for one in study.images]), tmp_path / "out")
    assert "correct a crop of it" in run.images["error"][0]


def test_bone_of_a_slide_is_measured_at_a_coarse_level(tmp_path: Path, as_slides: None) -> None:
    field = synth.bone_field((300, 350), pixel_size_um=4.0, seed=1).pixels
    large = np.repeat(np.repeat(field, 4, axis=0), 4, axis=1)
    path = tmp_path / "bone.ome.tif"
    scale = {"axes": "YXS", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}
    tifffile.imwrite(path, large, tile=(256, 256), photometric="rgb", ome=True, metadata=scale)
    run = _run(path, tmp_path / "out", "he-bone")
    alone = xi.assay("he-bone").measure(xi.Image(field, pixel_size=4.0)).summary
    for name in ("bv_tv_pct", "t_ar_um2"):
        assert run.images[name][0] == pytest.approx(alone[name], rel=0.02)
    unknown = tmp_path / "unknown.tif"
    tifffile.imwrite(unknown, large, tile=(256, 256), photometric="rgb")
    assert "size of this slide's pixels is unknown" in _run(unknown, tmp_path / "no", "he-bone").images["error"][0]
    assert main(["measure", "he-bone", str(unknown), "--pixel-size", "1", "--out", str(tmp_path / "yes")]) == 0


def test_few_slides_get_the_threads_that_processes_leave() -> None:
    assert threads_per_slide(4, 1) == 4
    assert threads_per_slide(16, 1) == 4
    assert threads_per_slide(4, 2) == 2
    assert threads_per_slide(2, 30) == 1


def test_fields_and_small_files_are_no_slides(tmp_path: Path) -> None:
    from exoimage.images.image import ImageRef

    recipe = xi.assay("alizarin-red")
    for path in (_write(tmp_path / "a.ome.tif", 1), tmp_path / "missing.tif"):
        with slide_work.slide_of(ImageRef("a", (str(path),)), recipe, None) as slide:
            assert slide is None


@pytest.mark.parametrize(("stored", "counted"), [(0.5, 0.5), (None, 2.0)])
def test_a_given_pixel_size_is_for_slides_that_do_not_say_theirs(
    tmp_path: Path, as_slides: None, stored: float | None, counted: float
) -> None:
    from exoimage.studies.plan import study_of_images

    slide = _write(tmp_path / "a.ome.tif", 1, pixel_size=stored)
    study = study_of_images(xi.assay("alizarin-red"), [str(slide)], pixel_size=2.0)
    row = xi.run(study, tmp_path / "out").images.iloc[0]
    assert row["region_area_um2"] == pytest.approx(SHAPE[0] * SHAPE[1] * counted**2)


def test_counting_a_slide_can_be_ended_between_tiles(tmp_path: Path, as_slides: None) -> None:
    from exoimage.images.source import open_source

    recipe = xi.assay("alizarin-red", threshold={"method": "fixed", "od": 0.3})
    with open_source(_write(tmp_path / "a.ome.tif", 1)) as source:
        resolved = recipe.resolve([slides.observe_slide(recipe, source)], ("study", "batch", "image"))
        steps = slides.measuring_slide(resolved, source, tile_edge=256)
        assert next(steps) == (1, 12)
        steps.close()
        seen = []
        steps = slides.measuring_slide(resolved, source, tile_edge=256)
        try:
            while True:
                seen.append(next(steps))
        except StopIteration as end:
            found = end.value
        assert seen == [(number, 12) for number in range(1, 13)]
        whole = slides.measure_slide(resolved, source, tile_edge=256)
        assert found.rows == whole.rows
        found.close()
        whole.close()
