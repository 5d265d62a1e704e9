"""How fast the bright-field assays are, as ratios to reading the same picture from an LZW TIFF.

    python benchmarks/brightfield.py [ASSAY ...]

Pictures of 2048 × 2048 px in memory. "alone" is `recipe.measure(image)`: observing, deciding, measuring; "in a study"
is what measuring costs after the study has observed and decided.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from timing import median_seconds

import exoimage as xi
from exoimage.images.image import Image
from exoimage.methods import stains, synth

QUARTER = (1024, 1024)
PIXEL_SIZE_UM = 0.65


def _nodules(stain: str) -> npt.NDArray[Any]:
    nodules = synth.Nodules(fraction=0.2, radius_px=14)
    return synth.nodule_field(QUARTER, nodules, vector=stains.preset(stain).vectors[0], seed=1).pixels


PICTURES: Mapping[str, Callable[[], npt.NDArray[Any]]] = {
    "alizarin-red": lambda: _nodules("alizarin red"),
    "alp": lambda: _nodules("BCIP/NBT"),
    "stain-area": lambda: _nodules("Sirius red"),
    "von-kossa": lambda: synth.silver_field(QUARTER, synth.Silver(count=60, borders_od=0.3), seed=1).pixels,
    "masson": lambda: synth.trichrome_field(QUARTER, synth.Section(width_px=60), seed=1).pixels,
    "he-bone": lambda: (
        synth.bone_field(QUARTER, synth.Trabeculae(0.2, spacing_um=200), pixel_size_um=PIXEL_SIZE_UM, seed=3).pixels
    ),
    "ihc-dab": lambda: synth.immuno_field(QUARTER, seed=1).pixels,
}


def mirrored(tile: npt.NDArray[Any]) -> npt.NDArray[Any]:
    wide = np.concatenate([tile, tile[:, ::-1]], axis=1)
    return np.ascontiguousarray(np.concatenate([wide, wide[::-1]], axis=0))


def main() -> None:
    print(f"{'assay':14s} {'reading ms':>10s} {'alone ms':>9s} {'ratio':>6s} {'in a study ms':>14s} {'ratio':>6s}")
    for name in sys.argv[1:] or PICTURES:
        image = Image(mirrored(PICTURES[name]()), pixel_size=PIXEL_SIZE_UM)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "field.tif"
            tifffile.imwrite(path, image.pixels, compression="lzw", photometric="rgb")
            reading = 1e3 * median_seconds(lambda path=path: tifffile.imread(path))
        recipe = xi.assay(name)
        evidence = recipe.observe(image)
        resolved = recipe.resolve([evidence])
        alone = 1e3 * median_seconds(lambda recipe=recipe, image=image: recipe.measure(image))
        in_study = 1e3 * median_seconds(lambda r=resolved, image=image, e=evidence: r.measure(image, e))
        print(
            f"{name:14s} {reading:10.0f} {alone:9.0f} {alone / reading:6.2f} {in_study:14.0f} {in_study / reading:6.2f}"
        )


if __name__ == "__main__":
    main()
