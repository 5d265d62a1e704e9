"""The sections in test_images/he_bone give their truth."""

from __future__ import annotations

import pandas as pd
import pytest
from support import ROOT

import exoimage as xi

DEMO = ROOT / "test_images" / "he_bone"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    run = xi.run(DEMO / "study.toml", tmp_path_factory.mktemp("he_bone"), jobs=1)
    truth = pd.read_csv(DEMO / "truth.csv")
    merged = run.images.merge(truth, on="image", suffixes=("", "_true"))
    assert len(merged) == len(truth) == 9
    return merged


def test_every_section_is_close_to_its_truth(images: pd.DataFrame) -> None:
    assert set(images["status"]) == {"ok"}
    assert set(images["region"]) == {"metaphysis"}
    assert not images["flags"].str.contains("no_roi").any()
    assert (images["bv_tv_pct"] - images["bv_tv_pct_true"]).abs().max() < 2.0
    assert (images["t_ar_um2"] / images["t_ar_um2_true"] - 1).abs().max() < 0.01


def test_the_groups_keep_their_order_and_effect(images: pd.DataFrame) -> None:
    means = images.groupby("group")[["bv_tv_pct", "bv_tv_pct_true"]].mean()
    assert list(means["bv_tv_pct"].sort_values().index) == ["OVX", "OVX+Exos", "Sham"]
    relative = means.div(means.loc["OVX"])
    assert (relative["bv_tv_pct"] / relative["bv_tv_pct_true"] - 1).abs().max() < 0.05
    assert (means["bv_tv_pct"] / means["bv_tv_pct_true"] - 1).abs().max() < 0.05


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 700_000
