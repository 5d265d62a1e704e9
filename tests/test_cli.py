from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support import ROOT, write_fields

from exoimage import __version__
from exoimage.assays.recipe_text import load_recipe
from exoimage.assays.registry import ASSAYS
from exoimage.cli import main


def _said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out, captured.err


def test_assays_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assays"]) == 0
    assert [line.split()[0] for line in _said(capsys)[0].splitlines()] == list(ASSAYS)
    assert main(["assays", "alizarin-red"]) == 0
    text = _said(capsys)[0]
    assert "* stained_area_pct" in text
    assert "sum of stained_area_px / sum of region_area_px × 100" in re.sub(r"\s+", " ", text)
    assert "smallest_nodule" in text


def test_the_recipe_command_prints_a_recipe_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "alizarin-red", "--set", "threshold.floor_od=0.3"]) == 0
    (tmp_path / "mine.toml").write_text(_said(capsys)[0], encoding="utf-8")
    assert load_recipe(tmp_path / "mine.toml").threshold.floor_od == 0.3


def test_inspect_says_what_pictures_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fields(tmp_path, ["a.tif"], pixel_size=0.65)
    tifffile.imwrite(tmp_path / "grey.tif", np.arange(600, dtype=np.uint16).reshape(20, 30))
    (tmp_path / "text.tif").write_text("no picture")
    assert main(["inspect", str(tmp_path), "--json", "--contact-sheet", str(tmp_path / "sheet.png")]) == 1
    reports = {Path(report["image"]).name: report for report in json.loads(_said(capsys)[0])}
    assert reports["a.tif"]["channels"] == ["red", "green", "blue"]
    assert reports["a.tif"]["pixel_size_um"] == pytest.approx(0.65)
    assert (reports["grey.tif"]["dtype"], reports["grey.tif"]["light"]) == ("uint16", "emitted")
    assert "no_pixel_size" in reports["grey.tif"]["flags"]
    assert "text" in reports["text.tif"]["error"]
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert main(["inspect", str(tmp_path / "a.tif")]) == 0
    assert "200 x 160" in _said(capsys)[0]


def test_measure_and_run_end_with_their_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tmp_path / "images"
    write_fields(images, ["Control_1.tif", "Control_2.tif", "PMO_1.tif", "PMO_2.tif"])
    out = tmp_path / "out"
    assert main(["measure", "alizarin-red", str(images), "--out", str(out), "--jobs", "1"]) == 0
    said, progress = _said(capsys)
    assert "4 of 4 images measured" in said
    assert "measuring 4/4" in progress
    assert main(["study", str(images), "--assay", "alizarin-red"]) == 0
    assert main(["study", str(images), "--assay", "alizarin-red"]) == 2
    _said(capsys)
    (images / "PMO_3.tif").write_text("no picture")
    study = str(images / "study.toml")
    assert main(["run", study, "--out", str(tmp_path / "study"), "--jobs", "1", "--quiet"]) == 1
    said, progress = _said(capsys)
    assert said == ""
    assert progress.startswith("failed: PMO_3.tif: it is text")
    with (tmp_path / "study" / "images.csv").open(encoding="utf-8") as file:
        groups = [row["group"] for row in csv.DictReader(file)]
    assert groups == ["Control", "Control", "PMO", "PMO", "PMO"]


def test_measure_takes_recipe_settings_pixel_size_and_rois(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["a.tif"], pixel_size=None)
    mask = np.zeros((160, 200), np.uint8)
    mask[:80] = 1
    tifffile.imwrite(tmp_path / "roi.tif", mask)
    (tmp_path / "mine.toml").write_text('assay = "alizarin-red"\nsmallest_nodule = "6 um"\n')
    arguments = ["measure", "alizarin-red", str(tmp_path / "images"), "--out", str(tmp_path / "out"), "--quiet"]
    arguments += ["--recipe", str(tmp_path / "mine.toml"), "--set", "threshold={method='fixed', od=0.25}"]
    arguments += ["--pixel-size", "0.5", "--rois", str(tmp_path / "roi.tif")]
    assert main(arguments) == 0
    with (tmp_path / "out" / "images.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["threshold_od"], row["region_area_px"], row["region_area_um2"]) == ("0.25", "16000", "4000.0")
    assert load_recipe(tmp_path / "out" / "recipe.toml").smallest_nodule.value == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ["measure", "nope", "."],
        ["measure", "alizarin-red", "nowhere"],
        ["measure", "alizarin-red", "EMPTY"],
        ["measure", "alizarin-red", "IMAGES", "--set", "x=1"],
        ["measure", "alizarin-red", "IMAGES", "--recipe", "nowhere.toml"],
        ["measure", "alizarin-red", "IMAGES", "--resolved", "nowhere.toml"],
        ["run", "nowhere.toml"],
        ["run", "IMAGES"],
        ["run", "IMAGES/a.tif"],
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fields(tmp_path / "images", ["a.tif"])
    (tmp_path / "empty").mkdir()
    places = {"IMAGES": str(tmp_path / "images"), "EMPTY": str(tmp_path / "empty")}
    arguments = [re.sub("IMAGES|EMPTY", lambda m: places[m.group()], argument) for argument in arguments]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--jobs", "1", "--quiet"]) == 2
    said, error = _said(capsys)
    assert said == ""
    assert error.startswith("exoimage: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["nope"], ["measure", "alizarin-red"], ["run", "x.toml", "--out", "o", "--jobs", "0"],
     ["measure", "alizarin-red", "x", "--out", "o", "--pixel-size", "-1"]],
)  # fmt: skip
def test_missing_arguments_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_results_that_cannot_be_written_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fields(tmp_path / "images", ["a.tif"])
    (tmp_path / "file").write_text("in the way")
    assert main(["measure", "alizarin-red", str(tmp_path / "images"), "--out", str(tmp_path / "file"), "--quiet"]) == 2
    assert "cannot be written" in _said(capsys)[1]


def test_the_program_itself_starts_and_prints_utf8(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "exoimage", "inspect", str(ROOT / "test_images" / "alizarin_plate" / "plate.jpg")],
        capture_output=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0
    assert "µm/px" in done.stdout.decode("utf-8")
    command = [sys.executable, "-m", "exoimage", "--version"]
    version = subprocess.run(command, capture_output=True, check=True, text=True)
    assert version.stdout.strip() == f"exoimage {__version__}"


def test_importing_is_lazy() -> None:
    heavy = ("numpy", "pandas", "numba", "cv2", "pydantic")
    code = f"import sys, exoimage; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_compare_prints_the_agreement_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ours.csv").write_text("image,stained_area_pct\na.tif,10\nb.tif,20\nc.tif,31\n")
    (tmp_path / "Results.csv").write_text(" ,Label,%Area\n1,a.tif,10.5\n2,b.tif,20\n3,c.tif,30\n")
    arguments = ["compare", str(tmp_path / "ours.csv"), str(tmp_path / "Results.csv")]
    arguments += ["--value", "stained_area_pct=%Area", "--plot", str(tmp_path / "plot.png")]
    assert main(arguments) == 0
    said = _said(capsys)[0]
    assert "matched                  3" in said
    assert "0.1667" in said
    assert (tmp_path / "plot.png").stat().st_size > 5000
    assert main([*arguments[:3], "--value", "no_such_column"]) == 2
    assert "no_such_column" in _said(capsys)[1]
