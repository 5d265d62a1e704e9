"""Compiled loops over pixels. Every kernel here is called by one public function, which checks what it passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, nogil=True)
def sum_tables(pixels: npt.NDArray[Any], tables: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """Per pixel the sum over its three channels of a table's entry at the stored value."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = tables[0, pixels[y, x, 0]] + tables[1, pixels[y, x, 1]] + tables[2, pixels[y, x, 2]]


@njit(cache=True, nogil=True)
def sum_tables_into_levels(
    pixels: npt.NDArray[Any],
    tables: npt.NDArray[np.float32],
    levels: npt.NDArray[np.uint8],
    histogram: npt.NDArray[np.int64],
) -> None:
    """As `sum_tables`, rounded to a level of 0..255 and counted in the same pass."""
    height, width = levels.shape
    for y in range(height):
        for x in range(width):
            value = tables[0, pixels[y, x, 0]] + tables[1, pixels[y, x, 1]] + tables[2, pixels[y, x, 2]]
            level = np.uint8(min(max(value, np.float32(0.0)), np.float32(255.0)))
            levels[y, x] = level
            histogram[level] += 1


@njit(cache=True, nogil=True)
def replace_labels(labels: npt.NDArray[np.int32], table: npt.NDArray[np.int32], out: npt.NDArray[np.int32]) -> None:
    """Per pixel the entry of a table at its label."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            out[y, x] = table[label] if label else 0
