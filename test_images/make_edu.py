"""Make the synthetic EdU pictures of this folder, with their truth.

``python test_images/make_edu.py`` rewrites ``edu/`` (18 fields of two files each, DAPI and EdU: three groups of three
samples of two fields) exactly as they are stored.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

HERE = Path(__file__).resolve().parent
SEED = 20262
GROUP_SHARES = {"Control": 0.32, "PMO": 0.13, "PMO+Exos": 0.26}
SAMPLE_SPREAD = 0.03
SAMPLES, FIELDS = 3, 2
EDGE = 224
NUCLEI = (44, 52)
DIAMETER_PX = 16.0
TOUCHING = 0.2
PIXEL_SIZE_UM = 0.65
NOISE = 0.5

STUDY = """\
[study]
name = "PMO exosomes, EdU"
assay = "edu"
images = "images/*.tif"

[channels]
DAPI = "*_DAPI.tif"
EdU = "*_EdU.tif"

[groups]
pattern = "{group}_{sample}_{field}"
order = ["Control", "PMO", "PMO+Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"
"""

Floats = npt.NDArray[np.float32]


def make_fields(folder: Path) -> None:
    """Write the fields, study.toml and truth.csv."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows: list[tuple[Any, ...]] = []
    for group, share in GROUP_SHARES.items():
        for sample in range(1, SAMPLES + 1):
            for field in range(1, FIELDS + 1):
                key = f"images/{group}_{sample}_{field}"
                # Samples lie at the mean and one spread to either side: three draws alone could hide the effect.
                planes, count, positive = _field(share + SAMPLE_SPREAD * (sample - 2), rng)
                for name, plane in zip(("DAPI", "EdU"), planes, strict=True):
                    _write(folder / f"{key}_{name}.tif", plane)
                rows.append((key, group, sample, field, count, positive, f"{100 * positive / count:.3f}"))
    (folder / "study.toml").write_bytes(STUDY.encode("utf-8"))
    header = ("image", "group", "sample", "field", "nuclei_count", "edu_positive_count", "edu_positive_pct")
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _field(share: float, rng: np.random.Generator) -> tuple[list[npt.NDArray[np.uint8]], int, int]:
    """DAPI and EdU of one field, how many nuclei there are and how many of them are positive."""
    centres = _centres(int(rng.integers(*NUCLEI)), rng)
    positive = rng.permutation(len(centres)) < round(share * len(centres))
    stain, marker = np.zeros((EDGE, EDGE), np.float32), np.zeros((EDGE, EDGE), np.float32)
    for (y, x), is_positive in zip(centres.tolist(), positive, strict=True):
        axes = 0.5 * DIAMETER_PX * rng.uniform(0.85, 1.1, 2)
        nucleus = np.zeros((EDGE, EDGE), np.float32)
        shape = (round(16 * x), round(16 * y)), (round(16 * axes[0]), round(16 * axes[1]))
        cv2.ellipse(nucleus, *shape, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA, 4)
        stain = np.maximum(stain, nucleus * np.float32(rng.lognormal(4.4, 0.25)))
        brightness = rng.lognormal(4.3, 0.4) if is_positive else rng.lognormal(1.2, 0.3)
        marker = np.maximum(marker, nucleus * np.float32(brightness))
    return [_taken(plane, rng) for plane in (stain, marker)], len(centres), int(positive.sum())


def _centres(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Centres of nuclei that keep apart, but for some that touch another one."""
    apart, touching = 1.35 * DIAMETER_PX, 1.02 * DIAMETER_PX
    margin = 0.65 * DIAMETER_PX
    chosen = np.empty((0, 2))
    while len(chosen) < count:
        is_partner = len(chosen) > 0 and rng.random() < TOUCHING / 2
        near = chosen[rng.integers(len(chosen))] if is_partner else np.zeros(2)
        angle = rng.uniform(0, 2 * np.pi)
        beside = near + touching * np.array([np.sin(angle), np.cos(angle)])
        place = beside if is_partner else rng.uniform(margin, EDGE - margin, 2)
        if not (margin <= place.min() and place.max() <= EDGE - margin):
            continue
        distances = np.sort(np.hypot(*(chosen - place).T))
        if (distances[1:] if is_partner else distances).min(initial=np.inf) > apart:
            chosen = np.vstack([chosen, place])
    return chosen


def _taken(plane: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """As a camera takes it: blurred, with haze and uneven light, noisy, 8 bits."""
    sharp = cv2.GaussianBlur(plane, (0, 0), 1.2)
    haze = 0.1 * np.asarray(cv2.GaussianBlur(plane, (0, 0), 20.0))
    ramp = 8.0 + 4.0 * np.linspace(-1, 1, EDGE, dtype=np.float32) * float(rng.uniform(-1, 1))
    light = np.asarray(sharp) + haze + ramp
    noise = rng.normal(0, 1, plane.shape) * np.sqrt(NOISE**2 + 0.006 * light)
    return np.clip(np.rint(light + noise), 0, 255).astype(np.uint8)


def _write(path: Path, plane: npt.NDArray[np.uint8]) -> None:
    tifffile.imwrite(
        path,
        plane,
        compression="zlib",
        compressionargs={"level": 9},
        photometric="minisblack",
        resolution=(1e4 / PIXEL_SIZE_UM, 1e4 / PIXEL_SIZE_UM),
        resolutionunit="CENTIMETER",
    )


if __name__ == "__main__":
    make_fields(HERE / "edu")
