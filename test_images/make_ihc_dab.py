"""Make the synthetic DAB-haematoxylin pictures of this folder, with their truth.

``python test_images/make_ihc_dab.py`` rewrites ``ihc_dab/`` (18 microscope fields: p-AKT in three groups of three
samples of two fields) exactly as they are stored.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from exoimage.methods.ihc_scores import h_score
from exoimage.methods.synth import Camera, ImmunoField, Immunostain, Light, immuno_field

HERE = Path(__file__).resolve().parent
SEED = 20261
GROUP_SHARES = {
    "Control": (0.35, 0.22, 0.25, 0.18),
    "PMO": (0.72, 0.16, 0.08, 0.04),
    "PMO+Exos": (0.45, 0.22, 0.20, 0.13),
}
SAMPLE_SPREAD = 0.04
SAMPLES, FIELDS = 3, 2
SHAPE = (288, 384)
PIXEL_SIZE_UM = 0.5
QUALITY = 90
THRESHOLD_OD = 0.25

STUDY = """\
[study]
name = "PMO exosomes, p-AKT"
assay = "ihc-dab"
images = "images/*.jpg"
pixel_size_um = 0.5

[groups]
pattern = "{group}_{sample}_{field}"
order = ["Control", "PMO", "PMO+Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"
"""


def make_fields(folder: Path) -> None:
    """Write the fields, study.toml and truth.csv."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows: list[tuple[Any, ...]] = []
    for group, shares in GROUP_SHARES.items():
        for sample in range(1, SAMPLES + 1):
            # Samples lie at the mean and one spread to either side: three draws alone could hide the effect.
            shift = SAMPLE_SPREAD * (sample - 2)
            for field in range(1, FIELDS + 1):
                picture = _field(_shifted(shares, shift), rng)
                key = f"images/{group}_{sample}_{field}.jpg"
                _, data = cv2.imencode(".jpg", picture.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                (folder / key).write_bytes(data.tobytes())
                rows.append((key, group, sample, field, *_truth(picture)))
    (folder / "study.toml").write_bytes(STUDY.encode("utf-8"))
    header = ("image", "group", "sample", "field", "dab_area_pct", "cell_count", "positive_cells_pct", "h_score")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _shifted(shares: tuple[float, ...], shift: float) -> tuple[float, float, float, float]:
    """Shares in which so much more is strong instead of negative."""
    negative, weak, moderate, strong = shares
    return negative - shift, weak, moderate, strong + shift


def _field(shares: tuple[float, float, float, float], rng: np.random.Generator) -> ImmunoField:
    return immuno_field(
        SHAPE,
        Immunostain(shares=shares, cover=float(rng.uniform(0.18, 0.22)), diameter_px=16),
        light=Light(relative_range=float(rng.uniform(0.05, 0.1)), angle_deg=float(rng.uniform(0, 360))),
        camera=Camera(blur_px=0.7, electrons=40_000),
        seed=int(rng.integers(2**31)),
    )


def _truth(picture: ImmunoField) -> tuple[str, int, str, str]:
    counts = picture.counts()
    positive = 100 * sum(counts[1:]) / sum(counts)
    area = picture.dab_area_pct(THRESHOLD_OD)
    return f"{area:.3f}", sum(counts), f"{positive:.2f}", f"{h_score(*counts):.2f}"


if __name__ == "__main__":
    make_fields(HERE / "ihc_dab")
