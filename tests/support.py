"""What all tests share: synthetic fields, and where real images are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import exoimage as xi
from exoimage.images.image import Image
from exoimage.images.writing import write_image
from exoimage.methods import synth

ROOT = Path(__file__).resolve().parent.parent


def real_folder() -> Path:
    """Where the real images are that are never copied into the project."""
    return Path(os.environ.get("EXOIMAGE_REAL", ROOT.parent / "shared" / "real"))


def write_fields(
    folder: Path, names: Sequence[str], *, shape: tuple[int, int] = (160, 200), pixel_size: float | None = 1.0
) -> dict[str, synth.NoduleField]:
    """Write synthetic alizarin-red fields; the k-th is stained to 8 + 3k %, from 8 to 26 %."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {}
    for index, name in enumerate(names):
        fraction = 0.08 + 0.03 * (index % 7)
        fields[name] = synth.nodule_field(shape, synth.Nodules(fraction=fraction, radius_px=9), seed=index)
        write_image(folder / name, Image(fields[name].pixels, pixel_size=pixel_size))
    return fields


def tables_alone(*arguments: Any, **options: Any) -> xi.Run:
    """Run a study without pictures: figures and report take longer than all the rest."""
    return xi.run(*arguments, **{"pictures": False, **options})


def turned(vector: Sequence[float], degrees: float, seed: int) -> tuple[float, float, float]:
    """A stain vector turned by an angle in a random direction, still of densities from 0 up."""
    rng = np.random.default_rng(seed)
    unit = np.array(vector) / np.linalg.norm(vector)
    while True:
        aside = rng.normal(size=3)
        aside -= (aside @ unit) * unit
        aside /= np.linalg.norm(aside)
        red, green, blue = np.cos(np.radians(degrees)) * unit + np.sin(np.radians(degrees)) * aside
        if min(red, green, blue) >= 0:
            return float(red), float(green), float(blue)
