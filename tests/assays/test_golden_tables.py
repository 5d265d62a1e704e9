"""A number that changes needs a new revision: each assay's table of its demo study, as it was when it was recorded.

``python tests/assays/test_golden_tables.py`` records the tables anew, after `revision` was raised.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pytest

import exoimage as xi
from exoimage.assays.registry import ASSAYS, recipe_class

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parent / "golden"
STUDIES = {path.parent.name.replace("_", "-"): path for path in sorted((ROOT / "test_images").glob("*/study.toml"))}
WITH_A_STUDY = [name for name in ASSAYS if name in STUDIES]
FIELDS_PER_GROUP = 2


def _table(name: str, out: Path) -> pd.DataFrame:
    """The numbers of some images of each group, decided over the whole demo study."""
    images = xi.run(STUDIES[name], out, jobs=2, pictures=False).images
    chosen = images.groupby("group", sort=False).head(FIELDS_PER_GROUP)
    columns = [column.name for column in recipe_class(name).columns]
    return chosen[["image", "region", "flags", *columns]].reset_index(drop=True)


@pytest.mark.parametrize("name", WITH_A_STUDY)
def test_no_number_changes_without_a_new_revision(name: str, tmp_path: Path) -> None:
    golden = GOLDEN / f"{name}-{recipe_class(name).revision}.csv"
    assert golden.exists(), f"no table of this revision: python {Path(__file__).relative_to(ROOT)}"
    expected = pd.read_csv(golden, keep_default_na=False, na_values=[""])
    _table(name, tmp_path / "out").to_csv(tmp_path / "now.csv", index=False)
    now = pd.read_csv(tmp_path / "now.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(now, expected, rtol=1e-6, atol=1e-9)


def test_every_assay_has_a_demo_study() -> None:
    assert set(ASSAYS) - {"stain-area"} == set(WITH_A_STUDY)


def record() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name in WITH_A_STUDY:
        golden = GOLDEN / f"{name}-{recipe_class(name).revision}.csv"
        for old in GOLDEN.glob(f"{name}-*.csv"):
            old.unlink()
        with tempfile.TemporaryDirectory() as folder:
            _table(name, Path(folder) / "out").to_csv(golden, index=False, lineterminator="\n")


if __name__ == "__main__":
    record()
