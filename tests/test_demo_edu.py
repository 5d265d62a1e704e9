"""The demo study of EdU gives its truth, from files that are a channel each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from support import ROOT

import exoimage as xi

DEMO = ROOT / "test_images" / "edu"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> xi.Run:
    return xi.run(DEMO / "study.toml", tmp_path_factory.mktemp("demo"))


def test_the_demo_keeps_its_truth_order_and_effect(run: xi.Run) -> None:
    images = run.images.merge(pd.read_csv(DEMO / "truth.csv"), on="image", suffixes=("", "_true"))
    assert len(images) == 18
    assert set(images["status"]) == {"ok"}
    assert (images["nuclei_count"] - images["nuclei_count_true"]).abs().max() <= 2
    assert (images["edu_positive_pct"] - images["edu_positive_pct_true"]).abs().mean() < 1
    pooled = images.groupby("group")[["edu_positive_count", "nuclei_count"]].sum()
    assert (pooled["edu_positive_count"] / pooled["nuclei_count"]).sort_values().index.tolist() == [
        "PMO", "PMO+Exos", "Control",
    ]  # fmt: skip
    means = images.groupby("group")[["edu_positive_pct", "edu_positive_pct_true"]].mean()
    assert (means["edu_positive_pct"] / means["edu_positive_pct_true"] - 1).abs().max() < 0.05


def test_samples_pool_their_counts_and_their_interval(run: xi.Run) -> None:
    from exoimage.assays.columns import wilson_pct

    for row in run.samples.itertuples():
        fields = run.images[(run.images["group"] == row.group) & (run.images["sample"] == row.sample)]
        positive, nuclei = fields["edu_positive_count"].sum(), fields["nuclei_count"].sum()
        assert row.edu_positive_pct == pytest.approx(100 * positive / nuclei)
        ends = row.edu_positive_ci_low_pct, row.edu_positive_ci_high_pct
        assert ends == pytest.approx(wilson_pct(positive, nuclei))


def test_a_missing_partner_is_a_failed_row_that_names_it(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "edu")
    (tmp_path / "edu" / "images" / "PMO_1_1_EdU.tif").unlink()
    images = xi.run(tmp_path / "edu" / "study.toml", tmp_path / "out").images
    failed = images[images["status"] == "failed"]
    assert len(images) == 18
    assert failed["error"].str.contains("PMO_1_1_EdU.tif").tolist() == [True]


def test_two_runs_give_the_same_tables(run: xi.Run, tmp_path: Path) -> None:
    again = xi.run(DEMO / "study.toml", tmp_path / "out", jobs=2, pictures=False)
    for name in ("images.csv", "objects.csv", "samples.csv"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_the_demo_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 800_000
