"""Make the synthetic ALP and von Kossa pictures of this folder, with their truth.

``python test_images/make_alp_and_von_kossa.py`` rewrites ``alp/`` and ``von_kossa/`` (12 fields each: three groups of
two samples of two fields) exactly as they are stored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from exoimage.methods.synth import (
    Camera,
    Light,
    NoduleField,
    Nodules,
    Silver,
    SilverField,
    Surroundings,
    nodule_field,
    silver_field,
)

HERE = Path(__file__).resolve().parent
SEED = 20264
GROUPS = ("Control", "PMO", "PMO+Exos")
ALP_MEANS = {"Control": 0.34, "PMO": 0.14, "PMO+Exos": 0.27}
NODULE_MEANS = {"Control": 26, "PMO": 9, "PMO+Exos": 19}
SAMPLES, FIELDS = 2, 2
SHAPE = (360, 480)
BCIP_NBT_OF_A_BATCH = (0.62, 0.74, 0.27)
"""Not the preset's vector: dye lots and cameras differ."""

STUDY = """\
[study]
name = "PMO exosomes, {title}"
assay = "{assay}"
images = "images/*.jpg"
pixel_size_um = {pixel_size}

[groups]
pattern = "{{group}}_{{sample}}_{{field}}"
order = ["Control", "PMO", "PMO+Exos"]
control = "Control"

[statistics]
unit = "sample"
test = "anova"
posthoc = "tukey"
"""


def make_alp(folder: Path) -> None:
    """Write the ALP fields, study.toml and truth.csv."""
    rng = np.random.default_rng(SEED)
    rows = []
    for group, sample, field in _fields():
        fraction = ALP_MEANS[group] + 0.03 * (sample - 1.5) + float(rng.normal(0, 0.01))
        picture = _alp_field(fraction, rng)
        key = _write_jpeg(folder, f"{group}_{sample}_{field}", picture)
        rows.append((key, group, sample, field, f"{picture.stained_area_pct:.4f}"))
    _write_text(folder / "study.toml", STUDY.format(title="ALP", assay="alp", pixel_size=1.3))
    _write_csv(folder / "truth.csv", ("image", "group", "sample", "field", "stained_area_pct"), rows)


def make_von_kossa(folder: Path) -> None:
    """Write the von Kossa fields, study.toml and truth.csv."""
    rng = np.random.default_rng(SEED + 1)
    rows = []
    for group, sample, field in _fields():
        count = NODULE_MEANS[group] + (2 * sample - 3) + int(rng.integers(-1, 2))
        picture = _silver_field(count, rng)
        key = _write_jpeg(folder, f"{group}_{sample}_{field}", picture)
        rows.append((key, group, sample, field, picture.nodule_count, f"{picture.stained_area_pct:.4f}"))
    _write_text(folder / "study.toml", STUDY.format(title="von Kossa", assay="von-kossa", pixel_size=1.0))
    _write_csv(folder / "truth.csv", ("image", "group", "sample", "field", "nodule_count", "stained_area_pct"), rows)


def _fields() -> Iterable[tuple[str, int, int]]:
    return ((g, s, f) for g in GROUPS for s in range(1, SAMPLES + 1) for f in range(1, FIELDS + 1))


def _alp_field(fraction: float, rng: np.random.Generator) -> NoduleField:
    return nodule_field(
        SHAPE,
        Nodules(fraction=fraction, radius_px=float(rng.uniform(9, 13)), od=float(rng.uniform(0.45, 0.6)), texture=0.2),
        surroundings=Surroundings(cell_layer_od=0.012, haze_od=float(rng.uniform(0.01, 0.03))),
        light=Light(relative_range=float(rng.uniform(0.05, 0.1)), angle_deg=float(rng.uniform(0, 360))),
        camera=Camera(blur_px=0.8, electrons=80_000, read_noise=0.4),
        vector=BCIP_NBT_OF_A_BATCH,
        seed=int(rng.integers(2**31)),
    )


def _silver_field(count: int, rng: np.random.Generator) -> SilverField:
    return silver_field(
        SHAPE,
        Silver(
            count=count, touching=0.2, radius_px=15, radius_spread=0.15, od=float(rng.uniform(1.0, 1.4)),
            scratches=int(rng.integers(0, 2)), edge_debris=int(rng.integers(0, 2)),
            borders_od=float(rng.choice([0.0, 0.3])),
        ),
        light=Light(relative_range=float(rng.uniform(0.05, 0.12)), angle_deg=float(rng.uniform(0, 360))),
        camera=Camera(blur_px=0.8, electrons=80_000, read_noise=0.4),
        seed=int(rng.integers(2**31)),
    )  # fmt: skip


def _write_jpeg(folder: Path, name: str, picture: NoduleField | SilverField) -> str:
    key = f"images/{name}.jpg"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(picture.pixels).save(folder / key, quality=88)
    return key


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    make_alp(HERE / "alp")
    make_von_kossa(HERE / "von_kossa")
