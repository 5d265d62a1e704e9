"""Make the synthetic Masson's trichrome sections of this folder, with their truth.

``python test_images/make_masson.py`` rewrites ``masson/``: twelve fields of a healing defect, three groups of four
animals, as JPEG as microscopes' programs export them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from exoimage.methods import synth

HERE = Path(__file__).resolve().parent
SEED = 4
GROUP_MEANS = {"Control": 0.16, "PMO": 0.07, "PMO+Exos": 0.13}
SPREAD = 0.012
BONE = 0.34
SHAPE = (360, 480)
SAMPLES = 4

STUDY = """\
[study]
name = "Healing of a defect, Masson's trichrome"
assay = "masson"
images = "images/*.jpg"
pixel_size_um = 1.0

[groups]
pattern = "{group}_{sample}"
order = ["Control", "PMO", "PMO+Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"

[recipe]
variant = "masson-blue"
"""


def make(folder: Path) -> None:
    """Write the fields, study.toml and truth.csv."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows = []
    for group, mean in GROUP_MEANS.items():
        for sample in range(1, SAMPLES + 1):
            # Samples lie around the mean by their rank: four draws alone could hide the effect.
            new = float(mean + SPREAD * (sample - (SAMPLES + 1) / 2 + rng.normal(0, 0.2)))
            field = section(new, rng)
            key = f"images/{group}_{sample}.jpg"
            _, data = cv2.imencode(".jpg", field.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
            (folder / key).write_bytes(data.tobytes())
            truth = (field.new_bone_pct, field.collagen_pct, field.mature_pct)
            rows.append((key, group, sample, *(f"{value:.3f}" for value in truth)))
    (folder / "study.toml").write_bytes(STUDY.encode("utf-8"))
    header = ("image", "group", "sample", "new_bone_pct", "new_bone_area_pct", "mature_bone_area_pct")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def section(new_bone: float, rng: np.random.Generator) -> synth.TrichromeField:
    """One field: bone of a constant share, more or less of it new."""
    return synth.trichrome_field(
        SHAPE,
        synth.Section(
            collagen=new_bone,
            mature=BONE - new_bone,
            width_px=float(rng.uniform(45, 65)),
            collagen_od=float(rng.uniform(0.5, 0.65)),
            red_od=float(rng.uniform(0.55, 0.7)),
        ),
        light=synth.Light(relative_range=float(rng.uniform(0.03, 0.1)), angle_deg=float(rng.uniform(0, 360))),
        camera=synth.Camera(electrons=60_000, read_noise=0.4),
        seed=int(rng.integers(2**31)),
    )


if __name__ == "__main__":
    make(HERE / "masson")
