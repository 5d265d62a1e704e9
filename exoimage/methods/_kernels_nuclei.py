"""Compiled loops over pixels for finding nuclei; `bright_nuclei` and `cell_compartments` check what they pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def nuclear_darkness(
    pixels: npt.NDArray[Any],
    haematoxylin: Floats,
    dab: Floats,
    weight: np.float32,
    stain: Floats,
    darkness: Floats,
) -> None:
    """Haematoxylin's density, and the light that it absorbs together with a share of the DAB, in one pass."""
    height, width = stain.shape
    log_ten = np.float32(np.log(10.0))
    for y in range(height):
        for x in range(width):
            r, g, b = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
            h = haematoxylin[0, r] + haematoxylin[1, g] + haematoxylin[2, b]
            d = dab[0, r] + dab[1, g] + dab[2, b]
            stain[y, x] = h
            darkness[y, x] = np.float32(1.0) - np.exp(-log_ten * max(h + weight * d, np.float32(0.0)))


@njit(cache=True, nogil=True)
def sink(ceiling: Floats, surface: Floats, rounds: int) -> None:
    """Lower a ceiling that lies on a surface, wherever a neighbour is lower, by sweeps to and fro."""
    height, width = surface.shape
    for _ in range(rounds):
        for y in range(height):
            for x in range(width):
                low = ceiling[y, x]
                if x > 0:
                    low = min(low, ceiling[y, x - 1])
                if y > 0:
                    low = min(low, ceiling[y - 1, x])
                ceiling[y, x] = max(low, surface[y, x])
        for y in range(height - 1, -1, -1):
            for x in range(width - 1, -1, -1):
                low = ceiling[y, x]
                if x < width - 1:
                    low = min(low, ceiling[y, x + 1])
                if y < height - 1:
                    low = min(low, ceiling[y + 1, x])
                ceiling[y, x] = max(low, surface[y, x])


@njit(cache=True, nogil=True)
def climb(surface: Floats, floor: float, labels: Labels, peaks: npt.NDArray[np.int32]) -> int:
    """Label every pixel above a floor by the summit that its steepest way up leads to; gives the number of summits."""
    height, width = surface.shape
    flat, heights = labels.reshape(-1), surface.reshape(-1)
    above = np.empty(height * width, np.int32)
    count = 0
    for y in range(height):
        inner_row = 0 < y < height - 1
        for x in range(width):
            here = y * width + x
            flat[here] = 0
            value = heights[here]
            if not value > floor:
                above[here] = -1
                continue
            best = here
            if inner_row and 0 < x < width - 1:
                for row in (here - width, here, here + width):
                    for there in (row - 1, row, row + 1):
                        if heights[there] > value:
                            best, value = there, heights[there]
            else:
                for yy in range(max(y - 1, 0), min(y + 2, height)):
                    for xx in range(max(x - 1, 0), min(x + 2, width)):
                        if surface[yy, xx] > value:
                            best, value = yy * width + xx, surface[yy, xx]
            above[here] = best
            if best == here:
                peaks[count] = here
                count += 1
                flat[here] = count
    for start in range(height * width):
        if above[start] < 0 or flat[start] > 0:
            continue
        here = start
        while flat[here] == 0:
            here = above[here]
        label = flat[here]
        here = start
        while flat[here] == 0:
            flat[here] = label
            here = above[here]
    return count


@njit(cache=True, nogil=True)
def root_of(parents: Labels, label: int) -> int:
    """The label that a label was joined to."""
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


@njit(cache=True, nogil=True)
def join_basins(
    surface: Floats, labels: Labels, peaks: npt.NDArray[np.int32], count: int, share: float, farthest: float
) -> Labels:
    """Join neighbouring basins whose saddle reaches a share of the lower summit, unless the summits lie far apart."""
    height, width = surface.shape
    flat = surface.reshape(-1)
    parents = np.arange(count + 1).astype(np.int32)
    for y in range(height):
        for x in range(width):
            one = labels[y, x]
            if one == 0:
                continue
            for step in range(2):
                yy, xx = y + step, x + 1 - step
                if yy >= height or xx >= width:
                    continue
                other = labels[yy, xx]
                if other == 0 or other == one:
                    continue
                a, b = root_of(parents, one), root_of(parents, other)
                if a == b:
                    continue
                peak_a, peak_b = peaks[a - 1], peaks[b - 1]
                saddle = min(surface[y, x], surface[yy, xx])
                dy, dx = peak_a // width - peak_b // width, peak_a % width - peak_b % width
                near = dy * dy + dx * dx < farthest * farthest
                if near and saddle >= share * min(flat[peak_a], flat[peak_b]):
                    if flat[peak_a] >= flat[peak_b]:
                        parents[b] = a
                    else:
                        parents[a] = b
    for label in range(count + 1):
        parents[label] = root_of(parents, label)
    return parents


@njit(cache=True, nogil=True)
def half_heights(labels: Labels, surface: Floats, relief: Floats, count: int) -> Floats:
    """Half-way between the means of each basin where its relief is positive and where it is not."""
    inside, outside = np.zeros(count + 1), np.zeros(count + 1)
    n_inside, n_outside = np.zeros(count + 1), np.zeros(count + 1)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label == 0:
                continue
            if relief[y, x] > 0:
                inside[label] += surface[y, x]
                n_inside[label] += 1
            else:
                outside[label] += surface[y, x]
                n_outside[label] += 1
    halves = np.full(count + 1, -np.inf, np.float32)
    for label in range(1, count + 1):
        if n_inside[label] > 0 and n_outside[label] > 0:
            halves[label] = (inside[label] / n_inside[label] + outside[label] / n_outside[label]) / 2
    return halves


@njit(cache=True, nogil=True)
def carve(
    labels: Labels, keep: npt.NDArray[np.bool_], surface: Floats, halves: Floats, mask: npt.NDArray[np.uint8]
) -> None:
    """Mask of the basins that are kept, above their half height, with a gap between two that touch."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            mask[y, x] = 0
            if not keep[label] or surface[y, x] <= halves[label]:
                continue
            right = labels[y, x + 1] if x + 1 < width else label
            below = labels[y + 1, x] if y + 1 < height else label
            if (right == label or not keep[right]) and (below == label or not keep[below]):
                mask[y, x] = 1


@njit(cache=True, nogil=True)
def counts(labels: Labels, count: int) -> npt.NDArray[np.int64]:
    """Pixels per label 0 … count."""
    found = np.zeros(count + 1, np.int64)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            found[labels[y, x]] += 1
    return found


@njit(cache=True, nogil=True)
def sums_by_label(labels: Labels, one: Floats, other: Floats, count: int) -> npt.NDArray[np.float64]:
    """Per label 0 … count: pixels, sum of one plane, of another, of y and of x (pixel middles at 0.5)."""
    sums = np.zeros((count + 1, 5))
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label:
                sums[label, 0] += 1
                sums[label, 1] += one[y, x]
                sums[label, 2] += other[y, x]
                sums[label, 3] += y + 0.5
                sums[label, 4] += x + 0.5
    return sums
