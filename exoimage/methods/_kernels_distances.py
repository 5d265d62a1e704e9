"""Compiled loop of the distance map; `exoimage.methods.segmentation` alone calls it and checks what it passes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def sweep_distances(mask: npt.NDArray[np.bool_], up: bool, leftward: bool, squared: Floats) -> None:
    """One of four raster passes that hand the nearest background pixel on from the three pixels passed before."""
    height, width = mask.shape
    near_x, near_y = np.empty(width, np.int64), np.full(width, -1, np.int64)
    step = -1 if leftward else 1
    first = width - 1 if leftward else 0
    for line in range(height):
        y = height - 1 - line if up else line
        behind_x = behind_y = diagonal_x = diagonal_y = -1
        x = first
        for _ in range(width):
            above_x, above_y = near_x[x], near_y[x]
            if mask[y, x]:
                best_x, best_y, best = above_x, above_y, 2**31
                if above_y >= 0:
                    best = min(best, _squared(x - above_x, y - above_y))
                if diagonal_y >= 0:
                    distance = _squared(x - diagonal_x, y - diagonal_y)
                    if distance < best:
                        best_x, best_y, best = diagonal_x, diagonal_y, distance
                if behind_y >= 0:
                    distance = _squared(x - behind_x, y - behind_y)
                    if distance < best:
                        best_x, best_y, best = behind_x, behind_y, distance
                squared[y, x] = min(squared[y, x], np.float32(best))
            else:
                best_x, best_y = x, y
            near_x[x], near_y[x] = best_x, best_y
            behind_x, behind_y, diagonal_x, diagonal_y = best_x, best_y, above_x, above_y
            x += step


@njit(cache=True, nogil=True)
def _squared(dx: int, dy: int) -> int:
    return dx * dx + dy * dy
