"""Compiled loops over pixels for nuclei in fluorescence; `fluorescent_nuclei` checks what it passes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Sums = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def basin_levels(basins: Labels, surface: Floats, relief: Floats, count: int) -> tuple[Sums, Sums]:
    """Mean of each basin's surface where its relief is positive, and where it is not; equal if one of them is empty."""
    inside, outside = np.zeros(count + 1), np.zeros(count + 1)
    n_inside, n_outside = np.zeros(count + 1), np.zeros(count + 1)
    height, width = basins.shape
    for y in range(height):
        for x in range(width):
            basin = basins[y, x]
            if relief[y, x] > 0:
                inside[basin] += surface[y, x]
                n_inside[basin] += 1
            else:
                outside[basin] += surface[y, x]
                n_outside[basin] += 1
    for basin in range(count + 1):
        if n_inside[basin] > 0 and n_outside[basin] > 0:
            inside[basin] /= n_inside[basin]
            outside[basin] /= n_outside[basin]
        else:
            inside[basin] = outside[basin] = 0.0
    return inside, outside


@njit(cache=True, nogil=True)
def above_levels(basins: Labels, surface: Floats, levels: Floats, mask: npt.NDArray[np.uint8]) -> None:
    """Mask of the pixels that are above the level of their basin."""
    height, width = basins.shape
    for y in range(height):
        for x in range(width):
            mask[y, x] = surface[y, x] > levels[basins[y, x]]


@njit(cache=True, nogil=True)
def moments(labels: Labels, excess: Floats, count: int) -> Sums:
    """Per label 0 … count: pixels, sums of y, x, yy, xx, xy, and of the excess (those of label 0 stay 0)."""
    sums = np.zeros((7, count + 1))
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label:
                sums[0, label] += 1
                sums[1, label] += y
                sums[2, label] += x
                sums[3, label] += y * y
                sums[4, label] += x * x
                sums[5, label] += x * y
                sums[6, label] += excess[y, x]
    return sums


@njit(cache=True, nogil=True)
def borders(labels: Labels, excess: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Where two labels touch: a key (lower label * (count + 1) + higher label) and the lower of the two excesses."""
    height, width = labels.shape
    keys, saddles = np.empty(0, np.int64), np.empty(0, np.float32)
    highest = np.int64(labels.max() + 1)
    for filling in range(2):
        found = 0
        for y in range(height):
            for x in range(width):
                one = labels[y, x]
                if one == 0:
                    continue
                for step in range(2):
                    yy, xx = y + step, x + 1 - step
                    if yy >= height or xx >= width:
                        continue
                    other = labels[yy, xx]
                    if other == 0 or other == one:
                        continue
                    if filling:
                        keys[found] = min(one, other) * highest + max(one, other)
                        saddles[found] = min(excess[y, x], excess[yy, xx])
                    found += 1
        if not filling:
            keys, saddles = np.empty(found, np.int64), np.empty(found, np.float32)
    return keys, saddles


@njit(cache=True, nogil=True)
def with_gaps(labels: Labels, mask: npt.NDArray[np.uint8]) -> None:
    """Mask of the labels with a gap between two that touch."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            right = labels[y, x + 1] if x + 1 < width else label
            below = labels[y + 1, x] if y + 1 < height else label
            mask[y, x] = label != 0 and (right == label or right == 0) and (below == label or below == 0)


@njit(cache=True, nogil=True)
def close_gaps(labels: Labels, gapped: npt.NDArray[np.uint8], pieces: Labels, closed: Labels) -> None:
    """Pieces, grown into the gaps that `with_gaps` made between labels, each over its own label."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            closed[y, x] = pieces[y, x]
            if pieces[y, x] or gapped[y, x] or labels[y, x] == 0:
                continue
            for dy, dx in ((0, -1), (-1, 0), (0, 1), (1, 0)):
                yy, xx = y + dy, x + dx
                inside = 0 <= yy < height and 0 <= xx < width
                if inside and labels[yy, xx] == labels[y, x] and pieces[yy, xx]:
                    closed[y, x] = pieces[yy, xx]
                    break
