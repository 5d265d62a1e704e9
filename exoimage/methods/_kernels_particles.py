"""Compiled loops over the pixels and outlines of labelled objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

_compiled = njit(cache=True, nogil=True)
_CORNER = 2.0 - math.sqrt(2.0)


@_compiled
def scan(labels: npt.NDArray[Any], count: int) -> tuple[bool, Any, Any]:
    """Boxes and moments of every object, run by run.

    Returns
    -------
    valid : bool
        False if a label lies outside 0..count.
    boxes : (count, 7) int64
        area, left, top, right, bottom (inclusive), x of the first pixel, x of the last pixel of its run.
    sums : (count, 5) float64
        Sums of dx, dy, dx², dy², dx·dy about (first pixel's x, top).
    """
    height, width = labels.shape
    boxes = np.zeros((count, 7), np.int64)
    sums = np.zeros((count, 5), np.float64)
    for y in range(height):
        row = labels[y]
        x = 0
        while x < width:
            label = row[x]
            if label == 0:
                x += 1
                continue
            start = x
            while x < width and row[x] == label:
                x += 1
            if label < 0 or label > count:
                return False, boxes, sums
            box = boxes[label - 1]
            run = x - start
            if box[0] == 0:
                box[1], box[2], box[3], box[5], box[6] = start, y, x - 1, start, x - 1
            box[0] += run
            box[1] = min(box[1], start)
            box[3] = max(box[3], x - 1)
            box[4] = y
            dx, dy = start - box[5], y - box[2]
            line = run * dx + run * (run - 1) // 2
            sums[label - 1, 0] += line
            sums[label - 1, 1] += dy * run
            sums[label - 1, 2] += run * dx * dx + run * (run - 1) * dx + (run - 1) * run * (2 * run - 1) // 6
            sums[label - 1, 3] += dy * dy * run
            sums[label - 1, 4] += dy * line
    return True, boxes, sums


@_compiled
def trace_perimeters(labels: npt.NDArray[Any], boxes: npt.NDArray[np.int64], four: bool) -> Any:
    """Length of every object's outer outline along the pixels' corners, less 2 - √2 for each corner.

    A vertex counts as a corner if the side before it is longer than 1, or if the vertex before did not count.
    The outline starts right of the first run and has the object on its right. Directions: 0 right, 1 up,
    2 left, 3 down.
    """
    height, width = labels.shape
    perimeters = np.zeros(boxes.shape[0])
    right_x, right_y = (0, 0, -1, -1), (0, -1, -1, 0)
    step_x, step_y = (1, 0, -1, 0), (0, -1, 0, 1)
    for k in range(boxes.shape[0]):
        if boxes[k, 0] == 0:
            continue
        start_x, start_y = boxes[k, 6] + 1, boxes[k, 2] + 1
        x, y, direction = start_x, start_y, 3
        length, corners, side = 0, 0, 0
        counted = False
        while True:
            ahead = False
            px, py = x + right_x[direction], y + right_y[direction]
            if 0 <= px < width and 0 <= py < height:
                ahead = labels[py, px] == k + 1
            turned = (direction + 1) & 3
            left = False
            px, py = x + right_x[turned], y + right_y[turned]
            if 0 <= px < width and 0 <= py < height:
                left = labels[py, px] == k + 1
            if four:
                following = (direction + 3) & 3 if not ahead else (turned if left else direction)
            else:
                following = turned if left else (direction if ahead else (direction + 3) & 3)
            if following != direction:
                counted = side > 1 or not counted
                corners += counted
                side = 0
            x += step_x[following]
            y += step_y[following]
            length += 1
            side += 1
            direction = following
            if x == start_x and y == start_y and direction == 3:
                break
        perimeters[k] = length - corners * _CORNER
    return perimeters


@_compiled
def hull_measures(labels: npt.NDArray[Any], boxes: npt.NDArray[np.int64]) -> Any:
    """Feret's diameters and the area of the convex hull of every object's pixel corners.

    Returns (count, 6) float64: Feret, FeretX, FeretY, FeretAngle (degrees, counter-clockwise, 0 to
    180), MinFeret, hull area. The hull starts top left and runs down the left side; of equal diameters the
    first counts.
    """
    count = boxes.shape[0]
    measures = np.zeros((count, 6))
    for k in range(count):
        if boxes[k, 0] == 0:
            continue
        hull_x, hull_y = _hull(labels, k + 1, boxes[k, 1], boxes[k, 2], boxes[k, 3], boxes[k, 4])
        size = hull_x.size
        longest, first, second = 0.0, 0, 0
        twice_area = 0.0
        narrowest = np.inf
        before = size - 1
        for i in range(size):
            twice_area += hull_x[before] * hull_y[i] - hull_x[i] * hull_y[before]
            normal_x, normal_y = hull_y[i] - hull_y[before], hull_x[before] - hull_x[i]
            unit = 1.0 / math.sqrt(normal_x * normal_x + normal_y * normal_y)
            normal_x, normal_y = normal_x * unit, normal_y * unit
            breadth = 0.0
            for j in range(size):
                offset = (hull_x[j] - hull_x[i]) * normal_x + (hull_y[j] - hull_y[i]) * normal_y
                breadth = max(breadth, offset)
                if j > i:
                    dx, dy = hull_x[i] - hull_x[j], hull_y[i] - hull_y[j]
                    if dx * dx + dy * dy > longest:
                        longest, first, second = dx * dx + dy * dy, i, j
            narrowest = min(narrowest, breadth)
            before = i
        if hull_x[first] > hull_x[second]:
            first, second = second, first
        angle = math.degrees(math.atan2(hull_y[first] - hull_y[second], hull_x[second] - hull_x[first]))
        measures[k, 0] = math.sqrt(longest)
        measures[k, 1], measures[k, 2] = hull_x[first], hull_y[first]
        measures[k, 3] = angle + 180.0 if angle < 0 else angle
        measures[k, 4] = narrowest
        measures[k, 5] = abs(twice_area) / 2.0
    return measures


@_compiled
def _hull(labels: npt.NDArray[Any], label: int, left: int, top: int, right: int, bottom: int) -> tuple[Any, Any]:
    """Convex hull of one object's pixel corners, counter-clockwise on the screen from its top left."""
    lines = bottom - top + 2
    lowest, highest = np.full(lines, right + 1, np.int64), np.full(lines, left, np.int64)
    for y in range(top, bottom + 1):
        x = left
        while x <= right and labels[y, x] != label:
            x += 1
        if x > right:
            continue
        end = right
        while labels[y, end] != label:
            end -= 1
        for line in (y - top, y - top + 1):
            lowest[line] = min(lowest[line], x)
            highest[line] = max(highest[line], end + 1)
    hull_x, hull_y = np.empty(2 * lines), np.empty(2 * lines)
    size = 0
    for line in range(lines):
        if lowest[line] < highest[line]:
            size = _append(hull_x, hull_y, size, 0, float(lowest[line]), float(top + line))
    turn = size - 1
    for line in range(lines - 1, -1, -1):
        if lowest[line] < highest[line]:
            size = _append(hull_x, hull_y, size, turn, float(highest[line]), float(top + line))
    return hull_x[:size], hull_y[:size]


@_compiled
def _append(hull_x: Any, hull_y: Any, size: int, base: int, x: float, y: float) -> int:
    """Add a point to a convex chain that starts at `base`; vertices that it makes superfluous go."""
    while size >= base + 2:
        ax, ay = hull_x[size - 1] - hull_x[size - 2], hull_y[size - 1] - hull_y[size - 2]
        if ax * (y - hull_y[size - 2]) - ay * (x - hull_x[size - 2]) < 0:
            break
        size -= 1
    hull_x[size], hull_y[size] = x, y
    return size + 1


@_compiled
def intensity_sums(labels: npt.NDArray[Any], values: npt.NDArray[Any], count: int) -> Any:
    """Sum of the values of every object's pixels, float64."""
    totals = np.zeros(count)
    for y in range(labels.shape[0]):
        # Summed run by run: adding every pixel to memory would wait for the one before.
        current, run = 0, 0.0
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label != current:
                if current != 0:
                    totals[current - 1] += run
                current, run = label, 0.0
            if label != 0:
                run += values[y, x]
        if current != 0:
            totals[current - 1] += run
    return totals


@_compiled
def intensity_moments(
    labels: npt.NDArray[Any], values: npt.NDArray[Any], count: int, offsets: npt.NDArray[np.int64]
) -> tuple[Any, Any]:
    """Power sums of the values, and the values themselves object by object.

    Returns
    -------
    sums : (count, 8) float64
        Σv, Σv², Σv³, Σv⁴, Σxv, Σyv, least and largest v.
    gathered : (pixels,) array of the dtype of `values`
        Object k's values from ``offsets[k]`` on, in raster order.
    """
    sums = np.zeros((count, 8))
    sums[:, 6], sums[:, 7] = np.inf, -np.inf
    gathered = np.empty(offsets[count], values.dtype)
    position = offsets[:count].copy()
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label == 0:
                continue
            k = label - 1
            gathered[position[k]] = values[y, x]
            position[k] += 1
            value = np.float64(values[y, x])
            square = value * value
            sums[k, 0] += value
            sums[k, 1] += square
            sums[k, 2] += value * square
            sums[k, 3] += square * square
            sums[k, 4] += x * value
            sums[k, 5] += y * value
            sums[k, 6] = min(sums[k, 6], value)
            sums[k, 7] = max(sums[k, 7], value)
    return sums, gathered


@_compiled
def modes_and_medians_of_bytes(gathered: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Any:
    """Most frequent value (the least of several) and median of every object, uint8; (count, 2) float64."""
    count = offsets.size - 1
    results = np.full((count, 2), np.nan)
    histogram = np.empty(256, np.int64)
    for k in range(count):
        total = offsets[k + 1] - offsets[k]
        if total == 0:
            continue
        histogram[:] = 0
        for value in gathered[offsets[k] : offsets[k + 1]]:
            histogram[value] += 1
        results[k, 0] = np.argmax(histogram)
        below, level = histogram[0], 0
        while 2 * below <= total and level < 255:
            level += 1
            below += histogram[level]
        results[k, 1] = level
    return results


@_compiled
def modes_and_medians_of_words(gathered: npt.NDArray[np.uint16], offsets: npt.NDArray[np.int64]) -> Any:
    """Most frequent value (the least of several) and median of every object, uint16; (count, 2) float64."""
    count = offsets.size - 1
    results = np.full((count, 2), np.nan)
    histogram, coarse = np.zeros(65536, np.int64), np.zeros(257, np.int64)
    for k in range(count):
        values = gathered[offsets[k] : offsets[k + 1]]
        if values.size == 0:
            continue
        coarse[:] = 0
        for value in values:
            histogram[value] += 1
            coarse[value >> 8] += 1
        mode = values[0]
        for value in values:
            if histogram[value] > histogram[mode] or (histogram[value] == histogram[mode] and value < mode):
                mode = value
        # The median: first its upper byte, then the value.
        level, below = 0, coarse[0]
        while 2 * below <= values.size:
            level += 1
            below += coarse[level]
        below -= coarse[level]
        level *= 256
        below += histogram[level]
        while 2 * below <= values.size:
            level += 1
            below += histogram[level]
        results[k, 0], results[k, 1] = mode, level
        for value in values:
            histogram[value] = 0
    return results


@_compiled
def modes_and_medians_of_floats(gathered: npt.NDArray[np.float32], offsets: npt.NDArray[np.int64]) -> Any:
    """Middle of the fullest of 256 bins from least to largest, and median, per object; (count, 2) float64."""
    count = offsets.size - 1
    results = np.full((count, 2), np.nan)
    histogram = np.empty(256, np.int64)
    for k in range(count):
        values = gathered[offsets[k] : offsets[k + 1]]
        if values.size == 0:
            continue
        low, high = np.float64(values.min()), np.float64(values.max())
        histogram[:] = 0
        scale = 256.0 / (high - low) if high > low else 0.0
        for value in values:
            histogram[min(int(scale * (np.float64(value) - low)), 255)] += 1
        bin_width = (high - low) / 256.0
        results[k, 0] = low + np.argmax(histogram) * bin_width
        if bin_width != 1.0:
            results[k, 0] += bin_width / 2.0
        middle = values.size // 2
        ordered = np.partition(values, middle)
        results[k, 1] = ordered[middle]
        if values.size % 2 == 0:
            results[k, 1] = (ordered[:middle].max() + ordered[middle]) / 2
    return results
