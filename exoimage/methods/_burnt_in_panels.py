"""Composite figures: panels with flat gutters between them, cut apart along rows and columns in turn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_burnt_in as kernels
from exoimage.methods._burnt_in_ink import Box, Bytes

GUTTERS = ((223, 255), (0, 32))
"""Lowest and highest channel of a white and of a black gutter near its edges, where JPEG rings."""

PURE = 6
"""How far from white or black a gutter is in the middle."""

SMALLEST_PANEL = 32
WIDEST_MARGIN = 0.15
"""Share of the page; a wider piece without straight edges is taken for a panel on the page's own colour and kept."""

FULL_EDGE = 0.4
"""Share of a panel's edge that differs from the gutter at once; a specimen begins little by little."""

DEEPEST = 4


def gutters(pixels: Bytes) -> list[Box]:
    """Gutters, margins and the letters in them, of a composite figure; nothing for any other picture.

    Parameters
    ----------
    pixels : (y, x, 3) uint8
    """
    height, width = pixels.shape[:2]
    for low, high in GUTTERS:
        found = _cut(pixels, (0, height, 0, width), low, high, DEEPEST)
        if found:
            return found
    return []


def _cut(pixels: Bytes, box: Box, low: int, high: int, depth: int) -> list[Box]:
    top, bottom, left, right = box
    if depth == 0 or min(bottom - top, right - left) < 2 * SMALLEST_PANEL:
        return []
    window = pixels[top:bottom, left:right]
    for across in (False, True):
        lines = window.transpose(1, 0, 2) if across else window
        pieces = _pieces(lines, low, high)
        if sum(is_panel for _, _, is_panel in pieces) < 2:
            continue
        found: list[Box] = []
        for start, stop, is_panel in pieces:
            piece = (top, bottom, left + start, left + stop) if across else (top + start, top + stop, left, right)
            if is_panel:
                found += _cut(pixels, piece, low, high, depth - 1)
            elif stop - start <= WIDEST_MARGIN * len(lines):
                found.append(piece)
        return found
    return []


def _pieces(lines: Bytes, low: int, high: int) -> list[tuple[int, int, bool]]:
    """Start, stop and whether it is a panel, of flat stretches and what lies between; nothing if there are none."""
    flat = np.zeros(len(lines), np.bool_)
    kernels.flat_lines(lines, low, high, lines.shape[1] // 100, flat)
    for start, stop in _runs(flat):
        flat[start:stop] &= _is_pure(lines[(start + stop) // 2], low)
    if not flat.any():
        return []
    return [
        (start, stop, not flat[start] and _is_panel(lines, start, stop, low, high))
        for start, stop in pairwise([0, *(int(end) for end in np.flatnonzero(np.diff(flat)) + 1), len(lines)])
    ]


def _runs(flat: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of the stretches that are flat.

    Examples
    --------
    >>> _runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    ends = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    return [(int(start), int(stop)) for start, stop in ends.reshape(-1, 2)]


def _is_pure(line: npt.NDArray[np.uint8], low: int) -> bool:
    """Whether a line in the middle of a gutter is white, or black where `low` is 0."""
    return bool((np.abs(np.median(line, axis=0) - (255 if low else 0)) <= PURE).all())


def _is_panel(lines: Bytes, start: int, stop: int, low: int, high: int) -> bool:
    """Large, and bounded by straight edges wherever it does not end with the picture."""
    if stop - start < SMALLEST_PANEL:
        return False
    edges = [row for row, inner in ((start + 1, start > 0), (stop - 2, stop < len(lines))) if inner]
    return all(_fill(lines[row], low, high) >= FULL_EDGE for row in edges)


def _fill(line: npt.NDArray[np.uint8], low: int, high: int) -> float:
    return float(np.mean((line < low).any(axis=1) | (line > high).any(axis=1)))
