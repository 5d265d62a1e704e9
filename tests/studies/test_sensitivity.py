"""Moving thresholds: what stands and what falls."""

import csv
from pathlib import Path

import numpy as np
import pytest

import exoimage as xi
from exoimage.images.image import Image
from exoimage.images.writing import write_image
from exoimage.studies.sensitivity import FACTORS, iter_sensitivity

WHITE, SIDE = 240, 60


def patch(share: float, od: float) -> Image:
    """A white field, a share of it stained red-violet with one optical density."""
    pixels = np.full((SIDE, SIDE, 3), WHITE, np.uint8)
    rows = round(share * SIDE)
    pixels[:rows] = np.rint(WHITE * 10 ** (-od * np.array([0.35, 0.85, 0.40]))).astype(np.uint8)
    return Image(pixels, pixel_size=1.0)


def make_study(folder: Path, fields: dict[str, tuple[float, float]]) -> Path:
    (folder / "images").mkdir()
    for name, (share, od) in fields.items():
        write_image(folder / "images" / f"{name}.tif", patch(share, od))
    path = folder / "study.toml"
    path.write_text(
        '[study]\nassay = "stain-area"\nimages = "images/*.tif"\n[groups]\npattern = "{group}_{sample}"\n'
        'order = ["Control", "PMO"]\ncontrol = "Control"\n[statistics]\ntest = "t"\ncolumns = ["stained_area_pct"]\n'
        "[recipe]\nleave_out_annotations = false\nwhite = { method = 'given', rgb = [240, 240, 240] }\n"
        "stains = { method = 'vectors', vectors = [[0.35, 0.85, 0.40]], names = ['red'], target = 'red' }\n"
        "threshold = { method = 'fixed', od = 0.5 }\n",
        encoding="utf-8",
    )
    return path


def result(study: Path, out: Path) -> dict[str, dict[str, str]]:
    xi.run(study, out, pictures=False)
    for _ in iter_sensitivity(xi.load_study(study), out):
        pass
    with (out / "sensitivity.csv").open(encoding="utf-8", newline="") as file:
        return {row["variant"]: row for row in csv.DictReader(file)}


@pytest.fixture
def faint(tmp_path) -> Path:
    """The PMO fields' stain is as wide as the control's but pale: a lower threshold would see it."""
    fields = {f"Control_{k}": (0.30 + 0.02 * k, 0.9) for k in range(3)}
    return make_study(tmp_path, fields | {f"PMO_{k}": (0.52 + 0.02 * k, 0.45) for k in range(3)})


def test_a_conclusion_that_hangs_on_the_threshold_falls(faint, tmp_path):
    rows = result(faint, tmp_path / "out")
    assert rows[""]["order"] == "PMO < Control"
    assert rows["threshold -20 %"]["order"] == "Control < PMO"
    assert rows["threshold -20 %"]["conclusion_stands"] == "false"
    assert rows["threshold +20 %"]["conclusion_stands"] == "true"


def test_each_variant_measures_by_its_own_threshold(faint, tmp_path):
    result(faint, tmp_path / "out")
    used = set()
    for factor in FACTORS:
        name = f"threshold_{'plus' if factor > 1 else 'minus'}_{abs(100 * (factor - 1)):.0f}"
        with (tmp_path / "out" / "sensitivity" / name / "images.csv").open() as file:
            used |= {float(row["threshold_od"]) for row in csv.DictReader(file)}
    assert used == {0.5 * factor for factor in FACTORS}


def test_only_a_run_with_other_numbers_takes_the_table_away(faint, tmp_path):
    result(faint, tmp_path / "out")
    xi.run(faint, tmp_path / "out", pictures=False)
    assert (tmp_path / "out" / "sensitivity.csv").exists()
    faint.write_text(faint.read_text().replace("od = 0.5", "od = 0.6"))
    xi.run(faint, tmp_path / "out", pictures=False)
    assert not (tmp_path / "out" / "sensitivity.csv").exists()


def test_the_run_itself_stays_as_it_was(faint, tmp_path):
    xi.run(faint, tmp_path / "plain", pictures=False)
    result(faint, tmp_path / "out")
    for name in ("images.csv", "samples.csv", "tests.csv", "resolved.toml"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
