"""How fast the first assay is, as ratios within one run: machines are shared and noisy.

    python benchmarks/alizarin_red.py [--images 120]

1. one stain + histogram threshold + area of a 2048 × 2048 picture in memory, against scikit-image;
2. a whole `exoimage run` of LZW-compressed TIFFs of that size, per further image, against only reading them with
   tifffile in as many processes; start-up is apart; peak memory per process;
3. `import exoimage` and `exoimage --version`, against `python -c pass`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from timing import median_seconds

SHAPE = (2048, 2048)


def picture() -> np.ndarray:
    import skimage.data

    tile = skimage.data.immunohistochemistry()
    repeats = (-(-SHAPE[0] // tile.shape[0]), -(-SHAPE[1] // tile.shape[1]), 1)
    return np.ascontiguousarray(np.tile(tile, repeats)[: SHAPE[0], : SHAPE[1]])


def in_memory() -> None:
    from skimage.color import hdx_from_rgb, separate_stains
    from skimage.filters import threshold_otsu

    from exoimage.methods import stains, thresholds

    rgb = picture()
    h_dab = stains.preset("H DAB")

    def ours() -> float:
        levels, histogram = stains.stain_levels(rgb, h_dab)
        found = thresholds.find(histogram, "Otsu")
        assert found.level is not None
        return float(histogram[found.level + 1 :].sum() / levels.size)

    def theirs() -> float:
        plane = separate_stains(rgb, hdx_from_rgb)[:, :, 1]
        return float((plane > threshold_otsu(plane)).mean())

    fast, slow = median_seconds(ours), median_seconds(theirs, 3)
    print(
        f"one stain + Otsu + area, 2048 x 2048: {1e3 * fast:.1f} ms; scikit-image {1e3 * slow:.0f} ms;"
        f" {slow / fast:.0f} times"
    )


def read_all(paths: list[Path], jobs: int) -> float:
    """Seconds to read the files with tifffile in as many processes, once they have started."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_import_tifffile) as pool:
        pool.map(_nothing, range(4 * jobs))
        began = time.perf_counter()
        for _ in pool.imap_unordered(_read, paths):
            pass
        return time.perf_counter() - began


def _import_tifffile() -> None:
    import imagecodecs  # noqa: F401
    import tifffile  # noqa: F401


def _nothing(_: int) -> None:
    time.sleep(0.01)


def _read(path: Path) -> int:
    import tifffile

    return int(tifffile.imread(path)[0, 0, 0])


class Peak:
    """Watches the largest resident set of any process below this one."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE") / 2**20
        while not self._stop.wait(0.02):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    command = (folder / "cmdline").read_bytes()
                    if b"exoimage" in command or b"spawn_main" in command:
                        resident = int((folder / "statm").read_text().split()[1]) * page
                        self.megabytes = max(self.megabytes, resident)
                except (OSError, ValueError, IndexError):
                    continue


def run_seconds(folder: Path, count: int, jobs: int) -> float:
    out = folder / f"out_{count}"
    shutil.rmtree(out, ignore_errors=True)
    names = sorted((folder / "images").glob("*.tif"))[:count]
    study = folder / "study.toml"
    listed = folder / f"layout_{count}.csv"
    listed.write_text("image,group,sample\n" + "".join(f"{name.name},A,{k}\n" for k, name in enumerate(names)))
    subset = folder / f"images_{count}"
    if not subset.exists():
        subset.mkdir()
        for name in names:
            os.link(name, subset / name.name)
    study.write_text(
        f'[study]\nassay = "stain-area"\nimages = "images_{count}/*.tif"\n'
        '[recipe]\nstains = { method = "preset", name = "H DAB" }\n'
    )
    command = [sys.executable, "-m", "exoimage", "run", str(study), "--out", str(out), "--jobs", str(jobs), "--quiet"]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def whole_run(images: int, jobs: int) -> None:
    import tifffile

    fewer = images // 3
    folder = Path(tempfile.mkdtemp(prefix="exoimage-benchmark-"))
    try:
        (folder / "images").mkdir()
        first = folder / "images" / "field_000.tif"
        tifffile.imwrite(first, picture(), compression="lzw", photometric="rgb")
        for k in range(1, images):
            shutil.copy(first, folder / "images" / f"field_{k:03d}.tif")
        paths = sorted((folder / "images").glob("*.tif"))
        run_seconds(folder, 4, jobs)  # compiled loops are cached, files are in memory
        reading = (read_all(paths, jobs) - read_all(paths[:fewer], jobs)) / (images - fewer)
        with Peak() as peak:
            short, long = run_seconds(folder, fewer, jobs), run_seconds(folder, images, jobs)
        each = (long - short) / (images - fewer)
        start = short - fewer * each
        print(
            f"exoimage run, {images} less {fewer} LZW TIFFs of 2048 x 2048, {jobs} processes:"
            f" {1e3 * each:.0f} ms per further image;"
            f" reading alone {1e3 * reading:.0f} ms; {each / reading:.2f} times; start-up {start:.1f} s;"
            f" peak memory of a process {peak.megabytes:.0f} MB"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_up() -> None:
    def seconds(*arguments: str) -> float:
        return median_seconds(
            lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL), 7
        )

    bare = seconds("-c", "pass")
    for name, arguments in (
        ("import exoimage", ("-c", "import exoimage")),
        ("exoimage --version", ("-m", "exoimage", "--version")),
    ):
        taken = seconds(*arguments)
        print(f"{name}: {1e3 * taken:.0f} ms; python -c pass {1e3 * bare:.0f} ms; {taken / bare:.1f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    in_memory()
    start_up()
    whole_run(options.images, options.jobs)


if __name__ == "__main__":
    main()
