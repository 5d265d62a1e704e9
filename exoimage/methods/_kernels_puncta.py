"""Compiled loops of finding and measuring puncta; `puncta` alone calls them and checks the input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def scale_maxima(answers: Floats, level: int, cuts: Floats, coarser: np.float32, places: Places) -> int:
    """Level, y and x of a level's answers above their cut that no neighbour in place or scale exceeds; their number.

    The outermost pixels lack neighbours and are no maxima.
    An answer of the next coarser level counts divided by `coarser`. Of equal neighbours the first is taken.
    """
    _, height, width = answers.shape
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            value = answers[level, y, x]
            if not value > cuts[y, x]:
                continue
            if not _is_maximum(answers, level, y, x, value, coarser):
                continue
            if count < len(places):
                places[count, 0], places[count, 1], places[count, 2] = level, y, x
            count += 1
    return count


@njit(cache=True, nogil=True)
def _is_maximum(answers: Floats, level: int, y: int, x: int, value: np.float32, coarser: np.float32) -> bool:
    levels, height, width = answers.shape
    for step in (0, -1, 1):
        other = level + step
        if other < 0 or other >= levels:
            continue
        own = value * coarser if step == 1 else value / coarser if step == -1 else value
        for yy in range(max(y - 1, 0), min(y + 2, height)):
            for xx in range(max(x - 1, 0), min(x + 2, width)):
                there = answers[other, yy, xx]
                if there > own:
                    return False
                before = step < 0 or (step == 0 and (yy < y or (yy == y and xx < x)))
                if before and there == own:
                    return False
    return True


@njit(cache=True, nogil=True)
def keep_apart(places: Places, reach: Doubles, taken: npt.NDArray[np.bool_], keep: npt.NDArray[np.bool_]) -> None:
    """Keep each place, the strongest first, unless it lies within the reach of one that is kept already."""
    height, width = taken.shape
    for k in range(len(places)):
        y, x = places[k, 1], places[k, 2]
        keep[k] = not taken[y, x]
        if not keep[k]:
            continue
        far = int(reach[k])
        for yy in range(max(y - far, 0), min(y + far + 1, height)):
            for xx in range(max(x - far, 0), min(x + far + 1, width)):
                if (yy - y) ** 2 + (xx - x) ** 2 <= reach[k] ** 2:
                    taken[yy, xx] = True


@njit(cache=True, nogil=True)
def rims_and_sums(
    plane: Floats, y_px: Doubles, x_px: Doubles, radius: Doubles, inner: Doubles, outer: Doubles, rims: Doubles,
    sums: Doubles, areas: Doubles,
) -> None:  # fmt: skip
    """Per punctum: the median of a ring, and the sum of a disc with its number of pixels."""
    height, width = plane.shape
    longest = int(2 * outer.max() + 3) ** 2 if len(outer) else 0
    values = np.empty(longest, np.float32)
    for k in range(len(y_px)):
        count, total, area = 0, 0.0, 0.0
        top, left = int(y_px[k] - outer[k] - 1), int(x_px[k] - outer[k] - 1)
        for y in range(max(top, 0), min(int(y_px[k] + outer[k]) + 2, height)):
            for x in range(max(left, 0), min(int(x_px[k] + outer[k]) + 2, width)):
                squared = (y + 0.5 - y_px[k]) ** 2 + (x + 0.5 - x_px[k]) ** 2
                if squared <= radius[k] ** 2:
                    total += plane[y, x]
                    area += 1
                elif inner[k] ** 2 <= squared <= outer[k] ** 2:
                    values[count] = plane[y, x]
                    count += 1
        ring = np.sort(values[:count])
        rims[k] = 0.0 if count == 0 else (ring[(count - 1) // 2] + ring[count // 2]) / 2
        sums[k], areas[k] = total, area


@njit(cache=True, nogil=True)
def paint_discs(y_px: Doubles, x_px: Doubles, radius: Doubles, mask: npt.NDArray[np.bool_]) -> None:
    """Set the pixels whose middle lies in any of the discs, and the one that holds its centre."""
    height, width = mask.shape
    for k in range(len(y_px)):
        mask[min(int(y_px[k]), height - 1), min(int(x_px[k]), width - 1)] = True
        for y in range(max(int(y_px[k] - radius[k] - 1), 0), min(int(y_px[k] + radius[k]) + 2, height)):
            for x in range(max(int(x_px[k] - radius[k] - 1), 0), min(int(x_px[k] + radius[k]) + 2, width)):
                if (y + 0.5 - y_px[k]) ** 2 + (x + 0.5 - x_px[k]) ** 2 <= radius[k] ** 2:
                    mask[y, x] = True
