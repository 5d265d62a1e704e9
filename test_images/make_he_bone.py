"""Make the synthetic H&E sections of this folder, with their truth.

``python test_images/make_he_bone.py`` rewrites ``he_bone/``: three groups of three animals, a section of a distal femur
each, with cortex, growth plate and a metaphyseal region of interest, exactly as they are stored.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from exoimage.images.rois import read_regions
from exoimage.methods.synth import BoneField, Camera, Light, Marrow, Specimen, Trabeculae, bone_field

HERE = Path(__file__).resolve().parent
SEED = 20261
GROUPS = {
    "Sham": Trabeculae(fraction=0.25, spacing_um=210, continuity=0.95),
    "OVX": Trabeculae(fraction=0.12, spacing_um=300, continuity=0.8),
    "OVX+Exos": Trabeculae(fraction=0.19, spacing_um=240, continuity=0.9),
}
FAT = {"Sham": 0.15, "OVX": 0.6, "OVX+Exos": 0.35}
SAMPLE_SPREAD = 0.015
SAMPLES = 3
SHAPE = (440, 500)
PIXEL_SIZE_UM = 1.3
CORTEX_UM, PLATE_UM = 70.0, 80.0
MARGIN_UM = 30.0
"""How far the region of interest stays from cortex and growth plate."""

STUDY = f"""\
[study]
name = "OVX and exosomes, distal femur, H&E"
assay = "he-bone"
images = "images/*.jpg"
pixel_size_um = {PIXEL_SIZE_UM}

[groups]
pattern = "{{group}}_{{sample}}"
order = ["Sham", "OVX", "OVX+Exos"]
control = "OVX"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"

[recipe]
region = {{ method = "rois", path = "rois" }}
"""


def make_sections(folder: Path) -> None:
    """Write the nine sections, their regions, study.toml and truth.csv."""
    for name in ("images", "rois"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows: list[tuple[Any, ...]] = []
    for group, trabeculae in GROUPS.items():
        for sample in range(1, SAMPLES + 1):
            fraction = trabeculae.fraction + SAMPLE_SPREAD * (sample - 2 + rng.normal(0, 0.15))
            section = _section(trabeculae, float(fraction), FAT[group], rng)
            name = f"{group}_{sample}"
            _, data = cv2.imencode(".jpg", section.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
            (folder / "images" / f"{name}.jpg").write_bytes(data.tobytes())
            _write(folder / "rois" / f"{name}.geojson", _region())
            rows.append((f"images/{name}.jpg", group, sample, *_truth(section, folder / "rois" / f"{name}.geojson")))
    _write(folder / "study.toml", STUDY)
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as stream:
        header = ("image", "group", "sample", "bv_tv_pct", "b_ar_um2", "t_ar_um2")
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _section(trabeculae: Trabeculae, fraction: float, fat: float, rng: np.random.Generator) -> BoneField:
    return bone_field(
        SHAPE,
        Trabeculae(fraction, trabeculae.spacing_um, trabeculae.continuity, eosin_od=float(rng.uniform(0.28, 0.38))),
        marrow=Marrow(fat=fat),
        specimen=Specimen(cortex_um=CORTEX_UM, growth_plate_um=PLATE_UM),
        light=Light(relative_range=float(rng.uniform(0.05, 0.12)), angle_deg=float(rng.uniform(0, 360))),
        camera=Camera(blur_px=0.7, electrons=60_000, read_noise=0.5),
        strength=float(rng.uniform(0.9, 1.1)),
        pixel_size_um=PIXEL_SIZE_UM,
        seed=int(rng.integers(2**31)),
    )


def _region() -> str:
    """The metaphysis: a polygon in px, away from cortex and growth plate."""
    left, top = (CORTEX_UM + MARGIN_UM) / PIXEL_SIZE_UM, (PLATE_UM + MARGIN_UM) / PIXEL_SIZE_UM
    bottom, right = SHAPE
    corners = [(left, top), (right, top), (right, bottom), (left + 15, bottom), (left, bottom - 60), (left, top)]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[round(x, 1), round(y, 1)] for x, y in corners]]},
        "properties": {"name": "metaphysis"},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}) + "\n"


def _truth(section: BoneField, roi: Path) -> tuple[str, ...]:
    (region,) = read_regions(roi, SHAPE)
    tissue = section.tissue & region.mask
    bone, um2 = (section.bone & tissue).sum(), PIXEL_SIZE_UM**2
    return f"{100 * bone / tissue.sum():.4f}", f"{bone * um2:.1f}", f"{tissue.sum() * um2:.1f}"


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    make_sections(HERE / "he_bone")
