"""Compiled loops of peak finding and watershed; `maxima` and `segmentation` alone call them and check the input.

Pixels are addressed by their flat position. Neighbours are numbered clockwise from the one above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Marks = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

DY = np.array([-1, -1, 0, 1, 1, 1, 0, -1], np.int64)
DX = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int64)

# What is known of a pixel.
LISTED, PROCESSED, PEAK_AREA, EQUAL = 1, 2, 4, 8

_ROOT_2 = np.float32(1.4142135624)


@njit(cache=True, nogil=True)
def ridge_heights(distance: Floats, out: Floats) -> None:
    """Height that a ridge of a distance map has between its pixels: what the slopes beside it point to.

    A pixel that is no ridge or summit in any of the four directions, or lies on the border, keeps its own height.
    """
    height, width = distance.shape
    for y in range(height):
        for x in range(width):
            own = distance[y, x]
            out[y, x] = own
            if own == 0 or x == 0 or y == 0 or x == width - 1 or y == height - 1:
                continue
            ridge, best = False, own + np.float32(0.5) * _ROOT_2
            for k in range(4):
                a, b = distance[y + DY[k], x + DX[k]], distance[y - DY[k], x - DX[k]]
                if own >= a and own >= b:
                    ridge = True
                    reached = (a + b) / np.float32(2)
                else:
                    reached = min(a, b)
                best = min(best, reached + (np.float32(1) if k % 2 == 0 else _ROOT_2))
            if ridge:
                out[y, x] = best


@njit(cache=True, nogil=True)
def local_peaks(image: Floats, heights: Floats, floor: np.float32, threshold: float, found: Places) -> int:
    """Positions of pixels with no neighbour above them, in the image and in `heights` alike; returns how many."""
    height, width = image.shape
    count = 0
    for y in range(height):
        for x in range(width):
            value = image[y, x]
            inner = 0 < x < width - 1 and 0 < y < height - 1
            if value == floor or value < threshold:
                continue
            peak = True
            for k in range(8):
                v, u = y + DY[k], x + DX[k]
                if not inner and not (0 <= v < height and 0 <= u < width):
                    continue
                if image[v, u] > value and heights[v, u] > heights[y, x]:
                    peak = False
                    break
            if peak:
                found[count] = y * width + x
                count += 1
    return count


@njit(cache=True, nogil=True)
def prominent_peaks(
    image: Floats,
    heights: Floats,
    order: Places,
    prominence: float,
    slack: np.float32,
    distances: bool,
    skip_border: bool,
    strict: bool,
    marks: Marks,
    found: Places,
) -> int:
    """Peaks that stand out from their surroundings, by growing each candidate down to its height less prominence.

    A candidate falls if the growth meets a higher pixel or one that an earlier candidate has taken. Of a flat top
    the pixel nearest to its middle is taken. `slack` is how much higher than its turn a pixel may come by rounding.
    """
    height, width = image.shape
    flat, level = image.ravel(), heights.ravel()
    region = np.empty(flat.size, np.int32)
    count = 0
    for candidate in order:
        if marks[candidate] & PROCESSED:
            continue
        seed = candidate
        while True:
            top = level[seed]
            lowest = top - np.float32(prominence)
            region[0] = seed
            marks[seed] |= EQUAL | LISTED
            size, at = 1, 0
            y, x = seed // width, seed % width
            on_border = x == 0 or y == 0 or x == width - 1 or y == height - 1
            sum_y, sum_x, equal = float(y), float(x), 1
            peak, better = True, np.int64(-1)
            while at < size:
                place = region[at]
                y, x = place // width, place % width
                inner = 0 < x < width - 1 and 0 < y < height - 1
                for k in range(8):
                    v, u = y + DY[k], x + DX[k]
                    if not inner and not (0 <= v < height and 0 <= u < width):
                        continue
                    neighbour = v * width + u
                    if marks[neighbour] & LISTED or (distances and flat[neighbour] <= 0):
                        continue
                    reached = level[neighbour]
                    if marks[neighbour] & PROCESSED or reached > top + slack:
                        peak = False
                        break
                    if reached >= lowest:
                        if reached > top:
                            better, top, lowest = neighbour, reached, reached - np.float32(prominence)
                            break
                        region[size] = neighbour
                        size += 1
                        marks[neighbour] |= LISTED
                        if (strict or reached >= top) and (u == 0 or v == 0 or u == width - 1 or v == height - 1):
                            on_border = True
                        if reached == top:
                            marks[neighbour] |= EQUAL
                            sum_y, sum_x, equal = sum_y + v, sum_x + u, equal + 1
                at += 1
            if better < 0:
                break
            for k in range(size):
                marks[region[k]] = 0
            seed = better
        nearest, least = -1, np.inf
        for k in range(size):
            place = region[k]
            if peak and marks[place] & EQUAL:
                off_y, off_x = sum_y / equal - place // width, sum_x / equal - place % width
                off = off_x * off_x + off_y * off_y
                if off < least:
                    nearest, least = place, off
            if not peak:
                marks[place] &= ~np.uint8(EQUAL)
            marks[place] = (marks[place] & ~np.uint8(LISTED)) | PROCESSED | (PEAK_AREA if peak else 0)
        if peak and not (skip_border and on_border):
            found[count] = nearest
            count += 1
    return count
