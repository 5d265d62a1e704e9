"""How much the way of colour deconvolution changes a stained area, on real pictures.

    python benchmarks/deconvolution_area.py

Stained area (%) by Otsu's threshold of each picture, for every stain of its preset, as ImageJ's Colour Deconvolution
(CD1) gives it, and how far the others are from it. Pictures are found through EXOIMAGE_REAL.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu

from exoimage.assays.threshold_choices import AutoThreshold
from exoimage.images.reading import read
from exoimage.methods import density, presets, stains, thresholds
from exoimage.methods.imagej_stains import IMAGEJ_VECTORS, Stains, deconvolve_imagej

REAL = Path(os.environ.get("EXOIMAGE_REAL", Path(__file__).resolve().parents[2] / "shared" / "real"))
PICTURES = {
    "histology_he/tcga-lung-rgb.png": "H&E",
    "histology_he/high-nuclei-score-level0.png": "H&E",
    "histology_liverquant/tile01_HE.jpg": "H&E",
    "histology_liverquant/tile02_HE.jpg": "H&E",
    "ihc/Ki-67.jpg": "H DAB",
    "dab_area/Native_Trop_02.jpg": "H DAB",
}


def otsu_share(plane: np.ndarray) -> float:
    """Return the share in percent at or below Otsu's level of an 8-bit transmittance plane."""
    histogram = np.bincount(plane.ravel(), minlength=256)
    level = thresholds.auto_threshold(histogram, "Otsu", compat="1.54p")
    return float(100 * histogram[: level + 1].sum() / histogram.sum())


def imagej(version: str, third: str, output: str) -> Callable[[np.ndarray, str, int], float]:
    def area(rgb: np.ndarray, name: str, stain: int) -> float:
        vectors: Stains = IMAGEJ_VECTORS[name]
        planes = deconvolve_imagej(rgb, vectors, version, third=third, output=output)  # type: ignore[arg-type]
        plane = planes[:, :, stain]
        if output == "8-bit transmittance":
            return otsu_share(plane)
        return float(100 * (plane > threshold_otsu(plane, 256)).mean())

    return area


def ours(floor_od: float) -> Callable[[np.ndarray, str, int], float]:
    def area(rgb: np.ndarray, name: str, stain: int) -> float:
        white, _ = density.estimate_white(rgb[::4, ::4].reshape(-1, 3), 255.0)
        stain_set = presets.PRESETS[name].with_white(white)
        plane = stains.stain_plane(rgb, stain_set, stain_set.names[stain])
        threshold, _ = AutoThreshold(floor_od=floor_od).resolve([plane.ravel().astype(np.float64)], [])
        return float(100 * (plane > threshold.od).mean())

    return area


def hed(rgb: np.ndarray, name: str, stain: int) -> float:
    plane = rgb2hed(rgb)[:, :, {"H&E": (0, 1), "H DAB": (0, 2)}[name][stain]]
    return float(100 * (plane > threshold_otsu(plane)).mean())


METHODS: dict[str, Callable[[np.ndarray, str, int], float]] = {
    "CD2, 8 bit, complement": imagej("CD2", "complement", "8-bit transmittance"),
    "CD2, 8 bit, cross product": imagej("CD2", "cross", "8-bit transmittance"),
    "CD2, 32-bit absorbance": imagej("CD2", "cross", "32-bit absorbance"),
    "ours, without floor": ours(0.0),
    "ours": ours(0.15),
    "scikit-image rgb2hed": hed,
}


def main() -> None:
    pictures = {"skimage immunohistochemistry": (skimage.data.immunohistochemistry(), "H DAB")}
    for path, name in PICTURES.items():
        if (REAL / path).is_file():
            pictures[path] = (read(REAL / path).pixels, name)
    reference = imagej("CD1", "cross", "8-bit transmittance")
    differences: dict[str, list[float]] = {method: [] for method in METHODS}
    for path, (rgb, name) in pictures.items():
        for stain in (0, 1):
            expected = reference(rgb, name, stain)
            found = {method: area(rgb, name, stain) for method, area in METHODS.items()}
            for method, value in found.items():
                differences[method].append(abs(value - expected))
            values = "  ".join(f"{value:6.2f}" for value in found.values())
            print(f"{path:44s} {presets.PRESETS[name].names[stain]:12s} CD1 {expected:6.2f}  {values}")
    for method, points in differences.items():
        print(f"{method:28s} points from CD1: median {np.median(points):5.2f}, largest {max(points):5.2f}")


if __name__ == "__main__":
    main()
