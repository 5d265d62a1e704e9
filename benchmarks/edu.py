"""How fast `edu` is, and how much memory it takes, against CellProfiler-like steps of scikit-image and SciPy.

    python benchmarks/edu.py

A field of 2048 × 2048 px in two channels with 1,000 nuclei, a fifth of them touching: nuclei found, the marker measured
above the local background, a table of every nucleus, the share of positive ones. Ratios are taken within one run:
machines are shared and noisy.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from timing import median_seconds

import exoimage as xi
from exoimage.images.image import Image
from exoimage.methods import synth

SHAPE, COUNT, DIAMETER_PX = (2048, 2048), 1000, 30.0


def picture() -> tuple[Image, synth.CellField]:
    field = synth.cell_field(SHAPE, synth.CellPopulation(count=COUNT, diameter_px=DIAMETER_PX), seed=1)
    deep = field.pixels.astype(np.uint16) * np.uint16(16 if field.pixels.dtype == np.uint8 else 1)
    return Image(deep, ("DAPI", "EdU"), pixel_size=0.4, light="emitted", max_value=4095), field


def with_scikit_image(pixels: npt.NDArray[np.uint16]) -> tuple[int, float]:
    """Nuclei and positive share as CellProfiler's IdentifyPrimaryObjects, MeasureObjectIntensity and a cut get them."""
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_local, threshold_otsu
    from skimage.measure import regionprops_table
    from skimage.morphology import remove_small_objects
    from skimage.segmentation import expand_labels, watershed

    nuclear, marker = (pixels[:, :, number].astype(np.float64) for number in (0, 1))
    smooth = gaussian(nuclear, 1.0, preserve_range=True)
    level = threshold_otsu(smooth)
    mask = (smooth > threshold_local(smooth, 151, method="gaussian")) & (smooth > 0.5 * level)
    mask = ndimage.binary_fill_holes(remove_small_objects(mask, max_size=int(0.2 * DIAMETER_PX**2)))
    distance = gaussian(ndimage.distance_transform_edt(mask), 2.0, preserve_range=True)
    peaks = peak_local_max(distance, min_distance=int(DIAMETER_PX / 3), labels=ndimage.label(mask)[0])
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, seeds, mask=mask)
    wide, near = expand_labels(labels, 15), expand_labels(labels, 4)
    rings = np.where(near > 0, 0, wide)
    names = ("label", "area", "centroid", "intensity_mean", "solidity")
    inside = regionprops_table(labels, np.stack([nuclear, marker], axis=2), properties=names)
    numbers = np.arange(1, int(labels.max()) + 1)
    ground = ndimage.median(marker, rings, numbers)
    corrected = inside["intensity_mean-1"] - np.nan_to_num(ground)
    logarithm = np.log(np.maximum(corrected, 1.0))
    return len(corrected), 100.0 * float((logarithm > threshold_otsu(logarithm)).mean())


def peak_memory_mb(work: object) -> float:
    """Largest resident size while a call runs, above what there was before, in MB; of Linux only."""
    status, peak, done = Path("/proc/self/statm"), [0], threading.Event()
    page = 4096

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], int(status.read_text().split()[1]))
            time.sleep(0.002)

    before = int(status.read_text().split()[1])
    watcher = threading.Thread(target=watch)
    watcher.start()
    work()  # type: ignore[operator]
    done.set()
    watcher.join()
    return (peak[0] - before) * page / 1e6


def main() -> None:
    cv2.setNumThreads(1)
    image, truth = picture()
    recipe = xi.assay("edu")
    if sys.platform == "linux":
        print(f"memory: {peak_memory_mb(lambda: recipe.measure(image)):.0f} MB above what the picture takes")
    evidence = recipe.observe(image)
    resolved = recipe.resolve([evidence])
    row = recipe.measure(image).summary
    ours = median_seconds(lambda: recipe.measure(image), 5)
    observing = median_seconds(lambda: recipe.observe(image), 5)
    measuring = median_seconds(lambda: resolved.measure(image), 5)
    print(f"truth: {truth.count} nuclei, {truth.positive_pct:.1f} % positive")
    print(f"edu: {row['nuclei_count']} nuclei, {row['edu_positive_pct']:.1f} %; {1e3 * ours:.0f} ms alone;")
    print(f"  in a study {1e3 * observing:.0f} ms to observe, {1e3 * measuring:.0f} ms to measure")
    count, share = with_scikit_image(image.pixels)
    theirs = median_seconds(lambda: with_scikit_image(image.pixels), 1)
    print(f"scikit-image: {count} nuclei, {share:.1f} %; {1e3 * theirs:.0f} ms; {theirs / ours:.1f} times ours")


if __name__ == "__main__":
    main()
