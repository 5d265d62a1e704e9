"""Compiled loops of the watershed; `exoimage.methods.segmentation` alone calls them and checks the input.

A level image holds 0 for background, 1..254 for heights, 255 for what belongs to a basin. Pixels are addressed by their
flat position; neighbours are numbered clockwise from the one above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from exoimage.methods._kernels_maxima import DX, DY, LISTED, PEAK_AREA

Levels = npt.NDArray[np.uint8]
Marks = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]

FLATTENED = 16
# Directions are taken in turn, the diagonal ones first, so that basins grow evenly.
TURNS = np.array([7, 3, 1, 5, 0, 4, 2, 6], np.int64)


def growth_table() -> npt.NDArray[np.uint8]:
    """Per pattern of neighbours in a basin (a bit each): from which directions the pixel may be taken (a bit each).

    It is taken in the direction away from a neighbour in the basin, and not at all if its neighbours form more than
    one group, so that basins never merge.
    """
    patterns = np.arange(256)[:, None] >> np.arange(8) & 1 > 0
    sides = patterns & (np.arange(8) % 2 == 0)
    joined = patterns | np.roll(sides, 1, axis=1) | np.roll(sides, -1, axis=1)
    changes = (joined != np.roll(joined, -1, axis=1)).sum(axis=1)
    allowed = np.roll(patterns, 4, axis=1) & (changes < 4)[:, None]
    return np.asarray((allowed << np.arange(8)).sum(axis=1), np.uint8)


@njit(cache=True, nogil=True)
def distance_levels(distance: npt.NDArray[np.float32], marks: Marks, levels: Levels) -> None:
    """Distances as levels of whole pixels, or of more where they would exceed 254; areas of peaks become 255."""
    above_one = np.float64(distance.max()) - 1.0
    scale = min(1.0, 253.0 / above_one) if above_one > 0 else 1.0
    shift = above_one * (1.0 / 506.0 - 1e-6)
    flat, out = distance.ravel(), levels.ravel()
    for place in range(flat.size):
        value = flat[place]
        if marks[place] & PEAK_AREA:
            out[place] = 255
        elif value == 0:
            out[place] = 0
        else:
            out[place] = min(1.0 + np.floor((np.float64(value) - 1.0 + shift) * scale + 0.5), 254.0)


@njit(cache=True, nogil=True)
def flatten_other_peaks(levels: Levels, peaks: Places, marks: Marks) -> None:
    """Cut every peak that is not a basin's down to its highest saddle towards a basin or a peak already cut down."""
    height, width = levels.shape
    flat = levels.ravel()
    region = np.empty(flat.size, np.int32)
    for peak in peaks:
        if marks[peak] & (PEAK_AREA | FLATTENED):
            continue
        region[0] = peak
        marks[peak] |= LISTED
        size = above = 1
        level = np.int64(flat[peak]) + 1
        saddle = False
        while not saddle and level > 0:
            level -= 1
            above = size
            at = 0
            while at < size and not saddle:
                y, x = region[at] // width, region[at] % width
                inner = 0 < x < width - 1 and 0 < y < height - 1
                for k in range(8):
                    v, u = y + DY[k], x + DX[k]
                    if not inner and not (0 <= v < height and 0 <= u < width):
                        continue
                    neighbour = v * width + u
                    if marks[neighbour] & LISTED:
                        continue
                    high = flat[neighbour] >= level
                    if marks[neighbour] & PEAK_AREA or (high and marks[neighbour] & FLATTENED):
                        saddle = True
                        break
                    if high:
                        region[size] = neighbour
                        size += 1
                        marks[neighbour] |= LISTED
                at += 1
        for k in range(size):
            marks[region[k]] &= ~np.uint8(LISTED)
        for k in range(above):
            flat[region[k]] = level
            marks[region[k]] |= FLATTENED


@njit(cache=True, nogil=True)
def grow_basins(levels: Levels, table: npt.NDArray[np.uint8]) -> None:
    """Grow the basins (255) over the levels from the highest down; pixels where two would meet stay out."""
    height, width = levels.shape
    flat = levels.ravel()
    counts = np.zeros(257, np.int64)
    for place in range(flat.size):
        counts[flat[place]] += 1
    starts = np.zeros(256, np.int64)
    for level in range(2, 255):
        starts[level] = starts[level - 1] + counts[level - 1]
    waiting = np.empty(starts[254] + counts[254], np.int32)
    filled = starts.copy()
    for place in range(flat.size):
        level = flat[place]
        if 0 < level < 255:
            waiting[filled[level]] = place
            filled[level] += 1
    taken = np.empty(flat.size, np.int32)
    for level in range(254, 0, -1):
        start, left, idle, turn = starts[level], counts[level], 0, 0
        while left > 0 and idle < 8:
            grown = _grow_one_way(flat, height, width, TURNS[turn], table, waiting[start : start + left], taken)
            left -= grown
            idle = 0 if grown > 0 else idle + 1
            turn = (turn + 1) % 8
        lower = level - 1
        while lower > 1 and counts[lower] == 0:
            lower -= 1
        if left > 0 and lower > 0:
            end = starts[lower] + counts[lower]
            for k in range(start, start + left):
                if _on_rim(flat, height, width, waiting[k]):
                    waiting[end] = waiting[k]
                    end += 1
            counts[lower] = end - starts[lower]


@njit(cache=True, nogil=True)
def _grow_one_way(
    flat: Levels,
    height: int,
    width: int,
    direction: int,
    table: npt.NDArray[np.uint8],
    waiting: Indices,
    taken: Indices,
) -> int:
    """Take the waiting pixels that may be taken from one direction, all at once; the others move to the front."""
    grown = kept = 0
    for k in range(waiting.size):
        place = waiting[k]
        y, x = place // width, place % width
        pattern = 0
        if 0 < x < width - 1 and 0 < y < height - 1:
            up, down = place - width, place + width
            pattern = (
                (flat[up] == 255)
                | (flat[up + 1] == 255) << 1
                | (flat[place + 1] == 255) << 2
                | (flat[down + 1] == 255) << 3
                | (flat[down] == 255) << 4
                | (flat[down - 1] == 255) << 5
                | (flat[place - 1] == 255) << 6
                | (flat[up - 1] == 255) << 7
            )
        else:
            for n in range(8):
                v, u = y + DY[n], x + DX[n]
                if 0 <= v < height and 0 <= u < width and flat[v * width + u] == 255:
                    pattern |= 1 << n
        if table[pattern] >> direction & 1:
            taken[grown] = place
            grown += 1
        else:
            waiting[kept] = place
            kept += 1
    for k in range(grown):
        flat[taken[k]] = 255
    return grown


@njit(cache=True, nogil=True)
def _on_rim(flat: Levels, height: int, width: int, place: int) -> bool:
    """Whether the pixel lies on the image's border or beside background."""
    y, x = place // width, place % width
    if x == 0 or y == 0 or x == width - 1 or y == height - 1:
        return True
    background = False
    for k in range(8):
        background |= flat[(y + DY[k]) * width + x + DX[k]] == 0
    return background


@njit(cache=True, nogil=True)
def flood(levels: npt.NDArray[np.uint16], seeds: Indices, basins: Indices) -> None:
    """Grow seeds over a mask from the highest level down, 8-connected, first come first served.

    `levels` is 0 outside the mask. Every pixel that a seed can reach within the mask gets its number, the others 0.
    """
    height, width = levels.shape
    top = np.int64(levels.max())
    # A list per level, chained through `after`: each pixel is in at most one list.
    first = np.full(top + 1, -1, np.int64)
    last = np.full(top + 1, -1, np.int64)
    after = np.full(levels.size, -1, np.int64)
    flat, out, seed = levels.ravel(), basins.ravel(), seeds.ravel()
    for place in range(flat.size):
        out[place] = seed[place] if flat[place] else 0
        if out[place]:
            _append_place(first, last, after, flat[place], place)
    level = top
    while level > 0:
        place = first[level]
        if place < 0:
            level -= 1
            continue
        first[level] = after[place]
        y, x = place // width, place % width
        for k in range(8):
            v, u = y + DY[k], x + DX[k]
            if not (0 <= v < height and 0 <= u < width):
                continue
            near = v * width + u
            if flat[near] and not out[near]:
                out[near] = out[place]
                # What lies higher than the level of the flood is reached by it now.
                _append_place(first, last, after, min(flat[near], level), near)


@njit(cache=True, nogil=True)
def _append_place(first: Places, last: Places, after: Places, level: int, place: int) -> None:
    after[place] = -1
    if first[level] < 0:
        first[level] = place
    else:
        after[last[level]] = place
    last[level] = place


@njit(cache=True, nogil=True)
def assign_basins(
    whole: Indices,
    basins: Indices,
    factor: int,
    owner_of: Indices,
    label_of: Indices,
    has_several: npt.NDArray[np.bool_],
    labels: Indices,
) -> None:
    """Labels of objects of several basins by the basin that a pixel lies in, at a scale coarser by `factor`.

    At that scale a pixel at an outline may lie in no basin, or in a neighbour's: it keeps its object's label.
    """
    for y in range(whole.shape[0]):
        for x in range(whole.shape[1]):
            found = whole[y, x]
            labels[y, x] = found
            if found and has_several[found]:
                basin = basins[y // factor, x // factor]
                if basin and owner_of[basin] == found:
                    labels[y, x] = label_of[basin]
