"""Make the synthetic alizarin-red pictures of this folder, with their truth.

``python test_images/make_alizarin_red.py`` rewrites ``alizarin_red/`` (24 microscope fields: four groups of three
samples of two fields) and ``alizarin_plate/`` (a photograph of a six-well plate) exactly as they are stored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

from exoimage.methods.synth import Camera, Light, NoduleField, Nodules, Surroundings, nodule_field, plate_photo

HERE = Path(__file__).resolve().parent
SEED = 20260
GROUP_MEANS = {"Control": 0.22, "PMO": 0.07, "PMO+Exos": 0.16, "Exos": 0.28}
SAMPLE_SPREAD = {"Control": 0.023, "PMO": 0.016, "PMO+Exos": 0.021, "Exos": 0.023}
FIELD_SD = 0.008
SAMPLES, FIELDS = 3, 2
SHAPE = (400, 512)
PIXEL_SIZE_UM = 1.3

PLATE_LAYOUT = {
    "A1": ("Control", "1"), "A2": ("PMO", "1"), "A3": ("PMO+Exos", "1"),
    "B1": ("Control", "2"), "B2": ("PMO", "2"), "B3": ("PMO+Exos", "2"),
}  # fmt: skip
PLATE_FRACTIONS = (0.243, 0.061, 0.171, 0.212, 0.085, 0.148)

FIELDS_STUDY = """\
[study]
name = "PMO exosomes, alizarin red"
assay = "alizarin-red"
images = "images/*.tif"

[groups]
pattern = "{group}_{sample}_{field}"
order = ["Control", "PMO", "PMO+Exos", "Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"
"""

PLATE_STUDY = """\
[study]
name = "PMO exosomes, alizarin red, six-well plate"
assay = "alizarin-red"
images = "*.jpg"

[groups]
table = "layout.csv"
order = ["Control", "PMO", "PMO+Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"

[recipe]
region = { method = "wells", rows = 2, columns = 3 }
"""


def make_fields(folder: Path) -> None:
    """Write the 24 fields, study.toml and truth.csv."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows: list[tuple[Any, ...]] = []
    for group, mean in GROUP_MEANS.items():
        for sample in range(1, SAMPLES + 1):
            # Samples lie at the mean and one spread to either side, nearly: three draws alone could hide the effect.
            sample_mean = mean + SAMPLE_SPREAD[group] * (sample - 2 + rng.normal(0, 0.15))
            for field in range(1, FIELDS + 1):
                fraction = max(0.01, sample_mean + rng.normal(0, FIELD_SD))
                picture = _field(float(fraction), rng)
                key = f"images/{group}_{sample}_{field}.tif"
                _write_tiff(folder / key, picture)
                rows.append((key, group, sample, field, *_truth(picture)))
    _write(folder / "study.toml", FIELDS_STUDY)
    header = ("image", "group", "sample", "field", "stained_area_pct", "nodule_count", "mean_od")
    _write_csv(folder / "truth.csv", header, rows)


def make_plate(folder: Path) -> None:
    """Write the photograph of the plate, layout.csv, study.toml and truth.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    plate = plate_photo(
        2, 3, PLATE_FRACTIONS,
        shape=(1800, 2400), fill=0.88, tilt_deg=3.0, bench=0.8,
        light=Light(relative_range=0.15), camera=Camera(electrons=30_000), seed=SEED,
    )  # fmt: skip
    _, data = cv2.imencode(".jpg", plate.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
    (folder / "plate.jpg").write_bytes(data.tobytes())
    layout = [("plate.jpg", name, group, sample) for name, (group, sample) in PLATE_LAYOUT.items()]
    _write_csv(folder / "layout.csv", ("image", "region", "group", "sample"), layout)
    truth = [
        ("plate.jpg", well.name, *(f"{100 * plate.truth_fraction(well.name, shrink):.3f}" for shrink in (1.0, 0.92)))
        for well in plate.wells
    ]
    _write_csv(
        folder / "truth.csv", ("image", "region", "stained_area_pct", "stained_area_within_0.92_radius_pct"), truth
    )
    _write(folder / "study.toml", PLATE_STUDY)


def _field(fraction: float, rng: np.random.Generator) -> NoduleField:
    return nodule_field(
        SHAPE,
        Nodules(fraction=fraction, radius_px=float(rng.uniform(9, 11)), od=float(rng.uniform(0.52, 0.6))),
        surroundings=Surroundings(
            cell_layer_od=0.014, haze_od=float(rng.uniform(0.012, 0.03)), debris=int(rng.integers(1, 6))
        ),
        light=Light(relative_range=float(rng.uniform(0.07, 0.12)), angle_deg=float(rng.uniform(0, 360))),
        camera=Camera(blur_px=0.7, electrons=60_000, read_noise=0.5),
        seed=int(rng.integers(2**31)),
    )


def _write_tiff(path: Path, picture: NoduleField) -> None:
    tifffile.imwrite(
        path,
        picture.pixels,
        imagej=True,
        photometric="rgb",
        compression="zlib",
        predictor=True,  # noise hardly compresses: this saves a fifth of a folder that everybody clones
        resolution=(1 / PIXEL_SIZE_UM, 1 / PIXEL_SIZE_UM),
        metadata={"unit": "um"},
    )


def _truth(picture: NoduleField) -> tuple[str, int, str]:
    return f"{picture.stained_area_pct:.4f}", picture.nodule_count, f"{picture.mean_od:.4f}"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    make_fields(HERE / "alizarin_red")
    make_plate(HERE / "alizarin_plate")
