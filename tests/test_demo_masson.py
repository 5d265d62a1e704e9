"""The demo study of Masson's trichrome gives its truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from support import ROOT

import exoimage as xi

DEMO = ROOT / "test_images" / "masson"


def test_the_demo_keeps_its_truth_order_and_effect(tmp_path: Path) -> None:
    run = xi.run(DEMO / "study.toml", tmp_path / "out")
    images = run.images.merge(pd.read_csv(DEMO / "truth.csv"), on="image", suffixes=("", "_true"))
    assert len(images) == 12
    assert set(images["status"]) == {"ok"}
    for column in ("new_bone_pct", "new_bone_area_pct"):
        assert (images[column] - images[f"{column}_true"]).abs().max() < 2
        means = images.groupby("group")[[column, f"{column}_true"]].mean()
        assert list(means[column].sort_values().index) == ["PMO", "PMO+Exos", "Control"]
        assert (means[column] / means[f"{column}_true"] - 1).abs().max() < 0.05


def test_the_demo_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 700_000
