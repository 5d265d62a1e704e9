from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support import tables_alone as quick
from support import write_fields

import exoimage as xi
from exoimage.errors import StudyError
from exoimage.studies.plan import load_study, study_of_images

TABLES = ("images.csv", "objects.csv", "samples.csv")
GROUPS = '[groups]\npattern = "{group}_{sample}_{field}"\norder = ["Control", "PMO"]\ncontrol = "Control"\n'


def _study(folder: Path, extra: str = GROUPS, recipe: str = "", count: int = 8) -> Path:
    names = [
        f"{group}_{sample}_{field}.tif" for group in ("Control", "PMO") for sample in (1, 2) for field in (1, 2, 3, 4)
    ]
    write_fields(folder / "images", names[:count])
    path = folder / "study.toml"
    text = '[study]\nname = "test"\nassay = "alizarin-red"\nimages = "images/*"\n' + extra
    path.write_text(text + (f"[recipe]\n{recipe}\n" if recipe else ""), encoding="utf-8")
    return path


def _tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def _measured(events) -> int:
    return sum(event.stage == "measured" for event in events)


def test_a_run_leaves_what_the_contract_says(tmp_path: Path) -> None:
    run = xi.run(_study(tmp_path), tmp_path / "out")
    out = tmp_path / "out"
    for name in (*TABLES, "recipe.toml", "resolved.toml", "methods.md", "run.json"):
        assert (out / name).stat().st_size > 0
    assert len(list((out / "overlays").glob("*.jpg"))) == len(list((out / "labels").glob("*.tif"))) == 8
    assert (run.n_images, run.n_failed) == (8, 0)
    images = run.images
    assert list(images["group"]) == ["Control"] * 8
    assert list(images.columns[:12]) == [
        "image", "region", "group", "sample", "field", "batch", "status", "error", "flags", "included", "reason",
        "stained_area_pct",
    ]  # fmt: skip
    assert images["threshold_od"].nunique() == 1
    samples = run.samples
    assert list(samples["n_fields"]) == [4, 4]
    first = images[images["sample"] == "1"]
    pooled = 100 * first["stained_area_px"].sum() / first["region_area_px"].sum()
    assert samples["stained_area_pct"][0] == pytest.approx(pooled)
    assert len(run.objects) == images["nodule_count"].sum()
    document = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert len(document["images"]) == 8
    assert not (out / "pixels").exists()


def test_labels_carry_objects_and_pixel_size(tmp_path: Path) -> None:
    run = xi.run(_study(tmp_path, count=1), tmp_path / "out")
    (path,) = (tmp_path / "out" / "labels").glob("*.tif")
    labels = tifffile.imread(path)
    assert labels.max() == run.images["nodule_count"][0]
    assert xi.read(path).pixel_size == pytest.approx(1.0)


def test_the_number_of_processes_does_not_change_a_table(tmp_path: Path) -> None:
    study = _study(tmp_path)
    quick(study, tmp_path / "one", jobs=1)
    quick(study, tmp_path / "two", jobs=2)
    assert _tables(tmp_path / "one") == _tables(tmp_path / "two")


def test_python_and_the_study_give_the_same_number(tmp_path: Path) -> None:
    path = _study(tmp_path)
    run = quick(path, tmp_path / "out")
    recipe = load_study(path).recipe
    images = [xi.read(file) for file in sorted((tmp_path / "images").iterdir())]
    resolved = recipe.resolve([recipe.observe(image) for image in images])
    areas = [resolved.measure(image).summary["stained_area_pct"] for image in images]
    assert list(run.images["stained_area_pct"]) == areas


def test_a_second_run_measures_nothing_again(tmp_path: Path) -> None:
    study, out = _study(tmp_path), tmp_path / "out"
    quick(study, out)
    before, stamps = _tables(out), _record_times(out)
    quick(study, out)
    assert _tables(out) == before
    assert _record_times(out) == stamps
    quick(study, out, fresh=True)
    assert _tables(out) == before
    assert not set(_record_times(out).values()) & set(stamps.values())


def _record_times(out: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in (out / "records").iterdir() if p.suffix in (".json", ".npz")}


def test_a_change_redoes_just_what_it_must(tmp_path: Path) -> None:
    fixed = 'white = { method = "given", rgb = [238, 236, 230] }\nthreshold = { method = "fixed", od = 0.2 }'
    study, out = _study(tmp_path, recipe=fixed), tmp_path / "out"
    quick(study, out)
    stamps = {p.name: p.stat().st_mtime_ns for p in (out / "records").glob("*.json")}
    changed = tmp_path / "images" / "Control_1_2.tif"
    shutil.copy(tmp_path / "images" / "Control_2_4.tif", changed)
    quick(study, out)
    redone = [p.name for p in (out / "records").glob("*.json") if p.stat().st_mtime_ns != stamps[p.name]]
    assert len(redone) == 1
    assert "Control_1_2" in redone[0]
    study.write_text(study.read_text().replace("0.2 }", "0.25 }"))
    quick(study, out)
    assert {row["threshold_od"] for row in _rows(out).values()} == {"0.25"}


def test_a_changed_threshold_does_not_observe_again(tmp_path: Path) -> None:
    study, out = _study(tmp_path, recipe='threshold = { method = "otsu" }'), tmp_path / "out"
    quick(study, out)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "records").glob("*.npz")}
    study.write_text(study.read_text().replace('"otsu"', '"li"'))
    quick(study, out)
    assert {p: p.stat().st_mtime_ns for p in (out / "records").glob("*.npz")} == stamps


def test_bad_files_cost_their_own_rows_only(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write_fields(folder, [f"good_{k}.tif" for k in range(20)])
    whole = (folder / "good_0.tif").read_bytes()
    (folder / "truncated.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "text.tif").write_text("this is no picture\n")
    (folder / "zero.tif").write_bytes(b"")
    tifffile.imwrite(folder / "grey.tif", np.arange(160 * 200, dtype=np.uint16).reshape(160, 200))
    tifffile.imwrite(folder / "blank.tif", np.full((160, 200, 3), 240, np.uint8))
    run = quick(study_of_images(xi.assay("alizarin-red"), [folder]), tmp_path / "out", jobs=2)
    rows = _rows(tmp_path / "out")
    assert len(rows) == 25
    failed = {name: row["error"] for name, row in rows.items() if row["status"] == "failed"}
    assert set(failed) == {"truncated.tif", "text.tif", "zero.tif", "grey.tif"}
    assert all(error and "\n" not in error and "Traceback" not in error for error in failed.values())
    assert rows["blank.tif"]["flags"] == "blank no_pixel_size"
    assert float(rows["blank.tif"]["stained_area_pct"]) == 0
    assert run.n_failed == 4
    good = quick(study_of_images(xi.assay("alizarin-red"), sorted(folder.glob("good_*"))), tmp_path / "good").images
    assert set(good["status"]) == {"ok"}


def test_where_nothing_can_be_read_every_row_says_so(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.tif").write_text("no picture")
    run = quick(study_of_images(xi.assay("alizarin-red"), [tmp_path / "images"]), tmp_path / "out")
    assert (run.n_images, run.n_failed) == (1, 1)
    assert run.objects.empty
    assert run.samples.empty


def test_excluded_images_stay_with_their_reason_and_count_for_nothing(tmp_path: Path) -> None:
    study = _study(tmp_path, extra=GROUPS + '[exclude]\n"images/Control_1_1.tif" = "fold, torn"\n')
    run = quick(study, tmp_path / "out")
    row = _rows(tmp_path / "out")["images/Control_1_1.tif"]
    assert (row["included"], row["reason"], row["status"]) == ("false", "fold, torn", "ok")
    assert list(run.samples["n_fields"]) == [3, 4]
    assert "fold, torn" in (tmp_path / "out" / "methods.md").read_text(encoding="utf-8")


def test_thresholds_pooled_per_batch(tmp_path: Path) -> None:
    pattern = '[groups]\npattern = "{group}_{batch}_{field}"\n'
    threshold = 'threshold = { method = "otsu", scope = "batch", floor_od = 0.01 }'
    run = quick(_study(tmp_path, extra=pattern, recipe=threshold), tmp_path / "out")
    assert list(run.images.groupby("batch")["threshold_od"].nunique()) == [1, 1]
    assert run.images["threshold_od"].nunique() == 2


def test_negative_controls_by_group(tmp_path: Path) -> None:
    threshold = 'threshold = { method = "negative-controls", controls = "Control", floor_od = 0.01 }'
    study = _study(tmp_path, recipe=threshold)
    write_fields(tmp_path / "images", ["PMO_1_1.tif"])
    run = quick(study, tmp_path / "out")
    controls = run.images[run.images["group"] == "Control"]
    pooled = controls["stained_area_px"].sum() / controls["region_area_px"].sum()
    assert pooled == pytest.approx(0.001, abs=0.0005)
    study.write_text(study.read_text().replace('controls = "Control"', 'controls = "Blank"'))
    with pytest.raises(StudyError, match="Blank"):
        quick(study, tmp_path / "out")


def test_a_later_image_is_measured_by_what_was_decided(tmp_path: Path) -> None:
    quick(_study(tmp_path), tmp_path / "out")
    write_fields(tmp_path / "later", ["new.tif"])
    later = study_of_images(xi.assay("alizarin-red"), [tmp_path / "later"])
    run = quick(later, tmp_path / "out2", resolved=tmp_path / "out" / "resolved.toml")
    assert run.images["threshold_od"][0] == float(_rows(tmp_path / "out")["images/Control_1_1.tif"]["threshold_od"])
    assert "estimated_from_one_image" not in run.images["flags"][0]


def test_wells_have_groups_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    picture = write_fields(tmp_path / "images", ["plate.tif"], shape=(200, 300))["plate.tif"]
    mask = np.zeros(picture.mask.shape, np.uint8)
    mask[:, :140], mask[:, 160:] = 1, 2
    tifffile.imwrite(tmp_path / "rois.tif", mask)
    names = [row["region"] for row in xi.assay(
        "alizarin-red", region={"method": "rois", "path": str(tmp_path / "rois.tif")}
    ).measure(xi.read(tmp_path / "images" / "plate.tif")).rows]  # fmt: skip
    (tmp_path / "layout.csv").write_text(
        f"image,region,group,sample\nplate.tif,{names[0]},Control,1\nplate.tif,{names[1]},PMO,1\nplate.tif,C9,PMO,2\n"
    )
    study = _study(
        tmp_path, '[groups]\ntable = "layout.csv"\n', 'region = { method = "rois", path = "rois.tif" }', count=0
    )
    rows = quick(study, tmp_path / "out").images
    assert list(rows["region"]) == [*names, "C9"]
    assert list(rows["group"]) == ["Control", "PMO", "PMO"]
    assert list(rows["status"]) == ["ok", "ok", "failed"]
    assert "C9" in rows["error"][2]


def test_a_changed_roi_file_redoes_its_image(tmp_path: Path) -> None:
    study = _study(tmp_path, recipe='region = { method = "rois", path = "rois" }', count=2)
    (tmp_path / "rois").mkdir()
    for k in (1, 2):
        mask = np.zeros((160, 200), np.uint8)
        mask[:80] = 1
        tifffile.imwrite(tmp_path / "rois" / f"Control_1_{k}.tif", mask)
    quick(study, tmp_path / "out")
    tifffile.imwrite(tmp_path / "rois" / "Control_1_1.tif", np.ones((160, 200), np.uint8) - mask)
    (tmp_path / "rois" / "Control_1_2.tif").unlink()
    rows = quick(study, tmp_path / "out").images
    assert list(rows["status"]) == ["ok", "failed"]
    assert "no regions for Control_1_2.tif" in rows["error"][1]


def test_events_come_for_every_image_of_both_passes(tmp_path: Path) -> None:
    events = list(xi.iter_run(_study(tmp_path), tmp_path / "out"))
    assert [e.stage for e in events] == ["observed"] * 8 + ["measured"] * 8 + ["finished"]
    assert [e.done for e in events] == [*range(1, 9), *range(1, 9), 8]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on_and_ends_with_the_same_tables(tmp_path: Path, jobs: int) -> None:
    names = [
        f"{group}_{sample}_{field}.tif" for group in ("Control", "PMO") for sample in (1, 2, 3) for field in range(4)
    ]
    write_fields(tmp_path / "images", names)
    study = tmp_path / "study.toml"
    study.write_text('[study]\nassay = "alizarin-red"\nimages = "images/*"\n' + GROUPS)
    quick(study, tmp_path / "whole", jobs=2)
    out = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "exoimage",
        "run",
        str(study),
        "--out",
        str(out),
        "--jobs",
        str(jobs),
        "--quiet",
        "--tables-only",
    ]
    for finished in (3, 9):
        process = subprocess.Popen(command)
        _wait_for_records(out, finished, process)
        _kill(process)
        kept = {p: p.stat().st_mtime_ns for p in (out / "records").glob("*.json")}
        assert finished <= len(kept) < 24
    assert subprocess.run(command, check=False).returncode == 0
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert _tables(out) == _tables(tmp_path / "whole")
    assert not list(out.rglob("*.tmp"))


def _wait_for_records(out: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(6000):
        if len(list((out / "records").glob("*.json"))) >= count:
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    raise AssertionError("the run did not get on")


def _kill(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        process.send_signal(signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    time.sleep(0.3)  # its workers notice and end


def test_tables_alone_and_then_with_pictures(tmp_path: Path) -> None:
    study, out = _study(tmp_path, count=2), tmp_path / "out"
    xi.run(study, out, pictures=False)
    tables = _tables(out)
    assert not list((out / "overlays").iterdir())
    xi.run(study, out)
    assert len(list((out / "overlays").iterdir())) == len(list((out / "labels").iterdir())) == 2
    assert _tables(out) == tables


def test_another_pixel_size_is_measured_again(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["a.tif"], pixel_size=None)
    for size in (0.5, 2.0):
        study = study_of_images(xi.assay("alizarin-red"), [tmp_path / "images"], pixel_size=size)
        assert quick(study, tmp_path / "out").images["region_area_um2"][0] == 160 * 200 * size**2


def test_a_mask_of_the_same_name_does_not_hide_a_changed_image(tmp_path: Path) -> None:
    study = _study(tmp_path, recipe='region = { method = "rois", path = "masks" }', count=2)
    (tmp_path / "masks").mkdir()
    for name in ("Control_1_1.tif", "Control_1_2.tif"):
        tifffile.imwrite(tmp_path / "masks" / name, np.ones((160, 200), np.uint8))
    before = list(quick(study, tmp_path / "out").images["stained_area_pct"])
    assert before[0] != before[1]
    shutil.copy(tmp_path / "images" / "Control_1_2.tif", tmp_path / "images" / "Control_1_1.tif")
    after = list(quick(study, tmp_path / "out").images["stained_area_pct"])
    assert after[0] == after[1]
    assert quick(study, tmp_path / "out", fresh=True).images["stained_area_pct"][0] == after[0]


def test_nothing_of_a_users_own_is_overwritten_or_deleted(tmp_path: Path) -> None:
    study = _study(tmp_path, count=1)
    own = tmp_path / "own"
    (own / "records" / "pixels").mkdir(parents=True)
    (own / "samples.csv").write_text("mine")
    shutil.rmtree(own / "records")
    (own / "pixels").mkdir()
    (own / "pixels" / "mine.txt").write_text("mine")
    with pytest.raises(StudyError, match=r"samples\.csv"):
        quick(study, own)
    (own / "samples.csv").unlink()
    quick(study, own)
    assert (own / "pixels" / "mine.txt").read_text() == "mine"


def test_pictures_never_stand_beside_numbers_of_another_recipe(tmp_path: Path) -> None:
    study, out = _study(tmp_path, recipe='threshold = { method = "fixed", od = 0.2 }', count=1), tmp_path / "out"
    xi.run(study, out)
    (overlay,) = (out / "overlays").iterdir()
    first = overlay.read_bytes()
    study.write_text(study.read_text().replace("0.2 }", "0.6 }"))
    xi.run(study, out, pictures=False)
    assert not overlay.exists()
    xi.run(study, out)
    assert overlay.read_bytes() != first


def test_what_is_left_of_images_that_are_gone_is_cleared_away(tmp_path: Path) -> None:
    study, out = _study(tmp_path, count=3), tmp_path / "out"
    xi.run(study, out)
    (tmp_path / "images" / "Control_1_2.tif").unlink()
    xi.run(study, out)
    for folder in ("overlays", "labels"):
        assert len(list((out / folder).iterdir())) == 2
    assert len(list((out / "records").glob("*.json"))) == 2


def test_results_within_the_study_are_no_images_of_it(tmp_path: Path) -> None:
    study = _study(tmp_path, count=2)
    study.write_text(study.read_text().replace('"images/*"', '"**/*.tif"'))
    assert len(quick(study, tmp_path / "results").images) == 2
    assert len(load_study(study).images) == 2


def test_what_was_decided_for_another_assay_is_refused(tmp_path: Path) -> None:
    quick(_study(tmp_path, count=2), tmp_path / "out")
    other = study_of_images(xi.assay("stain-area"), [tmp_path / "images"])
    with pytest.raises(StudyError, match="alizarin-red"):
        quick(other, tmp_path / "out2", resolved=tmp_path / "out" / "resolved.toml")


def test_an_excluded_image_that_fails_does_not_fail_the_run(tmp_path: Path) -> None:
    study = _study(tmp_path, extra=GROUPS + '[exclude]\n"images/broken.tif" = "torn"\n', count=2)
    (tmp_path / "images" / "broken.tif").write_text("no picture")
    assert quick(study, tmp_path / "out").n_failed == 0
    study.write_text(study.read_text() + '"images/Control_1_1.tif" = "x"\n"images/Control_1_2.tif" = "x"\n')
    with pytest.raises(StudyError, match="all images"):
        quick(study, tmp_path / "out")


def test_a_changed_roi_file_redoes_its_image_by_what_was_decided_too(tmp_path: Path) -> None:
    study = _study(tmp_path, recipe='region = { method = "rois", path = "roi.tif" }', count=2)
    mask = np.zeros((160, 200), np.uint8)
    mask[:80] = 1
    tifffile.imwrite(tmp_path / "roi.tif", mask)
    quick(study, tmp_path / "first")
    other = study_of_images(xi.assay("alizarin-red"), [tmp_path / "images"])
    decided = tmp_path / "first" / "resolved.toml"
    assert set(quick(other, tmp_path / "out", resolved=decided).images["region_area_px"]) == {80 * 200}
    mask[:100] = 1
    tifffile.imwrite(tmp_path / "roi.tif", mask)
    assert set(quick(other, tmp_path / "out", resolved=decided).images["region_area_px"]) == {100 * 200}
