"""Compiled loops of smoothing, backgrounds and distances; the public functions that call them check what they pass.

All sums are single-precision and in the order written here: ImageJ's last bits hang on both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]

_THIRD = np.float32(0.33333333)


@njit(cache=True, nogil=True)
def mean_of_nine(image: Floats, out: Floats) -> None:
    """Mean of 3×3 pixels, along x first; beyond the border its pixels are repeated."""
    height, width = image.shape
    rows = np.empty((3, width), np.float32)
    for y in range(-1, height + 1):
        if y < height:
            source = image[max(y, 0)]
            row = rows[(y + 1) % 3]
            for x in range(1, width - 1):
                row[x] = (source[x - 1] + source[x] + source[x + 1]) * _THIRD
            last = width - 1
            row[0] = (source[0] + source[0] + source[min(1, last)]) * _THIRD
            if width > 1:
                row[last] = (source[last - 1] + source[last] + source[last]) * _THIRD
        if y >= 1:
            above, middle = rows[(y - 1) % 3], rows[y % 3]
            below = rows[(y + 1) % 3] if y < height else middle
            target = out[y - 1]
            for x in range(width):
                target[x] = (above[x] + middle[x] + below[x]) * _THIRD


@njit(cache=True, nogil=True)
def least_of_blocks(image: Floats, side: int, out: Floats) -> None:
    """The least value of every block of side × side pixels, cut off at the border."""
    height, width = image.shape
    out[:] = np.inf
    for y in range(height):
        source, target = image[y], out[y // side]
        for column in range(target.size):
            least = target[column]
            for x in range(column * side, min(column * side + side, width)):
                least = min(least, source[x])
            target[column] = least


@njit(cache=True, nogil=True)
def lower_envelope(padded: Floats, ball: Floats, out: Floats) -> None:
    """Height of the highest ball that fits under the surface, for each place of its centre: an erosion.

    The ball is symmetric, and rounding keeps order: of four mirrored pixels the least is enough.
    """
    height, width = out.shape
    size = ball.shape[0]
    half = size // 2
    pair = np.empty(padded.shape[1], np.float32)
    for y in range(height):
        target = out[y]
        target[:] = np.inf
        for dy in range(half + 1):
            upper, lower = padded[y + dy], padded[y + size - 1 - dy]
            for x in range(pair.size):
                pair[x] = upper[x] if upper[x] < lower[x] else lower[x]
            for dx in range(half + 1):
                depth = ball[dy, dx]
                left, right = pair[dx : dx + width], pair[size - 1 - dx : size - 1 - dx + width]
                for x in range(width):
                    least = (left[x] if left[x] < right[x] else right[x]) - depth
                    target[x] = least if least < target[x] else target[x]


@njit(cache=True, nogil=True)
def upper_envelope(padded: Floats, ball: Floats, out: Floats) -> None:
    """Height of the surface that the balls at `padded` reach: a dilation."""
    height, width = out.shape
    size = ball.shape[0]
    half = size // 2
    pair = np.empty(padded.shape[1], np.float32)
    for y in range(height):
        target = out[y]
        target[:] = -np.inf
        for dy in range(half + 1):
            upper, lower = padded[y + dy], padded[y + size - 1 - dy]
            for x in range(pair.size):
                pair[x] = upper[x] if upper[x] > lower[x] else lower[x]
            for dx in range(half + 1):
                depth = ball[dy, dx]
                left, right = pair[dx : dx + width], pair[size - 1 - dx : size - 1 - dx + width]
                for x in range(width):
                    most = (left[x] if left[x] > right[x] else right[x]) + depth
                    target[x] = most if most > target[x] else target[x]


@njit(cache=True, nogil=True)
def enlarge(small: Floats, side: int, out: Floats) -> None:
    """Linear interpolation (and extrapolation at the border) of blocks back to pixels, along x first."""
    height, width = out.shape
    lines = np.empty((small.shape[0], width), np.float32)
    for x in range(width):
        left, weight = _place(x, side, small.shape[1])
        right = min(left + 1, small.shape[1] - 1)
        for line in range(small.shape[0]):
            lines[line, x] = small[line, left] * weight + small[line, right] * (np.float32(1) - weight)
    for y in range(height):
        upper, weight = _place(y, side, small.shape[0])
        above, below = lines[upper], lines[min(upper + 1, small.shape[0] - 1)]
        target = out[y]
        for x in range(width):
            target[x] = above[x] * weight + below[x] * (np.float32(1) - weight)


@njit(cache=True, nogil=True)
def _place(at: int, side: int, blocks: int) -> tuple[int, np.float32]:
    """The block before a pixel's centre, and its weight; the first and last pair of blocks reach to the border."""
    block = max(0, min((at - side // 2) // side, blocks - 2))
    distance = np.float32((np.float32(at) + np.float32(0.5)) / np.float32(side)) - np.float32(
        np.float32(block) + np.float32(0.5)
    )
    return block, np.float32(1) - distance


@njit(cache=True, nogil=True)
def sweep_distances(mask: npt.NDArray[np.bool_], up: bool, leftward: bool, squared: npt.NDArray[np.int64]) -> None:
    """One of four raster passes that hand the nearest background pixel on from the three pixels passed before."""
    height, width = mask.shape
    near_x, near_y = np.empty(width, np.int32), np.full(width, -1, np.int32)
    step = -1 if leftward else 1
    first = width - 1 if leftward else 0
    for line in range(height):
        y = height - 1 - line if up else line
        behind_x = behind_y = diagonal_x = diagonal_y = np.int32(-1)
        x = first
        for _ in range(width):
            above_x, above_y = near_x[x], near_y[x]
            if mask[y, x]:
                best_x, best_y, best = above_x, above_y, np.int64(np.iinfo(np.int32).max)
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
                squared[y, x] = min(squared[y, x], best)
            else:
                best_x, best_y = np.int32(x), np.int32(y)
            near_x[x], near_y[x] = best_x, best_y
            behind_x, behind_y, diagonal_x, diagonal_y = best_x, best_y, above_x, above_y
            x += step


@njit(cache=True, nogil=True)
def _squared(dx: int, dy: int) -> int:
    return np.int64(dx) * np.int64(dx) + np.int64(dy) * np.int64(dy)
