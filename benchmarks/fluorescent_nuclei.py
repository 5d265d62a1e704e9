"""Nuclei of a 2048 × 2048 plane against the usual scikit-image steps: ``python benchmarks/fluorescent_nuclei.py``."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np

from exoimage.methods import synth
from exoimage.methods.fluorescent_nuclei import find_nuclei


def plane() -> tuple[np.ndarray, int]:
    cells = synth.CellPopulation(count=1000, diameter_px=32)
    field = synth.cell_field((2048, 2048), cells, camera=synth.Camera(blur_px=1.0, electrons=4000, bits=12), seed=1)
    return field.pixels[:, :, 0].copy(), field.count


def median_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def with_scikit_image(pixels: np.ndarray) -> int:
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_local, threshold_otsu
    from skimage.measure import regionprops_table
    from skimage.segmentation import watershed

    smooth = gaussian(pixels, 2, preserve_range=True)
    background = ndimage.uniform_filter(ndimage.minimum_filter(smooth, 101), 101)
    flat = smooth - background
    mask = (flat > 0.7 * threshold_otsu(flat)) & (flat > threshold_local(flat, 101) * 0.9)
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(mask, iterations=3))
    distance = gaussian(ndimage.distance_transform_edt(mask), 2)
    peaks = peak_local_max(distance, min_distance=8, labels=ndimage.label(mask)[0])
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=mask)
    regionprops_table(labels, pixels, properties=("label", "area", "solidity", "mean_intensity"))
    return int(labels.max())


def main() -> None:
    cv2.setNumThreads(1)
    pixels, truth = plane()
    estimated = median_seconds(lambda: find_nuclei(pixels))
    given = median_seconds(lambda: find_nuclei(pixels, typical_diameter=32))
    tracemalloc.start()
    count = find_nuclei(pixels).count
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(
        f"2048 x 2048, {truth} nuclei, {count} found: {1e3 * estimated:.0f} ms; {1e3 * given:.0f} ms with the diameter"
        f" given; {memory:.0f} MiB of arrays"
    )
    theirs = median_seconds(lambda: with_scikit_image(pixels), 1)
    print(
        f"scikit-image: {with_scikit_image(pixels)} nuclei, {1e3 * theirs:.0f} ms; {theirs / estimated:.1f} times ours"
    )


if __name__ == "__main__":
    main()
