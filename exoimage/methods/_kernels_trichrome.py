"""Compiled loops over the pixels of a trichrome. `exoimage.methods.trichrome` checks what it passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]


@njit(cache=True, nogil=True)
def kinds_of_pixels(pixels: npt.NDArray[Any], tables: npt.NDArray[np.int64], kinds: Bytes, out: Bytes) -> None:
    """Per pixel the kind that goes with the tests it passes: the top bits of four fields of 15 bits."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            total = tables[0, pixels[y, x, 0]] + tables[1, pixels[y, x, 1]] + tables[2, pixels[y, x, 2]]
            passed = (total >> 14 & 1) | (total >> 28 & 2) | (total >> 42 & 4) | (total >> 56 & 8)
            out[y, x] = kinds[passed]


@njit(cache=True, nogil=True)
def sums_by_code(
    pixels: npt.NDArray[Any],
    tables: npt.NDArray[np.float32],
    codes: Bytes,
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Of the pixels of each code above 0 the sum of that code's table, (code, channel, value), at their values."""
    height, width = codes.shape
    for y in range(height):
        for code in range(1, counts.size):
            total, count = np.float64(0.0), 0
            for x in range(width):
                if codes[y, x] == code:
                    red, green, blue = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
                    total += tables[code, 0, red] + tables[code, 1, green] + tables[code, 2, blue]
                    count += 1
            sums[code] += total
            counts[code] += count


@njit(cache=True, nogil=True)
def block_sums(
    pixels: npt.NDArray[Any],
    kinds: Bytes,
    red: int,
    collagen: npt.NDArray[np.bool_],
    factor: int,
    step: int,
    sums: npt.NDArray[np.int64],
) -> None:
    """Per block of `factor` px, of every `step`-th row: pixels, red ones, collagen's, the sums of green and blue."""
    height, width = kinds.shape
    for y in range(0, height, step):
        into = sums[y // factor]
        for block in range(into.shape[0]):
            first, end = block * factor, min((block + 1) * factor, width)
            of_red, of_collagen, green, blue = 0, 0, 0, 0
            for x in range(first, end):
                of_red += kinds[y, x] == red
                of_collagen += collagen[y, x]
                green += pixels[y, x, 1]
                blue += pixels[y, x, 2]
            into[block, 0] += end - first
            into[block, 1] += of_red
            into[block, 2] += of_collagen
            into[block, 3] += green
            into[block, 4] += blue


@njit(cache=True, nogil=True)
def spread_blocks(
    kept: npt.NDArray[np.bool_],
    factor: int,
    kinds: Bytes,
    can_be: npt.NDArray[np.bool_],
    collagen: npt.NDArray[np.bool_],
    out: npt.NDArray[np.bool_],
) -> None:
    """The pixels of kept blocks that are of a kind that can be, and not collagen."""
    height, width = kinds.shape
    for y in range(height):
        of_row = kept[y // factor]
        for block in range(of_row.size):
            first, end = block * factor, min((block + 1) * factor, width)
            if of_row[block]:
                for x in range(first, end):
                    out[y, x] = can_be[kinds[y, x]] and not collagen[y, x]
            else:
                out[y, first:end] = False
