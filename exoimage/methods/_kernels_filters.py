"""Compiled loops of blurring and ranking; `exoimage.methods.filters` alone calls them and checks what it passes.

Sums are single-precision and in the order written here: ImageJ's last bits hang on both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Ranks = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int32]

# So many lines are blurred side by side.
LANES = 32
# A cubic spline needs so many blocks beyond the border to interpolate.
MARGIN = 3


@njit(cache=True, nogil=True)
def blur_lines(
    image: Floats, along_x: bool, kernel: Floats, rest: Floats, side: int, shrinking: Floats, enlarging: Floats
) -> None:
    """Blur all rows or columns in place: shrunk to blocks of `side` pixels, folded with the kernel, enlarged again."""
    lines, length = image.shape if along_x else (image.shape[1], image.shape[0])
    blocks = length if side == 1 else (length + side - 1) // side + 2 * MARGIN
    band = np.empty((length, LANES), np.float32)
    small = np.zeros((blocks + 2 * kernel.size, LANES), np.float32)
    folded = np.empty((blocks, LANES), np.float32)
    inner = small[kernel.size : kernel.size + blocks]
    for start in range(0, lines, LANES):
        count = min(LANES, lines - start)
        for n in range(length):
            for lane in range(count):
                band[n, lane] = image[start + lane, n] if along_x else image[n, start + lane]
        if side == 1:
            inner[:] = band
            _fold(small, kernel, rest, 0, band)
        else:
            _shrink(band, side, shrinking, inner)
            _fold(small, kernel, rest, 1, folded)
            _enlarge(folded, side, enlarging, band)
        for n in range(length):
            for lane in range(count):
                if along_x:
                    image[start + lane, n] = band[n, lane]
                else:
                    image[n, start + lane] = band[n, lane]


@njit(cache=True, nogil=True)
def _fold(padded: Floats, kernel: Floats, rest: Floats, spared: int, out: Floats) -> None:
    """Fold with a symmetric kernel; what of it lies beyond the border (`rest`) meets the border's own value."""
    radius, length = kernel.size, out.shape[0]
    first, last = padded[radius], padded[radius + length - 1]
    for n in range(length - spared):
        target, middle, weight = out[n], padded[radius + n], kernel[0]
        for lane in range(LANES):
            target[lane] = middle[lane] * weight
        if n < radius:
            weight = rest[n]
            for lane in range(LANES):
                target[lane] += weight * first[lane]
        if n + radius > length or (n + radius == length and n >= radius):
            weight = rest[length - n - 1]
            for lane in range(LANES):
                target[lane] += weight * last[lane]
        for k in range(1, radius):
            before, after, weight = padded[radius + n - k], padded[radius + n + k], kernel[k]
            for lane in range(LANES):
                target[lane] += weight * (before[lane] + after[lane])


@njit(cache=True, nogil=True)
def _shrink(band: Floats, side: int, weights: Floats, blocks: Floats) -> None:
    """Blocks as sums over three sides' pixels with the weights of a quadratic spline; the border is repeated."""
    last = band.shape[0] - 1
    part = np.empty(LANES, np.float32)
    for block in range(blocks.shape[0]):
        start = (block - MARGIN) * side - side * 3 // 2
        for third in range(3):
            part[:] = 0
            for n in range(third * side, (third + 1) * side):
                source, weight = band[min(max(start + n, 0), last)], weights[n]
                for lane in range(LANES):
                    part[lane] += source[lane] * weight
            for lane in range(LANES):
                blocks[block, lane] = part[lane] if third == 0 else blocks[block, lane] + part[lane]


@njit(cache=True, nogil=True)
def _enlarge(blocks: Floats, side: int, weights: Floats, band: Floats) -> None:
    """Pixels from four blocks each, with the weights of a cubic spline."""
    for n in range(band.shape[0]):
        after = (n + MARGIN * side + side - 1) // side
        k = side - 1 - (n + MARGIN * side + side - 1) % side
        for lane in range(LANES):
            band[n, lane] = (
                blocks[after - 2, lane] * weights[k]
                + blocks[after - 1, lane] * weights[k + side]
                + blocks[after, lane] * weights[k + 2 * side]
                + blocks[after + 1, lane] * weights[k + 3 * side]
            )


@njit(cache=True, nogil=True)
def middle_ranks(padded: Ranks, reach: npt.NDArray[np.int64], counts: Counts, out: Ranks) -> None:
    """The median of the ranks in a window whose row number dy reaches ±reach[dy] columns.

    `counts` has a row per tier, zero at the start and the end: of ranks, of groups of 16 ranks, of groups of 256 ...
    A window that moves one column on changes them by its left and right rim only (Huang, Yang and Tang 1979).
    """
    height, width = out.shape
    radius = reach.size // 2
    half = (2 * reach + 1).sum() // 2
    top = counts.shape[0] - 1
    for y in range(height):
        for dy in range(reach.size):
            for x in range(radius - reach[dy], radius + reach[dy] + 1):
                _count(counts, padded[y + dy, x], 1)
        for x in range(width):
            if x > 0:
                for dy in range(reach.size):
                    row = padded[y + dy]
                    gone, come = row[x - 1 + radius - reach[dy]], row[x + radius + reach[dy]]
                    if gone != come:
                        _count(counts, gone, -1)
                        _count(counts, come, 1)
            rank, below = 0, 0
            for tier in range(top, -1, -1):
                rank *= 16
                while below + counts[tier, rank] <= half:
                    below += counts[tier, rank]
                    rank += 1
            out[y, x] = rank
        for dy in range(reach.size):
            for x in range(width - 1 + radius - reach[dy], width + radius + reach[dy]):
                _count(counts, padded[y + dy, x], -1)


@njit(cache=True, nogil=True)
def _count(counts: Counts, rank: int, step: int) -> None:
    for tier in range(counts.shape[0]):
        counts[tier, rank >> (4 * tier)] += step
