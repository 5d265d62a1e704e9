"""Compiled loops over pixels for the intensities of nuclei; `intensities` checks what it passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def sums_within(labels: Labels, plane: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Pixels and sum of a plane of every label, (count, 2)."""
    sums = np.zeros((count, 2), np.float64)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0:
                sums[label - 1, 0] += 1
                sums[label - 1, 1] += plane[y, x]
    return sums


@njit(cache=True, nogil=True)
def ring_owners(labels: Labels, distance: Floats, places: Labels, owners: Labels, gap: float, reach: float) -> None:
    """Put the nearest nucleus' number into `owners`, at every other pixel of the rings; 0 elsewhere.

    `places` numbers the pixels of nuclei in raster order, from 1: the nearest one of each pixel. Negative labels are
    nuclei that own no ring.
    """
    height, width = labels.shape
    labels_of_places = labels.ravel()[np.flatnonzero(labels)]
    for y in range(height):
        for x in range(width):
            owners[y, x] = 0
            if (x + y) % 2 == 0 and gap < distance[y, x] <= reach:
                owners[y, x] = max(labels_of_places[places[y, x] - 1], 0)


@njit(cache=True, nogil=True)
def ring_statistics(owners: Labels, plane: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    """Pixels, median, and spread below the median of the plane in every ring, (count, 3)."""
    found = np.zeros((count, 3), np.float64)
    starts = np.zeros(count + 1, np.int64)
    height, width = owners.shape
    for y in range(height):
        for x in range(width):
            if owners[y, x] > 0:
                starts[owners[y, x]] += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    filled = starts[:-1].copy()
    values = np.empty(starts[count], np.float64)
    for y in range(height):
        for x in range(width):
            k = owners[y, x] - 1
            if k >= 0:
                values[filled[k]] = plane[y, x]
                filled[k] += 1
    for k in range(count):
        own = values[starts[k] : starts[k + 1]]
        if own.size == 0:
            continue
        middle = np.median(own)
        below, squares = 0, 0.0
        for value in own:
            if value <= middle:
                below += 1
                squares += (value - middle) ** 2
        found[k, 0], found[k, 1], found[k, 2] = own.size, middle, np.sqrt(squares / below)
    return found
