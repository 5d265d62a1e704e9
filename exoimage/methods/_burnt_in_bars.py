"""Straight bars along rows or columns: scale bars, their ticks, frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from exoimage.methods import _kernels_burnt_in as kernels
from exoimage.methods._burnt_in_ink import BLACK, FADED, REACH, STEP, WHITE, Box, InkField, padded, quantiles

SHORTEST_BAR = 20
SHORTEST_LINE = 32
LONG_BAR = 40
THICKEST_BAR = 32
MOST_STACKS = 16384
EDGE = 5
"""Pixels looked at beyond a bar's box."""


def bars(field: InkField) -> list[Box]:
    """Straight bars along rows or columns, as boxes in the window."""
    flat = [box for box in _stacks(field) if _is_bar(field, box)]
    turned = field.turned()
    upright = [
        (left, right, top, bottom)
        for top, bottom, left, right in _stacks(turned)
        if _is_bar(turned, (top, bottom, left, right))
    ]
    return [box for box in flat + upright if _stands_alone(field, box)]


def _stands_alone(field: InkField, bar: Box) -> bool:
    """Not the stem of a letter or the edge of a blob: little of its connected part lies beyond it, or it is long."""
    _, long, _, along, across = _part_around(field, bar)
    return long >= LONG_BAR or (along <= 1.3 * long and across <= 0.6 * long)


def _part_around(field: InkField, bar: Box) -> tuple[int, int, int, int, int]:
    """The connected part that a bar belongs to; length and thickness of the bar and, as it lies, of the part."""
    top, bottom, left, right = bar
    part = int(field.parts.labels[(top + bottom) // 2, (left + right) // 2])
    high, wide = int(field.parts.heights[part]), int(field.parts.widths[part])
    if right - left > bottom - top:
        return part, right - left, bottom - top, wide, high
    return part, bottom - top, right - left, high, wide


def bar_with_ticks(field: InkField, bar: Box) -> int:
    """The part that a bar forms with the ticks at its ends; 0 where it has run together with something else."""
    part, long, thick, along, across = _part_around(field, bar)
    return part if along <= long + 2 * thick + 8 and across <= max(0.4 * long, 8 * thick) else 0


def _stacks(field: InkField) -> list[Box]:
    table = np.zeros((MOST_STACKS, 4), np.int32)
    limit = {BLACK: field.limit, WHITE: 24}.get(field.ink, field.limit + FADED)
    count = kernels.stack_runs(field.distance, field.mask, limit, SHORTEST_BAR, 2, table)
    table = table[:count]
    thick, long = table[:, 1] - table[:, 0], table[:, 3] - table[:, 2]
    slim = (thick <= THICKEST_BAR) & (long >= 4 * thick) & ((thick > 2) | (long >= SHORTEST_LINE))
    inside = (table[:, 2] + field.left > 1) & (table[:, 3] + field.left < field.picture[1] - 1)
    table = np.ascontiguousarray(table[slim & inside])
    shares = np.zeros(len(table), np.float32)
    kernels.sides_that_end(field.distance, table, STEP, REACH, shares)
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in table[shares >= 0.6]]


def _is_bar(field: InkField, box: Box) -> bool:
    """Of one tone, with straight and sharp sides and ends."""
    top, bottom, left, right = box
    middle = (top + bottom) // 2
    low, tone, high = quantiles(field.distance[middle, left + 1 : right - 1], 0.1, 0.5, 0.9)
    if high - low > 32:
        return False
    inner, pads = padded(box, EDGE, field.distance.shape)
    around = np.pad(field.distance[inner].astype(np.int16) - np.int16(tone), pads, mode="edge")
    sides = around[:, EDGE + 3 : -EDGE - 3]
    half = EDGE + (bottom - top) // 2
    thin = bottom - top <= 3
    # The end of a thin line must be free above and below too: else it is the piece of a curve that lies level.
    ends = around[EDGE - 2 * thin : (2 * thin - EDGE) or None].T
    return (
        _is_straight(sides[half::-1])
        and _is_straight(sides[half:])
        and _ends_there(ends[: EDGE - 2], thin)
        and _ends_there(ends[2 - EDGE :], thin)
    )


def _is_straight(outward: npt.NDArray[np.int16]) -> bool:
    """Whether columns that begin inside a bar leave it together, within 3 px."""
    return any(_leave_together(outward > level, outward) for level in (STEP // 3, STEP // 2, STEP))


def _leave_together(outside: npt.NDArray[np.bool_], outward: npt.NDArray[np.int16]) -> bool:
    reach = np.where(outside.any(axis=0), outside.argmax(axis=0), len(outward))
    edge = int(np.bincount(reach).argmax())
    if edge == 0 or edge + 2 >= len(outward) or float(np.mean(reach == edge)) < 0.7:
        return False
    # Text or a nodule may touch a bar's side; where the bar itself is thinner it is a lens, not a bar.
    if float(np.mean(reach < edge)) > 0.12:
        return False
    return float(np.mean(outward[edge : edge + 3].max(axis=0) >= STEP)) >= 0.6


def _ends_there(beyond: npt.NDArray[np.int16], thin: bool) -> bool:
    return float(np.mean(beyond.max(axis=0) >= STEP // 2)) >= (1.0 if thin else 0.6)
