"""The pictures in test_images/ give their truth, and the README's Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from support import ROOT

import exoimage as xi
from exoimage.studies.statistics import Group, analyse

DEMO = ROOT / "test_images" / "alizarin_red"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    run = xi.run(DEMO / "study.toml", tmp_path_factory.mktemp("demo"), jobs=2)
    truth = pd.read_csv(DEMO / "truth.csv")
    merged = run.images.merge(truth, on="image", suffixes=("", "_true"))
    assert len(merged) == len(truth) == 24
    return merged


def test_every_field_is_measured_and_close_to_its_truth(images: pd.DataFrame) -> None:
    assert set(images["status"]) == {"ok"}
    difference = images["stained_area_pct"] - images["stained_area_pct_true"]
    assert difference.abs().max() < 1.0
    assert abs(difference.mean()) < 0.3
    assert (images["nodule_count"] - images["nodule_count_true"]).abs().max() <= 5


def test_the_groups_keep_their_order_and_effect(images: pd.DataFrame) -> None:
    means = images.groupby("group")[["stained_area_pct", "stained_area_pct_true"]].mean()
    assert list(means["stained_area_pct"].sort_values().index) == ["PMO", "PMO+Exos", "Control", "Exos"]
    ratio = means["stained_area_pct"] / means["stained_area_pct_true"]
    assert ratio.min() > 0.95
    assert ratio.max() < 1.05


def test_the_stars_are_those_of_the_truth(images: pd.DataFrame) -> None:
    order = ["Control", "PMO", "PMO+Exos", "Exos"]
    found = {}
    for column in ("stained_area_pct", "stained_area_pct_true"):
        samples = images.groupby(["group", "sample"])[column].mean()
        groups = [Group(name, tuple(samples[name])) for name in order]
        found[column] = {(one.group_a, one.group_b): one.stars for one in analyse(groups).comparisons}
    assert found["stained_area_pct"] == found["stained_area_pct_true"]
    assert "ns" not in found["stained_area_pct"].values()


def test_the_plate_gives_six_wells_close_to_their_truth(tmp_path: Path) -> None:
    folder = ROOT / "test_images" / "alizarin_plate"
    rows = xi.run(folder / "study.toml", tmp_path / "out").images
    merged = rows.merge(pd.read_csv(folder / "truth.csv"), on=["image", "region"], suffixes=("", "_true"))
    assert list(merged["region"]) == ["A1", "A2", "A3", "B1", "B2", "B3"]
    assert (merged["stained_area_pct"] - merged["stained_area_pct_true"]).abs().max() < 1.5
    assert list(merged["group"]) == ["Control", "PMO", "PMO+Exos"] * 2


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code.replace('out="results"', f"out={str(tmp_path / 'out')!r}"), {})
    assert (tmp_path / "out" / "samples.csv").exists()


def test_demo_images_stay_small() -> None:
    size = sum(path.stat().st_size for path in (ROOT / "test_images").rglob("*") if path.is_file())
    assert size < 15_000_000
