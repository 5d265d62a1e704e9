"""Compiled loops over pixels for `network_nuclei`, which checks what it passes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def cast(foreground: Floats, depth: Floats, ways: Floats, unit: float, floor: float, votes: Floats) -> None:
    """Add each foreground pixel's vote, shared among the four pixels around where its way leads."""
    height, width = foreground.shape
    for y in range(height):
        for x in range(width):
            if foreground[y, x] <= np.float32(0.0):
                continue
            weight = min(max(depth[y, x], np.float32(floor)), np.float32(1.0))
            to_y = y + unit * ways[0, y, x]
            to_x = x + unit * ways[1, y, x]
            to_y = min(max(to_y, 0.0), height - 1.001)
            to_x = min(max(to_x, 0.0), width - 1.001)
            row, column = int(to_y), int(to_x)
            below, right = np.float32(to_y - row), np.float32(to_x - column)
            one = np.float32(1.0)
            votes[row, column] += weight * (one - below) * (one - right)
            votes[row, column + 1] += weight * (one - below) * right
            votes[row + 1, column] += weight * below * (one - right)
            votes[row + 1, column + 1] += weight * below * right


@njit(cache=True, nogil=True)
def follow(foreground: Floats, ways: Floats, unit: float, basins: Labels, labels: Labels) -> None:
    """Give each foreground pixel the number of the basin that its way leads to."""
    height, width = foreground.shape
    for y in range(height):
        for x in range(width):
            if foreground[y, x] <= np.float32(0.0):
                labels[y, x] = 0
                continue
            row = min(max(int(y + unit * ways[0, y, x] + 0.5), 0), height - 1)
            column = min(max(int(x + unit * ways[1, y, x] + 0.5), 0), width - 1)
            labels[y, x] = basins[row, column]
