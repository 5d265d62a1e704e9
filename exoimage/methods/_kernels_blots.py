"""Compiled loops of finding lanes and of rubber bands; `blot_lanes` and `blot_backgrounds` alone call them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def best_lanes(
    evidence: Doubles, valleys: Doubles, pitch: float, floor: float, count: int, rules: Doubles, ends: Places
) -> tuple[float, int]:
    """Cut a blot's columns into the likeliest chain of neighbouring lanes; its score and number of lanes.

    `evidence` (column,) says how much of bands each column holds, `valleys` (column + 1,) how much there is at the
    edge before it. `rules` are the least and largest width per pitch, the least at the picture's edge, the cost of a
    lane, and the cost of a width one pitch off. With `count` 0 the chain may have any length. `ends` gets the edges,
    one more than lanes.
    """
    columns = len(evidence)
    least, most, at_border, cost, stiffness = rules[0], rules[1], rules[2], rules[3], rules[4]
    layers = max(count, 1)
    totals = np.zeros(columns + 1)
    for column in range(columns):
        totals[column + 1] = totals[column] + evidence[column]
    best = np.full((layers + 1, columns + 1), -np.inf)
    before = np.full((layers + 1, columns + 1), -1, np.int64)
    best[0] = 0.0
    widest = int(most * pitch + 0.5)
    narrowest = max(int(least * pitch + 0.5), 2)
    for end in range(2, columns + 1):
        for start in range(max(end - widest, 0), end - 1):
            cut_off = start == 0 or end == columns
            width = end - start
            if width < narrowest and not (cut_off and width >= at_border * pitch):
                continue
            score = _lane_score(totals, valleys, start, end, floor) - cost
            off = width / pitch - 1.0
            if not (cut_off and off < 0):
                score -= stiffness * off * off
            if count == 0:
                total = max(best[1, start], 0.0) + score
                if total > best[1, end]:
                    best[1, end] = total
                    before[1, end] = start
                continue
            for layer in range(1, count + 1):
                total = best[layer - 1, start] + score
                if total > best[layer, end]:
                    best[layer, end] = total
                    before[layer, end] = start
    end = int(np.argmax(best[layers]))
    found = best[layers, end]
    if not np.isfinite(found):
        return -np.inf, 0
    number, layer = 0, layers
    ends[0] = end
    while True:
        start = before[layer, end]
        number += 1
        ends[number] = start
        end = start
        if count == 0 and not best[1, end] > 0.0:
            break
        if count > 0:
            layer -= 1
            if layer == 0:
                break
    return found, number


@njit(cache=True, nogil=True)
def _lane_score(totals: Doubles, valleys: Doubles, start: int, end: int, floor: float) -> float:
    """How much a lane stands out from both of its edges, 0 … 1; raised, so that a dent does not part a lane."""
    margin = (end - start) // 5
    inner = (totals[end - margin] - totals[start + margin]) / (end - start - 2 * margin)
    higher = max(valleys[start], valleys[end])
    lower = min(valleys[start], valleys[end])
    above_both = max(inner - higher, 0.0) / (inner + floor)
    above_one = max(inner - lower, 0.0) / (inner + floor)
    return float(0.8 * above_both**1.5 + 0.2 * above_one**1.5)


@njit(cache=True, nogil=True)
def lower_hull(heights: Doubles, corners: Places) -> int:
    """Places of the corners of the lower convex hull of a profile, from the left; their number."""
    count = 0
    for place in range(len(heights)):
        while count > 1:
            left, middle = corners[count - 2], corners[count - 1]
            rise = (heights[place] - heights[left]) * (middle - left)
            if (heights[middle] - heights[left]) * (place - left) < rise:
                break
            count -= 1
        corners[count] = place
        count += 1
    return count
