"""How fast he-bone is, as a ratio to reading the same picture from an LZW TIFF: machines are shared and noisy.

    python benchmarks/he_bone.py

A section of 2048 × 2048 px of 0.65 µm, all steps: observe, resolve, measure.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

import exoimage as xi
from exoimage.images.image import Image
from exoimage.methods import synth

PIXEL_SIZE_UM = 0.65


def picture() -> np.ndarray:
    tile = synth.bone_field((1024, 1024), synth.Trabeculae(0.2, spacing_um=200), pixel_size_um=PIXEL_SIZE_UM, seed=3)
    mirrored = np.concatenate([tile.pixels, tile.pixels[:, ::-1]], axis=1)
    return np.ascontiguousarray(np.concatenate([mirrored, mirrored[::-1]], axis=0))


def median_seconds(work: Callable[[], object], repeats: int = 9) -> float:
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    pixels = picture()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "section.tif"
        tifffile.imwrite(path, pixels, compression="lzw", photometric="rgb")
        reading = median_seconds(lambda: tifffile.imread(path))
    image, recipe = Image(pixels, pixel_size=PIXEL_SIZE_UM), xi.assay("he-bone")
    measuring = median_seconds(lambda: recipe.measure(image))
    bare = xi.assay("he-bone", leave_out_annotations=False)
    without = median_seconds(lambda: bare.measure(image))
    print(
        f"he-bone, 2048 x 2048: {1e3 * measuring:.0f} ms ({1e3 * without:.0f} ms without looking for annotations);"
        f" reading the LZW TIFF {1e3 * reading:.0f} ms; {measuring / reading:.1f} times"
    )


if __name__ == "__main__":
    main()
