"""The demo study of PKH26 uptake gives its truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support import ROOT

import exoimage as xi

DEMO = ROOT / "test_images" / "pkh26"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> xi.Run:
    return xi.run(DEMO / "study.toml", tmp_path_factory.mktemp("demo"))


def test_the_demo_keeps_its_truth_order_and_effect(run: xi.Run) -> None:
    images = run.images.merge(pd.read_csv(DEMO / "truth.csv"), on="image", suffixes=("", "_true"))
    assert len(images) == 18
    assert set(images["status"]) == {"ok"}
    assert (images["cell_count"] - images["cell_count_true"]).abs().max() <= 1
    sums = images.groupby("group")[["puncta_count", "cell_count", "puncta_count_true", "cell_count_true"]].sum()
    ours, true = sums["puncta_count"] / sums["cell_count"], sums["puncta_count_true"] / sums["cell_count_true"]
    assert ours.sort_values().index.tolist() == ["DyeOnly", "Exos+Inhibitor", "Exos"]
    for one, other in (("Exos", "Exos+Inhibitor"), ("Exos", "DyeOnly")):
        assert ours[one] / ours[other] == pytest.approx(true[one] / true[other], rel=0.05)


def test_the_dye_only_group_sets_the_cut_of_positive_cells(run: xi.Run) -> None:
    assert not run.images["flags"].fillna("").str.contains("no_dye_control").any()
    assert run.images["least_puncta"].nunique() == 1
    positive = run.samples.groupby("group")["positive_cells_pct"].mean()
    assert positive["DyeOnly"] <= 5
    assert positive["Exos"] > positive["Exos+Inhibitor"] > positive["DyeOnly"]


def test_two_runs_give_the_same_tables(run: xi.Run, tmp_path: Path) -> None:
    again = xi.run(DEMO / "study.toml", tmp_path / "out", jobs=2, pictures=False)
    for name in ("images.csv", "objects.csv", "samples.csv"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_the_demo_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 700_000
