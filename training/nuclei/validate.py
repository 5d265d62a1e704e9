"""Print the figures of the model card: ``python validate.py FOLDER [--per-image]``.

FOLDER holds folders of `images` and `masks`, as in `train.py`; none of them may have been trained on. Needs exoimage
alone, no PyTorch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.methods.detectors import NucleiDetector, Search, detector

LEAST_OVERLAPS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Intersections over union from which on a found nucleus is the drawn one."""


@dataclass(frozen=True)
class Score:
    """How one picture went.

    Parameters
    ----------
    folder, name : str
    found, drawn : int
    hits : tuple of int
        Nuclei found, for each of `LEAST_OVERLAPS`.
    """

    folder: str
    name: str
    found: int
    drawn: int
    hits: tuple[int, ...]

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall at 0.5."""
        return 2 * self.hits[0] / max(1, self.found + self.drawn)

    @property
    def count_error_pct(self) -> float:
        """Error of the count."""
        return 100 * abs(self.found - self.drawn) / max(1, self.drawn)

    def precision(self, index: int) -> float:
        """Average precision, hits / (found + drawn - hits), as the 2018 Data Science Bowl had it."""
        return self.hits[index] / max(1, self.found + self.drawn - self.hits[index])


def scores(folder: Path, method: NucleiDetector) -> list[Score]:
    """The scores of all pictures in a folder, with no settings."""
    found = []
    for image in sorted(folder.glob("*/images/*.tif")):
        mask = image.parents[1] / "masks" / image.name
        marked, plane = tifffile.imread(mask), tifffile.imread(image)
        drawn = np.unique(marked, return_inverse=True)[1].reshape(marked.shape)
        labels = method.find(plane if plane.ndim == 2 else plane[..., :3].mean(axis=2), Search()).labels
        overlap = _overlaps(labels, drawn)
        hits = tuple(int((overlap > least).sum()) for least in LEAST_OVERLAPS)
        found.append(Score(image.parents[1].name, image.stem, int(labels.max()), int(drawn.max()), hits))
    return found


def _overlaps(found: npt.NDArray[np.int32], drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    count = int(drawn.max()) + 1
    together = np.bincount(found.ravel().astype(np.int64) * count + drawn.ravel(), minlength=(found.max() + 1) * count)
    table = together.reshape(-1, count).astype(np.float64)
    union = table.sum(1, keepdims=True) + table.sum(0, keepdims=True) - table
    return np.asarray((table / np.maximum(union, 1))[1:, 1:])


def line(name: str, some: Sequence[Score]) -> str:
    """Figures of some pictures."""
    precision = " ".join(f"{np.mean([one.precision(k) for one in some]):.3f}" for k in range(len(LEAST_OVERLAPS)))
    return (
        f"| {name} | {len(some)} | {np.mean([one.f1 for one in some]):.3f} | {min(one.f1 for one in some):.2f} |"
        f" {np.median([one.count_error_pct for one in some]):.1f} % | {precision} |"
    )


def main() -> None:
    """Both of our own methods on a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-image", action="store_true")
    given = parser.parse_args()
    for name in ("network", "threshold"):
        began = time.perf_counter()
        every = scores(given.folder, detector(name))
        print(f"\n{name}, {(time.perf_counter() - began) / len(every):.2f} s per picture\n")
        print(f"| pictures | number | F1 | lowest | median count error | average precision at {LEAST_OVERLAPS} |")
        print("|---|---|---|---|---|---|")
        for folder in sorted({one.folder for one in every}):
            print(line(folder, [one for one in every if one.folder == folder]))
        print(line("all", every))
        for one in every if given.per_image else ():
            print(f"{one.folder} {one.name}: F1 {one.f1:.3f}, {one.found} found, {one.drawn} drawn")


if __name__ == "__main__":
    main()
