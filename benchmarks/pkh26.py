"""How fast puncta are found and `pkh26` measures, as ratios within one run: machines are shared and noisy.

    python benchmarks/pkh26.py

A 2048 × 2048 picture of DAPI and PKH26 with 400 cells: `find_puncta` against scikit-image's `blob_log` and `blob_dog`
over the same sizes on the same plane, with the recall and precision that each reaches; then the whole assay.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from scipy.spatial import cKDTree
from timing import median_seconds

import exoimage as xi
from exoimage.images.image import Image
from exoimage.methods.puncta import find_puncta
from exoimage.methods.synth import Uptake, UptakeField, uptake_field

SHAPE = (2048, 2048)


def recall_and_precision(field: UptakeField, places: np.ndarray) -> str:
    """Of places y, x in the coordinates of the truth."""
    true = np.column_stack([field.y_px, field.x_px])
    recall = (cKDTree(places).query(true)[0] < 2).mean()
    precision = (cKDTree(true).query(places)[0] < 2).mean()
    return f"recall {recall:.3f}, precision {precision:.3f}"


def main() -> None:
    from skimage.feature import blob_dog, blob_log

    cv2.setNumThreads(1)
    field = uptake_field(SHAPE, Uptake(cells=400, puncta_per_cell=4, snr=8), bits=16, seed=1)
    scaled = field.marker.astype(np.float64) / field.max_value
    # Thresholds at which each is at its best here: half the answer to a punctum of the true height.
    height = float(np.median(field.height)) / field.max_value
    sizes = {"min_sigma": 2.0, "max_sigma": 8.0}
    found = find_puncta(field.marker)
    ours = median_seconds(lambda: find_puncta(field.marker), 5)
    print(f"find_puncta: {1e3 * ours:.0f} ms; {recall_and_precision(field, np.column_stack([found.y_px, found.x_px]))}")
    for name, work in (
        ("blob_log", lambda: blob_log(scaled, num_sigma=5, log_scale=True, threshold=0.25 * height, **sizes)),
        ("blob_dog", lambda: blob_dog(scaled, sigma_ratio=2**0.5, threshold=0.25 * height, **sizes)),
    ):
        theirs = median_seconds(work, 1)
        print(f"{name}: {1e3 * theirs:.0f} ms, {theirs / ours:.1f} times ours; "
              f"{recall_and_precision(field, work()[:, :2] + 0.5)}")  # fmt: skip
    image = Image(np.dstack([field.nuclear, field.marker]), ("DAPI", "PKH26"), pixel_size=0.3, light="emitted")
    recipe = xi.assay("pkh26")
    whole = median_seconds(lambda: recipe.measure(image), 3)
    row = recipe.measure(image).summary
    print(f"pkh26, {row['cell_count']} cells, {row['puncta_count']} puncta: {1e3 * whole:.0f} ms")


if __name__ == "__main__":
    main()
