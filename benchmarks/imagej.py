"""How fast we are against the real ImageJ and plain scikit-image, in one run on one machine, at 2048 × 2048.

    python benchmarks/imagej.py [--images 150]

Needs Java and an ij.jar (Debian: libij-java; elsewhere set EXOIMAGE_IJ_JAR). ImageJ works warm in one process of its
own, as it does after the first pictures of a macro; so do we.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from alizarin_red import picture
from timing import median_seconds

HERE = Path(__file__).resolve().parent


def discs() -> np.ndarray:
    """Return 45 × 45 discs of different sizes, every third pair touching: 2,025 seeds."""
    size, pitch = 2048, 2048 / 45
    y, x = np.mgrid[:size, :size]
    row, column = (y // pitch).astype(int), (x // pitch).astype(int)
    radius = 12 + ((row * 7 + column * 3) % 9)
    return (y - (row + 0.5) * pitch) ** 2 + (x - (column + 0.5) * pitch) ** 2 <= radius**2


def imagej_times(rgb: Path, binary: Path, grey: Path, folder: Path) -> dict[str, float]:
    jar = os.environ.get("EXOIMAGE_IJ_JAR", "/usr/share/java/ij.jar")
    subprocess.run(["javac", "-nowarn", "-cp", jar, "-d", str(folder), str(HERE / "ImageJTimes.java")], check=True)
    home = folder / "home"
    home.mkdir()
    command = [
        "java",
        "-Xmx4g",
        "-Djava.awt.headless=true",
        f"-Duser.home={home}",
        "-cp",
        os.pathsep.join([jar, str(folder)]),
    ]
    command += ["ImageJTimes", str(rgb), str(binary), str(grey)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split("\t") for line in out.splitlines())}


def our_times(rgb: Path, mask: np.ndarray, grey: np.ndarray) -> dict[str, float]:
    from exoimage.images.reading import read
    from exoimage.methods import background, particles, segmentation, thresholds
    from exoimage.methods.imagej_stains import imagej_stain_histogram

    def area() -> float:
        _, histogram = imagej_stain_histogram(read(rgb).pixels, "H DAB", 1)
        level = thresholds.auto_threshold(histogram, "Otsu", compat="1.53t")
        return float(100 * histogram[: level + 1].sum() / histogram.sum())

    print(f"area: {area():.4f} %")
    steps: dict[str, Callable[[], object]] = {
        "read + deconvolution + Otsu + area": area,
        "particles, all columns": lambda: particles.analyze(mask, grey),
        "watershed": lambda: segmentation.watershed_imagej(mask),
        "rolling ball 50": lambda: background.rolling_ball(grey, 50),
    }
    return {name: 1e3 * median_seconds(step) for name, step in steps.items()}


def scikit_image_times(rgb: Path, mask: np.ndarray, grey: np.ndarray) -> dict[str, float]:
    import pandas as pd
    from scipy import ndimage
    from skimage.color import hdx_from_rgb, separate_stains
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.measure import label, regionprops_table
    from skimage.restoration import rolling_ball
    from skimage.segmentation import watershed

    def area() -> float:
        plane = separate_stains(tifffile.imread(rgb), hdx_from_rgb)[:, :, 1]
        return float((plane > threshold_otsu(plane)).mean())

    names = ("area", "intensity_mean", "intensity_max", "centroid", "perimeter", "bbox", "axis_major_length",
             "axis_minor_length", "orientation", "feret_diameter_max", "solidity")  # fmt: skip

    def analyze() -> pd.DataFrame:
        return pd.DataFrame(regionprops_table(label(mask, connectivity=2), grey, properties=names))

    def split() -> np.ndarray:
        distance = ndimage.distance_transform_edt(mask)
        seeds = np.zeros(mask.shape, int)
        peaks = peak_local_max(distance, min_distance=5, labels=label(mask))
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        return watershed(-distance, seeds, mask=mask, watershed_line=True)

    steps: dict[str, tuple[Callable[[], object], int]] = {
        "read + deconvolution + Otsu + area": (area, 3),
        "particles, all columns": (analyze, 1),
        "watershed": (split, 1),
        "rolling ball 50": (lambda: grey - rolling_ball(grey[:512, :512], radius=50).max(), 1),
    }
    times = {name: 1e3 * median_seconds(step, repeats) for name, (step, repeats) in steps.items()}
    times["rolling ball 50"] *= 16  # a sixteenth of the picture was timed: the whole takes over a minute
    return times


def per_further_image(folder: Path, count: int, jobs: int) -> float:
    """Milliseconds of our run per further uncompressed TIFF, tables alone."""
    images = folder / "images"
    images.mkdir()
    tifffile.imwrite(images / "field_000.tif", picture(), photometric="rgb")
    for k in range(1, count):
        shutil.copy(images / "field_000.tif", images / f"field_{k:03d}.tif")
    seconds = {}
    for n in (4, count // 3, count):
        subset = folder / f"first_{n}"
        subset.mkdir()
        for path in sorted(images.iterdir())[:n]:
            os.link(path, subset / path.name)
        command = [
            sys.executable,
            "-m",
            "exoimage",
            "measure",
            "stain-area",
            str(subset),
            "--out",
            str(folder / f"out_{n}"),
        ]
        command += ["--set", "imagej=true", "--set", "stains.name=H DAB", "--set", "threshold.method=otsu"]
        began = time.perf_counter()
        subprocess.run([*command, "--tables-only", "--quiet", "--jobs", str(jobs)], check=True)
        seconds[n] = time.perf_counter() - began
    each = 1e3 * (seconds[count] - seconds[count // 3]) / (count - count // 3)
    print(f"start-up of a run: {seconds[4] - 4 * each / 1e3:.1f} s")
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="exoimage-benchmark-"))
    try:
        mask, rgb = discs(), picture()
        grey = np.ascontiguousarray(rgb[:, :, 1])
        paths = [folder / name for name in ("rgb.tif", "mask.tif", "grey.tif")]
        for path, pixels in zip(paths, (rgb, mask.astype(np.uint8) * 255, grey), strict=True):
            tifffile.imwrite(path, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
        theirs = imagej_times(*paths, folder)
        print(f"ImageJ's area: {theirs.pop('area_pct'):.4f} %")
        ours, plain = our_times(paths[0], mask, grey), scikit_image_times(paths[0], mask, grey)
        print(f"{'step':38s} {'ours ms':>9s} {'ImageJ ms':>10s} {'times':>6s} {'scikit-image ms':>16s} {'times':>6s}")
        for name, own in ours.items():
            print(
                f"{name:38s} {own:9.1f} {theirs[name]:10.0f} {theirs[name] / own:6.1f}"
                f" {plain[name]:16.0f} {plain[name] / own:6.1f}"
            )
        each = per_further_image(folder, options.images, options.jobs)
        route = theirs["read + deconvolution + Otsu + area"]
        print(
            f"a run, per further uncompressed TIFF, tables alone: {each:.1f} ms; ImageJ's route {route:.0f} ms;"
            f" {route / each:.1f} times"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
