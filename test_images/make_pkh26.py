"""Make the synthetic PKH26 pictures of this folder, with their truth.

``python test_images/make_pkh26.py`` rewrites ``pkh26/`` (18 fields of two channels, DAPI and PKH26, as ImageJ stacks:
dye alone, exosomes, and exosomes with an inhibitor of endocytosis, three samples of two fields each) exactly as they
are stored.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from exoimage.methods.synth import Uptake, UptakeField, uptake_field

HERE = Path(__file__).resolve().parent
SEED = 20263
GROUPS = {"DyeOnly": (0.5, 0.35), "Exos": (5.0, 1.0), "Exos+Inhibitor": (2.0, 0.8)}
"""Puncta per cell, and share of the cells that took any up."""

SAMPLE_SPREAD = 0.15
SAMPLES, FIELDS = 3, 2
SHAPE = (192, 192)
PIXEL_SIZE_UM = 0.65

STUDY = """\
[study]
name = "Exosome uptake, PKH26"
assay = "pkh26"
images = "images/*.tif"

[groups]
pattern = "{group}_{sample}_{field}"
order = ["DyeOnly", "Exos", "Exos+Inhibitor"]
control = "DyeOnly"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"

[recipe]
dye_control = { method = "dye-only", controls = "DyeOnly" }
"""


def make_fields(folder: Path) -> None:
    """Write the fields, study.toml and truth.csv."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows: list[tuple[Any, ...]] = []
    for group, (puncta, positive) in GROUPS.items():
        for sample in range(1, SAMPLES + 1):
            # Samples lie at the mean and one spread to either side: three draws alone could hide the effect.
            mean = puncta * (1 + SAMPLE_SPREAD * (sample - 2))
            for field in range(1, FIELDS + 1):
                picture = _field(mean, positive, rng)
                key = f"images/{group}_{sample}_{field}.tif"
                _write(folder / key, picture)
                counts = picture.counts
                rows.append((key, group, sample, field, len(counts), int(counts.sum()), f"{counts.mean():.4f}"))
    (folder / "study.toml").write_bytes(STUDY.encode("utf-8"))
    header = ("image", "group", "sample", "field", "cell_count", "puncta_count", "puncta_per_cell")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _field(puncta_per_cell: float, positive: float, rng: np.random.Generator) -> UptakeField:
    holds = Uptake(
        cells=9, nucleus_px=20, puncta_per_cell=puncta_per_cell, positive=positive, snr=12, snr_spread=0.3,
        sigma_px=1.6, outside=2,
    )  # fmt: skip
    return uptake_field(SHAPE, holds, bits=8, seed=int(rng.integers(2**31)))


def _write(path: Path, picture: UptakeField) -> None:
    tifffile.imwrite(
        path,
        np.stack([picture.nuclear, picture.marker]),
        imagej=True,
        compression="zlib",
        resolution=(1 / PIXEL_SIZE_UM, 1 / PIXEL_SIZE_UM),
        metadata={"axes": "CYX", "unit": "um", "mode": "composite", "Labels": ["DAPI", "PKH26"]},
    )


if __name__ == "__main__":
    make_fields(HERE / "pkh26")
