"""How fast `masson` is on a 2048 × 2048 picture in memory, as a ratio to reading it from an LZW TIFF.

python benchmarks/masson.py
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

SHAPE = (2048, 2048)


def median_seconds(work: Callable[[], object], repeats: int = 9) -> float:
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    field = synth.trichrome_field((1024, 1024), synth.Section(width_px=60), seed=1)
    pixels = np.ascontiguousarray(np.tile(field.pixels, (2, 2, 1)))
    image = Image(pixels, pixel_size=0.5)
    recipe = xi.assay("masson")
    evidence = recipe.observe(image)
    resolved = recipe.resolve([evidence])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.tif"
        tifffile.imwrite(path, pixels, compression="lzw", photometric="rgb")
        reading = median_seconds(lambda: tifffile.imread(path))
    observing = median_seconds(lambda: recipe.observe(image))
    measuring = median_seconds(lambda: resolved.measure(image, evidence))
    print(
        f"masson, {SHAPE[0]} x {SHAPE[1]}: reading {1e3 * reading:.0f} ms, observing {1e3 * observing:.0f} ms,"
        f" measuring {1e3 * measuring:.0f} ms: {measuring / reading:.2f} of reading"
    )


if __name__ == "__main__":
    main()
