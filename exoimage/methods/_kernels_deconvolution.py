"""Compiled loops of ImageJ's Colour Deconvolution: three table look-ups per pixel and stain.

Pixels are a contiguous (n, 3) uint8 array; tables are float64, one row of 256 entries per channel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Tables = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def transmittance_plane(pixels: Bytes, tables: Tables, plane: Bytes, histogram: npt.NDArray[np.int64]) -> None:
    """One stain's 8-bit transmittance, and its histogram, in one pass."""
    # Neighbours are often equal: four sets of counts, so that one increment need not wait for the one before.
    counts = np.zeros((4, 256), dtype=np.int64)
    for i in range(plane.size):
        value = tables[0, pixels[i, 0]] * tables[1, pixels[i, 1]] * tables[2, pixels[i, 2]]
        level = np.uint8(min(value, 255.0) + 0.5)
        plane[i] = level
        counts[i & 3, level] += 1
    for k in range(256):
        histogram[k] = counts[0, k] + counts[1, k] + counts[2, k] + counts[3, k]


@njit(cache=True, nogil=True)
def transmittance_planes(pixels: Bytes, tables: Tables, planes: Bytes) -> None:
    """8-bit transmittance of three stains, (n, 3), of (stain, channel, value) tables."""
    for i in range(pixels.shape[0]):
        red, green, blue = pixels[i, 0], pixels[i, 1], pixels[i, 2]
        for stain in range(3):
            value = tables[stain, 0, red] * tables[stain, 1, green] * tables[stain, 2, blue]
            planes[i, stain] = np.uint8(min(value, 255.0) + 0.5)


@njit(cache=True, nogil=True)
def products(pixels: Bytes, tables: Tables, out: npt.NDArray[np.float32]) -> None:
    """Per pixel and stain the product of the three entries, (n, 3)."""
    for i in range(pixels.shape[0]):
        red, green, blue = pixels[i, 0], pixels[i, 1], pixels[i, 2]
        for stain in range(3):
            out[i, stain] = tables[stain, 0, red] * tables[stain, 1, green] * tables[stain, 2, blue]


@njit(cache=True, nogil=True)
def sums(pixels: Bytes, tables: Tables, out: npt.NDArray[np.float32]) -> None:
    """Per pixel and stain the sum of the three entries, (n, 3)."""
    for i in range(pixels.shape[0]):
        red, green, blue = pixels[i, 0], pixels[i, 1], pixels[i, 2]
        for stain in range(3):
            out[i, stain] = tables[stain, 0, red] + tables[stain, 1, green] + tables[stain, 2, blue]
