"""Compiled loops of backgrounds; `exoimage.methods.background` alone calls them and checks what it passes.

Sums are single-precision and in the order written here: ImageJ's last bits hang on both.
"""

from __future__ import annotations

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


@njit(cache=True, nogil=True, error_model="numpy")
def most_of_nine(image: Floats, out: Floats) -> float:
    """Largest of 3×3 pixels, along x first; returns by how much the two passes lift a pixel in the mean."""
    height, width = image.shape
    total = 0.0
    for y in range(height):
        source, target = image[y], out[y]
        lift = 0.0
        for x in range(width):
            target[x] = max(max(source[max(x - 1, 0)], source[x]), source[min(x + 1, width - 1)])
            lift += np.float64(target[x] - source[x])
        total += lift
    column = np.empty(height, np.float32)
    for x in range(width):
        column[:] = out[:, x]
        lift = 0.0
        for y in range(height):
            out[y, x] = max(max(column[max(y - 1, 0)], column[y]), column[min(y + 1, height - 1)])
            lift += np.float64(out[y, x] - column[y])
        total += lift
    return float(total / width / height)


@njit(cache=True, nogil=True, error_model="numpy")
def slide_paraboloid(surface: Floats, bend: np.float32) -> None:
    """Replace the surface, in place, by the envelope of parabolas that slide under its rows, columns and diagonals.

    `bend` is the parabola's second-order coefficient; along diagonals a step is longer by root 2.
    """
    height, width = surface.shape
    flat = surface.ravel()
    longest = max(height, width)
    values, following = np.empty(longest, np.float32), np.empty(longest, np.int64)
    _lower_corners(flat, height, width, bend, values, following)
    for direction in (0, 1, 0, 2, 3, 4, 5, 2, 3):
        if direction == 0:
            for y in range(height):
                _slide(flat, y * width, 1, width, bend, values, following)
        elif direction == 1:
            for x in range(width):
                _slide(flat, x, width, height, bend, values, following)
        elif direction == 2:  # down to the right, from the upper border
            for x in range(width - 2):
                _slide(flat, x, width + 1, min(height, width - x), np.float32(2) * bend, values, following)
        elif direction == 3:  # from the left border
            for y in range(1, height - 2):
                _slide(flat, y * width, width + 1, min(width, height - y), np.float32(2) * bend, values, following)
        elif direction == 4:  # down to the left, from the upper border
            for x in range(2, width):
                _slide(flat, x, width - 1, min(height, x + 1), np.float32(2) * bend, values, following)
        else:  # from the right border
            for y in range(height - 2):
                start = y * width + width - 1
                _slide(flat, start, width - 1, min(width, height - y), np.float32(2) * bend, values, following)


@njit(cache=True, nogil=True, error_model="numpy")
def _slide(
    flat: Floats,
    start: int,
    step: int,
    length: int,
    bend: np.float32,
    values: Floats,
    following: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Envelope of one line, in place; returns the touching points next to its two ends.

    From each touching point the next is the one that the flattest parabola reaches. Only points that are not too
    sharply cut off from below can be touched: `following` chains them.
    """
    for n in range(length):
        values[n] = flat[start + n * step]
    lowest = values[:length].min()
    last = 0
    for n in range(1, length - 1):
        if values[n] + values[n] - values[n - 1] - values[n + 1] < np.float32(1.999) * bend:
            following[last] = n
            last = n
    following[last] = length - 1
    following[length - 1] = length
    first_touch, last_touch = length - 1, 0
    here = 0
    while here < length - 1:
        own = values[here]
        flattest, there, end, wait = np.float32(np.inf), 0, length, 0
        n = following[here]
        while n < end:
            run = np.float32(n - here)
            slope = (values[n] - own) / run + bend * run
            if slope < flattest:
                flattest, there, wait = slope, n, -3
            if wait == 0:  # no parabola this flat reaches further
                half = np.float64(np.float32(0.5) * flattest / bend)
                reach = here + int(half + np.sqrt(half * half + np.float64((own - lowest) / bend)) + 1)
                if here < reach < end:
                    end = reach
            n = following[n]
            wait += 1
        if here == 0:
            first_touch = there
        if there == length - 1:
            last_touch = here
        for n in range(here + 1, there):
            run = np.float32(n - here)
            flat[start + n * step] = own + run * (flattest - run * bend)
        here = there
    return first_touch, last_touch


@njit(cache=True, nogil=True, error_model="numpy")
def _ends_without_objects(
    flat: Floats,
    start: int,
    step: int,
    length: int,
    bend: np.float32,
    values: Floats,
    following: npt.NDArray[np.int64],
) -> tuple[np.float32, np.float32]:
    """What the background at a line's ends would be if no object lay on the border.

    A straight line through the touching points next to the ends, lowered by a polynomial of sixth order where the
    middle of the line lies below it (vignetting).
    """
    left, right = _slide(flat, start, step, length, bend, values, following)
    if 4 * left >= length:
        left = 0
    if 4 * (length - 1 - right) >= length:
        right = length - 1
    slope = (values[right] - values[left]) / np.float32(right - left)
    offset = values[left] - slope * np.float32(left)
    middle = np.float32(0.5) * np.float32(right + left)
    droop = np.float32(0)
    for n in range((length + 2) // 3, 2 * length // 3 + 1):
        away = _sixth(n, middle, right - left)
        if values[n] < offset + slope * np.float32(n) + droop * away:
            droop = -(offset + slope * np.float32(n) - values[n]) / away
    before = offset + droop * _sixth(left, middle, right - left) + bend * np.float32(left) * np.float32(left)
    beyond = np.float32(length - 1 - right)
    after = (
        offset + np.float32(length - 1) * slope + droop * _sixth(right, middle, right - left) + bend * beyond * beyond
    )
    return before, after


@njit(cache=True, nogil=True, error_model="numpy")
def _sixth(at: int, middle: np.float32, span: int) -> np.float32:
    away = (np.float32(at) - middle) * np.float32(2) / np.float32(span)
    return away * away * away * away * away * away - np.float32(1)


@njit(cache=True, nogil=True, error_model="numpy")
def _lower_corners(
    flat: Floats, height: int, width: int, bend: np.float32, values: Floats, following: npt.NDArray[np.int64]
) -> None:
    """Lower corners that hold an object to the mean of what the two borders and the diagonal say of them."""
    corners = np.array([0, width - 1, (height - 1) * width, height * width - 1])
    told = np.zeros(4, np.float32)
    for a, b in ((0, 1), (2, 3), (0, 2), (1, 3)):
        length = width if b == a + 1 else height
        step = 1 if b == a + 1 else width
        before, after = _ends_without_objects(flat, corners[a], step, length, bend, values, following)
        told[a] += before
        told[b] += after
    for corner in range(4):
        step = (width if corner < 2 else -width) + (1 if corner % 2 == 0 else -1)
        before, _ = _ends_without_objects(
            flat, corners[corner], step, min(width, height), np.float32(2) * bend, values, following
        )
        told[corner] += before
    for corner in range(4):
        flat[corners[corner]] = min(flat[corners[corner]], told[corner] / np.float32(3))
