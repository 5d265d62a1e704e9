"""Compiled loops that look for burnt-in graphics; `exoimage.methods.burnt_in` alone calls them and checks the input.

Pixels are widened by ``np.int64``: in compiled code ``int`` of a byte is unsigned, and its differences would wrap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True, nogil=True)
def count_steps(
    pixels: npt.NDArray[np.uint8],
    limits: npt.NDArray[np.int32],
    step: int,
    reach: int,
    tile: int,
    counts: npt.NDArray[np.int32],
) -> None:
    """Per ink and tile: pixels of that ink on whose left or upper side the ink ends within `reach`.

    An ink is a corner of the colour cube (bit 0 red, bit 1 green, bit 2 blue). Every fourth pixel is looked at, along
    diagonals, so that no row or column is left out.
    """
    height, width = pixels.shape[:2]
    for y in range(height):
        row = y // tile
        for x in range(y & 3, width, 4):
            red, green, blue = np.int64(pixels[y, x, 0]), np.int64(pixels[y, x, 1]), np.int64(pixels[y, x, 2])
            ink = (red >> 7) | ((green >> 7) << 1) | ((blue >> 7) << 2)
            off = max(min(red, 255 - red), min(green, 255 - green), min(blue, 255 - blue))
            if off > limits[ink]:
                continue
            beyond: Any = 0
            for side in range(2):
                yy, xx = (y, x - reach) if side == 0 else (y - reach, x)
                if yy >= 0 and xx >= 0:
                    beyond = max(
                        beyond,
                        abs(np.int64(pixels[yy, xx, 0]) - 255 * (ink & 1)),
                        abs(np.int64(pixels[yy, xx, 1]) - 255 * ((ink >> 1) & 1)),
                        abs(np.int64(pixels[yy, xx, 2]) - 255 * (ink >> 2)),
                    )
            if beyond >= off + step:
                counts[ink, row, x // tile] += 1


@njit(cache=True, nogil=True)
def stack_runs(
    distance: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.uint8],
    limit: int,
    shortest: int,
    slack: int,
    found: npt.NDArray[np.int32],
) -> int:
    """Stacks (top, bottom, left, right; ends excluded) of horizontal runs that lie on each other with equal ends.

    A run holds pixels of the mask within `limit` of the ink. Returns how many stacks there are; those that `found` has
    no room for are dropped.
    """
    height, width = mask.shape
    count = 0
    above = np.empty(width // 2 + 1, np.int32)
    here = np.empty(width // 2 + 1, np.int32)
    above_count = 0
    for y in range(height):
        here_count = 0
        first = 0
        x = 0
        while x < width:
            if mask[y, x] == 0 or distance[y, x] > limit:
                x += 1
                continue
            start = x
            while x < width and mask[y, x] != 0 and distance[y, x] <= limit:
                x += 1
            if x - start < shortest:
                continue
            while first < above_count and found[above[first], 2] < start - slack:
                first += 1
            stack = -1
            meets = first < above_count and found[above[first], 2] <= start + slack
            if meets and abs(found[above[first], 3] - x) <= slack:
                stack = above[first]
                found[stack, 1] = y + 1
            if stack < 0:
                if count == found.shape[0]:
                    return count
                stack = count
                found[stack, 0], found[stack, 1], found[stack, 2], found[stack, 3] = y, y + 1, start, x
                count += 1
            here[here_count] = stack
            here_count += 1
        above, here = here, above
        above_count = here_count
    return count


@njit(cache=True, nogil=True)
def sides_that_end(
    distance: npt.NDArray[np.uint8],
    stacks: npt.NDArray[np.int32],
    step: int,
    reach: int,
    shares: npt.NDArray[np.float32],
) -> None:
    """Per stack the smaller share, of its upper and its lower side, from where the ink ends within `reach` px."""
    height = distance.shape[0]
    for k in range(stacks.shape[0]):
        top, bottom, left, right = stacks[k]
        middle = (top + bottom) // 2
        upper = lower = 0
        for x in range(left, right):
            here = np.int64(distance[middle, x]) + step
            for y in range(max(0, top - reach), top):
                if distance[y, x] >= here:
                    upper += 1
                    break
            for y in range(bottom, min(height, bottom + reach)):
                if distance[y, x] >= here:
                    lower += 1
                    break
        shares[k] = min(upper, lower) / (right - left)


@njit(cache=True, nogil=True)
def measure_outlines(
    labels: npt.NDArray[np.int32],
    distance: npt.NDArray[np.uint8],
    perimeter: npt.NDArray[np.int32],
    nearest: npt.NDArray[np.uint8],
    rise: npt.NDArray[np.float32],
    sharpness: npt.NDArray[np.float32],
) -> None:
    """Per label: pixel sides on its outline, smallest distance to the ink, and how the distance rises at the outline.

    `rise` is the mean over the outline of the rise over eight pixels, `sharpness` the share of it that lies between
    the two pixels that touch there.
    """
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label == 0:
                continue
            here: Any = np.int64(distance[y, x])
            nearest[label] = min(nearest[label], distance[y, x])
            for side in range(4):
                dy = (side == 0) - (side == 1)
                dx = (side == 2) - (side == 3)
                if not (0 <= y + dy < height and 0 <= x + dx < width):
                    perimeter[label] += 1
                    continue
                if labels[y + dy, x + dx] == label:
                    continue
                perimeter[label] += 1
                beside: Any = np.int64(distance[y + dy, x + dx])
                low, high = here, beside
                for k in range(1, 4):
                    yy, xx = y - k * dy, x - k * dx
                    if 0 <= yy < height and 0 <= xx < width:
                        low = min(low, np.int64(distance[yy, xx]))
                    yy, xx = y + k * dy, x + k * dx
                    if 0 <= yy < height and 0 <= xx < width:
                        high = max(high, np.int64(distance[yy, xx]))
                rise[label] += high - low
                sharpness[label] += max(0, beside - here) / max(1, high - low)
    for label in range(1, perimeter.shape[0]):
        rise[label] /= max(1, perimeter[label])
        sharpness[label] /= max(1, perimeter[label])


@njit(cache=True, nogil=True)
def link_in_lines(boxes: npt.NDArray[np.int32], gap: float, links: npt.NDArray[np.int32]) -> int:
    """Pairs of parts that could be neighbours in a line of text; returns how many were written to `links`.

    `boxes` holds (top, bottom, left, right) sorted by left edge. Two are linked if the space between them is below
    `gap` times the taller one's height, the heights are alike, and tops, bottoms or middles are level.
    """
    count = 0
    tallest = 0
    for k in range(boxes.shape[0]):
        tallest = max(tallest, boxes[k, 1] - boxes[k, 0])
    for i in range(boxes.shape[0]):
        for j in range(i + 1, boxes.shape[0]):
            space = boxes[j, 2] - boxes[i, 3]
            if space > gap * tallest:
                break
            taller = max(boxes[i, 1] - boxes[i, 0], boxes[j, 1] - boxes[j, 0])
            lower = min(boxes[i, 1] - boxes[i, 0], boxes[j, 1] - boxes[j, 0])
            if not -0.4 * taller < space <= gap * taller or 2.2 * lower < taller:
                continue
            level = 1.0 + 0.12 * taller
            top, bottom = boxes[j, 0] - boxes[i, 0], boxes[j, 1] - boxes[i, 1]
            if (abs(top) <= level or abs(bottom) <= level or abs(top + bottom) <= level) and count < links.shape[0]:
                links[count, 0], links[count, 1] = i, j
                count += 1
    return count


@njit(cache=True, nogil=True)
def flat_lines(pixels: npt.NDArray[np.uint8], low: int, high: int, tolerance: int, flat: npt.NDArray[np.bool_]) -> None:
    """Rows in which all but `tolerance` pixels have every channel within low … high."""
    height, width = pixels.shape[:2]
    for y in range(height):
        misses = 0
        for x in range(width):
            least = min(pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2])
            most = max(pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2])
            if least < low or most > high:
                misses += 1
                if misses > tolerance:
                    break
        flat[y] = misses <= tolerance
