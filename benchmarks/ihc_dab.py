"""How fast `ihc-dab` is, as ratios within one run: machines are shared and noisy.

    python benchmarks/ihc_dab.py

A 2048 × 2048 picture of DAB and haematoxylin: observing and measuring it with cells, against reading it from an LZW
TIFF, and against a plain script of scikit-image and SciPy that does the like (stain separation, threshold, smoothing,
distance-transform watershed, a table of every nucleus).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tifffile
from timing import median_seconds

import exoimage as xi
from exoimage.images.image import Image

SHAPE = (2048, 2048)


def picture() -> np.ndarray:
    import skimage.data

    tile = skimage.data.immunohistochemistry()
    return np.ascontiguousarray(np.tile(tile, (4, 4, 1))[: SHAPE[0], : SHAPE[1]])


def with_scikit_image(rgb: np.ndarray) -> tuple[float, int]:
    """Area and count of nuclei as a careful user of scikit-image would get them."""
    from scipy import ndimage
    from skimage.color import hdx_from_rgb, separate_stains
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_local
    from skimage.measure import regionprops_table
    from skimage.morphology import remove_small_objects
    from skimage.segmentation import expand_labels, watershed

    planes = separate_stains(rgb, hdx_from_rgb)
    area = float((planes[:, :, 1] > 0.2).mean())
    smooth = gaussian(planes[:, :, 0], 2)
    mask = remove_small_objects(smooth > threshold_local(smooth, 51), 40)
    distance = ndimage.distance_transform_edt(mask)
    peaks = peak_local_max(distance, min_distance=5, labels=ndimage.label(mask)[0])
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    nuclei = watershed(-distance, markers, mask=mask)
    expanded = expand_labels(nuclei, 6)
    regionprops_table(nuclei, planes[:, :, :2], properties=("label", "centroid", "area", "mean_intensity"))
    regionprops_table(expanded, planes[:, :, 1], properties=("label", "mean_intensity"))
    return area, int(nuclei.max())


def main() -> None:
    rgb = picture()
    recipe = xi.assay("ihc-dab", compartment="cytoplasm")
    nuclear = xi.assay("ihc-dab")
    image = Image(rgb, pixel_size=0.5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "field.tif"
        tifffile.imwrite(path, rgb, compression="lzw", photometric="rgb")
        reading = median_seconds(lambda: tifffile.imread(path))
    for name, one in (("nucleus", nuclear), ("cytoplasm", recipe)):
        ours = median_seconds(lambda one=one: one.measure(image))
        cells = one.measure(image).summary["cell_count"]
        print(
            f"ihc-dab, {name}, 2048 x 2048, {cells} cells: {1e3 * ours:.0f} ms; reading it from an LZW TIFF"
            f" {1e3 * reading:.0f} ms; {ours / reading:.1f} times"
        )
    theirs = median_seconds(lambda: with_scikit_image(rgb), 1)
    print(f"scikit-image's equivalents: {1e3 * theirs:.0f} ms; {theirs / ours:.1f} times ours")


if __name__ == "__main__":
    main()
